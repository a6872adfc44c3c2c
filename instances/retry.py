"""Trying a failed task again, when what it asked for is still allowed."""

from django.utils.translation import gettext as _

from console.lib.errors import Conflict, DomainError
from console.lib.users import User
from instances.launch_validation import check_still_offered
from instances.models import Instance, Task, Wish


def retry(instance: Instance, *, by: User, task: str) -> Task:
    """Ask once more for what the failed task of this ID asked for.

    Raises a DomainError with the reason when that is no longer possible or allowed.
    """
    failed = instance.failed_task
    if failed is not None and failed.pk == task:
        _check(instance, failed, by)
    return instance.retry(by=by, task=task)


def _check(instance: Instance, failed: Task, by: User) -> None:
    """Refuse a wish that could not be made anew: grant, version, option or rule have changed."""
    if failed.kind == Task.Kind.TERMINATE:
        return
    try:
        if failed.portfolio is None:
            raise Conflict(_("Its launch option has been deleted."))
        check_still_offered(instance, Wish.of(failed), by=by)
    except DomainError as refusal:
        raise Conflict(
            _("The same again is no longer possible. %(why)s") % {"why": refusal},
            code=refusal.code,
            hint=_("Choose Edit and retry, or ask an administrator."),
        ) from refusal
