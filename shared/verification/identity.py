"""Names for customers and challenges that mean nothing without the service's root key."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from verification.models import Email

_KEY_BYTES = 16
_NONCE_BYTES = 9
_TAG_BYTES = 8
_ID_BYTES = _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
_PREFIX = "ch_"


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

    def of_user(self, user_id: str) -> str:
        """The key of an Okta user's row, however the user was found: 32 hex digits."""
        return self._hash("customer", user_id.encode()).hex()

    def new_challenge_id(self, customer_key: str) -> str:
        """An id from which only this service can tell the customer's row, so that it needs no
        index of its own. Two ids of one customer share nothing that can be seen.
        """
        nonce = self._random_bytes(_NONCE_BYTES)
        masked = _xor(bytes.fromhex(customer_key), self._hash("mask", nonce))
        tag = self._hash("tag", nonce + masked)[:_TAG_BYTES]
        return _PREFIX + urlsafe_b64encode(nonce + masked + tag).decode()

    def customer_of(self, challenge_id: str) -> str | None:
        """The customer's row key, or None for an id that this service did not make."""
        try:
            raw = urlsafe_b64decode(challenge_id.removeprefix(_PREFIX).encode("ascii"))
        except ValueError:
            return None
        if len(raw) != _ID_BYTES or challenge_id != _PREFIX + urlsafe_b64encode(raw).decode():
            return None
        nonce, masked = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:-_TAG_BYTES]
        if not hmac.compare_digest(
            raw[-_TAG_BYTES:], self._hash("tag", nonce + masked)[:_TAG_BYTES]
        ):
            return None
        return _xor(masked, self._hash("mask", nonce)).hex()

    def _hash(self, kind: str, message: bytes) -> bytes:
        key = hmac.digest(self._root, kind.encode(), "sha256")
        return hmac.digest(key, message, "sha256")[:_KEY_BYTES]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
