"""Addresses of one person's page, below `/manage/`."""

from django.urls import path

from console.leavers import views

app_name = "people"

urlpatterns = [
    path("people/<str:name>/", views.person, name="person"),
    path("people/<str:name>/undo/", views.undo, name="undo"),
]
