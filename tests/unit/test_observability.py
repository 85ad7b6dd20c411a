"""The meter: what one call did, and nothing of the call before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
    meter = Meter(clock)
    meter.start()
    return meter


class TestMeter:
    def test_a_call_that_did_nothing_took_no_time(self, meter: Meter) -> None:
        assert meter.line() == {
            "total_ms": 0.0,
            "okta_ms": 0.0,
            "okta_calls": 0,
            "store_ms": 0.0,
            "store_calls": 0,
        }

    def test_times_add_up_by_what_was_asked(self, meter: Meter, clock: Ticks) -> None:
        for seconds, what in ((0.1, "okta"), (0.02, "store"), (0.25, "okta")):
            with meter.time(what):
                clock.now += seconds
        clock.now += 1
        line = meter.line()
        assert (line["okta_ms"], line["okta_calls"]) == (350.0, 2)
        assert (line["store_ms"], line["store_calls"]) == (20.0, 1)
        assert line["total_ms"] == 1370.0

    def test_a_call_that_fails_is_measured_too(self, meter: Meter, clock: Ticks) -> None:
        def broken() -> Iterator[None]:
            with meter.time("okta"):
                clock.now += 3
                raise ConnectionError
            yield

        with pytest.raises(ConnectionError):
            next(broken())
        line = meter.line()
        assert (line["okta_ms"], line["okta_calls"]) == (3000.0, 1)

    def test_a_later_fact_replaces_an_earlier_one(self, meter: Meter) -> None:
        meter.note(channel="email", caller="public")
        meter.note(channel="sms")
        line = meter.line()
        assert (line["channel"], line["caller"]) == ("sms", "public")

    def test_a_fact_cannot_pose_as_a_measurement(self, meter: Meter) -> None:
        meter.note(total_ms=-1, okta_calls=99)
        assert (meter.line()["total_ms"], meter.line()["okta_calls"]) == (0.0, 0)

    def test_nothing_of_one_call_is_left_for_the_next(self, meter: Meter, clock: Ticks) -> None:
        meter.note(identity="0f1e", caller="shop")
        with meter.time("okta"):
            clock.now += 1
        meter.start()
        line = meter.line()
        assert "identity" not in line
        assert "caller" not in line
        assert (line["total_ms"], line["okta_ms"], line["okta_calls"]) == (0.0, 0.0, 0)
