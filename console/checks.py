"""System checks: a production setting that is missing is named, with what to do."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


@register(Tags.security, deploy=True)
def production_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What a host for other people needs, beyond Django's own list."""
    found: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "CONSOLE_ALLOWED_HOSTS allows every host name.",
                hint="List the names people use, separated by commas.",
                id="console.E001",
            )
        )
    if set(settings.ALLOWED_HOSTS) <= LOOPBACK:
        found.append(
            Warning(
                "Only this machine can open the console.",
                hint="Set CONSOLE_ALLOWED_HOSTS to the name people use.",
                id="console.W001",
            )
        )
    if settings.ALLOW_UNSANDBOXED:
        found.append(
            Warning(
                "Templates may run without a sandbox.",
                hint="Unset CONSOLE_ALLOW_UNSANDBOXED on a kernel with landlock.",
                id="console.W002",
            )
        )
    return found
