"""How long a call takes, side by side with the plain flow that this service replaces, and how much
of it is the service's own time.

Both run in processes of their own and talk to the same Okta and AWS over loopback, so the gateway
is in neither. The service is called by a client: answers to the public are held back on purpose.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import IO, Any

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from tests.bench.child import Child, environment_of
from tests.bench.metrics import Metric, median, p95, ratio
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.gateway import proxy_event
from tests.sandbox.sandbox import Sandbox

ROUNDS = 40
WARM_UP = 2
"""Rounds, one in each dialect, that connect and read the secrets, and are not counted."""

WINDOW_SECONDS = 61
"""Okta's rate limits start anew after this."""

RESEND_SECONDS = 31

Samples = defaultdict[str, list[float]]


def measure(sandbox: Sandbox, log: IO[str]) -> Iterator[Metric]:
    """Medians, p95 and ratios, and the overhead of warm calls."""
    times, overheads = _samples(sandbox, log)
    for name, samples in sorted(times.items()):
        yield median(f"{name}_ms", samples)
        yield p95(f"{name}_p95_ms", samples)
    for call in ("issue", "issue_repeat", "verify_by_id", "verify_by_email"):
        three_calls = times[f"{call.partition('_')[0]}_three_calls"]
        yield ratio(f"{call}_ratio_to_three_calls", times[call], three_calls[: len(times[call])])
    for name, samples in sorted(overheads.items()):
        yield median(f"warm_overhead_ms_{name}", samples)


def _samples(sandbox: Sandbox, log: IO[str]) -> tuple[Samples, Samples]:
    """Milliseconds of whole calls, and of what the service adds to its calls of others."""
    times, overheads = Samples(list), Samples(list)
    sandbox.org.populate((WARM_UP + ROUNDS) * 3)
    with ExitStack() as running:
        service = _Service(sandbox, times, overheads, log, running)
        plain = _Plain(sandbox, times, log, running)
        for number in range(WARM_UP + ROUNDS):
            if number == WARM_UP:
                times.clear()
                overheads.clear()
            # Only the org's time moves on: the service would read its secrets anew.
            sandbox.advance += WINDOW_SECONDS
            emails = [f"customer-{number * 3 + n:03d}@example.com" for n in range(3)]
            turns: list[Callable[[], None]] = [
                lambda: service.turn(number, emails[0]),  # noqa: B023 - called in this very round
                lambda: plain.turn(emails[1], "three_calls", fresh=False),  # noqa: B023
                lambda: plain.turn(emails[2], "three_calls_fresh", fresh=True),  # noqa: B023
            ]
            first = number % len(turns)
            for turn in turns[first:] + turns[:first]:
                turn()
    return times, overheads


class _Service:
    """Both functions."""

    def __init__(
        self,
        sandbox: Sandbox,
        times: Samples,
        overheads: Samples,
        log: IO[str],
        running: ExitStack,
    ) -> None:
        self._sandbox = sandbox
        self._times = times
        self._overheads = overheads
        self._routes = {(route.method, route.path): route for route in sandbox.template.routes}
        self._functions = {
            function.name: running.enter_context(
                Child(
                    "tests.bench.function_process",
                    *(str(function.code), function.name, str(function.timeout)),
                    environment=environment_of(sandbox, function),
                    log=log,
                )
            )
            for function in sandbox.template.functions
        }

    def turn(self, number: int, email: str) -> None:
        """A customer's first code, its check, and the next code.

        Every other turn in JSON, which checks a challenge by its id as its callers do.
        """
        method, dialect = (("POST", "json"), ("GET", "invoke_url"))[number % 2]

        def call(name: str, path: str, advance: float = 0, **parameters: str) -> dict[str, Any]:
            answer = self._call(method, path, advance, parameters)
            self._times[name].append(answer["total_ms"])
            overhead = answer["total_ms"] - answer["outside_ms"]
            self._overheads[f"{name}_{dialect}"].append(overhead)
            return answer

        sent = call("issue", "/challenge", email=email)
        code = self._sandbox.org.inbox.to(email)[0].code
        if dialect == "json":
            challenge_id = json.loads(sent["body"])["challenge_id"]
            call("verify_by_id", "/verify", challenge_id=challenge_id, code=code)
        else:
            call("verify_by_email", "/verify", email=email, otp=code)
        self._sandbox.advance += RESEND_SECONDS
        call("issue_repeat", "/challenge", RESEND_SECONDS, email=email)

    def _call(
        self, method: str, path: str, advance: float, parameters: Mapping[str, str]
    ) -> dict[str, Any]:
        content: dict[str, Any] = {"query_string" if method == "GET" else "json": parameters}
        headers = [("Authorization", f"Bearer {CLIENT_KEY}")]
        builder = EnvironBuilder(path, method=method, headers=headers, **content)
        route = self._routes[method, path]
        event = proxy_event(Request(builder.get_environ()), route, {})
        answer = self._functions[route.function].ask(event=event, advance=advance)
        if answer["statusCode"] not in (200, 202):
            raise RuntimeError(f"{method} {path}: {answer['body']}")
        return answer


class _Plain:
    """The plain flow."""

    def __init__(self, sandbox: Sandbox, times: Samples, log: IO[str], running: ExitStack) -> None:
        self._sandbox = sandbox
        self._times = times
        self._child = running.enter_context(
            Child(
                "tests.bench.plain_process",
                *(sandbox.okta_url, sandbox.org.api_tokens[0]),
                environment=environment_of(sandbox, sandbox.template.functions[0]),
                log=log,
            )
        )

    def turn(self, email: str, name: str, *, fresh: bool) -> None:
        """A code, and its check; `fresh` means a new connection for each of the three calls."""
        sent = self._child.ask(email=email, code=None, fresh=fresh)
        self._times[f"issue_{name}"].append(sent["total_ms"])
        code = self._sandbox.org.inbox.to(email)[0].code
        checked = self._child.ask(email=email, code=code, fresh=fresh)
        self._times[f"verify_{name}"].append(checked["total_ms"])
