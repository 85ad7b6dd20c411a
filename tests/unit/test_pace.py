"""What an answer to the public takes: the same for short work and for long."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.errors import InvalidCode
from verification.models import Deadline
from verification.pace import LEAST, MOST, REMEMBERED, SPREAD, Pace

LEISURE = 8.0

Hide = Callable[[Deadline], AbstractContextManager[None]]


class Room:
    """Time that passes only by work and by sleep, and a pace in it."""

    def __init__(self, spread: float = 0.0) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.spreads: list[tuple[float, float]] = []
        self._spread = spread
        self.pace = Pace(clock=lambda: self.now, sleep=self._sleep, spread=self._draw)

    def answer(self, work: float, left: float = LEISURE) -> float:
        """What an answer takes whose work takes so long, with so much time left at its start."""
        return self._timed(self.pace.hide, work, left, fails=False)

    def failure(self, work: float, left: float = LEISURE) -> float:
        """The same of work that ends with an error."""
        return self._timed(self.pace.hide, work, left, fails=True)

    def refusal(self, work: float, left: float = LEISURE) -> float:
        """The same where only errors are held back."""
        return self._timed(self.pace.hide_refusal, work, left, fails=True)

    def success(self, work: float, left: float = LEISURE) -> float:
        """The same of a success there."""
        return self._timed(self.pace.hide_refusal, work, left, fails=False)

    def _timed(self, hide: Hide, work: float, left: float, *, fails: bool) -> float:
        began = self.now
        ends: AbstractContextManager[object]
        ends = pytest.raises(InvalidCode) if fails else nullcontext()
        with ends, hide(Deadline(began + left, lambda: self.now)):
            self.now += work
            if fails:
                raise InvalidCode(attempts_remaining=3)
        return round(self.now - began, 6)

    def _sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds

    def _draw(self, least: float, most: float) -> float:
        self.spreads.append((least, most))
        return self._spread


@pytest.fixture
def room() -> Room:
    return Room()


class TestHide:
    @pytest.mark.parametrize("work", [0.0, 0.01, 0.15, 0.299, LEAST])
    def test_short_work_and_long_work_take_equally_long(self, room: Room, work: float) -> None:
        assert room.answer(work) == LEAST
        assert room.failure(work) == LEAST

    def test_a_decoy_takes_what_a_slow_send_took(self, room: Room) -> None:
        assert room.answer(1.2) == 1.2
        assert room.answer(0.01) == 1.2
        assert room.failure(0.4) == 1.2

    def test_the_slowest_of_the_last_answers_is_remembered_and_then_forgotten(
        self, room: Room
    ) -> None:
        room.answer(2.0)
        times = [room.answer(0.01) for _ in range(REMEMBERED + 1)]
        assert times == [2.0] * (REMEMBERED - 1) + [LEAST] * 2

    def test_one_answer_that_took_very_long_holds_nobody_back_for_as_long(self, room: Room) -> None:
        assert room.answer(7.0) == 7.0
        assert room.answer(0.01) == MOST

    def test_a_little_more_is_drawn_at_random(self) -> None:
        room = Room(spread=0.07)
        assert room.answer(0.01) == LEAST + 0.07
        assert room.answer(0.5) == 0.57
        assert room.spreads == [(0.0, SPREAD)] * 2

    @pytest.mark.parametrize(("left", "takes"), [(0.2, 0.2), (0.1, 0.1), (0.05, 0.1), (-1, 0.1)])
    def test_no_answer_is_held_back_beyond_its_deadline(
        self, room: Room, left: float, takes: float
    ) -> None:
        assert room.answer(0.1, left) == takes

    @given(st.lists(st.tuples(st.floats(0, 10), st.floats(-1, 8)), max_size=40))
    def test_every_answer_is_back_in_time_or_as_soon_as_it_is_there(
        self, calls: list[tuple[float, float]]
    ) -> None:
        room = Room(spread=SPREAD)
        for work, left in calls:
            took = room.answer(work, left)
            assert took == pytest.approx(work) or took <= max(left, work) + 1e-6
            assert took <= max(work, MOST) + SPREAD + 1e-6


class TestHideRefusal:
    def test_a_refusal_is_held_back(self, room: Room) -> None:
        assert room.refusal(0.01) == LEAST
        assert room.refusal(0.9) == 0.9
        assert room.refusal(0.01) == 0.9

    def test_a_success_is_not(self, room: Room) -> None:
        assert room.success(0.01) == 0.01
        assert room.slept == []

    def test_a_success_tells_nothing_by_the_answers_after_it(self, room: Room) -> None:
        room.success(2.0)
        assert room.refusal(0.01) == LEAST

    def test_a_refusal_too_has_a_deadline(self, room: Room) -> None:
        assert room.refusal(0.1, left=0.15) == 0.15
