"""The rules of the simulated org that no recording shows: codes, lockout, who can be challenged."""

import pyotp
import pytest

from tests.contract.okta_org import OktaOrg, outcome, wrong
from tests.sandbox.okta.records import FactorStatus, FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_ANSWER, ADA_PHONE, ADA_TOTP_SECRET

ADA = "ada@example.com"
EMAIL, SMS, CALL = FactorType.EMAIL, FactorType.SMS, FactorType.CALL
TOTP, QUESTION = FactorType.TOTP, FactorType.QUESTION

WRONG_CODE = (403, "E0000068")
LOCKED = (403, "E0000069")
REPLAYED = (403, "E0000082")
NOT_FOUND = (404, "E0000007")
SUCCESS = (200, None)


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def totp_code(okta: OktaOrg, steps: int = 0) -> str:
    return pyotp.TOTP(ADA_TOTP_SECRET).at(okta.clock(), counter_offset=steps)


def fail(okta: OktaOrg, times: int) -> None:
    for _ in range(times):
        assert outcome(okta.check(ADA, QUESTION, "salad")) == WRONG_CODE


class TestCodes:
    @pytest.mark.parametrize(
        ("factor_type", "address"), [(EMAIL, ADA), (SMS, ADA_PHONE), (CALL, ADA_PHONE)]
    )
    def test_a_sent_code_verifies_once(
        self, factor_type: FactorType, address: str, okta: OktaOrg
    ) -> None:
        okta.challenge(ADA, factor_type)
        [message] = okta.org.inbox.to(address)
        assert (message.channel, message.sent_at) == (factor_type, okta.clock())
        assert len(message.code) == 6
        assert message.code.isdecimal()
        assert outcome(okta.check(ADA, factor_type, message.code)) == SUCCESS
        assert outcome(okta.check(ADA, factor_type, message.code)) == WRONG_CODE

    def test_a_wrong_code_does_not_end_the_challenge(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, EMAIL)
        code = okta.sent_code(ADA)
        assert outcome(okta.check(ADA, EMAIL, wrong(code))) == WRONG_CODE
        assert outcome(okta.check(ADA, EMAIL, code)) == SUCCESS

    def test_an_empty_object_challenges_as_no_body_does(self, okta: OktaOrg) -> None:
        response = okta.post(okta.verify_path(ADA, EMAIL), {})
        assert response.get_json()["factorResult"] == "CHALLENGE"

    def test_a_newer_code_ends_the_older(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, EMAIL)
        older = okta.sent_code(ADA)
        okta.clock.advance(5)
        okta.challenge(ADA, EMAIL)
        newer = okta.sent_code(ADA)
        assert outcome(okta.check(ADA, EMAIL, older)) == WRONG_CODE
        assert outcome(okta.check(ADA, EMAIL, newer)) == SUCCESS

    @pytest.mark.parametrize(
        ("factor_type", "query", "lifetime"),
        [
            (EMAIL, {}, 300),
            (EMAIL, {"tokenLifetimeSeconds": "60"}, 60),
            (SMS, {"tokenLifetimeSeconds": "60"}, 300),
        ],
    )
    def test_a_code_expires(
        self, factor_type: FactorType, query: dict[str, str], lifetime: int, okta: OktaOrg
    ) -> None:
        okta.challenge(ADA, factor_type, **query)
        code = okta.org.inbox[-1].code
        okta.clock.advance(lifetime)
        assert outcome(okta.check(ADA, factor_type, code)) == WRONG_CODE

    def test_a_code_is_good_until_it_expires(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, EMAIL)
        okta.clock.advance(299)
        assert outcome(okta.check(ADA, EMAIL, okta.sent_code(ADA))) == SUCCESS

    @pytest.mark.parametrize(
        "lifetime", ["0", "86401", "-1", "soon", "", pytest.param("9" * 5000, id="too long")]
    )
    def test_a_lifetime_has_bounds(self, lifetime: str, okta: OktaOrg) -> None:
        response = okta.challenge(ADA, EMAIL, tokenLifetimeSeconds=lifetime)
        assert outcome(response) == (400, "E0000001")
        assert okta.org.inbox == []

    @pytest.mark.parametrize("lifetime", ["1", "86400"])
    def test_a_lifetime_within_its_bounds_is_taken(self, lifetime: str, okta: OktaOrg) -> None:
        assert okta.challenge(ADA, EMAIL, tokenLifetimeSeconds=lifetime).status_code == 200

    @pytest.mark.parametrize(
        ("factor_type", "pause", "code"),
        [(EMAIL, 5, "E0000118"), (SMS, 30, "E0000109"), (CALL, 30, "E0000133")],
    )
    def test_two_codes_need_a_pause(
        self, factor_type: FactorType, pause: int, code: str, okta: OktaOrg
    ) -> None:
        okta.challenge(ADA, factor_type)
        okta.clock.advance(pause - 1)
        assert outcome(okta.challenge(ADA, factor_type)) == (429, code)
        assert len(okta.org.inbox) == 1
        okta.clock.advance(1)
        assert okta.challenge(ADA, factor_type).status_code == 200

    def test_channels_and_recipients_pause_each_for_itself(self, okta: OktaOrg) -> None:
        for factor_type in (EMAIL, SMS, CALL):
            assert okta.challenge(ADA, factor_type).status_code == 200
        assert okta.challenge("grace.hopper", EMAIL).status_code == 200

    def test_messages_come_newest_first(self, okta: OktaOrg) -> None:
        okta.challenge(ADA, EMAIL)
        okta.clock.advance(5)
        okta.challenge(ADA, EMAIL)
        newest, oldest = okta.org.inbox.to("ADA@example.com")
        assert newest.sent_at - oldest.sent_at == 5


class TestUnchallengedFactors:
    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_totp_takes_one_step_of_drift(self, steps: int, okta: OktaOrg) -> None:
        assert outcome(okta.check(ADA, TOTP, totp_code(okta, steps))) == SUCCESS

    @pytest.mark.parametrize("steps", [-2, 2])
    def test_totp_takes_no_more(self, steps: int, okta: OktaOrg) -> None:
        assert outcome(okta.check(ADA, TOTP, totp_code(okta, steps))) == WRONG_CODE

    def test_a_totp_code_is_refused_the_second_time(self, okta: OktaOrg) -> None:
        code = totp_code(okta)
        okta.check(ADA, TOTP, code)
        assert outcome(okta.check(ADA, TOTP, code)) == REPLAYED
        okta.clock.advance(30)
        assert outcome(okta.check(ADA, TOTP, code)) == REPLAYED
        assert outcome(okta.check(ADA, TOTP, totp_code(okta))) == SUCCESS

    def test_an_answer_is_taken_in_any_case(self, okta: OktaOrg) -> None:
        assert outcome(okta.check(ADA, QUESTION, ADA_ANSWER.upper())) == SUCCESS

    @pytest.mark.parametrize("factor_type", [TOTP, QUESTION])
    def test_there_is_nothing_to_send(self, factor_type: FactorType, okta: OktaOrg) -> None:
        assert outcome(okta.challenge(ADA, factor_type)) == (400, "E0000001")
        assert okta.user(ADA).failed_attempts == 0


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

    def test_a_success_starts_the_count_again(self, okta: OktaOrg) -> None:
        fail(okta, 4)
        assert outcome(okta.check(ADA, QUESTION, ADA_ANSWER)) == SUCCESS
        fail(okta, 4)
        assert okta.user(ADA).status is UserStatus.ACTIVE

    def test_neither_time_nor_a_new_code_starts_it_again(self, okta: OktaOrg) -> None:
        fail(okta, 4)
        okta.clock.advance(7 * 86_400)
        okta.challenge(ADA, EMAIL)
        fail(okta, 1)
        assert okta.user(ADA).status is UserStatus.LOCKED_OUT

    def test_an_unlocked_user_can_verify(self, okta: OktaOrg) -> None:
        fail(okta, 5)
        response = okta.post(f"/api/v1/users/{okta.user(ADA).id}/lifecycle/unlock")
        assert (response.status_code, response.get_json()) == (200, {})
        assert outcome(okta.check(ADA, QUESTION, ADA_ANSWER)) == SUCCESS

    def test_others_are_not_concerned(self, okta: OktaOrg) -> None:
        fail(okta, 5)
        assert okta.challenge("grace.hopper", EMAIL).status_code == 200


class TestWhoCanBeChallenged:
    @pytest.mark.parametrize(
        "status", [UserStatus.SUSPENDED, UserStatus.STAGED, UserStatus.DEPROVISIONED]
    )
    def test_only_an_active_user(self, status: UserStatus, okta: OktaOrg) -> None:
        okta.user(ADA).status = status
        assert outcome(okta.challenge(ADA, EMAIL)) == (403, "E0000038")

    def test_a_pending_factor_is_not_found(self, okta: OktaOrg) -> None:
        okta.factor(ADA, SMS).status = FactorStatus.PENDING_ACTIVATION
        assert outcome(okta.challenge(ADA, SMS)) == NOT_FOUND
        listed = okta.get(okta.factors_path(ADA)).get_json()
        [pending] = [factor for factor in listed if factor["factorType"] == "sms"]
        assert pending["_links"].keys() == {"activate", "resend", "self", "user"}

    def test_a_disabled_factor_is_gone(self, okta: OktaOrg) -> None:
        okta.factor(ADA, SMS).status = FactorStatus.DISABLED
        assert outcome(okta.challenge(ADA, SMS)) == (410, "E0000154")

    def test_another_users_factor_is_not_found(self, okta: OktaOrg) -> None:
        foreign = okta.factor("grace.hopper", EMAIL).id
        response = okta.post(f"{okta.factors_path(ADA)}/{foreign}/verify")
        assert outcome(response) == NOT_FOUND

    def test_an_unknown_user_is_not_found(self, okta: OktaOrg) -> None:
        assert outcome(okta.get("/api/v1/users/00unobody/factors")) == NOT_FOUND
        assert outcome(okta.post("/api/v1/users/00unobody/lifecycle/unlock")) == NOT_FOUND

    def test_factors_are_found_by_id_only(self, okta: OktaOrg) -> None:
        assert outcome(okta.get(f"/api/v1/users/{ADA}/factors")) == NOT_FOUND

    @pytest.mark.parametrize(
        "body",
        [b"{", b"[]", b"null", b'"123456"', b"\xff", pytest.param(b"[" * 100_000, id="too deep")],
    )
    def test_a_body_is_an_object(self, body: bytes, okta: OktaOrg) -> None:
        response = okta.post(okta.verify_path(ADA, EMAIL), body)
        assert outcome(response) == (400, "E0000003")
