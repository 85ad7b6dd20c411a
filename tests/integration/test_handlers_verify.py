"""Checking a code, from the proxy event to Okta and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.account import CLIENT_KEY, ROOT_KEY
from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions, Reply
from tests.integration.okta_client import CODE
from tests.integration.okta_org import WRONG_CODE, Answer, OktaOrg, answer, refusal
from verification import policy
from verification.identity import Identities


class TestAcceptance:
    def test_a_code_is_verified_by_the_challenge_s_id(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        clock.advance(20)
        okta.calls.clear()
        reply = functions.verify(challenge_id, "918 273")
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
        assert reply.json == {
            "challenge_id": challenge_id,
            "status": "verified",
            "channel": "email",
            "verified_at": "2025-06-15T15:07:00Z",
        }
        assert [(call.method, call.body) for call in okta.calls] == [("POST", {"passCode": CODE})]

    def test_a_code_is_verified_by_the_email(
        self, functions: Functions, okta: OktaOrg, challenge_id: str
    ) -> None:
        okta.calls.clear()
        reply = functions.post("/verify", {"email": "ADA@example.com", "otp": CODE})
        assert (reply.status, reply.json["challenge_id"]) == (200, challenge_id)
        assert len(okta.calls) == 1

    @pytest.mark.usefixtures("challenge_id")
    def test_a_code_is_verified_by_url(self, functions: Functions) -> None:
        reply = functions.get("/verify", ("email", ADA), ("otp", CODE))
        assert (reply.status, reply.body) == (200, "200")

    @pytest.mark.usefixtures("challenge_id")
    def test_a_wrong_code_is_the_number_403_by_url(self, functions: Functions) -> None:
        reply = functions.get("/verify", ("email", ADA), ("otp", WRONG_CODE))
        assert (reply.status, reply.body, reply.code) == (403, "403", "invalid_code")

    def test_another_environment_verifies_what_this_one_issued(
        self, functions: Functions, challenge_id: str, clock: Clock
    ) -> None:
        assert functions.get("/verify", ("email", "eve@example.com"), ("otp", CODE)).status == 404
        assert Functions(clock).verify(challenge_id).status == 200


class TestOnlySuccessVerifies:
    @pytest.mark.parametrize(
        "instead",
        [
            answer({"factorResult": "FAILED"}),
            answer({"factorResult": "REJECTED"}),
            answer({"factorResult": "EXPIRED"}),
            answer({"factorResult": "PASSCODE_REPLAYED"}),
            answer({"factorResult": "TIME_WINDOW_EXCEEDED"}),
            refusal(403, "E0000068"),
            refusal(403, "E0000082"),
            refusal(403, "E0000083"),
        ],
    )
    @pytest.mark.usefixtures("challenge_id")
    def test_a_code_that_okta_does_not_accept_is_wrong(
        self, functions: Functions, okta: OktaOrg, instead: Answer
    ) -> None:
        okta.answers_instead("check", instead)
        reply = functions.post("/verify", {"email": ADA, "otp": CODE})
        assert (reply.status, reply.code) == (403, "invalid_code")
        assert reply.json["attempts_remaining"] == 3

    @pytest.mark.parametrize(
        "instead",
        [
            answer({"factorResult": "success"}),
            answer({"factorResult": "SUCCESS "}),
            answer({"factorResult": "CHALLENGE"}),
            answer({"factorResult": "WAITING"}),
            answer({"factorResult": "ERROR"}),
            answer({"factorResult": True}),
            answer({"factorResult": ["SUCCESS"]}),
            answer({"factorResult": None}),
            answer({"status": "SUCCESS"}),
            answer({}),
            answer([{"factorResult": "SUCCESS"}]),
            answer("SUCCESS"),
            (200, {}, "SUCCESS"),
            (200, {}, ""),
            (204, {}, ""),
            (200, {}, '{"factorResult": "SUCCESS"'),
            answer({"factorResult": "SUCCESS"}, 302, Location="https://evil.example/"),
            answer({"factorResult": "SUCCESS"}, 403),
            answer({"factorResult": "SUCCESS"}, 500),
        ],
    )
    @pytest.mark.usefixtures("challenge_id")
    def test_every_doubt_fails_closed(
        self, functions: Functions, okta: OktaOrg, instead: Answer
    ) -> None:
        okta.answers_instead("check", instead)
        reply = functions.post("/verify", {"email": ADA, "otp": CODE})
        assert reply.status in (502, 503)
        assert reply.code in ("okta_unexpected_response", "okta_unavailable")
        assert "verified" not in reply.body


class TestOnce:
    def test_a_code_verifies_once(
        self, functions: Functions, okta: OktaOrg, challenge_id: str
    ) -> None:
        assert functions.verify(challenge_id).status == 200
        for _ in range(2):
            reply = functions.verify(challenge_id)
            assert (reply.status, reply.code) == (409, "challenge_already_verified")
        assert okta.counts("check") == 1

    def test_two_calls_at_the_same_time_verify_once(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        replies: list[Reply] = []
        other = Functions(clock)
        okta.meanwhile("check", lambda: replies.append(other.verify(challenge_id, remaining=4.0)))
        assert functions.verify(challenge_id).status == 200
        assert [(reply.status, reply.code) for reply in replies] == [(409, "request_in_progress")]
        assert okta.counts("check") == 1

    def test_no_code_is_sent_while_one_is_checked(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        replies: list[Reply] = []
        other = Functions(clock)
        clock.advance(policy.RESEND_SECONDS)
        okta.meanwhile(
            "check",
            lambda: replies.append(other.post("/challenge", {"email": ADA}, remaining=4.0)),
        )
        assert functions.verify(challenge_id).status == 200
        assert [reply.code for reply in replies] == ["request_in_progress"]
        assert okta.counts("send") == 1

    def test_a_code_that_arrives_before_its_challenge_is_answered_verifies(
        self, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.add(ADA)
        replies: list[Reply] = []
        other = Functions(clock)
        body = {"email": ADA, "otp": CODE}
        okta.meanwhile("send", lambda: replies.append(other.post("/verify", body)))
        assert functions.post("/challenge", {"email": ADA}).status == 202
        assert [reply.status for reply in replies] == [200]


class TestLife:
    def test_an_expired_challenge_is_not_asked_about(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        clock.advance(300)
        reply = functions.verify(challenge_id)
        assert (reply.status, reply.code) == (410, "challenge_expired")
        assert okta.counts("check") == 0

    def test_a_superseded_challenge_says_when_the_newer_code_was_sent(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, clock: Clock
    ) -> None:
        clock.advance(40)
        newer = functions.issue()
        reply = functions.verify(challenge_id)
        assert (reply.status, reply.code) == (410, "challenge_superseded")
        assert reply.json["superseded_at"] == "2025-06-15T15:07:20Z"
        assert okta.counts("check") == 0
        assert functions.verify(newer).status == 200

    @pytest.mark.parametrize(
        "spoil", [str.upper, lambda text: text[:-1] + "AB"[text[-1] == "A"], lambda _: "ch_x"]
    )
    def test_an_id_that_this_service_did_not_make_is_not_found(
        self, functions: Functions, okta: OktaOrg, challenge_id: str, spoil: Any
    ) -> None:
        reply = functions.verify(spoil(challenge_id))
        assert (reply.status, reply.code) == (404, "challenge_not_found")
        assert okta.counts("check") == 0

    def test_an_id_made_for_a_customer_without_challenges_is_not_found(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        reply = functions.verify(Identities(ROOT_KEY).new_challenge_id("0e" * 16))
        assert (reply.status, reply.code) == (404, "challenge_not_found")
        assert okta.calls == []

    def test_an_email_of_nobody_is_nobody(self, functions: Functions) -> None:
        reply = functions.post("/verify", {"email": ADA, "otp": CODE}, key=CLIENT_KEY)
        assert (reply.status, reply.code) == (404, "customer_not_found")
        reply = functions.get("/verify", ("email", ADA), ("otp", CODE), key=CLIENT_KEY)
        assert (reply.status, reply.body) == (404, "error: invalid email")

    def test_a_customer_to_whom_nothing_was_sent_has_no_challenge(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        reply = functions.post("/verify", {"email": ADA, "otp": CODE})
        assert (reply.status, reply.code) == (404, "challenge_not_found")
        assert okta.counts("check") == 0

    def test_a_code_sent_to_another_email_of_the_customer_proves_nothing_of_this_one(
        self, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        user = okta.add(ADA, login="ada")
        functions.issue()
        user.email = "lovelace@example.com"
        clock.advance(policy.RESEND_SECONDS)
        newer = functions.issue(user.email)
        reply = functions.post("/verify", {"email": ADA, "otp": CODE})
        assert (reply.status, reply.code) == (404, "challenge_not_found")
        assert okta.counts("check") == 0
        assert functions.verify(newer, WRONG_CODE).json["attempts_remaining"] == 3


class TestPurpose:
    @pytest.fixture
    def for_an_order(self, functions: Functions, okta: OktaOrg) -> dict[str, str]:
        """A challenge for one order, and its code."""
        okta.add(ADA)
        body = {"email": ADA, "purpose": "pick-up", "reference": "order:1001"}
        return {"challenge_id": functions.post("/challenge", body).json["challenge_id"]}

    @pytest.mark.parametrize(
        "other",
        [
            {"purpose": "refund"},
            {"reference": "order:1002"},
            {"purpose": "pick-up", "reference": "order:1002"},
        ],
    )
    def test_a_right_code_for_another_purpose_is_wrong_and_counts(
        self,
        functions: Functions,
        okta: OktaOrg,
        for_an_order: dict[str, str],
        other: dict[str, str],
    ) -> None:
        reply = functions.post("/verify", {**for_an_order, "code": CODE, **other})
        assert (reply.status, reply.code) == (403, "invalid_code")
        assert reply.json["attempts_remaining"] == 3
        assert okta.counts("check") == 0

    @pytest.mark.parametrize(
        "named", [{}, {"purpose": "pick-up"}, {"purpose": "pick-up", "reference": "order:1001"}]
    )
    def test_a_right_code_says_what_it_was_for(
        self, functions: Functions, for_an_order: dict[str, str], named: dict[str, str]
    ) -> None:
        reply = functions.post("/verify", {**for_an_order, "code": CODE, **named})
        assert reply.status == 200
        assert (reply.json["purpose"], reply.json["reference"]) == ("pick-up", "order:1001")
