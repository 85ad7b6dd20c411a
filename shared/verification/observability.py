"""One log line and the metrics of a call; never a secret, an address or a phone number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from verification.errors import ConfigurationError, VerificationError
from verification.models.callers import Lane
from verification.models.challenges import Challenge

Fact = str | int | float | bool | None


class Meter:
    """Gathers what one invocation did. A function serves one call at a time, so a process has one
    meter; `start` empties it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.started = clock()
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.facts: dict[str, Fact] = {}
        self._lock = Lock()

    def start(self) -> None:
        """Forget the last invocation."""
        self.started = self.clock()
        self.seconds.clear()
        self.calls.clear()
        self.facts.clear()

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        """Add the time of the block, and one call, to what is measured under this name."""
        begun = self.clock()
        try:
            yield
        finally:
            with self._lock:  # calls of the store may run beside each other
                self.seconds[what] = self.seconds.get(what, 0.0) + self.clock() - begun
                self.calls[what] = self.calls.get(what, 0) + 1

    def note(self, **facts: Fact) -> None:
        """Add facts to the log line: hashes, ids and words, nothing about a person."""
        self.facts.update(facts)

    def note_challenge(self, challenge: Challenge, lane: Lane) -> None:
        """Add what the log says of a challenge that a caller in this lane asks about."""
        self.note(channel=challenge.channel, email_hash=challenge.email_hash, lane=lane)
        if challenge.conductor is not None:
            self.note(context=challenge.conductor.text)

    def note_concealed(self, failure: VerificationError) -> None:
        """Add what the caller is not told, so that alarms see it."""
        self.note(concealed=failure.code)
        self.note_problem(failure)

    def note_problem(self, failure: VerificationError) -> None:
        """Add what an operator must correct, where the call does not end with this failure."""
        if isinstance(failure, ConfigurationError):
            self.note(problem=failure.problem)

    def line(self) -> dict[str, Fact]:
        """The measured part of the log line; durations in milliseconds."""
        line: dict[str, Fact] = dict(self.facts)
        line["total_ms"] = _milliseconds(self.clock() - self.started)
        for what in ("okta", "store"):
            line[f"{what}_ms"] = _milliseconds(self.seconds.get(what, 0.0))
            line[f"{what}_calls"] = self.calls.get(what, 0)
        if "kms" in self.calls:
            line["kms_ms"] = _milliseconds(self.seconds["kms"])
        return line


_COUNTED_FACTS = (
    *("brake_on", "delivery_failed", "okta_concurrency_limited"),
    *("receipt_made", "receipt_unavailable"),
)
"""Facts that are metrics of their own, for alarms."""


class Observer:
    """Writes the log line (Powertools' Logger) and the metrics (EMF)."""

    def __init__(self, logger: Logger | None = None, metrics: Metrics | None = None) -> None:
        self._logger = logger or Logger()
        self._metrics = metrics or Metrics()

    def outcome(
        self, dialect: str, request_id: str, route: str, outcome: str, meter: Meter
    ) -> None:
        """One line and one set of metrics for a call that is finished."""
        self._logger.info(
            outcome,
            extra={
                "outcome": outcome,
                "dialect": dialect,
                "request_id": request_id,
                "route": route,
                **meter.line(),
            },
        )
        self._metrics.add_metric(name=outcome, unit=MetricUnit.Count, value=1)
        if untold := _untold(meter):
            self._metrics.add_metric(name=untold, unit=MetricUnit.Count, value=1)
        for name in _COUNTED_FACTS:
            if meter.facts.get(name):
                self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
        if meter.calls.get("okta"):
            milliseconds = meter.seconds["okta"] * 1000
            self._metrics.add_metric(
                name="okta_latency", unit=MetricUnit.Milliseconds, value=milliseconds
            )
        remaining = meter.facts.get("okta_quota_remaining")
        if isinstance(remaining, int):
            self._metrics.add_metric(
                name="okta_quota_remaining", unit=MetricUnit.Count, value=remaining
            )
        self._metrics.flush_metrics()

    def fault(self, error: Exception, request_id: str) -> None:
        """Where a fault of this service arose. The stack contains code alone: no locals, and not
        the exception's text, which may quote what a caller sent.
        """
        frames = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        self._logger.error(
            "internal_error",
            extra={"request_id": request_id, "error": type(error).__name__, "stack": frames},
        )

    def misconfigured(self, problem: str, request_id: str) -> None:
        """What an operator must correct."""
        self._logger.error("misconfigured", extra={"request_id": request_id, "problem": problem})


def _untold(meter: Meter) -> str:
    """What the caller was not told, so that alarms see it: what was concealed, or why nothing was sent
    after the answer.
    """
    facts = meter.facts
    failed = facts.get("reason") if facts.get("delivery_failed") else None
    return str(facts.get("concealed") or failed or "")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
