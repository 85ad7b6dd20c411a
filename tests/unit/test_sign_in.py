"""Sign-ins: passwords, and codes that count and are limited like all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.examples import NOW, factor
from tests.unit.fake_okta import ANSWER, APP_CODE, PASSWORD
from tests.unit.world import (
    ADA,
    ADA_ID,
    APP,
    EMAIL,
    GRACE_ID,
    PHONE,
    QUESTION,
    SMS,
    STATE_TOKEN,
    WRONG,
    World,
)
from verification import errors, rules
from verification.limits import Budget
from verification.models import (
    Call,
    Channel,
    Credentials,
    EnrollStep,
    FactorStep,
    FactorType,
    SignInDocument,
    SignInState,
    SignInStatus,
)

SHOP = "https://shop.example.com/account"
LOCKED = SignInDocument({}, SignInStatus.LOCKED_OUT, "LOCKED_OUT", "", "", {})


def begin(
    world: World, call: Call, password: str = PASSWORD, username: str = ADA, redirect: str = ""
) -> SignInState:
    call = replace(call, spent=world.limits.spend(Budget.FAILURES, call.caller))
    return world.sign_in.begin(Credentials(username, password, redirect_url=redirect), call)


def step(factor_id: str = EMAIL, code: str = "", **changes: str) -> FactorStep:
    return FactorStep(factor_id, STATE_TOKEN, code, **changes)  # type: ignore[arg-type]


class TestPasswords:
    def test_a_right_password_costs_nothing(self, world: World) -> None:
        for _ in range(6):
            state = begin(world, world.public())
        assert state.document.state_token == STATE_TOKEN
        assert (world.spent("passwords-public"), world.spent("source-failures")) == (0, 0)
        assert world.now == NOW

    @pytest.mark.parametrize(
        "failure",
        [
            None,
            errors.InvalidCredentials(okta_error={"errorCode": "E0000004"}),
            errors.CustomerLocked(),
            errors.CustomerInactive(),
            errors.SignInRefused(okta_error={"errorCode": "E0000079"}),
        ],
    )
    def test_the_public_is_told_one_thing_after_a_fixed_second(
        self, world: World, failure: errors.VerificationError | None
    ) -> None:
        if failure is None:
            world.authn.replies["begin"] = LOCKED
        else:
            world.org.faults["begin"] = failure
        with pytest.raises(errors.InvalidCredentials) as refused:
            begin(world, world.public())
        assert (refused.value.okta_error, world.now) == (None, NOW + 1)
        assert (world.spent("passwords-public"), world.spent("source-failures")) == (1, 1)

    def test_a_client_is_told_what_okta_says_at_once(self, world: World) -> None:
        with pytest.raises(errors.InvalidCredentials) as refused:
            begin(world, world.client(), "wrong")
        assert refused.value.okta_error is not None
        world.org.faults["begin"] = errors.CustomerInactive()
        with pytest.raises(errors.CustomerInactive):
            begin(world, world.client())
        world.authn.replies["begin"] = LOCKED
        assert begin(world, world.client()).document == LOCKED
        assert (world.now, world.spent("passwords-clients")) == (NOW, 3)

    def test_five_wrong_passwords_of_the_public_leave_the_clients_theirs(
        self, world: World
    ) -> None:
        spellings = ["ada@example.com", "ÀDA@example.com", "áda@example.com", " Ada@Example.COM"]
        for username in [*spellings, ADA]:
            with pytest.raises(errors.InvalidCredentials):
                begin(world, world.public(), "wrong", username)
        with pytest.raises(errors.RateLimited):
            begin(world, world.public())
        assert len(world.authn.begun) == 5
        begin(world, world.client())

    @pytest.mark.parametrize(
        ("failure", "counted"), [(errors.OktaNotReached(), 0), (errors.OktaOutcomeUnknown(), 1)]
    )
    def test_a_password_counts_unless_okta_certainly_did_not_check_it(
        self, world: World, failure: errors.VerificationError, counted: int
    ) -> None:
        world.org.faults["begin"] = failure
        with pytest.raises(type(failure)):
            begin(world, world.public())
        assert world.spent("passwords-public") == counted

    def test_only_an_allowed_page_may_be_returned_to(self, world: World) -> None:
        with pytest.raises(errors.MalformedBody):
            begin(world, world.public(), redirect="https://evil.example")
        assert world.authn.begun == []
        begin(world, world.public(), redirect=SHOP)
        assert world.sign_in.verify_factor(step(APP, APP_CODE), world.public()).redirect_url == SHOP


class TestSends:
    def test_a_challenged_factor_is_sent_a_code_that_its_own_sign_in_verifies(
        self, world: World
    ) -> None:
        begin(world, world.public())
        assert world.sign_in.verify_factor(step(), world.public()).was_sent
        state = world.sign_in.verify_factor(step(code=world.code()), world.public())
        assert state.document.status is SignInStatus.SUCCESS

    def test_another_code_waits_30_seconds(self, world: World) -> None:
        world.sign_in.verify_factor(step(), world.public())
        with pytest.raises(errors.SendLimited):
            world.sign_in.send_again(step(), world.public())
        world.now += 30
        assert world.sign_in.send_again(step(), world.public()).was_sent
        assert world.org.calls == ["look", "challenge", "resend"]

    def test_a_source_has_60_sends_an_hour(self) -> None:
        world = World(sends_per_source=1)
        world.sign_in.verify_factor(step(), world.public())
        with pytest.raises(errors.RateLimited):
            world.sign_in.verify_factor(step(SMS), world.public())

    def test_a_send_that_certainly_failed_does_not_count(self, world: World) -> None:
        for _ in range(6):
            world.org.faults["challenge"] = errors.OktaNotReached()
            with pytest.raises(errors.OktaNotReached):
                world.sign_in.verify_factor(step(), world.public())

    @pytest.mark.parametrize("factor_id", [APP, QUESTION])
    def test_a_factor_that_is_sent_nothing_is_not_limited(
        self, world: World, factor_id: str
    ) -> None:
        for _ in range(7):
            assert not world.sign_in.verify_factor(step(factor_id), world.public()).was_sent

    def test_a_factor_whose_challenges_are_not_limited_here_is_refused(self, world: World) -> None:
        world.org.factors[ADA_ID].append(factor(FactorType.OTHER, id="push"))
        with pytest.raises(errors.SignInRefused):
            world.sign_in.verify_factor(step("push"), world.public())
        assert world.org.calls == ["look"]

    def test_a_held_customer_is_sent_nothing(self, world: World) -> None:
        world.wrong_codes(3)
        with pytest.raises(errors.AttemptsHeld):
            world.sign_in.verify_factor(step(SMS), world.public())
        assert world.sign_in.verify_factor(step(SMS), world.client()).was_sent


class TestCodes:
    def test_wrong_codes_count_with_those_of_all_other_routes(self, world: World) -> None:
        world.sign_in.verify_factor(step(), world.public())
        for n in range(1, 4):
            with pytest.raises(errors.InvalidCode):
                world.sign_in.verify_factor(step(code=WRONG), world.public())
            assert (world.now, len(world.ada.wrong_codes)) == (NOW + n, n)
        with pytest.raises(errors.AttemptsHeld):
            world.sign_in.verify_factor(step(code=world.code()), world.public())
        assert world.budgets.brake == 3
        began = world.now
        with pytest.raises(errors.InvalidCode):
            world.sign_in.verify_factor(step(APP, WRONG), world.client())
        assert (world.now, world.org.wrong[ADA_ID]) == (began, 4)
        with pytest.raises(errors.AttemptsHeld):
            world.send(world.client())

    def test_a_known_device_may_try_once_more_than_strangers(self, world: World) -> None:
        token = world.known_device()
        world.wrong_codes(3)
        with pytest.raises(errors.AttemptsHeld):
            world.sign_in.verify_factor(step(APP, APP_CODE), world.public("not a token"))
        world.sign_in.verify_factor(step(APP, APP_CODE), world.public(token))
        assert world.ada.wrong_codes == ()

    def test_a_code_that_was_sent_for_something_else_does_not_sign_in(self, world: World) -> None:
        begin(world, world.public())
        world.sign_in.verify_factor(step(SMS), world.public())
        world.send(world.client(), purpose="refund")
        world.sign_in.move("previous", STATE_TOKEN, world.public())
        with pytest.raises(errors.InvalidCode):
            world.sign_in.verify_factor(step(code=world.code()), world.public())
        assert "check_in_sign_in" not in world.org.calls
        assert world.ada.wrong_codes == ()

    def test_a_question_is_answered_and_every_other_factor_has_a_code(self, world: World) -> None:
        both = step(QUESTION, WRONG, answer=ANSWER)
        world.sign_in.verify_factor(both, world.public())
        world.sign_in.verify_factor(step(APP, APP_CODE, answer="wrong"), world.public())

    @pytest.mark.parametrize(
        ("failure", "counted"),
        [
            (errors.SignInEnded(), 0),
            (errors.StepNotTaken(), 0),
            (errors.OktaNotReached(), 0),
            (errors.SignInRefused(), 1),
            (errors.OktaOutcomeUnknown(), 1),
        ],
    )
    def test_an_attempt_counts_unless_okta_certainly_compared_no_code(
        self, world: World, failure: errors.VerificationError, counted: int
    ) -> None:
        world.org.faults["check_in_sign_in"] = failure
        with pytest.raises(type(failure)):
            world.sign_in.verify_factor(step(APP, WRONG), world.public())
        assert len(world.ada.wrong_codes) == counted

    @pytest.mark.parametrize(
        ("status", "counted"),
        [
            (SignInStatus.SUCCESS, 0),
            (SignInStatus.MFA_ENROLL, 0),
            (SignInStatus.PASSWORD_EXPIRED, 0),
            (SignInStatus.PASSWORD_WARN, 0),
            (SignInStatus.OTHER, 1),
        ],
    )
    def test_an_answer_that_shows_no_success_counts_as_a_wrong_code(
        self, world: World, status: SignInStatus, counted: int
    ) -> None:
        reply = SignInDocument({}, status, status, STATE_TOKEN, ADA_ID, {})
        world.authn.replies["check_code"] = reply
        world.sign_in.verify_factor(step(APP, APP_CODE), world.public())
        assert len(world.ada.wrong_codes) == counted

    def test_only_an_allowed_page_may_be_returned_to(self, world: World) -> None:
        bad = step(APP, APP_CODE, redirect_url="https://evil.example")
        for take in (world.sign_in.verify_factor, world.sign_in.activate):
            with pytest.raises(errors.MalformedBody):
                take(bad, world.public())
        assert world.org.calls == []
        good = replace(bad, redirect_url=SHOP)
        assert world.sign_in.verify_factor(good, world.public()).redirect_url == SHOP


class TestEnrollment:
    def test_a_new_phone_is_activated_with_its_code_and_earlier_wrong_codes_stay(
        self, world: World
    ) -> None:
        world.wrong_codes(2)
        enroll = EnrollStep(
            FactorType.SMS, STATE_TOKEN, {"profile": {"phoneNumber": "+1 500-555-0006"}}
        )
        assert world.sign_in.enroll(enroll, world.public()).was_sent
        assert world.budgets.destinations[NOW // 86_400, world.keys.destination_hash(PHONE)] == 1
        (new,) = [each for each in world.org.factors[ADA_ID] if each.is_pending]
        world.now += 30
        world.sign_in.resend_enrollment_code(step(new.id), world.public())
        state = world.sign_in.activate(step(new.id, world.code(new.id)), world.public())
        assert state.document.status is SignInStatus.SUCCESS
        assert len(world.ada.wrong_codes) == world.org.wrong[ADA_ID] == 2

    def test_an_app_is_enrolled_without_a_send(self, world: World) -> None:
        enroll = EnrollStep(FactorType.TOTP, STATE_TOKEN)
        assert not world.sign_in.enroll(enroll, world.public()).was_sent

    def test_no_code_is_good_where_it_is_not_clear_which_factor_is_new(self, world: World) -> None:
        two = {"new1": FactorType.SMS, "new2": FactorType.SMS}
        reply = SignInDocument({}, SignInStatus.OTHER, "", STATE_TOKEN, ADA_ID, two)
        world.authn.replies["enroll"] = reply
        world.sign_in.enroll(EnrollStep(FactorType.SMS, STATE_TOKEN), world.public())
        with pytest.raises(errors.InvalidCode):
            world.sign_in.activate(step("new1", "123456"), world.public())
        assert "activate_in_sign_in" not in world.org.calls


class TestSteps:
    def test_an_invented_factor_leaves_nothing_behind(self, world: World) -> None:
        for code in ("", WRONG):
            with pytest.raises(errors.StepNotTaken):
                world.sign_in.verify_factor(step("invented", code), world.public())
        assert (world.ada.sent, world.ada.wrong_codes) == ({}, ())

    def test_what_is_known_of_a_sign_in_is_kept_sealed(self, world: World) -> None:
        begin(world, world.public())
        (sealed,) = world.sign_ins.kept.values()
        assert ADA_ID not in sealed
        world.sign_in.verify_factor(step(), world.public())
        assert "look" not in world.org.calls

    def test_a_sign_in_without_a_user_cannot_be_continued(self, world: World) -> None:
        world.authn.replies["look"] = SignInDocument({}, SignInStatus.OTHER, "", "", "", {})
        with pytest.raises(errors.OktaUnexpectedResponse):
            world.sign_in.verify_factor(step(), world.public())

    def test_what_belongs_to_another_sign_in_is_asked_of_okta(self, world: World) -> None:
        begin(world, world.public())
        ((key, sealed),) = world.sign_ins.kept.items()
        other = f"state {GRACE_ID}"
        world.sign_ins.kept = {world.keys.sign_in_key(other): sealed}
        world.sign_in.move("skip", other, world.public())
        assert world.org.calls == ["begin", "look", "skip"]
        assert key not in world.sign_ins.kept

    def test_an_honest_step_gives_the_source_its_failure_back(self, world: World) -> None:
        begin(world, world.public())
        steps: list[Callable[[Call], SignInState]] = [
            lambda call: world.sign_in.resume(STATE_TOKEN, call),
            lambda call: world.sign_in.move("previous", STATE_TOKEN, call),
            lambda call: world.sign_in.move("cancel", STATE_TOKEN, call),
            lambda call: world.sign_in.verify_factor(step(APP, APP_CODE), call),
            lambda call: world.sign_in.verify_factor(step(), call),
        ]
        for take in steps:
            spent = world.limits.spend(Budget.FAILURES, world.public().caller)
            take(replace(world.public(), spent=spent))
            assert world.spent("source-failures") == 0

    def test_a_sign_in_has_sixty_steps(self, world: World) -> None:
        """Each of them costs Okta a call, and an honest caller nothing."""
        begin(world, world.public())
        for n in range(rules.SIGN_IN_STEPS):
            if n % 2:
                world.sign_in.resume(STATE_TOKEN, world.public())
            else:
                world.sign_in.verify_factor(step(APP), world.client())
        calls = len(world.org.calls)
        steps: list[Callable[[Call], SignInState]] = [
            lambda call: world.sign_in.resume(STATE_TOKEN, call),
            lambda call: world.sign_in.verify_factor(step(APP, APP_CODE), call),
            lambda call: world.sign_in.move("previous", STATE_TOKEN, call),
        ]
        for take in steps:
            with pytest.raises(errors.RateLimited):
                take(world.client())
        assert len(world.org.calls) == calls

    def test_a_code_of_the_customers_other_channel_is_not_ended_by_a_send(
        self, world: World
    ) -> None:
        issued = world.send(world.client(), channel=Channel.SMS)
        world.sign_in.verify_factor(step(), world.public())
        world.check(world.client(), world.code(SMS), challenge_id=issued.challenge.id)
