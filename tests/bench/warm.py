"""The service's own time of many calls of started functions, and what they keep: memory, connections.

Okta and the store answer at once, so that a few thousand calls take a minute. SOAK=100000 makes so many
rounds instead.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.bench.child import Child
from tests.bench.events import Events
from tests.bench.metrics import Metric, median, percentile
from tests.bench.runtime import Runtime
from tests.bench.sandbox import BenchSandbox
from tests.bench.store import Store

ROUNDS = int(os.environ.get("SOAK", "1000"))
"""A round is a code for a customer and its check, each at a process of its own."""

SETTLED = ROUNDS // 5
"""Rounds after which memory and connections should stay as they are."""

CUSTOMERS = 10_000
"""So many that the clock advances by 2 s a round: secrets are read again every five minutes."""

LEAST_SECONDS_BETWEEN_CODES = 6 * 3600
"""Between two codes of one customer: within the ten a day that clients may send to an email."""

FUNCTIONS = ("issue", "verify")


def measure(
    sandbox: BenchSandbox, store: Store, runtime: Runtime, log: IO[str]
) -> Iterator[Metric]:
    """Own times, and what is kept after a fifth of the rounds and at the end."""
    sandbox.reset()
    okta_seconds, sandbox.okta_seconds = sandbox.okta_seconds, 0.0
    store.waits = False
    issue, verify = sandbox.template.functions
    with (
        _child(runtime, "issue_challenge", sandbox.settings_of(issue), log) as issuing,
        _child(runtime, "verify_challenge", sandbox.settings_of(verify), log) as verifying,
    ):
        children = dict(zip(FUNCTIONS, (issuing, verifying), strict=True))
        times: dict[str, list[float]] = defaultdict(list)
        before = {}
        for number, round_times in enumerate(_rounds(sandbox, children)):
            for name, milliseconds in round_times.items():
                times[name].append(milliseconds)
            if number == SETTLED:
                before = {name: _kept(child) for name, child in children.items()}
        after = {name: _kept(child) for name, child in children.items()}
    sandbox.okta_seconds, store.waits = okta_seconds, True
    for name in FUNCTIONS:
        yield median(f"own_ms_{name}", times[name][SETTLED:])
        yield percentile(f"own_p99_ms_{name}", 99, times[name][SETTLED:])
        yield median(f"cpu_ms_{name}", times[f"cpu_{name}"][SETTLED:])
        for when, (kibibytes, files) in (("settled", before[name]), ("end", after[name])):
            yield Metric(f"memory_{when}_{name}", kibibytes, "KiB")
            yield Metric(f"open_files_{when}_{name}", files, "files")


def _rounds(sandbox: BenchSandbox, children: dict[str, Child]) -> Iterator[dict[str, float]]:
    """Own milliseconds of both calls of each round, and those of the processor for all of the call."""
    events = Events(sandbox)
    emails = events.populate(CUSTOMERS)
    advance = 0.0
    for number in range(ROUNDS):
        email = emails[number % CUSTOMERS]
        advance += LEAST_SECONDS_BETWEEN_CODES / CUSTOMERS
        sandbox.advance = advance
        sent = children["issue"].ask(event=events.issue(email), advance=advance)
        code = events.code(email)
        checked = children["verify"].ask(event=events.verify(email, code), advance=advance)
        for answer, status in ((sent, 202), (checked, 200)):
            if answer["statusCode"] != status:
                raise RuntimeError(answer["body"])
        sandbox.org.inbox.clear()
        sandbox.org.calls.clear()
        yield {
            "issue": sent["total_ms"] - sent["outside_ms"],
            "verify": checked["total_ms"] - checked["outside_ms"],
            "cpu_issue": sent["cpu_ms"],
            "cpu_verify": checked["cpu_ms"],
        }


def _child(runtime: Runtime, function: str, settings: dict[str, str], log: IO[str]) -> Child:
    environment = runtime.process_environment(function, settings)
    return Child(runtime.function_process(function), environment, log)


def _kept(child: Child) -> tuple[int, int]:
    """Kibibytes of resident memory, and open files, which connections are among."""
    process = Path("/proc") / str(child.pid)
    lines = (process / "status").read_text().splitlines()
    (memory,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return memory, len(list((process / "fd").iterdir()))
