"""Budgets of callers, and the brake."""

from __future__ import annotations

import pytest

from tests.unit.examples import NOW
from tests.unit.world import World
from verification import errors
from verification.limits import Budget
from verification.models.callers import Lane


@pytest.mark.parametrize("budget", [Budget.SENDS, Budget.FAILURES])
def test_a_source_of_the_public_has_an_hour(budget: Budget) -> None:
    world = World(sends_per_source=2, failures_per_source=2)
    caller = world.public(source_ip="2001:db8:1:2::1").caller
    neighbour = world.public(source_ip="2001:db8:1:2::2").caller
    world.limits.spend(budget, caller)
    world.limits.spend(budget, neighbour)
    with pytest.raises(errors.RateLimited) as refused:
        world.limits.spend(budget, caller)
    assert refused.value.retry_after == 3600
    world.limits.spend(budget, world.public(source_ip="2001:db8:1:3::1").caller)
    world.now += 3600
    world.limits.spend(budget, caller)


@pytest.mark.parametrize("budget", [Budget.SENDS, Budget.CHANGES])
def test_a_client_has_an_hour_of_its_own(budget: Budget) -> None:
    world = World(sends_per_client=1, changes_per_client=1)
    world.limits.spend(budget, world.client().caller)
    with pytest.raises(errors.RateLimited):
        world.limits.spend(budget, world.client().caller)
    world.limits.spend(budget, world.client(name="other").caller)


def test_a_client_spends_a_thousandth_at_once_and_what_is_left_ends_with_its_hour() -> None:
    world = World(sends_per_client=5000)
    caller = world.client().caller

    def spent_after(calls: int) -> int:
        for _ in range(calls):
            world.limits.spend(Budget.SENDS, caller)
        return world.spent("client-sends")

    assert [spent_after(calls) for calls in (1, 4, 1)] == [5, 5, 10]
    world.now += 3600
    assert spent_after(1) == 5


def test_a_source_spends_unit_by_unit() -> None:
    world = World(sends_per_source=5000)
    world.limits.spend(Budget.SENDS, world.public().caller)
    assert world.spent("source-sends") == 1


def test_wrong_codes_of_clients_and_free_calls_have_no_budget(world: World) -> None:
    for budget, call in (
        (Budget.FAILURES, world.client()),
        (Budget.NONE, world.client()),
        (Budget.NONE, world.public()),
    ):
        assert world.limits.spend(budget, call.caller) is None
    world.limits.refund(None)
    assert world.budgets.spent == {}


def test_an_honest_call_gets_its_unit_back() -> None:
    world = World(failures_per_source=1)
    caller = world.public().caller
    world.limits.refund(world.limits.spend(Budget.FAILURES, caller))
    world.limits.spend(Budget.FAILURES, caller)


def test_all_addresses_of_a_network_have_one_hash(world: World) -> None:
    one, two, other = (
        world.limits.source_hash(f"2001:db8:1:{net}::{host}")
        for net, host in ((2, 1), (2, 9), (3, 1))
    )
    assert one == two != other


def test_the_brake_is_on_above_its_number_and_read_every_ten_seconds() -> None:
    world = World(stranger_failures=1000)
    for brake, wait, allowed in (
        (1000, 0, 3),
        (1001, 9, 3),
        (1001, 1, 1),
        (0, 9, 1),
        (0, 1, 3),
    ):
        world.budgets.brake = brake
        world.now += wait
        assert world.limits.attempts_allowed(Lane.STRANGER) == allowed
    assert world.now == NOW + 20
    assert world.budgets.brake_reads == 3
    assert world.meter.facts["brake_on"]


def test_devices_and_clients_do_not_feel_the_brake(world: World) -> None:
    world.budgets.brake = 10**6
    lanes = (Lane.DEVICE, Lane.CLIENT, Lane.RELEASE)
    assert [world.limits.attempts_allowed(each) for each in lanes] == [4, 4, None]
    assert world.budgets.brake_reads == 0
