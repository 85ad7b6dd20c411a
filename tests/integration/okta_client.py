"""Okta's transport with given tokens, time and waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.integration.account import TOKEN
from tests.integration.loopback import Answer, LoopbackServer
from tests.unit.examples import NOW
from verification.models.callers import Call, Caller, Deadline
from verification.observability import Meter
from verification.okta.credentials import ApiToken
from verification.okta.error_codes import Json
from verification.okta.transport import Transport
from verification.okta.wire import Wire

CODE = "918273"
WAIT = 0.2
"""Seconds before the second try of these clients, whose jitter is the width of its range."""

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
        self._on_wait = on_wait
        self._clock = clock
        self.wire = Wire(self.meter, session)
        self.transport = Transport(
            url,
            self.wire,
            ApiToken(self.tokens),
            self.meter,
            clock=lambda: float(NOW),
            sleep=self._wait,
            jitter=lambda least, most: most - least,
        )

    def get(self, *path: str, seconds: float = 8.0, **params: str) -> Json:
        """GET the users, or another path, as a look-up does."""
        path = path or ("api", "v1", "users")
        return self.transport.request("GET", path, self._call(seconds), params=params or None)

    def post(
        self, seconds: float = 8.0, caller: Caller = CALLER, *, with_token: bool = True
    ) -> Json:
        """POST a customer's code."""
        return self.transport.request(
            "POST",
            ("api", "v1", "users", "00u1", "factors", "emf1", "verify"),
            self._call(seconds, caller),
            params={"tokenLifetimeSeconds": "300"},
            body={"passCode": CODE},
            with_token=with_token,
            for_customer=True,
        )

    def _call(self, seconds: float, caller: Caller = CALLER) -> Call:
        return Call(caller, Deadline(self._clock() + seconds, self._clock))

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._on_wait()


@contextmanager
def okta_client(
    url: str,
    on_wait: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[OktaClient]:
    """A client whose connections end with the test."""
    with requests.Session() as session:
        yield OktaClient(url, session, on_wait, clock)


@contextmanager
def connected(*answers: Answer, **options: Any) -> Iterator[tuple[OktaClient, LoopbackServer]]:
    """A client, and the server that gives it these answers."""
    with LoopbackServer(*answers) as server, okta_client(server.url, **options) as okta:
        yield okta, server


def okta_error(code: str) -> dict[str, object]:
    """An error object of Okta."""
    return {
        "errorCode": code,
        "errorSummary": "Words that may change",
        "errorLink": code,
        "errorId": "oae0000000000000000000",
        "errorCauses": [{"errorSummary": "More words that may change"}],
    }
