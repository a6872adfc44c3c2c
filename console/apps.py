"""App configuration of the shell."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        # Importing registers them; models are loaded by now.
        import_module("console.doctor.system_checks")


class ConsoleAdminConfig(AdminConfig):
    """Django admin with the console's sign-in: one door, one set of limits."""

    default_site = "console.admin_site.ConsoleAdminSite"
