"""The settings, read once from environment variables.

All defaults work on a laptop over plain HTTP on loopback and are safe elsewhere;
`console.doctor.system_checks` names what a production host has to set.
"""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from console.keys.ring import kept_keys, kept_secret


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def env_bool(name: str, default: bool) -> bool:
    return env(name, str(default)).lower() in ("1", "true", "yes", "on")


def env_int(name: str, default: int) -> int:
    return int(env(name) or default)


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


# Options of DATABASE_URL: TLS to PostgreSQL.
TLS_OPTIONS = {"sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding"}


def database(url: str) -> dict[str, object]:
    """Parse DATABASE_URL: sqlite:///PATH or postgres://USER:PASSWORD@HOST:PORT/NAME."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]),
            # Measured: 0 lock errors with these, 2,205 with Django's defaults.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                " PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;",
            },
            "CONN_MAX_AGE": None,
        }
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            # A client that hangs in a transaction must not keep its row locks.
            "OPTIONS": {
                "options": "-c idle_in_transaction_session_timeout=30s",
                **tls_options(parts.query),
            },
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ImproperlyConfigured(
        "DATABASE_URL: use sqlite:///PATH or postgres://USER@HOST/NAME."
    )


def tls_options(query: str) -> dict[str, str]:
    """Parse `?sslmode=verify-full&sslrootcert=FILE`. Raises ImproperlyConfigured."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL: write the options after ? as NAME=VALUE&NAME=VALUE."
        ) from error
    found = dict(pairs)
    if unknown := sorted(set(found) - TLS_OPTIONS):
        raise ImproperlyConfigured(
            f"DATABASE_URL: {', '.join(unknown)} is not a known option."
        )
    return found


BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env("CONSOLE_DATA_DIR") or BASE_DIR / ".data").resolve()
STATIC_ROOT = DATA_DIR / "static"
try:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    STATIC_ROOT.mkdir(exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(
        f"The data directory {DATA_DIR} cannot be used: {error.strerror}. Create it for the "
        "user that runs the console, or set CONSOLE_DATA_DIR to another directory."
    ) from error

DEBUG = env_bool("CONSOLE_DEBUG", False)
SECRET_KEY = env("CONSOLE_SECRET_KEY") or kept_secret(DATA_DIR / "secret_key", 64)
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env_list("CONSOLE_ALLOWED_HOSTS") or LOOPBACK
# With a public host name cookies need HTTPS.
HTTPS = env_bool("CONSOLE_HTTPS", not set(ALLOWED_HOSTS) <= set(LOOPBACK))
TRUSTED_PROXIES = env_int("CONSOLE_TRUSTED_PROXIES", 0)

INSTALLED_APPS = [
    "console.apps.ConsoleConfig",
    "catalog.apps.CatalogConfig",
    "instances.apps.InstancesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "console.apps.ConsoleAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "django_filters",
]
MIDDLEWARE = [
    "console.metrics.middleware.LatencyMiddleware",
    "console.middleware.RequestMiddleware",
    # API requests are answered here; the middleware below is for pages only.
    "console.api.middleware.SignedCallMiddleware",
    "console.metrics.probes.ProbeMiddleware",
    "console.middleware.SizeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "console.accounts.sessions.SessionMiddleware",
    "console.lib.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.middleware.RedirectMiddleware",
    "console.middleware.SignInMiddleware",
    "console.accounts.form_recovery.FormRecoveryMiddleware",
    "console.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["console.templatetags.form_token"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context_processors.navigation",
                "console.context_processors.appearance",
            ],
        },
    },
]

DATABASES = {
    "default": database(
        env("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'console.sqlite3'}"
    )
}
ENCRYPTION_KEYS = [
    key.strip()
    for key in (
        env("CONSOLE_ENCRYPTION_KEYS")
        or kept_keys(DATA_DIR / "encryption_keys", DATABASES["default"])
    ).split(",")
]
# SQLite is used by several processes and threads, so the test database is a file too.
DATABASES["default"]["TEST"] = (
    {"NAME": DATA_DIR / "test.sqlite3"}
    if "sqlite3" in str(DATABASES["default"]["ENGINE"])
    else {}
)
CACHES = {
    # Shared by all processes, so that sign-in limits hold across them.
    "default": {
        "BACKEND": "console.accounts.sign_in_throttle.SharedCount",
        "LOCATION": "console_cache",
        # Above this, entries are culled and limits forgotten; Django's 300 are too few.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Sign-in
AUTH_USER_MODEL = "console.User"
AUTHENTICATION_BACKENDS = ["console.authentication.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [
    {"NAME": f"console.accounts.passwords.{name}"}
    for name in ("WordsValidator", "SpellingValidator")
]
# Additional words that passwords must not consist of.
PASSWORD_WORDS = env_list("CONSOLE_PASSWORD_WORDS")
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_FORMS = {
    "login": "console.accounts.forms.LoginForm",
    "change_password": "console.accounts.forms.ChangePasswordForm",
    "reauthenticate": "console.accounts.forms.PasswordAgainForm",
}
ACCOUNT_ADAPTER = "console.accounts.adapter.AccountAdapter"
# MFA is mandatory for administrators and approvers if other hosts can connect.
REQUIRE_MFA = env_bool("CONSOLE_REQUIRE_MFA", HTTPS and not DEBUG)
MFA_ADAPTER = "console.accounts.second_factor.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "activate_totp": "console.accounts.forms.ActivateForm",
    "authenticate": "console.accounts.forms.AuthenticateForm",
    "reauthenticate": "console.accounts.forms.ReauthenticateForm",
    "authenticate_webauthn": "console.accounts.forms.AuthenticateWebAuthnForm",
    "login_webauthn": "console.accounts.forms.LoginWebAuthnForm",
    "reauthenticate_webauthn": "console.accounts.forms.ReauthenticateWebAuthnForm",
    "add_webauthn": "console.accounts.forms.AddWebAuthnForm",
    "edit_webauthn": "console.accounts.forms.EditWebAuthnForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = False
# Failures: five in five minutes for an account, ten a minute from an address.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "5/300s/key",
    "login_failed_address": "10/m/ip",
    "login": "60/m/ip",
}
REAUTHENTICATE_MINUTES = env_int("CONSOLE_REAUTHENTICATE_MINUTES", 10)
ACCOUNT_REAUTHENTICATION_TIMEOUT = REAUTHENTICATE_MINUTES * 60

# Single sign-on with an OpenID Connect provider
OIDC_URL = env("CONSOLE_OIDC_URL")
OIDC_NAME = env("CONSOLE_OIDC_NAME")
OIDC_GROUPS_CLAIM = env("CONSOLE_OIDC_GROUPS_CLAIM", "groups")
# Pairs of a group of the provider and one of the console: "platform-team=Administrators,…".
OIDC_GROUPS = [
    (provider_group.strip(), group.strip())
    for provider_group, equals, group in (
        pair.rpartition("=") for pair in env_list("CONSOLE_OIDC_GROUPS")
    )
    if equals
]
OIDC_LINK = env_bool("CONSOLE_OIDC_LINK", False)
OIDC_MFA = env_bool("CONSOLE_OIDC_MFA", False)
SOCIALACCOUNT_ADAPTER = "console.accounts.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "provider_class": "console.accounts.provider.Provider",
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "sso",
                "name": OIDC_NAME or "single sign-on",
                "client_id": env("CONSOLE_OIDC_CLIENT_ID"),
                "secret": env("CONSOLE_OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_URL, "uid_field": "uid"},
            }
        ]
        if OIDC_URL
        else [],
    }
}

# Sessions
SESSION_ENGINE = "console.accounts.sessions"
# Limits of a session: without requests, and in total.
SESSION_IDLE_MINUTES = env_int("CONSOLE_SESSION_IDLE_MINUTES", 30)
SESSION_HOURS = env_int("CONSOLE_SESSION_HOURS", 12)
SESSION_COOKIE_AGE = SESSION_HOURS * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "catalog_session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "catalog_csrf"
CSRF_COOKIE_HTTPONLY = True
# In the session, not in a cookie: messages contain names.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "console.views.csrf_failure"
CSRF_TRUSTED_ORIGINS = [
    f"https://{host.replace('.', '*.', 1) if host.startswith('.') else host}"
    for host in ALLOWED_HOSTS
    if HTTPS and host not in ("*", *LOOPBACK)
]

# The browser
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
)
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# Static files: hashed and compressed by `serve`, straight from the sources in debug.
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "console" / "locale"]
TIME_ZONE = env("CONSOLE_TIME_ZONE", "UTC")
USE_TZ = True

# Mail: printed to the terminal unless CONSOLE_MAIL_URL is set.
MAIL = urlsplit(env("CONSOLE_MAIL_URL"))
EMAIL_BACKEND = (
    f"django.core.mail.backends.{'smtp' if MAIL.hostname else 'console'}.EmailBackend"
)
EMAIL_HOST = MAIL.hostname or ""
EMAIL_PORT = MAIL.port or 25
EMAIL_HOST_USER = unquote(MAIL.username or "")
EMAIL_HOST_PASSWORD = unquote(MAIL.password or "")
EMAIL_USE_SSL = MAIL.scheme == "smtps"
EMAIL_USE_TLS = MAIL.scheme == "smtp+tls"
# A mail server that does not respond must not delay the request.
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env("CONSOLE_MAIL_FROM", "service-catalog@localhost")
# The base URL of links in mails.
PUBLIC_URL = env("CONSOLE_PUBLIC_URL").rstrip("/")

# The account in the API
ACCOUNT_ID = env("CONSOLE_ACCOUNT_ID", "1466115886171234")
REGION_ID = env("CONSOLE_REGION_ID", "cn-hangzhou")
# Requests per second and access key; 0 means no limit.
API_RATE = env_int("CONSOLE_API_RATE", 100)

# The engine
CONSTANTS = "instances.constants.evaluate"
TERRAFORM_BIN = env("CONSOLE_TERRAFORM_BIN")
PROVIDER_MIRROR = env("CONSOLE_PROVIDER_MIRROR")
# Providers are programs: templates can use only these.
PROVIDERS = env_list("CONSOLE_PROVIDERS", "hashicorp/*,aliyun/*")
ALLOW_PROVISIONERS = env_bool("CONSOLE_ALLOW_PROVISIONERS", False)
ALLOW_UNSANDBOXED = env_bool("CONSOLE_ALLOW_UNSANDBOXED", False)
# Endpoint of a private cloud or a test. Only from the environment: if a page could set it,
# it could make this host connect to any other.
ROS_ENDPOINT = env("CONSOLE_ROS_ENDPOINT")
ROS_ROLLBACK = env_bool("CONSOLE_ROS_ROLLBACK", True)
# Factor for the intervals of its polls.
ROS_PACE = 1.0
TASK_TIMEOUT = env_int("CONSOLE_TASK_TIMEOUT", 2 * 60 * 60)
# A Celery broker that distributes tasks over hosts; without one, workers poll the database.
BROKER_URL = env("CONSOLE_BROKER_URL")
# Bearer token of scrapers; without one, only administrators see /metrics.
METRICS_TOKEN = env("CONSOLE_METRICS_TOKEN")
LEASE_SECONDS = env_int("CONSOLE_LEASE_SECONDS", 30)
# Seconds after which other hosts reconcile the tasks of a host whose lease expired.
HOST_GRACE = env_int("CONSOLE_HOST_GRACE", 15 * 60)
# Seconds between the first and second signal to stop a task, and until it is killed.
STOP_SECONDS = env_int("CONSOLE_STOP_SECONDS", 60)
# Concurrent tasks per region over all workers; 0 means no limit.
REGION_CONCURRENCY = env_int("CONSOLE_REGION_CONCURRENCY", 0)
# Tasks start only with this much free space in the data directory.
FREE_BYTES = env_int("CONSOLE_FREE_BYTES", 256 * 1024 * 1024)
# Hours after its preview in which a plan can be executed.
PLAN_HOURS = env_int("CONSOLE_PLAN_HOURS", 24)
LOG_BYTES = env_int("CONSOLE_LOG_BYTES", 4 * 1024 * 1024)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "console.lib.request_id.RequestFormatter",
            "format": "{asctime} {levelname} {name} {request_id} {message}{by}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django.server": {"level": "WARNING"}},
}
