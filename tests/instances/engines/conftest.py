"""Fixtures that start, await and clean up runs of real engines."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.terraform.policy import violations
from instances.engines import sandbox
from instances.engines.base import EngineMissingError, Event, Order, Outcome, Settings
from instances.engines.terraform import Terraform
from tests.waiting import wait_for

Start = Callable[..., Path]
Finish = Callable[[Path], Outcome]


def skip_without(what: str) -> None:
    """Skip a test without its tool; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def log_text(events: list[Event]) -> str:
    """Return the messages of a log as one text."""
    return "\n".join(event.message for event in events)


@pytest.fixture
def engine() -> Terraform:
    engine = Terraform(Settings(template_policy=violations))
    try:
        engine.version()
    except EngineMissingError:
        skip_without("Terraform or OpenTofu")
    if not sandbox.available():
        skip_without("landlock")
    return engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory like the data directory of a deployment."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture
def start(engine: Terraform, folder: Path) -> Iterator[Start]:
    """Start a template, given as text or files; return the directory of the run."""
    started: list[Path] = []

    def begin(action: str, template: str | dict[str, str], **facts: Any) -> Path:
        directory = folder / f"run-{len(started)}"
        files = {"main.tf": template} if isinstance(template, str) else template
        started.append(directory)
        engine.start(directory, Order(action=action, files=files, **facts))
        return directory

    yield begin
    for directory in started:
        engine.cancel(directory, force=True)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def finish(engine: Terraform) -> Finish:
    """Wait for the end of a run; return its outcome."""
    return lambda directory: wait_for(lambda: engine.outcome(directory))


@pytest.fixture
def status_of(engine: Terraform) -> Callable[[Path], list[tuple[str, str]]]:
    """Return the statuses of resources in a run, in order."""

    def statuses(directory: Path) -> list[tuple[str, str]]:
        events = engine.events(directory, 0, 10_000)
        found = [event.resource for event in events if event.resource]
        return [(resource.address, resource.status) for resource in found]

    return statuses
