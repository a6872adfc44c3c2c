"""The engine for ROS templates: Terraform's, with a translation before and after it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

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
from instances.engines.ros_local.ros_names import RosNames
from instances.engines.ros_local.simulated_state import (
    kinds_in,
    physical_ids,
    with_ros_names,
)
from instances.engines.ros_local.translation import StackContext, Translation
from instances.engines.terraform import ACTIONS, Terraform

DOCUMENT = "template.json"
# Among the files of the translation, which Terraform ignores; a log that outlives them needs it.
KINDS = "kinds.json"
REMOVALS = ("destroy", "plan-destroy")
NO_RESOURCES = {"main.tf": ""}


class RosLocal(Terraform):
    """The engine for ROS templates. Its resources exist in the state and nowhere else."""

    def start(self, directory: Path, order: Order) -> None:
        """Start the order, as `Terraform.start` does. Its files are one template.

        Raises EngineError with the first part that cannot be simulated. A removal always
        starts, whatever the template says by now.
        """
        if order.action not in ACTIONS:
            raise EngineError(f"Unknown action: {order.action}.")
        # The template policy is not asked: of the blocks that it refuses, a translation has
        # only the provisioner of a sleep, and no text in it can become code.
        translated = translate_order(order)
        tool = self._tool()
        directory = directory.absolute()
        workspace.write(directory, translated, tool, self.settings)
        environment = workspace.environment(
            directory, translated.secrets, translated.environment
        )
        processes.keep(processes.launch(directory, environment))

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """Return the complete log lines from a byte offset on, at most `limit`."""
        names = _names(directory)
        found = super().events(directory, offset, limit)
        by_state = any(_id_is_property(names, event) for event in found)
        ids = _ids(directory) if by_state else {}
        return [names.event(event, ids) for event in found]

    def outcome(self, directory: Path) -> Outcome | None:
        """Return how the run ended; None while it is running."""
        found = super().outcome(directory)
        if found is None:
            return None
        return replace(found, message=_message(directory, found))

    def state(self, directory: Path) -> StateFile | None:
        """Return the state of the run, if it can be read whole."""
        found = super().state(directory)
        return found and with_ros_names(found)

    def changes(self, directory: Path) -> list[Change]:
        """Return the changes of the plan; none when there is no plan."""
        names = _names(directory)
        return [names.change(each) for each in super().changes(directory)]

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove the directory, or with `keep_events` all but the log and its names."""
        kinds = _kinds(directory)
        super().clean(directory, keep_events=keep_events)
        if keep_events and kinds:
            (directory / KINDS).write_bytes(kinds)

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, object],
        secrets: Mapping[str, object],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """Return Terraform's errors about values; None when no answer came in time."""
        order = translate_order(Order("plan", files, parameters, secrets))
        found = super().check_values(order.files, order.parameters, order.secrets)
        names = RosNames({})
        return found and [names.diagnostic(each) for each in found]


def translate_order(order: Order) -> Order:
    """Return the order for Terraform.

    Raises EngineError when the template cannot be simulated. A removal needs no template:
    without one everything in the state is removed.
    """
    removal = order.action in REMOVALS
    kinds = kinds_in(order.state)
    translation = _translation(order)
    if removal and (translation is None or translation.problems):
        files = _with_kinds(NO_RESOURCES, kinds)
        return replace(order, files=files, parameters={}, secrets={})
    if translation is None:
        raise EngineError(f"The document {DOCUMENT} of the template cannot be read.")
    if translation.problems:
        raise EngineError(str(translation.problems[0]))
    return replace(
        order,
        files=_with_kinds(translation.files, {**kinds, **translation.kinds}),
        parameters=_values(translation, order.parameters),
        secrets=_values(translation, order.secrets),
    )


def _translation(order: Order) -> Translation | None:
    """Return the translation of an order's template; None when it cannot be read."""
    try:
        document = loads(order.files[DOCUMENT])
    except (KeyError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    context = StackContext(secrets=frozenset(order.secrets))
    return Translation(document, context, with_rules=order.action not in REMOVALS)


def _values(translation: Translation, given: Mapping[str, object]) -> dict[str, object]:
    """Return values by their variables; the template does not declare the others."""
    values: dict[str, object] = {}
    for name, value in given.items():
        parameter = translation.scope.parameters.get(name)
        try:
            converted = value_for(parameter, value) if parameter else value
        except TranslationError:
            raise EngineError(f"The value of {name} is not a number.") from None
        known = name in PSEUDO or parameter is not None
        nullable = parameter is not None and parameter.nullable
        if known and (converted is not None or nullable):
            values[identifier(name)] = converted
    return values


def _with_kinds(files: Mapping[str, str], kinds: Mapping[str, Kind]) -> dict[str, str]:
    """Return files with the kinds of their resources, for the names in the log."""
    return {**files, KINDS: json.dumps(kinds)}


def _kinds(directory: Path) -> bytes:
    """Return the kinds of the resources of a run as JSON; empty when there are none."""
    for path in (directory / "module" / KINDS, directory / KINDS):
        try:
            return path.read_bytes()
        except OSError:
            continue
    return b""


def _names(directory: Path) -> RosNames:
    try:
        found = json.loads(_kinds(directory) or b"{}")
    except ValueError:
        found = {}
    return RosNames({address: Kind(*facts) for address, facts in found.items()})


def _message(directory: Path, outcome: Outcome) -> str:
    """Return the message of an outcome; one about a resource begins with its name."""
    names = _names(directory)
    message = names.text(outcome.message)
    error = None if outcome.ok else log.first_error(directory, 0)
    if error is None or not error.address:
        return message
    about = outcome.message.startswith(error.summary.rstrip(".:"))
    return f"{names.address(error.address)}: {message}" if about else message


def _id_is_property(names: RosNames, event: Event) -> bool:
    """Return whether the ID of an event's resource is one of its properties."""
    resource = event.resource
    if resource is None or not resource.physical_id:
        return False
    return "name" in facts_of(names.type(names.address(resource.address)))


def _ids(directory: Path) -> dict[str, str]:
    """Return the IDs of ROS by those of Terraform, from the states of a run."""
    # The newest last, so that it has precedence.
    paths = (directory / f"{workspace.STATE}{end}" for end in (".backup", ""))
    return physical_ids(_read(path) for path in paths)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
