"""Signing in: every step leads on through this service, and ends with a session at Okta."""

from __future__ import annotations

import json
import re
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
    enrol_app,
    links,
    must_enrol,
    outcome,
)
from tests.e2e.test_events import event
from tests.sandbox.okta.records import UserStatus
from tests.sandbox.okta.seed import ADA_PASSWORD
from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = "https://app.example.com/welcome?from=shop"
METHODS = {"email": "otp", "sms": "sms", "call": "tel", TOTP: "otp", "question": "kba"}
"""How a session says it was proved, by the factor's type."""


def session_of(sandbox: Sandbox, response: requests.Response) -> dict[str, Any]:
    """The session that Okta opens for the token of a finished sign-in."""
    assert outcome(response) == (200, "SUCCESS")
    opened = requests.post(
        f"{sandbox.okta_url}/api/v1/sessions",
        json={"sessionToken": response.json()["sessionToken"]},
        headers={"Authorization": f"SSWS {sandbox.org.api_tokens[0]}"},
        timeout=30,
    )
    session: dict[str, Any] = opened.json()
    return session


class TestFactors:
    @pytest.mark.parametrize("kind", METHODS)
    def test_every_factor_ends_in_a_session(self, public: Caller, kind: str) -> None:
        sign_in = SignIn(public)
        assert sign_in.began["status"] == "MFA_REQUIRED"
        assert outcome(sign_in.verify(kind)) == (200, "MFA_CHALLENGE")
        session = session_of(public.sandbox, sign_in.verify(kind, **sign_in.proof(kind)))
        assert (session["login"], session["amr"]) == (ADA, ["pwd", "mfa", METHODS[kind]])

    @pytest.mark.parametrize("kind", [TOTP, "question"])
    def test_what_is_not_sent_needs_no_challenge(self, public: Caller, kind: str) -> None:
        sign_in = SignIn(public)
        session_of(public.sandbox, sign_in.verify(kind, **sign_in.proof(kind)))
        assert not public.sandbox.org.inbox

    @pytest.mark.parametrize("kind", ["email", "sms", "call"])
    def test_a_code_is_sent_once_unless_asked_for_again(self, public: Caller, kind: str) -> None:
        sign_in = SignIn(public)
        sign_in.verify(kind)
        assert len(public.sandbox.org.inbox) == 1
        older = sign_in.proof(kind)
        public.sandbox.advance += 31
        assert outcome(sign_in.resend(kind)) == (200, "MFA_CHALLENGE")
        assert len(public.sandbox.org.inbox) == 2
        assert outcome(sign_in.verify(kind, **older)) == WRONG_CODE
        assert outcome(sign_in.verify(kind, **sign_in.proof(kind))) == (200, "SUCCESS")

    def test_a_code_and_a_sign_in_are_counted_where_alarms_look(
        self, public: Caller, log: Path
    ) -> None:
        before = len(log.read_text())
        sign_in = SignIn(public)
        sign_in.verify("email")
        sign_in.verify("email", **sign_in.proof("email"))
        lines = [json.loads(line) for line in log.read_text()[before:].splitlines()]
        outcomes = [line["outcome"] for line in lines if "outcome" in line]
        assert outcomes == ["sign_in_begun", "sent", "signed_in"]

    def test_a_code_may_be_grouped(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify("email")
        code = public.code()
        assert outcome(sign_in.verify("email", passCode=f" {code[:3]}-{code[3:]} ")) == (
            200,
            "SUCCESS",
        )

    def test_a_wrong_code_says_so_in_okta_s_words(self, public: Caller) -> None:
        response = SignIn(public).verify(TOTP, passCode=WRONG)
        error = response.json()
        assert (response.status_code, error["errorCode"]) == WRONG_CODE
        assert error["errorSummary"] == "Invalid Passcode/Answer"
        assert error["errorLink"] == "E0000068"
        assert error["errorId"]
        assert error["errorCauses"] == [
            {"errorSummary": "Your code doesn't match our records. Please try again."}
        ]

    def test_an_expired_password_keeps_no_code_from_being_sent(self, public: Caller) -> None:
        ada = public.sandbox.org.directory.find_login(ADA)
        assert ada is not None
        ada.status = UserStatus.PASSWORD_EXPIRED
        sign_in = SignIn(public)
        assert outcome(sign_in.verify("email")) == (200, "MFA_CHALLENGE")
        done = sign_in.verify("email", **sign_in.proof("email"))
        assert outcome(done) == (200, "PASSWORD_EXPIRED")

    def test_without_a_factor_the_password_is_enough(self, public: Caller) -> None:
        must_enrol(public.sandbox)
        alan = public.sandbox.org.directory.find_login("alan@example.com")
        assert alan is not None
        alan.must_enrol = False
        response = begin(public, "alan@example.com")
        assert session_of(public.sandbox, response)["amr"] == ["pwd"]


class TestMoves:
    def test_a_sign_in_is_resumed_by_its_token(self, public: Caller) -> None:
        sign_in = SignIn(public)
        assert outcome(sign_in.post("")) == (200, "MFA_REQUIRED")
        sign_in.verify("email")
        assert outcome(sign_in.post("")) == (200, "MFA_CHALLENGE")

    def test_another_factor_may_be_chosen(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify("sms")
        assert outcome(sign_in.post("/previous")) == (200, "MFA_REQUIRED")
        assert outcome(sign_in.verify(TOTP, **sign_in.proof(TOTP))) == (200, "SUCCESS")

    def test_a_cancelled_sign_in_is_dead(self, public: Caller) -> None:
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

    def test_a_finished_sign_in_is_dead(self, public: Caller) -> None:
        sign_in = SignIn(public)
        sign_in.verify(TOTP, **sign_in.proof(TOTP))
        assert outcome(sign_in.verify("question", **sign_in.proof("question"))) == DEAD_TOKEN

    def test_what_okta_does_not_allow_is_told_in_its_words(self, public: Caller) -> None:
        for response in (SignIn(public).post("/skip"), SignIn(public).post("/previous")):
            assert outcome(response) == (403, "E0000079")
            assert "not allowed in the current authentication state" in response.text

    def test_a_factor_enrolled_on_the_way_is_activated_and_the_rest_skipped(
        self, public: Caller
    ) -> None:
        must_enrol(public.sandbox)
        wanted = {"multiOptionalFactorEnroll": True}
        sign_in = SignIn(public, "alan@example.com", options=wanted, redirect_url=APP)
        assert sign_in.began["status"] == "MFA_ENROLL"
        app = enrol_app(sign_in)
        path = f"/factors/{app.factor_id}/lifecycle/activate"
        assert outcome(sign_in.post(path, passCode=WRONG)) == WRONG_CODE
        assert outcome(sign_in.post(path, passCode=app.code())) == (200, "MFA_ENROLL")
        skipped = sign_in.post("/skip")
        assert outcome(skipped) == (200, "SUCCESS")
        assert skipped.json()["sessionCookieRedirect"]

    def test_activating_an_email_factor_says_what_to_do_instead(self, public: Caller) -> None:
        sign_in = SignIn(public)
        path = f"/factors/{sign_in.factor('email')}/lifecycle/activate"
        response = sign_in.post(path, passCode="123456")
        assert outcome(response) == (403, "E0000005")
        assert "factors/{id}/verify" in response.json()["errorSummary"]
        assert outcome(sign_in.verify("email")) == (200, "MFA_CHALLENGE")


class TestLinks:
    def test_every_link_of_every_answer_leads_here(self, public: Caller) -> None:
        must_enrol(public.sandbox)
        alan = SignIn(public, "alan@example.com")
        enrol_app(alan)
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

    def test_the_links_of_a_locked_customer_lead_here(self, client: Caller) -> None:
        lock(client)
        assert all(each.startswith(client.sandbox.url) for each in links(begin(client).json()))

    def test_under_a_stage_the_links_have_it(self, sandbox: Sandbox) -> None:
        sent = event("sign-in")
        sent["body"] = json.dumps({"username": ADA, "password": ADA_PASSWORD})
        sent["headers"] = {"Content-Type": "application/json", "X-Forwarded-Host": "evil.example"}
        sent["requestContext"] |= {
            "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
            "path": "/prod/api/v1/authn",
            "stage": "prod",
        }
        document = json.loads(sandbox.invoke("IssueChallengeFunction", sent)["body"])
        here = "http://abc.execute-api.eu-central-1.amazonaws.com/prod/api/v1/authn/"
        found = list(links(document))
        assert len(found) == 6
        assert all(link.startswith(here) for link in found)

    @pytest.mark.parametrize(
        "header",
        [{"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "gopher"}, {"Forwarded": "h"}],
    )
    def test_a_caller_s_headers_do_not_lead_the_links_astray(
        self, public: Caller, header: dict[str, str]
    ) -> None:
        found = links(SignIn(Caller(public.sandbox, header)).began)
        assert all(link.startswith(f"{public.sandbox.url}/api/v1/") for link in found)


def lock(client: Caller) -> None:
    """Have Okta lock ada out."""
    ada = client.sandbox.org.directory.find_login(ADA)
    assert ada is not None
    ada.status = type(ada.status)("LOCKED_OUT")


class TestRedirects:
    def test_a_browser_is_sent_on_with_a_session(self, public: Caller) -> None:
        sign_in = SignIn(public, redirect_url=APP)
        done = sign_in.verify(TOTP, **sign_in.proof(TOTP)).json()
        url = done["sessionCookieRedirect"]
        assert url.startswith(f"{public.sandbox.okta_url}/login/sessionCookieRedirect?token=")
        with requests.Session() as browser:
            sent_on = browser.get(url, allow_redirects=False, timeout=30)
            assert (sent_on.status_code, sent_on.headers["Location"]) == (302, APP)
            me = browser.get(f"{public.sandbox.okta_url}/api/v1/sessions/me", timeout=30)
        assert (me.status_code, me.json()["login"]) == (200, ADA)

    def test_the_last_step_may_name_another(self, public: Caller) -> None:
        sign_in = SignIn(public, redirect_url=APP)
        other = "https://app.example.com/other"
        done = sign_in.verify(TOTP, redirect_url=other, **sign_in.proof(TOTP)).json()
        assert done["sessionCookieRedirect"].endswith("app.example.com%2Fother")

    def test_nobody_is_sent_anywhere_unasked(self, public: Caller) -> None:
        sign_in = SignIn(public)
        assert "sessionCookieRedirect" not in sign_in.verify(TOTP, **sign_in.proof(TOTP)).json()

    def test_another_origin_is_refused_before_okta_is_asked(self, public: Caller) -> None:
        refused = begin(public, redirect_url="https://evil.example/")
        assert outcome(refused) == (400, "E0000001")
        assert not public.sandbox.org.calls
        sign_in = SignIn(public)
        body = {"redirect_url": "https://app.example.com@evil.example/", **sign_in.proof(TOTP)}
        assert outcome(sign_in.verify(TOTP, **body)) == (400, "E0000001")
        assert public.verifies_seen_by_okta() == 0


class TestHttp:
    def test_a_browser_of_an_allowed_origin_may_call(self, public: Caller) -> None:
        sandbox = public.sandbox
        headers = {
            "Origin": sandbox.url,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-okta-user-agent-extended",
        }
        for path in ("", "/factors/emf1/verify", "/factors/emf1/verify/resend", "/cancel"):
            url = f"{sandbox.url}/api/v1/authn{path}"
            preflight = requests.options(url, headers=headers, timeout=30)
            assert preflight.status_code == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == sandbox.url
            assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
            allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
            assert {"content-type", "x-okta-user-agent-extended", "x-device-fingerprint"} <= set(
                re.split(r",\s*", allowed)
            )
        stranger = requests.options(url, headers={**headers, "Origin": "https://e"}, timeout=30)
        assert "Access-Control-Allow-Origin" not in stranger.headers

    def test_a_retry_under_one_key_sends_once_and_answers_alike(self, public: Caller) -> None:
        key = {"Idempotency-Key": "retry-1"}
        with_key = Caller(public.sandbox, key)
        sign_in = SignIn(with_key)
        assert begin(with_key).json() == sign_in.began
        assert sign_in.verify("email").json() == sign_in.verify("email").json()
        assert len(public.sandbox.org.inbox) == 1
        proof = Caller(public.sandbox, {"Idempotency-Key": "retry-2"})
        path = f"/api/v1/authn/factors/{sign_in.factor('email')}/verify"
        body = {"stateToken": sign_in.token, **sign_in.proof("email")}
        first, again = proof.post(path, body), proof.post(path, body)
        assert outcome(first) == (200, "SUCCESS")
        assert first.json() == again.json()


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


class TestWhatOktaIsTold:
    def test_of_the_customer_and_no_token(self, sandbox: Sandbox) -> None:
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

    def test_nothing_of_somebody_with_a_token_of_their_own(self, sandbox: Sandbox) -> None:
        caller = Caller(sandbox, {"Authorization": f"SSWS {sandbox.org.api_tokens[0]}"})
        assert outcome(begin(caller)) == DEAD_TOKEN
        assert not sandbox.org.calls

    def test_a_trusted_application_sends_its_token_with_every_step(self, trusted: Sandbox) -> None:
        sign_in = SignIn(Caller(trusted, CUSTOMER_HEADERS))
        sign_in.verify("email")
        assert outcome(sign_in.verify("email", **sign_in.proof("email"))) == (200, "SUCCESS")
        for call in trusted.org.calls:
            assert call.headers["Authorization"] == "SSWS"
            assert call.headers["X-Forwarded-For"] == "198.51.100.7"

    def test_a_trusted_application_s_bad_token_is_not_the_customer_s_fault(
        self, trusted: Sandbox
    ) -> None:
        trusted.org.accept_tokens(["00another-token-another-token-another-tok"])
        response = begin(Caller(trusted, {}))
        assert response.status_code == 502
        assert "E0000011" not in response.text

    def test_a_bad_token_with_which_the_email_is_asked_for_is_not_either(
        self, public: Caller
    ) -> None:
        sign_in = SignIn(public)
        public.sandbox.org.accept_tokens([])
        response = sign_in.verify("email")
        assert response.status_code == 502
        assert "E0000011" not in response.text

    def test_what_only_a_trusted_application_may_ask_is_not_passed_on(
        self, trusted: Sandbox
    ) -> None:
        caller = Caller(trusted, {})
        assert outcome(begin(caller, audience="https://x", token="recovery")) == (
            200,
            "MFA_REQUIRED",
        )
        for body in ({"username": ADA}, {"username": ADA, "relayState": "x"}, {"token": "x"}):
            assert outcome(caller.post("/api/v1/authn", body)) == (400, "E0000001")
        assert len(trusted.org.calls) == 1
