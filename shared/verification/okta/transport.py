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
from verification.okta import error_codes
from verification.okta.error_codes import Json

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 3.0
LEAST_TIME = 0.05
"""A call is not begun with fewer seconds left."""

IDLE_SECONDS = 30.0
"""A kept connection that was idle for longer is not used again: a function is frozen between calls,
so it would notice a closed connection only after sending a code on it."""

RETRY_WAIT = (0.05, 0.25)
MAX_BODY = 1024 * 1024
MAX_HEADER = 512
MAX_RATE_LIMIT_WAIT = 60
"""Okta's buckets are one minute long."""

USER_AGENT = "customer-verification"

# urllib3 logs odd answers with the URL, which contains an email.
logging.getLogger("urllib3").propagate = False

_NUMBER = re.compile(r"[0-9]{1,12}")
_NOT_HEADER_TEXT = re.compile(r"[^\x20-\x7e]")


class Tokens(Protocol):
    """Supplies the API token."""

    def okta_token(self) -> str:
        """The token to use."""

    def renewed_okta_token(self, rejected: str) -> str:
        """The token as it is stored now that this one was rejected."""


@cache
def tls_context() -> ssl.SSLContext:
    """A context that trusts the authorities of requests' own bundle."""
    context = create_urllib3_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class _OneContext(HTTPAdapter):
    """Uses `tls_context` for every connection. By itself requests reads the authorities again for
    each connection, which takes longer than the rest of the handshake.
    """

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        return host, {**pool, "ssl_context": tls_context()}

    def cert_verify(self, *_: object) -> None:
        """Set no file: the context has the authorities, and urllib3 requires a certificate."""


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
        for_customer: bool = False,
    ) -> Json:
        """Ask Okta; the JSON of a 2xx answer.

        `path` is a tuple of segments; each is quoted, so that no value can leave its own.
        `for_customer` forwards the customer's address and browser: Okta evaluates its policy for
        the client that asks, so look-ups, whose answers are kept, must not forward them. Raises
        what `error_codes` knows; OktaNotReached; OktaOutcomeUnknown; DeadlineExceeded.
        """
        url = f"{self._org_url}/{'/'.join(_segment(part) for part in path)}"
        headers = _customer_headers(call.caller) if for_customer else {"User-Agent": USER_AGENT}
        ask = requests.Request(method, url, params=params, json=body, headers=headers)
        if not with_token:
            return self._ask(ask, call)
        token = self._tokens.okta_token()
        try:
            return self._ask(_authorised(ask, token), call)
        except error_codes.InvalidToken:
            renewed = self._tokens.renewed_okta_token(rejected=token)
            if renewed == token:
                raise
            return self._ask(_authorised(ask, renewed), call)

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        self._session.close()

    def _ask(self, ask: requests.Request, call: Call) -> Json:
        """Ask, and ask once more if nothing can be done twice by that and time allows."""
        failure: errors.TryLater
        try:
            return self._ask_once(ask, call.deadline)
        except errors.OktaRateLimited as limited:
            wait, failure = float(limited.retry_after), limited
        except errors.OktaNotReached as unreached:
            wait, failure = self._jitter(*RETRY_WAIT), unreached
        except errors.OktaUnavailable as unavailable:
            # A challenge sent again would be a second mail, a code sent again a second attempt.
            if _may_act(ask):
                raise
            wait, failure = self._jitter(*RETRY_WAIT), unavailable
        if wait + LEAST_TIME >= call.deadline.remaining():
            raise failure
        self._sleep(wait)
        return self._ask_once(ask, call.deadline)

    def _ask_once(self, ask: requests.Request, deadline: Deadline) -> Json:
        remaining = deadline.remaining()
        if remaining < LEAST_TIME:
            raise errors.DeadlineExceeded
        self._forget_idle_connections()
        body = bytearray()

        def read(response: requests.Response, **_: object) -> None:
            _read(response, body, deadline)

        # Prepared without the session, whose cookies belong to another customer.
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
            raise _failure(error, deadline, may_have_acted=_may_act(ask)) from None
        self._note(response)
        return _parsed(response, body, self._clock(), may_have_acted=_may_act(ask))

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


def _authorised(ask: requests.Request, token: str) -> requests.Request:
    ask.headers = {**ask.headers, "Authorization": f"SSWS {token}"}
    return ask


def _may_act(ask: requests.Request) -> bool:
    """Whether the request changes something at Okta."""
    return bool(ask.method != "GET")


def _customer_headers(caller: Caller) -> dict[str, str]:
    """What Okta's risk engine and mail templates use of the customer's request."""
    headers = {
        "User-Agent": _header_text(caller.user_agent) or USER_AGENT,
        "Accept-Language": _header_text(caller.accept_language),
        "X-Forwarded-For": _header_text(caller.source_ip),
        "X-Device-Fingerprint": _header_text(caller.device_fingerprint),
    }
    return {name: value for name, value in headers.items() if value}


def _header_text(value: str) -> str:
    return _NOT_HEADER_TEXT.sub("", value)[:MAX_HEADER].strip()


def _read(response: requests.Response, body: bytearray, deadline: Deadline) -> None:
    """Read the body, up to a size and the deadline: a read timeout alone starts anew with each
    byte.
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


def _failure(
    error: Exception, deadline: Deadline, *, may_have_acted: bool
) -> errors.VerificationError:
    """The outcome of a call without an answer."""
    if _was_not_sent(error):
        return errors.OktaNotReached(retry_after=5)
    if deadline.remaining() < LEAST_TIME:
        return errors.DeadlineExceededWaiting() if may_have_acted else errors.DeadlineExceeded()
    kind = errors.OktaOutcomeUnknown if may_have_acted else errors.OktaUnavailable
    return kind(retry_after=5)


def _parsed(
    response: requests.Response, body: bytearray, now: float, *, may_have_acted: bool
) -> Json:
    """The document of a success; otherwise raise the outcome of the error."""
    status = response.status_code
    if status == requests.codes.no_content:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        wait = _rate_limit_wait(response, now)
        raise error_codes.outcome_of(status, document, wait, may_have_acted=may_have_acted)
    if not isinstance(document, dict | list):
        raise errors.OktaAnswerUnclear if may_have_acted else errors.OktaUnexpectedResponse
    return document


def _rate_limit_wait(response: requests.Response, now: float) -> int:
    """Seconds until the limit is over. Okta sends no Retry-After. For its limit on concurrent
    calls (limit 0) the reset means nothing: it is over in a moment.
    """
    reset = _number(response, "reset")
    if not reset or _number(response, "limit") == 0:
        return 1
    return min(max(1, math.ceil(reset - now)), MAX_RATE_LIMIT_WAIT)


def _number(response: requests.Response, name: str) -> int | None:
    text = response.headers.get(f"x-rate-limit-{name}", "")
    return int(text) if _NUMBER.fullmatch(text) else None
