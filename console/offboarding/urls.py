"""URLs of the page of a user, below `/manage/`."""

from django.urls import path

from console.offboarding import views

app_name = "offboarding"

urlpatterns = [
    path("people/<str:name>/", views.person, name="person"),
    path("people/<str:name>/undo/", views.undo, name="undo"),
    path("people/<str:name>/sessions/end/", views.end_sessions, name="end-sessions"),
    path(
        "people/<str:name>/second-factors/remove/",
        views.second_factors_remove,
        name="second-factors-remove",
    ),
]
