"""Steps of a sign-in over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyotp
import requests

from tests.sandbox.okta.seed import ADA_ANSWER, ADA_PASSWORD, ADA_PHONE, ADA_TOTP_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Caller, Response
    from tests.sandbox.sandbox import Sandbox

ADA = "ada@example.com"
TOTP = "token:software:totp"
ADDRESSES = {"email": ADA, "sms": ADA_PHONE, "call": ADA_PHONE}
"""Where Ada's codes are sent, by the type of the factor."""

WRONG = "0000"
"""A code that is always wrong: Okta's codes have six digits."""

WRONG_CODE = (403, "E0000068")
LIMITED = (429, "E0000047")
DEAD_TOKEN = (401, "E0000011")
WRONG_PASSWORD = (401, "E0000004")


class SignIn:
    """A sign-in that began with the right password."""

    def __init__(
        self, caller: Caller, username: str = ADA, password: str = ADA_PASSWORD, **more: object
    ) -> None:
        self.caller = caller
        response = begin(caller, username, password, **more)
        assert response.status_code == 200, response.text
        self.began: dict[str, Any] = response.json()
        self.token: str = self.began["stateToken"]

    def post(self, path: str, **body: object) -> Response:
        """Take a step. `path` is what follows `/api/v1/authn`."""
        return self.caller.post(f"/api/v1/authn{path}", {"stateToken": self.token, **body})

    def verify(self, kind: str, **body: object) -> Response:
        """Challenge a factor, or check a code or answer."""
        return self.post(f"/factors/{self.factor(kind)}/verify", **body)

    def resend(self, kind: str) -> Response:
        """Ask for another code."""
        return self.post(f"/factors/{self.factor(kind)}/verify/resend")

    def factor(self, kind: str) -> str:
        """The id of the factor of this type."""
        factors = self.began["_embedded"]["factors"]
        factor_id: str = next(each["id"] for each in factors if each["factorType"] == kind)
        return factor_id

    def proof(self, kind: str) -> dict[str, str]:
        """The right code or answer of the factor."""
        if kind == "question":
            return {"answer": ADA_ANSWER}
        if kind == TOTP:
            return {"passCode": pyotp.TOTP(ADA_TOTP_SECRET).at(int(self.caller.sandbox.now()))}
        return {"passCode": self.caller.code(ADDRESSES[kind])}


def begin(
    caller: Caller, username: str = ADA, password: str = ADA_PASSWORD, **more: object
) -> Response:
    """Send a password."""
    body = {"username": username, "password": password, **more}
    return caller.post("/api/v1/authn", body)


def outcome(response: Response) -> tuple[int, str]:
    """The HTTP status, with Okta's error code or the status of the sign-in."""
    body = response.json()
    return response.status_code, body.get("errorCode") or body.get("status", "")


def attempts_remaining(client: Caller) -> int:
    """The attempts that a new challenge says remain for Ada."""
    client.sandbox.advance += 31
    remaining = client.challenge()["attempts_remaining"]
    assert isinstance(remaining, int)
    return remaining


def session_of(sandbox: Sandbox, token: str) -> dict[str, Any]:
    """The session that Okta opens for the token of a successful sign-in."""
    opened = requests.post(
        f"{sandbox.okta_url}/api/v1/sessions",
        json={"sessionToken": token},
        headers={"Authorization": f"SSWS {sandbox.org.api_tokens[0]}"},
        timeout=30,
    )
    assert opened.status_code == 200, opened.text
    session: dict[str, Any] = opened.json()
    return session


def links(document: object) -> Iterator[str]:
    """Every link in a document."""
    if isinstance(document, list):
        for each in document:
            yield from links(each)
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "href":
                yield value
            else:
                yield from links(value)


def must_enrol(sandbox: Sandbox) -> None:
    """Have Okta ask Alan, who has no factor, to enroll one when he signs in."""
    alan = sandbox.org.directory.find_login("alan@example.com")
    assert alan is not None
    alan.password, alan.must_enrol = ADA_PASSWORD, True


@dataclass(frozen=True)
class App:
    """An authenticator app that is enrolled and not yet active."""

    sandbox: Sandbox
    factor_id: str
    secret: str

    def code(self) -> str:
        """The code that the app shows now."""
        return pyotp.TOTP(self.secret).at(int(self.sandbox.now()))


def enroll_app(sign_in: SignIn) -> App:
    """Enroll an authenticator app in the sign-in."""
    response = sign_in.post("/factors", factorType=TOTP, provider="GOOGLE")
    assert outcome(response) == (200, "MFA_ENROLL_ACTIVATE"), response.text
    factor = response.json()["_embedded"]["factor"]
    secret = factor["_embedded"]["activation"]["sharedSecret"]
    return App(sign_in.caller.sandbox, factor["id"], secret)
