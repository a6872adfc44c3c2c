"""Instances in the middle of a task, as the pages meet them."""

from datetime import timedelta

from django.utils.timezone import now

from instances.models import Instance, Task
from tests.factories import TaskFactory

STAGES = {
    "init": {"started": "2026-11-22T10:00:00Z", "latest": "2026-11-22T10:00:01Z"},
    "apply": {"started": "2026-11-22T10:00:01Z", "latest": "2026-11-22T10:00:09Z"},
}


def with_task(instance, **values):
    """Give an instance its last task, and the status that goes with it."""
    task = TaskFactory(instance=instance, **values)
    status = {
        Task.Status.IN_PROGRESS: Instance.Status.UNDER_CHANGE,
        Task.Status.SUCCEEDED: Instance.Status.AVAILABLE,
        Task.Status.FAILED: Instance.Status.ERROR,
    }[task.status]
    succeeded = task if task.status == Task.Status.SUCCEEDED else None
    Instance.objects.filter(pk=instance.pk).update(
        last_task=task, last_successful_task=succeeded, status=status
    )
    return task


def running(instance, *, done=7, total=11, **values):
    """A task that is applying: `done` of `total` resources so far."""
    return with_task(
        instance,
        **{
            "state": Task.State.RUNNING,
            "stage": "apply",
            "stages": STAGES,
            "started_at": now() - timedelta(seconds=3),
            "heartbeat_at": now(),
            "resources_done": done,
            "resources_total": total,
            **values,
        },
    )


def failed(instance, message="Error: no such image", **values):
    """A task that has failed while applying."""
    return with_task(
        instance,
        **{
            "state": Task.State.ENDED,
            "status": Task.Status.FAILED,
            "status_message": message,
            "stage": "apply",
            "stages": STAGES,
            "started_at": now() - timedelta(seconds=9),
            "ended_at": now(),
            **values,
        },
    )


def log(task, *texts, offset=0, attempt=0, level="info"):
    """Lines of a task's log, stored in one go."""
    return task.logs.create(
        attempt=attempt,
        offset=offset,
        command="apply",
        lines=[["2026-11-22T10:00:02Z", level, text] for text in texts],
    )
