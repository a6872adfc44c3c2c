"""Runs checks: `init` and `validate` of a version, a plan with a region's credentials."""

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.models import Region
from catalog.models.trusted import is_trusted
from instances.engine_setup import engine_called, engine_of, files_of
from instances.engines.base import (
    Diagnostic,
    Engine,
    Order,
    Outcome,
    Stack,
    StateFile,
)
from instances.models import Check
from instances.models.engine import CLOUD
from instances.worker.completion import Completion
from instances.worker.run import Run

MAX_PROBLEMS_SHOWN = 50

# Each asks its cloud who is calling, which any valid credentials may do.
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
    """Return the template that shows whether a region's credentials work.

    The cloud is known by the names of the variables; without one only a start is tried.
    """
    for prefix, probe in PROBES.items():
        if any(name.startswith(prefix) for name in region.credential_names):
            return probe
    return NO_CLOUD


class CheckRun(Run):
    """One claim of a check. A version needs no credentials to be validated, so has none."""

    work: Check  # type: ignore[assignment]

    def _engine(self) -> Engine:
        version, region = self.work.version, self.work.region
        if region is not None and region.in_cloud:
            return engine_called(CLOUD)
        return engine_of(version.template if version else None)

    def _environment(self) -> dict[str, str]:
        region = self.work.region
        return dict(region.credentials) if region is not None else {}

    def _completion(self) -> Completion:
        return CheckCompletion(self.work, self.engine)

    def _needs_no_run(self) -> bool:
        return False

    def _order(self, *, again: bool = False) -> Order:
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


class CheckCompletion:
    """Ends a check: passed, or what is wrong with file and line."""

    def __init__(self, check: Check, engine: Engine) -> None:
        self.check = check
        self.engine = engine

    def store_state(self, state: StateFile) -> None:
        """A check changes no state: there is nothing to keep."""

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        """Commit what the run found. Raises LeaseLostError when the claim is over."""
        found = [
            self._problem(event.diagnostic)
            for event in self.engine.events(directory, 0)
            if event.diagnostic is not None
        ]
        self.check.end(
            ok=outcome.ok,
            message=self._said() if outcome.ok else message,
            problems=found[:MAX_PROBLEMS_SHOWN],
            engine_version=self.engine.version(),
        )

    def succeed_without_run(self) -> None:
        """A check always needs a run: this is not reached, and passes nothing."""
        self.fail_unchanged(_("The check did not run."))

    def fail_unchanged(self, message: str) -> None:
        """End a check that could not run."""
        self.check.end(ok=False, message=message)

    fail_interrupted = fail_unchanged

    def _said(self) -> str:
        """What a pass means where it means less than it seems."""
        region = self.check.region
        if region is not None and region.in_cloud:
            return _("The credentials are valid: ROS responds in this region.")
        if region is not None and probe_for(region) == NO_CLOUD:
            return _(
                "Tasks can run in this region. The credentials were not tested because "
                "their names do not match a supported cloud."
            )
        return ""

    def _problem(self, found: Diagnostic) -> dict[str, object]:
        sentence = " ".join(
            filter(None, (f"{found.summary.rstrip('.:')}.", found.detail))
        )
        return {
            "severity": found.severity,
            "message": sentence,
            "file": found.file,
            "line": found.line,
        }
