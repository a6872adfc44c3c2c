"""Completion of work: result, state, resources, outputs and status in one transaction."""

import contextlib
import hashlib
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from catalog.schema import text_in
from console.lib.encryption import DecryptionError
from console.lib.masking import shortened
from instances.engines.base import Engine, Outcome, StateFile
from instances.models import (
    Counter,
    Instance,
    Output,
    Plan,
    Resource,
    StateVersion,
    Tag,
    Task,
    TaskDiagnostics,
)
from instances.models.plan_status import PlanStatus
from instances.models.resource import PHYSICAL_ID_LENGTH
from instances.models.work import clock


class Completion(Protocol):
    """The end of one kind of work. Each method raises LeaseLostError after a lost lease."""

    def store_state(self, state: StateFile) -> None:
        """Store a state that the run has reached, if its serial is new."""

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        """Store the result of a run that has ended."""

    def succeed_without_run(self) -> None:
        """End work for which the engine has nothing to do."""

    def fail_unchanged(self, message: str) -> None:
        """End work that failed before it changed any resource."""

    def fail_interrupted(self, message: str) -> None:
        """End work that may have changed resources, without a result."""


class TaskCompletion:
    """The end of a task, which also updates its instance."""

    def __init__(self, task: Task, engine: Engine) -> None:
        self.task = task
        self.engine = engine

    def store_state(self, state: StateFile) -> None:
        """Store a state, encrypted. Idempotent: a serial is stored once."""
        if self._state_problem(state):
            return
        known = StateVersion.objects.filter(
            instance_id=self.task.instance_id,
            lineage=state.lineage,
            serial=state.serial,
        )
        if known.exists():
            return
        StateVersion.objects.create(
            instance_id=self.task.instance_id,
            task=self.task,
            lineage=state.lineage,
            serial=state.serial,
            digest=hashlib.sha256(state.body).hexdigest(),
            body=state.body,
            # A stack must be deleted even if it has no resources.
            resource_count=len(state.resources) or int(state.stack),
        )
        if state.stack_id:
            self._store_stack_id(state.stack_id)

    def _store_stack_id(self, text: str) -> None:
        """Store the ID that the cloud gave the stack, if it is a UUID."""
        with contextlib.suppress(ValueError):
            stack_id = uuid.UUID(text)
            instance = Instance.objects.filter(pk=self.task.instance_id)
            instance.exclude(stack_id=stack_id).update(stack_id=stack_id)

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        state = self.engine.state(directory)
        ok, message = self._verdict(outcome, state, message)
        usable = state is not None and not self._state_problem(state)
        with transaction.atomic():
            self._end(ok, message)
            TaskDiagnostics.objects.complete(self.task, outcome)
            if state is not None and usable:
                self.store_state(state)
                self._sync_resources(state, complete=outcome.ok)
                self._store_imported_ids()
                self._store_outputs(state)
            self._update_instance(ok)

    def _verdict(
        self, outcome: Outcome, state: StateFile | None, message: str
    ) -> tuple[bool, str]:
        """Return whether the task succeeded, and its message.

        An exit code of 0 is not enough: the state must be usable, and empty after a
        termination.
        """
        problem = self._state_problem(state) if outcome.applying else ""
        left = [resource.address for resource in state.resources] if state else []
        if not outcome.ok:
            text = self._failure_message(outcome, message)
            # A missing state is no problem of its own where there never was one.
            known = state is not None or self.task.instance.state_mark
            return False, f"{text} {problem}" if problem and known else text
        if problem:
            return False, problem
        if self.task.kind == Task.Kind.TERMINATE and left:
            return False, _(
                "Some resources were not removed: %(resources)s. Terminate the instance "
                "again."
            ) % {"resources": ", ".join(left)}
        return True, self._uncertain_message()

    def _uncertain_message(self) -> str:
        """Return the message about resources that a termination could not remove.

        Their creation began in an earlier task and was never recorded in a state.
        """
        uncertain = self._in_flight("CREATE_IN_PROGRESS")
        if self.task.kind != Task.Kind.TERMINATE or not uncertain:
            return ""
        return _(
            "All recorded resources were removed. These resources were being changed "
            "when an earlier task was interrupted, and might still exist: "
            "%(resources)s. Check them in the cloud console."
        ) % {"resources": ", ".join(uncertain)}

    def _in_flight(self, ending: str = "_IN_PROGRESS") -> list[str]:
        rows = Resource.objects.filter(
            instance_id=self.task.instance_id, status__endswith=ending
        )
        return list(rows.values_list("address", flat=True))

    def _state_problem(self, state: StateFile | None) -> str:
        """Return why a state must not replace the stored one; empty when it may."""
        if state is None:
            return _(
                "The run did not leave a readable state. The last valid state is kept. "
                "Resources might exist that are not recorded."
            )
        lineage, _slash, serial = self.task.instance.state_mark.rpartition("/")
        if lineage and state.lineage != lineage:
            return _(
                "The state from this run belongs to another instance (different lineage). "
                "The last valid state is kept."
            )
        if lineage and state.serial < int(serial):
            return _(
                "The state from this run (serial %(serial)d) is older than the recorded "
                "state (serial %(known)s). The recorded state is kept."
            ) % {"serial": state.serial, "known": serial}
        return ""

    def fail_unchanged(self, message: str) -> None:
        with transaction.atomic():
            self._end(False, message)
            self.task.status_message = message
            self.task.instance.restore_status(self.task)

    def succeed_without_run(self) -> None:
        with transaction.atomic():
            self._end(True, self._uncertain_message())
            if self.task.kind == Task.Kind.UPDATE:
                self._copy_outputs()
            self._update_instance(True)

    def _copy_outputs(self) -> None:
        """Copy the outputs of the last successful task, which are still valid."""
        before = self.task.instance.last_successful_task
        for output in before.outputs.all() if before else ():
            # A new row: the primary key is part of the encryption of the secret value.
            Output.objects.create(
                task=self.task,
                key=output.key,
                value=output.value,
                sensitive=output.sensitive,
                secret_value=_readable(output),
                description=output.description,
            )

    def fail_interrupted(self, message: str) -> None:
        with transaction.atomic():
            self._end(False, message)
            TaskDiagnostics.objects.complete(self.task, None)
            self._update_instance(False)

    def _end(self, ok: bool, message: str) -> None:
        statuses = Task.Status
        moment = clock()
        self.task.write(
            state=Task.State.ENDED,
            status=statuses.SUCCEEDED if ok else statuses.FAILED,
            status_message=message,
            ended_at=moment,
            updated_at=moment,
            lease_until=None,
        )
        Counter.objects.add_task(self.task.kind, self.task.status, self.task.seconds)
        if self.task.plan is not None:
            self.task.plan.end_execution(ok=ok, message=message)

    def _failure_message(self, outcome: Outcome, message: str) -> str:
        if not outcome.applying:
            return _("%s Nothing was changed.") % message
        in_flight = self._in_flight()
        named = {"resources": ", ".join(in_flight) or _("none"), "message": message}
        if not outcome.finished:
            return (
                _(
                    "Interrupted: the run was forcibly ended while it changed resources. "
                    "Resources being changed: %(resources)s. They might exist without being "
                    "recorded. Update the instance again to finish, or terminate it. "
                    "(%(message)s)"
                )
                % named
            )
        if not in_flight:
            return message
        return (
            _(
                "%(message)s Resources being changed: %(resources)s. They might exist "
                "without being recorded."
            )
            % named
        )

    def _sync_resources(self, state: StateFile, *, complete: bool) -> None:
        """Update the resource rows to the state.

        Unless the run is `complete`, resources that failed or were in flight are kept:
        they may exist.
        """
        rows = {
            row.address: row
            for row in Resource.objects.filter(instance_id=self.task.instance_id)
        }
        known = {resource.address for resource in state.resources}
        removed = [
            row.pk
            for row in rows.values()
            if row.address not in known
            and (complete or not row.status.endswith(("_FAILED", "_IN_PROGRESS")))
        ]
        Resource.objects.filter(pk__in=removed).delete()
        tainted = [resource.address for resource in state.resources if resource.tainted]
        Resource.objects.filter(
            instance_id=self.task.instance_id,
            address__in=tainted,
            status="CREATE_IN_PROGRESS",
        ).update(
            status="CREATE_FAILED",
            reason=_(
                "Creation started but did not finish. The next change replaces the resource."
            ),
        )
        Resource.objects.bulk_create(
            [
                Resource(
                    instance_id=self.task.instance_id,
                    address=resource.address,
                    name=Resource.name_of(resource.address, resource.type),
                    type=resource.type,
                    physical_id=shortened(resource.physical_id, PHYSICAL_ID_LENGTH),
                    status=resource.status or "CREATE_COMPLETE",
                )
                for resource in state.resources
                if resource.address not in rows
            ]
        )
        for resource in state.resources:
            row = rows.get(resource.address)
            if row is not None and resource.status and row.status != resource.status:
                # The event of this status was lost while the worker was down.
                Resource.objects.filter(pk=row.pk).update(status=resource.status)

    def _store_imported_ids(self) -> None:
        """Store the ID of each existing resource that this task imported."""
        diagnostics = TaskDiagnostics.objects.filter(task=self.task).first()
        for each in diagnostics.imports if diagnostics else ():
            Resource.objects.filter(
                instance_id=self.task.instance_id, address=each["address"]
            ).update(imported_id=shortened(each["id"], PHYSICAL_ID_LENGTH))

    def _store_outputs(self, state: StateFile) -> None:
        described = {
            output["name"]: output
            for output in self.task.version.template.schema.outputs
        }
        Output.objects.filter(task=self.task).delete()
        for output in state.outputs:
            declared = described.get(output.key)
            hidden = output.sensitive or bool(declared and declared.get("sensitive"))
            description = (declared and declared.get("description")) or {}
            Output.objects.create(
                task=self.task,
                key=output.key,
                value=None if hidden else output.value,
                sensitive=hidden,
                secret_value=output.secret_value if hidden else None,
                description=text_in(description, "en"),
            )

    def _update_instance(self, ok: bool) -> None:
        task = self.task
        instance = Instance.objects.filter(pk=task.instance_id, last_task=task)
        if not ok:
            instance.update(
                status=Instance.Status.ERROR, status_message=task.status_message
            )
        elif task.kind == Task.Kind.TERMINATE:
            Resource.objects.filter(instance_id=task.instance_id).delete()
            instance.update(
                status=Instance.Status.AVAILABLE,
                status_message="",
                terminated_at=now(),
                last_successful_task=task,
            )
        elif instance.update(
            status=Instance.Status.AVAILABLE,
            status_message="",
            version=task.version_id,
            portfolio=task.portfolio_id,
            last_successful_task=task,
        ):
            self._replace_tags()

    def _replace_tags(self) -> None:
        Tag.objects.filter(instance_id=self.task.instance_id).delete()
        Tag.objects.bulk_create(
            Tag(instance_id=self.task.instance_id, key=key, value=value)
            for key, value in self.task.tags.items()
        )


class PlanCompletion:
    """The end of a preview: its resource changes and its saved plan, or its failure."""

    def __init__(self, plan: Plan, engine: Engine) -> None:
        self.plan = plan
        self.engine = engine

    def store_state(self, state: StateFile) -> None:
        """Do nothing: a preview changes no state."""

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        if not outcome.ok:
            self._end(Plan.Status.PREVIEW_FAILED, status_message=message)
            return
        file = self.engine.plan_file(directory) or b""
        changes = [asdict(change) for change in self.engine.changes(directory)]
        self._succeed(file, changes)

    def succeed_without_run(self) -> None:
        if self.plan.instance is not None:
            self.plan.write(base_state=self.plan.instance.state_mark)
        self._succeed(b"", [])

    def fail_unchanged(self, message: str) -> None:
        self._end(Plan.Status.PREVIEW_FAILED, status_message=message)

    fail_interrupted = fail_unchanged

    def _succeed(self, file: bytes, changes: list[dict[str, object]]) -> None:
        with transaction.atomic():
            self._end(
                Plan.Status.PREVIEW_SUCCESS,
                changes=changes,
                engine_version=self.engine.version(),
                **self.plan.seal(file),
            )
            self.plan.save(update_fields=["file"])

    def _end(self, status: PlanStatus, **columns: object) -> None:
        moment = clock()
        with transaction.atomic():
            self.plan.write(
                state=Plan.State.ENDED,
                ended_at=moment,
                updated_at=moment,
                previewed_at=moment,
                lease_until=None,
                **columns,
            )
            self.plan.end_preview(status)


def _readable(output: Output) -> object:
    """Return the secret value; None where its key is missing."""
    try:
        return output.secret_value
    except DecryptionError:
        return None
