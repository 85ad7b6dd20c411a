"""One sandbox for all tests over HTTP, reset before each test; some need none of its processes."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.e2e.in_process import InProcessSandbox
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.server import HOST
from tests.sandbox.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.sandbox.okta.records import User

Response = requests.Response
ADA, GRACE = "ada@example.com", "grace@example.com"
WAIT = 31
"""After so many seconds the next code may be sent."""

LONGEST = (
    "test_soak",
    "test_games",
    "test_page",
    "test_runtime",
    "test_timing",
    "test_examples",
)
"""Modules that begin before the others, in this order, so that none is left over for one process."""

WITNESS = Witness()
"""Sees every answer of the sandboxes below."""


class Caller:
    """A caller of the API over HTTP, who can also read the inboxes and Okta's state."""

    def __init__(self, sandbox: Sandbox, headers: dict[str, str]) -> None:
        self.sandbox = sandbox
        self.headers = headers

    def get(self, path: str, **query: str) -> Response:
        """Send a GET request."""
        return requests.get(self.sandbox.url + path, params=query, headers=self.headers, timeout=30)

    def post(self, path: str, body: object, **headers: str) -> Response:
        """Send a POST request with JSON. An underscore in a header's name stands for a hyphen."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            self.sandbox.url + path, json=body, headers={**self.headers, **extra}, timeout=30
        )

    def at_once(self, count: int, work: Callable[[], Response]) -> list[Response]:
        """Make the same call `count` times in parallel."""
        with ThreadPoolExecutor(count) as pool:
            return [future.result() for future in [pool.submit(work) for _ in range(count)]]

    def crashed(
        self, function: str, work: Callable[[], Response], is_running: Callable[[], bool]
    ) -> Response:
        """The answer to a call whose function crashes as soon as `is_running`."""
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(work)
            eventually(is_running)
            self.sandbox.crash(function)
            return answer.result()

    def delete(self, path: str) -> Response:
        """Send a DELETE request."""
        return requests.delete(self.sandbox.url + path, headers=self.headers, timeout=30)

    def challenge(self, email: str = ADA, **fields: object) -> dict[str, Any]:
        """Begin a challenge, and wait until its code has been sent."""
        response = self.post("/challenge", {"email": email, **fields})
        assert response.status_code == 202, response.text
        self.sandbox.settle()
        body: dict[str, Any] = response.json()
        return body

    def code(self, address: str = ADA) -> str:
        """The newest code in the inbox of an address or phone."""
        self.sandbox.settle()
        return self.sandbox.org.inbox.to(address)[0].code

    def wrong_code(self, address: str = ADA) -> str:
        """Six digits that are not the newest code."""
        return f"{(int(self.code(address)) + 1) % 1_000_000:06}"

    def status_in_okta(self, email: str) -> object:
        """The customer's status, such as ACTIVE or LOCKED_OUT."""
        org = self.sandbox.org
        return next(each["status"] for each in org.customers() if each["email"] == email)

    def verifies_seen_by_okta(self, status: int | None = None) -> int:
        """The number of sends and checks that Okta was asked for, with any or this status."""
        calls = [each for each in list(self.sandbox.org.calls) if each.path.endswith("/verify")]
        return sum(status in (None, call.status) for call in calls)


def eventually(is_so: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def elsewhere(sandbox: Sandbox, number: int = 7) -> Caller:
    """A public caller at a source address of its own."""
    return Caller(sandbox, {"X-Sandbox-Source-Ip": f"198.51.{number // 250}.{number % 250}"})


def user(sandbox: Sandbox, email: str = ADA) -> User:
    """A customer as Okta has it."""
    return next(each for each in sandbox.org.directory if each.email == email)


def code_of(response: Response) -> str:
    """The outcome in a problem document; empty in a success."""
    code: str = response.json().get("code", "")
    return code


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first."""
    first = {name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path.stem, len(first)))


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions' log, of all sandboxes of the session."""
    return tmp_path_factory.mktemp("sandbox") / "functions.log"


@pytest.fixture(scope="session")
def running(log: Path) -> Iterator[Sandbox]:
    with log.open("a", buffering=1) as file, Sandbox(file) as sandbox:
        sandbox.gateway.witness = WITNESS
        yield sandbox


@pytest.fixture(autouse=True)
def documented() -> Iterator[None]:
    """Fail a test in which an answer was not as the contract says."""
    WITNESS.faults.clear()
    yield
    assert WITNESS.faults == []


SMALL_BUDGETS = dict.fromkeys(
    (
        "SENDS_PER_SOURCE_HOUR",
        "SENDS_PER_CLIENT_HOUR",
        "FAILURES_PER_SOURCE_HOUR",
        "CHANGES_PER_CLIENT_HOUR",
    ),
    "3",
)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The sandbox after a reset, or one without processes for a test marked `in_process`."""
    if request.node.get_closest_marker("in_process"):
        with InProcessSandbox(WITNESS) as in_process:
            yield in_process
    else:
        running = request.getfixturevalue("running")
        running.reset()
        yield running


@pytest.fixture
def small_budgets() -> Iterator[Any]:
    """A sandbox in which the budgets of sources and clients are three an hour."""
    with InProcessSandbox(WITNESS, **SMALL_BUDGETS) as in_process:
        yield in_process


@pytest.fixture
def client(sandbox: Sandbox) -> Caller:
    """A client with all scopes."""
    return Caller(sandbox, {"Authorization": f"Bearer {CLIENT_KEY}"})


@pytest.fixture
def public(sandbox: Sandbox) -> Caller:
    """A caller without a client key."""
    return Caller(sandbox, {})
