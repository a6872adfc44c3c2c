"""A failed task as its page tells it: what exists, what was in flight, and what can be done."""

import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import get_language

from catalog.effective_constraints import EffectiveConstraints
from catalog.models import Constraint, Portfolio
from catalog.schema.conversion import as_text
from console.lib.errors import Text
from console.lib.users import User
from instances.models import Evidence, Instance, KnownError, Task
from instances.presenters.task_log import Transcript

# So many resources are named, the rest are counted.
NAMED = 10
NOT_THERE = ("CREATE_FAILED", "CREATE_IN_PROGRESS", "DELETE_COMPLETE")


@dataclass(frozen=True)
class Culprit:
    """The resource that failed, and the parameter that fed it where that can be told."""

    address: str
    place: str
    label: Text = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class Aftermath:
    """What is left of a failed task.

    `open` says that it is the last word on its instance, so that something can be done
    about it; `needs_approval`, that only a plan may do it; `withdrawn`, that the product is
    no longer shared with the person, so that only cleaning up is left.
    """

    task: Task
    evidence: Evidence
    card: KnownError | None
    culprit: Culprit | None
    open: bool
    needs_approval: bool
    withdrawn: bool
    existing: list[dict[str, Any]]
    more: int

    @property
    def terminates(self) -> bool:
        return self.task.kind == Task.Kind.TERMINATE

    @property
    def may_edit(self) -> bool:
        return self.open and not self.terminates and not self.withdrawn

    @property
    def may_retry(self) -> bool:
        possible = self.terminates or not self.withdrawn
        return self.open and possible and not self.needs_approval


def aftermath_of(
    task: Task, instance: Instance, transcript: Transcript, *, by: User
) -> Aftermath | None:
    """Tell what a failed task left behind; None for any other."""
    if task.status != Task.Status.FAILED:
        return None
    evidence = Evidence.of(task)
    last = instance.failed_task is not None and instance.last_task_id == task.pk
    around = (
        _around(task, instance, evidence, by) if last else _Around([], 0, False, True)
    )
    return Aftermath(
        task=task,
        evidence=evidence,
        card=KnownError.objects.explaining(_text(task, evidence, transcript)),
        culprit=_culprit(task, evidence),
        open=last,
        needs_approval=around.needs_approval,
        withdrawn=not around.shared,
        existing=around.existing,
        more=around.count - len(around.existing),
    )


@dataclass(frozen=True)
class _Around:
    """What there is around the last task of an instance: what exists, and who may go on how."""

    existing: list[dict[str, Any]]
    count: int
    needs_approval: bool
    shared: bool


def _around(task: Task, instance: Instance, evidence: Evidence, by: User) -> _Around:
    """Read it all in one query: small lists of different things, one below the other."""
    terminates = task.kind == Task.Kind.TERMINATE
    portfolio = instance.portfolio_id if terminates else task.portfolio_id
    # The resources on record, without those nobody can be sure of.
    resources = instance.resources.exclude(status__in=NOT_THERE)
    resources = resources.exclude(address__in=evidence.in_flight)
    count = resources.order_by().values("instance").annotate(n=Count("pk")).values("n")
    first = resources.order_by("address").values("pk")[:NAMED]
    limits = Constraint.objects.filter(
        product=instance.product_id, portfolio=portfolio, kind=Constraint.Kind.APPROVAL
    )
    rows = _listed(
        "resource", resources.filter(pk__in=first), F("address"), F("status")
    ).union(
        _listed(
            "count",
            Instance.objects.filter(pk=instance.pk),
            Cast(Coalesce(Subquery(count), 0), TextField()),
            _text_of(""),
        ),
        _listed("limit", limits, Cast("config", TextField()), _text_of("")),
        _listed(
            "shared",
            Portfolio.objects.launch_options(instance.product, by),
            F("pk"),
            _text_of(""),
        ),
        all=True,
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for what, first, second in rows:
        found.setdefault(what, []).append((first, second))
    operation = Task.Kind.TERMINATE if terminates else Task.Kind.UPDATE
    approvals = (
        Constraint(kind=Constraint.Kind.APPROVAL, config=json.loads(config))
        for config, _nothing in found.get("limit", ())
    )
    return _Around(
        [{"address": a, "status": s} for a, s in sorted(found.get("resource", ()))],
        int(found["count"][0][0]),
        EffectiveConstraints(tuple(approvals)).needs_approval(operation),
        by.is_administrator or "shared" in found,
    )


def _listed(what: str, rows: QuerySet[Any], first: Any, second: Any) -> QuerySet[Any]:
    return rows.order_by().values_list(_text_of(what), first, second)


def _text_of(text: str) -> Value:
    return Value(text, output_field=TextField())


def _text(task: Task, evidence: Evidence, transcript: Transcript) -> str:
    """What a known error is looked for in; the reason comes last, so that it is never cut off."""
    lines = [line.text for line in transcript.lines]
    return "\n".join([*lines, evidence.error, task.status_message])


def _culprit(task: Task, evidence: Evidence) -> Culprit | None:
    """What failed, with the value of its parameter as the task's own page shows it."""
    place = f"{evidence.file}:{evidence.line}" if evidence.line else evidence.file
    schema = task.version.template.schema
    parameter = schema.by_key.get(evidence.parameter)
    if parameter is None:
        return Culprit(evidence.address, place) if evidence.address else None
    return Culprit(
        address=evidence.address,
        place=place,
        label=parameter.label_in(get_language() or "en"),
        key=parameter.key,
        value=as_text(task.masked_parameters.get(parameter.key)) or "–",
    )
