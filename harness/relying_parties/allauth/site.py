"""A Django site with django-allauth's accounts and passkeys, as its documentation sets it up, and nothing of ours.

Run as a process of its own, as Django keeps its settings for a whole process:
`python -m harness.relying_parties.allauth.site FOLDER` prints its address and serves until its input ends.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

USER, PASSWORD = "ann", "correct horse battery"
"""Who has an account from the start."""

HOME = """<!doctype html><html lang="en"><title>Home</title><main data-page="home"><h1>Welcome, {user}</h1>
<p><a href="/accounts/2fa/webauthn/">Security keys</a> <a href="/accounts/logout/">Sign out</a></p></main></html>"""
LANDING = """<!doctype html><html lang="en"><title>Landing</title><main data-page="landing"><h1>Hello</h1>
<p><a href="/accounts/login/">Sign in</a> <a href="/accounts/signup/">Sign up</a></p></main></html>"""


def settings(folder: Path) -> dict[str, Any]:
    return {
        "SECRET_KEY": "of a site that lives as long as a test",
        "DEBUG": True,
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1"],
        "ROOT_URLCONF": __name__,
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}},
        "INSTALLED_APPS": [
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
            "django.contrib.staticfiles", "django.contrib.humanize", "allauth", "allauth.account", "allauth.mfa",
        ],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware", "allauth.account.middleware.AccountMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        "AUTHENTICATION_BACKENDS": [
            "django.contrib.auth.backends.ModelBackend",
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        "STATIC_URL": "/static/",
        "USE_TZ": True,
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "LOGIN_REDIRECT_URL": "/",
        "ACCOUNT_LOGOUT_REDIRECT_URL": "/",
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_RATE_LIMITS": False,  # plays log in more often than a person does
        "MFA_SUPPORTED_TYPES": ["webauthn"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": True,  # http://localhost
    }  # fmt: skip


def _urls() -> list[Any]:
    from django.http import HttpResponse  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from django.urls import include, path  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from django.utils.html import escape  # type: ignore[import-not-found, import-untyped, unused-ignore]

    def home(request: Any) -> Any:
        known = request.user.is_authenticated
        return HttpResponse(HOME.format(user=escape(request.user.username)) if known else LANDING)

    return [path("", home), path("accounts/", include("allauth.urls"))]


def __getattr__(name: str) -> Any:
    if name == "urlpatterns":  # this module is the site's URLconf, too, once Django has its settings
        return _urls()
    raise AttributeError(name)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(folder: Path) -> None:
    import django  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from django.conf import settings as of_django  # type: ignore[import-not-found, import-untyped, unused-ignore]

    of_django.configure(**settings(folder))
    django.setup()
    from django.contrib.auth import get_user_model  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from django.contrib.staticfiles.handlers import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        StaticFilesHandler,
    )
    from django.core.management import call_command  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found, import-untyped, unused-ignore]

    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user(USER, f"{USER}@example.com", PASSWORD)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.set_app(StaticFilesHandler(get_wsgi_application()))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://localhost:{server.server_port}", flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    sys.modules["harness.relying_parties.allauth.site"] = sys.modules["__main__"]
    serve(Path(sys.argv[1]))
