"""Receipts: signed tokens (JWS, ES256) by which somebody else can check a verification.

A receipt says who was verified, for what, how, and for whom it is meant (`aud`). A backend checks it
offline with the keys of `jwks`, or redeems it here once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from verification import errors
from verification.lookup import Lookup
from verification.models import (
    Call,
    Challenge,
    Channel,
    Conductor,
    FactorType,
    Receipt,
    RedeemRequest,
    SignInDocument,
)
from verification.observability import Meter
from verification.ports import Clock, Emails, Keys, Redemptions, Signer
from verification.settings import Settings

TYPE = "verification-receipt+jwt"
ALGORITHM = "ES256"
PUBLIC_SECONDS = 120
"""How long a receipt is valid, unless a client asked for more at the beginning."""

LEEWAY_SECONDS = 60
"""How far the clock that signed may be ahead of the one that checks."""

MAX_LENGTH = 4096

_ACR = "urn:customer-verification:acr:"
_HEADER = {"alg", "kid", "typ"}
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes and redeems receipts."""

    keys: Keys
    signer: Signer
    redemptions: Redemptions
    emails: Emails
    lookup: Lookup
    settings: Settings
    meter: Meter
    clock: Clock

    def of_challenge(self, challenge: Challenge, user_id: str, *, wanted: bool) -> str | None:
        """A receipt of a verified challenge; None if it is not wanted or could not be signed.

        Raises ReceiptUnavailable where the stack requires one.
        """
        if not wanted:
            return None
        claims = {
            "aud": challenge.audience or self.settings.receipt_audiences[0],
            "sub": user_id,
            "auth_time": challenge.verified_at,
            "amr": _methods(challenge.channel),
            "acr": _ACR + _controlled(challenge.channel),
            "challenge_id": challenge.id,
            "channel": challenge.channel,
            "lane": challenge.lane,
            "purpose": challenge.purpose,
            "reference": challenge.reference,
            "client": challenge.client,
            "context": _conductor(challenge.conductor),
        }
        return self._signed(claims, challenge.receipt_seconds or PUBLIC_SECONDS)

    def of_sign_in(
        self, document: SignInDocument, user_id: str, factor: FactorType | None, call: Call
    ) -> str | None:
        """A receipt of a sign-in that has succeeded. Raises like `of_challenge`."""
        now = int(self.clock())
        claims = {
            "aud": self.settings.receipt_audiences[0],
            "sub": document.user_id or user_id,
            "auth_time": now,
            "amr": ["pwd", *_factor_methods(factor), *(["mfa"] if factor else [])],
            "acr": _ACR + "sign-in",
            "client": call.caller.name,
        }
        return self._signed(claims, PUBLIC_SECONDS)

    def redeem(self, request: RedeemRequest, call: Call) -> Receipt:
        """What was verified, once. Raises one of ReceiptRefused, which uses nothing up, and
        ReceiptAlreadyRedeemed.
        """
        now = int(self.clock())
        receipt = self._checked(request.receipt, now)
        self.meter.note(receipt_jti=receipt.jti)
        client = call.caller.client
        if client is None or receipt.audience not in client.audiences:
            raise errors.ReceiptWrongAudience
        if not self._is_customer(receipt, request, now, call):
            raise errors.ReceiptWrongCustomer
        if receipt.purpose != request.purpose:
            raise errors.ReceiptWrongPurpose
        if receipt.reference != request.reference:
            raise errors.ReceiptWrongReference
        by = call.request or secrets.token_hex(16)  # without a key nobody can ask that again
        redeemed_at = self.redemptions.redeem(receipt.jti, by, now, receipt.expires_at)
        if redeemed_at is not None:
            raise errors.ReceiptAlreadyRedeemed(redeemed_at=redeemed_at)
        return receipt

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys that receipts are signed with now, or were or will be."""
        key_ids = [self.settings.receipt_key, self.settings.receipt_other_key]
        return {"keys": [self._jwk(each) for each in key_ids if each]}

    def _signed(self, claims: Mapping[str, object], seconds: int) -> str | None:
        now = int(self.clock())
        payload = {
            "iss": self.settings.receipt_issuer,
            **{name: value for name, value in claims.items() if value is not None},
            "iat": now,
            "exp": now + min(seconds, self.settings.receipt_max_seconds),
            "jti": secrets.token_urlsafe(16),
        }
        key_id = self.settings.receipt_key
        header = {"alg": ALGORITHM, "kid": kid_of(key_id), "typ": TYPE}
        signed = f"{_segment(header)}.{_segment(payload)}"
        try:
            der = self.signer.sign(key_id, hashlib.sha256(signed.encode()).digest())
        except errors.VerificationError as failure:
            self.meter.note(receipt_unavailable=True)
            if isinstance(failure, errors.ConfigurationError):
                self.meter.note(problem=failure.problem)
            if self.settings.require_receipt:
                raise errors.ReceiptUnavailable from None
            return None
        self.meter.note(receipt_made=True)
        return f"{signed}.{_encoded(_raw_signature(der))}"

    def _checked(self, token: str, now: int) -> Receipt:
        """The content of a receipt that this service has signed, and that is valid now."""
        claims = self._claims(token)
        try:
            receipt = _receipt(claims)
        except (KeyError, TypeError):
            raise errors.ReceiptInvalid from None
        if claims.get("iss") != self.settings.receipt_issuer:
            raise errors.ReceiptInvalid
        if receipt.issued_at > now + LEEWAY_SECONDS:
            raise errors.ReceiptNotYetValid
        if receipt.expires_at <= now:
            raise errors.ReceiptExpired
        return receipt

    def _claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a token with a right signature. The header may name the algorithm, a key of
        this service and the type, nothing else: nothing in the token decides how it is checked.
        """
        parts = token.split(".")
        if len(parts) != 3 or len(token) > MAX_LENGTH:  # noqa: PLR2004 - header, payload, signature
            raise errors.ReceiptInvalid
        header, payload = _object(parts[0]), _object(parts[1])
        if header.keys() != _HEADER or (header["alg"], header["typ"]) != (ALGORITHM, TYPE):
            raise errors.ReceiptInvalid
        ids = [self.settings.receipt_key, self.settings.receipt_other_key]
        known = {kid_of(each): each for each in ids if each}
        if header["kid"] not in known:
            raise errors.ReceiptInvalid
        public_key = self.signer.public_key(known[header["kid"]])
        signed, signature = f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2])
        if not _is_signed(public_key, signed, signature):
            raise errors.ReceiptInvalid
        return payload

    def _is_customer(self, receipt: Receipt, request: RedeemRequest, now: int, call: Call) -> bool:
        if request.customer_id is not None and request.customer_id != receipt.customer_id:
            return False
        if request.email is None:
            return request.customer_id is not None
        known = self.emails.found(self.keys().email_hash(request.email))
        found = self.lookup.find(request.email, Channel.EMAIL, known, now, call)
        return found.user_id == receipt.customer_id

    def _jwk(self, key_id: str) -> dict[str, str]:
        from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 - see `crypto`
            EllipticCurvePublicKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_der_public_key,
        )

        key = load_der_public_key(self.signer.public_key(key_id))
        if not isinstance(key, EllipticCurvePublicKey):
            raise errors.ConfigurationError("the receipts' key is not an elliptic-curve key")
        numbers = key.public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": _encoded(numbers.x.to_bytes(32, "big")),
            "y": _encoded(numbers.y.to_bytes(32, "big")),
            "kid": kid_of(key_id),
            "alg": ALGORITHM,
            "use": "sig",
        }


def kid_of(key_id: str) -> str:
    """The name of a KMS key in tokens and in the JWKS: it does not show the account."""
    return _encoded(hashlib.sha256(key_id.encode()).digest()[:12])


def _methods(channel: Channel) -> list[str]:
    """Authentication methods as RFC 8176 names them."""
    match channel:
        case Channel.EMAIL | Channel.TOTP:
            return ["otp"]
        case Channel.SMS:
            return ["otp", "sms"]
        case Channel.CALL:
            return ["otp", "tel"]
    assert_never(channel)


def _controlled(channel: Channel) -> str:
    """What the customer has shown control of."""
    match channel:
        case Channel.EMAIL:
            return "mailbox"
        case Channel.SMS | Channel.CALL:
            return "phone"
        case Channel.TOTP:
            return "authenticator-app"
    assert_never(channel)


def _factor_methods(factor: FactorType | None) -> list[str]:
    match factor:
        case None | FactorType.OTHER:
            return []
        case FactorType.QUESTION:
            return ["kba"]
        case FactorType.SMS:
            return ["otp", "sms"]
        case FactorType.CALL:
            return ["otp", "tel"]
        case (
            FactorType.EMAIL
            | FactorType.TOTP
            | FactorType.TOKEN
            | FactorType.TOKEN_HARDWARE
            | FactorType.TOKEN_HOTP
        ):
            return ["otp"]
    assert_never(factor)


def _conductor(conductor: Conductor | None) -> dict[str, str] | None:
    return {"kind": conductor.kind, "id": conductor.id} if conductor else None


def _receipt(claims: Mapping[str, Any]) -> Receipt:
    return Receipt(
        jti=_text(claims["jti"]),
        audience=_text(claims["aud"]),
        customer_id=_text(claims["sub"]),
        issued_at=_number(claims["iat"]),
        expires_at=_number(claims["exp"]),
        verified_at=_number(claims["auth_time"]),
        methods=tuple(map(_text, claims["amr"])),
        acr=_text(claims["acr"]),
        challenge_id=claims.get("challenge_id"),
        channel=claims.get("channel"),
        lane=claims.get("lane"),
        purpose=claims.get("purpose"),
        reference=claims.get("reference"),
        client=claims.get("client"),
        conductor=claims.get("context"),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _is_signed(public_key: bytes, signed: bytes, signature: bytes) -> bool:
    """Whether this raw ES256 signature fits."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see `crypto`
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415
        ECDSA,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415
        encode_dss_signature,
    )
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    key = load_der_public_key(public_key)
    if len(signature) != _SIGNATURE_BYTES or not isinstance(key, EllipticCurvePublicKey):
        return False
    r, s = signature[:32], signature[32:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    try:
        key.verify(der, signed, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _raw_signature(der: bytes) -> bytes:
    """KMS signs in DER; a JWS has the two numbers side by side (RFC 7518, 3.4)."""
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415 - see `crypto`
        decode_dss_signature,
    )

    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _segment(content: Mapping[str, object]) -> str:
    return _encoded(json.dumps(content, separators=(",", ":")).encode())


def _object(segment: str) -> dict[str, Any]:
    try:
        content = json.loads(_decoded(segment))
    except (ValueError, RecursionError):
        raise errors.ReceiptInvalid from None
    if not isinstance(content, dict):
        raise errors.ReceiptInvalid
    return content


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """Base64url without padding. Raises ReceiptInvalid."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        raise errors.ReceiptInvalid from None
    if _encoded(raw) != text:
        raise errors.ReceiptInvalid
    return raw
