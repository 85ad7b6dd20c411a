"""The sessions of the simulated org, by id and by cookie."""

import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import (
    ADA,
    FAILED,
    INVALID,
    NO_SESSION,
    NOT_FOUND,
    OktaOrg,
    outcome,
    path_of,
)
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_ANSWER

SESSIONS = "/api/v1/sessions"
OWN = f"{SESSIONS}/me"
REDIRECT = "/login/sessionCookieRedirect"
SHOP = "https://app.example.com/welcome?from=okta"


def session_token(okta: OktaOrg) -> str:
    """The session token of a sign-in with a password and an answer."""
    state = okta.sign_in(ADA).get_json()
    path = f"/factors/{okta.factor(ADA, FactorType.QUESTION).id}/verify"
    return str(okta.follow(path, state, answer=ADA_ANSWER).get_json()["sessionToken"])


def opened(okta: OktaOrg) -> str:
    response = okta.post(SESSIONS, {"sessionToken": session_token(okta)})
    return f"{SESSIONS}/{response.get_json()['id']}"


def redirected(okta: OktaOrg, token: str, url: str = SHOP) -> TestResponse:
    return okta.get(REDIRECT, api_token=None, token=token, redirectUrl=url)


class TestById:
    def test_a_session_has_its_user_and_the_methods_of_the_sign_in(self, okta: OktaOrg) -> None:
        session = okta.get(opened(okta)).get_json()
        assert (session["userId"], session["login"]) == (okta.user(ADA).id, ADA)
        assert session["amr"] == ["pwd", "mfa", "kba"]
        assert session["lastFactorVerification"] == session["lastPasswordVerification"]

    @pytest.mark.parametrize(("used", "seconds"), [(True, 0), (False, 300)])
    def test_a_token_opens_one_session_within_five_minutes(
        self, used: bool, seconds: int, okta: OktaOrg
    ) -> None:
        body = {"sessionToken": session_token(okta)}
        if used:
            assert okta.post(SESSIONS, body).status_code == 200
        okta.clock.advance(seconds)
        assert outcome(okta.post(SESSIONS, body)) == FAILED

    def test_a_session_token_and_an_api_token_are_required(self, okta: OktaOrg) -> None:
        assert outcome(okta.post(SESSIONS, {})) == INVALID
        assert outcome(okta.post(SESSIONS, {"sessionToken": "20111unknown"})) == FAILED
        body = {"sessionToken": session_token(okta)}
        assert outcome(okta.post(SESSIONS, body, api_token=None)) == NO_SESSION

    @pytest.mark.parametrize("refreshed", [False, True])
    def test_a_session_lasts_two_hours_from_its_start_or_refresh(
        self, refreshed: bool, okta: OktaOrg
    ) -> None:
        session = opened(okta)
        okta.clock.advance(7199)
        assert okta.get(session).status_code == 200
        if refreshed:
            assert okta.post(f"{session}/lifecycle/refresh").status_code == 200
            okta.clock.advance(7199)
            assert okta.get(session).status_code == 200
        okta.clock.advance(1)
        assert outcome(okta.get(session)) == NOT_FOUND

    def test_a_closed_session_is_gone(self, okta: OktaOrg) -> None:
        session = opened(okta)
        assert okta.delete(session).status_code == 204
        assert outcome(okta.get(session)) == NOT_FOUND
        assert outcome(okta.delete(session)) == NOT_FOUND

    @pytest.mark.parametrize("status", [UserStatus.SUSPENDED, UserStatus.DEPROVISIONED])
    def test_suspending_or_deactivating_a_user_ends_the_session(
        self, status: UserStatus, okta: OktaOrg
    ) -> None:
        session = opened(okta)
        okta.user(ADA).status = status
        assert outcome(okta.get(session)) == NOT_FOUND

    def test_a_reset_ends_sessions_and_tokens(self, okta: OktaOrg) -> None:
        session, token = opened(okta), session_token(okta)
        okta.org.reset()
        assert outcome(okta.get(session)) == NOT_FOUND
        assert outcome(okta.post(SESSIONS, {"sessionToken": token})) == FAILED


class TestByCookie:
    def test_the_redirect_sets_a_cookie_that_is_a_session(self, okta: OktaOrg) -> None:
        response = redirected(okta, session_token(okta))
        assert (response.status_code, response.headers["Location"]) == (302, SHOP)
        assert response.headers["Set-Cookie"].startswith("sid=102")
        session = okta.get(OWN, api_token=None).get_json()
        assert session["login"] == ADA
        okta.clock.advance(7199)
        refresh = path_of(session["_links"]["refresh"]["href"])
        assert okta.post(refresh, api_token=None).status_code == 200
        okta.clock.advance(7199)
        assert okta.delete(OWN, api_token=None).status_code == 204
        assert outcome(okta.get(OWN, api_token=None)) == NOT_FOUND

    def test_without_a_cookie_there_is_no_session(self, okta: OktaOrg) -> None:
        response = okta.get(OWN, api_token=None)
        assert outcome(response) == NOT_FOUND
        summary = response.get_json()["errorSummary"]
        assert summary == "Not found: Resource not found: me (Session)"

    def test_a_used_token_redirects_without_a_cookie(self, okta: OktaOrg) -> None:
        token = session_token(okta)
        okta.post(SESSIONS, {"sessionToken": token})
        response = redirected(okta, token)
        assert (response.status_code, response.headers["Location"]) == (302, SHOP)
        assert "Set-Cookie" not in response.headers

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:3000/",
            "http://localhost:8080/orders",
            "https://[::1]/",
            "https://app.example.com",
            "https://shop.example.com/",
        ],
    )
    def test_loopback_and_trusted_origins_are_allowed(self, url: str, okta: OktaOrg) -> None:
        okta.org.policy.trusted_origins.add("https://shop.example.com")
        assert redirected(okta, session_token(okta), url).headers["Location"] == url

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "/orders",
            "https://elsewhere.example.com/",
            "http://app.example.com/",
            "https://app.example.com.elsewhere.example.com/",
            "https://app.example.com:8443/",
            "https://app.example.com@elsewhere.example.com/",
            "javascript://localhost/",
            "http://[",
        ],
    )
    def test_another_origin_is_refused_and_does_not_use_up_the_token(
        self, url: str, okta: OktaOrg
    ) -> None:
        token = session_token(okta)
        assert outcome(redirected(okta, token, url)) == INVALID
        assert "Set-Cookie" in redirected(okta, token).headers

    def test_a_line_break_in_the_address_adds_no_header(self, okta: OktaOrg) -> None:
        response = redirected(okta, "20111unknown", "http://localhost/\r\nSet-Cookie: sid=1")
        assert "Set-Cookie" not in response.headers
        assert "\n" not in response.headers["Location"]
