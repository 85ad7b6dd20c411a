"""Both built functions under Lambda's runtime client and its interface emulator."""

from __future__ import annotations

import json
import platform
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import eventually
from tests.e2e.lambda_runtime import HAS_EMULATOR, Build, Emulator, SnapshotApi, sam_build
from tests.e2e.test_events import STATUS, TASK, answers, event
from tests.sandbox.arns import ALIAS, function_arn
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
SHORT = 6  # seconds; enough for a start on a busy machine
"""A timeout in seconds that a test can wait for."""

LONGEST_INIT = 10_000.0
"""Milliseconds that Lambda allows."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return sam_build(tmp_path_factory.mktemp("sam"))


@pytest.fixture(scope="module")
def start(build: Build, running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts an execution environment of the named function."""
    running.reset()  # to the template's own parameters, which the settings below are made from

    def started(name: str, timeout: int = 10) -> Emulator:
        log = tmp_path_factory.mktemp("lambda") / "log"
        function = named(running, name)
        environment = build.environment(function, running.settings_of(function))
        return Emulator(build.command(), build.code(function), environment, timeout, log)

    return started


@pytest.fixture(scope="module")
def functions(start: Start) -> Iterator[dict[str, Emulator]]:
    """One environment of each function, for the tests that do not break it."""
    with start(ISSUE) as issue, start(VERIFY) as verify:
        yield {ISSUE: issue, VERIFY: verify}


@pytest.fixture(scope="module")
def short_lived(start: Start) -> Iterator[Emulator]:
    """An environment for the tests that break it, with a timeout that they can wait for."""
    with start(ISSUE, timeout=SHORT) as function:
        yield function


def test_every_event_is_answered_as_in_the_sandbox(
    sandbox: Sandbox, functions: dict[str, Emulator]
) -> None:
    assert answers(sandbox, lambda name, sent: functions[name].invoke(sent).json()) == STATUS
    assert functions[ISSUE].invoke(event(TASK)).json() is None
    assert '"outcome":"not_sent"' in functions[ISSUE].log


def test_a_customer_is_verified_and_the_log_does_not_name_them(
    sandbox: Sandbox, functions: dict[str, Emulator]
) -> None:
    challenge = functions[ISSUE].invoke(public("challenge-post")).json()
    assert challenge["statusCode"] == 202
    sandbox.settle()
    (message,) = sandbox.org.inbox.to("ada@example.com")
    body = {"challenge_id": json.loads(challenge["body"])["challenge_id"], "code": message.code}
    answer = functions[VERIFY].invoke(public("verify-post") | {"body": json.dumps(body)}).json()
    assert json.loads(answer["body"])["status"] == "verified"
    log = functions[ISSUE].log + functions[VERIFY].log
    assert '"outcome":"accepted"' in log
    assert '"outcome":"verified"' in log
    for secret in (sandbox.org.api_tokens[0], ROOT_KEY, CLIENT_KEY, "ada@", "example.com"):
        assert secret not in log
    # Durations are long numbers, which may contain any six digits.
    assert not re.search(rf"(?<![\d.]){message.code}(?!\d)", log)


@pytest.mark.usefixtures("sandbox")
def test_an_environment_starts_once_and_is_then_warm(functions: dict[str, Emulator]) -> None:
    for name, route in ((ISSUE, "holds-get"), (VERIFY, "verify-post")):
        for _ in range(2):
            assert functions[name].invoke(event(route)).json()["statusCode"] == STATUS[route]
        (cold,) = functions[name].starts
        _, *warm = functions[name].calls
        assert min(warm) < cold < LONGEST_INIT


def test_a_call_is_answered_in_time_when_okta_hangs(
    sandbox: Sandbox, short_lived: Emulator
) -> None:
    before = len(short_lived.starts)
    sandbox.org.faults.add("any", "timeout", 5)
    answer = short_lived.invoke(event("holds-get")).json()
    # A start on a busy machine leaves no time for a second try, and a moment more than the first one takes.
    assert json.loads(answer["body"])["code"] in ("deadline_exceeded", "okta_unavailable")
    assert len(short_lived.starts) == max(before, 1)


@pytest.mark.usefixtures("sandbox")
def test_a_function_that_hangs_starts_again(short_lived: Emulator) -> None:
    short_lived.invoke(event("holds-get"))
    before = len(short_lived.starts)
    short_lived.signal(signal.SIGSTOP)
    hung = short_lived.invoke(event("holds-get"))
    assert hung.text == f"Task timed out after {SHORT}.00 seconds"
    assert short_lived.invoke(event("holds-get")).json()["statusCode"] == 200
    assert len(short_lived.starts) == before + 1


def test_a_function_that_crashes_in_a_call_starts_again(
    sandbox: Sandbox, short_lived: Emulator
) -> None:
    short_lived.invoke(event("holds-get"))
    before = len(short_lived.starts)
    sandbox.reset()
    sandbox.org.faults.add("any", "timeout", 5)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(short_lived.invoke, event("holds-get"))
        eventually(lambda: bool(sandbox.org.calls))
        short_lived.signal(signal.SIGKILL)
        assert call.result().json()["errorType"] == "Runtime.ExitError"
    sandbox.reset()
    assert short_lived.invoke(event("holds-get")).json()["statusCode"] == 200
    assert len(short_lived.starts) == before + 1


def test_a_function_answers_after_it_was_restored_from_a_snapshot(
    sandbox: Sandbox, build: Build
) -> None:
    api = SnapshotApi(function_arn(ISSUE, ALIAS), public("challenge-post"))
    with Server(api) as server, snapshotted(build, sandbox, server.url):
        assert api.said.get(timeout=10) == ("restore/next", None)
        assert sandbox.org.calls == []
        api.restored.set()
        assert api.said.get(timeout=10) == ("invocation/next", None)
        path, answer = api.said.get(timeout=10)
        assert (path, answer["statusCode"]) == ("invocation/1/response", 202)
        sandbox.settle()
        assert len(sandbox.org.inbox.to("ada@example.com")) == 1


@contextmanager
def snapshotted(build: Build, sandbox: Sandbox, url: str) -> Iterator[None]:
    """The issue function's process, started for a snapshot."""
    function = named(sandbox, ISSUE)
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


def public(name: str) -> dict[str, Any]:
    """The event of that name, without a client key."""
    sent = event(name)
    for headers in (sent["headers"], sent["multiValueHeaders"]):
        headers.pop("Authorization", None)
    return sent


def named(sandbox: Sandbox, name: str) -> Function:
    """The function of that name."""
    (function,) = [each for each in sandbox.template.functions if each.name == name]
    return function
