"""Which look-ups are kept, and for whom."""

from __future__ import annotations

import pytest

from tests.unit.examples import NOW, factor, found, known_factor, user
from tests.unit.world import ADA, ADA_ID, NOBODY, World
from verification import errors
from verification.aws.email_rows import EmailRows
from verification.frozen import replace
from verification.models.callers import Call
from verification.models.customers import Channel, FactorType, Found, UserStatus

FRESH = found(known_factor(id="kept"))
REFUSED = Found(NOW, refusal="customer_not_found")


def look(
    world: World, known: Found | None, channel: Channel = Channel.EMAIL, call: Call | None = None
) -> Found:
    """Look Ada up, for the public if nobody else is named."""
    return world.lookup.find(ADA, channel, known, NOW, call or world.public())


def test_a_kept_answer_is_used_again(world: World) -> None:
    assert look(world, FRESH) is FRESH
    assert look(world, FRESH, call=world.client()) is FRESH
    assert look(world, REFUSED) is REFUSED
    assert world.org.calls == []


@pytest.mark.parametrize("known", [None, found(at=NOW - 900)])
def test_okta_is_asked_where_nothing_fresh_is_kept(world: World, known: Found | None) -> None:
    assert look(world, known).user_id == ADA_ID
    assert world.org.calls == ["find", "list"]


def test_an_answer_that_cannot_be_kept_is_used_all_the_same(world: World) -> None:
    class Full(EmailRows):
        def remember(self, *_: object, **__: object) -> None:
            raise errors.StoreUnavailable

    world.lookup = replace(world.lookup, emails=Full(world.table, 3))
    assert look(world, None).user_id == ADA_ID


@pytest.mark.parametrize(("age", "asks"), [(59, False), (60, True)])
def test_the_public_is_refused_from_memory_for_a_minute(world: World, age: int, asks: bool) -> None:
    look(world, found(at=NOW - age), Channel.SMS)
    assert bool(world.org.calls) is asks


def test_a_client_is_never_refused_from_memory(world: World) -> None:
    for known, channel in ((REFUSED, Channel.EMAIL), (FRESH, Channel.SMS)):
        assert look(world, known, channel, world.client()).user_id == ADA_ID


def test_addresses_are_kept_masked_and_hashed_and_useless_factors_not_at_all(world: World) -> None:
    world.org.factors[ADA_ID] = [
        factor(id="one", destination="ADA@example.com"),
        factor(id="two", destination="ada.old@example.com"),
        factor(FactorType.TOTP, id="app"),
        factor(FactorType.OTHER, id="push"),
    ]
    one, two, app = look(world, None).factors
    assert (one.shown, one.reaches_email) == ("A•••@example.com", True)
    assert one.destination_hash == world.keys.destination_hash(ADA)
    assert (two.reaches_email, app.destination_hash, app.reaches_email) == (False, "", False)
    assert world.kept_lookup == found(one, two, app)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(UserStatus.LOCKED_OUT, errors.CustomerLocked), (UserStatus.STAGED, errors.CustomerInactive)],
)
def test_a_refusal_is_kept_and_told(
    world: World, status: UserStatus, refusal: type[Exception]
) -> None:
    world.org.users[ADA_ID] = user(status=status)
    refused = look(world, None)
    assert world.kept_lookup == refused
    with pytest.raises(refusal):
        world.lookup.require_factor(refused, Channel.EMAIL)


def test_a_failure_of_okta_is_not_kept(world: World) -> None:
    world.org.faults["list"] = errors.OktaUnavailable()
    with pytest.raises(errors.OktaUnavailable):
        look(world, None)
    assert world.kept_lookup is None


def test_the_email_channel_needs_the_factor_of_the_email_that_was_asked_for(world: World) -> None:
    world.org.factors[ADA_ID] = [factor(id="old", destination="ada.old@example.com")]
    with pytest.raises(errors.FactorNotEnrolled):
        world.lookup.require_factor(look(world, None), Channel.EMAIL)


def test_only_a_looked_up_customer_is_known(world: World) -> None:
    email_hash = world.keys.email_hash(ADA)
    assert world.lookup.known_customer(email_hash) is None
    look(world, None)
    assert world.lookup.known_customer(email_hash) == world.keys.customer_key(ADA_ID)
    world.emails.remember(email_hash, REFUSED)
    assert world.lookup.known_customer(email_hash) is None
    with pytest.raises(errors.CustomerNotFound):
        world.lookup.customer(NOBODY, world.client())
