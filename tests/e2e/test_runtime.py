"""Both built functions under Lambda's own runtime client and its interface emulator."""

from __future__ import annotations

import json
import platform
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lambda_runtime import HAS_EMULATOR, Build, Emulator, SnapshotApi, sam_build
from tests.e2e.test_events import STATUS, event
from tests.sandbox.aws import CLIENT_KEY, ROOT_KEY
from tests.sandbox.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.sandbox.sandbox import Sandbox
    from tests.sandbox.template import Function

    Start = Callable[..., AbstractContextManager[Emulator]]

pytestmark = pytest.mark.skipif(
    not HAS_EMULATOR,
    reason="the runtime interface emulator is for Linux on x86_64 or arm64, and this is "
    f"{platform.system()} on {platform.machine()}",
)

ISSUE, VERIFY = "IssueChallengeFunction", "VerifyChallengeFunction"
SHORT = 3
"""Seconds of a timeout that a test can wait for."""

LONGEST_INIT = 10_000.0
"""Milliseconds that Lambda grants."""

START = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
CALL = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return sam_build(tmp_path_factory.mktemp("sam"))


@pytest.fixture(scope="session")
def start(build: Build, running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts an execution environment of a function, which is named."""

    def started(name: str, timeout: int = 10) -> Emulator:
        log = tmp_path_factory.mktemp("lambda") / "log"
        function = function_of(running, name)
        return Emulator(build, function, running.settings_of(function), timeout, log)

    return started


@pytest.fixture(scope="session")
def functions(start: Start) -> Iterator[dict[str, Emulator]]:
    """One environment of each function, for all tests that leave it as it is."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(start(name)) for name in (ISSUE, VERIFY)}


@pytest.mark.parametrize("name", STATUS)
def test_an_event_is_answered_as_in_the_sandbox(
    sandbox: Sandbox, functions: dict[str, Emulator], name: str
) -> None:
    sent = event(name)
    (function,) = [
        route.function
        for route in sandbox.template.routes
        if (route.method, route.path) == (sent["httpMethod"], sent["resource"])
    ]
    assert functions[function].invoke(sent).json()["statusCode"] == STATUS[name]


def test_a_customer_is_verified_and_the_log_says_nothing_about_them(
    sandbox: Sandbox, functions: dict[str, Emulator]
) -> None:
    challenge = functions[ISSUE].invoke(event("challenge-post")).json()
    assert challenge["statusCode"] == 202
    (message,) = sandbox.org.inbox.to("ada@example.com")
    body = {"challenge_id": json.loads(challenge["body"])["challenge_id"], "code": message.code}
    answer = functions[VERIFY].invoke(event("verify-post") | {"body": json.dumps(body)}).json()
    assert json.loads(answer["body"])["status"] == "verified"
    log = functions[ISSUE].log + functions[VERIFY].log
    assert '"outcome":"sent"' in log
    assert '"outcome":"verified"' in log
    for secret in (sandbox.org.api_tokens[0], ROOT_KEY, CLIENT_KEY, "ada@", "example.com"):
        assert secret not in log
    # Durations are long numbers, which hold any six digits once in a while.
    assert not re.search(rf"(?<![\d.]){message.code}(?!\d)", log)


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", [ISSUE, VERIFY])
def test_an_environment_starts_once_and_is_then_warm(start: Start, name: str) -> None:
    route = {ISSUE: "hold-delete", VERIFY: "verify-post"}[name]
    with start(name) as function:
        for _ in range(4):
            assert function.invoke(event(route)).json()["statusCode"] == STATUS[route]
        (cold,) = map(float, START.findall(function.log))
        _, *warm = map(float, CALL.findall(function.log))
    assert min(warm) < cold < LONGEST_INIT


def test_okta_that_hangs_is_answered_before_lambda_ends_the_call(
    sandbox: Sandbox, start: Start
) -> None:
    with start(ISSUE, timeout=SHORT) as function:
        sandbox.org.faults.add("any", "timeout", 5)
        answer = function.invoke(event("challenge-post")).json()
        assert json.loads(answer["body"])["code"] == "deadline_exceeded"
        assert len(START.findall(function.log)) == 1


@pytest.mark.usefixtures("sandbox")
def test_a_function_that_hangs_is_ended_and_starts_again(start: Start) -> None:
    with start(ISSUE, timeout=SHORT) as function:
        function.invoke(event("hold-delete"))
        function.signal(signal.SIGSTOP)
        assert (
            function.invoke(event("hold-delete")).text == f"Task timed out after {SHORT}.00 seconds"
        )
        assert function.invoke(event("hold-delete")).json()["statusCode"] == 204
        assert len(START.findall(function.log)) == 2


def test_a_function_that_crashes_in_a_call_starts_again(sandbox: Sandbox, start: Start) -> None:
    with start(ISSUE) as function, ThreadPoolExecutor() as pool:
        function.invoke(event("hold-delete"))
        sandbox.org.faults.add("any", "timeout", 5)
        call = pool.submit(function.invoke, event("challenge-post"))
        while function.log.count("INVOKE START") < 2:
            time.sleep(0.01)
        function.signal(signal.SIGKILL)
        assert call.result().json()["errorType"] == "Runtime.ExitError"
        sandbox.reset()
        assert function.invoke(event("hold-delete")).json()["statusCode"] == 204
        assert len(START.findall(function.log)) == 2


def test_a_function_is_kept_as_a_snapshot_and_answers_when_restored(
    sandbox: Sandbox, build: Build
) -> None:
    api = SnapshotApi(event("challenge-post"))
    with Server(api) as server, snapshotted(build, sandbox, server.url):
        assert api.said.get(timeout=10) == ("restore/next", None)
        assert sandbox.org.calls == []
        api.restored.set()
        assert api.said.get(timeout=10) == ("invocation/next", None)
        path, answer = api.said.get(timeout=10)
        assert (path, answer["statusCode"]) == ("invocation/1/response", 202)


@contextmanager
def snapshotted(build: Build, sandbox: Sandbox, url: str) -> Iterator[None]:
    """The issue function's process, started for a snapshot."""
    function = function_of(sandbox, ISSUE)
    environment = build.environment(function, sandbox.settings_of(function)) | {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_LAMBDA_RUNTIME_API": url.removeprefix("http://"),
    }
    process = subprocess.Popen(  # noqa: S603 - our own function
        build.command(), cwd=build.code(function), env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def function_of(sandbox: Sandbox, name: str) -> Function:
    (function,) = [each for each in sandbox.template.functions if each.name == name]
    return function
