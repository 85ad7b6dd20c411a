"""How long a call of a client takes, compared with the flow of three Okta calls that this service
replaces, and how much of it is the service's own time. Also how long a public send takes.

Both run in processes of their own and talk to the same Okta and AWS over loopback, without the
gateway. They take turns, so that other work on the machine slows both.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
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
"""Rounds that are not counted, one in each dialect: they connect and read the secrets."""

WINDOW_SECONDS = 61
"""The period of Okta's rate limits."""

RESEND_SECONDS = 31

Samples = defaultdict[str, list[float]]


def measure(sandbox: Sandbox, log: IO[str]) -> Iterator[Metric]:
    """Medians, 95th percentiles, ratios, and the service's own time of warm calls."""
    with ExitStack() as running:
        bench = _Bench(sandbox, log, running)
        bench.run()
    times, overheads = bench.times, bench.overheads
    for name, samples in sorted(times.items()):
        yield median(f"{name}_ms", samples)
        yield p95(f"{name}_p95_ms", samples)
    for call in ("issue", "issue_repeat", "verify_by_id", "verify_by_email"):
        three_calls = times[f"{call.partition('_')[0]}_three_calls"]
        yield ratio(f"{call}_ratio_to_three_calls", times[call], three_calls[: len(times[call])])
    for name, samples in sorted(overheads.items()):
        yield median(f"warm_overhead_ms_{name}", samples)


class _Bench:
    """Milliseconds of whole calls, and of the service's own part of them."""

    def __init__(self, sandbox: Sandbox, log: IO[str], running: ExitStack) -> None:
        self.times, self.overheads = Samples(list), Samples(list)
        self._sandbox = sandbox
        self._routes = {(route.method, route.path): route for route in sandbox.template.routes}

        def child(module: str, function: Any, *arguments: str) -> Child:
            environment = environment_of(sandbox, function)
            return running.enter_context(
                Child(f"tests.bench.{module}", *arguments, environment=environment, log=log)
            )

        functions = sandbox.template.functions
        self._functions = {
            each.name: child("function_process", each, str(each.code), each.name, str(each.timeout))
            for each in functions
        }
        token = sandbox.org.api_tokens[0]
        self._plain = child("plain_process", functions[0], sandbox.okta_url, token)

    def run(self) -> None:
        """All rounds. Each turn has a customer of its own."""
        turns: list[Callable[[str], None]] = [
            partial(self._plain_turn, "three_calls", False),
            partial(self._plain_turn, "three_calls_fresh", True),
            self._public_turn,
            self._receipt_turn,
        ]
        self._sandbox.org.populate((WARM_UP + ROUNDS) * (len(turns) + 1))
        customers = (f"customer-{number:03d}@example.com" for number in range(10**6))
        for number in range(WARM_UP + ROUNDS):
            if number == WARM_UP:
                self.times.clear()
                self.overheads.clear()
            # Only the org's clock is advanced: the service would read its secrets again.
            self._sandbox.advance += WINDOW_SECONDS
            all_turns: list[Callable[[str], None]] = [
                partial(self._turn, ("json", "invoke_url")[number % 2]),
                *turns,
            ]
            first = number % len(all_turns)
            for turn in all_turns[first:] + all_turns[:first]:
                turn(next(customers))

    def _turn(self, dialect: str, email: str) -> None:
        """A customer's first code, its check, and the next code.

        JSON names the challenge by its id, as its callers do.
        """
        call = partial(self._call, dialect)
        sent = call("issue", "/challenge", email=email)
        if dialect == "json":
            challenge_id = json.loads(sent["body"])["challenge_id"]
            call("verify_by_id", "/verify", challenge_id=challenge_id, code=self._code(email))
        else:
            call("verify_by_email", "/verify", email=email, otp=self._code(email))
        self._sandbox.advance += RESEND_SECONDS
        call("issue_repeat", "/challenge", advance=RESEND_SECONDS, email=email)

    def _receipt_turn(self, email: str) -> None:
        """A check with a receipt, and its redemption."""
        sent = json.loads(self._call("json", "", "/challenge", email=email)["body"])
        body = {"challenge_id": sent["challenge_id"], "code": self._code(email), "receipt": True}
        answer = self._call("json", "verify_with_receipt", "/verify", **body)
        verified = json.loads(answer["body"])
        body = {name: verified[name] for name in ("receipt", "customer_id")}
        self._call("json", "redeem", "/receipts/redeem", **body)

    def _public_turn(self, email: str) -> None:
        """A first code for the public, which is answered before anybody is looked up."""
        answer = self._call("json", "", "/challenge", key="", email=email)
        self.times["public_send"].append(answer["total_ms"])
        self._sandbox.settle()

    def _plain_turn(self, name: str, fresh: bool, email: str) -> None:
        """A code, and its check. `fresh` means a new connection for each of the three calls."""
        sent = self._plain.ask(email=email, code=None, fresh=fresh)
        checked = self._plain.ask(email=email, code=self._code(email), fresh=fresh)
        self.times[f"issue_{name}"].append(sent["total_ms"])
        self.times[f"verify_{name}"].append(checked["total_ms"])

    def _code(self, email: str) -> str:
        return self._sandbox.org.inbox.to(email)[0].code

    def _call(
        self,
        dialect: str,
        name: str,
        path: str,
        *,
        advance: float = 0,
        key: str = CLIENT_KEY,
        **parameters: object,
    ) -> dict[str, Any]:
        """A function's answer; its times are kept under a name, if there is one."""
        method, place = ("POST", "json") if dialect == "json" else ("GET", "query_string")
        headers = [("Authorization", f"Bearer {key}")] if key else []
        content: dict[str, Any] = {place: parameters}
        builder = EnvironBuilder(path, method=method, headers=headers, **content)
        route = self._routes[method, path]
        event = proxy_event(Request(builder.get_environ()), route, {})
        answer = self._functions[route.function].ask(event=event, advance=advance)
        if answer["statusCode"] not in (200, 202):
            raise RuntimeError(f"{method} {path}: {answer['body']}")
        if name:
            self.times[name].append(answer["total_ms"])
            overhead = answer["total_ms"] - answer["outside_ms"]
            self.overheads[f"{name}_{dialect}"].append(overhead)
        return answer
