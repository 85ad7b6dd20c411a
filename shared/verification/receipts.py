"""Receipts: signed tokens by which somebody else can check a verification.

A receipt says who was verified, for what, how, and for whom it is meant (`aud`). A backend checks it
offline with the keys of `jwks`, or redeems it here, once.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, assert_never

from verification import errors, jws, rules
from verification.frozen import Frozen, replace
from verification.lookup import Lookup
from verification.models.callers import Call, Lane
from verification.models.challenges import Challenge, Conductor, ConductorKind, Verified
from verification.models.customers import Channel, FactorType
from verification.models.receipts import Receipt, RedeemRequest
from verification.observability import Meter
from verification.ports import Clock, Emails, Keys, Redemptions, Signer
from verification.settings import Settings

TYPE = "verification-receipt+jwt"
DEFAULT_SECONDS = 120
"""How long a receipt is valid, unless a client asked for another time when it began."""

LEEWAY_SECONDS = 60
"""How far the clock that signed may be ahead of the one that checks."""

LAST_TIME = 253_402_300_799
"""The end of the year 9999: what a date can say."""

SIGNING_SECONDS = 3.0
"""What KMS may take with both tries. With less time left it is not asked."""

ACR = "urn:customer-verification:acr:"
"""Prefix of `acr`: what the customer has shown control of."""

KNOWLEDGE = "knowledge"
"""Control of nothing: a password, or the answer to a question."""


class Receipts(Frozen):
    """Makes and redeems receipts."""

    keys: Keys
    signer: Signer
    redemptions: Redemptions
    emails: Emails
    lookup: Lookup
    settings: Settings
    meter: Meter
    clock: Clock

    def add_to(
        self, verified: Verified, user_id: str, call: Call, *, asked: bool, takes: bool = True
    ) -> Verified:
        """The success with its receipt, if one is wanted: the public has no other way to carry its
        success to a backend, and clients ask. Raises ReceiptUnavailable.
        """
        asked = asked or verified.challenge.wants_receipt
        if not takes or not (asked or call.caller.is_public):
            return verified
        receipt = self._of_challenge(verified.challenge, user_id, call)
        return replace(verified, receipt=receipt, receipt_unavailable=receipt is None)

    def of_sign_in(
        self, user_id: str, factor: FactorType | None, lane: Lane, call: Call
    ) -> str | None:
        """A receipt of a sign-in that this factor has finished; None if it could not be signed. Raises
        ReceiptUnavailable instead where the stack requires receipts.
        """
        client, controlled = call.caller.client, _controlled(factor)
        claims = {
            "aud": rules.audience_of(None, client, self.settings.receipt_audiences),
            "sub": user_id,
            "auth_time": int(self.clock()),
            "amr": ["pwd", *_methods(factor), *(["mfa"] if controlled != KNOWLEDGE else [])],
            "acr": ACR + controlled,
            "lane": lane,
            "client": call.caller.name,
        }
        return self._signed(claims, DEFAULT_SECONDS, call)

    def redeem(self, request: RedeemRequest, call: Call) -> Receipt:
        """What was verified, once. Raises one of ReceiptRefused; all of them but
        ReceiptAlreadyRedeemed leave the receipt as it was.
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
        if receipt.conductor is not None:
            self.meter.note(context=receipt.conductor.text)
        by = call.request or secrets.token_hex(16)  # without a key nobody can ask that again
        redeemed_at = self.redemptions.redeem(receipt.jti, by, now, receipt.expires_at)
        if redeemed_at is not None:
            raise errors.ReceiptAlreadyRedeemed(redeemed_at=redeemed_at)
        return receipt

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys that receipts are signed with now, and were or will be, and that of the
        OAuth service app, which Okta reads here.

        A key that may not be used is left out, unless it signs receipts now: that one must work
        without the others.
        """
        keys, app_key = [], self.settings.okta_app_key
        published = self._key_ids() | ({jws.kid_of(app_key): app_key} if app_key else {})
        for kid, key_id in published.items():
            try:
                keys.append(jws.jwk(kid, self.signer.public_key(key_id)))
            except errors.ConfigurationError as failure:
                if key_id == self.settings.receipt_key:
                    raise
                self.meter.note_problem(failure)
        return {"keys": keys}

    def _of_challenge(self, challenge: Challenge, user_id: str, call: Call) -> str | None:
        """A receipt of a verified challenge, or None if it could not be signed. Raises
        ReceiptUnavailable instead where the stack requires receipts.
        """
        conductor = challenge.conductor
        claims = {
            "aud": challenge.audience or self.settings.receipt_audiences[0],
            "sub": user_id,
            "auth_time": challenge.verified_at,
            "amr": _methods(rules.factor_type_of(challenge.channel)),
            "acr": ACR + _controlled(rules.factor_type_of(challenge.channel)),
            "challenge_id": challenge.id,
            "channel": challenge.channel,
            "lane": challenge.lane,
            "purpose": challenge.purpose,
            "reference": challenge.reference,
            "client": challenge.client,
            "context": {"kind": conductor.kind, "id": conductor.id} if conductor else None,
        }
        return self._signed(claims, challenge.receipt_seconds or DEFAULT_SECONDS, call)

    def _signed(self, claims: Mapping[str, object], seconds: int, call: Call) -> str | None:
        now, key_id = int(self.clock()), self.settings.receipt_key
        jti = secrets.token_urlsafe(16)
        payload = {
            "iss": self.settings.receipt_issuer,
            **{name: value for name, value in claims.items() if value is not None},
            "iat": now,
            "exp": now + min(seconds, self.settings.receipt_max_seconds),
            "jti": jti,
        }
        header = {"alg": jws.ALGORITHM, "kid": jws.kid_of(key_id), "typ": TYPE}
        signed = jws.signing_input(header, payload)
        try:
            if call.deadline.remaining() < SIGNING_SECONDS:
                raise errors.DeadlineExceeded
            der = self.signer.sign(key_id, signed.encode())
        except errors.VerificationError as failure:
            self.meter.note(receipt_unavailable=True)
            self.meter.note_problem(failure)
            if self.settings.require_receipt:
                raise errors.ReceiptUnavailable from None
            return None
        self.meter.note(receipt_made=True, receipt_jti=jti)
        return jws.token(signed, der)

    def _checked(self, text: str, now: int) -> Receipt:
        """The content of a receipt that this service has signed, and that is valid now."""
        token = jws.parse(text)
        key_id = self._key_ids().get(token.kid) if token else None
        if token is None or key_id is None or token.type != TYPE:
            raise errors.ReceiptInvalid
        if not jws.is_signed(token, self.signer.public_key(key_id)):
            raise errors.ReceiptInvalid
        if token.claims.get("iss") != self.settings.receipt_issuer:
            raise errors.ReceiptInvalid
        try:
            receipt = _receipt(token.claims)
        except (KeyError, TypeError, ValueError):
            raise errors.ReceiptInvalid from None
        if receipt.issued_at > now + LEEWAY_SECONDS:
            raise errors.ReceiptNotYetValid
        if receipt.expires_at <= now:
            raise errors.ReceiptExpired
        return receipt

    def _key_ids(self) -> dict[str, str]:
        """The KMS keys of this stack by their names in tokens."""
        both = (self.settings.receipt_key, self.settings.receipt_other_key)
        return {jws.kid_of(each): each for each in both if each}

    def _is_customer(self, receipt: Receipt, request: RedeemRequest, now: int, call: Call) -> bool:
        if request.customer_id is not None and request.customer_id != receipt.customer_id:
            return False
        if request.email is None:
            return request.customer_id is not None
        known = self.emails.found(self.keys().email_hash(request.email))
        found = self.lookup.find(request.email, Channel.EMAIL, known, now, call)
        return self.lookup.require_user(found) == receipt.customer_id


def _methods(factor: FactorType | None) -> list[str]:
    """Authentication methods as RFC 8176 names them."""
    match factor:
        case FactorType.SMS:
            return ["otp", "sms"]
        case FactorType.CALL:
            return ["otp", "tel"]
        case FactorType.PUSH:
            return ["pop"]
        case FactorType.QUESTION:
            return ["kba"]
        case (
            FactorType.EMAIL
            | FactorType.TOTP
            | FactorType.TOKEN
            | FactorType.TOKEN_HARDWARE
            | FactorType.TOKEN_HOTP
        ):
            return ["otp"]
        case FactorType.OTHER | None:
            return []
    assert_never(factor)


def _controlled(factor: FactorType | None) -> str:
    """What the customer has shown control of."""
    match factor:
        case FactorType.EMAIL:
            return "mailbox"
        case FactorType.SMS | FactorType.CALL:
            return "phone"
        case FactorType.TOTP | FactorType.PUSH:
            return "authenticator-app"
        case FactorType.TOKEN | FactorType.TOKEN_HARDWARE | FactorType.TOKEN_HOTP:
            return "device"
        case FactorType.QUESTION | FactorType.OTHER | None:
            return KNOWLEDGE
    assert_never(factor)


def _receipt(claims: Mapping[str, Any]) -> Receipt:
    """Raises KeyError, TypeError, ValueError."""
    context = claims.get("context")
    return Receipt(
        jti=_text(claims["jti"]),
        audience=_text(claims["aud"]),
        customer_id=_text(claims["sub"]),
        issued_at=_time(claims["iat"]),
        expires_at=_time(claims["exp"]),
        verified_at=_time(claims["auth_time"]),
        methods=tuple(map(_text, claims["amr"])),
        acr=_text(claims["acr"]),
        challenge_id=_optional(claims.get("challenge_id")),
        channel=_optional(claims.get("channel")),
        lane=_optional(claims.get("lane")),
        purpose=_optional(claims.get("purpose")),
        reference=_optional(claims.get("reference")),
        client=_optional(claims.get("client")),
        conductor=Conductor(ConductorKind(context["kind"]), _text(context["id"]))
        if context
        else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _time(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    if not 0 <= value <= LAST_TIME:
        raise ValueError
    return value
