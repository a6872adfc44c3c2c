"""Unusual values in all parameters of all operations: no 5xx, and errors that the SDK can read."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.api.endpoint import OPERATIONS
from console.lib.operation import Parameter
from tests.factories import (
    InstanceFactory,
    PlanFactory,
    PortfolioFactory,
    TaskFactory,
    VersionFactory,
)
from tests.signing import Caller

EVIL = [
    "",
    " ",
    "0",
    "-1",
    "1" * 5000,
    str(2**63),
    str(2**70),
    "1e400",
    "NaN",
    "null",
    "[" * 3000,
    '{"a": ' * 3000,
    "{}",
    "[]",
    '{"Rules": [{"AllowedPattern": "("}]}',
    '{"StackRegions": [[]]}',
    '{"Key": "\\ud800"}',
    "%00",
    "\x01\x7f",
    "\u202e\ufeff",
    "\U0001f600" * 200,
    "x" * 70_000,
    "../../etc/passwd",
    "'; DROP TABLE catalog_product; --",
    "pp-bp1' OR '1'='1",
    "oss://a/b/c",
    "True",
    "false",
    "Workspace: {main.tf: 'variable \"x\" {'}",
    "&a [*a, *a]",
]


@pytest.fixture
def world(admin, settings):
    """An administrator, and one object of every type that an ID can name."""
    settings.API_RATE = 0
    version = VersionFactory()
    portfolio = PortfolioFactory(products=[version.product], users=[admin])
    instance = InstanceFactory(version=version, owner=admin, portfolio=portfolio)
    TaskFactory(instance=instance, ended=True)
    plan = PlanFactory(owner=admin, version=version, draft=False)
    known = [version.product, version, portfolio, instance, plan, instance.region]
    return Caller.of(admin), [each.pk for each in known] + [version.template.url]


def texts(parameter: Parameter, known):
    guesses = [*EVIL, *known, *parameter.choices, parameter.example or "a"]
    return st.one_of(
        st.sampled_from(guesses),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    )


def sent(parameter: Parameter, known):
    """Return the parameter as a list, as a valid text, or as any text."""
    if parameter.kind != "list":
        return texts(parameter, known)
    entry = st.fixed_dictionaries(
        {}, optional={each.name: texts(each, known) for each in parameter.fields}
    )
    return st.one_of(st.lists(entry, max_size=3), texts(parameter, known))


@pytest.mark.parametrize("action", sorted(OPERATIONS))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_parameter_value_causes_a_server_error(world, action, data):
    caller, known = world
    params = data.draw(
        st.fixed_dictionaries(
            {}, optional={p.name: sent(p, known) for p in OPERATIONS[action].parameters}
        )
    )
    response = caller.send(action, params)
    answer = response.json()
    assert response.status_code < 500, answer
    if response.status_code >= 400:
        assert {"RequestId", "HostId", "Code", "Message", "Recommend"} == set(answer)


@pytest.mark.parametrize("action", sorted(OPERATIONS))
def test_the_example_of_the_reference_is_accepted(world, action):
    caller, _known = world
    params = {
        each.name: each.sample or "a"
        for each in OPERATIONS[action].parameters
        if each.required
    }
    response = caller.send(action, params)
    assert response.status_code < 500
    assert not response.json().get("Code", "").startswith("Missing")
