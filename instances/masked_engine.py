"""Masking of secrets in everything that an engine returns, before it is stored or shown."""

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
from instances.models import Check, Plan, Task
from instances.models.resource import ADDRESS_LENGTH

# How many earlier tasks have their secrets masked: a change removes resources they created.
MAX_EARLIER_TASKS = 20
# Words of the engine, names of the template's files and blocks, and times. A secret that is
# the word "apply" must not mask the stage of that name.
UNMASKED_FIELDS = frozenset(
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
# Stored in encrypted columns only.
ENCRYPTED_FIELDS = frozenset({"body", "secret_value"})
Answer = TypeVar("Answer")


class MaskedEngine:
    """An engine that masks secrets in everything it returns or raises. Implements Engine.

    Every field is masked unless UNMASKED_FIELDS or ENCRYPTED_FIELDS name it.
    """

    def __init__(self, engine: Engine, masker: Masker) -> None:
        self.engine = engine
        self.masker = masker
        self.in_cloud = engine.in_cloud

    def start(self, directory: Path, order: Order) -> None:
        with self._masked_errors():
            self.engine.start(directory, order)

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        with self._masked_errors():
            return self.engine.resume(directory, order, offset)

    def alive(self, directory: Path) -> bool:
        return self.engine.alive(directory)

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        found = self.engine.events(directory, offset, limit)
        return [self._masked(event) for event in found]

    def outcome(self, directory: Path) -> Outcome | None:
        return self._masked(self.engine.outcome(directory))

    def state(self, directory: Path) -> StateFile | None:
        """Return the state of the run, masked except for its body.

        Each output also has its value unmasked, for the encrypted column.
        """
        found = self.engine.state(directory)
        if found is None:
            return None
        outputs = [replace(each, secret_value=each.value) for each in found.outputs]
        return self._masked(replace(found, outputs=outputs))

    def changes(self, directory: Path) -> list[Change]:
        return [self._masked(change) for change in self.engine.changes(directory)]

    def plan_file(self, directory: Path) -> bytes | None:
        """Return the saved plan, unmasked, for an encrypted column."""
        return self.engine.plan_file(directory)

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        return self.engine.cancel(directory, force=force)

    def may_kill(self, directory: Path) -> bool:
        return self.engine.may_kill(directory)

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        self.engine.clean(directory, keep_events=keep_events)

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, object],
        secrets: Mapping[str, object],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        with self._masked_errors():
            found = self.engine.check_values(files, parameters, secrets, types)
        return None if found is None else [self._masked(each) for each in found]

    def version(self) -> str:
        return self.engine.version()

    @contextlib.contextmanager
    def _masked_errors(self) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            raise type(error)(self.masker.text(str(error))) from error

    def _masked(self, answer: Answer) -> Answer:
        """Return a dataclass with its fields masked at every depth."""
        if answer is None:
            return answer
        changed = {
            each.name: self._field(each.name, getattr(answer, each.name))
            for each in fields(answer)  # type: ignore[arg-type]
            if each.name not in UNMASKED_FIELDS and each.name not in ENCRYPTED_FIELDS
        }
        return replace(answer, **changed)  # type: ignore[type-var]

    def _field(self, name: str, value: Any) -> object:
        if value is None or isinstance(value, bool | int | bytes):
            # Counts, offsets and lines. Numbers from the template are in fields named value.
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


def known_secrets(work: Task | Plan | Check) -> Iterator[object]:
    """Yield the secrets of the work and of earlier tasks of its instance.

    A change may report the removal of resources that have secrets of earlier tasks.
    """
    yield from work.secret_values
    if isinstance(work, Check) or work.instance_id is None:
        return
    earlier = Task.objects.filter(instance=work.instance_id).exclude(pk=work.pk)
    known = earlier.newest_first().only("pk", "secrets", "version")
    versions = set()
    for task in known[:MAX_EARLIER_TASKS]:
        versions.add(task.version_id)
        # With a missing key of an earlier task, the run must still be possible.
        with contextlib.suppress(DecryptionError):
            yield from task.secrets.values()
    # Where no value was entered, the default of the template was the secret.
    former = Template.objects.filter(versions__in=versions - {work.version_id})
    for template in former.defer("files", "body").distinct():
        yield from (p.default for p in template.schema.parameters if p.secret)
