"""The sessions of the simulated org, by id and by cookie."""

import pytest
from werkzeug.test import TestResponse

from tests.contract.okta_org import ADA, OktaOrg, path_of

SIGNED_IN = "sign_in; verify question right -> SUCCESS"
SHOP = "https://app.example.com/welcome?from=okta"

JOURNEYS = {
    "a token opens one session": "open -> ACTIVE; open -> AUTHENTICATION_FAILED",
    "a token is good for five minutes": "wait 300; open -> AUTHENTICATION_FAILED",
    "a session token and an API token are required": """
        call POST sessions x= -> VALIDATION_FAILED
        call POST sessions sessionToken=20111unknown -> AUTHENTICATION_FAILED
        call POST sessions sessionToken=20111unknown Authorization: -> INVALID_SESSION
    """,
    "a session lasts two hours from its start or refresh": """
        open; wait 7199; call GET sessions/{session} -> ACTIVE
        call POST sessions/{session}/lifecycle/refresh -> ACTIVE
        wait 7199; call GET sessions/{session} -> ACTIVE
        wait 1; call GET sessions/{session} -> NOT_FOUND
    """,
    "a closed session is gone": """
        open; call DELETE sessions/{session} -> 204
        call GET sessions/{session} -> NOT_FOUND
        call DELETE sessions/{session} -> NOT_FOUND
    """,
    **{
        f"a {status} user has no session": f"""
            open; status {status}; call GET sessions/{{session}} -> NOT_FOUND
        """
        for status in ("SUSPENDED", "DEPROVISIONED")
    },
    "sessions are not listed": "call GET sessions/ -> WRONG_METHOD; call GET sessions -> WRONG_METHOD",
    "without a cookie there is no session": "call GET sessions/me Authorization: -> NOT_FOUND",
}


def redirected(okta: OktaOrg, url: str = SHOP) -> TestResponse:
    query = {"token": okta.state["sessionToken"], "redirectUrl": url}
    return okta.request(
        "GET", "/login/sessionCookieRedirect", query=query, headers={"Authorization": ""}
    )


@pytest.fixture(autouse=True)
def signed_in(okta: OktaOrg) -> None:
    okta.play(SIGNED_IN)


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_sessions(journey: str, okta: OktaOrg) -> None:
    okta.play(journey)


def test_a_session_has_its_user_and_the_methods_of_the_sign_in(okta: OktaOrg) -> None:
    session = okta.open().get_json()
    assert (session["userId"], session["login"]) == (okta.user.id, ADA)
    assert session["amr"] == ["pwd", "mfa", "kba"]
    assert session["lastFactorVerification"] == session["lastPasswordVerification"]


def test_a_refused_session_token_is_answered_without_caching(okta: OktaOrg) -> None:
    answer = okta.play("call POST sessions sessionToken=20111unknown -> AUTHENTICATION_FAILED")
    assert answer.headers["cache-control"] == "no-cache, no-store"
    assert "www-authenticate" not in answer.headers
    answer = okta.play('call POST sessions x= "Authorization:SSWS wrong" -> INVALID_TOKEN')
    assert answer.headers["www-authenticate"] == "SSWS"
    assert "cache-control" not in answer.headers


def test_a_reset_ends_sessions_and_tokens(okta: OktaOrg) -> None:
    okta.play(f"open; wait 1; {SIGNED_IN}")
    okta.org.reset()
    okta.play("call GET sessions/{session} -> NOT_FOUND; open -> AUTHENTICATION_FAILED")


def test_the_redirect_sets_a_cookie_that_is_a_session(okta: OktaOrg) -> None:
    response = redirected(okta)
    assert (response.status_code, response.headers["Location"]) == (302, SHOP)
    assert response.headers["Set-Cookie"].startswith("sid=102")
    session = okta.play("call GET sessions/me Authorization: -> ACTIVE").get_json()
    assert session["login"] == ADA
    refresh = path_of(session["_links"]["refresh"]["href"])
    okta.play(f"""
        wait 7199; call POST {refresh} Authorization: -> ACTIVE
        wait 7199; call DELETE sessions/me Authorization: -> 204
        call GET sessions/me Authorization: -> NOT_FOUND
    """)


def test_a_used_token_redirects_without_a_cookie(okta: OktaOrg) -> None:
    okta.open()
    response = redirected(okta)
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
def test_loopback_and_trusted_origins_are_allowed(url: str, okta: OktaOrg) -> None:
    assert redirected(okta, url).headers["Location"] == url


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
def test_another_origin_is_refused_and_does_not_use_up_the_token(url: str, okta: OktaOrg) -> None:
    assert redirected(okta, url).get_json()["errorCode"] == "E0000001"
    assert "Set-Cookie" in redirected(okta).headers


def test_a_line_break_in_the_address_adds_no_header(okta: OktaOrg) -> None:
    okta.open()
    response = redirected(okta, "http://localhost/\r\nSet-Cookie: sid=1")
    assert "Set-Cookie" not in response.headers
    assert "\n" not in response.headers["Location"]
