"""Whatever people press in whatever order: no plan ever takes a step that does not exist."""

import random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from console.lib.errors import DomainError
from instances.models import Instance, OperationRecord, Plan, ProvisioningSpec, Task
from tests.factories import PortfolioFactory, UserFactory, VersionFactory
from tests.instances.planning import asked, constrain, portfolio_of, previewed

Status = Plan.Status
# From where each step may be taken, and to where it leads.
STEPS = {
    "preview-ok": {Status.PREVIEW_IN_PROGRESS: "previewed"},
    "preview-failed": {Status.PREVIEW_IN_PROGRESS: Status.PREVIEW_FAILED},
    "approve": {Status.APPLICATION_IN_PROGRESS: Status.APPLICATION_APPROVED},
    "reject": {Status.APPLICATION_IN_PROGRESS: Status.APPLICATION_REJECTED},
    "edit": dict.fromkeys(
        (
            Status.PREVIEW_SUCCESS,
            Status.PREVIEW_FAILED,
            Status.APPLICATION_REJECTED,
            Status.APPLICATION_APPROVED,
        ),
        Status.PREVIEW_IN_PROGRESS,
    ),
    "preview_again": dict.fromkeys(
        (
            Status.PREVIEW_SUCCESS,
            Status.PREVIEW_FAILED,
            Status.APPLICATION_REJECTED,
            Status.APPLICATION_APPROVED,
            Status.APPLICATION_IN_PROGRESS,
        ),
        Status.PREVIEW_IN_PROGRESS,
    ),
    "cancel": dict.fromkeys(
        (
            Status.PREVIEW_IN_PROGRESS,
            Status.PREVIEW_SUCCESS,
            Status.PREVIEW_FAILED,
            Status.APPLICATION_IN_PROGRESS,
            Status.APPLICATION_APPROVED,
            Status.APPLICATION_REJECTED,
        ),
        Status.CANCELED,
    ),
    "execute": {
        Status.APPLICATION_APPROVED: Status.EXECUTE_IN_PROGRESS,
        Status.PREVIEW_SUCCESS: "unless an approval is needed",
    },
    "end": {Status.EXECUTE_IN_PROGRESS: Status.EXECUTE_FAILED},
}
DECISIONS = ("approve", "reject")
STEPS_OF_PEOPLE = (*DECISIONS, "edit", "preview_again", "cancel", "execute")
PEOPLE = ("owner", "approver", "other")


class PlanLife(RuleBasedStateMachine):
    """One plan, its owner, an approver and somebody else, who press what they like."""

    def __init__(self):
        super().__init__()
        self.owner, self.approver, self.other = (UserFactory() for _ in range(3))
        self.version = VersionFactory()
        PortfolioFactory(products=[self.version.product], users=[self.owner])
        self.covered = False
        name = f"prod-{self.owner.pk}"
        self.plan = asked(self.owner, self.version, instance_name=name)
        self.status = Status.PREVIEW_IN_PROGRESS
        self.count = 0

    def expected(self, step, by):
        """The status after a legal step, or None for one that must be refused."""
        owned = by == self.owner
        if step in DECISIONS and (owned or by != self.approver or not self.covered):
            return None
        if step not in DECISIONS and not owned:
            return None
        target = STEPS[step].get(self.status)
        if step == "execute" and self.status == Status.PREVIEW_SUCCESS:
            return None if self.covered else Status.EXECUTE_IN_PROGRESS
        if target == "previewed":
            return (
                Status.APPLICATION_IN_PROGRESS
                if self.covered
                else Status.PREVIEW_SUCCESS
            )
        return target

    def press(self, step, by):
        plan = Plan.objects.get(pk=self.plan.pk)
        if step.startswith("preview-"):
            previewed(plan, ok=step == "preview-ok")
        elif step == "end":
            Task.objects.get(plan=plan).cancel(by=by)
        elif step == "edit":
            self.count += 1
            values = {"name": f"edit {self.count}"}
            spec = ProvisioningSpec(self.version, portfolio_of(self.version), values)
            plan.edit(spec, by=by)
        else:
            getattr(plan, step)(by=by)

    def take(self, step, by):
        target = self.expected(step, by)
        if target is None:
            with pytest.raises(DomainError):
                self.press(step, by)
        else:
            self.press(step, by)
            self.status = target

    @initialize(covered=st.booleans())
    def begin(self, covered):
        if covered:
            self.the_constraint_comes_or_goes()

    @rule(seed=st.integers(0, 2**32))
    def somebody_presses(self, seed):
        """Half of it leads on: at random alone few plans are approved, and fewer run."""
        dice = random.Random(seed)
        anything = dice.choice(STEPS_OF_PEOPLE), getattr(self, dice.choice(PEOPLE))
        likely = self.sensible() if dice.random() < 0.5 else []
        self.take(*(dice.choice(likely) if likely else anything))

    def sensible(self):
        """What leads on from here, but for the cancel that ends it all."""
        people = (self.owner, self.approver)
        steps = [step for step in STEPS if step != "cancel"]
        pairs = [(step, who) for step in steps for who in people]
        return [pair for pair in pairs if self.expected(*pair) is not None]

    @rule()
    def the_constraint_comes_or_goes(self):
        if self.covered:
            portfolio_of(self.version).constraints.all().delete()
        else:
            name = self.approver.get_username()
            constrain(self.version, name, self.owner.get_username())
        self.covered = not self.covered

    @invariant()
    def the_plan_is_where_it_should_be(self):
        assert Plan.objects.get(pk=self.plan.pk).status == self.status

    @invariant()
    def nothing_ran_without_leave(self):
        tasks = Task.objects.filter(plan=self.plan).count()
        assert tasks == (self.status in Plan.EXECUTED)
        assert Instance.objects.filter(owner=self.owner).count() == tasks

    @invariant()
    def one_preview_has_one_decision_and_never_its_owners(self):
        decisions = OperationRecord.objects.filter(
            plan=self.plan, action__in=OperationRecord.DECISIONS
        )
        assert not decisions.filter(operator=self.owner).exists()
        digests = list(decisions.values_list("digest", flat=True))
        assert len(digests) == len(set(digests))


@pytest.mark.django_db
def test_no_plan_takes_a_step_that_does_not_exist():
    run_state_machine_as_test(
        PlanLife,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
@pytest.mark.parametrize("covered", [False, True])
@pytest.mark.parametrize("status", list(Status))
def test_every_step_by_anybody_is_legal_or_refused(status, covered):
    life = PlanLife()
    if covered:
        constrain(life.version, life.approver.get_username())
        life.covered = True
    plan = previewed(life.plan)
    if status == Status.APPLICATION_APPROVED:
        plan.records.create(
            action="Approve", operator=life.approver, digest=plan.digest
        )
    Plan.objects.filter(pk=plan.pk).update(status=status)
    for step in STEPS_OF_PEOPLE:
        for who in PEOPLE:
            here = transaction.savepoint()
            life.status = status
            life.take(step, getattr(life, who))
            assert Plan.objects.get().status == life.status, (step, who)
            transaction.savepoint_rollback(here)
