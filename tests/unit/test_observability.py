"""The meter of one call, and the log lines and metrics that are written of it."""

from __future__ import annotations

import io
import json
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from verification.observability import Meter, Observer

_names = (f"observed-{number}" for number in count())
"""Powertools configures a logger once for each name."""


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
        assert meter.line() == {
            "total_ms": 0.0,
            "okta_ms": 0.0,
            "okta_calls": 0,
            "store_ms": 0.0,
            "store_calls": 0,
        }

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
        line = meter.line()
        assert (line["okta_ms"], line["okta_calls"]) == (3000.0, 1)

    def test_a_later_fact_replaces_an_earlier_one(self, meter: Meter) -> None:
        meter.note(channel="email", caller="public")
        meter.note(channel="sms")
        line = meter.line()
        assert (line["channel"], line["caller"]) == ("sms", "public")

    def test_a_fact_never_replaces_a_measurement(self, meter: Meter) -> None:
        meter.note(total_ms=-1, okta_calls=99)
        assert (meter.line()["total_ms"], meter.line()["okta_calls"]) == (0.0, 0)

    def test_start_forgets_the_last_call(self, meter: Meter, clock: Ticks) -> None:
        meter.note(email_hash="0f1e", caller="shop")
        with meter.time("okta"):
            clock.now += 1
        meter.start()
        line = meter.line()
        assert not {"email_hash", "caller"} & line.keys()
        assert (line["total_ms"], line["okta_ms"], line["okta_calls"]) == (0.0, 0.0, 0)


class TestObserver:
    @pytest.fixture
    def log(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def observer(self, log: io.StringIO) -> Observer:
        logger = Logger(service=next(_names), stream=log)
        return Observer(logger, Metrics(namespace="Tests", service="unit"))

    def test_an_outcome_is_one_line_with_the_call_and_what_it_did(
        self, observer: Observer, log: io.StringIO, meter: Meter
    ) -> None:
        meter.note(lane="client", channel=None)
        observer.outcome("json", "r-1", "POST /verify", "verified", meter)
        (line,) = lines_of(log)
        expected = {"outcome": "verified", "dialect": "json", "request_id": "r-1"}
        expected |= {"route": "POST /verify", "lane": "client", "level": "INFO"}
        assert line.items() >= {**expected, "total_ms": 0.0, "okta_calls": 0}.items()

    def test_metrics_count_the_outcome_and_measure_okta(
        self,
        observer: Observer,
        meter: Meter,
        clock: Ticks,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        meter.note(brake_on=True, delivery_failed=False, okta_quota_remaining=599)
        with meter.time("okta"):
            clock.now += 0.25
        observer.outcome("json", "r-1", "POST /verify", "invalid_code", meter)
        assert metrics_of(capsys) == {
            "invalid_code": 1,
            "brake_on": 1,
            "okta_latency": 250,
            "okta_quota_remaining": 599,
        }

    def test_metrics_of_okta_are_left_out_if_it_was_not_asked(
        self, observer: Observer, meter: Meter, capsys: pytest.CaptureFixture[str]
    ) -> None:
        meter.note(delivery_failed=True)
        for outcome in ("not_sent", "verified"):
            observer.outcome("task", "r-1", "deliver", outcome, meter)
            assert metrics_of(capsys) == {outcome: 1, "delivery_failed": 1}

    def test_a_fault_shows_where_it_arose_and_quotes_nothing(
        self, observer: Observer, log: io.StringIO
    ) -> None:
        def fail(code: str) -> None:
            raise ValueError(code)

        with pytest.raises(ValueError, match="123456") as raised:
            fail("123456")
        observer.fault(raised.value, "r-1")
        (line,) = lines_of(log)
        assert (line["level"], line["message"]) == ("ERROR", "internal_error")
        assert (line["error"], line["request_id"]) == ("ValueError", "r-1")
        assert [frame.split()[-1] for frame in line["stack"]][-1] == "fail"
        assert "123456" not in log.getvalue()

    def test_what_an_operator_must_correct_is_an_error_with_its_problem(
        self, observer: Observer, log: io.StringIO
    ) -> None:
        observer.misconfigured("TABLE_NAME is not set", "r-1")
        (line,) = lines_of(log)
        assert (line["level"], line["message"]) == ("ERROR", "misconfigured")
        assert (line["problem"], line["request_id"]) == ("TABLE_NAME is not set", "r-1")


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def metrics_of(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The values of the one set of metrics that was written, in CloudWatch's embedded format."""
    document = json.loads(capsys.readouterr().out)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], document["service"]) == ("Tests", "unit")
    return {each["Name"]: sum(document[each["Name"]]) for each in directive["Metrics"]}
