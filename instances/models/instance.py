"""A product instance and the verbs that change it."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.effective_constraints import EffectiveConstraints
from catalog.models import Portfolio, Product, Region, Version
from catalog.models.product import SIMULATED
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import EditConflictError
from console.lib.errors import ConflictError, NotFoundError, Text
from console.lib.ids import id_field, new_id
from console.lib.names import FoldedQuerySet, Named, check_name, folded
from console.lib.users import Role, User
from instances.models.engine import CLOUD, SIMULATION, engine_in, local_engine
from instances.models.instance_status import InstanceStatus, TrueStatus
from instances.models.owner import (
    OwnedQuerySet,
    Principal,
    check_recipient,
    owner_columns,
    owner_name,
)
from instances.models.provisioning_spec import ProvisioningSpec
from instances.models.task import Task
from instances.wakeup import announce

# Any fixed UUID: stack IDs are made in its name space.
STACKS = uuid.UUID("5d1f6a0e-3c57-4a0b-9d3e-1f6f2b7a9c40")
CONSOLE = "https://ros.console.aliyun.com"


class AnyTask(Enum):
    """The type of `ANY_TASK`: the change does not depend on the last task."""

    ANY_TASK = auto()


ANY_TASK = AnyTask.ANY_TASK


def stack_id_of(pk: str) -> uuid.UUID:
    """Return the stack ID of a new instance, which its plan needs before it is made."""
    return uuid.uuid5(STACKS, pk)


class InstanceQuerySet(OwnedQuerySet, FoldedQuerySet):  # type: ignore[override]
    def living(self) -> Self:
        """Return the instances that are not terminated."""
        return self.filter(terminated_at=None)

    def owned_by(self, user: User) -> Self:
        """Return the instances of a user, or of a group of the user.

        A union of two index searches: with OR, SQLite walks the whole table (measured at
        100,000 rows: 73 ms for a page against 13 ms).
        """
        every = Instance.objects.order_by()
        own = every.filter(owner=user).values("pk")
        roles = user.groups.values("pk")
        shared = every.filter(owner_role__in=roles).values("pk")
        return self.filter(pk__in=own.union(shared))

    def visible_to(self, user: User, access: str = "account") -> Self:
        """Return the instances that a user may see and change.

        An administrator with access `account` sees everybody's; everyone else their own.
        Terminated ones stay readable for administrators.
        """
        if access == "account" and user.is_administrator:
            return self
        return self.living().owned_by(user)

    def known_to(self, user: User) -> Self:
        """Return the instances whose state a user may see, terminated ones included."""
        return self if user.is_administrator else self.owned_by(user)

    def named(self, name: str) -> Self:
        """Return the living instance of this name, in upper or lower case."""
        return self.living().filter(name_key=folded(name))

    def contradicting(self) -> Self:
        """Return living instances whose status contradicts their tasks.

        They are under change without an active task, or the other way round.
        """
        tasks = Task.objects.filter(instance=OuterRef("pk"))
        active = Exists(tasks.exclude(state=Task.State.ENDED))
        under_change = Q(status=InstanceStatus.UNDER_CHANGE)
        return self.filter(
            under_change & ~active | ~under_change & active, terminated_at=None
        )

    @transaction.atomic
    def launch(
        self,
        spec: ProvisioningSpec,
        *,
        name: str,
        region: Region,
        by: User,
        pk: str = "",
        plan_id: str | None = None,
        direct: bool = True,
    ) -> Task:
        """Create the instance and queue its first task: both rows, or neither.

        `pk` is the ID that its plan reserved for it. A change is `direct` unless it
        executes a submitted plan. Raises ConflictError when a living instance has the name
        already, ApprovalRequiredError for a direct change that needs an approval.
        """
        if direct:
            check_direct(Task.Kind.LAUNCH, spec.version.product, spec.portfolio)
        pk = pk or new_id("pp")
        try:
            with transaction.atomic():
                instance = self.create(
                    pk=pk,
                    stack_id=stack_id_of(pk),
                    engine=engine_in(region, spec.version.template),
                    name=name,
                    product=spec.version.product,
                    version=spec.version,
                    portfolio=spec.portfolio,
                    region=region,
                    owner=by,
                    status=Instance.Status.UNDER_CHANGE,
                )
        except IntegrityError as error:
            raise ConflictError(
                _("An instance with this name already exists. Enter another name."),
                code="DuplicateName.ProvisionedProduct",
            ) from error
        return instance._queue(Task.Kind.LAUNCH, spec, by=by, plan_id=plan_id, was="")


class Instance(Named):
    """One launch of a product version, in one region, with one owner.

    It is made as a stack, by an engine that stays its own for life.
    """

    TYPE = "RosStack"
    Status = InstanceStatus

    id = id_field("pp")
    name = models.CharField(_("name"), max_length=128, validators=[check_name])
    product = models.ForeignKey(
        Product, models.PROTECT, related_name="instances", verbose_name=_("product")
    )
    version = models.ForeignKey(
        Version, models.PROTECT, related_name="instances", verbose_name=_("version")
    )
    portfolio = models.ForeignKey(
        Portfolio,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="instances",
        verbose_name=_("portfolio"),
    )
    region = models.ForeignKey(
        Region, models.PROTECT, related_name="instances", verbose_name=_("stack region")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="instances",
        verbose_name=_("owner"),
    )
    owner_role = models.ForeignKey(
        Role,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="instances",
        verbose_name=_("owning group"),
    )
    status = models.CharField(_("status"), max_length=16, choices=Status)
    status_message = models.TextField(_("status message"), blank=True)
    last_task = models.ForeignKey(
        Task, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    last_successful_task = models.ForeignKey(
        Task, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    # Tags corrected by hand, and the task whose own tags they replace until the next one.
    corrected_tags = models.JSONField(null=True, editable=False)
    stack_id = models.UUIDField(
        _("resource stack ID"), default=uuid.uuid4, editable=False
    )
    # Empty on instances older than the choice: those were all made on this machine.
    engine = models.CharField(_("engine"), max_length=16, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    terminated_at = models.DateTimeField(_("terminated"), null=True, editable=False)

    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("product instance")
        verbose_name_plural = _("product instances")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name_key"],
                condition=Q(terminated_at=None),
                name="instance_name_unique",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="instance_has_name"),
            models.CheckConstraint(
                condition=Q(status__in=["UnderChange", "Available", "Error"]),
                name="instance_status_known",
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=False, owner_role__isnull=True)
                | Q(owner__isnull=True, owner_role__isnull=False),
                name="instance_has_one_owner",
            ),
        ]
        indexes = [
            *(
                models.Index(
                    fields=[*columns, "-created_at", "-id"],
                    name=f"instance_{name}",
                    condition=Q(terminated_at=None),
                )
                for name, columns in (
                    ("newest", []),
                    ("by_owner", ["owner"]),
                    ("by_status", ["status"]),
                    ("by_product", ["product"]),
                    ("by_region", ["region"]),
                )
            ),
            # Nearly always empty: a full index would teach SQLite's planner to scan.
            models.Index(
                fields=["owner_role", "-created_at", "-id"],
                name="instance_by_role",
                condition=Q(owner_role__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("instances:instance-detail", args=[self.pk])

    @property
    def arn(self) -> str:
        return (
            f"acs:servicecatalog:{settings.REGION_ID}:{settings.ACCOUNT_ID}"
            f":provisionedproduct/{self.pk}"
        )

    @property
    def principal(self) -> User | Role:
        """The owner, a user or a group."""
        principal = self.owner or self.owner_role
        assert principal is not None  # a check constraint sees to it
        return principal

    @property
    def made_by(self) -> str:
        """The engine that made the instance and makes all changes of it."""
        return self.engine or local_engine(self.version.template)

    @property
    def simulated(self) -> Text:
        """The notice that the resources are simulated; empty when they are real."""
        return SIMULATED if self.made_by == SIMULATION else ""

    @property
    def console_url(self) -> str:
        """The page of the stack in the vendor's console; empty where there is none.

        A stack has its real ID as soon as the cloud has said that it makes it.
        """
        known = self.stack_id != stack_id_of(self.pk)
        if self.engine != CLOUD or not known or self.terminated_at:
            return ""
        return f"{self.region_console_url}/{self.stack_id}"

    @property
    def region_console_url(self) -> str:
        """The page of all stacks of the region in the vendor's console."""
        if self.engine != CLOUD:
            return ""
        return f"{CONSOLE}/{self.region_id}/stacks"

    @property
    def changing(self) -> bool:
        return self.status == self.Status.UNDER_CHANGE

    @property
    def failed_task(self) -> Task | None:
        """The last task, when it has failed and the instance can still be changed."""
        task = self.last_task
        failed = task is not None and task.status == Task.Status.FAILED
        return task if failed and self.terminated_at is None else None

    def update_to(
        self,
        spec: ProvisioningSpec,
        *,
        by: User,
        plan_id: str | None = None,
        direct: bool = True,
        after: str | AnyTask | None = ANY_TASK,
    ) -> Task:
        """Queue a change of version, launch option, parameters or tags.

        A change is `direct` unless it executes a submitted plan. `after` is the ID of the
        task that must be the last one, None when there must be none. Raises ConflictError when
        nothing would change, when a task is running, when another task was the last, or
        when the instance is gone, ApprovalRequiredError for a direct change that needs an
        approval.
        """
        if direct:
            check_direct(Task.Kind.UPDATE, self.product, spec.portfolio)
        self.check_differs(spec)
        return self._change(Task.Kind.UPDATE, spec, by=by, plan_id=plan_id, after=after)

    def terminate(
        self,
        *,
        by: User,
        plan_id: str | None = None,
        direct: bool = True,
        after: str | AnyTask | None = ANY_TASK,
    ) -> Task:
        """Queue the removal of every resource, then of the instance from all lists.

        Raises ConflictError and ApprovalRequiredError like `update_to`.
        """
        if direct:
            check_direct(Task.Kind.TERMINATE, self.product, self.portfolio)
        return self._change(
            Task.Kind.TERMINATE, self.current(), by=by, plan_id=plan_id, after=after
        )

    @transaction.atomic
    def transfer(
        self, *, to: Principal, by: User, reason: str = "", seen: str = ""
    ) -> None:
        """Give the instance to a user or a group.

        `seen` is the stamp of the owner that the user saw. Raises InvalidInputError when the
        recipient has left, EditConflictError when it has another owner by now, ConflictError
        when it has been terminated, belongs to them already, or changes hands at this
        moment.
        """
        check_recipient(to, reason)
        rows = Instance.objects.filter(pk=self.pk)
        [transfer] = rows.change_owner(to, {self.pk: seen.partition(" ")[0]})
        if transfer.outdated:
            self.refresh_from_db(fields=["owner", "owner_role"])
            raise EditConflictError(self, seen)
        if not transfer.done:
            raise ConflictError(
                transfer.refusal, code="IncorrectStatus.ProvisionedProduct"
            )
        AuditEntry.objects.record(
            "TransferInstance",
            self,
            by=by,
            before={"owner": owner_name(transfer.before)},
            after={"owner": owner_name(owner_columns(to))},
            reason=reason,
        )
        self.refresh_from_db(fields=["owner", "owner_role"])

    @property
    def contradicts(self) -> bool:
        """Return True if status and last task cannot both be true. Makes no query."""
        if self.terminated_at is not None:
            return False
        active = self.last_task is not None and self.last_task.active
        return self.changing != active

    def true_status(self) -> TrueStatus:
        """Return what the newest task and the newest state say."""
        counts = self.states.newest_first().values_list("resource_count", flat=True)
        return TrueStatus.of(self.tasks.newest_first().first(), counts.first() or 0)

    @transaction.atomic
    def reconcile_status(self, *, by: User | None, reason: str = "") -> None:
        """Set the status to what tasks and state say. `by` is None for the system.

        Raises ConflictError when the status agrees with them already.
        """
        true = self.true_status()
        columns: dict[str, Any] = {
            "status": true.status,
            "status_message": str(true.message),
            "last_task": true.task,
        }
        if true.ended_at is not None:
            columns |= {
                "terminated_at": true.ended_at,
                "last_successful_task": true.task,
            }
        rows = Instance.objects.filter(pk=self.pk).contradicting()
        before = rows.values_list("status", flat=True).first()
        # The UPDATE looks once more: a task may begin at this moment.
        if before is None or not rows.filter(status=before).update(**columns):
            raise ConflictError(
                _("The status matches the tasks. There is nothing to reconcile."),
                code="IncorrectStatus.ProvisionedProduct",
            )
        if true.ended_at is not None:
            self.resources.all().delete()
        AuditEntry.objects.record(
            "ReconcileInstance",
            self,
            by=by,
            before={"status": before},
            after={
                "status": true.status,
                "task": true.task.pk if true.task else "",
                "terminated": true.ended_at is not None,
            },
            reason=reason,
        )
        self.refresh_from_db(fields=[*columns, "terminated_at"])

    def current(self) -> ProvisioningSpec:
        """Return the spec of the last successful task, else of the last task."""
        task = self.basis
        if task is None:
            return ProvisioningSpec(self.version, self.portfolio)
        if task.version_id == self.version_id:
            # This object has its template already.
            task.version = self.version
        return replace(
            task.spec,
            version=self.version,
            portfolio=self.portfolio,
            tags=self.tags_after(task),
        )

    def tags_after(self, task: Task) -> dict[str, str]:
        """Return the tags of a task, or their later correction by hand."""
        corrected: dict[str, Any] = self.corrected_tags or {}
        found: dict[str, str] = task.tags
        return corrected["tags"] if corrected.get("after") == task.pk else found

    @transaction.atomic
    def replace_tags(self, tags: Mapping[str, str]) -> None:
        """Correct the tags by hand; the caller records it in the audit log.

        The tags of the tasks stay as they were asked for.
        """
        after = self.basis.pk if self.basis else ""
        corrected = {"after": after, "tags": dict(tags)}
        Instance.objects.filter(pk=self.pk).update(corrected_tags=corrected)
        self.corrected_tags = corrected
        self.tags.all().delete()
        rows = self.tags.model
        rows.objects.bulk_create(
            rows(instance=self, key=key, value=value) for key, value in tags.items()
        )

    @property
    def state_mark(self) -> str:
        """The lineage and serial of the newest state, by which a change is noticed."""
        found = self.states.newest_first().values_list("lineage", "serial").first()
        return "{}/{}".format(*found) if found else ""

    @property
    def basis(self) -> Task | None:
        """The task whose parameters the next update starts from."""
        return self.last_successful_task or self.last_task

    def check_differs(self, spec: ProvisioningSpec) -> None:
        """Raise ConflictError for a spec that would change nothing.

        After a failure the last good values are a change: applying them again repairs it.
        """
        if self.status == self.Status.ERROR or self.changes_template_input(spec):
            return
        option = spec.portfolio.pk if spec.portfolio else None
        # Its portfolio may be deleted: the default one then is no change by itself.
        taken = self.portfolio_id is None and not spec.option_named
        same_option = taken or option == self.portfolio_id
        if same_option and spec.tags == self.current().tags:
            raise ConflictError(
                _(
                    "Nothing to update. Change the version, the launch option, a parameter, or "
                    "a tag."
                ),
                code="NoChange.ProvisionedProduct",
            )

    def changes_template_input(self, spec: ProvisioningSpec) -> bool:
        """Return True if version or parameters differ from the last successful task."""
        if self.last_successful_task is None:
            return True
        changed = spec.version.pk != self.version_id
        return changed or not spec.entered_like(self.current())

    def _change(
        self,
        kind: Task.Kind,
        spec: ProvisioningSpec,
        *,
        by: User,
        plan_id: str | None,
        after: str | AnyTask | None,
    ) -> Task:
        """Queue a task, or raise ConflictError: the UPDATE is the lock, the row the queue."""
        with transaction.atomic():
            was = Instance.objects.values_list("status", flat=True).get(pk=self.pk)
            idle = Instance.objects.living().filter(pk=self.pk, status=was)
            idle = idle.exclude(status=self.Status.UNDER_CHANGE)
            if after is not ANY_TASK:
                # Another task may have started and ended since the caller read the row.
                idle = idle.filter(last_task=after)
            if not idle.update(status=self.Status.UNDER_CHANGE, status_message=""):
                raise self._busy()
            return self._queue(kind, spec, by=by, plan_id=plan_id, was=was)

    def _queue(
        self,
        kind: Task.Kind,
        spec: ProvisioningSpec,
        *,
        by: User,
        plan_id: str | None,
        was: str,
    ) -> Task:
        before = {}
        if kind == Task.Kind.UPDATE:
            before = _facts(self.current())
        task = Task.objects.create(
            instance=self,
            kind=kind,
            created_by=by,
            plan_id=plan_id,
            instance_status_before=was,
            **spec.columns(),
        )
        Instance.objects.filter(pk=self.pk).update(last_task=task)
        self.last_task, self.status = task, self.Status.UNDER_CHANGE
        AuditEntry.objects.record(
            kind,
            self,
            by=by,
            before=before,
            after={"task": task.pk, **_facts(spec)},
        )
        announce(task.pk)
        return task

    def restore_status(self, task: Task) -> None:
        """Restore the status from before a task that changed nothing."""
        was = task.instance_status_before or self.Status.ERROR
        message = "" if was == self.Status.AVAILABLE else task.status_message
        Instance.objects.filter(pk=self.pk, last_task=task).update(
            status=was, status_message=message
        )

    def check_living(self) -> None:
        """Raise ConflictError for a terminated instance, which can only be read."""
        if self.terminated_at is not None:
            raise ConflictError(
                _("This instance has been terminated."),
                code="IncorrectStatus.ProvisionedProduct",
            )

    def check_idle(self) -> None:
        """Raise ConflictError while a task runs on the instance, and once it is terminated."""
        fresh = Instance.objects.living().filter(pk=self.pk)
        if not fresh.exclude(status=self.Status.UNDER_CHANGE).exists():
            raise self._busy()

    def _busy(self) -> ConflictError:
        fresh = Instance.objects.select_related("last_task").get(pk=self.pk)
        if fresh.terminated_at:
            return ConflictError(
                _("This instance has been terminated."),
                code="IncorrectStatus.ProvisionedProduct",
            )
        if not fresh.changing:
            return ConflictError(
                _("The instance was just changed by another operation. Preview again."),
                code="IncorrectStatus.ProvisionedProduct",
            )
        return ConflictError(
            _(
                "Task %(task)s (%(kind)s) has been running on this "
                "instance since %(time)s. Wait for it to end."
            )
            % {
                "task": fresh.last_task_id,
                "kind": fresh.last_task.get_kind_display() if fresh.last_task else "",
                "time": f"{fresh.last_task.created_at:%H:%M:%S} UTC"
                if fresh.last_task
                else "",
            },
            code="IncorrectStatus.ProvisionedProduct",
        )


def _facts(spec: ProvisioningSpec) -> dict[str, object]:
    """Return the facts for the audit log; the task has the parameters."""
    option = spec.portfolio.pk if spec.portfolio else ""
    return {"version": spec.version.pk, "portfolio": option, "tags": spec.tags}


def check_direct(operation: str, product: Product, portfolio: Portfolio | None) -> None:
    """Raise ApprovalRequiredError for an operation that needs an approved plan."""
    EffectiveConstraints.of(product, portfolio).check_direct(operation)


def instance_for(user: User, pk: str) -> Instance:
    """Return an instance that a user may see.

    Raises NotFoundError for a missing one and for one of another user alike.
    """
    instance = (
        Instance.objects.visible_to(user)
        .select_related(
            "product",
            "version__template",
            "region",
            "owner",
            "owner_role",
            "portfolio",
            "last_task__version__template",
            "last_task__portfolio",
            "last_task__created_by",
            "last_task__diagnostics",
            "last_successful_task__version__template",
        )
        .annotate(read_at=Now())
        .filter(pk=pk)
        .first()
    )
    if instance is None:
        raise NotFoundError(
            _("The instance does not exist, or you do not have access to it."),
            code="InvalidProvisionedProduct.NotFound",
        )
    if instance.last_task is not None:
        instance.last_task.read_at = instance.read_at
    return instance


def living_instance_for(user: User, pk: str) -> Instance:
    """Return an instance to change. Raises ConflictError once it is terminated."""
    instance = instance_for(user, pk)
    instance.check_living()
    return instance


def task_for(user: User, instance: Instance, pk: str) -> Task:
    """Return a task of an instance that the user may see. Raises NotFoundError."""
    task: Task | None = (
        instance.tasks.select_related(
            "version__template", "portfolio", "created_by", "diagnostics"
        )
        .annotate(read_at=Now())
        .filter(pk=pk)
        .first()
    )
    if task is None:
        raise NotFoundError(
            _("The task does not exist, or you do not have access to it."),
            code="InvalidTask.NotFound",
        )
    return task
