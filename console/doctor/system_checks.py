"""System checks of Django for missing or unsafe settings."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError

from console.lib.encryption import check_ring, seal

KEYS_HINT = "Run `manage.py doctor` for details about the keys."
# How libpq makes sure that it speaks to the right server.
VERIFIED = {"verify-ca", "verify-full"}
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


@register(Tags.security, deploy=True)
def production_settings(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check settings that other hosts need, beyond Django's own list."""
    found: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "CONSOLE_ALLOWED_HOSTS allows every host name.",
                hint="List the host names of the console, separated by commas.",
                id="console.E001",
            )
        )
    if set(settings.ALLOWED_HOSTS) <= LOOPBACK:
        found.append(
            Warning(
                "The console is accessible only from this machine.",
                hint="Set CONSOLE_ALLOWED_HOSTS to the host name of the console.",
                id="console.W001",
            )
        )
    if settings.ALLOW_UNSANDBOXED:
        found.append(
            Warning(
                "Templates can run without a sandbox.",
                hint="Unset CONSOLE_ALLOW_UNSANDBOXED on a kernel that supports Landlock.",
                id="console.W002",
            )
        )
    oidc = urlsplit(settings.OIDC_URL)
    if oidc.scheme == "http" and f"{oidc.hostname}" not in {*LOOPBACK, "::1"}:
        found.append(
            Error(
                (
                    "CONSOLE_OIDC_URL does not use HTTPS, so an attacker who intercepts the "
                    "traffic can sign in as any user."
                ),
                hint="Use the HTTPS address of the provider.",
                id="console.E005",
            )
        )
    return found


@register(Tags.security, deploy=True)
def database_connection(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check that the connection to a database on another host is verified by TLS."""
    database: dict[str, Any] = settings.DATABASES["default"]
    host, options = database.get("HOST", ""), database.get("OPTIONS", {})
    is_local = not host or host.startswith("/") or host in {*LOOPBACK, "::1"}
    if is_local or options.get("sslmode") in VERIFIED:
        return []
    return [
        Warning(
            (
                "The connection to the database does not verify the server, so another host "
                "could impersonate it."
            ),
            hint="Add ?sslmode=verify-full&sslrootcert=FILE to DATABASE_URL.",
            id="console.W003",
        )
    ]


@register(Tags.security)
def encryption_keys(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check at startup that the keys are valid, not when a secret is saved."""
    try:
        seal(b"", "check")
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=KEYS_HINT, id="console.E002")]
    return []


@register(Tags.database)
def keys_of_the_data(
    app_configs: object, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Check that the keys decrypt the data of this database."""
    try:
        if databases:
            check_ring()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=KEYS_HINT, id="console.E003")]
    except DatabaseError:
        # Not migrated or not reachable: reported by other checks.
        pass
    return []


@register()
def broker(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check that Celery is installed if a broker is configured."""
    if settings.BROKER_URL and find_spec("celery") is None:
        return [
            Error(
                "CONSOLE_BROKER_URL is set, but Celery is not installed.",
                hint="pip install 'service-catalog-console[celery]', or unset it.",
                id="console.E004",
            )
        ]
    return []
