"""The sessions of the simulated org, by token and by cookie."""

import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import OktaOrg, outcome, path_of
from tests.sandbox.okta.records import FactorType, UserStatus
from tests.sandbox.okta.seed import ADA_ANSWER

ADA = "ada@example.com"
SESSIONS = "/api/v1/sessions"
OWN = f"{SESSIONS}/me"
REDIRECT = "/login/sessionCookieRedirect"
SHOP = "https://app.example.com/welcome?from=okta"

REFUSED = (400, "E0000001")
FAILED = (401, "E0000004")
NOT_FOUND = (404, "E0000007")


@pytest.fixture
def okta() -> OktaOrg:
    return OktaOrg()


def session_token(okta: OktaOrg) -> str:
    """That of a sign-in with a password and an answer."""
    state = okta.sign_in(ADA).get_json()
    path = f"/factors/{okta.factor(ADA, FactorType.QUESTION).id}/verify"
    return str(okta.follow(path, state, answer=ADA_ANSWER).get_json()["sessionToken"])


def opened(okta: OktaOrg) -> str:
    response = okta.post(SESSIONS, {"sessionToken": session_token(okta)})
    return f"{SESSIONS}/{response.get_json()['id']}"


def redirected(okta: OktaOrg, token: str, url: str = SHOP) -> TestResponse:
    return okta.get(REDIRECT, api_token=None, token=token, redirectUrl=url)


class TestById:
    def test_a_session_says_how_it_was_proved(self, okta: OktaOrg) -> None:
        session = okta.get(opened(okta)).get_json()
        assert (session["userId"], session["login"]) == (okta.user(ADA).id, ADA)
        assert session["amr"] == ["pwd", "mfa", "kba"]
        assert session["lastFactorVerification"] == session["lastPasswordVerification"]

    def test_a_token_opens_one(self, okta: OktaOrg) -> None:
        body = {"sessionToken": session_token(okta)}
        assert okta.post(SESSIONS, body).status_code == 200
        assert outcome(okta.post(SESSIONS, body)) == FAILED

    def test_a_token_opens_one_within_five_minutes(self, okta: OktaOrg) -> None:
        body = {"sessionToken": session_token(okta)}
        okta.clock.advance(300)
        assert outcome(okta.post(SESSIONS, body)) == FAILED

    def test_a_token_is_needed(self, okta: OktaOrg) -> None:
        assert outcome(okta.post(SESSIONS, {})) == REFUSED
        assert outcome(okta.post(SESSIONS, {"sessionToken": "20111unknown"})) == FAILED

    def test_a_session_ends(self, okta: OktaOrg) -> None:
        session = opened(okta)
        okta.clock.advance(7199)
        assert okta.get(session).status_code == 200
        okta.clock.advance(1)
        assert outcome(okta.get(session)) == NOT_FOUND

    def test_a_refreshed_session_ends_later(self, okta: OktaOrg) -> None:
        session = opened(okta)
        okta.clock.advance(7199)
        assert okta.post(f"{session}/lifecycle/refresh").status_code == 200
        okta.clock.advance(7199)
        assert okta.get(session).status_code == 200

    def test_a_closed_session_is_gone(self, okta: OktaOrg) -> None:
        session = opened(okta)
        assert okta.delete(session).status_code == 204
        assert outcome(okta.get(session)) == NOT_FOUND
        assert outcome(okta.delete(session)) == NOT_FOUND

    @pytest.mark.parametrize("status", [UserStatus.SUSPENDED, UserStatus.DEPROVISIONED])
    def test_who_is_out_has_none(self, status: UserStatus, okta: OktaOrg) -> None:
        session = opened(okta)
        okta.user(ADA).status = status
        assert outcome(okta.get(session)) == NOT_FOUND

    def test_a_reset_ends_them_all(self, okta: OktaOrg) -> None:
        session, token = opened(okta), session_token(okta)
        okta.org.reset()
        assert outcome(okta.get(session)) == NOT_FOUND
        assert outcome(okta.post(SESSIONS, {"sessionToken": token})) == FAILED

    def test_it_takes_the_api_token(self, okta: OktaOrg) -> None:
        body = {"sessionToken": session_token(okta)}
        assert outcome(okta.post(SESSIONS, body, api_token=None)) == (403, "E0000005")


class TestByCookie:
    def test_a_browser_is_sent_on_with_its_session(self, okta: OktaOrg) -> None:
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

    def test_a_used_token_gives_no_cookie(self, okta: OktaOrg) -> None:
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
        ],
    )
    def test_an_origin_may_be_trusted(self, url: str, okta: OktaOrg) -> None:
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
    def test_other_origins_are_refused(self, url: str, okta: OktaOrg) -> None:
        token = session_token(okta)
        assert outcome(redirected(okta, token, url)) == REFUSED
        assert "Set-Cookie" in redirected(okta, token).headers

    def test_the_trusted_origins_are_the_orgs_choice(self, okta: OktaOrg) -> None:
        okta.org.policy.trusted_origins.add("https://shop.example.com")
        response = redirected(okta, session_token(okta), "https://shop.example.com/")
        assert response.status_code == 302

    def test_no_header_can_be_slipped_in(self, okta: OktaOrg) -> None:
        response = redirected(okta, "20111unknown", "http://localhost/\r\nSet-Cookie: sid=1")
        assert "Set-Cookie" not in response.headers
        assert "\n" not in response.headers["Location"]
