"""What an answer to the public takes: the same whether Okta was asked or not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.errors import InvalidCode
from verification.models import Deadline
from verification.observability import Meter
from verification.pace import (
    CHECK_CALLS,
    ISSUE_CALLS,
    LEAST,
    MOST_PER_CALL,
    SPREAD,
    STORE_SECONDS,
    Pace,
)

LEISURE = 8.0


class Room:
    """Time that passes only by work and by sleep, and a pace in it."""

    def __init__(self, spread: float = 0.0) -> None:
        self.now = 0.0
        self.spreads: list[tuple[float, float]] = []
        self._spread = spread
        self._meter = Meter(lambda: self.now)
        self.pace = Pace(self._meter, clock=lambda: self.now, sleep=self._sleep, spread=self._draw)

    def send(self, *okta: float, store: float = 0.0, left: float = LEISURE) -> float:
        """What it takes to be answered after these calls to Okta, with so much time left."""
        began = self.now
        self._meter.start()
        with self.pace.hide(Deadline(began + left, lambda: self.now)):
            self._work(okta, store)
        return round(self.now - began, 6)

    def fail(self, *okta: float) -> float:
        """The same where the last call fails."""
        began = self.now
        self._meter.start()
        with suppress(InvalidCode), self.pace.hide(Deadline(began + LEISURE, lambda: self.now)):
            self._work(okta, 0.0)
            raise InvalidCode(attempts_remaining=3)
        return round(self.now - began, 6)

    def check(self, *okta: float, left: float = LEISURE) -> float:
        """The same of a wrong code."""
        began = self.now
        self._meter.start()
        started = self.pace.started()
        self._work(okta, 0.0)
        self.pace.hold_back(started, CHECK_CALLS, Deadline(began + left, lambda: self.now))
        return round(self.now - began, 6)

    def _work(self, okta: tuple[float, ...], store: float) -> None:
        self.now += store
        for seconds in okta:
            with self._meter.time("okta"):
                self.now += seconds

    def _sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def _draw(self, least: float, most: float) -> float:
        self.spreads.append((least, most))
        return self._spread


@pytest.fixture
def room() -> Room:
    return Room()


class TestSend:
    @pytest.mark.parametrize(
        "okta", [(), (0.02,), (0.02, 0.02), (0.02, 0.02, 0.02), (0.05,) * ISSUE_CALLS]
    )
    def test_a_customer_s_answer_and_a_decoy_s_take_equally_long(
        self, room: Room, okta: tuple[float, ...]
    ) -> None:
        for _ in range(3):
            assert room.send(*okta) == LEAST
            assert room.fail(*okta) == LEAST
            assert room.send(store=0.1) == LEAST

    @pytest.mark.parametrize("per_call", [0.1, 0.25, 0.6])
    def test_while_okta_is_slow_a_decoy_waits_for_calls_that_nobody_makes(
        self, room: Room, per_call: float
    ) -> None:
        expected = round(ISSUE_CALLS * per_call + STORE_SECONDS, 6)
        assert room.send(per_call) == expected
        assert room.send() == expected
        assert room.fail(per_call, per_call) == expected
        assert room.send(*(per_call,) * ISSUE_CALLS) == expected

    def test_okta_s_pace_is_learnt_and_forgotten_slowly(self, room: Room) -> None:
        room.send(0.5)
        assert room.send(0.1) == pytest.approx(ISSUE_CALLS * 0.42 + STORE_SECONDS)
        times = [room.send(0.01) for _ in range(30)]
        assert times == sorted(times, reverse=True)
        assert times[-1] == LEAST

    def test_a_call_that_hangs_holds_nobody_back_for_as_long(self, room: Room) -> None:
        assert room.send(7.0) == 7.0
        assert room.send() == pytest.approx(ISSUE_CALLS * MOST_PER_CALL + STORE_SECONDS)

    def test_a_decoy_teaches_nothing(self, room: Room) -> None:
        room.send(0.5)
        for _ in range(40):
            decoy = room.send()
        assert decoy == pytest.approx(ISSUE_CALLS * 0.5 + STORE_SECONDS)

    def test_an_error_comes_out_as_it_went_in(self, room: Room) -> None:
        error = InvalidCode(attempts_remaining=3)
        with pytest.raises(InvalidCode) as raised, room.pace.hide(Deadline(LEISURE, lambda: 0.0)):
            raise error
        assert raised.value is error

    def test_a_little_more_is_drawn_at_random(self) -> None:
        room = Room(spread=0.07)
        assert room.send() == LEAST + 0.07
        assert room.spreads == [(0.0, SPREAD)]

    @pytest.mark.parametrize(("left", "takes"), [(0.2, 0.2), (0.1, 0.1), (0.05, 0.1), (-1, 0.1)])
    def test_no_answer_is_held_back_beyond_its_deadline(
        self, room: Room, left: float, takes: float
    ) -> None:
        assert room.send(store=0.1, left=left) == takes

    @given(st.lists(st.tuples(st.lists(st.floats(0, 5), max_size=4), st.floats(-1, 8))))
    def test_every_answer_is_back_in_time_or_as_soon_as_it_is_there(
        self, calls: list[tuple[list[float], float]]
    ) -> None:
        room = Room(spread=SPREAD)
        most = ISSUE_CALLS * MOST_PER_CALL + STORE_SECONDS + SPREAD
        for okta, left in calls:
            took = room.send(*okta, left=left)
            assert took <= max(left, sum(okta)) + 1e-5
            assert took <= max(most, sum(okta)) + 1e-5


class TestCheck:
    def test_a_wrong_code_and_a_decoy_s_take_equally_long(self, room: Room) -> None:
        assert room.check(0.05) == room.check() == LEAST

    def test_while_okta_is_slow_too(self, room: Room) -> None:
        expected = CHECK_CALLS * 0.5 + STORE_SECONDS
        assert room.check(0.5) == room.check() == pytest.approx(expected)

    def test_what_a_check_takes_is_known_to_a_send(self, room: Room) -> None:
        room.check(0.5)
        assert room.send() == pytest.approx(ISSUE_CALLS * 0.5 + STORE_SECONDS)

    def test_it_too_has_a_deadline(self, room: Room) -> None:
        assert room.check(0.1, left=0.15) == 0.15
