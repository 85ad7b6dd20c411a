"""What a client sees of a hold, and which device tokens are valid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import NOW, state
from tests.unit.world import ADA, ADA_ID, GRACE, GRACE_ID, NOBODY, World
from verification import errors, rules
from verification.crypto import DeviceClaim
from verification.frozen import replace
from verification.models.callers import Lane
from verification.models.customers import CustomerKey, Device, Email


def lane_of(world: World, token: str, email: Email = ADA) -> Lane:
    """The lane of a send with this token."""
    return world.send(world.public(token), email).challenge.lane


def test_a_client_sees_which_lanes_are_held_and_since_when(world: World) -> None:
    assert world.holds.of(ADA, world.client()).lanes == ()
    world.wrong_codes(3)
    hold = world.holds.of(ADA, world.client())
    assert (hold.lanes, hold.since, len(hold.wrong_codes)) == ((Lane.STRANGER,), NOW, 3)
    with pytest.raises(errors.CustomerNotFound):
        world.holds.of(NOBODY, world.client())


class TestDevices:
    def test_the_token_of_a_success_is_for_the_verified_email(self, world: World) -> None:
        token = world.known_device()
        assert lane_of(world, token) is Lane.DEVICE
        assert lane_of(world, token, GRACE) is Lane.STRANGER

    @pytest.mark.parametrize(
        "changes",
        [
            {"device_id": "0f" * 16},
            {"customer": CustomerKey("0f" * 16)},
            {"issued_at": NOW + 30 - rules.DEVICE_SECONDS},
            {"email_hash": "0f" * 16},
        ],
    )
    def test_a_token_that_is_wrong_old_or_another_customers_is_no_token_and_no_error(
        self, world: World, changes: dict[str, Any]
    ) -> None:
        token = world.known_device()
        customer, email_hash = world.keys.customer_key(ADA_ID), world.keys.email_hash(ADA)
        claim = DeviceClaim(world.ada.devices[0].id, customer, email_hash, NOW)
        assert world.keys.device_token(claim) == token
        changed = world.keys.device_token(replace(claim, **changes))
        assert lane_of(world, changed) is Lane.STRANGER

    @pytest.mark.parametrize("token", ["", "invented", "ÿ", "A" * 500])
    def test_a_token_that_was_not_made_here_is_no_token(self, world: World, token: str) -> None:
        assert lane_of(world, token) is Lane.STRANGER

    def test_a_token_is_for_its_customers_sign_ins_alone(self, world: World) -> None:
        caller = world.public(world.known_device()).caller
        customers = map(world.keys.customer_key, (ADA_ID, GRACE_ID))
        lanes = [world.devices.lane_of(caller, each, NOW) for each in customers]
        assert lanes == [Lane.DEVICE, Lane.STRANGER]

    def test_an_ended_device_that_proves_itself_has_a_new_token(self, world: World) -> None:
        old = world.known_device()
        issued = world.send_public(device_token=old)
        world.holds.end_devices(ADA_ID)
        request = {"challenge_id": issued.challenge.id, "remembers_device": True}
        new = world.check(world.public(), world.code(), **request).device_token
        world.now += 30
        assert [lane_of(world, each) for each in (old, new)] == [Lane.STRANGER, Lane.DEVICE]

    def test_a_device_of_the_second_in_which_all_are_ended_is_valid(self, world: World) -> None:
        world.holds.end_devices(ADA_ID)
        assert lane_of(world, world.known_device()) is Lane.DEVICE

    def test_a_customer_has_ten_devices_and_the_oldest_goes(self, world: World) -> None:
        old = tuple(Device(f"{n:032x}", NOW) for n in range(10))
        known = state(devices=old)
        customer, email_hash = world.keys.customer_key(ADA_ID), world.keys.email_hash(ADA)
        kept, _ = world.devices.remember(known, customer, email_hash, None, NOW)
        assert (len(kept), kept[1:]) == (10, old[:9])
        again, _ = world.devices.remember(known, customer, email_hash, old[9].id, NOW + 1)
        assert again == (Device(old[9].id, NOW + 1), *old[:9])
