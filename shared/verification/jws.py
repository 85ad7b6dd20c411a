"""JSON Web Signatures (RFC 7515): makes them with ES256 or RS256, and reads receipts.

One form is accepted: compact, ES256, with `alg`, `kid` and `typ` in the header and nothing else.
Nothing in a token decides how it is checked.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verification.errors import ConfigurationError
from verification.frozen import Frozen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

ALGORITHM = "ES256"
RSA_ALGORITHM = "RS256"
"""What Okta's service apps may sign with too."""

MAX_LENGTH = 4096

_HEADER = {"alg", "kid", "typ"}
_NUMBER_BYTES = 32
"""Length of each of the two numbers of a signature, and of each coordinate of a key."""


class OwnKey:
    """A P-256 key of this process, for proofs that it alone can make."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 - see `crypto`
            SECP256R1,
            generate_private_key,
        )

        self._key = generate_private_key(SECP256R1())
        self.numbers = public_numbers(self._key.public_key())

    def signed(self, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
        """The token with this header, to which the public key is added (RFC 7515, 4.1.3)."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415

        text = signing_input({"alg": ALGORITHM, **header, "jwk": self.numbers}, claims)
        return token(text, self._key.sign(text.encode(), ECDSA(hashes.SHA256())))


class Token(Frozen):
    """A well-formed token whose signature has not been checked."""

    kid: str
    type: str
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def kid_of(key_id: str) -> str:
    """The name of a KMS key in tokens and in the JWKS. It does not show the account."""
    return base64url(hashlib.sha256(key_id.encode()).digest()[:12])


def signing_input(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """What is to be signed: the first two parts of a token."""
    return f"{_segment(header)}.{_segment(claims)}"


def token(signed: str, signature: bytes, algorithm: str = ALGORITHM) -> str:
    """The token. `signature` is as KMS returns it: for ECDSA in DER, which becomes the two numbers side
    by side that a JWS has (RFC 7518, 3.4).
    """
    if algorithm == RSA_ALGORITHM:
        return f"{signed}.{base64url(signature)}"
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415 - see `crypto`
        decode_dss_signature,
    )

    numbers = decode_dss_signature(signature)
    raw = b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in numbers)
    return f"{signed}.{base64url(raw)}"


def parse(text: str) -> Token | None:
    """The parts of a token; None for what is not exactly of the form above."""
    parts = text.split(".") if len(text) <= MAX_LENGTH else []
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        header, claims = json.loads(from_base64url(parts[0])), json.loads(from_base64url(parts[1]))
        signature = from_base64url(parts[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.keys() != _HEADER:
        return None
    alg, kid, type_ = header["alg"], header["kid"], header["typ"]
    if alg != ALGORITHM or not isinstance(kid, str) or not isinstance(type_, str):
        return None
    return Token(kid, type_, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def is_signed(token: Token, public_key: bytes) -> bool:
    """Whether the token was signed with this key (DER). Raises ConfigurationError."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see `crypto`
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415
        encode_dss_signature,
    )

    key = _on_p256(_loaded(public_key))
    if len(token.signature) != 2 * _NUMBER_BYTES:
        return False
    r, s = token.signature[:_NUMBER_BYTES], token.signature[_NUMBER_BYTES:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    try:
        key.verify(der, token.signed, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def jwk(kid: str, public_key: bytes) -> dict[str, str]:
    """A public key (DER) as a JSON Web Key (RFC 7517). Raises ConfigurationError."""
    numbers = public_numbers(_loaded(public_key))
    algorithm = ALGORITHM if numbers["kty"] == "EC" else RSA_ALGORITHM
    return {**numbers, "kid": kid, "alg": algorithm, "use": "sig"}


def algorithm_of(public_key: bytes) -> str:
    """What a key (DER) signs with. Raises ConfigurationError."""
    return jwk("", public_key)["alg"]


def public_numbers(key: PublicKeyTypes) -> dict[str, str]:
    """The members of a JSON Web Key that are the key itself (RFC 7518, 6.2 and 6.3). Raises
    ConfigurationError for a key that is neither P-256 nor RSA.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import (  # noqa: PLC0415 - see `crypto`
        RSAPublicKey,
    )

    if isinstance(key, RSAPublicKey):
        rsa = key.public_numbers()
        n, e = (
            base64url(each.to_bytes((each.bit_length() + 7) // 8, "big")) for each in (rsa.n, rsa.e)
        )
        return {"kty": "RSA", "n": n, "e": e}
    point = _on_p256(key).public_numbers()
    x, y = (base64url(each.to_bytes(_NUMBER_BYTES, "big")) for each in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _loaded(public_key: bytes) -> PublicKeyTypes:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - see `crypto`
        load_der_public_key,
    )

    return load_der_public_key(public_key)


def _on_p256(key: PublicKeyTypes) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 - see `crypto`
        SECP256R1,
        EllipticCurvePublicKey,
    )

    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigurationError("a key is not one that this service can sign with")
    return key


def _segment(content: Mapping[str, object]) -> str:
    return base64url(json.dumps(content, separators=(",", ":")).encode())


def base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """The bytes of base64url without padding, in its one spelling. Raises ValueError."""
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64url(raw) != text:
        raise ValueError("not base64url in its shortest form")
    return raw
