"""Addresses of the launch and update wizards; the shell puts them under the name `instances`."""

from django.urls import path

from instances.views import launch, update

urlpatterns = [
    path("products/<str:pk>/launch/", launch.launch, name="launch"),
    path(
        "products/<str:pk>/launch/review/", launch.launch_review, name="launch-review"
    ),
    path("instances/<str:pk>/update/", update.update, name="update"),
    path(
        "instances/<str:pk>/update/review/", update.update_review, name="update-review"
    ),
]
