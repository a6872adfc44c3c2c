"""The URLs of the project."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from console import assets, views
from console.metrics.views import metrics

# The address that the diagnostics of tasks had under their former name.
FORMER_DIAGNOSTICS = RedirectView.as_view(
    url="/admin/instances/taskdiagnostics/%(rest)s", permanent=True, query_string=True
)

urlpatterns = [
    path("", views.root, name="root"),
    path("", include("catalog.urls")),
    path("manage/", include("console.offboarding.urls")),
    path("manage/", include("console.audit_log.urls")),
    path("", include("console.api.urls")),
    path("", include("instances.urls")),
    path("", include(assets.urlpatterns)),
    path("appearance/", views.appearance, name="appearance"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("accounts/", include("console.accounts.urls")),
    path("admin/instances/evidence/", FORMER_DIAGNOSTICS, {"rest": ""}),
    path("admin/instances/evidence/<path:rest>", FORMER_DIAGNOSTICS),
    path("admin/", admin.site.urls),
]

handler400 = "console.views.unreadable"
handler404 = "console.views.not_found"
handler500 = "console.views.broken"
