"""All settings. Everything that differs between installations comes from the environment (docs/settings.md)."""

import secrets
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import dj_database_url
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured

from mecportal import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("MEC_DATA_DIR", str(BASE_DIR / "var")))
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)

DEBUG = env.flag("DEBUG", False)
EMBEDDED_DATABASE = env.text("DATABASE_URL", "") == ""
EMBEDDED_REDIS = env.text("REDIS_URL", "") == ""


def _installation_secret() -> str:
    """A secret made for this installation; one with its own PostgreSQL must bring its own, shared by all its processes."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


SECRET_KEY = env.text("SECRET_KEY", _installation_secret() if EMBEDDED_DATABASE else None)
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is too short: give at least 32 random characters.")

WEB_ADDRESS = env.text("MEC_WEB_ADDRESS", "127.0.0.1")
WEB_PORT = env.integer("MEC_WEB_PORT", 8000, at_least=1)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", f"localhost,127.0.0.1,{WEB_ADDRESS}")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
BEHIND_TLS = env.flag("MEC_BEHIND_TLS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "csp",
    "django_htmx",
    "django_filters",
    "migrations_app",
    "workers",
    # an edge on one machine: an extra, which a portal for real hosts does not have
    *(["lab"] if find_spec("lab") and find_spec("pyroute2") else []),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "migrations_app.middleware.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "mecportal.urls"
ASGI_APPLICATION = "mecportal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": ["'none'"],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
    }
}

try:
    DATABASES = {"default": dj_database_url.parse(env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'portal.sqlite3'}"))}
except ValueError as error:
    raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
if password := env.text("DATABASE_PASSWORD", ""):
    DATABASES["default"]["PASSWORD"] = password
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets pages read while a worker writes; IMMEDIATE makes writers queue for the lock instead of failing half-way
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

VALKEY_SOCKET = DATA_DIR / "valkey.sock"
REDIS_URL = env.text("REDIS_URL", f"unix://{VALKEY_SOCKET}")
if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured(f"REDIS_URL must begin with redis://, rediss:// or unix://, and is {REDIS_URL!r}.")
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # Redis hands out an unacknowledged task again: two copies of one migration lose data
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# What looks after migrations and operations, or waits for them itself, has a queue and threads of its own: busy ones cannot
# starve it, and an experiment cannot wait for itself
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_ROUTES = {
    "workers.run_migration": {"queue": "work"},
    "workers.run_operation": {"queue": "work"},
    "workers.*": {"queue": "control"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_keepalive": not EMBEDDED_REDIS}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_TIMEZONE = "UTC"

# How long a source keeps a moved service's saved state after the service has answered on its target
STATE_KEPT_SECONDS = env.integer("MEC_STATE_KEPT_SECONDS", 300)
# How many migrations a host takes part in at once, in and out together
MIGRATIONS_PER_HOST = env.integer("MEC_MIGRATIONS_PER_HOST", 4, at_least=1)
# A migration whose worker has not been heard of for so long is taken over by `reconcile`
HEARTBEAT_LOST_SECONDS = env.integer("MEC_HEARTBEAT_LOST_SECONDS", 15, at_least=5)
# A technology's own live migration switches over when the rest can be sent within so long (milliseconds)
LIVE_DOWNTIME_MS = env.integer("MEC_LIVE_DOWNTIME_MS", 20, at_least=1)
# An iterative migration suspends its service when the rest can be sent within so long (milliseconds)
ITERATIVE_DOWNTIME_MS = env.integer("MEC_ITERATIVE_DOWNTIME_MS", 100, at_least=1)
# A guest that changes its memory faster than the link sends it is throttled, or the migration is given up after the limit
LIVE_NOT_CONVERGING = env.choice("MEC_LIVE_NOT_CONVERGING", ("throttle", "give_up"))
LIVE_LIMIT_SECONDS = env.integer("MEC_LIVE_LIMIT_SECONDS", 600, at_least=10)
# So long does an experiment's run wait for a quiet machine; then it begins, and its cell says that the machine was busy
QUIET_LIMIT_SECONDS = env.integer("MEC_QUIET_LIMIT_SECONDS", 60, at_least=0)
# How often each host is looked at; 0: never, and what happens there is seen by checks alone
WATCH_SECONDS = env.integer("MEC_WATCH_SECONDS", 30, at_least=0)
# The rhythm of the probe at the user's side, unless the recipe has its own
PROBE_INTERVAL_MS = env.integer("MEC_PROBE_INTERVAL_MS", 20, at_least=5)

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "migrations_app.static_finders.PlotlyFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "edge"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# So many wrong passwords for a name from an address, and four times as many from an address in all; then a pause
AXES_FAILURE_LIMIT = env.integer("MEC_SIGN_IN_TRIES", 5, at_least=1)
AXES_COOLOFF_TIME = timedelta(seconds=env.integer("MEC_SIGN_IN_PAUSE_SECONDS", 900, at_least=1))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "migrations_app.signing.Throttle"
AXES_CLIENT_IP_CALLABLE = "migrations_app.signing.client_address"
AXES_USERNAME_CALLABLE = "migrations_app.signing.counted_name"
AXES_LOCKOUT_CALLABLE = "migrations_app.signing.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or whoever tries on would never be let in
AXES_DISABLE_ACCESS_LOG = True  # it would grow for ever
AXES_ENABLE_ADMIN = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"axes": {"level": "WARNING"}, "asyncssh": {"level": "WARNING"}, "httpx": {"level": "WARNING"}},
}
