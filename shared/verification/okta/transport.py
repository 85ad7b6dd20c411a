"""Calls of Okta's API: authorised, retried only where it is safe, their errors made outcomes."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

import requests

from verification import errors
from verification.models.callers import Call, Caller
from verification.observability import Meter
from verification.okta import error_codes
from verification.okta.credentials import Credential
from verification.okta.error_codes import Json
from verification.okta.wire import LEAST_TIME, Answer, Wire, may_act

RETRY_WAIT = (0.05, 0.25)
MAX_HEADER = 512
MAX_RATE_LIMIT_WAIT = 60
"""Okta's buckets are one minute long."""

USER_AGENT = "customer-verification"

_NUMBER = r"[0-9]{1,12}"
_ID = r"[A-Za-z0-9_-]{1,100}"
_NOT_HEADER_TEXT = r"[^\x20-\x7e]"


class Transport:
    """The Okta org's API."""

    def __init__(
        self,
        org_url: str,
        wire: Wire,
        credential: Credential,
        meter: Meter,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._org_url = org_url
        self._wire = wire
        self._credential = credential
        self._meter = meter
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter

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
        query = urlencode(params or {})
        ask = requests.Request(method, url, params=query, json=body, headers=headers)
        if not with_token:
            return self._ask(ask, call, None)
        try:
            return self._ask(ask, call, self._credential)
        except error_codes.InvalidToken:
            if not self._credential.renew(ask.headers["Authorization"]):
                raise
            return self._ask(ask, call, self._credential)

    def _ask(self, ask: requests.Request, call: Call, credential: Credential | None) -> Json:
        """Ask, and ask once more if nothing can be done twice by that and time allows."""
        failure: errors.TryLater
        try:
            return self._ask_once(ask, call, credential)
        except errors.OktaRateLimited as limited:
            wait, failure = float(limited.retry_after), limited
        except errors.OktaNotReached as unreached:
            wait, failure = self._jitter(*RETRY_WAIT), unreached
        except errors.OktaUnavailable as unavailable:
            # A challenge sent again would be a second mail, a code sent again a second attempt.
            if may_act(ask):
                raise
            wait, failure = self._jitter(*RETRY_WAIT), unavailable
        if wait > call.patience or wait + LEAST_TIME >= call.deadline.remaining():
            raise failure
        self._sleep(wait)
        return self._ask_once(ask, call, credential)

    def _ask_once(self, ask: requests.Request, call: Call, credential: Credential | None) -> Json:
        if credential is not None:
            ask.headers |= credential.headers(ask.method, ask.url, call.deadline)
        answer = self._wire.exchange(ask, call.deadline)
        self._meter.note(okta_request_id=answer.headers.get("x-okta-request-id"))
        self._note_limits(answer)
        return _parsed(answer, self._clock(), may_have_acted=may_act(ask))

    def _note_limits(self, answer: Answer) -> None:
        """Note the limit that is nearest to its end: the percentage that is left, and its calls a
        minute. Okta tells the share of this token or app, not the whole of the org's bucket.
        """
        limit, remaining = (_limit_header(answer, name) for name in ("limit", "remaining"))
        if limit is None or remaining is None:
            return
        if limit == 0:
            self._meter.note(okta_concurrency_limited=True)
            return
        left = round(100 * remaining / limit)
        least = self._meter.facts.get("okta_quota_remaining")
        if not isinstance(least, int) or left < least:
            self._meter.note(okta_quota_remaining=left, okta_quota_limit=limit)


def is_id(text: str) -> bool:
    """Whether a text of Okta's can be an id, and so a segment of a path."""
    return bool(re.fullmatch(_ID, text))


def _segment(value: str) -> str:
    """One path segment. Quoting leaves dots alone, so the two that climb are refused."""
    if value in ("", ".", ".."):
        raise ValueError("not a path segment")
    return quote(value, safe="")


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
    return re.sub(_NOT_HEADER_TEXT, "", value)[:MAX_HEADER].strip()


def _parsed(answer: Answer, now: float, *, may_have_acted: bool) -> Json:
    """The document of a success; otherwise raise the outcome of the error."""
    if answer.status == requests.codes.no_content:
        return None
    document = answer.document
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the class of successes
        wait = _rate_limit_wait(answer, now)
        raise error_codes.outcome_of(answer.status, document, wait, may_have_acted=may_have_acted)
    if not isinstance(document, dict | list):
        raise errors.OktaAnswerUnclear if may_have_acted else errors.OktaUnexpectedResponse
    return document


def _rate_limit_wait(answer: Answer, now: float) -> int:
    """Seconds until the limit is over. Okta sends no Retry-After. For its limit on concurrent
    calls (limit 0) the reset means nothing: it is over in a moment.
    """
    reset = _limit_header(answer, "reset")
    if not reset or _limit_header(answer, "limit") == 0:
        return 1
    return min(max(1, math.ceil(reset - now)), MAX_RATE_LIMIT_WAIT)


def _limit_header(answer: Answer, name: str) -> int | None:
    """What Okta says of its rate limit: `limit`, `remaining` or `reset`."""
    text = answer.headers.get(f"x-rate-limit-{name}", "")
    return int(text) if re.fullmatch(_NUMBER, text) else None
