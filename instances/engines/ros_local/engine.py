"""The engine for ROS templates: Terraform's, with a translation before and after it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.lib.exact import loads
from instances.engines import events as log
from instances.engines import processes, workspace
from instances.engines.base import (
    Change,
    Diagnostic,
    EngineError,
    Event,
    Order,
    Outcome,
    StateFile,
)
from instances.engines.ros_local.expressions import TranslationError
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.parameters import PSEUDO, value_for
from instances.engines.ros_local.resource_types import Kind, facts_of
from instances.engines.ros_local.ros_names import Words, changed
from instances.engines.ros_local.simulated_state import kinds_in, physical_ids, shown
from instances.engines.ros_local.translation import Around, Translation
from instances.engines.terraform import ACTIONS, Terraform

DOCUMENT = "template.json"
# Beside the translation, which does not look at it; and among the log when all else is gone.
KINDS = "kinds.json"
ENDINGS = ("destroy", "plan-destroy")
NOTHING = {"main.tf": ""}


class RosLocal(Terraform):
    """The engine for ROS templates. What it makes exists in the state and nowhere else."""

    def start(self, directory: Path, order: Order) -> None:
        """Start the order, as `Terraform.start` does. Its files are one document.

        Raises EngineError with the first thing that cannot be simulated; everything can
        be removed, whatever the document says by now.
        """
        if order.action not in ACTIONS:
            raise EngineError(f"There is no action called {order.action}.")
        # The policy for templates is not asked: of the blocks it looks for, a translation
        # has none but the provisioner of a sleep, and no text in it is more than a text.
        made = translated(order)
        tool = self._tool()
        directory = directory.absolute()
        workspace.write(directory, made, tool, self.settings)
        environment = workspace.environment(directory, made.secrets, made.environment)
        processes.keep(processes.launch(directory, environment))

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """The complete log lines from a byte offset on, at most `limit`."""
        words = _words(directory)
        found = super().events(directory, offset, limit)
        ids = _ids(directory) if any(_named(words, event) for event in found) else {}
        return [words.event(event, ids) for event in found]

    def outcome(self, directory: Path) -> Outcome | None:
        """How the run ended; None while it is still going."""
        found = super().outcome(directory)
        if found is None:
            return None
        return replace(found, message=_message(directory, found))

    def state(self, directory: Path) -> StateFile | None:
        """The state the run has reached, if it can be read whole."""
        found = super().state(directory)
        return found and shown(found)

    def changes(self, directory: Path) -> list[Change]:
        """What the plan would do; empty when there is no plan."""
        words = _words(directory)
        return [changed(each, words) for each in super().changes(directory)]

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove the directory, or with `keep_events` everything but the log and its words."""
        kinds = _kinds(directory)
        super().clean(directory, keep_events=keep_events)
        if keep_events and kinds:
            (directory / KINDS).write_bytes(kinds)

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, Any],
        secrets: Mapping[str, Any],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """What Terraform says of values; None when no answer came in time."""
        order = translated(Order("plan", files, parameters, secrets))
        found = super().check_values(order.files, order.parameters, order.secrets)
        words = Words({})
        return found and [words.diagnostic(each) for each in found]


def translated(order: Order) -> Order:
    """The order for Terraform. Raises EngineError when the document cannot be simulated."""
    ending = order.action in ENDINGS
    kinds = kinds_in(order.state)
    made = _translation(order)
    if ending and (made is None or made.problems):
        return replace(
            order, files=_with_kinds(NOTHING, kinds), parameters={}, secrets={}
        )
    if made is None:
        raise EngineError(f"The document {DOCUMENT} of the template cannot be read.")
    if made.problems:
        raise EngineError(str(made.problems[0]))
    return replace(
        order,
        files=_with_kinds(made.files, {**kinds, **made.kinds}),
        parameters=_values(made, order.parameters),
        secrets=_values(made, order.secrets),
    )


def _translation(order: Order) -> Translation | None:
    """The document of an order, translated; None when it cannot be read."""
    try:
        document = loads(order.files[DOCUMENT])
    except (KeyError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    around = Around(secrets=frozenset(order.secrets))
    return Translation(document, around, judged=order.action not in ENDINGS)


def _values(made: Translation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names of their variables; what the document does not ask for is left out."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        parameter = made.scope.parameters.get(name)
        try:
            fit = value_for(parameter, value) if parameter else value
        except TranslationError:
            raise EngineError(f"The value of {name} is not a number.") from None
        known = name in PSEUDO or parameter is not None
        if known and (
            fit is not None or (parameter is not None and parameter.nullable)
        ):
            values[identifier(name)] = fit
    return values


def _with_kinds(files: Mapping[str, str], kinds: Mapping[str, Kind]) -> dict[str, str]:
    """Files with what shows their resources in the words of ROS."""
    return {**files, KINDS: json.dumps(kinds)}


def _kinds(directory: Path) -> bytes:
    """How the resources of a run are shown, as it was noted; empty when it was not."""
    for path in (directory / "module" / KINDS, directory / KINDS):
        try:
            return path.read_bytes()
        except OSError:
            continue
    return b""


def _words(directory: Path) -> Words:
    """The words for a run."""
    try:
        found = json.loads(_kinds(directory) or b"{}")
    except ValueError:
        found = {}
    return Words({address: Kind(*facts) for address, facts in found.items()})


def _message(directory: Path, outcome: Outcome) -> str:
    """How the run ended, in words; a failure names the resource it is about."""
    words = _words(directory)
    message = words.text(outcome.message)
    error = None if outcome.ok else log.first_error(directory, 0)
    if error is None or not error.address:
        return message
    about = outcome.message.startswith(error.summary.rstrip(".:"))
    return f"{words.address(error.address)}: {message}" if about else message


def _named(words: Words, event: Event) -> bool:
    """Whether an event is about a resource whose ID is one of its properties."""
    resource = event.resource
    if resource is None or not resource.physical_id:
        return False
    return "name" in facts_of(words.kind(words.address(resource.address)))


def _ids(directory: Path) -> dict[str, str]:
    """The IDs of resources as the states of a run have them, the newest last."""
    paths = (directory / f"{workspace.STATE}{end}" for end in (".backup", ""))
    return physical_ids(_read(path) for path in paths)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
