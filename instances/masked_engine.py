"""The one place where what an engine tells is masked, before anything of it is stored or shown."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from catalog.models import Template
from console.lib.encryption import DecryptionError
from console.lib.masking import Masker, shortened
from instances.engines.base import (
    Change,
    Diagnostic,
    Engine,
    EngineError,
    Event,
    Order,
    Outcome,
    StateFile,
)
from instances.models import Plan, Task
from instances.models.resource import ADDRESS_LENGTH

# The secrets of so many tasks before are still masked: a change removes what they made.
MAX_EARLIER_TASKS = 20
# Words of the engine's own vocabulary, names of the template's files and blocks, and moments.
# A secret that is the word "apply" must not rewrite the stage of that name.
VOCABULARY = frozenset(
    {
        "action",
        "at",
        "file",
        "level",
        "lineage",
        "severity",
        "stack_id",
        "stage",
        "stages",
        "status",
        "stream",
        "type",
        "uses",
        "variable",
    }
)
# Kept in encrypted columns only.
ENCRYPTED = frozenset({"body", "secret_value"})
Told = TypeVar("Told")


class MaskedEngine:
    """An engine whose every answer has passed the masker. Implements Engine.

    A field that a new kind of answer brings is masked unless it is named above.
    """

    def __init__(self, engine: Engine, masker: Masker) -> None:
        self.engine = engine
        self.masker = masker
        self.in_cloud = engine.in_cloud

    def start(self, directory: Path, order: Order) -> None:
        """Start the run. Raises EngineError, masked."""
        with self._masked_errors():
            self.engine.start(directory, order)

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        """Go on with a run that died. Raises EngineError, masked."""
        with self._masked_errors():
            return self.engine.resume(directory, order, offset)

    def alive(self, directory: Path) -> bool:
        """Return True while any process of the run lives."""
        return self.engine.alive(directory)

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """Return the complete log lines from a byte offset on, masked."""
        found = self.engine.events(directory, offset, limit)
        return [self._masked(event) for event in found]

    def outcome(self, directory: Path) -> Outcome | None:
        """Return how the run ended, masked; None while it is still going."""
        return self._masked(self.engine.outcome(directory))

    def state(self, directory: Path) -> StateFile | None:
        """Return the state the run has reached: masked but for the whole of it, as bytes.

        An output keeps its clear value beside the masked one, for the encrypted column.
        """
        found = self.engine.state(directory)
        if found is None:
            return None
        outputs = [replace(each, secret_value=each.value) for each in found.outputs]
        return self._masked(replace(found, outputs=outputs))

    def changes(self, directory: Path) -> list[Change]:
        """Return what the plan would do, masked."""
        return [self._masked(change) for change in self.engine.changes(directory)]

    def plan_file(self, directory: Path) -> bytes | None:
        """Return the saved plan, which is kept in an encrypted column only."""
        return self.engine.plan_file(directory)

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        """Ask the run to stop, or with `force` kill it."""
        return self.engine.cancel(directory, force=force)

    def may_kill(self, directory: Path) -> bool:
        """Return True where killing the run stops anything."""
        return self.engine.may_kill(directory)

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove everything of the run that may hold secrets."""
        self.engine.clean(directory, keep_events=keep_events)

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, Any],
        secrets: Mapping[str, Any],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """Return what is wrong with these values, masked. Raises EngineError, masked."""
        with self._masked_errors():
            found = self.engine.check_values(files, parameters, secrets, types)
        return None if found is None else [self._masked(each) for each in found]

    def version(self) -> str:
        """Return name and version of the tool."""
        return self.engine.version()

    @contextlib.contextmanager
    def _masked_errors(self) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            raise type(error)(self.masker.text(str(error))) from error

    def _masked(self, told: Told) -> Told:
        """Return a dataclass with each of its fields masked, as deep as it goes."""
        if told is None:
            return told
        changed = {
            each.name: self._field(each.name, getattr(told, each.name))
            for each in fields(told)  # type: ignore[arg-type]
            if each.name not in VOCABULARY and each.name not in ENCRYPTED
        }
        return replace(told, **changed)  # type: ignore[type-var]

    def _field(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | bytes):
            # Counts, offsets and lines; a number that a template makes is inside of a value.
            return self.masker.value(value) if name == "value" else value
        if hasattr(value, "__dataclass_fields__"):
            return self._masked(value)
        if name == "address":
            return shortened(self.masker.address(value), ADDRESS_LENGTH)
        if name == "key":
            return self.masker.key(value)
        if (
            isinstance(value, list)
            and value
            and hasattr(value[0], "__dataclass_fields__")
        ):
            return [self._masked(each) for each in value]
        return self.masker.value(value)


def secrets_known_to(work: Any) -> Iterator[Any]:
    """Yield the secrets of the work, and of earlier tasks of its instance.

    What an earlier task made bears the secrets of then, and a change tells of its end.
    """
    yield from work.secret_values
    if not isinstance(work, Task | Plan) or work.instance_id is None:
        return
    earlier = Task.objects.filter(instance=work.instance_id).exclude(pk=work.pk)
    known = earlier.newest_first().only("pk", "secrets", "version")
    versions = set()
    for task in known[:MAX_EARLIER_TASKS]:
        versions.add(task.version_id)
        # One of a key that is lost is no reason to run nothing any more.
        with contextlib.suppress(DecryptionError):
            yield from task.secrets.values()
    # A secret of which nothing was entered is the default that its template has.
    former = Template.objects.filter(versions__in=versions - {work.version_id})
    for template in former.defer("files", "body").distinct():
        yield from (p.default for p in template.schema.parameters if p.secret)
