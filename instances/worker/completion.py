"""Ends work: result, state, resources, outputs and status in one transaction."""

import contextlib
import hashlib
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

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
    """How one kind of work ends. Every step raises LeaseLostError when the claim is over."""

    def store_state(self, state: StateFile) -> None:
        """Keep a new serial of the state."""

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        """Commit how the run ended."""

    def succeed_without_run(self) -> None:
        """End work that needed no run."""

    def fail_unchanged(self, message: str) -> None:
        """End work whose run changed nothing."""

    def fail_interrupted(self, message: str) -> None:
        """End work that may have changed something, when nothing better is known."""


class TaskCompletion:
    """Ends a task and puts its instance into the state that is true."""

    def __init__(self, task: Task, engine: Engine) -> None:
        self.task = task
        self.engine = engine

    def store_state(self, state: StateFile) -> None:
        """Keep a serial of the state, encrypted. The same serial twice is kept once."""
        if self._unusable(state):
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
            # A stack is something to delete, also when nothing is in it.
            resource_count=len(state.resources) or int(state.stack),
        )
        if state.stack_id:
            self._name_stack(state.stack_id)

    def _name_stack(self, given: str) -> None:
        """Take up the ID that the cloud gave the stack; what is no UUID stays in the state."""
        with contextlib.suppress(ValueError):
            stack_id = uuid.UUID(given)
            mine = Instance.objects.filter(pk=self.task.instance_id)
            mine.exclude(stack_id=stack_id).update(stack_id=stack_id)

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        """Commit how the run ended. Raises LeaseLostError when the claim is over."""
        state = self.engine.state(directory)
        ok, message = self._judge(outcome, state, message)
        usable = state is not None and not self._unusable(state)
        with transaction.atomic():
            self._end(ok, message)
            TaskDiagnostics.objects.settle(self.task, outcome)
            if state is not None and usable:
                self.store_state(state)
                self._sync_resources(state, over=outcome.ok)
                self._mark_imported()
                self._store_outputs(state)
            self._change_instance(ok)

    def _judge(
        self, outcome: Outcome, state: StateFile | None, message: str
    ) -> tuple[bool, str]:
        """Whether it succeeded, and what to say: the exit code alone proves nothing."""
        problem = self._unusable(state) if outcome.applying else ""
        left = [resource.address for resource in state.resources] if state else []
        if not outcome.ok:
            told = self._explain(outcome, message)
            # Without a word on the state where there never was one.
            known = state is not None or self.task.instance.state_mark
            return False, f"{told} {problem}" if problem and known else told
        if problem:
            return False, problem
        if self.task.kind == Task.Kind.TERMINATE and left:
            return False, _(
                "Some resources were not removed: %(resources)s. Terminate the instance "
                "again."
            ) % {"resources": ", ".join(left)}
        return True, self._unaccounted()

    def _unaccounted(self) -> str:
        """What a termination could not remove, because its making was never recorded."""
        unsure = self._in_flight("CREATE_IN_PROGRESS")
        if self.task.kind != Task.Kind.TERMINATE or not unsure:
            return ""
        return _(
            "All recorded resources were removed. These resources were being changed "
            "when an earlier task was interrupted, and might still exist: "
            "%(resources)s. Check them in the cloud console."
        ) % {"resources": ", ".join(unsure)}

    def _in_flight(self, ending: str = "_IN_PROGRESS") -> list[str]:
        rows = Resource.objects.filter(
            instance_id=self.task.instance_id, status__endswith=ending
        )
        return list(rows.values_list("address", flat=True))

    def _unusable(self, state: StateFile | None) -> str:
        """Why a state cannot be taken for the truth; empty when it can."""
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
        """End a task whose run changed nothing: the instance is what it was."""
        with transaction.atomic():
            self._end(False, message)
            self.task.status_message = message
            self.task.instance.settle_unstarted(self.task)

    def succeed_without_run(self) -> None:
        """End a task in which the engine has nothing to do."""
        with transaction.atomic():
            self._end(True, self._unaccounted())
            if self.task.kind == Task.Kind.UPDATE:
                self._keep_outputs()
            self._change_instance(True)

    def _keep_outputs(self) -> None:
        """Take over the outputs of the last success: they still hold."""
        before = self.task.instance.last_successful_task
        for output in before.outputs.all() if before else ():
            # A new row, so that the secret value is encrypted for its own key.
            Output.objects.create(
                task=self.task,
                key=output.key,
                value=output.value,
                sensitive=output.sensitive,
                secret_value=_readable(output),
                description=output.description,
            )

    def fail_interrupted(self, message: str) -> None:
        """End a task that may have changed something, when nothing better is known."""
        with transaction.atomic():
            self._end(False, message)
            TaskDiagnostics.objects.settle(self.task, None)
            self._change_instance(False)

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
            self.task.plan.settle_execution(ok=ok, message=message)

    def _explain(self, outcome: Outcome, message: str) -> str:
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

    def _sync_resources(self, state: StateFile, *, over: bool) -> None:
        """Make the resource rows say what the state says, keeping failures visible.

        Unless all is `over` well, what was in flight stays too: it may exist.
        """
        rows = {
            row.address: row
            for row in Resource.objects.filter(instance_id=self.task.instance_id)
        }
        known = {resource.address for resource in state.resources}
        gone = [
            row.pk
            for row in rows.values()
            if row.address not in known
            and (over or not row.status.endswith(("_FAILED", "_IN_PROGRESS")))
        ]
        Resource.objects.filter(pk__in=gone).delete()
        half = [resource.address for resource in state.resources if resource.tainted]
        Resource.objects.filter(
            instance_id=self.task.instance_id,
            address__in=half,
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
                # What was told while nobody could listen.
                Resource.objects.filter(pk=row.pk).update(status=resource.status)

    def _mark_imported(self) -> None:
        """Note with each resource of the instance that this task took over, under which ID."""
        known = TaskDiagnostics.objects.filter(task=self.task).first()
        for each in known.imports if known else ():
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
            declared = described.get(output.key, {})
            hidden = output.sensitive or bool(declared.get("sensitive"))
            Output.objects.create(
                task=self.task,
                key=output.key,
                value=None if hidden else output.value,
                sensitive=hidden,
                secret_value=output.secret_value if hidden else None,
                description=text_in(declared.get("description") or {}, "en"),
            )

    def _change_instance(self, ok: bool) -> None:
        task = self.task
        mine = Instance.objects.filter(pk=task.instance_id, last_task=task)
        if not ok:
            mine.update(
                status=Instance.Status.ERROR, status_message=task.status_message
            )
        elif task.kind == Task.Kind.TERMINATE:
            Resource.objects.filter(instance_id=task.instance_id).delete()
            mine.update(
                status=Instance.Status.AVAILABLE,
                status_message="",
                terminated_at=now(),
                last_successful_task=task,
            )
        elif mine.update(
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
    """Ends a preview: its resource changes and its saved file, or why there are none."""

    def __init__(self, plan: Plan, engine: Engine) -> None:
        self.plan = plan
        self.engine = engine

    def store_state(self, state: StateFile) -> None:
        """A preview changes no state: there is nothing to keep."""

    def complete(self, outcome: Outcome, directory: Path, message: str) -> None:
        """Commit what the preview found. Raises LeaseLostError when the claim is over."""
        if not outcome.ok:
            self._end(Plan.Status.PREVIEW_FAILED, status_message=message)
            return
        file = self.engine.plan_file(directory) or b""
        changes = [asdict(change) for change in self.engine.changes(directory)]
        self._succeed(file, changes)

    def succeed_without_run(self) -> None:
        """End the preview of a change in which the engine has nothing to do."""
        if self.plan.instance is not None:
            self.plan.write(base_state=self.plan.instance.state_mark)
        self._succeed(b"", [])

    def fail_unchanged(self, message: str) -> None:
        """End a preview that could not run."""
        self._end(Plan.Status.PREVIEW_FAILED, status_message=message)

    fail_interrupted = fail_unchanged

    def _succeed(self, file: bytes, changes: list[Any]) -> None:
        with transaction.atomic():
            self._end(
                Plan.Status.PREVIEW_SUCCESS,
                changes=changes,
                engine_version=self.engine.version(),
                **self.plan.seal(file),
            )
            self.plan.save(update_fields=["file"])

    def _end(self, status: PlanStatus, **found: Any) -> None:
        moment = clock()
        with transaction.atomic():
            self.plan.write(
                state=Plan.State.ENDED,
                ended_at=moment,
                updated_at=moment,
                previewed_at=moment,
                lease_until=None,
                **found,
            )
            self.plan.settle_preview(status)


def _readable(output: Output) -> Any:
    """Return the secret value; None where its key is missing."""
    try:
        return output.secret_value
    except DecryptionError:
        return None
