"""Two people at the same moment, over and over: exactly one wins, and all agree on who.

RACES=500 makes 500 rounds of each pair, which is 2,500 races; the default is a few.
"""

import os
import threading
from collections import Counter
from functools import partial

import pytest

from console.lib.audit import AuditEntry
from console.lib.errors import DomainError
from instances.models import Instance, Plan, ProvisioningSpec, Task
from tests.factories import launchable
from tests.instances.planning import approved, asked, constrain, previewed
from tests.waiting import PATIENCE_SECONDS, beside, over

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = int(os.environ.get("RACES", "4"))


class Pair:
    """Two threads that live as long as the test, and meet at a barrier for each round."""

    def __init__(self):
        self.barrier = threading.Barrier(3, timeout=PATIENCE_SECONDS)
        self.steps, self.results = [None, None], [None, None]
        self.threads = [beside(partial(self._run, number)) for number in (0, 1)]

    def _run(self, number):
        while True:
            self.barrier.wait()
            if self.steps[number] is None:
                return
            try:
                self.steps[number]()
                self.results[number] = "done"
            except DomainError as refusal:
                self.results[number] = str(refusal)
            except Exception as error:
                self.results[number] = repr(error)
            self.barrier.wait()

    def race(self, *steps):
        """Take both steps at once; what each came to, refusals as texts."""
        self.steps = list(steps)
        self.barrier.wait()
        self.barrier.wait()
        return self.results

    def end(self):
        self.steps = [None, None]
        self.barrier.wait()
        for thread in self.threads:
            over(thread)


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.end()


def rested(instance):
    """The instance as if nothing had ever been asked of it."""
    Instance.objects.filter(pk=instance.pk).update(
        status="Available", last_task=None, last_successful_task=None
    )
    Task.objects.all().delete()
    one, other = (Instance.objects.get(pk=instance.pk) for _ in "12")
    return one, other


def one_wins(results):
    assert Counter(result == "done" for result in results) == {True: 1, False: 1}, (
        results
    )
    return next(text for text in results if text != "done")


def update(instance, by, name):
    spec = ProvisioningSpec(instance.version, None, {"name": name})
    return partial(instance.update_to, spec, by=by)


def test_two_updates(pair, instance, alice, bob):
    for _ in range(ROUNDS):
        one, other = rested(instance)
        refusal = one_wins(pair.race(update(one, alice, "a"), update(other, bob, "b")))
        assert Task.objects.get().pk in refusal
        assert Instance.objects.get().last_task == Task.objects.get()


def test_an_update_and_a_termination(pair, instance, alice, bob):
    for _ in range(ROUNDS):
        one, other = rested(instance)
        refusal = one_wins(
            pair.race(update(one, alice, "a"), partial(other.terminate, by=bob))
        )
        assert Task.objects.get().pk in refusal


def test_an_update_and_a_transfer(pair, instance, alice, bob):
    """They do not exclude each other: one task and one owner, each told once."""
    for number in range(ROUNDS):
        Instance.objects.update(owner=alice)
        one, other = rested(instance)
        results = pair.race(
            update(one, alice, str(number)), partial(other.transfer, to=bob, by=alice)
        )
        assert results == ["done", "done"]
        found = Instance.objects.get()
        assert (found.owner, found.status) == (bob, "UnderChange")
        assert found.last_task == Task.objects.get()
        told = AuditEntry.objects.filter(action="TransferInstance")
        assert told.count() == number + 1


def test_two_transfers(pair, instance, alice, bob, carol):
    for _ in range(ROUNDS):
        Instance.objects.update(owner=alice)
        one, other = rested(instance)
        results = pair.race(
            partial(one.transfer, to=bob, by=alice),
            partial(other.transfer, to=carol, by=alice),
        )
        # The second may find the first's owner already: then it is a transfer from there.
        assert "done" in results
        winner = Instance.objects.get().owner
        assert winner in (bob, carol)
        last = AuditEntry.objects.filter(action="TransferInstance").latest("sequence")
        assert last.after["owner"] == f"user/{winner.username}"


def test_an_approval_and_a_cancellation(pair, alice, bob, carol):
    """The plan ends canceled: the approval came before it, or is refused."""
    version = launchable(bob)
    constrain(version, "carol", "alice")
    for _ in range(ROUNDS):
        plan = previewed(asked(bob, version))
        one, other = Plan.objects.get(pk=plan.pk), Plan.objects.get(pk=plan.pk)
        results = pair.race(
            partial(one.approve, by=carol), partial(other.cancel, by=bob)
        )
        assert results[1] == "done"
        assert Plan.objects.get(pk=plan.pk).status == "Canceled"
        assert not Task.objects.exists()


def test_an_execution_and_a_cancellation(pair, alice, bob, carol):
    version = launchable(bob)
    constrain(version, "carol", "alice")
    for number in range(ROUNDS):
        plan = asked(bob, version, instance_name=f"prod-{number}")
        approved(previewed(plan), carol)
        one, other = Plan.objects.get(pk=plan.pk), Plan.objects.get(pk=plan.pk)
        one_wins(pair.race(partial(one.execute, by=bob), partial(other.cancel, by=bob)))
        ran = Task.objects.filter(plan=plan).exists()
        assert ran == (Plan.objects.get(pk=plan.pk).status != "Canceled")
