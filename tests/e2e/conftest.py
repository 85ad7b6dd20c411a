"""One sandbox for all tests over HTTP, put back to its start before each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Response = requests.Response


class Caller:
    """Somebody at the other end of the API, who can look into the customer's inbox."""

    def __init__(self, sandbox: Sandbox, headers: dict[str, str]) -> None:
        self.sandbox = sandbox
        self.headers = headers

    def get(self, path: str, **query: str) -> Response:
        """Call one of the invoke-URL routes."""
        return requests.get(self.sandbox.url + path, params=query, headers=self.headers, timeout=30)

    def post(self, path: str, body: object, **headers: str) -> Response:
        """Call one of the JSON routes; an underscore in a header's name stands for a hyphen."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            self.sandbox.url + path, json=body, headers={**self.headers, **extra}, timeout=30
        )

    def at_once(self, count: int, work: Callable[[], Response]) -> list[Response]:
        """Make the same call so many times in parallel."""
        with ThreadPoolExecutor(count) as pool:
            return [future.result() for future in [pool.submit(work) for _ in range(count)]]

    def delete(self, path: str) -> Response:
        """Call a route that removes something."""
        return requests.delete(self.sandbox.url + path, headers=self.headers, timeout=30)

    def challenge(self, email: str = "ada@example.com", **fields: str) -> dict[str, Any]:
        """Begin a challenge that must succeed."""
        response = self.post("/challenge", {"email": email, **fields})
        assert response.status_code == 202, response.text
        body: dict[str, Any] = response.json()
        return body

    def code(self, address: str = "ada@example.com") -> str:
        """The newest code in the customer's inbox."""
        return self.sandbox.org.inbox.to(address)[0].code

    def wrong_code(self, address: str = "ada@example.com") -> str:
        """Six digits that are not the newest code."""
        return f"{(int(self.code(address)) + 1) % 1_000_000:06}"

    def okta_sends(self, email: str) -> Response:
        """Somebody else in the company has Okta send a code to this customer."""
        org = self.sandbox.org
        customer: Any = next(each for each in org.customers() if each["email"] == email)
        factor = next(each for each in customer["factors"] if each["type"] == "email")
        path = f"/api/v1/users/{customer['id']}/factors/{factor['id']}/verify"
        headers = {"Authorization": f"SSWS {org.api_tokens[0]}"}
        return requests.post(self.sandbox.okta_url + path, json={}, headers=headers, timeout=30)

    def status_in_okta(self, email: str) -> object:
        """The customer's status, such as ACTIVE or LOCKED_OUT."""
        org = self.sandbox.org
        return next(each["status"] for each in org.customers() if each["email"] == email)

    def verifies_seen_by_okta(self, status: int | None = None) -> int:
        """How many codes, and challenges, the org was asked about."""
        return len(
            [
                call
                for call in list(self.sandbox.org.calls)
                if call.path.endswith("/verify") and status in (None, call.status)
            ]
        )


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the functions have logged."""
    return tmp_path_factory.mktemp("sandbox") / "functions.log"


@pytest.fixture(scope="session")
def running(log: Path) -> Iterator[Sandbox]:
    with log.open("a", buffering=1) as file, Sandbox(file) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture(scope="session")
def running_with_small_budgets(log: Path) -> Iterator[Sandbox]:
    budgets = {
        "SENDS_PER_SOURCE_HOUR": "3",
        "SENDS_PER_CLIENT_HOUR": "3",
        "FAILURES_PER_SOURCE_HOUR": "3",
    }
    with log.open("a", buffering=1) as file, Sandbox(file, environment=budgets) as sandbox:
        yield sandbox


@pytest.fixture
def small_budgets(running_with_small_budgets: Sandbox) -> Sandbox:
    """A sandbox in which every caller may do three things an hour."""
    running_with_small_budgets.reset()
    return running_with_small_budgets


@pytest.fixture
def client(sandbox: Sandbox) -> Caller:
    """A caller with a key."""
    return Caller(sandbox, {"Authorization": f"Bearer {CLIENT_KEY}"})


@pytest.fixture
def public(sandbox: Sandbox) -> Caller:
    """A caller without one."""
    return Caller(sandbox, {})
