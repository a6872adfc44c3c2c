"""The invariants (I1 to I10 of the fault matrix), judged from the cloud's side."""

import json
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from console.lib.audit import AuditEntry
from instances.engines import processes
from instances.models import Instance, StateVersion, Task, TaskLog

UNCHANGED = re.compile(r"Nothing was changed|before anything was changed|Not started")


def violations(site) -> list[str]:
    """Everything that is not as it was promised; empty when all is well."""
    applies = defaultdict(list)
    for apply in sorted(site.cloud.applies, key=lambda apply: apply.began):
        applies[apply.task].append(apply)
    found = []
    tasks = list(Task.objects.select_related("diagnostics").order_by("created_at"))
    known = {task.pk for task in tasks}
    found += [f"I1 {pk} was acknowledged and is lost" for pk in site.accepted - known]
    for task in tasks:
        found += [f"{task.pk}: {text}" for text in _task(task, applies[task.pk], site)]
    for instance in Instance.objects.all():
        mine = [task for task in tasks if task.instance_id == instance.pk]
        found += [f"{instance.pk}: {t}" for t in _instance(instance, mine, applies)]
    return [*found, *_leftovers(site), *_secrets(site), *_audit(tasks)]


def _task(task, applies, site):
    """One task against what its runs did."""
    if task.state != "ended":
        yield f"I1 it is still {task.state}"
        return
    if len(applies) > 1:
        yield f"I3 it was applied {len(applies)} times"
    codes = [apply.code for apply in applies]
    if task.status == "Succeeded" and applies and codes != [0]:
        yield f"I5 it is said to have succeeded, its apply came to {codes}"
    if task.status == "Succeeded" and not applies and "Terminate" not in task.kind:
        yield "I5 it is said to have succeeded and applied nothing"
    if task.status == "Failed":
        if UNCHANGED.search(task.status_message) and applies:
            yield f"I5 it is said to have changed nothing: {task.status_message}"
        if codes == [0] and "Interrupted" not in task.status_message:
            yield f"I5 it did all and is said to have failed: {task.status_message}"
        if not task.status_message or re.search(
            "Traceback|Internal error", task.status_message
        ):
            yield f"I7 the person is told {task.status_message!r}"
    first = site.endings.get(task.pk)
    if first and first != (task.status, task.status_message):
        yield f"I5 it had ended as {first} and is now {task.status}"


def _instance(instance, tasks, applies):
    """One instance against what exists in the cloud."""
    mine = sorted(
        (apply for task in tasks for apply in applies[task.pk]),
        key=lambda apply: apply.began,
    )
    for one, other in pairwise(mine):
        if other.began < one.ended:
            yield f"I2 {one.run} and {other.run} ran at once"
    exists = set()
    for apply in mine:
        for verb, name in apply.done:
            (exists.add if verb == "CREATE" else exists.discard)(name)
    states = list(instance.states.order_by("created_at", "serial"))
    if len({state.lineage for state in states}) > 1:
        yield "I4 its state has several lineages"
    serials = [state.serial for state in states]
    if serials != sorted(set(serials)):
        yield f"I4 its serials go {serials}"
    newest = StateVersion.objects.latest_of(instance)
    recorded = (
        {block["name"] for block in json.loads(bytes(newest.body))["resources"]}
        if newest
        else set()
    )
    available = instance.status == "Available" and not instance.terminated_at
    if available and recorded - exists:
        yield f"I5 it is said to be available with {recorded}, there are {exists}"
    told = {
        address.removeprefix("thing.")
        for task in tasks
        for address in getattr(getattr(task, "diagnostics", None), "in_flight", [])
    }
    # What was being made when a run was killed may exist and be recorded nowhere: then its
    # owner has been told its name.
    if unknown := (recorded ^ exists) - told:
        yield f"I4 {unknown} differ from the state and nobody was told"
    if instance.terminated_at and recorded:
        yield f"I5 it is said to be gone, and its state has {recorded}"


def _leftovers(site):
    """Processes of runs that are over, and directories with their secrets."""
    for directory in (Path(site.data) / "runs").glob("*"):
        if processes.alive(directory):
            yield f"I6 {directory.name} still runs"


def _secrets(site):
    """The password of every launch, which the stand-in prints."""
    for chunk in TaskLog.objects.iterator():
        if any(site.password in line[2] for line in chunk.lines):
            yield f"I8 the log of {chunk.task_id} has the password"
            return
    for path in Path(site.data).glob("*.sqlite3*"):
        if site.password.encode() in path.read_bytes():
            yield f"I8 {path.name} has the password"


def _audit(tasks):
    """One entry for each change that was accepted."""
    entries = AuditEntry.objects.filter(action__in=Task.Kind.values)
    count = defaultdict(int)
    for after in entries.values_list("after", flat=True):
        count[after["task"]] += 1
    for task in tasks:
        if count[task.pk] != 1:
            yield f"I9 {task.pk} has {count[task.pk]} entries in the audit log"
