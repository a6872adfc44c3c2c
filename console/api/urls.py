"""URLs of the access key pages and the API reference. The API itself is in the middleware."""

from django.urls import path

from console.api import key_pages, reference

app_name = "console"
KEY = "access-keys/<str:pk>/"

urlpatterns = [
    path("access-keys/", key_pages.access_key_list, name="access-key-list"),
    path("access-keys/create/", key_pages.access_key_create, name="access-key-create"),
    path(f"{KEY}disable/", key_pages.access_key_disable, name="access-key-disable"),
    path(f"{KEY}enable/", key_pages.access_key_enable, name="access-key-enable"),
    path(f"{KEY}delete/", key_pages.access_key_delete, name="access-key-delete"),
    path("docs/api/", reference.reference, name="api-reference"),
    path("docs/api/<str:name>/", reference.operation, name="api-operation"),
    path("openapi.json", reference.openapi, name="openapi"),
]
