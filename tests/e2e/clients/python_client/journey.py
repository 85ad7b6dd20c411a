"""Sends a code and checks it, as a person and as a client, with what is generated from the contract."""

import json
import sys
import urllib.request

from verification_client import AuthenticatedClient, Client
from verification_client.api.json import send_challenge, verify_challenge
from verification_client.models import (
    Challenge,
    ChallengeRequest,
    Channel,
    Problem,
    Verified,
    VerifyByChallenge,
)

URL, KEY = sys.argv[1:3]


def newest_code(email: str) -> str:
    with urllib.request.urlopen(f"{URL}/sandbox/messages?to={email}") as inbox:  # noqa: S310
        code: str = json.load(inbox)[0]["code"]
        return code


def journey(client: Client | AuthenticatedClient, email: str) -> dict[str, object]:
    request = ChallengeRequest(email=email, channel=Channel.EMAIL, purpose="pick-up")
    challenge = send_challenge.sync(client=client, body=request)
    assert isinstance(challenge, Challenge)
    code = newest_code(email)

    def verify(code: str) -> Verified | Problem | None:
        body = VerifyByChallenge(challenge.challenge_id, code=code, purpose="pick-up")
        return verify_challenge.sync(client=client, body=body)

    wrong = verify(f"{(int(code) + 1) % 1_000_000:06}")
    right = verify(code)
    assert isinstance(wrong, Problem)
    assert isinstance(right, Verified)
    return {
        "sent": challenge.status,
        "seconds": (challenge.expires_at - challenge.sent_at).seconds,
        "wrong": wrong.code,
        "right": right.status,
        "proof": "device_token" if right.device_token else "customer_id",
    }


PERSON = journey(Client(base_url=URL), "ada@example.com")
SHOP = journey(AuthenticatedClient(base_url=URL, token=KEY), "grace@example.com")
sys.stdout.write(json.dumps([PERSON, SHOP]))
