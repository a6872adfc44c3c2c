"""Administrators' pages that need runs; the shell puts them under the name `instances`."""

from django.urls import path

from instances.views import region_test, trial

urlpatterns = [
    path(
        "manage/products/<str:pk>/versions/<str:version_pk>/try/",
        trial.version_try,
        name="version-try",
    ),
    path("manage/regions/<str:pk>/test/", region_test.region_test, name="region-test"),
]
