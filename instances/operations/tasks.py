"""Operations that read tasks."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, QuerySet, Window
from django.utils.translation import gettext_lazy as _

from console.lib.errors import NotFoundError
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Field,
    Operation,
    Values,
    id_parameter,
    page_rows,
    paging,
)
from console.lib.users import User
from instances.models import Instance, Output, Task, TaskLog
from instances.operations import serializers
from instances.operations.instances import INSTANCE_ID, get_instance

# The limit for the logs of all tasks of a list; GetTask answers the whole log of one.
LIST_LOG_CHARACTERS = 1024 * 1024


def get_task(params: Values, by: User) -> Answer:
    instances = Instance.objects.visible_to(by)
    rows = _tasks(Task.objects.filter(instance__in=instances.values("pk")))
    row = rows.filter(pk=params["TaskId"]).first()
    if row is None:
        raise NotFoundError(
            _("The task does not exist, or you do not have access to it."),
            code="InvalidTask.NotFound",
        )
    logs = row.logs.order_by("attempt", "offset")
    detail = serializers.task(row, row.outputs.all(), _merged(logs.iterator()))
    return {"TaskDetail": detail | {"TaskTags": serializers.tags(row.tags)}}


def list_tasks(params: Values, by: User) -> Answer:
    pk = params["ProvisionedProductId"]
    instances = Instance.objects.visible_to(by).living()
    rows = Task.objects.filter(instance=pk, instance__in=instances.values("pk"))
    found: list[Any] = page_rows(
        _tasks(rows).annotate(total=Window(Count("pk"))), params
    )
    # Each row has the total; an empty page needs another query.
    if found:
        total = found[0].total
    else:
        counted: Any = get_instance(instances.annotate(total=Count("tasks")), pk)
        total = counted.total
    outputs = defaultdict(list)
    for output in Output.objects.filter(task__in=found):
        outputs[output.task_id].append(output)
    logs = _logs(found)
    details = [
        serializers.task(row, outputs[row.pk], logs.get(row.pk, [])) for row in found
    ]
    return {"TaskDetails": details, **paging(params, total)}


def _tasks(rows: QuerySet[Task]) -> QuerySet[Task]:
    related = rows.select_related("version__product", "version__template", "instance")
    tasks: QuerySet[Task] = related.defer(
        "version__template__body",
        "version__template__files",
        "version__template__variables_source",
    )
    return tasks


def _logs(tasks: list[Task]) -> dict[str, list[Answer]]:
    """Return the logs by task, newest tasks first, up to LIST_LOG_CHARACTERS."""
    logs: dict[str, list[Answer]] = {}
    left = LIST_LOG_CHARACTERS
    rows = TaskLog.objects.filter(task__in=tasks).order_by(
        "-task__created_at", "task_id", "attempt", "offset"
    )
    chunks = defaultdict(list)
    for chunk in rows.iterator(chunk_size=50):
        left -= sum(len(line[2]) for line in chunk.lines)
        if left < 0:
            break
        chunks[chunk.task_id].append(chunk)
    for pk, each in chunks.items():
        logs[pk] = _merged(each)
    return logs


def _merged(chunks: Iterable[TaskLog]) -> list[Answer]:
    """Merge consecutive chunks of the same command and stream."""
    merged: list[Answer] = []
    for chunk in chunks:
        text = "".join(f"{line[2]}\n" for line in chunk.lines)
        same = merged and (chunk.command, chunk.stream) == (
            merged[-1]["Command"],
            merged[-1]["Stream"],
        )
        if same:
            merged[-1]["Content"].append(text)
        else:
            merged.append(
                {"Command": chunk.command, "Stream": chunk.stream, "Content": [text]}
            )
    return [{**entry, "Content": "".join(entry["Content"])} for entry in merged]


GROUP = "Instances"

OPERATIONS = {
    "GetTask": Operation(
        get_task,
        GROUP,
        (id_parameter("TaskId", _("The ID of the task."), "task-bp1dmg242c4k5x"),),
        (
            Field(
                "TaskDetail",
                _("The information about the task."),
                fields=(*serializers.TASK, serializers.TASK_TAGS),
            ),
        ),
        summary=_("Queries the information about a task."),
        description=_(
            "The response contains the parameters, the outputs, and the entire log of "
            "the task."
        ),
        errors=("InvalidTask.NotFound",),
    ),
    "ListTasks": Operation(
        list_tasks,
        GROUP,
        (INSTANCE_ID, *PAGING, *SORTING),
        (
            Field(
                "TaskDetails", _("The tasks."), several=True, fields=serializers.TASK
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries the tasks of a product instance."),
        description=_(
            "If the logs of a page exceed 1,048,576 characters, the logs of the oldest "
            "tasks are omitted. Call GetTask to obtain these logs."
        ),
        errors=("InvalidProvisionedProduct.NotFound",),
        in_query=True,
    ),
}
