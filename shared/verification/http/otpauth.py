"""An authenticator secret as a URI, and the URI as a QR code."""

from __future__ import annotations

from urllib.parse import quote

PIXELS_PER_MODULE = 6

MAX_NAMES = 2400
"""Bytes of a URI without its secret: a QR code has room for 2,953, and a secret has up to 512."""


def uri(secret: str, issuer: str, user: str) -> str:
    """The `otpauth://` URI that authenticator apps read (Google's Key URI format)."""
    label = f"{_quoted(issuer)}:{_quoted(user, '@')}" if issuer else _quoted(user, "@")
    parameters = f"secret={_quoted(secret)}"
    if issuer:
        parameters += f"&issuer={_quoted(issuer)}"
    return f"otpauth://totp/{label}?{parameters}"


def fits(issuer: str, user: str) -> bool:
    """Whether a QR code has room for these names. Outside ASCII a letter takes up to twelve bytes."""
    return len(uri("", issuer, user)) <= MAX_NAMES


def _quoted(text: str, safe: str = "") -> str:
    """Lone surrogates, which a text of Okta's may contain, are replaced."""
    return quote(text, safe, errors="replace")


def qr_code(content: str) -> str:
    """A QR code as a PNG `data:` URI."""
    # Imported here because it is needed for enrollments alone, and a start must not wait for it.
    import segno  # noqa: PLC0415

    return str(segno.make(content, micro=False).png_data_uri(scale=PIXELS_PER_MODULE))
