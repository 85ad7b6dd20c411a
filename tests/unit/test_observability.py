"""The meter of one call, and the metrics that are written of it. Log lines are in `test_pipeline`."""

from __future__ import annotations

import json

import pytest

from tests.unit.http.service import Log
from verification.observability import Meter


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def meter(clock: Ticks) -> Meter:
    return Meter(clock)


class TestMeter:
    def test_a_call_that_did_nothing_took_no_time(self, meter: Meter) -> None:
        times = {"total_ms": 0.0, "okta_ms": 0.0, "store_ms": 0.0}
        assert meter.line() == {**times, "okta_calls": 0, "store_calls": 0}

    def test_times_of_one_name_add_up(self, meter: Meter, clock: Ticks) -> None:
        for seconds, what in ((0.1, "okta"), (0.02, "store"), (0.25, "okta")):
            with meter.time(what):
                clock.now += seconds
        clock.now += 1
        line = meter.line()
        assert (line["okta_ms"], line["okta_calls"]) == (350.0, 2)
        assert (line["store_ms"], line["store_calls"]) == (20.0, 1)
        assert line["total_ms"] == 1370.0

    def test_a_call_that_fails_is_measured_too(self, meter: Meter, clock: Ticks) -> None:
        def fail() -> None:
            clock.now += 3
            raise ConnectionError

        with pytest.raises(ConnectionError), meter.time("okta"):
            fail()
        assert (meter.line()["okta_ms"], meter.line()["okta_calls"]) == (3000.0, 1)

    def test_a_later_fact_replaces_an_earlier_one_and_never_a_measurement(
        self, meter: Meter
    ) -> None:
        meter.note(channel="email", caller="public")
        meter.note(channel="sms", total_ms=-1, okta_calls=99)
        line = meter.line()
        assert (line["channel"], line["caller"]) == ("sms", "public")
        assert (line["total_ms"], line["okta_calls"]) == (0.0, 0)

    def test_start_forgets_the_last_call(self, meter: Meter, clock: Ticks) -> None:
        meter.note(email_hash="0f1e", caller="shop")
        with meter.time("okta"):
            clock.now += 1
        meter.start()
        assert meter.line() == Meter(clock).line()


class TestMetrics:
    def test_an_outcome_is_counted_and_okta_measured(
        self, meter: Meter, clock: Ticks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        meter.note(brake_on=True, delivery_failed=False, okta_quota_remaining=599)
        with meter.time("okta"):
            clock.now += 0.25
        Log().observer.outcome("json", "r-1", "POST /verify", "invalid_code", meter)
        counts = {"invalid_code": 1, "brake_on": 1}
        assert metrics_of(capsys) == {**counts, "okta_latency": 250, "okta_quota_remaining": 599}

    def test_okta_is_left_out_if_it_was_not_asked(
        self, meter: Meter, capsys: pytest.CaptureFixture[str]
    ) -> None:
        meter.note(delivery_failed=True)
        log = Log()
        for outcome in ("not_sent", "verified"):
            log.observer.outcome("task", "r-1", "deliver", outcome, meter)
            assert metrics_of(capsys) == {outcome: 1, "delivery_failed": 1}


def metrics_of(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The values of the one set of metrics that was written, in CloudWatch's embedded format."""
    document = json.loads(capsys.readouterr().out)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], document["service"]) == ("Tests", "unit")
    return {each["Name"]: sum(document[each["Name"]]) for each in directive["Metrics"]}
