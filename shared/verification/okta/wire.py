"""One HTTP exchange with Okta over a kept session: bounded in time and size, never redirected."""

from __future__ import annotations

import json
import logging
import math
import ssl
import time
from functools import cache
from typing import Any

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ProtocolError
from urllib3.util.ssl_ import create_urllib3_context

from verification import errors
from verification.frozen import Frozen
from verification.models.callers import Deadline
from verification.observability import Meter

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 3.0
LEAST_TIME = 0.05
"""A call is not begun with fewer seconds left."""

IDLE_SECONDS = 30.0
"""A kept connection that was idle for longer is not used again: a function is frozen between calls,
so it would notice a closed connection only after sending a code on it."""

MAX_BODY = 1024 * 1024
MAX_LEVELS = 64
"""How deeply a document may be nested, so that every function that walks through one comes to its end."""

# urllib3 logs odd answers with the URL, which contains an email.
logging.getLogger("urllib3").propagate = False


class Answer(Frozen):
    """What Okta answered; `document` is None where the body is not JSON."""

    status: int
    headers: CaseInsensitiveDict[str]
    document: Any


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


class Wire:
    """The session with the Okta org."""

    def __init__(self, meter: Meter, session: requests.Session | None = None) -> None:
        self._meter = meter
        self._session = session or requests.Session()
        # No proxy, certificate bundle or password from the environment: the token is at stake.
        self._session.trust_env = False
        self._session.mount("https://", _OneContext())
        self._last_used = time.monotonic()

    def exchange(self, ask: requests.Request, deadline: Deadline) -> Answer:
        """Okta's answer, whatever its status. Raises OktaNotReached; OktaUnavailable or, where the
        request may have been carried out, OktaOutcomeUnknown; DeadlineExceeded.
        """
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
            raise _failure(error, deadline, may_have_acted=may_act(ask)) from None
        return Answer(response.status_code, response.headers, _document(body))

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        self._session.close()

    def _forget_idle_connections(self) -> None:
        now = time.monotonic()
        if now - self._last_used > IDLE_SECONDS:
            self.disconnect()
        self._last_used = now


def may_act(ask: requests.Request) -> bool:
    """Whether the request changes something at Okta."""
    return bool(ask.method != "GET")


def _document(body: bytearray) -> Any:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if _is_plain(document) else None


def _is_plain(document: Any) -> bool:
    """Whether it can be read and written by others: not nested too deeply, and without the numbers that
    Python reads and JSON does not have.
    """
    level = [document]
    for _ in range(MAX_LEVELS):
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            return False
        dicts = [each.values() for each in level if isinstance(each, dict)]
        level = [inner for each in level if isinstance(each, list) for inner in each]
        level += [inner for each in dicts for inner in each]
        if not level:
            return True
    return False


def _read(response: requests.Response, body: bytearray, deadline: Deadline) -> None:
    """Read the body, up to a size and the deadline: a read timeout alone starts anew with each
    byte, so it shrinks with the time that is left. Where Okta ends the connection with this answer,
    the connection has given its socket away, and a byte may take its whole timeout.
    """
    while True:
        connection, remaining = response.raw.connection, deadline.remaining()
        if len(body) > MAX_BODY or remaining <= 0:
            response.close()
            raise ProtocolError("the body is too long or too slow")
        if connection is not None and connection.sock is not None:  # None once all has arrived
            connection.sock.settimeout(min(READ_TIMEOUT, remaining))
        chunk = response.raw.read1(65536, decode_content=True)
        if not chunk:
            break
        body += chunk
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
