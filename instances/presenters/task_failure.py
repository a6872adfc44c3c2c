"""A failed task as its page shows it: cause, remaining resources and next actions."""

import json
from dataclasses import dataclass

from django.db.models import Count, F, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import get_language

from catalog.effective_constraints import EffectiveConstraints
from catalog.models import Constraint, Portfolio
from catalog.schema.conversion import as_text
from console.lib.errors import Text
from console.lib.users import User
from instances.models import Instance, KnownError, Task, TaskDiagnostics
from instances.presenters.task_log import LogExcerpt

MAX_RESOURCES_SHOWN = 10
ABSENT_STATUSES = ("CREATE_FAILED", "CREATE_IN_PROGRESS", "DELETE_COMPLETE")


@dataclass(frozen=True)
class FailureSourceDetails:
    """The resource that failed, and the parameter whose value caused it, if that is known."""

    address: str
    location: str
    label: Text = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class TaskFailure:
    """The failure of a task, and how the user can go on.

    The user can act only if the task `is_last`: the last one of its instance. With
    `needs_approval` that takes a plan. If the product is `not_shared` with the user any
    longer, the user can only clean up. `resources` holds the addresses of the first
    recorded resources, `more_resources` the number of the others.
    """

    task: Task
    diagnostics: TaskDiagnostics
    known_error: KnownError | None
    source: FailureSourceDetails | None
    is_last: bool
    needs_approval: bool
    not_shared: bool
    resources: list[str]
    more_resources: int

    @property
    def is_termination(self) -> bool:
        return self.task.kind == Task.Kind.TERMINATE

    @property
    def may_edit(self) -> bool:
        return self.is_last and not self.is_termination and not self.not_shared

    @property
    def may_retry(self) -> bool:
        possible = self.is_termination or not self.not_shared
        return self.is_last and possible and not self.needs_approval


def task_failure(
    task: Task, instance: Instance, log_excerpt: LogExcerpt, *, by: User
) -> TaskFailure | None:
    """Return the failure of a task; None for a task that has not failed."""
    if task.status != Task.Status.FAILED:
        return None
    diagnostics = TaskDiagnostics.of(task)
    last = instance.failed_task is not None and instance.last_task_id == task.pk
    facts = _InstanceFacts()
    if last:
        facts = _instance_facts(task, instance, diagnostics, by)
    return TaskFailure(
        task=task,
        diagnostics=diagnostics,
        known_error=KnownError.objects.explaining(
            _text(task, diagnostics, log_excerpt)
        ),
        source=_failure_source(task, diagnostics),
        is_last=last,
        needs_approval=facts.needs_approval,
        not_shared=not facts.shared,
        resources=[*facts.resources],
        more_resources=facts.count - len(facts.resources),
    )


@dataclass(frozen=True)
class _InstanceFacts:
    resources: tuple[str, ...] = ()
    count: int = 0
    needs_approval: bool = False
    shared: bool = True


def _instance_facts(
    task: Task, instance: Instance, diagnostics: TaskDiagnostics, by: User
) -> _InstanceFacts:
    """Read the recorded resources, the approval constraints and the grants in one query."""
    is_termination = task.kind == Task.Kind.TERMINATE
    portfolio = instance.portfolio_id if is_termination else task.portfolio_id
    # Without resources that are being changed or whose creation failed: they may not exist.
    resources = instance.resources.exclude(status__in=ABSENT_STATUSES)
    resources = resources.exclude(address__in=diagnostics.in_flight)
    count = resources.order_by().values("instance").annotate(n=Count("pk")).values("n")
    first = resources.order_by("address").values("pk")[:MAX_RESOURCES_SHOWN]
    constraints = Constraint.objects.filter(
        product=instance.product_id, portfolio=portfolio, kind=Constraint.Kind.APPROVAL
    )
    rows = _labelled("resource", resources.filter(pk__in=first), F("address")).union(
        _labelled(
            "count",
            Instance.objects.filter(pk=instance.pk),
            Cast(Coalesce(Subquery(count), 0), TextField()),
        ),
        _labelled("constraint", constraints, Cast("config", TextField())),
        _labelled(
            "shared",
            Portfolio.objects.launch_options(instance.product, by),
            F("pk"),
        ),
        all=True,
    )
    found: dict[str, list[str]] = {}
    for label, value in rows:
        found.setdefault(label, []).append(value)
    operation = Task.Kind.TERMINATE if is_termination else Task.Kind.UPDATE
    approvals = (
        Constraint(kind=Constraint.Kind.APPROVAL, config=json.loads(config))
        for config in found.get("constraint", ())
    )
    return _InstanceFacts(
        tuple(sorted(found.get("resource", ()))),
        int(found["count"][0]),
        EffectiveConstraints(tuple(approvals)).needs_approval(operation),
        by.is_administrator or "shared" in found,
    )


def _labelled(label: str, rows: QuerySet, value: F | Cast) -> QuerySet:
    return rows.order_by().values_list(Value(label, output_field=TextField()), value)


def _text(task: Task, diagnostics: TaskDiagnostics, log_excerpt: LogExcerpt) -> str:
    """Return the text to search for known errors; only its end is searched, so the reason is last."""
    lines = [line.text for line in log_excerpt.lines]
    return "\n".join([*lines, diagnostics.error, task.status_message])


def _failure_source(
    task: Task, diagnostics: TaskDiagnostics
) -> FailureSourceDetails | None:
    location = (
        f"{diagnostics.file}:{diagnostics.line}"
        if diagnostics.line
        else diagnostics.file
    )
    schema = task.version.template.schema
    parameter = schema.by_key.get(diagnostics.parameter)
    if parameter is None:
        return (
            FailureSourceDetails(diagnostics.address, location)
            if diagnostics.address
            else None
        )
    return FailureSourceDetails(
        address=diagnostics.address,
        location=location,
        label=parameter.label_in(get_language() or "en"),
        key=parameter.key,
        value=as_text(task.masked_parameters.get(parameter.key)) or "–",
    )
