"""A plan: a change computed before it is made. A draft is the plan a wizard's review shows.

Every step is a conditional UPDATE: of two users who press at once, one finds no row left.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.effective_constraints import (
    ApprovalRequiredError,
    Approver,
    EffectiveConstraints,
)
from catalog.models import Region
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import EditConflictError, digest
from console.lib.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    Text,
)
from console.lib.ids import id_field, new_id
from console.lib.names import (
    FoldedField,
    FoldedQuerySet,
    Named,
    check_name,
    derived,
    folded,
    normalized,
)
from console.lib.users import User
from instances.models import plan_status
from instances.models.approval import (
    Approval,
    ApproverDuties,
    OperationRecord,
    duties_of,
    fits,
)
from instances.models.instance import Instance
from instances.models.notice import Notice
from instances.models.plan_status import PlanStatus
from instances.models.preview import Preview
from instances.models.provisioning_spec import ProvisioningSpec
from instances.models.task import Task
from instances.models.work import Work, WorkQuerySet, queue_indexes
from instances.wakeup import announce

# A larger number of waiting plans is not counted: the menu shows 99+.
MAX_WAITING = 99
DRAFT_LIFE = timedelta(hours=24)
TEXT_LENGTH = 128


class PlanOutOfDateError(ConflictError):
    """The plan cannot run as it was previewed; `changes` has a sentence for each reason."""

    code = "IncorrectStatus.Plan"

    def __init__(self, changes: Sequence[Text]) -> None:
        self.changes = changes
        sentence = " ".join(str(each) for each in changes)
        super().__init__(
            _("The plan is out of date. %(moved)s Nothing was changed.")
            % {"moved": sentence},
            hint=_(
                "Preview the plan again, and then request approval for the new preview."
            ),
        )


class AlreadyExecutedError(Exception):
    """Another request has executed the draft at the same moment."""


class PlanQuerySet(FoldedQuerySet, WorkQuerySet):  # type: ignore[override]
    def submitted(self) -> Self:
        """Plans people see in lists: a wizard's drafts are not among them."""
        return self.filter(draft=False)

    def light(self) -> Self:
        """Without the columns only a plan's own page needs: the saved file, changes and log."""
        return self.defer("file", "changes", "log")

    def abandoned(self) -> Self:
        """Drafts nobody executed within a day."""
        return self.filter(
            draft=True, task=None, created_at__lt=now() - DRAFT_LIFE
        ).exclude(state=Work.State.RUNNING)

    def waiting(self) -> Self:
        """Plans that wait for a decision. Few: an index finds them."""
        waiting = Plan.Status.APPLICATION_IN_PROGRESS
        return self.filter(draft=False, status=waiting)

    def received_by(self, user: User, duties: ApproverDuties) -> Self:
        """Plans that wait for this person's decision."""
        return self.waiting().exclude(owner=user).filter(duties.covered())

    def reviewed_by(self, user: User) -> Self:
        """Plans this person has decided on."""
        decided = OperationRecord.objects.filter(
            operator=user, action__in=OperationRecord.DECISIONS
        )
        return self.submitted().filter(pk__in=decided.values("plan"))

    def owned_by(self, user: User) -> Self:
        """This person's plans, without those of an instance that they lost.

        An administrator plans changes of everybody's instances.
        """
        if user.is_administrator:
            return self.filter(owner=user)
        lost = (
            Instance.objects.filter(pk=OuterRef("instance"))
            .exclude(owner=user)
            .exclude(owner_role__in=user.groups.values("pk"))
        )
        return self.filter(~Exists(lost), owner=user)

    def shown_to(self, user: User) -> Self:
        """Plans in lists that this person may open: what `plan.visible_to` says of one."""
        if user.is_administrator:
            return self.submitted()
        mine = Plan.objects.owned_by(user).values("pk")
        reviewed = Plan.objects.reviewed_by(user).values("pk")
        return self.submitted().filter(
            Q(pk__in=mine) | ApproverDuties.of(user).covered() | Q(pk__in=reviewed)
        )

    @transaction.atomic
    def draft_for(
        self,
        operation: str,
        spec: ProvisioningSpec,
        *,
        by: User,
        region: Region,
        instance: Instance | None = None,
        instance_name: str = "",
        trial: bool = False,
    ) -> "Plan":
        """Store what a wizard has collected and queue its preview. Nothing is launched.

        A `trial` never is: no verb, no page and no row of the database lets it.
        """
        plan: Plan = self.create(
            operation=operation,
            draft=True,
            trial=trial,
            owner=by,
            created_by=by,
            region=region,
            instance=instance,
            instance_name=instance.name if instance else instance_name,
            reserved_instance_id=instance.pk if instance else new_id("pp"),
            base_task=instance.last_task if instance else None,
            **spec.columns(),
        )
        announce(plan.pk)
        return plan

    @transaction.atomic
    def submit(
        self,
        operation: str,
        spec: ProvisioningSpec,
        *,
        name: str,
        description: str = "",
        by: User,
        region: Region,
        instance: Instance | None = None,
        instance_name: str = "",
    ) -> "Plan":
        """Make a plan at once, without a wizard's draft before it.

        Raises InvalidInputError for the texts, ConflictError while a task runs on the instance.
        """
        if instance is not None:
            instance.check_idle()
        plan = self.draft_for(
            operation,
            spec,
            by=by,
            region=region,
            instance=instance,
            instance_name=instance_name,
        )
        plan.submit(name=name, description=description, by=by)
        return plan


class Plan(Named, Preview):
    """A launch, update or termination that was previewed. `status` is the API's word."""

    Status = PlanStatus
    EDITABLE = plan_status.EDITABLE
    REPEATABLE = plan_status.REPEATABLE
    OPEN = plan_status.OPEN
    BUSY = plan_status.BUSY
    EXECUTED = plan_status.EXECUTED
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

    id = id_field("plan")
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

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("plan")
        verbose_name_plural = gettext_lazy("plans")
        ordering = ["-created_at", "-id"]
        indexes = [
            *queue_indexes("plan"),
            models.Index(
                fields=["owner", "-created_at", "-id"],
                name="plan_by_owner",
                condition=Q(draft=False),
            ),
            models.Index(
                fields=["-created_at", "-id"],
                name="plan_newest",
                condition=Q(draft=False),
            ),
            models.Index(
                fields=["instance", "-created_at", "-id"], name="plan_of_instance"
            ),
            models.Index(
                fields=["created_at"], name="plan_drafts", condition=Q(draft=True)
            ),
            models.Index(
                fields=["status", "-created_at", "-id"],
                name="plan_by_status",
                condition=Q(draft=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(draft=True) | ~Q(name=""), name="plan_has_name"
            ),
            models.UniqueConstraint(
                fields=["owner", "name_key"],
                condition=Q(draft=False, status__in=sorted(plan_status.OPEN)),
                name="plan_name_unique",
            ),
            models.CheckConstraint(
                condition=Q(status__in=PlanStatus.values),
                name="plan_status_known",
            ),
            models.CheckConstraint(
                condition=Q(trial=False)
                | Q(draft=True) & ~Q(status__startswith="Execute"),
                name="plan_trial_never_runs",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.pk

    def get_absolute_url(self) -> str:
        return reverse("instances:plan-detail", args=[self.pk])

    def visible_to(self, user: User) -> bool:
        """Return True if a user may see the plan: owner, administrator, present or past approver.

        An owner who lost the instance no longer sees what was planned for it.
        """
        if user.pk == self.owner_id and self._keeps_instance(user):
            return True
        if self.draft:
            return False
        if user.is_administrator or fits(user, self.approvers):
            return True
        return self.approval.decisions().filter(operator=user).exists()

    def _keeps_instance(self, user: User) -> bool:
        """Return True if the user may still change the instance of the plan, if it has one."""
        instance = self.instance
        if instance is None or instance.owner_id == user.pk or user.is_administrator:
            return True
        role = instance.owner_role_id
        return role is not None and user.groups.filter(pk=role).exists()

    def approve(self, *, by: User, comment: str = "", seen: str = "") -> None:
        """Accept exactly what was previewed. `seen` is the digest the approver looked at.

        Raises ForbiddenError for the owner and for who is no approver now, PlanOutOfDateError when something
        moved, ConflictError when the plan no longer waits or is not what was seen.
        """
        with transaction.atomic():
            self._check_decision(by, comment, seen)
            if changes := self.changed_since_preview() + self.changed_file():
                raise PlanOutOfDateError(changes)
            self._decide(OperationRecord.Action.APPROVE, by, comment)

    def reject(self, *, by: User, comment: str = "", seen: str = "") -> None:
        """Refuse it. Raises ForbiddenError and ConflictError like `approve`."""
        with transaction.atomic():
            self._check_decision(by, comment, seen)
            self._decide(OperationRecord.Action.REJECT, by, comment)

    @property
    def limits(self) -> EffectiveConstraints:
        """The constraints that the plan falls under now."""
        return EffectiveConstraints.of(self.version.product, self.portfolio)

    @cached_property
    def approvers(self) -> list[Approver]:
        """The approvers of now; empty when the operation needs no approval."""
        return self.limits.approvers(self.operation)

    @property
    def needs_approval(self) -> bool:
        return self.limits.needs_approval(self.operation)

    @property
    def approval(self) -> Approval:
        return Approval(self.pk, self.owner_id, self.digest, self.approvers)

    def submit(self, *, name: str, description: str = "", by: User) -> None:
        """Make a draft a plan that people see; it asks for its approval by itself.

        Raises InvalidInputError for the texts, ConflictError when the draft is no longer open.
        """
        self.check_owner(by)
        self.check_no_trial()
        name = normalized(name)
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
                    _(
                        "You already have an open plan with this name. Enter another name."
                    ),
                    code="DuplicateName.Plan",
                ) from error
            if not found:
                raise self._refusal()
            self.refresh_from_db(fields=[*texts, "status", "digest"])
            self._audit("CreatePlan", by, after={"operation": self.operation})
            self._announce()

    def free_name(self) -> str:
        """Suggest a name for this draft that no open plan of its owner has."""
        open_plans = Plan.objects.filter(
            owner=self.owner_id, draft=False, status__in=self.OPEN
        )
        taken = set(open_plans.values_list("name_key", flat=True))
        base = self.instance_name[: TEXT_LENGTH - 8]
        names = [self.instance_name, *(f"{base} {n}" for n in range(2, len(taken) + 3))]
        return next(name for name in names if folded(name) not in taken)

    def end_preview(self, status: str) -> None:
        """Store the status of an ended preview and request the approval, in a transaction."""
        # A plan that was executed or canceled in the meantime keeps that status.
        if self._move([self.Status.PREVIEW_IN_PROGRESS], status):
            self.refresh_from_db(fields=["draft", "name"])
            self._announce()

    def _announce(self) -> None:
        """Tell what follows from the preview; a draft has nobody to tell."""
        if self.draft:
            return
        if self.status == self.Status.PREVIEW_FAILED:
            self.notify([self.owner], Notice.Kind.FAILED)
        elif self.status == self.Status.PREVIEW_SUCCESS and not self.needs_approval:
            self.notify([self.owner], Notice.Kind.READY)
        elif self._move(
            [self.Status.PREVIEW_SUCCESS], self.Status.APPLICATION_IN_PROGRESS
        ):
            self.approval.record(OperationRecord.Action.SUBMIT, self.owner)
            self.notify(self.approval.people(), Notice.Kind.REQUESTED)

    @transaction.atomic
    def edit(
        self,
        spec: ProvisioningSpec,
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
        columns = spec.columns()
        if description is not None:
            check_texts(self.name, description)
            columns["description"] = description
        if self.instance is None and region is not None:
            columns |= {"instance_name": instance_name, "region": region}
        self._preview(self.EDITABLE, columns, seen)
        self._audit("UpdatePlan", by, after={"version": spec.version.pk})

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
            self.approval.record(OperationRecord.Action.CANCEL, by)
            self._forget_requests()
            if waited:
                self.notify(self.approval.people(), Notice.Kind.CANCELED)

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

    def _check_decision(self, by: User, comment: str, seen: str) -> None:
        if self.status != self.Status.APPLICATION_IN_PROGRESS:
            raise self._refusal()
        # Read anew: an approver of when the plan was made may be none now.
        self.__dict__.pop("approvers", None)
        self.approval.check_decision(by, comment=comment, seen=seen)

    def _decide(self, action: str, by: User, comment: str) -> None:
        approved = action == OperationRecord.Action.APPROVE
        target = (
            self.Status.APPLICATION_APPROVED
            if approved
            else self.Status.APPLICATION_REJECTED
        )
        if not self._move(
            [self.Status.APPLICATION_IN_PROGRESS], target, digest=self.digest
        ):
            raise self._refusal()
        self.approval.record(action, by, comment)
        facts = {"digest": self.digest, "file_digest": self.file_digest}
        self._audit(f"{action}Plan", by, after=facts, reason=comment)
        self._forget_requests()
        kind = Notice.Kind.APPROVED if approved else Notice.Kind.REJECTED
        self.notify([self.owner], kind, comment=comment)

    @property
    def executed(self) -> bool:
        return self.status in self.EXECUTED

    def out_of_date_reasons(self) -> list[Text]:
        """Return why a plan that could be executed cannot run as it was previewed.

        A draft is computed anew where needed: only another task's change matters to it.
        """
        if self.draft:
            return [self._superseded_by()] if self.superseded else []
        ready = set(self.REPEATABLE) - {
            self.Status.PREVIEW_FAILED,
            self.Status.APPLICATION_REJECTED,
        }
        return self.changed_since_preview() if self.status in ready else []

    @property
    def out_of_date(self) -> bool:
        """Return True if the plan can no longer run as it was previewed."""
        return bool(self.out_of_date_reasons())

    def execute(self, *, by: User, unchecked: bool = False) -> Task:
        """Run what was previewed, exactly.

        A draft waits for its preview, unless the user goes on `unchecked`: then the task
        plans and applies in one run. Pressing twice on a draft gives the same task. Raises
        PlanOutOfDateError when something moved, ApprovalRequiredError without an approval, ConflictError in a
        status that forbids it.
        """
        self.check_owner(by)
        self.check_no_trial()
        if self.draft and self.executed:
            return Task.objects.get(plan_id=self.pk)
        try:
            return self._execute(by, unchecked)
        except AlreadyExecutedError:
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
        if self.superseded:
            raise ConflictError(
                _(
                    "The instance has changed since you opened it. Check the new values and preview again."
                ),
                code="IncorrectStatus.Plan",
            )

    def _check_bound(self, *, approved: bool) -> None:
        """Refuse what is not, to the byte, what was previewed and approved."""
        changes = self.changed_since_preview() + self.changed_file()
        if approved:
            changes += self.approval.changed()
        if changes:
            raise PlanOutOfDateError(changes)

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
            return AlreadyExecutedError()
        if self.status == self.Status.PREVIEW_IN_PROGRESS and self.draft:
            return ConflictError(
                _("The preview is still in progress."),
                code=refusal.code,
                hint=_("Wait for the preview to end, and then confirm."),
            )
        if self.status == self.Status.PREVIEW_SUCCESS and not self.draft:
            return ApprovalRequiredError(
                _(
                    "This plan now requires approval. Preview it again to request approval."
                )
            )
        if self.draft and self.status_message:
            return ConflictError(self.status_message, code=refusal.code)
        return refusal

    def _start(self, by: User) -> Task:
        spec, direct = self.spec, self.draft
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

    def end_execution(self, *, ok: bool, message: str) -> None:
        """Store how the task of this plan ended, in the transaction that ends the task."""
        status = self.Status.EXECUTE_SUCCESS if ok else self.Status.EXECUTE_FAILED
        if not self._move([self.Status.EXECUTE_IN_PROGRESS], status):
            return
        self._rows().update(status_message=message)
        if not self.draft:
            kind = Notice.Kind.EXECUTED if ok else Notice.Kind.EXECUTION_FAILED
            self.notify([self.owner, *self.approval.deciders()], kind)

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

    def _rows(self, states: Iterable[str] | None = None) -> PlanQuerySet:
        rows = Plan.objects.filter(pk=self.pk)
        return rows if states is None else rows.filter(status__in=list(states))

    def _move(self, states: Iterable[str], target: str, **same: Any) -> bool:
        """Lead from one of these statuses to another; False when it is in none of them."""
        found = self._rows(states).filter(**same)
        moved = found.update(status=target, updated_at=now())
        if moved:
            self.status = target
        return bool(moved)

    def notify(
        self, people: Iterable[User], kind: Notice.Kind, *, comment: str = ""
    ) -> None:
        """Leave a notice for each user, and send them a mail once this is committed."""
        notices = [Notice(recipient=each, kind=kind, plan=self) for each in people]
        Notice.objects.deliver(notices, comment=comment)

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


def plan_for(user: User, pk: str, **scope: Any) -> Plan:
    """Return a plan this person may see. Raises NotFoundError: missing and foreign are one."""
    plans = Plan.objects.filter(pk=pk, **scope).select_related(
        "version__template",
        "version__product",
        "portfolio",
        "region",
        "instance__last_task",
        "instance__last_successful_task",
        "instance__version__template",
        "instance__portfolio",
        "owner",
    )
    plan: Plan | None = plans.first()
    if plan is None or not plan.visible_to(user):
        raise NotFoundError(
            _("The plan does not exist, or you do not have access to it."),
            code="InvalidPlan.NotFound",
        )
    return plan


def waiting_for(user: User) -> int:
    """Count the plans that wait for a user, up to MAX_WAITING + 1, once for each user object.

    Nearly always no plan waits in the whole site: the query that loaded the user may have
    said so in `plans_waiting`.
    """
    if not getattr(user, "plans_waiting", True):
        return 0
    known: int | None = getattr(user, "_requests", None)
    if known is None:
        duties = duties_of(user)
        waiting = Plan.objects.received_by(user, duties).order_by()
        known = waiting[: MAX_WAITING + 1].count() if duties.constraints else 0
        user._requests = known  # type: ignore[attr-defined]
    return known
