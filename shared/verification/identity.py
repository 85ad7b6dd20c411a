"""Names for customers and challenges that mean nothing without the service's root key."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import astuple
from unicodedata import normalize

from verification.models import Email, FactorRef

_KEY_BYTES = 16
_NONCE_BYTES = 9
_TAG_BYTES = 8
_ID_BYTES = _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
_PREFIX = "ch_"
_FACTOR_CONTEXT = "factor"


class Identities:
    """Keyed hashes, each under a key of its own derived from the root key (RFC 5869's idea).

    Two identical inputs of different kinds never share a name, and nobody without the root key
    can test a guess of an email against the table or a log.
    """

    def __init__(
        self, root_key: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._root = root_key.encode()
        self._random_bytes = random_bytes

    def of_email(self, email: Email) -> str:
        """The identity: 32 hex digits that stand for an email in limits, logs and the table."""
        return self._hash("identity", email.encode()).hex()

    def of_login(self, login: str) -> str:
        """The identity of whoever signs in with this, however it is spelled; of the email, where
        the login is one.
        """
        return self._hash("identity", _bytes(normalize("NFKC", login).strip().casefold())).hex()

    def of_sign_in(self, state_token: str) -> str:
        """The name of a sign-in under way: its token is a secret."""
        return self._hash("sign-in", _bytes(state_token)).hex()

    def of_user(self, user_id: str) -> str:
        """The key of an Okta user's row, however the user was found: 32 hex digits."""
        return self._hash("customer", user_id.encode()).hex()

    def of_decoy(self, identity: str) -> str:
        """The key of the row that stands in for a customer who cannot be challenged."""
        return self._hash("decoy", identity.encode()).hex()

    def of_source(self, address: str) -> str:
        """The name of a source address in limits: addresses are people's too."""
        return self._hash("source", address.encode()).hex()

    def of_request(self, *parts: str) -> str:
        """The name of a request, or of its content, for which the table keeps an answer."""
        return self._hash("request", _bytes("\0".join(parts))).hex()

    def seal(self, context: str, text: str) -> str:
        """Hide a text so that only this service, given the same context, can read or make it.

        HMAC-SHA256 in counter mode; the initial value is a hash of the text, which makes it the
        proof of the text as well (a synthetic IV, RFC 5297's idea). The same text is always sealed
        alike.
        """
        message = _bytes(text)
        proof = self._hash("seal", _bytes(context) + b"\0" + message)
        return _encoded(proof + self._stream_xor(context, proof, message))

    def unseal(self, context: str, sealed: str) -> str | None:
        """The text, or None for what was not sealed here and in this context."""
        raw = _decoded(sealed)
        if raw is None or len(raw) < _KEY_BYTES:
            return None
        proof = raw[:_KEY_BYTES]
        message = self._stream_xor(context, proof, raw[_KEY_BYTES:])
        if not hmac.compare_digest(proof, self._hash("seal", _bytes(context) + b"\0" + message)):
            return None
        return message.decode(errors="surrogatepass")

    def factor_ref_id(self, ref: FactorRef) -> str:
        """An opaque id that carries the reference, and that nobody else can make."""
        return self.seal(_FACTOR_CONTEXT, json.dumps(astuple(ref), separators=(",", ":")))

    def factor_ref(self, ref_id: str) -> FactorRef | None:
        """What an opaque id stands for, or None for an id that this service did not make."""
        text = self.unseal(_FACTOR_CONTEXT, ref_id)
        return FactorRef(*json.loads(text)) if text is not None else None

    def new_challenge_id(self, customer_key: str) -> str:
        """An id from which only this service can tell the customer's row, so that it needs no
        index of its own. Two ids of one customer share nothing that can be seen.
        """
        nonce = self._random_bytes(_NONCE_BYTES)
        masked = _xor(bytes.fromhex(customer_key), self._hash("mask", nonce))
        tag = self._hash("tag", nonce + masked)[:_TAG_BYTES]
        return _PREFIX + _encoded(nonce + masked + tag)

    def customer_of(self, challenge_id: str) -> str | None:
        """The customer's row key, or None for an id that this service did not make."""
        raw = _decoded(challenge_id.removeprefix(_PREFIX))
        if raw is None or len(raw) != _ID_BYTES or not challenge_id.startswith(_PREFIX):
            return None
        nonce, masked = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:-_TAG_BYTES]
        if not hmac.compare_digest(
            raw[-_TAG_BYTES:], self._hash("tag", nonce + masked)[:_TAG_BYTES]
        ):
            return None
        return _xor(masked, self._hash("mask", nonce)).hex()

    def _stream_xor(self, context: str, nonce: bytes, message: bytes) -> bytes:
        key = hmac.digest(self._root, b"stream\0" + _bytes(context), "sha256")
        blocks = (
            hmac.digest(key, nonce + number.to_bytes(4, "big"), "sha256")
            for number in range(len(message) // 32 + 1)
        )
        return _xor(message, b"".join(blocks)[: len(message)])

    def _hash(self, kind: str, message: bytes) -> bytes:
        key = hmac.digest(self._root, kind.encode(), "sha256")
        return hmac.digest(key, message, "sha256")[:_KEY_BYTES]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _bytes(text: str) -> bytes:
    """Any text, also what a header can hold and UTF-8 cannot."""
    return text.encode(errors="surrogatepass")


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    """The bytes, unless the text is another spelling of theirs than ours."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    return raw if _encoded(raw) == text else None
