"""Sending a code when Okta fails: what is asked again, and what is never sent twice."""

from __future__ import annotations

import pytest
from requests.exceptions import ConnectTimeout, ReadTimeout

from tests.integration.account import Account
from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions
from tests.integration.okta_client import CODE
from tests.integration.okta_org import Answer, OktaOrg, answer, refusal
from tests.unit.examples import NOW
from verification import policy

RESEND = policy.RESEND_SECONDS


class TestFaults:
    @pytest.mark.parametrize("what", ["user", "factors"])
    def test_a_lookup_is_asked_once_more(
        self, functions: Functions, okta: OktaOrg, what: str
    ) -> None:
        okta.add(ADA)
        okta.answers_instead(what, ReadTimeout())
        assert functions.post("/challenge", {"email": ADA}).status == 202
        assert (okta.counts(what), okta.counts("send")) == (2, 1)

    @pytest.mark.parametrize(
        "lost", [ReadTimeout(), ConnectionResetError(), answer("<html>", 503), answer({}, 504)]
    )
    def test_a_mail_is_never_sent_twice(
        self, functions: Functions, okta: OktaOrg, lost: Answer | Exception
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", lost)
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code, reply.headers["Retry-After"]) == (
            503,
            "okta_unavailable",
            "5",
        )
        assert okta.counts("send") == 1

    def test_a_code_that_may_have_been_sent_can_be_verified(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", ReadTimeout())
        functions.post("/challenge", {"email": ADA})
        assert functions.post("/verify", {"email": ADA, "otp": CODE}).status == 200

    def test_a_send_that_never_reached_okta_is_sent_once_more(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", ConnectTimeout())
        assert functions.post("/challenge", {"email": ADA}).status == 202
        assert okta.counts("send") == 2

    def test_what_was_not_sent_cannot_be_verified(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", refusal(429, "E0000118"))
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code, reply.json["retry_after"]) == (429, "send_limited", 5)
        reply = functions.post("/verify", {"email": ADA, "otp": CODE})
        assert (reply.status, reply.code) == (404, "challenge_not_found")
        assert okta.counts("check") == 0

    @pytest.mark.parametrize("refused", [refusal(429, "E0000118"), refusal(400, "E0000140")])
    def test_a_refused_resend_leaves_the_code_in_the_mail_usable(
        self, functions: Functions, okta: OktaOrg, clock: Clock, refused: Answer
    ) -> None:
        okta.add(ADA)
        first = functions.issue()
        clock.advance(RESEND)
        okta.answers_instead("send", refused)
        assert functions.post("/challenge", {"email": ADA}).status in (422, 429)
        reply = functions.post("/verify", {"challenge_id": first, "code": CODE})
        assert (reply.status, reply.json["status"]) == (200, "verified")

    @pytest.mark.parametrize(
        "document", [{}, [], {"factorResult": "SUCCESS"}, {"factorResult": "WAITING"}]
    )
    def test_a_send_without_its_receipt_is_not_said_to_be_sent(
        self, functions: Functions, okta: OktaOrg, document: object
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("send", answer(document))
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (502, "okta_unexpected_response")

    def test_okta_s_limit_is_passed_on_with_its_end(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        limit = {"X_Rate_Limit_Limit": "600", "X_Rate_Limit_Reset": str(NOW + 40)}
        okta.answers_instead("user", refusal(429, "E0000047", **limit))
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (503, "okta_rate_limited")
        assert reply.json["retry_after"] == int(reply.headers["Retry-After"]) == 40

    def test_a_rotated_token_interrupts_nobody(
        self, functions: Functions, okta: OktaOrg, account: Account, clock: Clock
    ) -> None:
        okta.add(ADA)
        functions.post("/challenge", {"email": ADA})
        account.put_token({"okta_api_token": "00renewed"})
        clock.advance(RESEND)
        okta.answers_instead("send", refusal(401, "E0000011"))
        assert functions.post("/challenge", {"email": ADA}).status == 202
        assert okta.calls[-1].headers["Authorization"] == "SSWS 00renewed"

    def test_a_token_that_okta_rejects_is_the_operator_s_to_mend(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.answers_instead("user", refusal(401, "E0000011"))
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (502, "okta_credentials_rejected")
        assert len(okta.calls) == 1

    def test_a_call_without_time_asks_nobody(self, functions: Functions, okta: OktaOrg) -> None:
        reply = functions.post("/challenge", {"email": ADA}, remaining=0.5)
        assert (reply.status, reply.code) == (504, "deadline_exceeded")
        assert okta.calls == []
