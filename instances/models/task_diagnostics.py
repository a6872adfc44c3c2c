"""Why a task's status is what it is: how its run ended, and which error it told of first."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from instances.culprit import parameter_behind
from instances.engines.base import Diagnostic, Event, Import, Outcome
from instances.models.resource import Resource
from instances.models.task import Task
from instances.models.warning import NO_ITEMS, after_apply, merged, warnings_in

ADDRESS_LENGTH = 512
UNTOLD = {
    "attempt": None,
    "error": "",
    "summary": "",
    "address": "",
    "file": "",
    "line": None,
    "parameter": "",
}


def _address(each: Import) -> str:
    return each.address


class EvidenceManager(models.Manager["Evidence"]):
    def note(self, task: Task, found: Iterable[Diagnostic | None]) -> None:
        """Keep the first error this attempt tells of; what follows mostly follows from it."""
        errors = (each for each in found if each and each.severity == "error")
        first = next(errors, None)
        if first is None or self.filter(task=task, attempt=task.attempt).exists():
            return
        sentences = (first.summary.rstrip(".:") + ".", first.detail)
        self.update_or_create(
            task=task,
            defaults={
                "attempt": task.attempt,
                "error": " ".join(each for each in sentences if each),
                "summary": first.summary[:ADDRESS_LENGTH],
                "address": first.address[:ADDRESS_LENGTH],
                "file": first.file[:ADDRESS_LENGTH],
                "line": first.line,
                "parameter": parameter_behind(first, task.version.template),
            },
        )

    def note_warnings(self, task: Task, events: Iterable[Event]) -> None:
        """Keep the warnings of these events, and the imports that they announce."""
        events = list(events)
        imports = {each.imported for each in events if each.imported}
        found = warnings_in(events)
        if not imports and not found:
            return
        known, _made = self.get_or_create(task=task)
        old = {Import(**each) for each in known.imports}
        known.imports = [asdict(each) for each in sorted(imports | old, key=_address)]
        known.warnings = merged(known.warnings, found)
        known.save(update_fields=["imports", "warnings"])

    def settle(self, task: Task, outcome: Outcome | None) -> None:
        """Keep how the run ended, in the transaction that ends the task.

        Without an outcome nothing is known but that it was changing resources.
        """
        interrupted = outcome is None or (not outcome.finished and outcome.applying)
        # What an earlier attempt told of is not why this one ended.
        self.filter(task=task).exclude(attempt=task.attempt).update(**UNTOLD)
        known, _made = self.update_or_create(
            task=task,
            defaults={
                "exit_code": outcome.exit_code if outcome else None,
                "ended_in": (outcome.stage if outcome else task.stage)[:16],
                "interrupted": interrupted,
                "in_flight": self._in_flight(task) if interrupted else [],
            },
        )
        if outcome is not None and outcome.ok and outcome.applying:
            known.warnings = after_apply(known.warnings)
            known.save(update_fields=["warnings"])

    def _in_flight(self, task: Task) -> list[str]:
        """The resources that were being changed: each may exist without being recorded."""
        rows = Resource.objects.filter(
            instance_id=task.instance_id, status__endswith="_IN_PROGRESS"
        )
        return list(rows.values_list("address", flat=True))


class Evidence(models.Model):
    """What a task leaves to judge it by. Written by the worker that holds it, shown on its page."""

    task = models.OneToOneField(
        Task, models.CASCADE, primary_key=True, related_name="evidence"
    )
    # How the run ended
    exit_code = models.IntegerField(_("exit code"), null=True, editable=False)
    ended_in = models.CharField(max_length=16, blank=True, editable=False)
    interrupted = models.BooleanField(_("interrupted"), default=False, editable=False)
    in_flight = models.JSONField(
        _("resources being changed"), default=list, editable=False
    )
    # The first error it told of
    attempt = models.PositiveIntegerField(null=True, editable=False)
    error = models.TextField(_("error"), blank=True, editable=False)
    summary = models.CharField(max_length=ADDRESS_LENGTH, blank=True, editable=False)
    address = models.CharField(
        _("address"), max_length=ADDRESS_LENGTH, blank=True, editable=False
    )
    file = models.CharField(max_length=ADDRESS_LENGTH, blank=True, editable=False)
    line = models.PositiveIntegerField(null=True, editable=False)
    parameter = models.CharField(_("parameter"), max_length=255, blank=True)
    # See `instances.models.warning`
    warnings = models.JSONField(
        _("warnings"), default=list, db_default=NO_ITEMS, editable=False
    )
    # Each a dict of address and id: what existed before and was taken over
    imports = models.JSONField(
        _("imports"), default=list, db_default=NO_ITEMS, editable=False
    )

    objects = EvidenceManager()

    class Meta:
        verbose_name = _("execution details")
        verbose_name_plural = _("execution details")

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def of(cls, task: Any) -> "Evidence":
        """A task's evidence; an empty one while there is none."""
        found = getattr(task, "evidence", None)
        return found if isinstance(found, cls) else cls(task=task)
