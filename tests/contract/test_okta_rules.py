"""How the simulated org sends and checks codes, and when it locks a user out."""

import pyotp
import pytest

from tests.contract.okta_org import (
    ADA,
    GRACE,
    INVALID,
    LOCKED,
    MALFORMED,
    NOT_FOUND,
    REPLAYED,
    SUCCESS,
    WRONG_CODE,
    WRONG_STATUS,
    OktaOrg,
    outcome,
    wrong,
)
from tests.sandbox.okta.records import FactorStatus, FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_ANSWER, ADA_PHONE, ADA_TOTP_SECRET

EMAIL, SMS, CALL = FactorType.EMAIL, FactorType.SMS, FactorType.CALL
TOTP, QUESTION = FactorType.TOTP, FactorType.QUESTION


def totp_code(okta: OktaOrg, steps: int = 0) -> str:
    return pyotp.TOTP(ADA_TOTP_SECRET).at(okta.clock(), counter_offset=steps)


def fail(okta: OktaOrg, times: int) -> None:
    for _ in range(times):
        assert outcome(okta.check(ADA, QUESTION, "salad")) == WRONG_CODE


class TestSentCodes:
    @pytest.mark.parametrize(
        ("factor_type", "address"), [(EMAIL, ADA), (SMS, ADA_PHONE), (CALL, ADA_PHONE)]
    )
    def test_a_code_verifies_once_also_after_a_wrong_one(
        self, factor_type: FactorType, address: str, okta: OktaOrg
    ) -> None:
        okta.challenge(ADA, factor_type)
        [message] = okta.org.inbox.to(address)
        assert (message.channel, message.sent_at) == (factor_type, okta.clock())
        assert (len(message.code), message.code.isdecimal()) == (6, True)
        assert outcome(okta.check(ADA, factor_type, wrong(message.code))) == WRONG_CODE
        assert outcome(okta.check(ADA, factor_type, message.code)) == SUCCESS
        assert outcome(okta.check(ADA, factor_type, message.code)) == WRONG_CODE

    def test_an_empty_object_is_a_challenge_like_no_body(self, okta: OktaOrg) -> None:
        response = okta.post(okta.verify_path(ADA, EMAIL), {})
        assert response.get_json()["factorResult"] == "CHALLENGE"

    def test_a_newer_code_invalidates_the_older(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, EMAIL)
        okta.clock.advance(5)
        okta.challenge(ADA, EMAIL)
        newer, older = okta.org.inbox.to("ADA@example.com")
        assert newer.sent_at - older.sent_at == 5
        assert outcome(okta.check(ADA, EMAIL, older.code)) == WRONG_CODE
        assert outcome(okta.check(ADA, EMAIL, newer.code)) == SUCCESS

    @pytest.mark.parametrize(
        ("factor_type", "query", "lifetime"),
        [
            (EMAIL, {}, 300),
            (EMAIL, {"tokenLifetimeSeconds": "60"}, 60),
            (EMAIL, {"tokenLifetimeSeconds": "1"}, 1),
            (EMAIL, {"tokenLifetimeSeconds": "86400"}, 86_400),
            (SMS, {"tokenLifetimeSeconds": "60"}, 300),
        ],
    )
    @pytest.mark.parametrize("expired", [False, True])
    def test_a_code_expires_and_only_that_of_an_email_when_it_is_told(
        self,
        factor_type: FactorType,
        query: dict[str, str],
        lifetime: int,
        expired: bool,
        okta: OktaOrg,
    ) -> None:
        okta.challenge(ADA, factor_type, **query)
        okta.clock.advance(lifetime if expired else lifetime - 1)
        answer = outcome(okta.check(ADA, factor_type, okta.org.inbox[-1].code))
        assert answer == (WRONG_CODE if expired else SUCCESS)

    @pytest.mark.parametrize(
        "lifetime", ["0", "86401", "-1", "soon", "", pytest.param("9" * 5000, id="long")]
    )
    def test_a_lifetime_is_from_1_to_86400_seconds(self, lifetime: str, okta: OktaOrg) -> None:
        assert outcome(okta.challenge(ADA, EMAIL, tokenLifetimeSeconds=lifetime)) == INVALID
        assert okta.org.inbox == []

    @pytest.mark.parametrize(
        ("factor_type", "pause", "code"),
        [(EMAIL, 5, "E0000118"), (SMS, 30, "E0000109"), (CALL, 30, "E0000133")],
    )
    def test_two_codes_on_a_channel_to_an_address_need_a_pause(
        self, factor_type: FactorType, pause: int, code: str, okta: OktaOrg
    ) -> None:
        for each in (EMAIL, SMS, CALL):
            assert okta.challenge(ADA, each).status_code == 200
        assert okta.challenge(GRACE, EMAIL).status_code == 200
        okta.clock.advance(pause - 1)
        assert outcome(okta.challenge(ADA, factor_type)) == (429, code)
        assert len(okta.org.inbox) == 4
        okta.clock.advance(1)
        assert okta.challenge(ADA, factor_type).status_code == 200


class TestTotpAndQuestion:
    @pytest.mark.parametrize(
        ("steps", "answer"),
        [(-2, WRONG_CODE), (-1, SUCCESS), (0, SUCCESS), (1, SUCCESS), (2, WRONG_CODE)],
    )
    def test_a_totp_code_may_be_one_step_off(
        self, steps: int, answer: tuple[int, str | None], okta: OktaOrg
    ) -> None:
        assert outcome(okta.check(ADA, TOTP, totp_code(okta, steps))) == answer

    def test_a_totp_code_verifies_once(self, okta: OktaOrg) -> None:
        code = totp_code(okta)
        okta.check(ADA, TOTP, code)
        assert outcome(okta.check(ADA, TOTP, code)) == REPLAYED
        okta.clock.advance(30)
        assert outcome(okta.check(ADA, TOTP, code)) == REPLAYED
        assert outcome(okta.check(ADA, TOTP, totp_code(okta))) == SUCCESS

    def test_an_answer_is_compared_without_case(self, okta: OktaOrg) -> None:
        assert outcome(okta.check(ADA, QUESTION, ADA_ANSWER.upper())) == SUCCESS

    @pytest.mark.parametrize("factor_type", [TOTP, QUESTION])
    def test_they_cannot_be_challenged(self, factor_type: FactorType, okta: OktaOrg) -> None:
        assert outcome(okta.challenge(ADA, factor_type)) == INVALID
        assert okta.user(ADA).failed_factor_attempts == 0

    def test_a_push_factor_is_listed_and_cannot_be_challenged(self, okta: OktaOrg) -> None:
        dorothy = "dorothy@example.com"
        listed = okta.get(okta.factors_path(dorothy)).get_json()
        assert [each["factorType"] for each in listed] == ["email", "push"]
        assert outcome(okta.challenge(dorothy, FactorType.PUSH)) == INVALID


class TestLockout:
    def test_the_fifth_failure_over_all_factors_locks_the_user(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, EMAIL)
        code = okta.sent_code(ADA)
        for factor_type, given in (
            (EMAIL, wrong(code)),
            (SMS, "000000"),
            (TOTP, wrong(totp_code(okta, 9))),
            (QUESTION, "salad"),
        ):
            assert outcome(okta.check(ADA, factor_type, given)) == WRONG_CODE
        assert okta.get(f"/api/v1/users/{ADA}").get_json()["status"] == "ACTIVE"
        assert outcome(okta.check(ADA, EMAIL, wrong(code))) == WRONG_CODE
        assert okta.get(f"/api/v1/users/{ADA}").get_json()["status"] == "LOCKED_OUT"
        assert outcome(okta.check(ADA, EMAIL, code)) == LOCKED
        assert outcome(okta.challenge(ADA, SMS)) == LOCKED
        assert okta.challenge(GRACE, EMAIL).status_code == 200

    def test_a_success_resets_the_count(self, okta: OktaOrg) -> None:
        fail(okta, 4)
        assert outcome(okta.check(ADA, QUESTION, ADA_ANSWER)) == SUCCESS
        fail(okta, 4)
        assert okta.user(ADA).status is UserStatus.ACTIVE

    def test_neither_time_nor_a_new_code_resets_it(self, okta: OktaOrg) -> None:
        fail(okta, 4)
        okta.clock.advance(7 * 86_400)
        okta.challenge(ADA, EMAIL)
        fail(okta, 1)
        assert okta.user(ADA).status is UserStatus.LOCKED_OUT

    def test_an_unlock_resets_it(self, okta: OktaOrg) -> None:
        fail(okta, 5)
        response = okta.post(f"/api/v1/users/{okta.user(ADA).id}/lifecycle/unlock")
        assert (response.status_code, response.get_json()) == (200, {})
        assert outcome(okta.check(ADA, QUESTION, ADA_ANSWER)) == SUCCESS

    def test_the_count_and_its_highest_value_are_listed(self, okta: OktaOrg) -> None:
        fail(okta, 3)
        okta.check(ADA, QUESTION, ADA_ANSWER)
        fail(okta, 1)
        ada = okta.org.customers()[0]
        assert (ada["failed_factor_attempts"], ada["most_failed_factor_attempts"]) == (1, 3)


class TestChallenge:
    @pytest.mark.parametrize(
        "status", [UserStatus.SUSPENDED, UserStatus.STAGED, UserStatus.DEPROVISIONED]
    )
    def test_only_an_active_user_is_challenged(self, status: UserStatus, okta: OktaOrg) -> None:
        okta.user(ADA).status = status
        assert outcome(okta.challenge(ADA, EMAIL)) == WRONG_STATUS

    def test_a_pending_factor_is_listed_and_not_found(self, okta: OktaOrg) -> None:
        okta.factor(ADA, SMS).status = FactorStatus.PENDING_ACTIVATION
        assert outcome(okta.challenge(ADA, SMS)) == NOT_FOUND
        listed = okta.get(okta.factors_path(ADA)).get_json()
        [pending] = [factor for factor in listed if factor["factorType"] == "sms"]
        assert pending["_links"].keys() == {"activate", "resend", "self", "user"}

    def test_a_disabled_factor_is_refused(self, okta: OktaOrg) -> None:
        okta.factor(ADA, SMS).status = FactorStatus.DISABLED
        assert outcome(okta.challenge(ADA, SMS)) == (410, "E0000154")

    def test_another_users_factor_is_not_found(self, okta: OktaOrg) -> None:
        foreign = okta.factor(GRACE, EMAIL).id
        assert outcome(okta.post(f"{okta.factors_path(ADA)}/{foreign}/verify")) == NOT_FOUND

    @pytest.mark.parametrize("user", [ADA, "00unobody"])
    def test_factors_are_found_only_by_the_users_id(self, user: str, okta: OktaOrg) -> None:
        assert outcome(okta.get(f"/api/v1/users/{user}/factors")) == NOT_FOUND

    @pytest.mark.parametrize(
        "body",
        [b"{", b"[]", b"null", b'"123456"', b"\xff", pytest.param(b"[" * 100_000, id="deep")],
    )
    def test_a_body_must_be_a_json_object(self, body: bytes, okta: OktaOrg) -> None:
        assert outcome(okta.post(okta.verify_path(ADA, EMAIL), body)) == MALFORMED
