"""Addresses of plans and notices; the shell puts them under the name `instances`."""

from django.urls import path

from instances.views import notices, outcome, plans

HERE = "plans/<str:pk>/"

urlpatterns = [
    path("plans/", plans.plan_list, name="plan-list"),
    path(HERE, plans.plan_detail, name="plan-detail"),
    path(f"{HERE}decide/", plans.plan_decide, name="plan-decide"),
    path(f"{HERE}execute/", plans.plan_execute, name="plan-execute"),
    path(f"{HERE}cancel/", plans.plan_cancel, name="plan-cancel"),
    path(f"{HERE}delete/", plans.plan_delete, name="plan-delete"),
    path(f"{HERE}outcome/", outcome.plan_outcome, name="plan-outcome"),
    path(f"{HERE}preview/", plans.plan_preview, name="plan-preview"),
    path(
        "instances/<str:pk>/terminate/plan/",
        plans.terminate_plan,
        name="terminate-plan",
    ),
    path("notices/", notices.notice_list, name="notice-list"),
    path("notices/read/", notices.notices_read, name="notices-read"),
    path("notices/<int:pk>/open/", notices.notice_open, name="notice-open"),
]
