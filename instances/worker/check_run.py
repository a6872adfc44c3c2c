"""Runs of checks: `init` and `validate` of a version, or a plan with a region's credentials."""

import threading
from pathlib import Path
from typing import TypedDict

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.models import Region
from catalog.models.trusted import is_trusted
from instances.engine_setup import engine_named, engine_of, files_of
from instances.engines.base import (
    Diagnostic,
    Engine,
    Order,
    Outcome,
    Stack,
    StateFile,
)
from instances.models import Check, Plan, Task, Work
from instances.models.engine import CLOUD
from instances.worker.completion import Completion
from instances.worker.run import Run

MAX_PROBLEMS = 50

# Each asks its cloud for the caller's identity, for which any valid credentials will do.
AWS = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

data "aws_caller_identity" "caller" {}
"""
ALIBABA_CLOUD = """\
terraform {
  required_providers {
    alicloud = { source = "aliyun/alicloud" }
  }
}

data "alicloud_caller_identity" "caller" {}
"""
NO_CLOUD = 'resource "terraform_data" "nothing" {}\n'
PROBES = {
    "AWS_": AWS,
    "ALICLOUD_": ALIBABA_CLOUD,
    "ALIBABA_CLOUD_": ALIBABA_CLOUD,
}


def probe_for(region: Region) -> str:
    """Return the template that tests a region's credentials.

    The names of the variables tell the cloud. Without a known cloud the template tests only
    that a run starts.
    """
    for prefix, probe in PROBES.items():
        if any(name.startswith(prefix) for name in region.credential_names):
            return probe
    return NO_CLOUD


class Problem(TypedDict):
    """An error or warning that a check found; `file` may be empty."""

    severity: str
    message: str
    file: str
    line: int | None


class CheckRun(Run):
    """One claim of a check. A version is validated without credentials."""

    work: Check  # type: ignore[assignment]

    def _engine(self) -> Engine:
        version, region = self.work.version, self.work.region
        if region is not None and region.in_cloud:
            return engine_named(CLOUD)
        return engine_of(version.template if version else None)

    def _environment(self) -> dict[str, str]:
        region = self.work.region
        return dict(region.credentials) if region is not None else {}

    def _completion(self) -> Completion:
        return CheckCompletion(self.work, self.engine)

    def _needs_no_run(self) -> bool:
        return False

    def _engine_input(self, *, again: bool = False) -> Order:
        if self.work.region is not None and self.work.region.in_cloud:
            return self._probe(self.work.region)
        if self.work.region is not None:
            files = {"main.tf": probe_for(self.work.region)}
            return Order(action="plan", files=files, environment=self.environment)
        assert self.work.version is not None  # a check has one subject
        template = self.work.version.template
        return Order(
            action="validate",
            files=files_of(template),
            trusted=settings.ALLOW_PROVISIONERS or is_trusted(template),
        )

    def _probe(self, region: Region) -> Order:
        """Ask the cloud for the number of stacks in the region, which changes nothing."""
        stack = Stack(region=region.pk, name="", label="", token=self.work.pk)
        return Order(
            action="probe", files={}, environment=self.environment, stack=stack
        )


def run_of(work: Work, stopping: threading.Event) -> Run:
    """Return the run of a claimed task, plan or check."""
    if isinstance(work, Check):
        return CheckRun(work, stopping)  # type: ignore[arg-type]
    assert isinstance(work, Task | Plan)
    return Run(work, stopping)


class CheckCompletion:
    """The end of a check: passed, or its problems with file and line."""

    def __init__(self, check: Check, engine: Engine) -> None:
        self.check = check
        self.engine = engine

    def store_state(self, state: StateFile) -> None:
        """Do nothing: a check changes no state."""

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        problems = [
            self._problem(event.diagnostic)
            for event in self.engine.events(directory, 0)
            if event.diagnostic is not None
        ]
        self.check.end(
            ok=outcome.ok,
            message=self._success_message() if outcome.ok else message,
            problems=problems[:MAX_PROBLEMS],
            engine_version=self.engine.version(),
        )

    def succeed_without_run(self) -> None:
        """Fail the check: a check always needs a run."""
        self.fail_unchanged(_("The check did not run."))

    def fail_unchanged(self, message: str) -> None:
        self.check.end(ok=False, message=message)

    fail_interrupted = fail_unchanged

    def _success_message(self) -> str:
        """Return what a successful check of a region proves; empty for a version."""
        region = self.check.region
        if region is not None and region.in_cloud:
            return _("The credentials are valid: ROS responds in this region.")
        if region is not None and probe_for(region) == NO_CLOUD:
            return _(
                "Tasks can run in this region. The credentials were not tested because "
                "their names do not match a supported cloud."
            )
        return ""

    def _problem(self, diagnostic: Diagnostic) -> Problem:
        summary = f"{diagnostic.summary.rstrip('.:')}."
        return {
            "severity": diagnostic.severity,
            "message": " ".join(filter(None, (summary, diagnostic.detail))),
            "file": diagnostic.file,
            "line": diagnostic.line,
        }
