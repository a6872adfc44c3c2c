"""Pages of instances and their tasks; the shell puts them under the name `instances`."""

from django.urls import path

from instances.views import (
    aftermath,
    export,
    instances,
    outcome,
    reconcile,
    tasks,
    terminate,
    transfer,
)

HERE = "instances/<str:pk>/"
TASK = f"{HERE}tasks/<str:task>/"

urlpatterns = [
    path("instances/", instances.instance_list, name="instance-list"),
    path("instances/export.csv", export.instance_csv, name="instance-csv"),
    path("instances/transfer/", transfer.instances_transfer, name="instances-transfer"),
    path(HERE, instances.instance_detail, name="instance-detail"),
    path(f"{HERE}row/", instances.instance_row, name="instance-row"),
    path(f"{HERE}status/", instances.instance_status, name="instance-status"),
    path(f"{HERE}tasks/", instances.instance_tasks, name="instance-tasks"),
    path(f"{HERE}resources/", instances.instance_resources, name="instance-resources"),
    path(f"{HERE}tags/", instances.instance_tags, name="instance-tags"),
    path(f"{HERE}plans/", instances.instance_plans, name="instance-plans"),
    path(f"{HERE}terminate/", terminate.instance_terminate, name="instance-terminate"),
    path(f"{HERE}retry/", aftermath.instance_retry, name="instance-retry"),
    path(f"{HERE}transfer/", transfer.instance_transfer, name="instance-transfer"),
    path(TASK, tasks.task_detail, name="task-detail"),
    path(f"{TASK}progress/", tasks.task_progress_fragment, name="task-progress"),
    path(f"{TASK}log/", tasks.task_log, name="task-log"),
    path(f"{TASK}log/download/", tasks.task_log_download, name="task-log-download"),
    path(f"{TASK}output/", tasks.task_output, name="task-output"),
    path(f"{TASK}parameters/", tasks.task_parameters, name="task-parameters"),
    path(f"{TASK}reconcile/", reconcile.task_reconcile, name="task-reconcile"),
    path(
        f"{HERE}reconcile/",
        reconcile.instance_reconcile,
        name="instance-reconcile",
    ),
    path(f"{TASK}outcome/", outcome.task_outcome, name="task-outcome"),
    path(f"{TASK}cancel/", tasks.task_cancel, name="task-cancel"),
]
