"""How long a function takes to start, as built, under Lambda's runtime client and its emulator; beside
it an empty function, one that only imports the same libraries and makes the same clients (the floor),
and one that does the same job with Okta's own SDK.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.events import Events
from tests.bench.metrics import Metric, median, ratio_of_medians
from tests.bench.runtime import Runtime
from tests.e2e.lambda_runtime import Emulator
from tests.sandbox.sandbox import Sandbox

ROUNDS = 16
SDK_ROUNDS = 2
"""Its start takes seconds."""

WARM_CALLS = 2
"""Customers of each round after the first, for the calls of a started environment."""

TIMEOUT = 30
NAMES = ("empty", "floor", "issue", "verify", "okta_sdk")
CODE = {"issue": "issue_challenge", "verify": "verify_challenge"}
PROGRAM = """
import time
import awslambdaric.bootstrap, app
print(time.process_time() * 1000)
"""
"""Does in a process of its own what the start does, and prints the time of the processor alone, which
other work on the machine changes less.
"""


def measure(sandbox: Sandbox, runtime: Runtime, folder: Path) -> Iterator[Metric]:
    """Medians and their ratios. `first_call_ms` is a start and the call that waited for it."""
    sandbox.reset()
    bench = _Bench(sandbox, runtime, folder)
    for number in range(ROUNDS):
        bench.round(number)
    for name in NAMES:
        yield median(f"init_ms_{name}", bench.starts[name])
        yield median(f"init_cpu_ms_{name}", bench.processors[name])
    for name in ("issue", "verify"):
        for other in ("floor", "okta_sdk"):
            for kind, samples in (("init", bench.starts), ("init_cpu", bench.processors)):
                yield ratio_of_medians(
                    f"{kind}_ratio_{name}_to_{other}", samples[name], samples[other]
                )
    for name in ("issue", "okta_sdk"):
        yield median(f"first_call_ms_{name}", bench.first_calls[name])
    for name in ("issue", "verify", "okta_sdk_issue", "okta_sdk_verify"):
        yield median(f"emulated_warm_ms_{name}", bench.warm_calls[name])


class _Bench:
    """Milliseconds of each function."""

    def __init__(self, sandbox: Sandbox, runtime: Runtime, folder: Path) -> None:
        self.starts: dict[str, list[float]] = defaultdict(list)
        self.processors: dict[str, list[float]] = defaultdict(list)
        self.first_calls: dict[str, list[float]] = defaultdict(list)
        self.warm_calls: dict[str, list[float]] = defaultdict(list)
        self._sandbox, self._runtime, self._log = sandbox, runtime, folder / "emulator.log"
        self._events = Events(sandbox)
        self._customers = iter(self._events.populate(2 * ROUNDS * (WARM_CALLS + 1)))

    def round(self, number: int) -> None:
        """Start each function once; they take turns, so that other work slows all."""
        turns: list[Callable[[], None]] = [
            partial(self._idle, "empty"),
            partial(self._idle, "floor"),
            self._service,
        ]
        if number < SDK_ROUNDS:
            turns.append(self._okta_sdk)
        first = number % len(turns)
        for turn in turns[first:] + turns[:first]:
            turn()
        for name in NAMES if number < SDK_ROUNDS else NAMES[:-1]:
            self.processors[name].append(self._processor_time(name))

    def _idle(self, name: str) -> None:
        with self._emulator(name) as function:
            function.invoke({})
            self.starts[name].append(function.starts[0])

    def _service(self) -> None:
        """Codes sent by the one function and checked by the other."""
        with self._emulator("issue") as issue, self._emulator("verify") as verify:
            for _ in range(WARM_CALLS + 1):
                email = next(self._customers)
                _succeed(issue.invoke(self._events.issue(email)).json(), 202)
                code = self._events.code(email)
                _succeed(verify.invoke(self._events.verify(email, code)).json(), 200)
            for name, function in (("issue", issue), ("verify", verify)):
                self._note(name, function, function.calls[1:])

    def _okta_sdk(self) -> None:
        with self._emulator("okta_sdk") as function:
            for _ in range(WARM_CALLS + 1):
                email = next(self._customers)
                _succeed(function.invoke({"email": email}).json(), "CHALLENGE")
                event = {"email": email, "code": self._events.code(email)}
                _succeed(function.invoke(event).json(), "SUCCESS")
            self._note("okta_sdk", function, [])
            self.warm_calls["okta_sdk_issue"] += function.calls[2::2]
            self.warm_calls["okta_sdk_verify"] += function.calls[3::2]

    def _note(self, name: str, function: Emulator, warm_calls: list[float]) -> None:
        (start,) = function.starts
        self.starts[name].append(start)
        self.first_calls[name].append(start + function.calls[0])
        self.warm_calls[name] += warm_calls

    def _emulator(self, name: str) -> Emulator:
        code = CODE.get(name, name)
        log = self._log.with_name(f"{name}.log")
        command, folder = self._runtime.command(), self._runtime.code(code)
        return Emulator(command, folder, self._environment(name), TIMEOUT, log)

    def _environment(self, name: str) -> dict[str, str]:
        issue, verify = self._sandbox.template.functions
        settings = self._sandbox.settings_of(verify if name == "verify" else issue)
        if name == "okta_sdk":
            settings |= sdk_settings(self._sandbox)
        return self._runtime.environment(CODE.get(name, name), settings)

    def _processor_time(self, name: str) -> float:
        done = subprocess.run(  # noqa: S603 - our own program
            [self._runtime.python, "-S", "-c", PROGRAM],
            cwd=self._runtime.code(CODE.get(name, name)),
            env=self._environment(name),
            stdout=subprocess.PIPE,
            check=True,
        )
        milliseconds: float = json.loads(done.stdout)
        return milliseconds


def sdk_settings(sandbox: Sandbox) -> dict[str, str]:
    """What the SDK needs beside the URL; only the second lets it call this machine."""
    token = sandbox.org.api_tokens[0]
    return {"OKTA_TOKEN": token, "OKTA_TESTING_TESTINGDISABLEHTTPSCHECK": "true"}


def _succeed(answer: Mapping[str, Any], wanted: object) -> None:
    """Raise RuntimeError unless the function answered that."""
    if answer.get("statusCode", answer.get("result")) != wanted:
        raise RuntimeError(str(answer))
