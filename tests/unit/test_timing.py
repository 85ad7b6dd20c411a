"""The fixed time of the public's wrong answers, and turns of attempts on one customer."""

from __future__ import annotations

import pytest

from tests.unit.world import World
from verification.errors import RequestInProgress
from verification.models import Deadline
from verification.observability import Meter
from verification.timing import LEAST_SAMPLES, STRANGER_PATIENCE, FixedTime, in_turn


class Room:
    """Time that passes only by work and by sleep."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meter = Meter(self.clock)
        self.fixed_time = FixedTime(self.meter, clock=self.clock, sleep=self.sleep)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def answer(self, *okta: float, left: float = 8.0) -> float:
        """How long a wrong answer takes that asks Okta for so many seconds."""
        self.meter.start()
        started = self.fixed_time.start()
        for seconds in okta:
            with self.meter.time("okta"):
                self.now += seconds
        free_in = self.fixed_time.left(started)
        assert free_in >= 0
        self.fixed_time.wait(started, Deadline(started + left, self.clock))
        return round(self.now - started, 6)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize("okta", [(), (0.05,), (0.2, 0.3), (0.999,)])
def test_a_wrong_answer_takes_one_second_whatever_okta_takes(
    room: Room, okta: tuple[float, ...]
) -> None:
    assert room.answer(*okta) == 1.0


@pytest.mark.parametrize(
    ("slowest", "takes"), [(0.75, 1.0), (0.76, 1.5), (1.3, 2.0), (2.9, 3.0), (9.0, 3.0)]
)
def test_it_grows_in_steps_with_okta_and_for_all_alike(
    room: Room, slowest: float, takes: float
) -> None:
    for _ in range(LEAST_SAMPLES - 1):
        room.answer(slowest)
    assert room.answer() == 1.0
    room.answer(slowest)
    assert room.answer() == takes
    assert room.answer(0.01) == takes


def test_one_slow_call_in_two_hundred_does_not_count(room: Room) -> None:
    room.answer(2.0)
    for _ in range(199):
        room.answer(0.1)
    assert room.answer() == 1.0


def test_an_answer_is_not_held_back_beyond_its_deadline(room: Room) -> None:
    assert room.answer(left=0.4) == 0.4
    assert room.answer(0.5, left=0.4) == 0.5


def test_a_turn_comes_when_the_row_is_free(room: Room) -> None:
    def work() -> float:
        if room.now < 101:
            raise RequestInProgress
        return room.now

    assert 101 <= in_turn(work, Deadline(108, room.clock), room.sleep) < 101.1


@pytest.mark.parametrize(
    ("patience", "waits"), [(float("inf"), 4.0), (STRANGER_PATIENCE, STRANGER_PATIENCE)]
)
def test_nobody_waits_too_long_for_a_turn(room: Room, patience: float, waits: float) -> None:
    def work() -> None:
        raise RequestInProgress

    with pytest.raises(RequestInProgress):
        in_turn(work, Deadline(108, room.clock), room.sleep, patience)
    assert waits <= room.now - 100 < waits + 0.1


def test_a_stranger_does_not_see_that_a_client_tries_a_code(world: World) -> None:
    issued = world.send_public()
    world.keep_busy()
    began = world.now
    world.check_wrong(world.public(), world.code(), challenge_id=issued.challenge.id)
    assert (world.now - began, world.org.calls.count("check_code")) == (1.0, 0)
