"""Registration of a new customer: repeatable, and never a change of a user who was there before."""

from __future__ import annotations

import pytest

from tests.unit.examples import NOW, factor
from tests.unit.fake_okta import FakeFactors
from tests.unit.world import ADA, PHONE, World
from verification import errors
from verification.aws.email_rows import EmailRows
from verification.frozen import replace
from verification.models.callers import Call
from verification.models.customers import (
    Email,
    Factor,
    FactorStatus,
    FactorType,
    Registered,
    Registration,
)

MARY = Email("mary@example.com")
WANTED = Registration(MARY, MARY, {}, factors=(factor(id="", destination=MARY),))
PHONE_TOO = replace(
    WANTED, factors=(*WANTED.factors, factor(FactorType.SMS, id="", destination=PHONE))
)


def register(
    world: World, wanted: Registration = PHONE_TOO, request: str = "first"
) -> list[FactorType]:
    """The types of the new customer's factors."""
    registered = world.register.register(wanted, world.client(request=request))
    assert registered.user.email == MARY
    return [each.type for each in registered.factors or ()]


def fail(world: World, name: str, failure: errors.VerificationError) -> errors.VerificationError:
    """What a registration ends with if this call to Okta does."""
    world.org.faults[name] = failure
    with pytest.raises(errors.VerificationError) as refused:
        register(world)
    return refused.value


def test_a_customer_is_created_with_all_factors_active(world: World) -> None:
    assert register(world) == [FactorType.EMAIL, FactorType.SMS]
    assert {each.status for each in world.org.factors["00unew"]} == {FactorStatus.ACTIVE}
    assert not any(world.org.codes.values())


@pytest.mark.parametrize("taken", [{"email": ADA, "login": MARY}, {"email": MARY, "login": ADA}])
def test_a_user_who_was_there_before_is_never_changed(
    world: World, taken: dict[str, Email]
) -> None:
    with pytest.raises(errors.CustomerExists):
        register(world, replace(WANTED, **taken))  # type: ignore[arg-type]
    assert world.org.calls == ["holder"]


def test_the_same_request_continues_where_it_stopped(world: World) -> None:
    stopped = fail(world, "enroll", errors.OktaRateLimited())
    assert isinstance(stopped, errors.RegistrationIncomplete)
    assert (stopped.code, stopped.registered.factors) == ("okta_rate_limited", ())
    assert register(world) == [FactorType.EMAIL, FactorType.SMS]
    assert world.org.calls.count("create") == 1


def test_another_request_finds_that_the_customer_exists(world: World) -> None:
    fail(world, "enroll", errors.OktaRateLimited())
    for request in ("second", ""):
        with pytest.raises(errors.CustomerExists):
            register(world, request=request)


def test_a_lost_answer_of_a_creation_is_found_again(world: World) -> None:
    failure = fail(world, "create", errors.OktaOutcomeUnknown())
    assert type(failure) is errors.RegistrationStopped
    assert register(world) == [FactorType.EMAIL, FactorType.SMS]
    assert world.org.calls.count("create") == 1


def test_while_okta_may_still_create_the_user_no_other_request_may_ask(world: World) -> None:
    fail(world, "create", errors.OktaOutcomeUnknown())
    del world.org.users["00unew"]
    with pytest.raises(errors.RequestInProgress) as refused:
        register(world, request="second")
    assert refused.value.retry_after == 60
    world.now += 60
    register(world, request="second")


def test_after_a_creation_that_certainly_failed_another_request_may_ask(world: World) -> None:
    fail(world, "create", errors.OktaRateLimited())
    register(world, request="second")


def test_a_profile_that_okta_refuses_is_told(world: World) -> None:
    assert isinstance(fail(world, "create", errors.CustomerInvalid()), errors.CustomerInvalid)


def test_a_refused_repetition_is_the_customer_that_the_request_created(world: World) -> None:
    """Okta's search did not show the new user yet, so that the request has asked twice."""
    fail(world, "create", errors.OktaOutcomeUnknown())
    mary = world.org.users.pop("00unew")
    world.org.faults["create"] = errors.CustomerInvalid()
    looks = iter([None, mary])
    users = world.okta_users
    users.holder = lambda *_: next(looks)  # type: ignore[method-assign]
    assert register(world) == [FactorType.EMAIL, FactorType.SMS]


def test_a_lost_answer_of_an_enrollment_tells_the_factors_that_are_known(world: World) -> None:
    stopped = fail(world, "enroll", errors.OktaOutcomeUnknown())
    assert isinstance(stopped, errors.RegistrationIncomplete)
    assert [each.type for each in stopped.registered.factors or ()] == [FactorType.EMAIL]


def test_factors_that_cannot_be_read_are_not_known(world: World) -> None:
    class Unreadable(FakeFactors):
        def enroll(self, *_: object, **__: object) -> tuple[Factor, str]:
            world.org.faults["list"] = errors.OktaNotReached()
            raise errors.OktaOutcomeUnknown

    world.register = replace(world.register, factors=Unreadable(world.org))
    with pytest.raises(errors.RegistrationIncomplete) as stopped:
        register(world)
    assert stopped.value.registered == Registered(world.org.users["00unew"], None)


@pytest.mark.parametrize("enrolled_by_okta", [True, False])
def test_an_email_that_the_org_enrolls_by_itself_is_no_failure(
    world: World, enrolled_by_okta: bool
) -> None:
    class ByItself(FakeFactors):
        def enroll(
            self, user_id: str, wanted: Factor, call: Call, *, activate: bool
        ) -> tuple[Factor, str]:
            if enrolled_by_okta:
                super().enroll(user_id, wanted, call, activate=activate)
            raise errors.EnrollmentRefused

    world.register = replace(world.register, factors=ByItself(world.org))
    if enrolled_by_okta:
        assert register(world, WANTED) == [FactorType.EMAIL]
        return
    with pytest.raises(errors.RegistrationIncomplete) as stopped:
        register(world, WANTED)
    assert stopped.value.code == "enrollment_refused"


def test_a_registration_succeeds_though_the_kept_lookup_cannot_be_dropped(world: World) -> None:
    class Broken(EmailRows):
        def forget(self, *_: object) -> None:
            raise errors.StoreUnavailable

    world.register = replace(world.register, emails=Broken(world.table, 3))
    assert register(world, WANTED) == [FactorType.EMAIL]


def test_the_next_lookup_asks_okta(world: World) -> None:
    with pytest.raises(errors.CustomerNotFound):
        world.send_public(MARY)
    register(world)
    world.now = NOW + 30
    world.send_public(MARY)
