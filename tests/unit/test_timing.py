"""The fixed time of the public's wrong answers, and turns of attempts on one customer."""

from __future__ import annotations

import pytest

from tests.unit.world import World
from verification.errors import RequestInProgress
from verification.models.callers import Deadline
from verification.timing import LEAST_SAMPLES, STRANGER_PATIENCE, FixedTime, in_turn


def answer(world: World, fixed_time: FixedTime, *okta: float, left: float = 8.0) -> float:
    """How long a wrong answer takes that asks Okta for so many seconds."""
    world.meter.start()
    started = fixed_time.start()
    for seconds in okta:
        with world.meter.time("okta"):
            world.now += seconds
    fixed_time.measure()
    assert fixed_time.left(started) >= 0
    fixed_time.wait(started, Deadline(started + left, world.clock))
    return round(world.now - started, 6)


@pytest.fixture
def fixed_time(world: World) -> FixedTime:
    return world.verify.fixed_time


@pytest.mark.parametrize("okta", [(), (0.05,), (0.2, 0.3), (0.999,)])
def test_a_wrong_answer_takes_one_second_whatever_okta_takes(
    world: World, fixed_time: FixedTime, okta: tuple[float, ...]
) -> None:
    assert answer(world, fixed_time, *okta) == 1.0


@pytest.mark.parametrize(
    ("slowest", "takes"), [(0.75, 1.0), (0.76, 1.5), (1.3, 2.0), (2.9, 3.0), (9.0, 3.0)]
)
def test_it_grows_in_steps_with_okta_and_for_all_alike(
    world: World, fixed_time: FixedTime, slowest: float, takes: float
) -> None:
    for _ in range(LEAST_SAMPLES - 1):
        answer(world, fixed_time, slowest)
    assert answer(world, fixed_time) == 1.0
    answer(world, fixed_time, slowest)
    assert answer(world, fixed_time) == answer(world, fixed_time, 0.01) == takes


def test_it_grows_with_all_that_okta_is_asked_for_one_answer(
    world: World, fixed_time: FixedTime
) -> None:
    for _ in range(LEAST_SAMPLES):
        answer(world, fixed_time, 0.6, 0.6)
    assert answer(world, fixed_time) == 1.5


def test_one_slow_call_in_two_hundred_does_not_count(world: World, fixed_time: FixedTime) -> None:
    answer(world, fixed_time, 2.0)
    for _ in range(199):
        answer(world, fixed_time, 0.1)
    assert answer(world, fixed_time) == 1.0


def test_an_answer_is_not_held_back_beyond_its_deadline(
    world: World, fixed_time: FixedTime
) -> None:
    assert answer(world, fixed_time, left=0.4) == 0.4
    assert answer(world, fixed_time, 0.5, left=0.4) == 0.5


def test_a_turn_comes_when_the_row_is_free(world: World) -> None:
    began = world.now

    def work() -> float:
        if world.now < began + 1:
            raise RequestInProgress
        return world.now - began

    assert 1 <= in_turn(work, world.deadline(), world.sleep) < 1.1


@pytest.mark.parametrize(
    ("patience", "waits"), [(float("inf"), 4.0), (STRANGER_PATIENCE, STRANGER_PATIENCE)]
)
def test_nobody_waits_too_long_for_a_turn(world: World, patience: float, waits: float) -> None:
    began = world.now

    def work() -> None:
        raise RequestInProgress

    with pytest.raises(RequestInProgress):
        in_turn(work, world.deadline(), world.sleep, patience)
    assert waits <= world.now - began < waits + 0.1


def test_a_stranger_does_not_see_that_a_client_tries_a_code(world: World) -> None:
    issued = world.send_public()
    world.keep_busy()
    began = world.now
    world.check_wrong(world.public(), world.code(), challenge_id=issued.challenge.id)
    assert (world.now - began, world.org.calls.count("check_code")) == (1.0, 0)
