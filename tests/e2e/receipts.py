"""Receipts over HTTP: made, redeemed and forged."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Caller, Response
from tests.sandbox.arns import key_arn
from tests.sandbox.aws import SHOP_KEY
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import PREFIX
from tests.unit.forgeries import Forger

ADA, GRACE = "ada@example.com", "grace@example.com"
ISSUER = "urn:customer-verification:sandbox"
PICKUP = {"purpose": "pickup", "reference": "order-1001"}
KEY = key_arn(f"{PREFIX}ReceiptKey")


def shop(sandbox: Sandbox) -> Caller:
    """The client whose audience is `shop`."""
    return Caller(sandbox, {"Authorization": f"Bearer {SHOP_KEY}"})


def verified(caller: Caller, email: str = ADA, **fields: Any) -> Response:
    """Begin a challenge and verify it; `fields` are those of the beginning."""
    challenge = caller.challenge(email, **fields)
    labels = {name: fields[name] for name in PICKUP if name in fields}
    body = {"challenge_id": challenge["challenge_id"], "code": caller.code(email), **labels}
    response = caller.post("/verify", body)
    caller.sandbox.advance += 31
    return response


def receipt_of(caller: Caller, email: str = ADA, **fields: Any) -> str:
    response = verified(caller, email, **fields)
    assert response.status_code == 200, response.text
    receipt: str = response.json()["receipt"]
    return receipt


def redeem(caller: Caller, receipt: str, email: str = ADA, **expected: Any) -> Response:
    headers = {name: expected.pop(name) for name in ("Idempotency_Key",) if name in expected}
    return caller.post(
        "/receipts/redeem", {"receipt": receipt, "email": email, **expected}, **headers
    )


def customer_id(sandbox: Sandbox, email: str = ADA) -> str:
    (user,) = [each for each in sandbox.org.directory if each.email == email]
    return user.id


def forger(sandbox: Sandbox, receipt: str) -> Forger:
    kms = sandbox.aws.client("kms")

    def sign(message: bytes) -> bytes:
        signed = kms.sign(KeyId=KEY, Message=message, SigningAlgorithm="ECDSA_SHA_256")
        signature: bytes = signed["Signature"]
        return signature

    return Forger(receipt, sign, kms.get_public_key(KeyId=KEY)["PublicKey"])
