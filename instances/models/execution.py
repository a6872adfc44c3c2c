"""The execution of a plan: what was previewed and approved, exactly, or nothing."""

from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.utils.translation import gettext as _

from catalog.effective_constraints import ApprovalRequired
from console.lib.errors import ConflictError, DomainError, NotFoundError, Text
from console.lib.users import User
from instances.models.decision import Decided, Stale
from instances.models.instance import Instance
from instances.models.notice import Notice
from instances.models.task import Task

if TYPE_CHECKING:
    from instances.models.plan import Plan


class AlreadyExecuted(Exception):
    """Somebody else pressed at the same moment and was faster."""


class Executable(Decided):
    """Abstract: a plan that its owner runs, once."""

    class Meta:
        abstract = True

    @property
    def executed(self) -> bool:
        return self.status in self.EXECUTED

    def moved_since(self) -> list[Text]:
        """Say what keeps a plan that could be executed from running as it was previewed.

        A draft is computed anew where it must be: only another's change makes it stale.
        """
        if self.draft:
            return [self._overtaken_by()] if self.overtaken else []
        ready = set(self.REPEATABLE) - {
            self.Status.PREVIEW_FAILED,
            self.Status.APPLICATION_REJECTED,
        }
        return self.moved() if self.status in ready else []

    @property
    def stale(self) -> bool:
        """Whether the plan can no longer run as it was previewed."""
        return bool(self.moved_since())

    def execute(self, *, by: User, unchecked: bool = False) -> Task:
        """Run what was previewed, exactly.

        A draft waits for its preview, unless the user goes on `unchecked`: then the task
        plans and applies in one run. Pressing twice on a draft gives the same task. Raises
        Stale when something moved, ApprovalRequired without an approval, ConflictError in a
        status that forbids it.
        """
        self.check_owner(by)
        self.check_no_trial()
        if self.draft and self.executed:
            return Task.objects.get(plan_id=self.pk)
        try:
            return self._execute(by, unchecked)
        except AlreadyExecuted:
            return Task.objects.get(plan_id=self.pk)
        except DomainError:
            # The transaction took the new status back; this object follows, and shows
            # what a preview that ended meanwhile has found.
            self.refresh_from_db()
            raise

    @transaction.atomic
    def _execute(self, by: User, unchecked: bool) -> Task:
        approved = self.status == self.Status.APPLICATION_APPROVED
        if self.draft:
            self._check_draft()
        self._take_for_execution(unchecked)
        if not self.draft:
            self._check_bound(approved=approved)
        task = self._start(by)
        if not self.draft:
            # From now on the plan is one of the instance's, also when it launched it.
            self._rows().update(instance=task.instance)
            after = {"task": task.pk, "digest": self.digest}
            self._audit("ExecutePlan", by, after=after)
        return task

    def _check_draft(self) -> None:
        if self.overtaken:
            raise ConflictError(
                _(
                    "The instance has changed since you opened it. Check the new values and "
                    "preview again."
                ),
                code="IncorrectStatus.Plan",
            )

    def _check_bound(self, *, approved: bool) -> None:
        """Refuse what is not, to the byte, what was previewed and approved."""
        moved = self.moved() + self.moved_file()
        if moved := moved + (self.moved_approval() if approved else []):
            raise Stale(moved)

    def _take_for_execution(self, unchecked: bool) -> None:
        status = self.Status
        if self.draft:
            ready = [status.PREVIEW_SUCCESS]
            if unchecked:
                ready.append(status.PREVIEW_IN_PROGRESS)
        elif self.needs_approval:
            ready = [status.APPLICATION_APPROVED]
        else:
            ready = [status.APPLICATION_APPROVED, status.PREVIEW_SUCCESS]
        # Nobody approved a draft: its preview may have ended since it was read, and is good.
        bound = {} if self.draft else {"digest": self.digest}
        if not self._move(ready, status.EXECUTE_IN_PROGRESS, **bound):
            raise self._not_executable()
        # A preview that still runs has lost its purpose: the task plans for itself.
        if not self.cancel_if_queued():
            self.request_cancel()

    def _not_executable(self) -> Exception:
        refusal = self._refusal()
        if self.draft and self.executed:
            return AlreadyExecuted()
        if self.status == self.Status.PREVIEW_IN_PROGRESS and self.draft:
            return ConflictError(
                _("The resource changes are still being checked."),
                code=refusal.code,
                hint=_("Wait until the check has ended, then confirm."),
            )
        if self.status == self.Status.PREVIEW_SUCCESS and not self.draft:
            return ApprovalRequired(
                _(
                    "This plan now requires approval. Preview it again to request approval."
                )
            )
        if self.draft and self.status_message:
            return ConflictError(self.status_message, code=refusal.code)
        return refusal

    def _start(self, by: User) -> Task:
        spec, direct = self.wish, self.draft
        if self.operation == Task.Kind.LAUNCH:
            return Instance.objects.launch(
                spec,
                name=self.instance_name,
                region=self.region,
                by=by,
                pk=self.reserved_instance_id,
                plan_id=self.pk,
                direct=direct,
            )
        assert self.instance is not None  # updates and terminations have one
        # It may have been given to somebody else since the plan was made.
        if not Instance.objects.visible_to(by).filter(pk=self.instance.pk).exists():
            raise NotFoundError(
                _("The instance does not exist, or you do not have access to it."),
                code="InvalidProvisionedProduct.NotFound",
            )
        # Another change may have come and gone since the plan was compared.
        base = self.base_task_id
        if self.operation == Task.Kind.UPDATE:
            return self.instance.update_to(
                spec, by=by, plan_id=self.pk, direct=direct, after=base
            )
        return self.instance.terminate(
            by=by, plan_id=self.pk, direct=direct, after=base
        )

    def settle_execution(self, *, ok: bool, message: str) -> None:
        """Note how the task of this plan has ended. Within its transaction."""
        status = self.Status.EXECUTE_SUCCESS if ok else self.Status.EXECUTE_FAILED
        if not self._move([self.Status.EXECUTE_IN_PROGRESS], status):
            return
        self._rows().update(status_message=message)
        if not self.draft:
            kind = Notice.Kind.EXECUTED if ok else Notice.Kind.EXECUTION_FAILED
            Notice.objects.tell(
                [self.owner, *self.deciders()], kind, cast("Plan", self)
            )
