"""The meter of one call, and the metrics that are written of it. Log lines are in `test_pipeline`."""

from __future__ import annotations

import json

import pytest

from tests.unit.http.service import Log
from tests.unit.world import World
from verification.observability import Meter


@pytest.fixture
def meter(world: World) -> Meter:
    return world.meter


class TestMeter:
    def test_times_of_one_name_add_up(self, meter: Meter, world: World) -> None:
        for seconds, what in ((0.1, "okta"), (0.02, "store"), (0.25, "okta")):
            with meter.time(what):
                world.now += seconds
        world.now += 1
        line = meter.line()
        assert (line["okta_ms"], line["okta_calls"]) == (350.0, 2)
        assert (line["store_ms"], line["store_calls"]) == (20.0, 1)
        assert line["total_ms"] == 1370.0

    def test_a_call_that_fails_is_measured_too(self, meter: Meter, world: World) -> None:
        def fail() -> None:
            world.now += 3
            raise ConnectionError

        with pytest.raises(ConnectionError), meter.time("okta"):
            fail()
        assert (meter.line()["okta_ms"], meter.line()["okta_calls"]) == (3000.0, 1)

    def test_a_later_fact_replaces_an_earlier_one_and_no_measurement(self, meter: Meter) -> None:
        meter.note(channel="email", caller="public")
        meter.note(channel="sms", total_ms=-1, okta_calls=99)
        line = meter.line()
        assert (line["channel"], line["caller"]) == ("sms", "public")
        assert (line["total_ms"], line["okta_calls"]) == (0.0, 0)

    def test_start_forgets_the_last_call(self, meter: Meter, world: World) -> None:
        meter.note(email_hash="0f1e", caller="shop")
        with meter.time("okta"):
            world.now += 1
        meter.start()
        times = {"total_ms": 0.0, "okta_ms": 0.0, "store_ms": 0.0}
        assert meter.line() == {**times, "okta_calls": 0, "store_calls": 0}


class TestMetrics:
    def test_an_outcome_is_counted_and_okta_measured(
        self, meter: Meter, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        meter.note(brake_on=True, delivery_failed=False, okta_quota_remaining=599)
        meter.note(okta_quota_limit=600, okta_concurrency_limited=True)
        meter.note(concealed="okta_credentials_rejected")
        with meter.time("okta"):
            world.now += 0.25
        Log().observer.outcome("json", "r-1", "POST /verify", "invalid_code", meter)
        counts = {"invalid_code": 1, "brake_on": 1, "okta_credentials_rejected": 1}
        counts["okta_concurrency_limited"] = 1
        assert metrics_of(capsys) == {**counts, "okta_latency": 250, "okta_quota_remaining": 599}

    def test_okta_is_left_out_if_it_was_not_asked(
        self, meter: Meter, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = Log()
        for outcome in ("not_sent", "verified"):
            log.observer.outcome("task", "r-1", "deliver", outcome, meter)
            assert metrics_of(capsys) == {outcome: 1}

    @pytest.mark.parametrize("reason", ["internal_error", "okta_credentials_rejected"])
    def test_why_a_delivery_failed_is_counted_for_its_alarm(
        self, meter: Meter, capsys: pytest.CaptureFixture[str], reason: str
    ) -> None:
        meter.note(reason=reason, delivery_failed=True)
        Log().observer.outcome("task", "r-1", "deliver", "not_sent", meter)
        assert metrics_of(capsys) == {"not_sent": 1, "delivery_failed": 1, reason: 1}

    def test_a_send_to_nobody_is_no_failure(
        self, meter: Meter, capsys: pytest.CaptureFixture[str]
    ) -> None:
        meter.note(reason="customer_not_found")
        Log().observer.outcome("task", "r-1", "deliver", "not_sent", meter)
        assert metrics_of(capsys) == {"not_sent": 1}


def metrics_of(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The values of the one set of metrics that was written, in CloudWatch's embedded format."""
    document = json.loads(capsys.readouterr().out)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], document["service"]) == ("Tests", "unit")
    return {each["Name"]: sum(document[each["Name"]]) for each in directive["Metrics"]}
