"""A sign-in to the simulated org: password, factor, enrolment, state token, lockout."""

from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import (
    ADA,
    DEAD_TOKEN,
    FAILED,
    GRACE,
    INVALID,
    LOCKED,
    MALFORMED,
    NO_SESSION,
    NOT_FOUND,
    RATE_LIMITED,
    WRONG_CODE,
    WRONG_STEP,
    OktaOrg,
    outcome,
    path_of,
    wrong,
)
from tests.sandbox.okta.authn_responses import masked_email, masked_phone
from tests.sandbox.okta.records import FactorStatus, FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_ANSWER, ADA_PASSWORD, ADA_PHONE, ADA_TOTP_SECRET

EMAIL, SMS, CALL = FactorType.EMAIL, FactorType.SMS, FactorType.CALL
TOTP, QUESTION = FactorType.TOTP, FactorType.QUESTION

State = dict[str, Any]


@pytest.fixture
def state(okta: OktaOrg) -> State:
    """Ada's sign-in after her password."""
    return state_of(okta.sign_in(ADA))


def state_of(response: TestResponse) -> State:
    assert response.status_code == 200
    state: State = response.get_json()
    return state


def factor_path(okta: OktaOrg, factor_type: FactorType, step: str = "verify") -> str:
    return f"/factors/{okta.factor(ADA, factor_type).id}/{step}"


def verify(okta: OktaOrg, state: State, factor_type: FactorType, **given: str) -> TestResponse:
    return okta.follow(factor_path(okta, factor_type), state, **given)


def totp_code(okta: OktaOrg) -> str:
    return pyotp.TOTP(ADA_TOTP_SECRET).at(okta.clock())


class TestPassword:
    @pytest.mark.parametrize("status", [None, FactorStatus.PENDING_ACTIVATION])
    def test_without_an_active_factor_it_is_enough(
        self, status: FactorStatus | None, okta: OktaOrg
    ) -> None:
        okta.user(ADA).factors = [okta.factor(ADA, SMS)] if status else []
        for factor in okta.user(ADA).factors:
            factor.status = FactorStatus.PENDING_ACTIVATION
        state = state_of(okta.sign_in(ADA))
        assert (state["status"], state["sessionToken"][:5]) == ("SUCCESS", "20111")
        assert "stateToken" not in state

    def test_an_api_token_may_be_sent_and_must_be_valid(self, okta: OktaOrg) -> None:
        body = {"username": ADA, "password": ADA_PASSWORD}
        assert okta.post("/api/v1/authn", body).status_code == 200
        assert outcome(okta.post("/api/v1/authn", body, api_token="wrong")) == DEAD_TOKEN

    @pytest.mark.parametrize(
        "login", ["ada", "ADA@example.com", "àda@example.com", "áda@Example.com"]
    )
    def test_a_login_may_be_short_and_has_no_case_and_no_marks(
        self, login: str, okta: OktaOrg
    ) -> None:
        assert state_of(okta.sign_in(login))["status"] == "MFA_REQUIRED"

    @pytest.mark.parametrize("login", ["nobody@example.com", GRACE, "grace@example.com"])
    def test_a_user_without_a_password_fails(self, login: str, okta: OktaOrg) -> None:
        assert outcome(okta.sign_in(login)) == FAILED

    @pytest.mark.parametrize(
        "status", [UserStatus.STAGED, UserStatus.SUSPENDED, UserStatus.DEPROVISIONED]
    )
    def test_a_user_who_is_not_active_fails(self, status: UserStatus, okta: OktaOrg) -> None:
        okta.user(ADA).status = status
        assert outcome(okta.sign_in(ADA)) == FAILED

    @pytest.mark.parametrize(
        ("body", "answer"),
        [
            ({}, INVALID),
            ({"username": ADA}, INVALID),
            ({"password": "x"}, INVALID),
            ({"username": "", "password": "x"}, INVALID),
            ({"username": 1, "password": "x"}, MALFORMED),
            (b"", MALFORMED),
            (b"[]", MALFORMED),
        ],
    )
    def test_login_and_password_are_required(
        self, body: object, answer: tuple[int, str], okta: OktaOrg
    ) -> None:
        assert outcome(okta.post("/api/v1/authn", body, api_token=None)) == answer

    def test_the_tenth_wrong_one_in_a_row_locks_the_user(self, okta: OktaOrg) -> None:
        for _ in range(10):
            assert outcome(okta.sign_in(ADA, "wrong")) == FAILED
            okta.clock.advance(1)
        assert state_of(okta.sign_in(ADA))["status"] == "LOCKED_OUT"
        okta.org.policy.shows_lockout = False
        assert outcome(okta.sign_in(ADA)) == FAILED
        okta.post(f"/api/v1/users/{okta.user(ADA).id}/lifecycle/unlock")
        assert state_of(okta.sign_in(ADA))["status"] == "MFA_REQUIRED"

    def test_the_right_one_resets_the_count(self, okta: OktaOrg) -> None:
        for password in (*["wrong"] * 9, ADA_PASSWORD, "wrong"):
            okta.sign_in(ADA, password)
            okta.clock.advance(1)
        assert okta.user(ADA).status is UserStatus.ACTIVE

    @pytest.mark.parametrize("login", [ADA, "nobody@example.com"])
    def test_four_attempts_a_second_for_each_login(self, login: str, okta: OktaOrg) -> None:
        for _ in range(4):
            assert outcome(okta.sign_in(login, "wrong")) == FAILED
        assert outcome(okta.sign_in(login.upper(), "wrong")) == RATE_LIMITED
        assert outcome(okta.sign_in(login.replace("a", "á"), "wrong")) == RATE_LIMITED
        assert outcome(okta.sign_in(GRACE, "wrong")) == FAILED
        okta.clock.advance(1)
        assert outcome(okta.sign_in(login, "wrong")) == FAILED

    def test_an_expired_one_is_a_step_after_the_factor(self, okta: OktaOrg) -> None:
        ada = okta.user(ADA)
        ada.status = UserStatus.PASSWORD_EXPIRED
        state = state_of(okta.sign_in(ADA))
        assert state["status"] == "MFA_REQUIRED"
        state = state_of(verify(okta, state, QUESTION, answer=ADA_ANSWER))
        assert state["status"] == "PASSWORD_EXPIRED"
        assert state["_links"].keys() == {"next", "cancel"}
        ada.factors.clear()
        assert state_of(okta.sign_in(ADA))["status"] == "PASSWORD_EXPIRED"

    def test_a_relay_state_is_returned(self, okta: OktaOrg) -> None:
        state = state_of(okta.sign_in(ADA, relayState="/orders"))
        assert state["relayState"] == "/orders"
        assert okta.follow("/cancel", state).get_json() == {"relayState": "/orders"}


class TestMasks:
    def test_addresses_and_numbers_are_masked(self, state: State) -> None:
        profiles = [factor["profile"] for factor in state["_embedded"]["factors"]]
        phone = {"phoneNumber": masked_phone(ADA_PHONE)}
        assert profiles[:3] == [{"email": "a...a@example.com"}, phone, phone]

    def test_a_mask_keeps_two_letters_or_four_digits(self) -> None:
        hidden = "X" * 3
        assert masked_email("jane@example.com") == "j...e@example.com"
        assert masked_email("j@example.com") == "j...j@example.com"
        assert masked_phone("+16134561502") == f"+1 {hidden}-{hidden}-1502"
        assert masked_phone("+441632960961") == f"+{hidden * 2}XX0961"


class TestFactor:
    @pytest.mark.parametrize("factor_type", [EMAIL, SMS, CALL])
    def test_a_sent_code_finishes_the_sign_in(
        self, factor_type: FactorType, okta: OktaOrg, state: State
    ) -> None:
        challenged = state_of(verify(okta, state, factor_type))
        assert (challenged["status"], challenged["factorResult"]) == ("MFA_CHALLENGE", "CHALLENGE")
        assert challenged["stateToken"] == state["stateToken"]
        code = okta.org.inbox[-1].code
        assert outcome(verify(okta, state, factor_type, passCode=wrong(code))) == WRONG_CODE
        assert okta.user(ADA).last_login is None
        done = state_of(verify(okta, state, factor_type, passCode=code))
        assert (done["status"], "sessionToken" in done) == ("SUCCESS", True)
        assert okta.user(ADA).last_login == "2025-06-15T15:06:40.000Z"
        assert outcome(okta.follow("", state)) == DEAD_TOKEN

    def test_an_empty_code_is_a_challenge(self, okta: OktaOrg, state: State) -> None:
        assert state_of(verify(okta, state, SMS, passCode=""))["status"] == "MFA_CHALLENGE"
        assert okta.user(ADA).failed_factor_attempts == 0
        assert len(okta.org.inbox) == 1

    def test_totp_and_question_need_no_challenge(self, okta: OktaOrg, state: State) -> None:
        done = verify(okta, state, TOTP, passCode=totp_code(okta))
        assert state_of(done)["status"] == "SUCCESS"
        done = verify(okta, state_of(okta.sign_in(ADA)), QUESTION, answer=ADA_ANSWER)
        assert state_of(done)["status"] == "SUCCESS"

    @pytest.mark.parametrize("factor_type", [TOTP, QUESTION])
    def test_a_challenge_of_theirs_sends_nothing(
        self, factor_type: FactorType, okta: OktaOrg, state: State
    ) -> None:
        challenged = state_of(verify(okta, state, factor_type))
        assert challenged["status"] == "MFA_CHALLENGE"
        assert challenged["_links"].keys() == {"next", "prev", "cancel"}
        assert "factorResult" not in challenged
        assert okta.org.inbox == []
        resend = factor_path(okta, factor_type, "verify/resend")
        assert outcome(okta.follow(resend, state)) == WRONG_STEP

    @pytest.mark.parametrize(("factor_type", "pause"), [(EMAIL, 5), (SMS, 30), (CALL, 30)])
    def test_another_code_needs_a_pause(
        self, factor_type: FactorType, pause: int, okta: OktaOrg, state: State
    ) -> None:
        resend = factor_path(okta, factor_type, "verify/resend")
        assert state_of(okta.follow(resend, state))["status"] == "MFA_CHALLENGE"
        okta.clock.advance(pause - 1)
        assert okta.follow(resend, state).status_code == 429
        assert verify(okta, state, factor_type).status_code == 429
        okta.clock.advance(1)
        assert okta.follow(resend, state).status_code == 200
        assert len(okta.org.inbox) == 2

    def test_wrong_codes_are_counted_with_those_of_the_factors_api(
        self, okta: OktaOrg, state: State
    ) -> None:
        for _ in range(3):
            assert outcome(okta.check(ADA, QUESTION, "salad")) == WRONG_CODE
        for _ in range(2):
            assert outcome(verify(okta, state, TOTP, passCode="wrong")) == WRONG_CODE
        assert outcome(verify(okta, state, TOTP, passCode=totp_code(okta))) == LOCKED
        assert state_of(okta.sign_in(ADA))["status"] == "LOCKED_OUT"

    def test_only_the_challenged_factor_is_verified(self, okta: OktaOrg, state: State) -> None:
        verify(okta, state, EMAIL)
        assert outcome(verify(okta, state, TOTP, passCode=totp_code(okta))) == WRONG_STEP
        assert state_of(okta.follow("/previous", state))["status"] == "MFA_REQUIRED"
        assert verify(okta, state, TOTP, passCode=totp_code(okta)).status_code == 200

    def test_another_users_factor_is_not_found(self, okta: OktaOrg, state: State) -> None:
        foreign = okta.factor(GRACE, EMAIL).id
        assert outcome(okta.follow(f"/factors/{foreign}/verify", state)) == NOT_FOUND

    @pytest.mark.parametrize("challenged", [False, True])
    def test_an_active_email_factor_cannot_be_activated(
        self, challenged: bool, okta: OktaOrg, state: State
    ) -> None:
        if challenged:
            verify(okta, state, EMAIL)
        activate = factor_path(okta, EMAIL, "lifecycle/activate")
        assert outcome(okta.follow(activate, state, passCode="123456")) == NO_SESSION
        activate = factor_path(okta, SMS, "lifecycle/activate")
        assert outcome(okta.follow(activate, state)) == WRONG_STEP


class TestState:
    def test_it_is_reported_again(self, okta: OktaOrg, state: State) -> None:
        assert okta.follow("", state).get_json() == state
        challenged = verify(okta, state, EMAIL).get_json()
        assert okta.follow("", state).get_json() == challenged

    def test_it_lives_five_minutes_after_its_last_use(self, okta: OktaOrg, state: State) -> None:
        for _ in range(3):
            okta.clock.advance(299)
            state = state_of(okta.follow("", state))
        okta.clock.advance(300)
        assert outcome(okta.follow("", state)) == DEAD_TOKEN

    @pytest.mark.parametrize("token", ["00unknown", "", None])
    def test_an_unknown_token_is_dead(self, token: str | None, okta: OktaOrg) -> None:
        response = okta.follow("/cancel", {"stateToken": token})
        assert outcome(response) == DEAD_TOKEN
        assert response.headers["www-authenticate"] == "SSWS"

    def test_a_cancelled_sign_in_is_over(self, okta: OktaOrg, state: State) -> None:
        assert okta.follow("/cancel", state).get_json() == {}
        assert outcome(okta.follow("/cancel", state)) == DEAD_TOKEN

    @pytest.mark.parametrize("step", ["/previous", "/skip", "/factors"])
    def test_a_step_out_of_order_is_refused(self, step: str, okta: OktaOrg, state: State) -> None:
        refused = okta.follow(step, state, factorType="email")
        assert outcome(refused) == WRONG_STEP
        [cause] = refused.get_json()["errorCauses"]
        assert cause["errorSummary"] == refused.get_json()["errorSummary"]

    def test_its_links_are_the_next_steps(self, okta: OktaOrg, state: State) -> None:
        body = {"stateToken": state["stateToken"]}
        [email] = [each for each in state["_embedded"]["factors"] if each["factorType"] == "email"]
        links = okta.post(path_of(email["_links"]["verify"]["href"]), body).get_json()["_links"]
        okta.clock.advance(5)
        for link in (links["resend"][0], links["prev"], links["cancel"]):
            assert okta.post(path_of(link["href"]), body).status_code == 200
