"""The URLs of an installation with single sign-on."""

from django.urls import include, path

from console.accounts.urls import sso_patterns
from console.urls import handler404, handler500
from console.urls import urlpatterns as ours

__all__ = ["handler404", "handler500", "urlpatterns"]
urlpatterns = [path("accounts/", include(sso_patterns)), *ours]
