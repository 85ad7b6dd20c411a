"""Factors of customers: enrolled, looked at and removed by clients."""

from __future__ import annotations

import pytest

from tests.unit.examples import NOW, factor
from tests.unit.fake_okta import timestamp
from tests.unit.world import ADA, ADA_ID, APP, EMAIL, NOBODY, PHONE, SMS, World
from verification import errors
from verification.models.customers import Enrolled, FactorStatus, FactorType


def remove(world: World, factor_id: str) -> None:
    world.org.factors[ADA_ID].remove(world.org.factor(ADA_ID, factor_id))


def enroll_phone(world: World, phone: str = PHONE, user: str = ADA) -> Enrolled:
    return world.enrollment.enroll_phone(phone, user, world.client())


def test_an_app_is_enrolled_with_its_secret_and_stays_pending(world: World) -> None:
    remove(world, APP)
    for _ in range(2):  # Okta replaces a pending one
        enrolled = world.enrollment.enroll_totp(ADA, "Shop", "ada", world.client())
    assert (enrolled.secret, enrolled.factor.is_pending) == ("JBSWY3DP", True)
    ref = enrolled.ref
    assert world.keys.factor_ref(enrolled.ref_id) == ref
    assert (ref.issuer, ref.label, ref.enrolled_at) == ("Shop", "ada", NOW)


def test_an_active_app_is_not_replaced(world: World) -> None:
    with pytest.raises(errors.FactorAlreadyEnrolled):
        world.enrollment.enroll_totp(ADA, "Shop", "ada", world.client())
    world.org.factors[ADA_ID] = [factor(FactorType.TOTP, provider="OKTA")]
    world.enrollment.enroll_totp(ADA, "Shop", "ada", world.client())


@pytest.mark.parametrize("user", [ADA, ADA_ID, ""])
def test_a_phone_that_is_enrolled_is_returned_as_it_is(world: World, user: str) -> None:
    assert enroll_phone(world, user=user).factor.id == SMS
    assert world.org.codes[SMS] == []


def test_a_new_phone_is_sent_its_first_code_within_the_limits(world: World) -> None:
    remove(world, SMS)
    new = enroll_phone(world).factor
    assert (new.status, len(world.org.codes[new.id])) == (FactorStatus.PENDING_ACTIVATION, 1)
    remove(world, new.id)
    with pytest.raises(errors.SendLimited):
        enroll_phone(world)
    enroll_phone(world, "+15005550009")  # another phone need not wait
    assert world.spent("client-sends") == 3
    assert list(world.budgets.destinations.values()) == [1, 1]


def test_a_phone_that_okta_has_kept_is_sent_nothing_and_counts_as_no_send(world: World) -> None:
    remove(world, SMS)
    world.org.kept_phones.add(PHONE)
    known = enroll_phone(world).factor
    assert (known.status, world.org.codes[known.id]) == (FactorStatus.ACTIVE, [])
    assert list(world.budgets.destinations.values()) == [0]
    remove(world, known.id)
    world.org.kept_phones.clear()
    assert enroll_phone(world).factor.status is FactorStatus.PENDING_ACTIVATION


def test_a_stack_may_activate_phones_without_a_code() -> None:
    world = World(activate_phones=True)
    remove(world, SMS)
    assert enroll_phone(world).factor.status is FactorStatus.ACTIVE
    assert (world.spent("client-sends"), any(world.org.codes.values())) == (0, False)


def test_the_email_of_the_profile_is_enrolled_once_and_active_at_once(world: World) -> None:
    world.org.factors[ADA_ID] = [factor(id="old", destination="ada.old@example.com")]
    new = world.enrollment.enroll_email(ADA, world.client())
    assert (new.factor.destination, new.factor.status) == (ADA, FactorStatus.ACTIVE)
    assert world.enrollment.enroll_email(ADA, world.client()).factor == new.factor


def test_the_time_of_an_enrollment_is_okta_s(world: World) -> None:
    remove(world, SMS)
    created = timestamp(NOW - 1000)
    old = factor(FactorType.SMS, id=SMS, destination=PHONE, created=created)
    world.org.factors[ADA_ID].append(old)
    assert enroll_phone(world).ref.enrolled_at == NOW - 1000


def test_an_enrollment_or_a_removal_makes_the_next_lookup_ask_okta(world: World) -> None:
    remove(world, SMS)
    world.send(world.client())
    enrolled = enroll_phone(world)
    assert world.kept_at == 0
    world.now += 30
    world.send(world.client())
    assert world.kept_at == NOW + 30
    assert world.enrollment.get(enrolled.ref_id, world.client()).factor == enrolled.factor
    world.enrollment.delete(enrolled.ref_id, world.client())
    assert world.kept_at == 0
    with pytest.raises(errors.FactorNotEnrolled):
        world.enrollment.get(enrolled.ref_id, world.client())


def test_an_id_that_was_not_made_here_is_no_factor(world: World) -> None:
    for ref_id in (EMAIL, world.factor_id(EMAIL)[:-1]):
        with pytest.raises(errors.FactorNotEnrolled):
            world.enrollment.delete(ref_id, world.client())
    assert world.org.calls == []


def test_nobody_is_enrolled_for_an_unknown_user(world: World) -> None:
    with pytest.raises(errors.CustomerNotFound):
        world.enrollment.enroll_email(NOBODY, world.client())
