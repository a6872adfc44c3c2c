"""A plan as its page shows it: what it asks for, what it does, who has said what, what is next."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse
from django.utils.translation import gettext as _

from console.lib.errors import Text
from console.lib.users import User
from instances.models import OperationRecord, Plan, Task
from instances.presenters.parameter_diff import Comparison
from instances.presenters.plan_preview import Preview

RUNNING = (Plan.Status.PREVIEW_IN_PROGRESS, Plan.Status.EXECUTE_IN_PROGRESS)
EDIT_PAGES = {
    Task.Kind.LAUNCH.value: "instances:launch",
    Task.Kind.UPDATE.value: "instances:update",
}


@dataclass(frozen=True)
class Step:
    """One line of the approval's history. `state` is done, now, failed or next."""

    state: str
    label: Text
    record: OperationRecord | None = None


class PlanPage:
    """One plan as one person sees it."""

    def __init__(self, plan: Plan, user: User) -> None:
        self.plan, self.user = plan, user
        self.mine = plan.owner_id == user.pk

    @property
    def running(self) -> bool:
        """Whether the page has to look again by itself."""
        return self.plan.status in RUNNING

    @property
    def seen(self) -> str:
        """What a polling page knows already."""
        return f"{self.plan.status}.{self.plan.state}.{self.plan.stage}"

    @cached_property
    def preview(self) -> Preview:
        return Preview(self.plan, edit_url=self.edit_url)

    @cached_property
    def changes(self) -> list[Text]:
        """What has changed since the preview, of a plan that could still be executed."""
        return self.plan.out_of_date_reasons()

    @cached_property
    def needs_approval(self) -> bool:
        return bool(self.plan.approvers) or self.plan.needs_approval

    @cached_property
    def comparison(self) -> Comparison:
        """The spec; for an update that is still to come, beside what is there now."""
        plan = self.plan
        compared = plan.operation == Task.Kind.UPDATE and plan.status in Plan.OPEN
        if compared and plan.instance is not None:
            return Comparison.of_update(plan, plan.instance)
        return Comparison.of_launch(plan)

    @cached_property
    def task(self) -> Task | None:
        if not self.plan.executed:
            return None
        return Task.objects.filter(plan=self.plan).first()

    @cached_property
    def records(self) -> list[OperationRecord]:
        return list(self.plan.records.select_related("operator"))

    @property
    def steps(self) -> list[Step]:
        return [*self._history(), *self._next()]

    def _history(self) -> Iterator[Step]:
        action = OperationRecord.Action
        words = {
            action.SUBMIT: ("done", _("Submitted for approval by %(name)s")),
            action.APPROVE: ("done", _("Approved by %(name)s")),
            action.REJECT: ("failed", _("Rejected by %(name)s")),
            action.CANCEL: ("failed", _("Canceled by %(name)s")),
        }
        for record in self.records:
            state, label = words[action(record.action)]
            # Said about an earlier preview: it holds no longer.
            past = record.action != action.CANCEL and record.digest != self.plan.digest
            name = label % {"name": record.operator.display_name}
            if past:
                name = _("%(step)s (an earlier preview)") % {"step": name}
            yield Step("next" if past else state, name, record)

    def _next(self) -> Iterator[Step]:
        if self.plan.status == Plan.Status.APPLICATION_IN_PROGRESS:
            names = ", ".join(each.name for each in self.plan.approvers)
            yield Step(
                "now",
                _("Waiting for approval by one of: %(names)s") % {"names": names}
                if names
                else _(
                    "No approver is assigned. Preview the plan again, or cancel it."
                ),
            )

    # What the person may do now

    @cached_property
    def may_decide(self) -> bool:
        waits = self.plan.status == Plan.Status.APPLICATION_IN_PROGRESS
        return waits and self.plan.approval.may_decide(self.user)

    @property
    def may_execute(self) -> bool:
        status = self.plan.status
        ready = status == Plan.Status.APPLICATION_APPROVED or (
            status == Plan.Status.PREVIEW_SUCCESS and not self.needs_approval
        )
        return self.mine and ready and not self.changes

    @property
    def may_edit(self) -> bool:
        return bool(self.edit_url)

    @property
    def edit_url(self) -> str:
        """The wizard's first step, filled in from the plan; empty when it cannot be edited."""
        plan, page = self.plan, EDIT_PAGES.get(self.plan.operation)
        if page is None or not self.mine or plan.status not in Plan.EDITABLE:
            return ""
        pk = plan.instance_id or plan.version.product_id
        return f"{reverse(page, args=[pk])}?plan={plan.pk}"

    @property
    def may_repeat(self) -> bool:
        return self.mine and self.plan.status in Plan.REPEATABLE

    @property
    def may_cancel(self) -> bool:
        return self.mine and self.plan.status in Plan.OPEN

    @property
    def may_delete(self) -> bool:
        return self.mine and self.plan.status not in Plan.BUSY

    @property
    def destroys(self) -> bool:
        """Whether executing it destroys anything: then it is asked about once more."""
        counts = self.preview.counts
        terminates = self.plan.operation == Task.Kind.TERMINATE
        return terminates or bool(counts["Replace"] + counts["Remove"])
