"""Okta's transport with given tokens, time and waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.integration.account import TOKEN
from tests.unit.examples import NOW
from verification.models import Call, Caller, Deadline
from verification.observability import Meter
from verification.okta.error_codes import Json
from verification.okta.transport import Transport

RENEWED_TOKEN = "00renewed-token-000000000000000000000000000"
ORG_URL = "https://example.okta.com"
CODE = "918273"

CALLER = Caller(None, "203.0.113.7", "Mozilla/5.0 (X11)", "de-CH, de;q=0.9")


@dataclass
class Tokens:
    """The secret: what is cached, and what is stored by now."""

    cached: str = TOKEN
    stored: str = TOKEN
    rejected: list[str] = field(default_factory=list)

    def okta_token(self) -> str:
        return self.cached

    def renewed_okta_token(self, rejected: str) -> str:
        self.rejected.append(rejected)
        self.cached = self.stored
        return self.cached


class OktaClient:
    """A transport that records its waits. `clock` is what deadlines are measured with."""

    def __init__(
        self,
        url: str,
        session: requests.Session,
        on_wait: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.tokens = Tokens()
        self.meter = Meter()
        self.waits: list[float] = []
        self.jitters: list[tuple[float, float]] = []
        self._on_wait = on_wait
        self._clock = clock
        self.transport = Transport(
            url,
            self.tokens,
            self.meter,
            session=session,
            clock=lambda: float(NOW),
            sleep=self._wait,
            jitter=self._jitter,
        )

    def get(self, *path: str, seconds: float = 8.0, **params: str) -> Json:
        """GET /api/v1/users, or another path, with so many seconds left."""
        path = path or ("api", "v1", "users")
        return self.transport.request("GET", path, self._call(seconds), params=params or None)

    def post(
        self,
        body: dict[str, Any] | None = None,
        seconds: float = 8.0,
        caller: Caller = CALLER,
        **params: str,
    ) -> Json:
        """POST a customer's code, or another body, to the verify link of a factor."""
        path = ("api", "v1", "users", "00u1", "factors", "emf1", "verify")
        return self.transport.request(
            "POST",
            path,
            self._call(seconds, caller),
            params=params or None,
            body={"passCode": CODE} if body is None else body,
            for_customer=True,
        )

    def step(self) -> Json:
        """POST to the Authentication API without a token."""
        path = ("api", "v1", "authn")
        return self.transport.request(
            "POST", path, self._call(8.0), body={}, with_token=False, for_customer=True
        )

    def _call(self, seconds: float, caller: Caller = CALLER) -> Call:
        return Call(caller, Deadline(self._clock() + seconds, self._clock))

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._on_wait()

    def _jitter(self, least: float, most: float) -> float:
        self.jitters.append((least, most))
        return least


@contextmanager
def okta_client(
    url: str = ORG_URL,
    on_wait: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[OktaClient]:
    """A client whose connections end with the test."""
    with requests.Session() as session:
        yield OktaClient(url, session, on_wait, clock)


def okta_error(code: str) -> dict[str, object]:
    """An error object of Okta."""
    return {
        "errorCode": code,
        "errorSummary": "Words that may change",
        "errorLink": code,
        "errorId": "oae0000000000000000000",
        "errorCauses": [{"errorSummary": "More words that may change"}],
    }
