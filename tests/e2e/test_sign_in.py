"""Sign-ins through this service, which end with a session at Okta."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.e2e.conftest import Caller
from tests.e2e.sign_in import (
    ADA,
    DEAD_TOKEN,
    TOTP,
    WRONG,
    WRONG_CODE,
    SignIn,
    begin,
    enroll_app,
    links,
    must_enrol,
    outcome,
)
from tests.sandbox.okta.records import User, UserStatus
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALAN = "alan@example.com"
APP = "https://app.example.com/welcome?from=shop"
METHODS = {"email": "otp", "sms": "sms", "call": "tel", TOTP: "otp", "question": "kba"}
"""The authentication method in Okta's session (amr), by the type of the factor."""


def session_of(sandbox: Sandbox, response: requests.Response) -> dict[str, Any]:
    """The session that Okta opens for the token of a successful sign-in."""
    assert outcome(response) == (200, "SUCCESS")
    opened = requests.post(
        f"{sandbox.okta_url}/api/v1/sessions",
        json={"sessionToken": response.json()["sessionToken"]},
        headers={"Authorization": f"SSWS {sandbox.org.api_tokens[0]}"},
        timeout=30,
    )
    session: dict[str, Any] = opened.json()
    return session


def user(sandbox: Sandbox, login: str) -> User:
    found = sandbox.org.directory.find_login(login)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", METHODS)
def test_every_factor_ends_in_a_session(public: Caller, kind: str) -> None:
    sign_in = SignIn(public)
    assert sign_in.began["status"] == "MFA_REQUIRED"
    assert outcome(sign_in.verify(kind)) == (200, "MFA_CHALLENGE")
    session = session_of(public.sandbox, sign_in.verify(kind, **sign_in.proof(kind)))
    assert (session["login"], session["amr"]) == (ADA, ["pwd", "mfa", METHODS[kind]])


def test_a_customer_with_an_expired_password_is_sent_a_code(public: Caller) -> None:
    user(public.sandbox, ADA).status = UserStatus.PASSWORD_EXPIRED
    sign_in = SignIn(public)
    assert outcome(sign_in.verify("email")) == (200, "MFA_CHALLENGE")
    done = sign_in.verify("email", **sign_in.proof("email"))
    assert outcome(done) == (200, "PASSWORD_EXPIRED")


def test_without_a_factor_the_password_is_enough(public: Caller) -> None:
    must_enrol(public.sandbox)
    user(public.sandbox, ALAN).must_enrol = False
    response = begin(public, ALAN)
    assert session_of(public.sandbox, response)["amr"] == ["pwd"]


def test_a_cancelled_sign_in_has_ended(public: Caller) -> None:
    sign_in = SignIn(public)
    assert sign_in.post("/cancel").status_code == 200
    for response in (
        sign_in.post(""),
        sign_in.post("/previous"),
        sign_in.post("/skip"),
        sign_in.post("/cancel"),
        sign_in.verify("email"),
        sign_in.verify(TOTP, **sign_in.proof(TOTP)),
        sign_in.resend("email"),
    ):
        assert outcome(response) == DEAD_TOKEN
    assert not public.sandbox.org.inbox


def test_a_factor_is_enrolled_and_activated_and_the_others_are_skipped(public: Caller) -> None:
    must_enrol(public.sandbox)
    wanted = {"multiOptionalFactorEnroll": True}
    sign_in = SignIn(public, ALAN, options=wanted, redirect_url=APP)
    assert sign_in.began["status"] == "MFA_ENROLL"
    app = enroll_app(sign_in)
    path = f"/factors/{app.factor_id}/lifecycle/activate"
    assert outcome(sign_in.post(path, passCode=WRONG)) == WRONG_CODE
    assert outcome(sign_in.post(path, passCode=app.code())) == (200, "MFA_ENROLL")
    skipped = sign_in.post("/skip")
    assert outcome(skipped) == (200, "SUCCESS")
    assert skipped.json()["sessionCookieRedirect"]


def test_every_link_of_every_answer_leads_here(public: Caller) -> None:
    must_enrol(public.sandbox)
    alan = SignIn(public, ALAN)
    enroll_app(alan)
    sign_in = SignIn(public)
    documents = [sign_in.began, alan.began, alan.post("").json()]
    for kind in ("email", "sms", "call", TOTP, "question"):
        documents += [sign_in.verify(kind).json(), sign_in.post("/previous").json()]
        public.sandbox.advance += 31
    documents.append(sign_in.verify(TOTP, **sign_in.proof(TOTP)).json())
    for document in documents:
        found = list(links(document))
        assert found
        here = (f"{public.sandbox.url}/api/v1/", "data:image/png;base64,")
        assert all(link.startswith(here) for link in found), found
        assert public.sandbox.okta_url not in json.dumps(document)


def test_the_links_of_a_locked_customer_lead_here(client: Caller) -> None:
    user(client.sandbox, ADA).status = UserStatus.LOCKED_OUT
    assert all(each.startswith(client.sandbox.url) for each in links(begin(client).json()))


def test_a_browser_is_redirected_with_a_session(public: Caller) -> None:
    sign_in = SignIn(public, redirect_url=APP)
    done = sign_in.verify(TOTP, **sign_in.proof(TOTP)).json()
    url = done["sessionCookieRedirect"]
    assert url.startswith(f"{public.sandbox.okta_url}/login/sessionCookieRedirect?token=")
    with requests.Session() as browser:
        sent_on = browser.get(url, allow_redirects=False, timeout=30)
        assert (sent_on.status_code, sent_on.headers["Location"]) == (302, APP)
        me = browser.get(f"{public.sandbox.okta_url}/api/v1/sessions/me", timeout=30)
    assert (me.status_code, me.json()["login"]) == (200, ADA)


CUSTOMER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11)",
    "Accept-Language": "de-CH, de;q=0.9",
    "X-Device-Fingerprint": "f1-0a1b2c",
    "X-Sandbox-Source-Ip": "198.51.100.7",
}


@pytest.fixture(scope="module")
def running_trusted(log: Path) -> Iterator[Sandbox]:
    trusted = {"TRUSTED_APPLICATION": "true"}
    with log.open("a", buffering=1) as file, Sandbox(file, environment=trusted) as sandbox:
        yield sandbox


@pytest.fixture
def trusted(running_trusted: Sandbox) -> Sandbox:
    running_trusted.reset()
    return running_trusted


def test_okta_gets_the_customers_headers_and_no_token(sandbox: Sandbox) -> None:
    forged = {"X-Forwarded-For": "203.0.113.99"}
    sign_in = SignIn(Caller(sandbox, CUSTOMER_HEADERS | forged))
    sign_in.verify(TOTP, **sign_in.proof(TOTP))
    assert len(sandbox.org.calls) == 2
    for call in sandbox.org.calls:
        assert call.headers == {
            "User-Agent": "Mozilla/5.0 (X11)",
            "Accept-Language": "de-CH, de;q=0.9",
            "X-Forwarded-For": "198.51.100.7",
            "X-Device-Fingerprint": "f1-0a1b2c",
        }


def test_okta_gets_the_token_of_a_trusted_application(trusted: Sandbox) -> None:
    sign_in = SignIn(Caller(trusted, CUSTOMER_HEADERS))
    sign_in.verify("email")
    assert outcome(sign_in.verify("email", **sign_in.proof("email"))) == (200, "SUCCESS")
    for call in trusted.org.calls:
        assert call.headers["Authorization"] == "SSWS"
        assert call.headers["X-Forwarded-For"] == "198.51.100.7"


def test_a_bad_token_of_a_trusted_application_is_not_the_customers_fault(trusted: Sandbox) -> None:
    trusted.org.accept_tokens(["00another-token-another-token-another-tok"])
    response = begin(Caller(trusted, {}))
    assert response.status_code == 502
    assert "E0000011" not in response.text
