"""App configuration of the console."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        # The import registers the checks; models are loaded by now.
        import_module("console.doctor.system_checks")


class ConsoleAdminConfig(AdminConfig):
    """Django admin with the console's sign-in page and its rate limits."""

    default_site = "console.admin_site.ConsoleAdminSite"
