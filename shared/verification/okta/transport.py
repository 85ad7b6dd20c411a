"""One HTTP call to Okta: authorised, bounded in time and size, retried only where it is safe."""

from __future__ import annotations

import json
import logging
import math
import random
import re
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ProtocolError
from urllib3.util.ssl_ import create_urllib3_context

from verification import errors
from verification.models import Call, Caller, Deadline
from verification.observability import Meter
from verification.okta import translation

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 3.0
LEAST_TIME = 0.05
"""Seconds below which a call is not begun."""

IDLE_SECONDS = 30.0
"""A kept connection that was idle for longer is not trusted: a function is frozen between calls,
so that it learns of a closed connection only when a code has already been lost on it."""

RETRY_WAIT = (0.05, 0.25)
MAX_BODY = 1024 * 1024
MAX_HEADER = 512
MAX_RATE_LIMIT_WAIT = 60
"""Okta's buckets are one minute long."""

USER_AGENT = "customer-verification"

Json = dict[str, Any] | list[Any] | None

# urllib3 warns of answers that it finds odd, with the URL, which has an email in it.
logging.getLogger("urllib3").propagate = False

_NUMBER = re.compile(r"[0-9]{1,12}")
_NOT_HEADER_TEXT = re.compile(r"[^\x20-\x7e]")


class Tokens(Protocol):
    """Where the API token comes from."""

    def okta_token(self) -> str:
        """The token to use."""

    def renewed_okta_token(self, rejected: str) -> str:
        """The token as it is stored now that this one was rejected."""


@cache
def tls_context() -> ssl.SSLContext:
    """Trusts the authorities that requests brings along."""
    context = create_urllib3_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class _OneContext(HTTPAdapter):
    """Checks every certificate with `tls_context`. By itself requests reads the authorities again
    for each connection, which takes longer than the rest of it.
    """

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        return host, {**pool, "ssl_context": tls_context()}

    def cert_verify(self, *_: object) -> None:
        """Name no file: the context knows the authorities, and urllib3 demands a certificate."""


class Transport:
    """The Okta org's API over one kept session."""

    def __init__(
        self,
        org_url: str,
        tokens: Tokens,
        meter: Meter,
        *,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._org_url = org_url
        self._tokens = tokens
        self._meter = meter
        self._session = session or requests.Session()
        # No proxy, certificate bundle or password from the environment: the token is at stake.
        self._session.trust_env = False
        self._session.mount("https://", _OneContext())
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._last_used = time.monotonic()

    def request(
        self,
        method: str,
        path: tuple[str, ...],
        call: Call,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        with_token: bool = True,
    ) -> Json:
        """Ask Okta; the JSON of a 2xx answer.

        `path` is a tuple of segments, each of which is quoted, so that no value can leave its
        own. Raises what `translation` knows, with `okta_error`; OktaNotReached; OktaOutcomeUnknown
        when Okta may have acted; DeadlineExceeded.
        """
        url = f"{self._org_url}/{'/'.join(_segment(part) for part in path)}"
        ask = requests.Request(method, url, params=params, json=body)
        if not with_token:
            return self._ask(ask, None, call)
        token = self._tokens.okta_token()
        try:
            return self._ask(ask, token, call)
        except translation.InvalidToken:
            renewed = self._tokens.renewed_okta_token(rejected=token)
            if renewed == token:
                raise
            return self._ask(ask, renewed, call)

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        self._session.close()

    def _ask(self, ask: requests.Request, token: str | None, call: Call) -> Json:
        """Ask once, and once more where nothing can be done twice by it and time allows."""
        ask.headers = _headers(token, call.caller)
        failure: errors.TryLater
        try:
            return self._ask_once(ask, call.deadline)
        except errors.OktaRateLimited as limited:
            wait, failure = float(limited.retry_after), limited
        except errors.OktaNotReached as unreached:
            wait, failure = self._jitter(*RETRY_WAIT), unreached
        except errors.OktaOutcomeUnknown as unknown:
            # A challenge sent again would be a second mail, a code sent again a second attempt.
            if ask.method != "GET":
                raise
            wait, failure = self._jitter(*RETRY_WAIT), unknown
        if wait + LEAST_TIME >= call.deadline.remaining():
            raise failure
        self._sleep(wait)
        return self._ask_once(ask, call.deadline)

    def _ask_once(self, ask: requests.Request, deadline: Deadline) -> Json:
        remaining = deadline.remaining()
        if remaining < LEAST_TIME:
            raise errors.DeadlineTooNear
        self._forget_idle_connections()
        body = bytearray()

        def read(response: requests.Response, **_: object) -> None:
            _read(response, body, deadline)

        # Prepared without the session, whose cookies were set for another customer.
        ask.hooks = {"response": read}
        prepared = ask.prepare()
        try:
            with self._meter.time("okta"):
                response = self._session.send(
                    prepared,
                    timeout=(min(CONNECT_TIMEOUT, remaining), min(READ_TIMEOUT, remaining)),
                    allow_redirects=False,
                    stream=True,
                )
        except (requests.RequestException, HTTPError, OSError) as error:
            if _was_not_sent(error):
                raise errors.OktaNotReached(retry_after=5) from None
            if deadline.remaining() < LEAST_TIME:
                raise errors.DeadlineExceeded from None
            raise errors.OktaOutcomeUnknown(retry_after=5) from None
        self._note(response)
        return _parsed(response, body, self._clock())

    def _forget_idle_connections(self) -> None:
        now = time.monotonic()
        if now - self._last_used > IDLE_SECONDS:
            self.disconnect()
        self._last_used = now

    def _note(self, response: requests.Response) -> None:
        self._meter.note(okta_request_id=response.headers.get("x-okta-request-id"))
        limit, remaining = (_number(response, name) for name in ("limit", "remaining"))
        if limit and remaining is not None:
            self._meter.note(okta_quota_remaining=round(100 * remaining / limit))


def _segment(value: str) -> str:
    """One path segment. Quoting leaves dots alone, so the two that climb are refused."""
    if value in ("", ".", ".."):
        raise ValueError("not a path segment")
    return quote(value, safe="")


def _headers(token: str | None, caller: Caller) -> dict[str, str]:
    """The token, and what Okta's risk engine and mail templates want to know of the customer."""
    headers = {
        "Authorization": f"SSWS {token}" if token else "",
        "Accept": "application/json",
        "User-Agent": _header_text(caller.user_agent) or USER_AGENT,
        "Accept-Language": _header_text(caller.accept_language),
        "X-Forwarded-For": _header_text(caller.source_ip),
        "X-Device-Fingerprint": _header_text(caller.device_fingerprint),
    }
    return {name: value for name, value in headers.items() if value}


def _header_text(value: str) -> str:
    return _NOT_HEADER_TEXT.sub("", value)[:MAX_HEADER].strip()


def _read(response: requests.Response, body: bytearray, deadline: Deadline) -> None:
    """Read to the end, unless that is too far or too slow: a read timeout alone starts anew with
    every byte.
    """
    while chunk := response.raw.read1(65536, decode_content=True):
        body += chunk
        if len(body) > MAX_BODY or deadline.remaining() < 0:
            response.close()
            raise ProtocolError("the body is too long or too slow")
    response.raw.release_conn()


def _was_not_sent(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _parsed(response: requests.Response, body: bytearray, now: float) -> Json:
    """The document of a success; otherwise raise the outcome of the error."""
    status = response.status_code
    if status == requests.codes.no_content:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        if not isinstance(document, dict | list):
            raise errors.OktaUnexpectedResponse
        return document
    code = document.get("errorCode") if isinstance(document, dict) else None
    wait = _rate_limit_wait(response, now)
    if not isinstance(code, str):
        raise translation.outcome_of(status, "", wait)
    outcome = translation.outcome_of(status, code, wait)
    outcome.okta_error = {**document, "status": status}
    raise outcome


def _rate_limit_wait(response: requests.Response, now: float) -> int:
    """Seconds until the limit is over. Okta sends no Retry-After, and for its limit on calls at
    the same time (limit 0) the reset means nothing: that one is over in a moment.
    """
    reset = _number(response, "reset")
    if not reset or _number(response, "limit") == 0:
        return 1
    return min(max(1, math.ceil(reset - now)), MAX_RATE_LIMIT_WAIT)


def _number(response: requests.Response, name: str) -> int | None:
    text = response.headers.get(f"x-rate-limit-{name}", "")
    return int(text) if _NUMBER.fullmatch(text) else None
