"""Two people at the same moment: exactly one wins, the other is told why."""

import threading

import pytest

from console.lib.errors import DomainError
from instances.models import Instance, OperationRecord, Plan, ProvisioningSpec, Task
from tests.factories import (
    InstanceFactory,
    UserFactory,
)
from tests.instances.planning import (
    approved,
    asked_of,
    constrain,
    portfolio_of,
    previewed,
)
from tests.waiting import beside, over

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gated(offered, alice):
    constrain(offered, "carol", "alice")
    return offered


def at_once(*steps):
    """Take these steps at the same moment; give what each came to, refusals as texts."""
    barrier, results = threading.Barrier(len(steps)), [None] * len(steps)

    def take(number, step):
        try:
            step(barrier)
            results[number] = "done"
        except DomainError as refusal:
            results[number] = str(refusal)

    for thread in [beside(take, *each) for each in enumerate(steps)]:
        over(thread)
    return results


def step(pk, verb, by, **arguments):
    """One person who has the plan open and presses a button."""

    def press(barrier):
        mine = Plan.objects.get(pk=pk)
        barrier.wait()
        getattr(mine, verb)(by=by, **arguments)

    return press


def one_wins(results):
    assert sorted(result == "done" for result in results) == [False, True]
    assert next(text for text in results if text != "done")


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("verbs", [("approve", "approve"), ("approve", "reject")])
def test_two_decisions_at_once_make_one(plan, carol, alice, verbs, attempt):
    one_wins(at_once(step(plan.pk, verbs[0], carol), step(plan.pk, verbs[1], alice)))
    decided = OperationRecord.objects.exclude(action="Submit")
    assert decided.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_approved_and_canceled_at_once_ends_canceled_or_refuses_the_approval(
    plan, carol, bob, attempt
):
    """An approval that is first does not stop the cancel; one that is second is refused."""
    results = at_once(step(plan.pk, "approve", carol), step(plan.pk, "cancel", bob))
    assert results[1] == "done"
    assert Plan.objects.get().status == "Canceled"
    given = OperationRecord.objects.filter(action="Approve").count()
    assert given == (results[0] == "done")


@pytest.mark.parametrize("attempt", range(3))
def test_executed_twice_at_once_makes_one_task(plan, carol, bob, attempt):
    approved(plan, carol)
    one_wins(at_once(step(plan.pk, "execute", bob), step(plan.pk, "execute", bob)))
    assert Task.objects.count() == Instance.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_executed_and_canceled_at_once_is_one_of_them(plan, carol, bob, attempt):
    approved(plan, carol)
    one_wins(at_once(step(plan.pk, "execute", bob), step(plan.pk, "cancel", bob)))
    assert Task.objects.exists() == (Plan.objects.get().status != "Canceled")


@pytest.mark.parametrize("attempt", range(3))
def test_executed_while_another_changes_the_instance_runs_one_of_them(
    bob, carol, gated, bobs_instance, attempt
):
    first = asked_of(bobs_instance, bob)
    second = asked_of(bobs_instance, bob, values={"name": "three"})
    for plan in (first, second):
        approved(previewed(plan), carol)
    one_wins(at_once(step(first.pk, "execute", bob), step(second.pk, "execute", bob)))
    assert Task.objects.exclude(plan=None).count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_approved_while_it_is_previewed_again_is_never_approved_unseen(
    plan, carol, bob, attempt
):
    results = at_once(
        step(plan.pk, "approve", carol), step(plan.pk, "preview_again", bob)
    )
    assert results[1] == "done"
    assert Plan.objects.get().status == "PreviewInProgress"


@pytest.mark.parametrize("attempt", range(3))
def test_submitted_while_its_preview_ends_asks_for_the_approval_once(
    bob, gated, attempt
):
    draft = Plan.objects.draft_for(
        Task.Kind.LAUNCH,
        ProvisioningSpec(gated, portfolio_of(gated), {}),
        by=bob,
        region=InstanceFactory(owner=UserFactory()).region,
        instance_name="prod",
    )

    def end(barrier):
        barrier.wait()
        previewed(draft)

    at_once(step(draft.pk, "submit", bob, name="please"), end)
    assert Plan.objects.get().status == "ApplicationInProgress"
    assert OperationRecord.objects.count() == 1
