"""The rules of a sign-in to the simulated org: password, factor, state token, lockout."""

from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import OktaOrg, outcome, path_of, wrong
from tests.sandbox.okta.authn_responses import masked_email, masked_phone
from tests.sandbox.okta.records import FactorStatus, FactorType, UserStatus
from tests.sandbox.okta.seed import (
    ADA_ANSWER,
    ADA_PASSWORD,
    ADA_PHONE,
    ADA_TOTP_SECRET,
)

ADA = "ada@example.com"
GRACE = "grace.hopper"
EMAIL, SMS, CALL = FactorType.EMAIL, FactorType.SMS, FactorType.CALL
TOTP, QUESTION = FactorType.TOTP, FactorType.QUESTION

REFUSED = (400, "E0000001")
FAILED = (401, "E0000004")
DEAD_TOKEN = (401, "E0000011")
DEAD_END = (403, "E0000005")
WRONG_CODE = (403, "E0000068")
LOCKED = (403, "E0000069")
WRONG_STEP = (403, "E0000079")
NOT_FOUND = (404, "E0000007")
TOO_OFTEN = (429, "E0000047")

State = dict[str, Any]


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


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
    def test_a_user_without_factors_is_in(self, okta: OktaOrg) -> None:
        okta.user(ADA).factors.clear()
        state = state_of(okta.sign_in(ADA))
        assert (state["status"], state["sessionToken"][:5]) == ("SUCCESS", "20111")
        assert "stateToken" not in state

    def test_a_pending_factor_is_none(self, okta: OktaOrg) -> None:
        okta.user(ADA).factors = [okta.factor(ADA, SMS)]
        okta.factor(ADA, SMS).status = FactorStatus.PENDING_ACTIVATION
        assert state_of(okta.sign_in(ADA))["status"] == "SUCCESS"

    def test_a_trusted_application_sends_its_token(self, okta: OktaOrg) -> None:
        body = {"username": ADA, "password": ADA_PASSWORD}
        assert okta.post("/api/v1/authn", body).status_code == 200
        refused = okta.post("/api/v1/authn", body, api_token="wrong")
        assert outcome(refused) == DEAD_TOKEN

    @pytest.mark.parametrize("login", ["nobody@example.com", GRACE, "grace@example.com"])
    def test_who_has_no_password_fails(self, login: str, okta: OktaOrg) -> None:
        assert outcome(okta.sign_in(login)) == FAILED

    @pytest.mark.parametrize(
        "status", [UserStatus.STAGED, UserStatus.SUSPENDED, UserStatus.DEPROVISIONED]
    )
    def test_who_is_not_active_fails(self, status: UserStatus, okta: OktaOrg) -> None:
        okta.user(ADA).status = status
        assert outcome(okta.sign_in(ADA)) == FAILED

    @pytest.mark.parametrize(
        "body", [{}, {"username": ADA}, {"password": "x"}, {"username": "", "password": "x"}]
    )
    def test_login_and_password_are_needed(self, body: State, okta: OktaOrg) -> None:
        assert outcome(okta.post("/api/v1/authn", body, api_token=None)) == REFUSED

    @pytest.mark.parametrize("body", [b"", b"[]", {"username": 1, "password": "x"}])
    def test_an_odd_body_is_malformed(self, body: object, okta: OktaOrg) -> None:
        assert outcome(okta.post("/api/v1/authn", body, api_token=None)) == (400, "E0000003")

    def test_the_tenth_wrong_password_locks(self, okta: OktaOrg) -> None:
        for _ in range(10):
            assert outcome(okta.sign_in(ADA, "wrong")) == FAILED
            okta.clock.advance(1)
        assert state_of(okta.sign_in(ADA))["status"] == "LOCKED_OUT"
        okta.org.policy.shows_lockout = False
        assert outcome(okta.sign_in(ADA)) == FAILED
        okta.post(f"/api/v1/users/{okta.user(ADA).id}/lifecycle/unlock")
        assert state_of(okta.sign_in(ADA))["status"] == "MFA_REQUIRED"

    def test_the_right_password_starts_the_count_again(self, okta: OktaOrg) -> None:
        for password in (*["wrong"] * 9, ADA_PASSWORD, "wrong"):
            okta.sign_in(ADA, password)
            okta.clock.advance(1)
        assert okta.user(ADA).status is UserStatus.ACTIVE

    @pytest.mark.parametrize("login", [ADA, "nobody@example.com"])
    def test_four_attempts_a_second(self, login: str, okta: OktaOrg) -> None:
        for _ in range(4):
            assert outcome(okta.sign_in(login, "wrong")) == FAILED
        assert outcome(okta.sign_in(login.upper(), "wrong")) == TOO_OFTEN
        assert outcome(okta.sign_in(GRACE, "wrong")) == FAILED
        okta.clock.advance(1)
        assert outcome(okta.sign_in(login, "wrong")) == FAILED

    def test_an_expired_password_is_a_step(self, okta: OktaOrg) -> None:
        ada = okta.user(ADA)
        ada.status = UserStatus.PASSWORD_EXPIRED
        state = state_of(okta.sign_in(ADA))
        assert state["status"] == "MFA_REQUIRED"
        state = state_of(verify(okta, state, QUESTION, answer=ADA_ANSWER))
        assert state["status"] == "PASSWORD_EXPIRED"
        assert state["_links"].keys() == {"next", "cancel"}
        ada.factors.clear()
        assert state_of(okta.sign_in(ADA))["status"] == "PASSWORD_EXPIRED"

    def test_a_relay_state_comes_back(self, okta: OktaOrg) -> None:
        state = state_of(okta.sign_in(ADA, relayState="/orders"))
        assert state["relayState"] == "/orders"
        assert okta.follow("/cancel", state).get_json() == {"relayState": "/orders"}


class TestMasks:
    def test_what_is_shown_is_masked(self, state: State) -> None:
        profiles = [factor["profile"] for factor in state["_embedded"]["factors"]]
        assert profiles[:3] == [
            {"email": "a...a@example.com"},
            {"phoneNumber": masked_phone(ADA_PHONE)},
            {"phoneNumber": masked_phone(ADA_PHONE)},
        ]

    @pytest.mark.parametrize(
        ("email", "masked"),
        [("jane@example.com", "j...e@example.com"), ("j@example.com", "j...j@example.com")],
    )
    def test_an_email_keeps_two_letters(self, email: str, masked: str) -> None:
        assert masked_email(email) == masked

    def test_a_number_keeps_four_digits(self) -> None:
        hidden = "X" * 3
        assert masked_phone("+16134561502") == f"+1 {hidden}-{hidden}-1502"
        assert masked_phone("+441632960961") == f"+{hidden * 2}XX0961"


class TestFactor:
    @pytest.mark.parametrize("factor_type", [EMAIL, SMS, CALL])
    def test_a_sent_code_leads_in(
        self, factor_type: FactorType, okta: OktaOrg, state: State
    ) -> None:
        challenged = state_of(verify(okta, state, factor_type))
        assert (challenged["status"], challenged["factorResult"]) == ("MFA_CHALLENGE", "CHALLENGE")
        assert challenged["stateToken"] == state["stateToken"]
        code = okta.org.inbox[-1].code
        assert outcome(verify(okta, state, factor_type, passCode=wrong(code))) == WRONG_CODE
        done = state_of(verify(okta, state, factor_type, passCode=code))
        assert (done["status"], "sessionToken" in done) == ("SUCCESS", True)
        assert outcome(okta.follow("", state)) == DEAD_TOKEN

    def test_totp_needs_no_challenge(self, okta: OktaOrg, state: State) -> None:
        done = state_of(verify(okta, state, TOTP, passCode=totp_code(okta)))
        assert done["status"] == "SUCCESS"

    @pytest.mark.parametrize("factor_type", [TOTP, QUESTION])
    def test_a_challenge_of_nothing_sends_nothing(
        self, factor_type: FactorType, okta: OktaOrg, state: State
    ) -> None:
        challenged = state_of(verify(okta, state, factor_type))
        assert challenged["status"] == "MFA_CHALLENGE"
        assert challenged["_links"].keys() == {"next", "prev", "cancel"}
        assert "factorResult" not in challenged
        assert okta.org.inbox == []
        assert outcome(okta.follow(factor_path(okta, factor_type, "verify/resend"), state)) == (
            WRONG_STEP
        )

    def test_an_answer_leads_in(self, okta: OktaOrg, state: State) -> None:
        assert state_of(verify(okta, state, QUESTION, answer=ADA_ANSWER))["status"] == "SUCCESS"

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

    def test_wrong_codes_count_with_those_of_the_factors_api(
        self, okta: OktaOrg, state: State
    ) -> None:
        for _ in range(3):
            assert outcome(okta.check(ADA, QUESTION, "salad")) == WRONG_CODE
        for _ in range(2):
            assert outcome(verify(okta, state, TOTP, passCode="wrong")) == WRONG_CODE
        assert outcome(verify(okta, state, TOTP, passCode=totp_code(okta))) == LOCKED
        assert state_of(okta.sign_in(ADA))["status"] == "LOCKED_OUT"

    def test_a_challenge_is_for_one_factor(self, okta: OktaOrg, state: State) -> None:
        verify(okta, state, EMAIL)
        assert outcome(verify(okta, state, TOTP, passCode=totp_code(okta))) == WRONG_STEP
        assert state_of(okta.follow("/previous", state))["status"] == "MFA_REQUIRED"
        assert verify(okta, state, TOTP, passCode=totp_code(okta)).status_code == 200

    def test_an_unknown_factor_is_not_found(self, okta: OktaOrg, state: State) -> None:
        foreign = okta.factor(GRACE, EMAIL).id
        assert outcome(okta.follow(f"/factors/{foreign}/verify", state)) == NOT_FOUND

    @pytest.mark.parametrize("challenged", [False, True])
    def test_activating_an_active_email_is_the_dead_end(
        self, challenged: bool, okta: OktaOrg, state: State
    ) -> None:
        if challenged:
            verify(okta, state, EMAIL)
        activate = factor_path(okta, EMAIL, "lifecycle/activate")
        assert outcome(okta.follow(activate, state, passCode="123456")) == DEAD_END
        assert outcome(okta.follow(factor_path(okta, SMS, "lifecycle/activate"), state)) == (
            WRONG_STEP
        )


class TestState:
    def test_it_is_told_again(self, okta: OktaOrg, state: State) -> None:
        assert okta.follow("", state).get_json() == state
        challenged = verify(okta, state, EMAIL).get_json()
        assert okta.follow("", state).get_json() == challenged

    def test_it_lives_five_minutes_from_its_last_use(self, okta: OktaOrg, state: State) -> None:
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
    def test_steps_come_in_their_order(self, step: str, okta: OktaOrg, state: State) -> None:
        refused = okta.follow(step, state, factorType="email")
        assert outcome(refused) == WRONG_STEP
        [cause] = refused.get_json()["errorCauses"]
        assert cause["errorSummary"] == refused.get_json()["errorSummary"]

    def test_its_links_lead_on(self, okta: OktaOrg, state: State) -> None:
        body = {"stateToken": state["stateToken"]}
        [email] = [each for each in state["_embedded"]["factors"] if each["factorType"] == "email"]
        links = okta.post(path_of(email["_links"]["verify"]["href"]), body).get_json()["_links"]
        okta.clock.advance(5)
        assert okta.post(path_of(links["resend"][0]["href"]), body).status_code == 200
        assert okta.post(path_of(links["prev"]["href"]), body).status_code == 200
        assert okta.post(path_of(links["cancel"]["href"]), body).status_code == 200

    def test_a_reset_ends_them_all(self, okta: OktaOrg, state: State) -> None:
        okta.org.policy.shows_lockout = False
        okta.org.reset()
        assert outcome(okta.follow("", state)) == DEAD_TOKEN
        assert okta.org.policy.shows_lockout
        okta.user(ADA).status = UserStatus.LOCKED_OUT
        assert okta.sign_in(ADA).status_code == 200
