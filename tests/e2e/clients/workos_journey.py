"""Uses an unmodified WorkOS client, of release 5 or newest, against the sandbox.

test_workos_clients.py judges what it saw; as a program, it prints that as JSON. Errors are told as
[status, code, whether a request id came with them].
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyotp
import requests
from workos import WorkOSClient


class Client:
    """The same few calls, in the words of either release."""

    def __init__(self, url: str, key: str) -> None:
        client: Any = WorkOSClient(api_key=key, client_id="client_sandbox", base_url=url)
        self.is_newest = hasattr(client, "multi_factor_auth")
        self._mfa = client.multi_factor_auth if self.is_newest else client.mfa

    def enroll(self, **fields: str) -> Any:
        return self._mfa.enroll_factor(**fields)

    def get(self, factor_id: str) -> Any:
        return self._mfa.get_factor(factor_id)

    def delete(self, factor_id: str) -> Any:
        return self._mfa.delete_factor(factor_id)

    def challenge(self, factor_id: str, **fields: str) -> Any:
        name = "id" if self.is_newest else "authentication_factor_id"
        return self._mfa.challenge_factor(**{name: factor_id, **fields})

    def verify(self, challenge_id: str, code: str) -> Any:
        name = "id" if self.is_newest else "authentication_challenge_id"
        return self._mfa.verify_challenge(**{name: challenge_id}, code=code)


def refusal(work: Any) -> list[object]:
    """How the client tells of an error."""
    try:
        work()
    except Exception as error:
        seen: Any = error
        status = getattr(seen, "status_code", None) or seen.response.status_code
        return [status, seen.code, bool(seen.request_id)]
    raise AssertionError("no error was raised")


def journey(url: str, key: str) -> dict[str, Any]:
    """The whole journey: what was seen."""
    control = requests.Session()

    def advance(seconds: int) -> None:
        control.post(f"{url}/sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()

    def messages(to: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = control.get(
            f"{url}/sandbox/messages", params={"to": to}
        ).json()
        return found

    client, seen = Client(url, key), dict[str, Any]()
    totp = client.enroll(type="totp", totp_issuer="Shop & Co", totp_user="grace@example.com")
    secret = totp.totp.secret
    seen["totp"] = [totp.object, totp.type, totp.totp.issuer, totp.totp.user, totp.totp.uri]
    seen["qr_code"] = totp.totp.qr_code
    got = client.get(totp.id)
    seen["get"] = [got.id == totp.id, got.type, got.totp.issuer, getattr(got.totp, "secret", None)]

    challenge = client.challenge(totp.id)
    seen["challenge"] = [
        challenge.object,
        challenge.authentication_factor_id == totp.id,
        challenge.expires_at,
    ]
    app = pyotp.TOTP(secret)
    right = app.now()
    wrong = client.verify(challenge.id, f"{(int(right) + 1) % 1_000_000:06}")
    seen["wrong"] = [wrong.valid, wrong.challenge.id == challenge.id]
    verified = client.verify(challenge.id, right)
    seen["right"] = [verified.valid, verified.challenge.authentication_factor_id == totp.id]
    seen["again"] = refusal(lambda: client.verify(challenge.id, right))

    challenge = client.challenge(totp.id)
    advance(301)

    seen["expired"] = refusal(lambda: client.verify(challenge.id, "123456"))

    # Release 5 cannot name a user: the phone is then that of the one customer who has it.
    number, user = "+15005550006", {}
    if client.is_newest:
        number, user = "+15005550042", {"user_id": "grace@example.com"}
    spaced = f"{number[:2]} {number[2:5]}-{number[5:8]}-{number[8:]}"
    phone = client.enroll(type="sms", phone_number=spaced, **user)
    seen["sms"] = [phone.type, phone.sms.phone_number == number]
    challenge = client.challenge(phone.id)
    code = messages(number)[0]["code"]
    seen["sms_verified"] = [bool(challenge.expires_at), client.verify(challenge.id, code).valid]
    same = client.enroll(type="sms", phone_number=number, **user)
    seen["sms_again"] = same.id == phone.id
    advance(31)
    challenge = client.challenge(phone.id, sms_template="Pick-up code {{code}} for order 1001")
    text = messages(number)[0]
    seen["sms_text"] = [
        text.get("text", "").replace(text["code"], "CODE"),
        len(messages(number)),
    ]
    seen["sms_active"] = client.verify(challenge.id, text["code"]).valid

    seen["bad_phone"] = refusal(lambda: client.enroll(type="sms", phone_number="foo"))
    seen["bad_template"] = refusal(
        lambda: client.challenge(phone.id, sms_template="see https://evil.example {{code}}")
    )
    seen["bad_type"] = refusal(lambda: client.enroll(type="generic_otp"))
    seen["bad_key"] = refusal(lambda: Client(url, "sk_wrong_00000000000000").get(totp.id))
    seen["forged"] = refusal(lambda: client.get("auth_factor_01FVYZ5QM8N98T9ME5BCB2BBMJ"))
    client.delete(totp.id)
    seen["deleted"] = refusal(lambda: client.get(totp.id))
    seen["deleted_again"] = refusal(lambda: client.delete(totp.id))
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(journey(*sys.argv[1:])))
