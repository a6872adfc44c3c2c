"""The page of a plan: configuration, preview, approval history and permitted actions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse
from django.utils.translation import gettext as _

from console.lib.errors import Text
from console.lib.users import User
from instances.models import OperationRecord, Plan, Task
from instances.presenters.parameter_diff import ParameterDiff
from instances.presenters.plan_preview import PlanPreview

RUNNING_STATUSES = (Plan.Status.PREVIEW_IN_PROGRESS, Plan.Status.EXECUTE_IN_PROGRESS)
EDIT_PAGES = {
    Task.Kind.LAUNCH.value: "instances:launch",
    Task.Kind.UPDATE.value: "instances:update",
}


@dataclass(frozen=True)
class ApprovalStep:
    """A step of the approval. `state` is done, now, failed or next."""

    state: str
    label: Text
    record: OperationRecord | None = None


class PlanDetail:
    """A plan, and what `user` may do with it."""

    def __init__(self, plan: Plan, user: User) -> None:
        self.plan, self.user = plan, user
        self.is_owner = plan.owner_id == user.pk

    @property
    def running(self) -> bool:
        """Return True if the page has to poll."""
        return self.plan.status in RUNNING_STATUSES

    @property
    def poll_token(self) -> str:
        """Return a text that changes when the page has something new to show."""
        return f"{self.plan.status}.{self.plan.state}.{self.plan.stage}"

    @cached_property
    def preview(self) -> PlanPreview:
        return PlanPreview(self.plan, edit_url=self.edit_url)

    @cached_property
    def out_of_date_reasons(self) -> list[Text]:
        """Return the reasons why the preview of a plan that can be executed is out of date."""
        return self.plan.out_of_date_reasons()

    @cached_property
    def needs_approval(self) -> bool:
        return bool(self.plan.approvers) or self.plan.needs_approval

    @cached_property
    def parameter_diff(self) -> ParameterDiff:
        """Return the spec; of an update that is open, compared with the present configuration."""
        plan = self.plan
        compared = plan.operation == Task.Kind.UPDATE and plan.status in Plan.OPEN
        if compared and plan.instance is not None:
            return ParameterDiff.of_update(plan, plan.instance)
        return ParameterDiff.of_launch(plan)

    @cached_property
    def task(self) -> Task | None:
        if not self.plan.executed:
            return None
        return Task.objects.filter(plan=self.plan).first()

    @cached_property
    def records(self) -> list[OperationRecord]:
        return list(self.plan.records.select_related("operator"))

    @property
    def steps(self) -> list[ApprovalStep]:
        return [*self._past_steps(), *self._pending_steps()]

    def _past_steps(self) -> Iterator[ApprovalStep]:
        action = OperationRecord.Action
        labels = {
            action.SUBMIT: ("done", _("Submitted for approval by %(name)s")),
            action.APPROVE: ("done", _("Approved by %(name)s")),
            action.REJECT: ("failed", _("Rejected by %(name)s")),
            action.CANCEL: ("failed", _("Canceled by %(name)s")),
        }
        for record in self.records:
            state, label = labels[action(record.action)]
            # A decision about an earlier preview is no longer valid.
            outdated = (
                record.action != action.CANCEL and record.digest != self.plan.digest
            )
            name = label % {"name": record.operator.display_name}
            if outdated:
                name = _("%(step)s (an earlier preview)") % {"step": name}
            yield ApprovalStep("next" if outdated else state, name, record)

    def _pending_steps(self) -> Iterator[ApprovalStep]:
        if self.plan.status == Plan.Status.APPLICATION_IN_PROGRESS:
            names = ", ".join(each.name for each in self.plan.approvers)
            yield ApprovalStep(
                "now",
                _("Waiting for approval by one of: %(names)s") % {"names": names}
                if names
                else _(
                    "No approver is assigned. Preview the plan again, or cancel it."
                ),
            )

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
        return self.is_owner and ready and not self.out_of_date_reasons

    @property
    def may_edit(self) -> bool:
        return bool(self.edit_url)

    @property
    def edit_url(self) -> str:
        """Return the URL of the wizard filled in from the plan; empty if it cannot be edited."""
        plan, page = self.plan, EDIT_PAGES.get(self.plan.operation)
        if page is None or not self.is_owner or plan.status not in Plan.EDITABLE:
            return ""
        pk = plan.instance_id or plan.version.product_id
        return f"{reverse(page, args=[pk])}?plan={plan.pk}"

    @property
    def may_repeat(self) -> bool:
        return self.is_owner and self.plan.status in Plan.REPEATABLE

    @property
    def may_cancel(self) -> bool:
        return self.is_owner and self.plan.status in Plan.OPEN

    @property
    def may_delete(self) -> bool:
        return self.is_owner and self.plan.status not in Plan.BUSY

    @property
    def destructive(self) -> bool:
        """Return True if its execution destroys resources, which has to be confirmed."""
        counts = self.preview.counts
        terminates = self.plan.operation == Task.Kind.TERMINATE
        return terminates or bool(counts["Replace"] + counts["Remove"])
