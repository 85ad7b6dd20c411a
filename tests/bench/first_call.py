"""What a client's first code costs in a new process, with each kind of credential at Okta: how long it
takes, and how many requests Okta gets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import IO

import requests
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tests.bench.child import Child, environment_of
from tests.bench.metrics import Metric, median
from tests.sandbox import contract, service_app
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.gateway import proxy_event
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import Function

ROUNDS = 12
ISSUE = ("POST", "/challenge")


def measure(sandbox: Sandbox, log: IO[str]) -> Iterator[Metric]:
    """Medians. The two take turns, each with a customer of its own. Leaves the service with the app."""
    sandbox.reset()
    sandbox.org.populate(2 * ROUNDS)
    [route] = [each for each in contract.routes() if (each.method, each.path) == ISSUE]
    function = _function(sandbox, route.function)
    environments = {"api_token": environment_of(sandbox, function)}
    service_app.use(sandbox)
    environments["service_app"] = environment_of(sandbox, _function(sandbox, route.function))
    times: dict[str, list[float]] = defaultdict(list)
    calls: dict[str, int] = {}
    for number in range(2 * ROUNDS):
        name = list(environments)[number % 2]
        body = {"email": f"customer-{number:03d}@example.com"}
        headers = [("Authorization", f"Bearer {CLIENT_KEY}")]
        builder = EnvironBuilder(route.path, method=route.method, json=body, headers=headers)
        event = proxy_event(Request(builder.get_environ()), route, {})
        before = len(sandbox.org.calls)
        times[name].append(_first_call(function, environments[name], event, log))
        calls[name] = len(sandbox.org.calls) - before
    for name, samples in times.items():
        yield median(f"first_issue_ms_{name}", samples)
        yield Metric(f"okta_calls_per_first_issue_{name}", calls[name], "calls")
    pairs = zip(times["service_app"], times["api_token"], strict=True)
    yield median("first_issue_ms_more_with_service_app", [one - other for one, other in pairs])


def _function(sandbox: Sandbox, name: str) -> Function:
    """The function as it is deployed now."""
    return next(each for each in sandbox.template.functions if each.name == name)


def _first_call(
    function: Function, environment: Mapping[str, str], event: Mapping[str, object], log: IO[str]
) -> float:
    """Milliseconds that the first call of a process takes."""
    with Child(
        "tests.bench.function_process",
        *(str(function.code), function.name, str(function.timeout)),
        environment=environment,
        log=log,
    ) as child:
        answer = child.ask(event=event, advance=0.0)
    if answer["statusCode"] != requests.codes.accepted:
        raise RuntimeError(answer["body"])
    milliseconds: float = answer["total_ms"]
    return milliseconds
