"""The steps of docs/okta.md from the API token to a service app, while customers are verified."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Caller
from tests.sandbox import service_app
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.okta.oauth import TOKEN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.sandbox import Sandbox

CUSTOMERS = 200


class Traffic(threading.Thread):
    """A client that verifies one customer after another, and keeps every answer that is wrong."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.failures: list[str] = []
        self._sandbox = sandbox
        self._verified = threading.Semaphore(0)
        self._between = threading.Lock()
        self._over = threading.Event()

    def run(self) -> None:
        """Verify customers until stopped."""
        numbers = iter(range(CUSTOMERS))
        while not self._over.is_set():
            with self._between:
                self._verify(f"customer-{next(numbers):03d}@example.com")
            self._verified.release()

    def go_on(self, customers: int = 2) -> None:
        """Return when `customers` more are verified."""
        while self._verified.acquire(blocking=False):
            pass
        for _ in range(customers):
            assert self._verified.acquire(timeout=30)

    def wait(self, seconds: int) -> None:
        """Advance the clock between two customers, so that no code expires meanwhile."""
        with self._between:
            self._sandbox.advance += seconds

    def redeploy(self, **parameters: str) -> None:
        """Deploy other parameters between two customers: Lambda lets calls that run end."""
        with self._between:
            self._sandbox.redeploy(**parameters)

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join()

    def _verify(self, email: str) -> None:
        caller = Caller(self._sandbox, {"Authorization": f"Bearer {CLIENT_KEY}"})
        sent = caller.post("/challenge", {"email": email})
        if sent.status_code != 202:
            self.failures.append(sent.text)
            return
        body = {"challenge_id": sent.json()["challenge_id"], "code": caller.code(email)}
        checked = caller.post("/verify", body)
        if checked.status_code != 200:
            self.failures.append(checked.text)


@pytest.fixture
def traffic(sandbox: Sandbox) -> Iterator[Traffic]:
    sandbox.org.populate(CUSTOMERS)
    traffic = Traffic(sandbox)
    traffic.start()
    traffic.go_on()
    yield traffic
    traffic.stop()


def test_a_service_app_replaces_the_token(sandbox: Sandbox, traffic: Traffic) -> None:
    traffic.redeploy(OktaCredential="prepare")
    service_app.register(sandbox)
    traffic.go_on()
    traffic.redeploy(OktaCredential=service_app.CLIENT_ID)
    sandbox.org.accept_tokens([])
    traffic.go_on()
    for change in (
        sandbox.org.oauth.end_nonces,
        sandbox.org.oauth.end_tokens,
        lambda: traffic.wait(TOKEN_SECONDS),
    ):
        change()
        traffic.go_on()
    assert traffic.failures == []
    assert {call.headers["Authorization"] for call in sandbox.org.calls[-3:]} == {"DPoP"}
