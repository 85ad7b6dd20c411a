"""A customer without a factor enrolls one while signing in."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import PIL.Image
import pyotp
import pytest
import zxingcpp

from tests.sandbox.okta.seed import ADA_PASSWORD

if TYPE_CHECKING:
    from tests.e2e.conftest import Caller, Response

ALAN = "alan@example.com"
PHONE = "+15005550009"

State = dict[str, Any]


class SigningIn:
    """A sign-in of Alan's; `state` is its newest document."""

    def __init__(self, public: Caller) -> None:
        self.public = public
        begun = public.post("/api/v1/authn", {"username": ALAN, "password": ADA_PASSWORD})
        self.state: State = begun.json()

    def post(self, path: str, **body: object) -> Response:
        token = self.state["stateToken"]
        return self.public.post(f"/api/v1/authn{path}", {"stateToken": token, **body})

    def follow(self, path: str, **body: object) -> str:
        """Take a step that must succeed; the status after it."""
        response = self.post(path, **body)
        assert response.status_code == 200, response.text
        self.state = response.json()
        return str(self.state["status"])

    @property
    def factor(self) -> str:
        return f"/factors/{self.state['_embedded']['factor']['id']}"

    def code(self) -> str:
        return self.public.code(PHONE)


@pytest.fixture
def alan(public: Caller) -> SigningIn:
    user = public.sandbox.org.directory.find_login(ALAN)
    assert user is not None
    user.password, user.must_enrol = ADA_PASSWORD, True
    alan = SigningIn(public)
    assert alan.state["status"] == "MFA_ENROLL"
    return alan


def enroll_phone(alan: SigningIn) -> str:
    profile = {"phoneNumber": PHONE}
    return alan.follow("/factors", factorType="sms", provider="OKTA", profile=profile)


def test_a_phone_is_enrolled_and_its_first_code_signs_in(alan: SigningIn, client: Caller) -> None:
    refused = client.post("/challenge", {"email": ALAN, "channel": "sms"})
    assert refused.json()["code"] == "factor_not_enrolled"
    client.sandbox.advance += 31
    assert enroll_phone(alan) == "MFA_ENROLL_ACTIVATE"
    assert alan.follow(f"{alan.factor}/lifecycle/activate", passCode=alan.code()) == "SUCCESS"
    assert alan.state["sessionToken"]
    client.sandbox.advance += 31
    client.challenge(ALAN, channel="sms")


def test_the_public_can_use_a_new_factor_a_minute_later(alan: SigningIn) -> None:
    public, inbox = alan.public, alan.public.sandbox.org.inbox
    public.challenge(ALAN, channel="sms")
    assert not inbox.to(PHONE)
    enroll_phone(alan)
    alan.follow(f"{alan.factor}/lifecycle/activate", passCode=alan.code())
    public.sandbox.advance += 61
    public.challenge(ALAN, channel="sms")
    assert len(inbox.to(PHONE)) == 2


def test_the_first_code_can_be_sent_again_within_the_limits_of_sends(alan: SigningIn) -> None:
    enroll_phone(alan)
    first = alan.code()
    resend = f"{alan.factor}/lifecycle/resend"
    assert alan.post(resend).status_code == 429
    alan.public.sandbox.advance += 31
    assert alan.follow(resend) == "MFA_ENROLL_ACTIVATE"
    assert len(alan.public.sandbox.org.inbox.to(PHONE)) == 2
    assert alan.post(f"{alan.factor}/lifecycle/activate", passCode=first).status_code == 403
    assert alan.follow(f"{alan.factor}/lifecycle/activate", passCode=alan.code()) == "SUCCESS"


def test_a_phone_can_scan_the_secret_of_an_authenticator_app(alan: SigningIn) -> None:
    alan.follow("/factors", factorType="token:software:totp", provider="GOOGLE")
    activation = alan.state["_embedded"]["factor"]["_embedded"]["activation"]
    scheme, _, encoded = activation["_links"]["qrcode"]["href"].partition(",")
    assert scheme == "data:image/png;base64"
    picture = PIL.Image.open(io.BytesIO(base64.b64decode(encoded)))
    (read,) = zxingcpp.read_barcodes(picture)
    assert parse_qs(urlsplit(read.text).query)["secret"] == [activation["sharedSecret"]]
    code = pyotp.TOTP(activation["sharedSecret"]).at(int(alan.public.sandbox.now()))
    assert alan.follow(f"{alan.factor}/lifecycle/activate", passCode=code) == "SUCCESS"


def test_a_question_is_enrolled_at_once(alan: SigningIn) -> None:
    profile = {"question": "disliked_food", "answer": "meatball"}
    enrolled = alan.follow("/factors", factorType="question", provider="OKTA", profile=profile)
    assert enrolled == "SUCCESS"
