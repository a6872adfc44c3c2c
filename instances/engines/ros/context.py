"""The context of a run on ROS: its order, cloud, log and journal.

The driver makes it and hands it to the steps, none of which knows the driver.
"""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar, cast

from instances.engines.base import MASK
from instances.engines.launcher import SIGNALS, now
from instances.engines.ros.cloud import Cloud
from instances.engines.ros.document import SECRET
from instances.engines.ros.run_files import Journal, RunOrder
from instances.engines.ros.stack_state import StackState

# Of two polls, the first and the longest; between them the wait grows.
POLL_SECONDS = (1.0, 5.0)
# A shorter secret would mask half of every text.
MIN_SECRET_LENGTH = 4

T = TypeVar("T")


class RunCanceledError(Exception):
    """A cancellation before any change was requested from the cloud."""


class RunContext:
    """The order, cloud, journal, state and log of one run.

    `write` appends a line to the log. The run is `cancelable` while no change was requested:
    from then on only the cloud can cancel it.
    """

    def __init__(
        self,
        directory: Path,
        order: RunOrder,
        environment: Mapping[str, str],
        write: Callable[[dict[str, object]], None],
    ) -> None:
        self.directory = directory
        self.order = order
        self.write = write
        self.journal = Journal.read(directory)
        self.state = StackState(directory, order)
        self.cancelable = not self.journal.asked
        answered = (directory / "heard").touch
        self.cloud = Cloud(order, environment, self.pause, self.say, answered)
        secrets = {key: environment.get(SECRET + key, "") for key in order["secrets"]}
        self.values = {**order["parameters"], **secrets}
        # The cloud repeats in previews and logs what it was given.
        self.secrets = sorted(
            (value for value in secrets.values() if len(value) >= MIN_SECRET_LENGTH),
            key=len,
            reverse=True,
        )

    def pause(self, seconds: float) -> None:
        """Wait, or return early at a cancellation. Raises RunCanceledError as `check_canceled`."""
        received = signal.sigtimedwait(SIGNALS, seconds)
        if received is not None and received.si_signo != signal.SIGCHLD:
            self.note(interrupts=self.journal.interrupts + 1)
        self.check_canceled()

    def check_canceled(self) -> None:
        """Raise RunCanceledError after a cancellation, while the run is cancelable."""
        if self.journal.interrupts and self.cancelable:
            raise RunCanceledError

    def note(self, **facts: object) -> None:
        """Write facts to the journal, so that a restarted driver knows them."""
        for name, value in facts.items():
            setattr(self.journal, name, value)
        self.journal.write(self.directory)

    def say(self, level: str, message: str, **facts: object) -> None:
        """Write a line to the log, with secret values masked."""
        line = {"@level": level, "@message": message, "@timestamp": now()}
        self.write(self.masked({**line, **facts}))

    def diagnose(self, address: str, message: str) -> None:
        """Log the reason of a failure, of a resource or of the stack (an empty address)."""
        diagnostic = {"severity": "error", "summary": message, "address": address}
        self.say("error", message, type="diagnostic", diagnostic=diagnostic)

    def masked(self, value: T) -> T:
        """Return a value with every secret parameter in it masked."""
        return cast("T", _replaced(value, self.secrets))


def _replaced(value: object, secrets: list[str]) -> object:
    if isinstance(value, dict):
        return {key: _replaced(part, secrets) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, secrets) for part in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
    return value
