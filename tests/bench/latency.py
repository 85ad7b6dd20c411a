"""How long a call of a client takes, compared with the flow of three Okta calls that this service
replaces, and how much of it is the service's own time. Also how long a public send takes.

Both run in processes of their own and talk to the same Okta and AWS over loopback, without the
gateway. They take turns, so that other work on the machine slows both.
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
from tests.sandbox import contract
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.gateway import proxy_event
from tests.sandbox.sandbox import Sandbox

ROUNDS = 40
WARM_UP = 2
"""Rounds that are not counted, one in each dialect: they connect and read the secrets."""

WINDOW_SECONDS = 61
"""The period of Okta's rate limits."""

RESEND_SECONDS = 31
TURNS = 5
"""Customers for each round."""

Samples = defaultdict[str, list[float]]


def measure(sandbox: Sandbox, log: IO[str]) -> Iterator[Metric]:
    """Medians, 95th percentiles, ratios, and the service's own time of warm calls."""
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
    """Milliseconds of whole calls, and of the service's own part of them."""
    times, overheads = Samples(list), Samples(list)
    sandbox.org.populate((WARM_UP + ROUNDS) * TURNS)
    with ExitStack() as running:
        service = _Service(sandbox, times, overheads, log, running)
        plain = _Plain(sandbox, times, log, running)
        for number in range(WARM_UP + ROUNDS):
            if number == WARM_UP:
                times.clear()
                overheads.clear()
            # Only the org's clock is advanced: the service would read its secrets again.
            sandbox.advance += WINDOW_SECONDS
            emails = [f"customer-{number * TURNS + n:03d}@example.com" for n in range(TURNS)]
            turns: list[Callable[[], None]] = [
                lambda: service.turn(number, emails[0]),  # noqa: B023 - called in this very round
                lambda: plain.turn(emails[1], "three_calls", fresh=False),  # noqa: B023
                lambda: plain.turn(emails[2], "three_calls_fresh", fresh=True),  # noqa: B023
                lambda: service.public_turn(emails[3]),  # noqa: B023
                lambda: service.receipt_turn(emails[4]),  # noqa: B023
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
        self._routes = {(route.method, route.path): route for route in contract.routes()}
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

        The dialects take turns. JSON names the challenge by its id, as its callers do.
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

    def receipt_turn(self, email: str) -> None:
        """A check with a receipt, and its redemption."""

        def call(name: str, path: str, **parameters: object) -> dict[str, Any]:
            answer = self._call("POST", path, 0, parameters)
            self._times[name].append(answer["total_ms"])
            self._overheads[f"{name}_json"].append(answer["total_ms"] - answer["outside_ms"])
            body: dict[str, Any] = json.loads(answer["body"])
            return body

        sent = self._call("POST", "/challenge", 0, {"email": email})
        challenge_id = json.loads(sent["body"])["challenge_id"]
        code = self._sandbox.org.inbox.to(email)[0].code
        body = {"challenge_id": challenge_id, "code": code, "receipt": True}
        verified = call("verify_with_receipt", "/verify", **body)
        customer = verified["customer_id"]
        call("redeem", "/receipts/redeem", receipt=verified["receipt"], customer_id=customer)

    def public_turn(self, email: str) -> None:
        """A first code for the public, which is answered before anybody is looked up."""
        answer = self._call("POST", "/challenge", 0, {"email": email}, key="")
        self._times["public_send"].append(answer["total_ms"])
        self._sandbox.settle()

    def _call(
        self,
        method: str,
        path: str,
        advance: float,
        parameters: Mapping[str, object],
        key: str = CLIENT_KEY,
    ) -> dict[str, Any]:
        content: dict[str, Any] = {"query_string" if method == "GET" else "json": parameters}
        headers = [("Authorization", f"Bearer {key}")] if key else []
        builder = EnvironBuilder(path, method=method, headers=headers, **content)
        route = self._routes[method, path]
        event = proxy_event(Request(builder.get_environ()), route, {})
        answer = self._functions[route.function].ask(event=event, advance=advance)
        if answer["statusCode"] not in (200, 202):
            raise RuntimeError(f"{method} {path}: {answer['body']}")
        return answer


class _Plain:
    """The flow of three Okta calls."""

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
        """A code, and its check. `fresh` means a new connection for each of the three calls."""
        sent = self._child.ask(email=email, code=None, fresh=fresh)
        self._times[f"issue_{name}"].append(sent["total_ms"])
        code = self._sandbox.org.inbox.to(email)[0].code
        checked = self._child.ask(email=email, code=code, fresh=fresh)
        self._times[f"verify_{name}"].append(checked["total_ms"])
