"""Sign-ins through this service, which end with a session at Okta."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import PIL.Image
import pyotp
import pytest
import requests
import zxingcpp

from tests.e2e.conftest import WAIT, Caller, code_of, user
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
    session_of,
)
from tests.sandbox.okta.records import FactorType, UserStatus

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

ALAN = "alan@example.com"
PHONE = "+15005550009"
APP = "https://app.example.com/welcome?from=shop"
CUSTOMER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11)",
    "Accept-Language": "de-CH, de;q=0.9",
    "X-Device-Fingerprint": "f1-0a1b2c",
}


@pytest.mark.in_process
def test_a_code_by_call_ends_in_a_session(public: Caller) -> None:
    sign_in = SignIn(public)
    assert outcome(sign_in.verify("call")) == (200, "MFA_CHALLENGE")
    done = sign_in.verify("call", **sign_in.proof("call"))
    assert outcome(done) == (200, "SUCCESS")
    assert session_of(public.sandbox, done.json()["sessionToken"])["amr"] == ["pwd", "mfa", "tel"]


@pytest.mark.in_process
def test_the_relay_state_is_in_every_answer(public: Caller) -> None:
    sign_in = SignIn(public, relayState="/basket?item=7")
    answers = [sign_in.began, sign_in.verify("email").json(), sign_in.post("").json()]
    answers.append(sign_in.verify("email", **sign_in.proof("email")).json())
    assert [each["status"] for each in answers][-1] == "SUCCESS"
    assert {each["relayState"] for each in answers} == {"/basket?item=7"}


@pytest.mark.in_process
def test_without_a_factor_the_password_is_enough(public: Caller) -> None:
    must_enrol(public.sandbox)
    user(public.sandbox, ALAN).must_enrol = False
    done = begin(public, ALAN)
    assert session_of(public.sandbox, done.json()["sessionToken"])["amr"] == ["pwd"]


@pytest.mark.in_process
def test_a_cancelled_sign_in_has_ended(public: Caller) -> None:
    sign_in = SignIn(public)
    assert sign_in.post("/cancel").status_code == 200
    for response in (
        *(sign_in.post(path) for path in ("", "/previous", "/skip", "/cancel")),
        sign_in.verify("email"),
        sign_in.verify(TOTP, **sign_in.proof(TOTP)),
        sign_in.resend("email"),
    ):
        assert outcome(response) == DEAD_TOKEN
    assert not public.sandbox.org.inbox


@pytest.mark.in_process
def test_an_app_is_enrolled_by_its_picture_and_the_other_factors_are_skipped(
    public: Caller,
) -> None:
    must_enrol(public.sandbox)
    sign_in = SignIn(public, ALAN, options={"multiOptionalFactorEnroll": True}, redirect_url=APP)
    assert sign_in.began["status"] == "MFA_ENROLL"
    app = enroll_app(sign_in)
    activation = sign_in.post("").json()["_embedded"]["factor"]["_embedded"]["activation"]
    scheme, _, encoded = activation["_links"]["qrcode"]["href"].partition(",")
    assert scheme == "data:image/png;base64"
    (scanned,) = zxingcpp.read_barcodes(PIL.Image.open(io.BytesIO(base64.b64decode(encoded))))
    (secret,) = parse_qs(urlsplit(scanned.text).query)["secret"]
    code = pyotp.TOTP(secret).at(int(public.sandbox.now()))
    path = f"/factors/{app.factor_id}/lifecycle/activate"
    assert outcome(sign_in.post(path, passCode=WRONG)) == WRONG_CODE
    assert outcome(sign_in.post(path, passCode=code)) == (200, "MFA_ENROLL")
    skipped = sign_in.post("/skip")
    assert outcome(skipped) == (200, "SUCCESS")
    assert skipped.json()["sessionCookieRedirect"]


@pytest.mark.in_process
def test_a_phone_is_enrolled_while_signing_in_and_can_then_be_sent_codes(
    public: Caller, client: Caller
) -> None:
    """What was known of the customer's factors before is not used for clients, and for a minute
    at most for the public.
    """
    by_sms = {"email": ALAN, "channel": "sms"}
    inbox = public.sandbox.org.inbox
    assert code_of(client.post("/challenge", by_sms)) == "factor_not_enrolled"
    public.challenge(**by_sms)
    assert not inbox
    must_enrol(public.sandbox)
    sign_in = SignIn(public, ALAN)
    enrolled = sign_in.post(
        "/factors", factorType="sms", provider="OKTA", profile={"phoneNumber": PHONE}
    )
    assert outcome(enrolled) == (200, "MFA_ENROLL_ACTIVATE")
    factor = f"/factors/{enrolled.json()['_embedded']['factor']['id']}/lifecycle"
    first = public.code(PHONE)
    assert sign_in.post(f"{factor}/resend").status_code == 429
    public.sandbox.advance += WAIT
    assert outcome(sign_in.post(f"{factor}/resend")) == (200, "MFA_ENROLL_ACTIVATE")
    assert outcome(sign_in.post(f"{factor}/activate", passCode=first)) == WRONG_CODE
    done = sign_in.post(f"{factor}/activate", passCode=public.code(PHONE))
    assert outcome(done) == (200, "SUCCESS")
    for caller in (client, public):
        public.sandbox.advance += WAIT
        caller.challenge(**by_sms)
    assert len(inbox.to(PHONE)) == 4


@pytest.mark.in_process
def test_a_phone_may_replace_the_one_that_okta_has_kept(public: Caller) -> None:
    must_enrol(public.sandbox)
    user(public.sandbox, ALAN).verified_phones[FactorType.SMS] = "+15005550010"
    sign_in = SignIn(public, ALAN)
    wanted = {"factorType": "sms", "provider": "OKTA", "profile": {"phoneNumber": PHONE}}
    assert outcome(sign_in.post("/factors", **wanted)) == (400, "E0000001")
    replaced = sign_in.post("/factors?updatePhone=true", **wanted)
    assert outcome(replaced) == (200, "MFA_ENROLL_ACTIVATE")


@pytest.mark.in_process
def test_every_link_of_every_answer_leads_here(public: Caller, client: Caller) -> None:
    must_enrol(public.sandbox)
    alan = SignIn(public, ALAN)
    enroll_app(alan)
    sign_in = SignIn(public)
    documents = [sign_in.began, alan.began, alan.post("").json()]
    for kind in ("email", "sms", "call", TOTP, "question"):
        documents += [sign_in.verify(kind).json(), sign_in.post("/previous").json()]
        public.sandbox.advance += WAIT
    documents.append(sign_in.verify(TOTP, **sign_in.proof(TOTP)).json())
    user(client.sandbox, ADA).status = UserStatus.LOCKED_OUT
    documents.append(begin(client).json())
    for document in documents:
        found = list(links(document))
        assert found
        here = (f"{public.sandbox.url}/api/v1/", "data:image/png;base64,")
        assert all(link.startswith(here) for link in found), found
        assert public.sandbox.okta_url not in json.dumps(document)


def test_a_browser_is_redirected_with_a_session(public: Caller) -> None:
    sign_in = SignIn(public, redirect_url=APP)
    done = sign_in.verify(TOTP, **sign_in.proof(TOTP)).json()
    url = done["sessionCookieRedirect"]
    path = "/login/sessionCookieRedirect"
    query = {"token": done["sessionToken"], "redirectUrl": "https://elsewhere.example.com/"}
    assert outcome(public.get(path, **query)) == (400, "E0000001")
    query["redirectUrl"] = APP
    with requests.Session() as browser:
        here = browser.get(
            public.sandbox.url + path, params=query, allow_redirects=False, timeout=30
        )
        assert (here.status_code, here.headers["Location"]) == (302, url)
        sent_on = browser.get(url, allow_redirects=False, timeout=30)
        assert (sent_on.status_code, sent_on.headers["Location"]) == (302, APP)
        me = browser.get(f"{public.sandbox.okta_url}/api/v1/sessions/me", timeout=30)
    assert (me.status_code, me.json()["login"]) == (200, ADA)


def test_a_client_may_name_the_device_that_okta_remembers_and_a_stranger_may_not(
    sandbox: Sandbox, client: Caller, public: Caller
) -> None:
    sandbox.redeploy(TrustedApplication="true")
    phone = {"deviceToken": "phone"}
    sign_in = SignIn(client, context=phone)
    assert sign_in.began["_embedded"]["policy"]["allowRememberDevice"] is True
    path = f"/factors/{sign_in.factor('question')}/verify?rememberDevice=true"
    assert outcome(sign_in.post(path, **sign_in.proof("question"))) == (200, "SUCCESS")
    assert outcome(begin(client, context=phone)) == (200, "SUCCESS")
    stranger = begin(public, context=phone)
    assert outcome(stranger) == (200, "MFA_REQUIRED")
    assert stranger.json()["_embedded"]["policy"]["allowRememberDevice"] is False


def test_okta_gets_the_customers_headers_and_a_token_only_from_a_trusted_application(
    sandbox: Sandbox, client: Caller
) -> None:
    forged = {"X-Sandbox-Source-Ip": "198.51.100.7", "X-Forwarded-For": "203.0.113.99"}
    caller = Caller(sandbox, {**CUSTOMER_HEADERS, **forged})
    expected = {**CUSTOMER_HEADERS, "X-Forwarded-For": "198.51.100.7"}
    for is_trusted in (False, True):
        if is_trusted:
            sandbox.redeploy(TrustedApplication="true")
            expected["Authorization"] = "SSWS"
        sandbox.org.calls.clear()
        sign_in = SignIn(caller)
        done = sign_in.verify(TOTP, **sign_in.proof(TOTP))
        assert outcome(done) == (200, "SUCCESS")
        of_customer = [call.headers for call in sandbox.org.calls][-2:]
        assert of_customer == [expected] * 2
        sandbox.advance += WAIT
    sandbox.org.accept_tokens(["00another-token-another-token-another-tok"])
    assert begin(caller).status_code == 401  # strangers must not see whether Okta was asked
    response = begin(client)
    assert response.status_code == 502  # and not the customer's fault
    assert "E0000011" not in response.text
