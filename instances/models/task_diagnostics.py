"""The diagnostics of a task: how its run ended, its first error, warnings and imports."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models import Template
from catalog.schema import TemplateError
from catalog.terraform.lexer import Scan, Statement
from instances.engines.base import Diagnostic, Event, Import, Outcome
from instances.models.resource import Resource
from instances.models.task import Task
from instances.models.warning import NO_ITEMS, after_apply, merged, warnings_in

ADDRESS_LENGTH = 512
USED = re.compile(r"(?<![\w.-])var\.([\w-]+)")
INDEX = re.compile(r"\[.*\]\Z")
# The columns of the first error, as they are without one.
NO_ERROR = {
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


@dataclass(frozen=True)
class FailureSource:
    """The resource that an error is about, its place in the template, and the parameter."""

    address: str
    file: str
    line: int | None
    parameter: str

    @classmethod
    def of(cls, error: Diagnostic, template: Template) -> Self:
        """Trace an error back; `parameter` is empty unless exactly one is behind it.

        Sources, in this order: the variable that the engine names, the variables whose
        values it quotes beside the failing expression, those in the block of the resource.
        """
        return cls(
            error.address[:ADDRESS_LENGTH],
            error.file[:ADDRESS_LENGTH],
            error.line,
            cls._parameter(error, template),
        )

    @staticmethod
    def _parameter(error: Diagnostic, template: Template) -> str:
        known = template.schema.by_key
        if error.variable in known:
            return error.variable
        used = {name for name in error.uses if name in known}
        if not used and error.address:
            used = {name for name in _mentioned(error, template) if name in known}
        return used.pop() if len(used) == 1 else ""


def _mentioned(error: Diagnostic, template: Template) -> set[str]:
    """Return the variables in the block of a resource of the root module."""
    kind, _dot, name = INDEX.sub("", error.address).partition(".")
    text = template.files.get(error.file, "")
    if not error.file.endswith(".tf") or "/" in error.file or not text:
        return set()
    try:
        scan = Scan(text, error.file)
        for statement in scan.statements():
            if statement.name == "resource" and statement.labels == [kind, name]:
                return set(USED.findall(_code(scan, statement)))
    except TemplateError:
        return set()
    return set()


def _code(scan: Scan, block: Statement) -> str:
    """Return a block without its string literals."""
    tokens = scan.tokens[block.first : block.last]
    return "".join(
        scan.text[token.start : token.end] if token.kind != "text" else " "
        for token in tokens
    )


class TaskDiagnosticsManager(models.Manager["TaskDiagnostics"]):
    def note(self, task: Task, found: Iterable[Diagnostic | None]) -> None:
        """Store the first error of this attempt; later ones mostly follow from it."""
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
                **asdict(FailureSource.of(first, task.version.template)),
            },
        )

    def note_warnings(self, task: Task, events: Iterable[Event]) -> None:
        """Store the warnings of these events, and the imports that they announce."""
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

    def complete(self, task: Task, outcome: Outcome | None) -> None:
        """Store how the run ended, in the transaction that ends the task.

        Without an outcome nothing is known but that it was changing resources.
        """
        interrupted = outcome is None or (not outcome.finished and outcome.applying)
        # The error of an earlier attempt is not the reason for this end.
        self.filter(task=task).exclude(attempt=task.attempt).update(**NO_ERROR)
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
        """Return the addresses being changed: each may exist without being recorded."""
        rows = Resource.objects.filter(
            instance_id=task.instance_id, status__endswith="_IN_PROGRESS"
        )
        return list(rows.values_list("address", flat=True))


class TaskDiagnostics(models.Model):
    """The result of the run of a task, written by its worker and shown on its page."""

    task = models.OneToOneField(
        Task, models.CASCADE, primary_key=True, related_name="diagnostics"
    )
    # How the run ended
    exit_code = models.IntegerField(_("exit code"), null=True, editable=False)
    ended_in = models.CharField(max_length=16, blank=True, editable=False)
    interrupted = models.BooleanField(_("interrupted"), default=False, editable=False)
    in_flight = models.JSONField(
        _("resources being changed"), default=list, editable=False
    )
    # The first error of the attempt
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

    objects = TaskDiagnosticsManager()

    class Meta:
        # The name that it was created with.
        db_table = "instances_evidence"
        verbose_name = _("execution details")
        verbose_name_plural = _("execution details")

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def of(cls, task: Task) -> Self:
        """Return the diagnostics of a task; empty ones while there are none."""
        found = getattr(task, "diagnostics", None)
        return found if isinstance(found, cls) else cls(task=task)
