"""Sending a code, from the proxy event to Okta and back."""

from __future__ import annotations

import re

import pytest

from tests.integration.account import CLIENT_KEY, TOKEN
from tests.integration.conftest import Clock
from tests.integration.functions import ADA, Functions
from tests.integration.okta_org import WRONG_CODE, OktaOrg, answer, refusal
from verification import policy

PHONE = "+15005550006"
RESEND = policy.RESEND_SECONDS
CHALLENGE_ID = re.compile(r"ch_[A-Za-z0-9_-]{44}")


class TestAcceptance:
    def test_a_challenge_is_issued_as_json(self, functions: Functions, okta: OktaOrg) -> None:
        okta.add(ADA)
        reply = functions.post("/challenge", {"email": "Ada@Example.com"})
        assert (reply.status, reply.headers["Content-Type"]) == (202, "application/json")
        challenge_id = reply.json["challenge_id"]
        assert CHALLENGE_ID.fullmatch(challenge_id)
        assert reply.json == {
            "challenge_id": challenge_id,
            "status": "pending",
            "channel": "email",
            "destination": "a•••@example.com",
            "sent_at": "2025-06-15T15:06:40Z",
            "expires_at": "2025-06-15T15:11:40Z",
            "resend_at": "2025-06-15T15:07:10Z",
            "attempts_remaining": 4,
        }

    def test_a_challenge_is_issued_by_url(self, functions: Functions, okta: OktaOrg) -> None:
        okta.add(ADA)
        reply = functions.get("/challenge", ("email", ADA))
        assert (reply.status, reply.body) == (200, "200")
        assert reply.headers["Content-Type"] == "application/json"
        assert okta.counts("send") == 1

    def test_a_client_is_served_like_anybody(self, functions: Functions, okta: OktaOrg) -> None:
        okta.add(ADA)
        assert functions.post("/challenge", {"email": ADA}, key=CLIENT_KEY).status == 202

    def test_a_code_goes_by_sms_when_that_is_asked_for(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        user = okta.add(ADA, ("email", "ACTIVE", ADA), ("sms", "ACTIVE", PHONE))
        reply = functions.post("/challenge", {"email": ADA, "channel": "sms"})
        assert (reply.status, reply.json["channel"]) == (202, "sms")
        assert reply.json["destination"] == "•••0006"
        assert okta.calls[-1].path == f"/api/v1/users/{user.id}/factors/sms{user.id[3:]}/verify"
        assert okta.calls[-1].query == {}


class TestOktaCalls:
    def test_three_calls_find_the_customer_and_send_the_code(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        user = okta.add(ADA)
        functions.post("/challenge", {"email": ADA})
        assert [(call.method, call.path) for call in okta.calls] == [
            ("GET", f"/api/v1/users/{ADA}"),
            ("GET", f"/api/v1/users/{user.id}/factors"),
            ("POST", f"/api/v1/users/{user.id}/factors/ema{user.id[3:]}/verify"),
        ]
        assert (okta.calls[2].query, okta.calls[2].body) == ({"tokenLifetimeSeconds": ["300"]}, {})
        assert {call.headers["Authorization"] for call in okta.calls} == {f"SSWS {TOKEN}"}

    def test_a_login_that_differs_is_found_by_the_email(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add("Grace@Example.com", login="grace.hopper")
        assert functions.post("/challenge", {"email": "grace@example.com"}).status == 202
        assert [okta.counts(what) for what in ("user", "search", "send")] == [1, 1, 1]

    def test_okta_learns_where_the_customer_is_and_never_from_the_caller(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        headers = {
            "User-Agent": "Mozilla/5.0",
            "Accept-Language": "de-CH",
            "X-Forwarded-For": "192.0.2.66",
            "X-Real-IP": "192.0.2.66",
            "Cookie": "sid=stolen",
        }
        functions.post("/challenge", {"email": ADA}, headers=headers, source_ip="203.0.113.9")
        for call in okta.calls:
            assert call.headers["X-Forwarded-For"] == "203.0.113.9"
            assert call.headers["User-Agent"] == "Mozilla/5.0"
            assert call.headers["Accept-Language"] == "de-CH"
            assert "192.0.2.66" not in str(dict(call.headers))
            assert "Cookie" not in call.headers

    def test_a_locale_takes_the_place_of_the_browser_s(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        body = {"email": ADA, "locale": "fr-CA"}
        functions.post("/challenge", body, headers={"Accept-Language": "de"})
        assert okta.counts("send") == 1
        assert okta.calls[-1].headers["Accept-Language"] == "fr-CA"


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "http_status"),
        [("SUSPENDED", "customer_inactive", 409), ("LOCKED_OUT", "customer_locked", 409)],
    )
    def test_a_customer_who_is_not_active_gets_no_code(
        self, functions: Functions, okta: OktaOrg, status: str, code: str, http_status: int
    ) -> None:
        okta.add(ADA, status=status)
        reply = functions.post("/challenge", {"email": ADA}, key=CLIENT_KEY)
        assert (reply.status, reply.code) == (http_status, code)
        assert okta.counts("send") == 0

    def test_two_customers_with_one_email_get_no_code(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        for login in ("twin.one", "twin.two"):
            okta.add("twin@example.com", login=login)
        reply = functions.post("/challenge", {"email": "twin@example.com"}, key=CLIENT_KEY)
        assert (reply.status, reply.code) == (409, "customer_ambiguous")
        assert okta.counts("send") == 0

    def test_a_login_that_is_another_customer_s_email_proves_the_email_s_owner(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add("mallory@evil.example", login=ADA)
        okta.add(ADA, login="ada")
        reply = functions.post("/challenge", {"email": ADA}, key=CLIENT_KEY)
        assert (reply.status, reply.json["destination"]) == (202, "a•••@example.com")
        assert okta.counts("send") == 1

    def test_whom_okta_finds_by_a_short_login_is_looked_up_by_email_too(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        one = okta.add("twin@example.com", login="twin@example.com.one")
        okta.add("twin@example.com", login="twin@example.com.two")
        okta.answers_instead("user", answer(one.document()))
        reply = functions.post("/challenge", {"email": "twin@example.com"}, key=CLIENT_KEY)
        assert (reply.status, reply.code) == (409, "customer_ambiguous")
        assert okta.counts("send") == 0

    @pytest.mark.parametrize(
        "document",
        [
            {},
            [],
            {"id": "00u1", "status": "ACTIVE"},
            {"id": 1, "status": "ACTIVE", "profile": {"login": ADA, "email": ADA}},
            {"id": "00u1", "status": "ACTIVE", "profile": {"login": ADA, "email": None}},
            {"id": "00u1", "status": ["ACTIVE"], "profile": {"login": ADA, "email": ADA}},
        ],
    )
    def test_a_user_in_another_shape_is_not_understood(
        self, functions: Functions, okta: OktaOrg, document: object
    ) -> None:
        for what, instead in (("user", document), ("search", [document])):
            okta.answers_instead(what, answer(instead))
            reply = functions.post("/challenge", {"email": ADA})
            assert (reply.status, reply.code) == (502, "okta_unexpected_response")

    @pytest.mark.parametrize(
        "documents",
        [
            {},
            [{}],
            [{"id": 1, "factorType": "email", "status": "ACTIVE"}],
            [{"id": "emf1", "factorType": "email"}],
            [{"id": "emf1", "factorType": "email", "status": None}],
        ],
    )
    def test_a_factor_in_another_shape_is_not_understood(
        self, functions: Functions, okta: OktaOrg, documents: object
    ) -> None:
        okta.add(ADA)
        okta.answers_instead("factors", answer(documents))
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (502, "okta_unexpected_response")
        assert okta.counts("send") == 0

    def test_a_customer_or_factor_that_is_gone_a_moment_later_gets_no_code(
        self, functions: Functions, okta: OktaOrg
    ) -> None:
        okta.add(ADA)
        for what, code in (("factors", "customer_not_found"), ("send", "factor_not_enrolled")):
            okta.answers_instead(what, refusal(404, "E0000007"))
            assert functions.post("/challenge", {"email": ADA}, key=CLIENT_KEY).code == code

    def test_nobody_gets_no_code(self, functions: Functions, okta: OktaOrg) -> None:
        reply = functions.post("/challenge", {"email": ADA}, key=CLIENT_KEY)
        assert (reply.status, reply.code) == (404, "customer_not_found")
        reply = functions.get("/challenge", ("email", ADA), key=CLIENT_KEY)
        assert (reply.status, reply.body) == (404, "error: invalid email")
        assert okta.counts("send") == 0

    @pytest.mark.parametrize(
        ("factor", "code"),
        [
            (("sms", "ACTIVE", PHONE), "factor_not_enrolled"),
            (("email", "PENDING_ACTIVATION", ADA), "factor_not_active"),
        ],
    )
    def test_a_customer_without_the_factor_gets_no_code(
        self, functions: Functions, okta: OktaOrg, factor: tuple[str, str, str], code: str
    ) -> None:
        okta.add(ADA, factor)
        reply = functions.post("/challenge", {"email": ADA}, key=CLIENT_KEY)
        assert (reply.status, reply.code) == (409, code)
        assert okta.counts("send") == 0

    def test_a_customer_on_hold_gets_no_code(
        self, functions: Functions, okta: OktaOrg, clock: Clock
    ) -> None:
        okta.add(ADA)
        functions.post("/challenge", {"email": ADA})
        for _ in range(4):
            functions.post("/verify", {"email": ADA, "otp": WRONG_CODE})
        clock.advance(60)
        reply = functions.post("/challenge", {"email": ADA})
        assert (reply.status, reply.code) == (429, "attempts_held")
        assert reply.json["retry_after"] == int(reply.headers["Retry-After"]) == 24 * 3600 - 60
        assert okta.counts("send") == 1
