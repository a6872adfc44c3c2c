"""Plans: changes that are previewed before they are made.

A draft is the plan that the review page of a wizard shows. Every step is a conditional
UPDATE: of two requests at the same moment, one finds no row left.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Q
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
    OperationRecord,
    duties_of,
    fits,
)
from instances.models.instance import Instance
from instances.models.notice import Notice
from instances.models.plan_query import PlanQuerySet
from instances.models.plan_status import PlanStatus
from instances.models.preview import PlanOutOfDateError, Preview
from instances.models.provisioning_spec import ProvisioningSpec
from instances.models.task import Task
from instances.models.work import queue_indexes
from instances.wakeup import announce

# A larger number of waiting plans is not counted: the menu shows 99+.
MAX_WAITING = 99
TEXT_LENGTH = 128


class AlreadyExecutedError(Exception):
    """Another request has executed the draft at the same moment."""


class PlanManager(models.Manager.from_queryset(PlanQuerySet)):  # type: ignore[misc]
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
        """Store the spec of a wizard as a draft and queue its preview.

        A `trial` is only previewed: verbs, pages and a database constraint refuse to
        execute it.
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
        """Create a plan without a draft before it.

        Raises InvalidInputError for name and description, ConflictError while a task runs
        on the instance.
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
    """A launch, update or termination that is previewed, approved and executed.

    `status` has the values of the API. Only the owner acts on a plan; administrators and
    approvers see it.
    """

    Status = PlanStatus
    EDITABLE = plan_status.EDITABLE
    REPEATABLE = plan_status.REPEATABLE
    OPEN = plan_status.OPEN
    BUSY = plan_status.BUSY
    EXECUTED = plan_status.EXECUTED
    # The columns that the owner can edit: see `stamp`.
    EDITED = (
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
    # A trial of a template: it is previewed and never executed.
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

    objects = PlanManager()

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
        """Return True for the owner, an administrator, and a present or past approver.

        An owner who has lost the instance no longer sees its plans.
        """
        if user.pk == self.owner_id and self._keeps_instance(user):
            return True
        if self.draft:
            return False
        if user.is_administrator or fits(user, self.approvers):
            return True
        return self.approval.decisions().filter(operator=user).exists()

    def _keeps_instance(self, user: User) -> bool:
        """Return True if the user may still change the instance, or there is none yet."""
        instance = self.instance
        if instance is None or instance.owner_id == user.pk or user.is_administrator:
            return True
        role = instance.owner_role_id
        return role is not None and user.groups.filter(pk=role).exists()

    def approve(self, *, by: User, comment: str = "", seen: str = "") -> None:
        """Approve exactly what was previewed. `seen` is the digest that the user looked at.

        Raises ForbiddenError for the owner and for users who are no approver now,
        PlanOutOfDateError when something has changed since the preview, ConflictError when
        the plan no longer waits or has another digest.
        """
        with transaction.atomic():
            self._check_decision(by, comment, seen)
            if changes := self.changed_since_preview() + self.changed_file():
                raise PlanOutOfDateError(changes)
            self._decide(OperationRecord.Action.APPROVE, by, comment)

    def reject(self, *, by: User, comment: str = "", seen: str = "") -> None:
        """Reject the plan. Raises ForbiddenError and ConflictError like `approve`."""
        with transaction.atomic():
            self._check_decision(by, comment, seen)
            self._decide(OperationRecord.Action.REJECT, by, comment)

    @property
    def limits(self) -> EffectiveConstraints:
        """The constraints that apply to the plan now."""
        return EffectiveConstraints.of(self.version.product, self.portfolio)

    @cached_property
    def approvers(self) -> list[Approver]:
        """The present approvers; empty when the operation needs no approval."""
        return self.limits.approvers(self.operation)

    @property
    def needs_approval(self) -> bool:
        return self.limits.needs_approval(self.operation)

    @property
    def approval(self) -> Approval:
        return Approval(self.pk, self.owner_id, self.digest, self.approvers)

    def submit(self, *, name: str, description: str = "", by: User) -> None:
        """Turn a draft into a plan of the lists, and request its approval after the preview.

        Raises InvalidInputError for name and description, ConflictError when the draft is
        no longer open.
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
        """Return a name for this draft that no open plan of its owner has."""
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
        if self._transition([self.Status.PREVIEW_IN_PROGRESS], status):
            self.refresh_from_db(fields=["draft", "name"])
            self._announce()

    def _announce(self) -> None:
        """Request the approval, or notify the owner of the result of the preview."""
        if self.draft:
            return
        if self.status == self.Status.PREVIEW_FAILED:
            self.notify([self.owner], Notice.Kind.FAILED)
        elif self.status == self.Status.PREVIEW_SUCCESS and not self.needs_approval:
            self.notify([self.owner], Notice.Kind.READY)
        elif self._transition(
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
        """Replace the spec and queue a new preview; an approval is dropped.

        `seen` is the stamp of the plan as the owner saw it. Raises ForbiddenError for other
        users, ConflictError in a status that does not allow it, EditConflictError when the
        plan was edited since.
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
        """Queue a new preview of the same spec; an approval is dropped."""
        self.check_owner(by)
        self._preview(self.REPEATABLE, {})
        self._audit("PreviewPlan", by)

    @property
    def stamp(self) -> str:
        """The digest of the columns that the owner can edit."""
        return digest([getattr(self, name) for name in self.EDITED])

    def _check_seen(self, seen: str) -> None:
        """Raise EditConflictError when the plan was edited since this stamp was seen."""
        fresh = self._rows().get()
        if seen and seen.partition(" ")[0] != fresh.stamp:
            raise EditConflictError(fresh, seen)

    def _preview(
        self, states: Iterable[str], columns: dict[str, object], seen: str = ""
    ) -> None:
        """Store these columns, drop the result of the former preview and queue a new one."""
        if self.instance is not None:
            self.instance.check_idle()
        if not self._transition(states, self.Status.PREVIEW_IN_PROGRESS):
            raise self._refusal()
        # The UPDATE above holds the row: it cannot be edited between this check and the end.
        self._check_seen(seen)
        for name, value in columns.items():
            setattr(self, name, value)
        folds = derived(self, columns)
        self.save(update_fields=[*columns, *folds, *self.forget()])
        self._forget_requests()
        announce(self.pk)

    @transaction.atomic
    def cancel(self, *, by: User) -> None:
        """Cancel the plan. Raises ConflictError once it was executed or canceled."""
        self.check_owner(by)
        waited = self.status == self.Status.APPLICATION_IN_PROGRESS
        if not self._transition(self.OPEN, self.Status.CANCELED):
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
        """Delete the plan; its task and the audit log stay.

        Raises ConflictError while it is previewed, waits for approval or is executed.
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
        # Read again: the approvers may have changed since the plan was created.
        self.__dict__.pop("approvers", None)
        self.approval.check_decision(by, comment=comment, seen=seen)

    def _decide(self, action: str, by: User, comment: str) -> None:
        approved = action == OperationRecord.Action.APPROVE
        target = (
            self.Status.APPLICATION_APPROVED
            if approved
            else self.Status.APPLICATION_REJECTED
        )
        if not self._transition(
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

        A draft is previewed again where needed: only another task makes it out of date.
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
        """Queue the task that applies exactly what was previewed.

        A draft waits for its preview, unless the user continues `unchecked`: then the task
        plans and applies in one run. Executing a draft twice returns the same task. Raises
        PlanOutOfDateError when something has changed since the preview,
        ApprovalRequiredError without an approval, ConflictError in a status that does not
        allow it.
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
            # The transaction was rolled back: read the former status, and the result of
            # a preview that may have ended in the meantime.
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
            # The plan of a launch belongs to the instance from now on.
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
        """Raise PlanOutOfDateError unless all is as it was previewed and approved."""
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
        # A draft has no approval to compare: its preview may have ended since it was read.
        bound = {} if self.draft else {"digest": self.digest}
        if not self._transition(ready, status.EXECUTE_IN_PROGRESS, **bound):
            raise self._not_executable()
        # A preview that still runs is no longer needed: the task makes its own plan.
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
        # It may have been transferred since the plan was created.
        if not Instance.objects.visible_to(by).filter(pk=self.instance.pk).exists():
            raise NotFoundError(
                _("The instance does not exist, or you do not have access to it."),
                code="InvalidProvisionedProduct.NotFound",
            )
        # Another task may have started and ended since the plan was compared.
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
        if not self._transition([self.Status.EXECUTE_IN_PROGRESS], status):
            return
        self._rows().update(status_message=message)
        if not self.draft:
            kind = Notice.Kind.EXECUTED if ok else Notice.Kind.EXECUTION_FAILED
            self.notify([self.owner, *self.approval.deciders()], kind)

    def check_no_trial(self) -> None:
        """Raise ConflictError for the trial of a template."""
        if self.trial:
            raise ConflictError(
                _("This is a trial of a template. It cannot be executed."),
                code="IncorrectStatus.Plan",
            )

    def check_owner(self, by: User) -> None:
        """Raise ForbiddenError for all users but the owner, administrators included."""
        if by.pk != self.owner_id:
            raise ForbiddenError(_("Only the owner of the plan can do this."))

    def _rows(self, states: Iterable[str] | None = None) -> PlanQuerySet:
        rows = Plan.objects.filter(pk=self.pk)
        return rows if states is None else rows.filter(status__in=list(states))

    def _transition(self, states: Iterable[str], target: str, **same: str) -> bool:
        """Change the status by one UPDATE; return False unless it was one of `states`."""
        rows = self._rows(states).filter(**same)
        changed = rows.update(status=target, updated_at=now())
        if changed:
            self.status = target
        return bool(changed)

    def notify(
        self, people: Iterable[User], kind: Notice.Kind, *, comment: str = ""
    ) -> None:
        """Leave a notice for each user, and send them a mail once this is committed."""
        notices = [Notice(recipient=each, kind=kind, plan=self) for each in people]
        Notice.objects.deliver(notices, comment=comment)

    def _forget_requests(self) -> None:
        """Mark the requests for approval as read: no decision is needed any more."""
        requests = Notice.objects.filter(plan_id=self.pk, kind=Notice.Kind.REQUESTED)
        requests.mark_read()

    def _audit(
        self,
        action: str,
        by: User,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> None:
        AuditEntry.objects.record(
            action, self, by=by, before=before, after=after, reason=reason
        )

    def _refusal(self) -> ConflictError:
        """Return the error for a step that the present status does not allow."""
        self.refresh_from_db(fields=["status", "status_message"])
        sentence = _(
            "This action is not available because the plan status is “%(status)s”."
        )
        return ConflictError(
            sentence % {"status": self.get_status_display()},
            code="IncorrectStatus.Plan",
        )


def check_texts(name: str, description: str) -> None:
    """Raise InvalidInputError for a name or description that a plan cannot have."""
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


def plan_for(user: User, pk: str, **scope: object) -> Plan:
    """Return a plan that a user may see. Raises NotFoundError for a missing or foreign one."""
    plans = Plan.objects.filter(pk=pk, **scope).select_related(
        "version__template",
        "version__product",
        "portfolio",
        "region",
        "instance__last_task",
        "instance__last_successful_task__portfolio",
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
    """Count the plans that wait for a user, up to MAX_WAITING + 1.

    The number is kept on the user object. Nearly always no plan waits in the whole site:
    the query that loaded the user may have stored that in `plans_waiting`.
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
