"""Receipts that must be refused, by the service and by every library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from verification import jws

INVALID = "receipt_invalid"


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def segment(content: object) -> str:
    return encoded(json.dumps(content).encode())


def read(text: str) -> dict[str, Any]:
    """The content of a segment."""
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return content


class Forger:
    """Changes a receipt. `sign` is the service's own key, which an attacker does not have."""

    def __init__(self, receipt: str, sign: Callable[[bytes], bytes], public_key: bytes) -> None:
        self.receipt = receipt
        self.head, self.body, self.signature = receipt.split(".")
        self.header, self.claims = read(self.head), read(self.body)
        self.now: int = self.claims["iat"]
        self._sign = sign
        self._public_key = load_der_public_key(public_key)
        self._own = ec.generate_private_key(ec.SECP256R1())

    def sign(self, header: dict[str, Any] | None = None, **claims: object) -> str:
        """Signed by the service, which would never sign this."""
        return self._signed(self._sign, header or self.header, claims)

    def sign_with_own_key(self, **header: object) -> str:
        """Signed with the attacker's key, which the header may offer."""
        return self._signed(self._sign_alone, {**self.header, **header}, {})

    def unsigned(self, header: dict[str, Any]) -> str:
        return f"{segment(header)}.{self.body}."

    def with_signature(self, signature: bytes) -> str:
        return f"{self.head}.{self.body}.{encoded(signature)}"

    def edit(self, **claims: object) -> str:
        """Other claims under the old signature."""
        return f"{self.head}.{segment({**self.claims, **claims})}.{self.signature}"

    def hmac_with_public_key(self) -> str:
        """HS256 with the public key as the secret: a library that lets the token choose believes it."""
        secret = self._public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{segment({**self.header, 'alg': 'HS256'})}.{self.body}"
        return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    def with_longer_signature(self) -> str:
        raw = base64.urlsafe_b64decode(self.signature + "==")
        return self.with_signature(raw[:32] + b"\0" + raw[32:])

    def own_jwk(self) -> dict[str, str]:
        public_key = self._own.public_key()
        der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return jws.jwk("attacker", der)

    def der_signature(self) -> bytes:
        return self._sign(f"{self.head}.{self.body}".encode())

    def _sign_alone(self, message: bytes) -> bytes:
        return self._own.sign(message, ec.ECDSA(hashes.SHA256()))

    def _signed(
        self, sign: Callable[[bytes], bytes], header: dict[str, Any], claims: dict[str, object]
    ) -> str:
        kept = {**self.claims, **claims}
        content = {name: value for name, value in kept.items() if value is not None}
        signed = f"{segment(header)}.{segment(content)}"
        return jws.token(signed, sign(signed.encode()))


Forge = Callable[[Forger], str]

SHARED: dict[str, tuple[str, Forge]] = {
    "tampered": (INVALID, lambda f: f.edit(sub="00u000000000000grace")),
    "tampered lifetime": (INVALID, lambda f: f.edit(exp=f.now + 10**6)),
    "expired": ("receipt_expired", lambda f: f.sign(iat=f.now - 300, exp=f.now - 180)),
    "from the future": ("receipt_not_yet_valid", lambda f: f.sign(iat=f.now + 600)),
    "wrong audience": ("receipt_wrong_audience", lambda f: f.sign(aud="elsewhere")),
    "wrong issuer": (INVALID, lambda f: f.sign(iss="urn:elsewhere")),
    "wrong typ": (INVALID, lambda f: f.sign({**f.header, "typ": "JWT"})),
    "no typ": (INVALID, lambda f: f.sign({"alg": "ES256", "kid": f.header["kid"]})),
    "alg none": (INVALID, lambda f: f.unsigned({**f.header, "alg": "none"})),
    "alg none with a signature": (INVALID, lambda f: f.sign({**f.header, "alg": "none"})),
    "HMAC with the public key as secret": (INVALID, Forger.hmac_with_public_key),
    "kid of another key": (INVALID, lambda f: f.sign({**f.header, "kid": "another"})),
    "another key": (INVALID, Forger.sign_with_own_key),
    "jku header": (INVALID, lambda f: f.sign_with_own_key(jku="http://127.0.0.1:9/jwks.json")),
    "jwk header": (INVALID, lambda f: f.sign_with_own_key(jwk=f.own_jwk())),
    "unknown critical header": (INVALID, lambda f: f.sign({**f.header, "crit": ["b64"]})),
    "expiry that is no number": (INVALID, lambda f: f.sign(exp="never")),
    "signature in DER": (INVALID, lambda f: f.with_signature(f.der_signature())),
    "empty signature": (INVALID, lambda f: f.with_signature(b"")),
    "zero signature": (INVALID, lambda f: f.with_signature(bytes(64))),
    "no receipt": (INVALID, lambda _: "a.b.c"),
}
"""Refused by the service, with this outcome, and by the libraries of the examples."""

FORGERIES: dict[str, tuple[str, Forge]] = {
    **SHARED,
    "more headers": (INVALID, lambda f: f.sign({**f.header, "jku": "https://e.example/"})),
    "kid that is no text": (INVALID, lambda f: f.sign({**f.header, "kid": ["x"]})),
    "typ that is no text": (INVALID, lambda f: f.sign({**f.header, "typ": {}})),
    "list of audiences": (INVALID, lambda f: f.sign(aud=[f.claims["aud"]])),
    "no expiry": (INVALID, lambda f: f.sign(exp=None)),
    "no id": (INVALID, lambda f: f.sign(jti=None)),
    "context of an unknown kind": (INVALID, lambda f: f.sign(context={"kind": "x", "id": "y"})),
    "context without an id": (INVALID, lambda f: f.sign(context={"kind": "ivr"})),
    "context with another id than a text": (
        INVALID,
        lambda f: f.sign(context={"kind": "ivr", "id": 1}),
    ),
    "lane that is no text": (INVALID, lambda f: f.sign(lane=float("nan"))),
    "time that no date has": (INVALID, lambda f: f.sign(auth_time=10**12)),
    "time before all others": (INVALID, lambda f: f.sign(auth_time=-1)),
    "longer signature of the same numbers": (INVALID, Forger.with_longer_signature),
    "padded": (INVALID, lambda f: f"{f.receipt}=="),
    "blanks around it": (INVALID, lambda f: f" {f.receipt}\n"),
    "five parts": (INVALID, lambda f: f"{f.receipt}.."),
    "JSON that is too deep": (INVALID, lambda f: f"{encoded(b'[' * 2900)}.{f.body}.{f.signature}"),
    "header that is a list": (INVALID, lambda f: f"{segment([1])}.{f.body}.{f.signature}"),
    "claims that are a list": (INVALID, lambda f: f"{f.head}.{segment([1])}.{f.signature}"),
    "letters outside ASCII": (INVALID, lambda _: "\u00e9.\u00e9.\u00e9"),
    "too long": (INVALID, lambda f: f.sign(more="x" * 4000)),
    "nothing": (INVALID, lambda _: ""),
}
"""Refused by the service: it makes and accepts one form alone."""
