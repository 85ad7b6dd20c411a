"""Keyed hashes, sealed texts and opaque ids, all under the service's root key."""

from __future__ import annotations

import hmac
import json
import secrets
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING

from verification.frozen import Frozen
from verification.jws import base64url, from_base64url
from verification.models.customers import CustomerKey, Email, EmailHash, FactorRef, LoginHash

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_HASH_BYTES = 16
_UNIQUE_BYTES = 8
CHALLENGE_PREFIX = "ch_"
_FACTOR, _CHALLENGE, _DEVICE = "factor", "challenge", "device"


class Row(StrEnum):
    """The kind of row that a challenge is stored in."""

    EMAIL = "e"
    DEVICE = "d"
    CUSTOMER = "c"
    RELEASE = "r"


class Place(Frozen):
    """Where a challenge is stored: the kind of row, and the 32 hex digits of its key.

    `RELEASE` is the customer's row too, at the place of its release.
    """

    row: Row
    key: str


class DeviceClaim(Frozen):
    """What a device token says: the device, its customer and email, and when it was issued
    (epoch seconds).
    """

    device_id: str
    customer: CustomerKey
    email_hash: EmailHash
    issued_at: int


class Keyring:
    """Derives one key for each use from the root key.

    Hashes: HMAC-SHA256 cut to 16 bytes. Without the root key nobody can test a guess of an email
    against the table or a log, and equal inputs of different kinds have different hashes. Sealing:
    AES-SIV (RFC 5297) with a key of 512 bits; the same text under the same context is sealed alike.
    """

    def __init__(
        self, root_key: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        root = root_key.encode()
        self._derived = cache(lambda kind: hmac.digest(root, kind.encode(), "sha256"))
        self._random_bytes = random_bytes

    def email_hash(self, email: Email) -> EmailHash:
        """Stands for an email in limits, logs and the table."""
        return EmailHash(self._hash("email", email.encode()))

    def login_hash(self, login: str) -> LoginHash:
        """Stands for a username. Spellings that Okta takes for one login have one hash."""
        return LoginHash(self._hash("login", _bytes(fold_login(login))))

    def customer_key(self, user_id: str) -> CustomerKey:
        """Stands for an Okta user, however the user was found."""
        return CustomerKey(self._hash("customer", user_id.encode()))

    def sign_in_key(self, state_token: str) -> str:
        """Stands for a sign-in in progress: its token is a secret."""
        return self._hash("sign-in", _bytes(state_token))

    def source_hash(self, network: str) -> str:
        """Stands for a source address in limits and logs."""
        return self._hash("source", network.encode())

    def destination_hash(self, destination: str) -> str:
        """Stands for a mailbox or a phone number in limits."""
        return self._hash("destination", _bytes(destination.casefold()))

    def request_hash(self, *parts: str) -> str:
        """Stands for a request, or its content, for which the table keeps a response."""
        return self._hash("request", _bytes("\0".join(parts)))

    def new_challenge_id(self, place: Place) -> str:
        """An id that contains the row, readable by this service alone. No two are equal."""
        content = f"{place.row}{place.key}".encode() + self._random_bytes(_UNIQUE_BYTES)
        return CHALLENGE_PREFIX + base64url(self._siv.encrypt(content, [_CHALLENGE.encode()]))

    def place_of(self, challenge_id: str) -> Place | None:
        """The row of a challenge, or None for an id that this service did not make."""
        if not challenge_id.startswith(CHALLENGE_PREFIX):
            return None
        content = self._opened(_CHALLENGE, challenge_id.removeprefix(CHALLENGE_PREFIX))
        if content is None:
            return None
        text = content[:-_UNIQUE_BYTES].decode()
        return Place(Row(text[0]), text[1:])

    def factor_id(self, ref: FactorRef) -> str:
        """An opaque id that contains the reference."""
        return self.seal(_FACTOR, json.dumps([*vars(ref).values()], separators=(",", ":")))

    def factor_ref(self, factor_id: str) -> FactorRef | None:
        """The content of an opaque id, or None for an id that this service did not make."""
        text = self.unseal(_FACTOR, factor_id)
        return FactorRef(*json.loads(text)) if text is not None else None

    def device_token(self, claim: DeviceClaim) -> str:
        """A token that proves an earlier success."""
        return self.seal(_DEVICE, json.dumps([*vars(claim).values()], separators=(",", ":")))

    def device_claim(self, token: str) -> DeviceClaim | None:
        """The content of a device token, or None for a token that this service did not make."""
        text = self.unseal(_DEVICE, token)
        return DeviceClaim(*json.loads(text)) if text is not None else None

    def seal(self, context: str, text: str) -> str:
        """Encrypt and authenticate a text; only `unseal` with the same context reads it."""
        return base64url(self._siv.encrypt(_bytes(text), [_bytes(context)]))

    def unseal(self, context: str, sealed: str) -> str | None:
        """The text, or None for what was not sealed here, or in another context."""
        content = self._opened(context, sealed)
        return content.decode(errors="surrogatepass") if content is not None else None

    def _opened(self, context: str, sealed: str) -> bytes | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see `_siv`

        try:
            raw = from_base64url(sealed)
            return self._siv.decrypt(raw, [_bytes(context)]) if raw else None
        except (ValueError, InvalidTag):
            return None

    @cached_property
    def _siv(self) -> AESSIV:
        # Imported where it is first needed: a start does not wait for it, and SnapStart's hook
        # loads it before the snapshot.
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415

        return AESSIV(self._derived("seal-1") + self._derived("seal-2"))

    def _hash(self, kind: str, message: bytes) -> str:
        return hmac.digest(self._derived(kind), message, "sha256")[:_HASH_BYTES].hex()


def fold_login(login: str) -> str:
    """One spelling for all that Okta takes for the same login: case and diacritical marks do not
    count (Okta's documentation of usernames).
    """
    # Marks go first, because case folding makes a letter of one of them (U+0345). Upper case before
    # folding, which alone would leave the dotless i.
    return _without_marks(_without_marks(login).upper().casefold()).strip()


def _without_marks(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not _is_mark(each))


def _is_mark(character: str) -> bool:
    """Diacritical and enclosing marks, and characters that cannot be seen."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf", "Cc")


def _bytes(text: str) -> bytes:
    """Any text, including what a header can contain and UTF-8 cannot."""
    return text.encode(errors="surrogatepass")
