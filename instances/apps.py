"""App configuration of the instances."""

from django.apps import AppConfig
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


class InstancesConfig(AppConfig):
    name = "instances"
    verbose_name = _("Instances")

    def ready(self) -> None:
        """Register the functions that the catalog uses, but must not import."""
        # By name: models cannot be imported before the apps are loaded.
        hooks = import_string("catalog.models.hooks.HOOKS")
        hooks.document_problems = import_string("instances.engines.ros_local.problems")
        hooks.queue_version_check = import_string(
            "instances.models.check.check_version"
        )
