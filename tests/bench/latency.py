"""How long a client's calls take, beside what a client could use instead: the flow of three Okta calls
that this service replaces, the same flow with Okta's SDK, and Okta's own sign-in client. Also how much
of a call is the service's own time, and when the mail of a public send is asked for.

All run in processes of their own and talk to the same Okta and AWS over loopback, without the
gateway. They take turns, so that other work on the machine slows all.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import IO, Any

from tests.bench.child import Child
from tests.bench.events import PASSWORD, Events
from tests.bench.metrics import Metric, median, percentile, ratio
from tests.bench.runtime import Runtime
from tests.bench.sandbox import BenchSandbox
from tests.bench.start import sdk_settings
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.template import ROOT

ROUNDS, SLOW_ROUNDS = 20, 6
NEAR, FAR = 0.05, 0.2
"""Seconds that each answer of Okta takes. All is measured at the first, the flows alone at the second."""

WARM_UP = 2
"""Rounds that are not counted, one in each dialect: they connect and read the secrets."""

WINDOW_SECONDS = 61
"""The period of Okta's rate limits."""

RESEND_SECONDS = 31
SIGN_IN_CLIENT = ROOT / "tests" / "e2e" / "clients" / "okta_auth_js"

Samples = defaultdict[str, list[float]]


def measure(sandbox: BenchSandbox, runtime: Runtime, log: IO[str]) -> Iterator[Metric]:
    """Medians, 95th percentiles, ratios, and the service's own time of warm calls."""
    near = _measured(sandbox, runtime, log, NEAR, ROUNDS)
    for name, samples in sorted(near.times.items()):
        yield median(f"{name}_ms", samples)
        yield percentile(f"{name}_p95_ms", 95, samples)
    yield from _ratios(near.times, "")
    yield ratio("public_mail_ratio_to_issue", near.times["public_mail"], near.times["issue"])
    for name, samples in sorted(near.overheads.items()):
        yield median(f"warm_overhead_ms_{name}", samples)
    far = _measured(sandbox, runtime, log, FAR, SLOW_ROUNDS)
    for name in ("public_send", "issue", "issue_repeat", "verify_by_id", "verify_by_email"):
        yield median(f"{name}_ms_at_200_ms", far.times[name])
    yield from _ratios(far.times, "_at_200_ms")


def _ratios(times: Samples, suffix: str) -> Iterator[Metric]:
    for call in ("issue", "issue_repeat", "verify_by_id", "verify_by_email"):
        three_calls = times[f"{call.partition('_')[0]}_three_calls"]
        name = f"{call}_ratio_to_three_calls{suffix}"
        yield ratio(name, times[call], three_calls[: len(times[call])])


def _measured(
    sandbox: BenchSandbox, runtime: Runtime, log: IO[str], okta_seconds: float, rounds: int
) -> _Bench:
    sandbox.reset()
    before, sandbox.okta_seconds = sandbox.okta_seconds, okta_seconds
    try:
        with ExitStack() as running:
            bench = _Bench(sandbox, runtime, log, running)
            bench.run(rounds, with_all=okta_seconds == NEAR)
    finally:
        sandbox.okta_seconds = before
    return bench


class _Bench:
    """Milliseconds of whole calls, and of the service's own part of them."""

    def __init__(
        self, sandbox: BenchSandbox, runtime: Runtime, log: IO[str], running: ExitStack
    ) -> None:
        self.times, self.overheads = Samples(list), Samples(list)
        self._sandbox, self._events = sandbox, Events(sandbox)
        self._advance = 0.0
        """Seconds by which the functions' clock is ahead. Never set back: they would read their secrets
        again."""
        issue, verify = sandbox.template.functions
        settings = sandbox.settings_of(issue)

        def child(command: list[str], environment: dict[str, str]) -> Child:
            return running.enter_context(Child(command, environment, log))

        def function(name: str, its: dict[str, str]) -> Child:
            environment = runtime.process_environment(name, its)
            return child(runtime.function_process(name), environment)

        self._functions = {
            issue.name: function("issue_challenge", settings),
            verify.name: function("verify_challenge", sandbox.settings_of(verify)),
        }
        token = sandbox.org.api_tokens[0]
        self._peers = {
            "three_calls": child(
                runtime.process("tests.bench.plain_process", sandbox.okta_url, token),
                runtime.process_environment("issue_challenge", settings),
            ),
            "okta_sdk": child(
                runtime.process("tests.bench.peer_process", str(runtime.code("okta_sdk"))),
                runtime.process_environment("okta_sdk", settings | sdk_settings(sandbox)),
            ),
        }
        if (node := shutil.which("node")) and (SIGN_IN_CLIENT / "node_modules").exists():
            program = str(SIGN_IN_CLIENT / "direct.js")
            self._peers["okta_auth_js"] = child([node, program, sandbox.okta_url, PASSWORD], {})

    def run(self, rounds: int, *, with_all: bool) -> None:
        """All rounds. Each turn has a customer of its own."""
        peer_turns = [partial(self._peer_turn, name, name, {}) for name in self._peers]
        fresh = partial(self._peer_turn, "three_calls", "three_calls_fresh", {"fresh": True})
        others = [*peer_turns, fresh, self._receipt_turn] if with_all else peer_turns[:1]
        turns: list[Callable[[str], None]] = [self._public_turn, *others]
        customers = iter(self._events.populate((WARM_UP + rounds) * (len(turns) + 1)))
        for number in range(WARM_UP + rounds):
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
        code = self._events.code(email)
        if dialect == "json":
            challenge_id = json.loads(sent["body"])["challenge_id"]
            call("verify_by_id", "/verify", challenge_id=challenge_id, code=code)
        else:
            call("verify_by_email", "/verify", email=email, otp=code)
        self._sandbox.advance += RESEND_SECONDS
        self._advance += RESEND_SECONDS
        call("issue_repeat", "/challenge", email=email)

    def _receipt_turn(self, email: str) -> None:
        """A check with a receipt, and its redemption."""
        sent = json.loads(self._call("json", "", "/challenge", email=email)["body"])
        code = self._events.code(email)
        body = {"challenge_id": sent["challenge_id"], "code": code, "receipt": True}
        answer = self._call("json", "verify_with_receipt", "/verify", **body)
        verified = json.loads(answer["body"])
        body = {name: verified[name] for name in ("receipt", "customer_id")}
        self._call("json", "redeem", "/receipts/redeem", **body)

    def _public_turn(self, email: str) -> None:
        """A first code for the public, which is answered before anybody is looked up. `public_mail` is
        the time until Okta had been asked for the mail, the second invocation included.
        """
        begun = self._sandbox.now()
        answer = self._call("json", "", "/challenge", key="", email=email)
        self.times["public_send"].append(answer["total_ms"])
        self._sandbox.settle()
        (mail,) = self._sandbox.org.inbox.to(email)
        self.times["public_mail"].append((mail.sent_at - begun) * 1000)

    def _peer_turn(self, peer: str, name: str, more: dict[str, object], email: str) -> None:
        """A code, and its check."""
        sent = self._peers[peer].ask(email=email, code=None, **more)
        checked = self._peers[peer].ask(email=email, code=self._events.code(email), **more)
        self.times[f"issue_{name}"].append(sent["total_ms"])
        self.times[f"verify_{name}"].append(checked["total_ms"])

    def _call(
        self,
        dialect: str,
        name: str,
        path: str,
        *,
        key: str = CLIENT_KEY,
        **parameters: object,
    ) -> dict[str, Any]:
        """A function's answer; its times are kept under a name, if there is one."""
        method, place = ("POST", "json") if dialect == "json" else ("GET", "query_string")
        event = self._events.of(method, path, key, **{place: parameters})
        function = self._functions[self._events.function(method, path)]
        answer = function.ask(event=event, advance=self._advance)
        if answer["statusCode"] not in (200, 202):
            raise RuntimeError(f"{method} {path}: {answer['body']}")
        if name:
            self.times[name].append(answer["total_ms"])
            overhead = answer["total_ms"] - answer["outside_ms"]
            self.overheads[f"{name}_{dialect}"].append(overhead)
        return answer
