"""The life of a plan as its owner leads it: submit, edit, cancel, remove.

Every step is a conditional UPDATE: of two people who press at once, one finds no row left.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.effective_constraints import Approver
from catalog.models import Region
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import EditConflictError, digest
from console.lib.errors import ConflictError, ForbiddenError, InvalidInputError
from console.lib.names import FoldedField, Named, check_name, derived, folded, spelled
from console.lib.users import User
from instances.models.approval import OperationRecord, limits_of, people_among
from instances.models.notice import Notice
from instances.models.previewed import Previewed
from instances.models.wish import Wish
from instances.wakeup import announce

if TYPE_CHECKING:
    from instances.models.plan import Plan

TEXT_LENGTH = 128


class PlanLife(Named, Previewed):
    """Abstract: the statuses of a plan and the verbs that lead from one to the next."""

    class Status(models.TextChoices):
        PREVIEW_IN_PROGRESS = "PreviewInProgress", gettext_lazy("Preview in progress")
        PREVIEW_SUCCESS = "PreviewSuccess", gettext_lazy("Preview succeeded")
        PREVIEW_FAILED = "PreviewFailed", gettext_lazy("Preview failed")
        APPLICATION_IN_PROGRESS = (
            "ApplicationInProgress",
            gettext_lazy("Waiting for approval"),
        )
        APPLICATION_APPROVED = "ApplicationApproved", gettext_lazy("Approved")
        APPLICATION_REJECTED = "ApplicationRejected", gettext_lazy("Rejected")
        EXECUTE_IN_PROGRESS = "ExecuteInProgress", gettext_lazy("Executing")
        EXECUTE_SUCCESS = "ExecuteSuccess", gettext_lazy("Executed")
        EXECUTE_FAILED = "ExecuteFailed", gettext_lazy("Execution failed")
        CANCELED = "Canceled", gettext_lazy("Canceled")

    # What can be edited: see `stamp`.
    ASKED = (
        "version_id",
        "portfolio_id",
        "parameters",
        "secrets",
        "tags",
        "instance_name",
        "region_id",
        "description",
    )
    EDITABLE = (
        Status.PREVIEW_SUCCESS,
        Status.PREVIEW_FAILED,
        Status.APPLICATION_REJECTED,
        Status.APPLICATION_APPROVED,
    )
    REPEATABLE = (*EDITABLE, Status.APPLICATION_IN_PROGRESS)
    OPEN = (*REPEATABLE, Status.PREVIEW_IN_PROGRESS)
    BUSY = (
        Status.PREVIEW_IN_PROGRESS,
        Status.APPLICATION_IN_PROGRESS,
        Status.EXECUTE_IN_PROGRESS,
    )
    EXECUTED = (
        Status.EXECUTE_IN_PROGRESS,
        Status.EXECUTE_SUCCESS,
        Status.EXECUTE_FAILED,
    )

    name = models.CharField(
        gettext_lazy("name"),
        max_length=TEXT_LENGTH,
        blank=True,
        validators=[check_name],
    )
    search_text = FoldedField(of=["name", "instance_name"])
    description = models.CharField(
        gettext_lazy("description"), max_length=TEXT_LENGTH, blank=True
    )
    draft = models.BooleanField(gettext_lazy("draft"), default=False, editable=False)
    # A template tried out: previewed like any other, and never more than that.
    trial = models.BooleanField(gettext_lazy("trial"), default=False, editable=False)
    status = models.CharField(
        gettext_lazy("status"),
        max_length=24,
        choices=Status,
        default=Status.PREVIEW_IN_PROGRESS,
        editable=False,
    )
    status_message = models.TextField(gettext_lazy("status message"), blank=True)
    owner = models.ForeignKey(
        "console.User",
        models.PROTECT,
        related_name="plans",
        verbose_name=gettext_lazy("owner"),
    )

    class Meta:
        abstract = True

    @cached_property
    def approvers(self) -> list[Approver]:
        """Who may decide now; empty when the operation needs no approval."""
        return limits_of(self).approvers(self.operation)

    @property
    def needs_approval(self) -> bool:
        return limits_of(self).needs_approval(self.operation)

    def submit(self, *, name: str, description: str = "", by: User) -> None:
        """Make a draft a plan that people see; it asks for its approval by itself.

        Raises InvalidInputError for the texts, ConflictError when the draft is no longer open.
        """
        self.check_owner(by)
        self.check_no_trial()
        name = spelled(name)
        check_texts(name, description)
        self.name = name
        with transaction.atomic():
            mine = self._rows(self.OPEN).filter(draft=True)
            texts = {"name": name, "description": description, "draft": False}
            folds = derived(self, ["name"])
            try:
                with transaction.atomic():
                    found = mine.update(**texts, **folds, updated_at=now())
            except IntegrityError as error:
                raise ConflictError(
                    _("You have an open plan of this name. Choose another name."),
                    code="DuplicateName.Plan",
                ) from error
            if not found:
                raise self._refusal()
            self.refresh_from_db(fields=[*texts, "status", "digest"])
            self._audit("CreatePlan", by, after={"operation": self.operation})
            self._announce()

    def free_name(self) -> str:
        """Suggest a name for this draft that no open plan of its owner has."""
        open_plans = type(self)._default_manager.filter(
            owner=self.owner_id, draft=False, status__in=self.OPEN
        )
        taken = set(open_plans.values_list("name_key", flat=True))
        base = self.instance_name[: TEXT_LENGTH - 8]
        names = [self.instance_name, *(f"{base} {n}" for n in range(2, len(taken) + 3))]
        return next(name for name in names if folded(name) not in taken)

    def settle_preview(self, status: str) -> None:
        """Note how the preview ended, and ask for the approval. Within a transaction."""
        # Executed or canceled meanwhile: that is the newer truth.
        if self._move([self.Status.PREVIEW_IN_PROGRESS], status):
            self.refresh_from_db(fields=["draft", "name"])
            self._announce()

    def _announce(self) -> None:
        """Tell what follows from the preview; a draft has nobody to tell."""
        me = cast("Plan", self)
        if self.draft:
            return
        if self.status == self.Status.PREVIEW_FAILED:
            Notice.objects.tell([self.owner], Notice.Kind.FAILED, me)
        elif self.status == self.Status.PREVIEW_SUCCESS and not self.needs_approval:
            Notice.objects.tell([self.owner], Notice.Kind.READY, me)
        elif self._move(
            [self.Status.PREVIEW_SUCCESS], self.Status.APPLICATION_IN_PROGRESS
        ):
            self._record(OperationRecord.Action.SUBMIT, self.owner)
            asked = people_among(self.approvers).exclude(pk=self.owner_id)
            Notice.objects.tell(asked, Notice.Kind.REQUESTED, me)

    @transaction.atomic
    def edit(
        self,
        wish: Wish,
        *,
        by: User,
        description: str | None = None,
        instance_name: str = "",
        region: Region | None = None,
        seen: str = "",
    ) -> None:
        """Ask for something else. It is previewed anew, and an approval is dropped.

        `seen` is the stamp of the plan as the owner saw it. Raises ForbiddenError for others
        than the owner, ConflictError in a status that forbids it, EditConflictError when it was
        edited since.
        """
        self.check_owner(by)
        columns = wish.columns()
        if description is not None:
            check_texts(self.name, description)
            columns["description"] = description
        if self.instance is None and region is not None:
            columns |= {"instance_name": instance_name, "region": region}
        self._preview(self.EDITABLE, columns, seen)
        self._audit("UpdatePlan", by, after={"version": wish.version.pk})

    @transaction.atomic
    def preview_again(self, *, by: User) -> None:
        """Compute it anew on what is there now; an approval is dropped."""
        self.check_owner(by)
        self._preview(self.REPEATABLE, {})
        self._audit("PreviewPlan", by)

    @property
    def stamp(self) -> str:
        """The digest of what the plan asks for."""
        return digest([getattr(self, name) for name in self.ASKED])

    def _check_seen(self, seen: str) -> None:
        """Raise EditConflictError when the plan asks for something else than was seen."""
        fresh = self._rows().get()
        if seen and seen.partition(" ")[0] != fresh.stamp:
            raise EditConflictError(fresh, seen)

    def _preview(
        self, states: Iterable[str], columns: dict[str, Any], seen: str = ""
    ) -> None:
        """Queue a new preview; what the old one found is gone."""
        if self.instance is not None:
            self.instance.check_idle()
        if not self._move(states, self.Status.PREVIEW_IN_PROGRESS):
            raise self._refusal()
        # The UPDATE above holds the row: nobody can edit it between this look and the end.
        self._check_seen(seen)
        for name, value in columns.items():
            setattr(self, name, value)
        folds = derived(self, columns)
        self.save(update_fields=[*columns, *folds, *self.forget()])
        self._forget_requests()
        announce(self.pk)

    @transaction.atomic
    def cancel(self, *, by: User) -> None:
        """Withdraw the plan. Raises ConflictError once it has been executed or canceled."""
        self.check_owner(by)
        waited = self.status == self.Status.APPLICATION_IN_PROGRESS
        if not self._move(self.OPEN, self.Status.CANCELED):
            raise self._refusal()
        if not self.cancel_if_queued():
            self.request_cancel()
        self._audit("CancelPlan", by)
        if not self.draft:
            self._record(OperationRecord.Action.CANCEL, by)
            self._forget_requests()
            told = people_among(self.approvers).exclude(pk=by.pk) if waited else []
            Notice.objects.tell(told, Notice.Kind.CANCELED, cast("Plan", self))

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the plan; its task and the audit trail stay.

        Raises ConflictError while anybody or anything still has to do with it.
        """
        self.check_owner(by)
        self._audit("DeletePlan", by, before={"status": self.status})
        idle = self._rows().exclude(status__in=self.BUSY)
        if not idle.exclude(state=self.State.RUNNING).delete()[0]:
            raise ConflictError(
                _("The plan is in progress. Cancel it first, or wait for it to end."),
                code="IncorrectStatus.Plan",
            )

    # What the steps share

    def check_no_trial(self) -> None:
        """Raise ConflictError for a plan that only shows what a template would do."""
        if self.trial:
            raise ConflictError(
                _("This is a trial of a template. It cannot be executed."),
                code="IncorrectStatus.Plan",
            )

    def check_owner(self, by: User) -> None:
        """Raise ForbiddenError for anybody else: an administrator sees a plan, the owner acts."""
        if by.pk != self.owner_id:
            raise ForbiddenError(_("Only the owner of the plan can do this."))

    def _rows(self, states: Iterable[str] | None = None) -> "QuerySet[Any]":
        rows = type(self)._default_manager.filter(pk=self.pk)
        return rows if states is None else rows.filter(status__in=list(states))

    def _move(self, states: Iterable[str], target: str, **same: Any) -> bool:
        """Lead from one of these statuses to another; False when it is in none of them."""
        found = self._rows(states).filter(**same)
        moved = found.update(status=target, updated_at=now())
        if moved:
            self.status = target
        return bool(moved)

    def _record(self, action: str, by: User, comment: str = "") -> None:
        OperationRecord.objects.create(
            plan=cast("Plan", self),
            action=action,
            operator=by,
            comment=comment,
            digest=self.digest,
        )

    def _forget_requests(self) -> None:
        """Nobody has to decide any more: those who were asked are not reminded."""
        requests = Notice.objects.filter(plan_id=self.pk, kind=Notice.Kind.REQUESTED)
        requests.mark_read()

    def _audit(self, action: str, by: User, **facts: Any) -> None:
        AuditEntry.objects.record(action, self, by=by, **facts)

    def _refusal(self) -> ConflictError:
        """Why a step cannot be taken from where the plan is now."""
        self.refresh_from_db(fields=["status", "status_message"])
        sentence = _(
            "This action is not available because the plan status is “%(status)s”."
        )
        return ConflictError(
            sentence % {"status": self.get_status_display()},
            code="IncorrectStatus.Plan",
        )


def check_texts(name: str, description: str) -> None:
    """Raise InvalidInputError for a name or description a plan cannot have."""
    errors: dict[str, list[str]] = {}
    if not 1 <= len(name) <= TEXT_LENGTH:
        errors["name"] = [_("Enter a name of 1 to %(most)d characters.")]
    else:
        try:
            check_name(name)
        except ValidationError as error:
            raise InvalidInputError({"name": error.messages}) from error
    if len(description) > TEXT_LENGTH:
        errors["description"] = [_("Enter up to %(most)d characters.")]
    if errors:
        told = {
            k: [each % {"most": TEXT_LENGTH} for each in v] for k, v in errors.items()
        }
        raise InvalidInputError(told)
