"""Attempts at a code: what counts, what is given back, and when no more are allowed."""

from __future__ import annotations

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.account import CLIENT_KEY, ROOT_KEY, TABLE, Account
from tests.integration.challenge_rows import HOLD
from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE, Answer, OktaOrg, answer, refusal
from tests.unit.examples import NOW
from verification import policy

RESEND = policy.RESEND_SECONDS


class TestAttempts:
    def test_the_fifth_wrong_code_in_a_row_never_reaches_okta(
        self, functions: Functions, okta: OktaOrg, challenge_id: str
    ) -> None:
        left = [functions.verify(challenge_id, WRONG_CODE).json for _ in range(4)]
        assert [each["attempts_remaining"] for each in left] == [3, 2, 1, 0]
        assert {each["code"] for each in left} == {"invalid_code"}
        for code in (WRONG_CODE, CODE):
            reply = functions.verify(challenge_id, code)
            assert (reply.status, reply.code) == (429, "attempts_held")
            assert int(reply.headers["Retry-After"]) == HOLD
        assert okta.counts("check") == 4

    def test_attempts_are_counted_across_challenges_channels_and_dialects(
        self, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.add(ADA, ("email", "ACTIVE", ADA), ("sms", "ACTIVE", "+15005550006"))
        functions.issue()
        functions.get("/verify", ("email", ADA), ("otp", WRONG_CODE), source_ip="192.0.2.1")
        clock.advance(RESEND)
        functions.verify(functions.issue(), WRONG_CODE, source_ip="192.0.2.2")
        clock.advance(RESEND)
        reply = functions.post("/challenge", {"email": ADA, "channel": "sms"})
        assert reply.json["attempts_remaining"] == 2
        body = {"email": ADA, "otp": WRONG_CODE}
        assert functions.post("/verify", body).json["attempts_remaining"] == 1
        assert functions.post("/verify", body).json["attempts_remaining"] == 0
        assert functions.get("/verify", ("email", ADA), ("otp", CODE)).status == 429
        assert okta.counts("check") == 4

    def test_a_success_forgets_the_failures(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        for _ in range(3):
            functions.verify(challenge_id, WRONG_CODE)
        assert functions.verify(challenge_id).status == 200
        clock.advance(RESEND)
        assert functions.post("/challenge", {"email": ADA}).json["attempts_remaining"] == 4
        assert okta.counts("check") == 4

    def test_after_a_hold_one_wrong_code_holds_again(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        for _ in range(4):
            functions.verify(challenge_id, WRONG_CODE)
        clock.advance(HOLD)
        reply = functions.post("/challenge", {"email": ADA})
        assert reply.json["attempts_remaining"] == 1
        reply = functions.verify(reply.json["challenge_id"], WRONG_CODE)
        assert (reply.code, reply.json["attempts_remaining"]) == ("invalid_code", 0)
        clock.advance(RESEND)
        assert functions.post("/challenge", {"email": ADA}).code == "attempts_held"
        assert okta.counts("check") == 5

    def test_the_failure_that_uses_up_the_attempts_closes_the_challenge(
        self, functions: Functions, challenge_id: str, clock: Clock
    ) -> None:
        for _ in range(4):
            functions.verify(challenge_id, WRONG_CODE)
        clock.advance(HOLD)
        reply = functions.verify(challenge_id)
        assert (reply.status, reply.code) == (410, "challenge_exhausted")

    def test_so_does_an_attempt_whose_outcome_is_unknown(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        okta.answers_instead("check", *[ReadTimeout()] * 4)
        for _ in range(4):
            functions.verify(challenge_id)
        assert functions.verify(challenge_id).code == "attempts_held"
        clock.advance(HOLD)
        assert functions.verify(challenge_id).code == "challenge_exhausted"

    def test_what_is_no_code_uses_up_no_attempt(
        self, functions: Functions, okta: OktaOrg, challenge_id: str
    ) -> None:
        for code in ("12345", "abcdef", "", "1234567"):
            assert functions.verify(challenge_id, code).status == 400
        assert functions.verify(challenge_id, WRONG_CODE).json["attempts_remaining"] == 3
        assert okta.counts("check") == 1


class TestFaults:
    LOST = pytest.mark.parametrize(
        "lost", [ReadTimeout(), ConnectionResetError(), answer("<html>", 503), answer({}, 200)]
    )

    @LOST
    def test_a_code_is_never_sent_again_after_its_answer_was_lost(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, lost: Answer | Exception
    ) -> None:
        okta.answers_instead("check", lost)
        assert functions.verify(challenge_id).status in (502, 503)
        assert okta.counts("check") == 1

    @LOST
    def test_an_attempt_whose_outcome_is_unknown_counts(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, lost: Answer | Exception
    ) -> None:
        okta.answers_instead("check", lost)
        functions.verify(challenge_id)
        assert functions.verify(challenge_id, WRONG_CODE).json["attempts_remaining"] == 2

    @pytest.mark.parametrize(
        ("never_asked", "code"),
        [
            ([ConnectTimeout()] * 2, "okta_unavailable"),
            ([refusal(401, "E0000011")], "okta_credentials_rejected"),
            ([refusal(403, "E0000006")], "okta_credentials_rejected"),
            (
                [
                    refusal(
                        429, "E0000047", X_Rate_Limit_Limit="1", X_Rate_Limit_Reset=str(NOW + 50)
                    )
                ],
                "okta_rate_limited",
            ),
        ],
    )
    def test_an_attempt_that_okta_never_saw_is_given_back(
        self,
        functions: Functions,
        okta: OktaOrg,
        challenge_id: str,
        never_asked: list[Answer | Exception],
        code: str,
    ) -> None:
        for _ in range(3):
            functions.verify(challenge_id, WRONG_CODE)
        okta.answers_instead("check", *never_asked)
        assert functions.verify(challenge_id).code == code
        assert functions.verify(challenge_id).status == 200

    def test_an_attempt_without_time_to_ask_okta_is_given_back(
        self, functions: Functions, okta: OktaOrg, challenge_id: str
    ) -> None:
        assert functions.verify(challenge_id, remaining=0.5).code == "deadline_exceeded"
        assert okta.counts("check") == 0
        assert functions.verify(challenge_id, WRONG_CODE).json["attempts_remaining"] == 3

    def test_an_attempt_whose_token_cannot_be_renewed_is_given_back(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, account: Account
    ) -> None:
        okta.answers_instead("check", refusal(401, "E0000011"))
        okta.meanwhile("check", lambda: account.put_keys("{"))
        functions.verify(challenge_id)
        account.put_keys({"root_key": ROOT_KEY, "clients": {"shop": CLIENT_KEY}})
        assert functions.verify(challenge_id, WRONG_CODE).json["attempts_remaining"] == 3

    def test_a_reservation_that_cannot_be_made_asks_nobody(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, account: Account
    ) -> None:
        account.dynamodb.delete_table(TableName=TABLE)
        reply = functions.verify(challenge_id)
        assert (reply.status, reply.code) == (500, "internal_error")
        assert okta.counts("check") == 0

    def test_a_success_that_cannot_be_recorded_is_no_success(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, account: Account
    ) -> None:
        okta.meanwhile("check", lambda: account.dynamodb.delete_table(TableName=TABLE))
        reply = functions.verify(challenge_id)
        assert (reply.status, reply.code) == (500, "internal_error")
        assert "verified" not in reply.body
