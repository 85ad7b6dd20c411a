"""What a client's first code costs in a new process, with each kind of credential at Okta: how long it
takes, and how many requests Okta gets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import IO

import requests

from tests.bench.child import Child
from tests.bench.events import Events
from tests.bench.metrics import Metric, median
from tests.bench.runtime import Runtime
from tests.sandbox import service_app
from tests.sandbox.sandbox import Sandbox

ROUNDS = 8
ISSUE = "issue_challenge"


def measure(sandbox: Sandbox, runtime: Runtime, log: IO[str]) -> Iterator[Metric]:
    """Medians. The two take turns, each with a customer of its own. Leaves the service with the app."""
    sandbox.reset()
    events = Events(sandbox)
    customers = events.populate(2 * ROUNDS)
    environments = {"api_token": _environment(sandbox, runtime)}
    service_app.use(sandbox)
    environments["service_app"] = _environment(sandbox, runtime)
    times: dict[str, list[float]] = defaultdict(list)
    calls: dict[str, int] = {}
    for number, email in enumerate(customers):
        name = list(environments)[number % 2]
        before = len(sandbox.org.calls)
        event = events.issue(email)
        times[name].append(_first_call(runtime, environments[name], event, log))
        calls[name] = len(sandbox.org.calls) - before
    for name, samples in times.items():
        yield median(f"first_issue_ms_{name}", samples)
        yield Metric(f"okta_calls_per_first_issue_{name}", calls[name], "calls")
    pairs = zip(times["service_app"], times["api_token"], strict=True)
    yield median("first_issue_ms_more_with_service_app", [one - other for one, other in pairs])


def _environment(sandbox: Sandbox, runtime: Runtime) -> dict[str, str]:
    """The issue function's, as it is deployed now."""
    return runtime.process_environment(ISSUE, sandbox.settings_of(sandbox.template.functions[0]))


def _first_call(
    runtime: Runtime, environment: Mapping[str, str], event: Mapping[str, object], log: IO[str]
) -> float:
    """Milliseconds that the first call of a process takes."""
    command = runtime.function_process(ISSUE)
    with Child(command, environment, log) as child:
        answer = child.ask(event=event, advance=0.0)
    if answer["statusCode"] != requests.codes.accepted:
        raise RuntimeError(answer["body"])
    milliseconds: float = answer["total_ms"]
    return milliseconds
