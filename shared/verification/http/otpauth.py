"""An authenticator secret as a URI, and the URI as a QR code."""

from __future__ import annotations

from urllib.parse import quote

PIXELS_PER_MODULE = 6


def uri(secret: str, issuer: str, user: str) -> str:
    """The `otpauth://` URI that authenticator apps read (Google's Key URI format)."""
    label = f"{quote(issuer, safe='')}:{quote(user, safe='@')}" if issuer else quote(user, safe="@")
    parameters = f"secret={quote(secret, safe='')}"
    if issuer:
        parameters += f"&issuer={quote(issuer, safe='')}"
    return f"otpauth://totp/{label}?{parameters}"


def qr_code(content: str) -> str:
    """A QR code as a PNG `data:` URI."""
    # Imported here because it is needed for enrollments alone, and a start must not wait for it.
    import segno  # noqa: PLC0415

    return str(segno.make(content, micro=False).png_data_uri(scale=PIXELS_PER_MODULE))
