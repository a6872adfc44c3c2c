"""URLs of the audit log, below `/manage/`."""

from django.urls import path

from console.audit_log import views

app_name = "audit_log"

urlpatterns = [
    path("audit/", views.audit_list, name="audit-list"),
    path("audit/export.csv", views.audit_csv, name="audit-csv"),
]
