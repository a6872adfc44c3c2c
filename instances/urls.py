"""Addresses of instances, tasks, plans and notices, of the wizards, and of administration."""

from django.urls import path

from instances.views import (
    instances,
    known_errors,
    launch,
    notices,
    outcome,
    plans,
    region_credentials,
    tasks,
    terminate,
    transfer,
    trial,
    update,
)

app_name = "instances"

INSTANCE = "instances/<str:pk>/"
TASK = f"{INSTANCE}tasks/<str:task>/"
LAUNCH = "products/<str:pk>/launch/"
PLAN = "plans/<str:pk>/"
KNOWN_ERRORS = "manage/known-errors/"

urlpatterns = [
    path("instances/", instances.instance_list, name="instance-list"),
    path("instances/export.csv", instances.instance_csv, name="instance-csv"),
    path("instances/transfer/", transfer.instances_transfer, name="instances-transfer"),
    path(INSTANCE, instances.instance_detail, name="instance-detail"),
    path(f"{INSTANCE}row/", instances.instance_row, name="instance-row"),
    path(f"{INSTANCE}status/", instances.instance_status, name="instance-status"),
    path(f"{INSTANCE}tasks/", instances.instance_tasks, name="instance-tasks"),
    path(
        f"{INSTANCE}resources/",
        instances.instance_resources,
        name="instance-resources",
    ),
    path(f"{INSTANCE}tags/", instances.instance_tags, name="instance-tags"),
    path(f"{INSTANCE}plans/", instances.instance_plans, name="instance-plans"),
    path(
        f"{INSTANCE}terminate/", terminate.instance_terminate, name="instance-terminate"
    ),
    path(f"{INSTANCE}terminate/plan/", plans.terminate_plan, name="terminate-plan"),
    path(f"{INSTANCE}retry/", tasks.instance_retry, name="instance-retry"),
    path(f"{INSTANCE}reconcile/", tasks.instance_reconcile, name="instance-reconcile"),
    path(f"{INSTANCE}transfer/", transfer.instance_transfer, name="instance-transfer"),
    path(f"{INSTANCE}update/", update.update, name="update"),
    path(f"{INSTANCE}update/review/", update.update_review, name="update-review"),
    path(TASK, tasks.task_detail, name="task-detail"),
    path(f"{TASK}progress/", tasks.task_progress_fragment, name="task-progress"),
    path(f"{TASK}log/", tasks.task_log, name="task-log"),
    path(f"{TASK}log/download/", tasks.task_log_download, name="task-log-download"),
    path(f"{TASK}output/", tasks.task_output, name="task-output"),
    path(f"{TASK}parameters/", tasks.task_parameters, name="task-parameters"),
    path(f"{TASK}reconcile/", tasks.task_reconcile, name="task-reconcile"),
    path(f"{TASK}outcome/", outcome.task_outcome, name="task-outcome"),
    path(f"{TASK}cancel/", tasks.task_cancel, name="task-cancel"),
    path(LAUNCH, launch.launch, name="launch"),
    path(f"{LAUNCH}review/", launch.launch_review, name="launch-review"),
    path("plans/", plans.plan_list, name="plan-list"),
    path(PLAN, plans.plan_detail, name="plan-detail"),
    path(f"{PLAN}decide/", plans.plan_decide, name="plan-decide"),
    path(f"{PLAN}execute/", plans.plan_execute, name="plan-execute"),
    path(f"{PLAN}cancel/", plans.plan_cancel, name="plan-cancel"),
    path(f"{PLAN}delete/", plans.plan_delete, name="plan-delete"),
    path(f"{PLAN}outcome/", outcome.plan_outcome, name="plan-outcome"),
    path(f"{PLAN}preview/", plans.plan_preview, name="plan-preview"),
    path("notices/", notices.notice_list, name="notice-list"),
    path("notices/read/", notices.notices_read, name="notices-read"),
    path("notices/<int:pk>/open/", notices.notice_open, name="notice-open"),
    path(
        "manage/products/<str:pk>/versions/<str:version_pk>/try/",
        trial.version_try,
        name="version-try",
    ),
    path(
        "manage/regions/<str:pk>/test/",
        region_credentials.region_test,
        name="region-test",
    ),
    path(KNOWN_ERRORS, known_errors.known_error_list, name="known-error-list"),
    path(
        f"{KNOWN_ERRORS}new/",
        known_errors.known_error_create,
        name="known-error-create",
    ),
    path(
        f"{KNOWN_ERRORS}<str:pk>/",
        known_errors.known_error_edit,
        name="known-error-edit",
    ),
    path(
        f"{KNOWN_ERRORS}<str:pk>/delete/",
        known_errors.known_error_delete,
        name="known-error-delete",
    ),
]
