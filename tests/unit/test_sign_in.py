"""Sign-ins: passwords, and codes that count and are limited like all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.examples import NOW, factor
from tests.unit.fake_okta import ANSWER, APP_CODE, PASSWORD, timestamp
from tests.unit.world import (
    ADA,
    ADA_ID,
    APP,
    EMAIL,
    GRACE,
    GRACE_ID,
    PHONE,
    QUESTION,
    SMS,
    STATE_TOKEN,
    WRONG,
    World,
)
from verification import errors, rules
from verification.frozen import replace
from verification.limits import Budget
from verification.models.callers import Call
from verification.models.customers import Channel, FactorType
from verification.models.sign_ins import (
    Credentials,
    EnrollStep,
    FactorStep,
    QuestionsRequest,
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

    def test_whoever_has_an_account_cannot_begin_sign_ins_without_end(self, world: World) -> None:
        for _ in range(rules.SIGN_INS + world.settings.failures_per_source):
            begin(world, world.public())
        with pytest.raises(errors.RateLimited):
            begin(world, world.public())
        assert world.spent("passwords-public") == 0
        begin(world, world.public(source_ip="192.0.2.1"))
        begin(world, world.client())

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
        assert len(world.authn.begun) == 3
        begin(world, world.client())

    @pytest.mark.parametrize(
        ("failure", "counted"), [(errors.OktaNotReached(), 0), (errors.OktaOutcomeUnknown(), 1)]
    )
    def test_a_password_counts_unless_okta_certainly_did_not_check_it(
        self, world: World, failure: errors.VerificationError, counted: int
    ) -> None:
        world.org.faults["begin"] = failure
        with pytest.raises(type(failure)):
            begin(world, world.client())
        assert world.spent("passwords-clients") == counted

    def test_the_fixed_second_is_that_of_a_budget_that_is_used_up_too(self, world: World) -> None:
        """For a short login Okta was asked before, which does not take as long for everybody."""
        for username in ("ada", "nobody"):
            wrong_passwords(world, 5, username)
            began = world.now
            with pytest.raises(errors.RateLimited):
                begin(world, world.public(), "wrong", username)
            assert world.now - began == 1

    def test_a_known_device_is_not_stopped_by_the_publics_budget(self, world: World) -> None:
        token = world.known_device()
        wrong_passwords(world, 5)
        calls = len(world.org.calls)
        for call in (world.public("not a token"), world.public()):
            with pytest.raises(errors.RateLimited):
                begin(world, call)
        assert len(world.org.calls) == calls
        wrong_passwords(world, 5, GRACE)
        with pytest.raises(errors.RateLimited):
            begin(world, world.public(token), username=GRACE)
        begin(world, world.public(token))
        assert world.spent("passwords-device") == 0

    def test_only_an_allowed_page_may_be_returned_to(self, world: World) -> None:
        with pytest.raises(errors.MalformedBody):
            begin(world, world.public(), redirect="https://evil.example")
        assert world.authn.begun == []
        begin(world, world.public(), redirect=SHOP)
        assert world.sign_in.verify_factor(step(APP, APP_CODE), world.public()).redirect_url == SHOP


class Lasting(dict[str, errors.VerificationError]):
    """Faults of all calls, not of the next alone."""

    def pop(self, name: str, *default: Any) -> Any:
        return self.get(name, *default)


class TestPasswordsInARow:
    """Okta never sees the fifth wrong password in a row."""

    @pytest.mark.parametrize("username", [ADA, "nobody@example.com"])
    def test_strangers_make_three_and_clients_one_more_at_any_time(
        self, world: World, username: str
    ) -> None:
        for _ in range(3):
            wrong_passwords(world, 5, username)
            world.now += 3600
        assert len(world.authn.begun) == 3
        for _ in range(3):
            with pytest.raises((errors.InvalidCredentials, errors.AttemptsHeld)):
                begin(world, world.client(), "wrong", username)
        with pytest.raises(errors.AttemptsHeld) as held:
            begin(world, world.client(), username=username)
        assert "X-Device-Token" in held.value.detail
        assert (len(world.authn.begun), world.spent("passwords-clients")) == (4, 4)

    def test_a_held_stranger_is_told_what_a_wrong_password_is_told(self, world: World) -> None:
        wrong_passwords(world, 3)
        began = world.now
        with pytest.raises(errors.InvalidCredentials) as refused:
            begin(world, world.public())
        assert (refused.value.okta_error, world.now - began) == (None, 1)
        assert (world.spent("passwords-public"), world.spent("source-failures")) == (4, 4)
        assert world.org.calls[-2:] == ["require_answer", "with_login"]

    @pytest.mark.parametrize(
        ("fault", "failure", "wrong"),
        [
            ("begin", errors.OktaRateLimited(), 0),
            ("begin", errors.OktaOutcomeUnknown(), 0),
            ("begin", errors.OktaCredentialsRejected(), 0),
            ("require_answer", errors.OktaRateLimited(), 3),
            ("with_login", errors.OktaUnavailable(), 3),
        ],
    )
    def test_what_may_depend_on_a_login_is_told_as_a_wrong_password(
        self, world: World, fault: str, failure: errors.VerificationError, wrong: int
    ) -> None:
        wrong_passwords(world, wrong)
        world.org.faults[fault] = failure
        began = world.now
        with pytest.raises(errors.InvalidCredentials):
            begin(world, world.public())
        assert world.now - began == 1
        assert world.spent("passwords-public") == world.spent("source-failures") == wrong + 1

    @pytest.mark.parametrize("wrong", [0, 3])
    @pytest.mark.parametrize("username", [ADA, "nobody@example.com"])
    def test_an_outage_of_okta_is_told_for_every_login_and_costs_nothing(
        self, world: World, username: str, wrong: int
    ) -> None:
        """A held login is not asked about: an outage is then seen without it."""
        wrong_passwords(world, wrong, username)
        world.org.faults = Lasting(
            begin=errors.OktaNotReached(), require_answer=errors.OktaNotReached()
        )
        for _ in range(6):
            began = world.now
            with pytest.raises(errors.OktaUnavailable):
                begin(world, world.public(), username=username)
            assert world.now - began == 1
        assert world.spent("passwords-public") == world.wrong_passwords(username).wrong == wrong

    def test_okta_is_asked_once_for_a_sign_in(self, world: World) -> None:
        begin(world, world.public())
        assert world.org.calls == ["begin"]

    def test_a_stack_that_conceals_nothing_says_that_strangers_are_held(self) -> None:
        world = World(conceal_unknown_customers=False)
        wrong_passwords(world, 3)
        with pytest.raises(errors.AttemptsHeld):
            begin(world, world.public())

    def test_the_brake_is_not_for_passwords(self, world: World) -> None:
        """It would make it cheaper for strangers to hold many customers."""
        wrong_passwords(world, 2)
        assert world.budgets.brake == 0
        world.budgets.brake = world.settings.stranger_failures + 1
        begin(world, world.public())

    def test_a_right_password_ends_the_count(self, world: World) -> None:
        wrong_passwords(world, 3)
        begin(world, world.client())
        begin(world, world.public())

    @pytest.mark.parametrize(
        "failure", [None, errors.OktaRateLimited(), errors.OktaOutcomeUnknown()]
    )
    def test_a_known_device_leaves_no_trace_in_the_strangers_budget(
        self, world: World, failure: errors.VerificationError | None
    ) -> None:
        """Otherwise strangers could tell that somebody has the login, and is signing in."""
        token = world.known_device()
        wrong_passwords(world, 2)
        if failure is not None:
            world.org.faults["begin"] = failure
        with pytest.raises(type(failure) if failure else errors.InvalidCredentials):
            begin(world, world.public(token), "wrong")
        is_undone = isinstance(failure, errors.OktaRateLimited)
        assert (world.spent("passwords-public"), world.spent("passwords-device")) == (
            2,
            0 if is_undone else 1,
        )

    def test_somebody_elses_device_pays_as_a_stranger(self, world: World) -> None:
        token = world.known_device()
        for username in (GRACE, "nobody@example.com"):
            with pytest.raises(errors.InvalidCredentials):
                begin(world, world.public(token), "wrong", username)
        assert (world.spent("passwords-public"), world.spent("passwords-device")) == (2, 0)

    def test_a_device_whose_customer_cannot_be_looked_up_leaves_no_trace(
        self, world: World
    ) -> None:
        token = world.known_device()
        for username in (ADA, GRACE, "nobody@example.com"):
            world.org.faults["with_login"] = errors.OktaUnavailable()
            with pytest.raises(errors.OktaUnavailable):
                begin(world, world.public(token), username=username)
        assert world.spent("passwords-public") == world.wrong_passwords().wrong == 0

    def test_a_known_device_has_one_more_and_is_told_that_it_is_held(self, world: World) -> None:
        token = world.known_device()
        wrong_passwords(world, 3)
        with pytest.raises(errors.InvalidCredentials):
            begin(world, world.public(token), "wrong")
        assert len(world.authn.begun) == 4
        with pytest.raises(errors.AttemptsHeld):
            begin(world, world.public(token))
        assert len(world.authn.begun) == 4

    def test_a_held_customer_who_proves_an_email_signs_in_from_there(self, world: World) -> None:
        wrong_passwords(world, 3)
        token = world.known_device()
        begin(world, world.public(token))
        begin(world, world.public())

    @pytest.mark.parametrize(
        ("field", "trusts", "after", "ends"),
        [
            ("password_changed", False, 1, True),
            ("password_changed", False, 0, False),
            ("last_login", True, 1, True),
            ("last_login", False, 1, False),
        ],
    )
    def test_a_password_that_is_changed_at_okta_later_ends_the_count(
        self, field: str, trusts: bool, after: int, ends: bool
    ) -> None:
        world = World(trust_last_login=trusts)
        wrong_passwords(world, 3)
        at = timestamp(int(world.wrong_passwords().last_at) + after)
        ada = world.org.users[ADA_ID]
        world.org.users[ADA_ID] = replace(ada, **{field: at})  # type: ignore[arg-type]
        if ends:
            begin(world, world.public())
            assert world.wrong_passwords().wrong == 0
            return
        with pytest.raises(errors.InvalidCredentials):
            begin(world, world.public())

    def test_a_change_does_not_count_while_okta_may_still_see_a_wrong_one(
        self, world: World
    ) -> None:
        """The function that checked the last one crashed."""
        login_hash = world.keys.login_hash(ADA)
        for n in range(3):
            world.passwords.reserve(login_hash, f"{n}", 3, world.now)
            world.now += rules.ATTEMPT_SECONDS
        at = timestamp(int(world.now))
        world.org.users[ADA_ID] = replace(world.org.users[ADA_ID], password_changed=at)
        with pytest.raises(errors.InvalidCredentials):
            begin(world, world.public())

    @pytest.mark.parametrize(
        ("failure", "wrong"),
        [
            (errors.OktaNotReached(), 0),
            (errors.OktaRateLimited(), 0),
            (errors.OktaOutcomeUnknown(), 1),
            (errors.CustomerLocked(), 1),
        ],
    )
    def test_only_what_okta_certainly_did_not_see_is_given_back(
        self, world: World, failure: errors.VerificationError, wrong: int
    ) -> None:
        world.org.faults["begin"] = failure
        with pytest.raises(type(failure)):
            begin(world, world.client())
        assert world.wrong_passwords().wrong == wrong

    @pytest.mark.parametrize("is_public", [True, False])
    def test_one_password_at_a_time_is_checked(self, world: World, is_public: bool) -> None:
        world.passwords.reserve(world.keys.login_hash(ADA), "other", 3, world.now)
        if is_public:
            with pytest.raises(errors.InvalidCredentials):
                begin(world, world.public())
            assert (world.now, world.wrong_passwords().wrong) == (NOW + 1, 1)
        else:
            with pytest.raises(errors.RequestInProgress):
                begin(world, world.client())
        assert world.authn.begun == []

    @pytest.mark.parametrize("short", ["ada", "ADA", "\u00e0da"])
    def test_a_short_login_is_the_same_login(self, world: World, short: str) -> None:
        wrong_passwords(world, 2)
        for _ in range(2):
            with pytest.raises(errors.InvalidCredentials):
                begin(world, world.client(), "wrong", short)
        assert world.wrong_passwords().wrong == 4
        for username in (ADA, short):
            with pytest.raises(errors.AttemptsHeld):
                begin(world, world.client(), username=username)
        assert [each.username for each in world.authn.begun] == [ADA] * 4

    def test_a_short_login_that_nobody_has_is_a_login_of_its_own(self, world: World) -> None:
        wrong_passwords(world, 4, "nobody")
        assert [each.username for each in world.authn.begun] == ["nobody"] * 3
        assert world.wrong_passwords("nobody").wrong == 3

    def test_a_shared_budget_does_not_tell_who_has_a_short_login(self, world: World) -> None:
        wrong_passwords(world, 5)
        for username in ("ada", "nobody"):
            with pytest.raises(errors.InvalidCredentials):
                begin(world, world.public(), "wrong", username)


def wrong_passwords(world: World, count: int, username: str = ADA) -> None:
    """Strangers try passwords, each from an address of its own."""
    for n in range(count):
        told = errors.InvalidCredentials, errors.AttemptsHeld
        with pytest.raises(told):
            begin(world, world.public(source_ip=f"192.0.2.{n}"), "wrong", username)


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
        for _ in range(2):
            with pytest.raises(errors.SendLimited):
                world.sign_in.send_again(step(), world.public())
            world.now += 29
        world.now -= 28
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

    def test_a_refusal_of_okta_is_told(self, world: World) -> None:
        world.org.faults["challenge"] = errors.FactorNotActive()
        with pytest.raises(errors.FactorNotActive):
            world.sign_in.verify_factor(step(), world.public())

    def test_sends_that_need_no_password_do_not_use_up_those_of_a_sign_in(
        self, world: World
    ) -> None:
        for n in range(rules.DESTINATION_SENDS):
            world.limits.count_send(world.keys.destination_hash(ADA), f"{n}")
        assert world.sign_in.verify_factor(step(), world.public()).was_sent

    @pytest.mark.parametrize("factor_id", [APP, QUESTION])
    def test_a_factor_that_is_sent_nothing_is_not_limited(
        self, world: World, factor_id: str
    ) -> None:
        for _ in range(7):
            assert not world.sign_in.verify_factor(step(factor_id), world.public()).was_sent

    @pytest.mark.parametrize("kind", [FactorType.OTHER, FactorType.PUSH])
    @pytest.mark.parametrize("code", ["", WRONG])
    def test_a_factor_whose_challenges_are_not_limited_here_is_refused(
        self, world: World, kind: FactorType, code: str
    ) -> None:
        """Also with a code, which Okta may take for the wish for a push."""
        world.org.factors[ADA_ID].append(factor(kind, id="push"))
        with pytest.raises(errors.SignInRefused):
            world.sign_in.verify_factor(step("push", code), world.public())
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
        assert len(world.ada.wrong_codes) == world.budgets.brake == counted

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

    def test_an_answer_about_another_user_counts_as_a_wrong_code(self, world: World) -> None:
        other = SignInDocument({}, SignInStatus.SUCCESS, "SUCCESS", "", GRACE_ID, {})
        for name in ("check_code", "previous"):
            world.authn.replies[name] = other
        with pytest.raises(errors.OktaAnswerUnclear):
            world.sign_in.verify_factor(step(APP, APP_CODE), world.public())
        with pytest.raises(errors.OktaAnswerUnclear):
            world.sign_in.move("previous", STATE_TOKEN, world.public())
        assert len(world.ada.wrong_codes) == 1

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
        assert world.ada.sent[new.id].is_certain
        world.now += 30
        world.sign_in.resend_enrollment_code(step(new.id), world.public())
        state = world.sign_in.activate(step(new.id, world.code(new.id)), world.public())
        assert state.document.status is SignInStatus.SUCCESS
        assert len(world.ada.wrong_codes) == world.org.wrong[ADA_ID] == 2

    def test_a_mistyped_number_is_corrected_without_a_wait(self, world: World) -> None:
        for number in ("+15005550042", "+15005550043"):
            wanted = EnrollStep(FactorType.SMS, STATE_TOKEN, {"profile": {"phoneNumber": number}})
            assert world.sign_in.enroll(wanted, world.public()).was_sent
        with pytest.raises(errors.SendLimited):
            world.sign_in.enroll(wanted, world.public())

    @pytest.mark.parametrize(("kind", "to"), [(FactorType.EMAIL, ADA), (FactorType.CALL, PHONE)])
    def test_a_send_counts_for_the_destination_of_its_type_alone(
        self, world: World, kind: FactorType, to: str
    ) -> None:
        profile = {"phoneNumber": PHONE, "email": ADA}
        world.sign_in.enroll(EnrollStep(kind, STATE_TOKEN, {"profile": profile}), world.public())
        counted = {name for _, name in world.budgets.destinations}
        assert counted == {world.keys.destination_hash(to)}

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


class TestDevices:
    """Okta decides whether it asks a device for a factor; this service, whose word it takes."""

    @pytest.mark.parametrize(
        ("trusted", "is_public", "is_named"),
        [(False, True, True), (False, False, True), (True, True, False), (True, False, True)],
    )
    def test_the_word_of_a_stranger_does_not_become_that_of_a_trusted_application(
        self, trusted: bool, is_public: bool, is_named: bool
    ) -> None:
        world = World(trusted_application=trusted)
        call = world.public() if is_public else world.client()
        state = world.sign_in.begin(Credentials(ADA, PASSWORD, device_token="phone"), call)
        assert world.authn.begun[0].device_token == ("phone" if is_named else "")
        assert state.can_remember_device == is_named
        wish = replace(step(), parameters={"rememberDevice": "true", "autoPush": "true"})
        state = world.sign_in.verify_factor(wish, call)
        world.now += 30
        world.sign_in.send_again(wish, call)
        world.sign_in.verify_factor(replace(wish, code=world.code()), call)
        assert state.can_remember_device == is_named
        for taken in world.authn.steps:
            assert ("rememberDevice" in taken.parameters) == is_named
            assert taken.parameters["autoPush"] == "true"

    def test_a_sign_in_without_a_device_has_none_to_remember(self, world: World) -> None:
        assert not begin(world, world.public()).can_remember_device
        assert not world.sign_in.resume(STATE_TOKEN, world.public()).can_remember_device


class TestQuestions:
    def test_a_sign_in_that_enrolls_a_factor_may_list_its_user_s_questions(
        self, world: World
    ) -> None:
        ticket = questions_ticket(world)
        spent = world.limits.spend(Budget.FAILURES, world.public().caller)
        call = replace(world.public(), spent=spent)
        (question,) = world.sign_in.questions(QuestionsRequest(ADA_ID, ticket), call)
        assert question.key == "disliked_food"
        assert world.spent("source-failures") == 0

    @pytest.mark.parametrize(("user_id", "ticket"), [(GRACE_ID, ""), (ADA_ID, "x"), ("", "x")])
    def test_nobody_else_s_are_listed(self, world: World, user_id: str, ticket: str) -> None:
        own = questions_ticket(world)
        with pytest.raises(errors.SignInEnded):
            world.sign_in.questions(QuestionsRequest(user_id, ticket or own), world.public())
        assert "questions" not in world.org.calls

    def test_a_list_is_a_step_of_the_sign_in(self, world: World) -> None:
        request = QuestionsRequest(ADA_ID, questions_ticket(world))
        for _ in range(1, rules.SIGN_IN_STEPS):
            world.sign_in.questions(request, world.public())
        with pytest.raises(errors.RateLimited):
            world.sign_in.questions(request, world.public())

    def test_a_forgotten_sign_in_lists_none(self, world: World) -> None:
        request = QuestionsRequest(ADA_ID, questions_ticket(world))
        for key in world.kept_sign_ins:
            del world.table.rows[f"sign-in#{key}"]
        with pytest.raises(errors.SignInEnded):
            world.sign_in.questions(request, world.public())

    def test_a_service_app_cannot_list_them(self) -> None:
        assert questions_ticket(World(okta_client_id="0oa1")) == ""

    def test_no_other_step_gets_a_ticket(self, world: World) -> None:
        assert begin(world, world.public()).questions_ticket == ""


def questions_ticket(world: World) -> str:
    """That of a sign-in of Ada that has to enroll a factor."""
    status = SignInStatus.MFA_ENROLL
    reply = SignInDocument({}, status, status, STATE_TOKEN, ADA_ID, {})
    world.authn.replies["begin"] = reply
    return begin(world, world.public()).questions_ticket


class TestSteps:
    def test_an_invented_factor_leaves_nothing_behind(self, world: World) -> None:
        for code in ("", WRONG):
            with pytest.raises(errors.StepNotTaken):
                world.sign_in.verify_factor(step("invented", code), world.public())
        assert (world.ada.sent, world.ada.wrong_codes) == ({}, ())

    def test_what_is_known_of_a_sign_in_is_kept_sealed(self, world: World) -> None:
        begin(world, world.public())
        (sealed,) = world.kept_sign_ins.values()
        assert ADA_ID not in sealed
        world.sign_in.verify_factor(step(), world.public())
        assert "look" not in world.org.calls

    def test_a_sign_in_without_a_user_cannot_be_continued(self, world: World) -> None:
        world.authn.replies["look"] = SignInDocument({}, SignInStatus.OTHER, "", "", "", {})
        with pytest.raises(errors.OktaUnexpectedResponse):
            world.sign_in.verify_factor(step(), world.public())

    def test_what_belongs_to_another_sign_in_is_asked_of_okta(self, world: World) -> None:
        begin(world, world.public())
        ((key, sealed),) = world.kept_sign_ins.items()
        other = f"state {GRACE_ID}"
        del world.table.rows[f"sign-in#{key}"]
        world.sign_ins.keep(world.keys.sign_in_key(other), sealed, NOW)
        world.sign_in.move("skip", other, world.public())
        assert world.org.calls[-3:] == ["begin", "look", "skip"]
        assert key not in world.kept_sign_ins

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
        for n in range(1, rules.SIGN_IN_STEPS):
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
