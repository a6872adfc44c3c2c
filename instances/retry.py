"""Trying a failed task again, when what it asked for is still allowed."""

from django.db import transaction
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, DomainError
from console.lib.users import User
from instances.launch_validation import check_still_offered
from instances.models import Instance, ProvisioningSpec, Task


@transaction.atomic
def retry(instance: Instance, *, by: User, task: str) -> Task:
    """Ask once more for what the failed task of this ID asked for, in a new task.

    A termination is terminated again; a launch or update goes on as an update, from what
    is there by now. Raises ConflictError when that task is not the last one or has not failed,
    while another runs, or when grant, version, launch option or rules no longer allow what
    it asked for; ApprovalRequiredError when it needs an approved plan.
    """
    failed = instance.failed_task
    if failed is None or failed.pk != task:
        raise _nothing_to_retry()
    _check_still_allowed(instance, failed, by)
    try:
        new = _again(instance, failed, by)
    except ConflictError:
        _check_still_last(instance, failed)
        raise
    AuditEntry.objects.record(
        "RetryTask", failed, by=by, after={"task": new.pk, "kind": new.kind}
    )
    return new


def _check_still_allowed(instance: Instance, failed: Task, by: User) -> None:
    """Raise ConflictError when grant, version, launch option or rules have changed since."""
    if failed.kind == Task.Kind.TERMINATE:
        return
    try:
        if failed.portfolio is None:
            raise ConflictError(_("The launch option of this task has been deleted."))
        check_still_offered(instance, ProvisioningSpec.of(failed), by=by)
    except DomainError as refusal:
        raise ConflictError(
            _("This task cannot be retried as it is. %(why)s") % {"why": refusal},
            code=refusal.code,
            hint=_("Choose Edit and retry, or contact an administrator."),
        ) from refusal


def _again(instance: Instance, failed: Task, by: User) -> Task:
    """Queue the new task, unless the failed one is no longer the last."""
    if failed.kind == Task.Kind.TERMINATE:
        return instance.terminate(by=by, after=failed.pk)
    return instance.update_to(ProvisioningSpec.of(failed), by=by, after=failed.pk)


def _check_still_last(instance: Instance, failed: Task) -> None:
    """Raise ConflictError when the instance has gone on, and rests, since it was read."""
    fresh = Instance.objects.get(pk=instance.pk)
    if not fresh.changing and fresh.last_task_id != failed.pk:
        raise _nothing_to_retry()


def _nothing_to_retry() -> ConflictError:
    return ConflictError(
        _(
            "This task cannot be retried because it is not the latest task of the "
            "instance."
        ),
        code="IncorrectStatus.Task",
    )
