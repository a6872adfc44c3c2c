"""What bob asks for and carol approves."""

import pytest

from tests.factories import launchable, launched_instance
from tests.instances.planning import asked, constrain, previewed


@pytest.fixture
def offered(source, bob, carol):
    """A version that bob and carol can launch."""
    return launchable(bob, carol, source=source)


@pytest.fixture
def gated(offered):
    """The same version, where carol has to approve."""
    constrain(offered, "carol")
    return offered


@pytest.fixture
def plan(bob, gated):
    """A launch of bob's that waits for carol."""
    return previewed(asked(bob, gated))


@pytest.fixture
def bobs_instance(bob, offered):
    return launched_instance(bob, offered, parameters={"name": "one"})
