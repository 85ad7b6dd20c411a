"""The settings of a function: the only reader of environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

from verification.errors import ConfigurationError
from verification.frozen import Frozen

OKTA_DOMAINS = ("okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil")
"""Okta's own domains, as the vendor's SDKs and documents name them."""

SANDBOX_HOSTS = ("127.0.0.1", "localhost", "host.docker.internal")
"""This machine, seen from itself and from a container on it."""

_AUDIENCE = r"[A-Za-z0-9._:/-]{1,128}"
# A top-level domain begins with a letter, so that no IP address passes for a name.
_HOST = r"(?:[a-z0-9][a-z0-9-]{0,62}\.)+[a-z][a-z0-9-]{1,62}"


class Settings(Frozen):
    """What the stack tells a function. Times are in seconds; limits are for an hour, except
    `stranger_attempts` (wrong codes in a row). `scheme` is that of this service's own URLs.
    """

    okta_org_url: str
    okta_token_secret: str
    okta_client_id: str
    okta_app_key: str
    service_keys_secret: str
    table_name: str
    challenge_lifetime: int
    stranger_attempts: int
    stranger_failures: int
    sends_per_source: int
    sends_per_client: int
    failures_per_source: int
    password_failures: int
    changes_per_client: int
    trust_last_login: bool
    conceal_unknown_customers: bool
    activate_phones: bool
    invoke_url_routes: bool
    allowed_origins: tuple[str, ...]
    redirect_origins: tuple[str, ...]
    trusted_application: bool
    scheme: str
    receipt_key: str
    receipt_other_key: str
    receipt_issuer: str
    receipt_audiences: tuple[str, ...]
    receipt_max_seconds: int
    require_receipt: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read and check every setting; ConfigurationError names the one that is wrong.

        With `okta_client_id`, calls of Okta are authorised by this OAuth service app, whose
        assertions are signed by `okta_app_key`; without, by the API token in a secret.
        """
        client_id = environ.get("OKTA_CLIENT_ID", "").strip()
        is_trusted = _flag(environ, "TRUSTED_APPLICATION")
        if client_id and is_trusted:
            raise ConfigurationError("TRUSTED_APPLICATION needs an API token: unset OKTA_CLIENT_ID")
        return cls(
            okta_org_url=_org_url(
                _text(environ, "OKTA_ORG_URL"),
                custom_domain=environ.get("OKTA_CUSTOM_DOMAIN", ""),
                sandbox=_flag(environ, "SANDBOX"),
            ),
            okta_token_secret="" if client_id else _text(environ, "OKTA_TOKEN_SECRET"),
            okta_client_id=client_id,
            okta_app_key=_text(environ, "OKTA_APP_KEY")
            if client_id
            else environ.get("OKTA_APP_KEY", "").strip(),
            service_keys_secret=_text(environ, "SERVICE_KEYS_SECRET"),
            table_name=_text(environ, "TABLE_NAME"),
            challenge_lifetime=_whole_number(environ, "CHALLENGE_LIFETIME_SECONDS", 60, 600),
            stranger_attempts=_whole_number(environ, "STRANGER_ATTEMPTS", 1, 4),
            stranger_failures=_whole_number(environ, "STRANGER_FAILURES_HOUR", 1, 1_000_000),
            sends_per_source=_whole_number(environ, "SENDS_PER_SOURCE_HOUR", 1, 1_000_000),
            sends_per_client=_whole_number(environ, "SENDS_PER_CLIENT_HOUR", 1, 1_000_000),
            failures_per_source=_whole_number(environ, "FAILURES_PER_SOURCE_HOUR", 1, 1_000_000),
            password_failures=_whole_number(environ, "PASSWORD_FAILURES_HOUR", 1, 1_000_000),
            changes_per_client=_whole_number(environ, "CHANGES_PER_CLIENT_HOUR", 1, 1_000_000),
            trust_last_login=_flag(environ, "TRUST_LAST_LOGIN"),
            conceal_unknown_customers=_flag(environ, "CONCEAL_UNKNOWN_CUSTOMERS", default="true"),
            activate_phones=_flag(environ, "ACTIVATE_PHONES"),
            invoke_url_routes=_flag(environ, "INVOKE_URL_ROUTES"),
            allowed_origins=_names(environ, "ALLOWED_ORIGINS"),
            redirect_origins=_names(environ, "REDIRECT_ORIGINS"),
            trusted_application=is_trusted,
            receipt_key=_text(environ, "RECEIPT_KEY"),
            receipt_other_key=environ.get("RECEIPT_OTHER_KEY", "").strip(),
            receipt_issuer=_text(environ, "RECEIPT_ISSUER"),
            receipt_audiences=_audiences(environ),
            receipt_max_seconds=_whole_number(environ, "RECEIPT_MAX_SECONDS", 120, 1800),
            require_receipt=_flag(environ, "REQUIRE_RECEIPT"),
            scheme="http" if _flag(environ, "SANDBOX") else "https",
        )


def on_lambda(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is starting as a Lambda execution environment."""
    return "AWS_LAMBDA_INITIALIZATION_TYPE" in environ


def _text(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set")
    return value


def _names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Values that are separated by commas or blanks."""
    return tuple(environ.get(name, "").replace(",", " ").split())


def _audiences(environ: Mapping[str, str]) -> tuple[str, ...]:
    _text(environ, "RECEIPT_AUDIENCES")
    audiences = _names(environ, "RECEIPT_AUDIENCES")
    if not audiences or not all(re.fullmatch(_AUDIENCE, each) for each in audiences):
        raise ConfigurationError("RECEIPT_AUDIENCES must be names of letters, digits, or ._:/-")
    return audiences


def _flag(environ: Mapping[str, str], name: str, default: str = "false") -> bool:
    value = environ.get(name, default)
    if value not in ("true", "false"):
        raise ConfigurationError(f"{name} must be true or false")
    return value == "true"


def _whole_number(environ: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = _text(environ, name)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def _org_url(url: str, *, custom_domain: str, sandbox: bool) -> str:
    """The org's origin. Calls send a credential and passwords there, so it must be Okta's."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError("OKTA_ORG_URL is not a URL") from None
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError("OKTA_ORG_URL must be an origin: no user, path or query")
    if sandbox and host in SANDBOX_HOSTS and parts.scheme == "http":
        return f"http://{host}:{port}" if port else f"http://{host}"
    if parts.scheme != "https" or port not in (None, 443):
        raise ConfigurationError("OKTA_ORG_URL must be https on its usual port")
    if not re.fullmatch(_HOST, host):
        raise ConfigurationError("OKTA_ORG_URL must name a host")
    if host != custom_domain.lower() and not host.endswith(tuple(f".{d}" for d in OKTA_DOMAINS)):
        raise ConfigurationError("OKTA_ORG_URL is neither an Okta domain nor OKTA_CUSTOM_DOMAIN")
    return f"https://{host}"
