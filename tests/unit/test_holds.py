"""What a client sees of a hold, and which device tokens are valid."""

from __future__ import annotations

import pytest

from tests.unit.examples import NOW
from tests.unit.world import ADA, ADA_ID, GRACE, GRACE_ID, NOBODY, World
from verification import errors, rules
from verification.crypto import DeviceClaim
from verification.models import CustomerKey, Device, Lane


def lane_of(world: World, token: str) -> Lane:
    """The lane of a send with this token."""
    return world.send(world.public(token)).challenge.lane


def token_of(world: World, **changes: object) -> str:
    """A token of Ada's first device, changed."""
    claim = {
        "device_id": world.ada.devices[0].id,
        "customer": world.keys.customer_key(ADA_ID),
        "email_hash": world.keys.email_hash(ADA),
        "issued_at": NOW,
    }
    return world.keys.device_token(DeviceClaim(**{**claim, **changes}))  # type: ignore[arg-type]


class TestHolds:
    def test_a_client_sees_which_lanes_are_held_and_since_when(self, world: World) -> None:
        assert world.holds.of(ADA, world.client()).lanes == ()
        world.wrong_codes(3)
        hold = world.holds.of(ADA, world.client())
        assert (hold.lanes, hold.since, len(hold.wrong_codes)) == ((Lane.STRANGER,), NOW, 3)

    def test_a_hold_of_a_nobody_is_not_found(self, world: World) -> None:
        with pytest.raises(errors.CustomerNotFound):
            world.holds.of(NOBODY, world.client())


class TestDevices:
    def test_the_token_of_an_earlier_success_makes_a_known_device(self, world: World) -> None:
        token = world.known_device()
        assert (token_of(world), lane_of(world, token)) == (token, Lane.DEVICE)

    @pytest.mark.parametrize(
        "changes",
        [
            {"device_id": "0f" * 16},
            {"customer": CustomerKey("0f" * 16)},
            {"issued_at": NOW + 30 - rules.DEVICE_SECONDS},
        ],
    )
    def test_a_token_that_is_wrong_old_or_another_customers_is_no_token_and_no_error(
        self, world: World, changes: dict[str, object]
    ) -> None:
        world.known_device()
        assert lane_of(world, token_of(world, **changes)) is Lane.STRANGER

    def test_a_token_is_for_the_email_that_was_verified(self, world: World) -> None:
        world.known_device()
        token = token_of(world, email_hash=world.keys.email_hash(GRACE))
        assert lane_of(world, token) is Lane.STRANGER

    @pytest.mark.parametrize("token", ["", "invented", "ÿ", "A" * 500])
    def test_a_token_that_was_not_made_here_is_no_token(self, world: World, token: str) -> None:
        assert lane_of(world, token) is Lane.STRANGER

    def test_a_client_ends_all_devices_at_once(self, world: World) -> None:
        token = world.known_device()
        world.holds.end_devices(ADA_ID)
        assert lane_of(world, token) is Lane.STRANGER

    def test_a_token_is_for_its_customers_sign_ins_alone(self, world: World) -> None:
        caller = world.public(world.known_device()).caller
        lanes = [
            world.issue.lane_of(caller, world.keys.customer_key(each), NOW)
            for each in (ADA_ID, GRACE_ID)
        ]
        assert lanes == [Lane.DEVICE, Lane.STRANGER]

    def test_an_ended_device_that_proves_itself_again_needs_its_new_token(
        self, world: World
    ) -> None:
        old = world.known_device()
        issued = world.send_public(device_token=old)
        world.holds.end_devices(ADA_ID)
        verified = world.check(
            world.public(),
            world.code(),
            challenge_id=issued.challenge.id,
            remembers_device=True,
        )
        world.now += 30
        assert lane_of(world, old) is Lane.STRANGER
        assert lane_of(world, verified.device_token) is Lane.DEVICE

    def test_a_device_of_the_second_in_which_all_are_ended_is_valid(self, world: World) -> None:
        world.holds.end_devices(ADA_ID)
        assert lane_of(world, world.known_device()) is Lane.DEVICE

    def test_a_customer_has_ten_devices_and_the_oldest_goes(self, world: World) -> None:
        old = tuple(Device(f"{n:032x}", NOW) for n in range(10))
        state = world.ada.__class__(devices=old)
        kept, _ = world.devices.remember(
            state, CustomerKey("0c" * 16), world.keys.email_hash(ADA), None, NOW
        )
        assert (len(kept), kept[1:]) == (10, old[:9])
        again, _ = world.devices.remember(
            state, CustomerKey("0c" * 16), world.keys.email_hash(ADA), old[9].id, NOW + 1
        )
        assert again == (Device(old[9].id, NOW + 1), *old[:9])
