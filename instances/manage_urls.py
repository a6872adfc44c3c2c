"""Administrators' pages that need runs; the shell puts them under the name `instances`."""

from django.urls import path

from instances.views import known_errors, region_credentials, trial

urlpatterns = [
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
    path(
        "manage/known-errors/", known_errors.known_error_list, name="known-error-list"
    ),
    path(
        "manage/known-errors/new/",
        known_errors.known_error_create,
        name="known-error-create",
    ),
    path(
        "manage/known-errors/<str:pk>/",
        known_errors.known_error_edit,
        name="known-error-edit",
    ),
    path(
        "manage/known-errors/<str:pk>/delete/",
        known_errors.known_error_delete,
        name="known-error-delete",
    ),
]
