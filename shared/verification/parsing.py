"""Pure checks of what callers send. Each returns the normalised value or raises what is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection

from verification import errors
from verification.models.challenges import Code
from verification.models.customers import Channel, Email

MAX_EMAIL_LENGTH = 254
"""The longest address that SMTP can carry (RFC 5321, 4.5.3.1.3)."""

MAX_SMS_TEXT = 160
"""Characters of one SMS; Okta refuses longer templates."""

# HTML's definition of a valid address (the one browsers check), plus letters outside ASCII.
# Quoted local parts and address literals are left out: no web form accepts them.
_EMAIL = (
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}"
    r"@[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)+"
)
_PHONE = r"\+[1-9][0-9]{6,14}"
_LINK = (
    r"(?i)https?:|www\.|[^\s}][.\u3002\uff0e\uff61][^\W\d_][^\s.,:;!?)]|(?:[0-9]{1,3}\.){3}[0-9]"
)
"""What a phone makes a link of: a scheme, a name with a dot of any script, an IPv4 address."""
# ASCII, or a case-blind "k" and "s" would match two letters outside it.
_REDIRECT = (
    r"(?ai)(?P<origin>https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?)(?:[/?][!-\[\]^-~]{0,1800})?"
)
_LABEL = r"[A-Za-z0-9._:-]{1,64}"
_LOCALE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}"  # the plain part of BCP 47
_OKTA_ID = r"[A-Za-z0-9]{1,64}"
_URL_SAFE_TEXT = r"[A-Za-z0-9._~-]{1,512}"
_CODE = r"[0-9]{6}"
_FACTOR_CODE = r"[0-9]{4,10}|[cbdefghijklnrtuv]{44}"
"""Digits, or the 44 letters that a YubiKey types."""
_SEPARATORS = str.maketrans("", "", " -")
_IN_A_PASTED_CODE = r"[\s-]"
"""Blanks of every kind, such as no-break spaces and newlines."""
_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)}
"""What a Japanese keyboard types."""


def parse_email(text: str) -> Email:
    """The address in lower case without surrounding blanks. Raises MissingEmail, InvalidEmail."""
    email = text.strip(" ").lower()
    if not email:
        raise errors.MissingEmail
    if len(email) > MAX_EMAIL_LENGTH or not re.fullmatch(_EMAIL, email):
        raise errors.InvalidEmail
    return Email(email)


def parse_code(text: str) -> Code:
    """The six digits, however the customer grouped them. Raises MissingCode, InvalidCodeFormat."""
    code = _pasted(text)
    if not code:
        raise errors.MissingCode
    if not re.fullmatch(_CODE, code):
        raise errors.InvalidCodeFormat
    return Code(code)


def parse_pass_code(text: str) -> str:
    """A code of any factor of Okta's. Raises InvalidCodeFormat."""
    code = _pasted(text)
    if not re.fullmatch(_FACTOR_CODE, code):
        raise errors.InvalidCodeFormat
    return code


def parse_channel(text: str) -> Channel | None:
    """The channel of that name; None for `any`. Raises UnsupportedChannel."""
    if text == "any":
        return None
    for channel in Channel:
        if text == channel.value:
            return channel
    raise errors.UnsupportedChannel


def parse_phone(text: str) -> str:
    """The number as E.164, without blanks and dashes. Raises InvalidPhoneNumber."""
    phone = text.translate(_SEPARATORS)
    if not re.fullmatch(_PHONE, phone):
        raise errors.InvalidPhoneNumber
    return phone


def parse_label(text: str, name: str) -> str:
    """A purpose or a reference: 1 to 64 letters, digits and `._:-`. Raises MalformedBody."""
    if not re.fullmatch(_LABEL, text):
        raise errors.MalformedBody(f"{name} must be 1 to 64 letters, digits, or ._:-")
    return text


def parse_okta_id(text: str) -> str:
    """The id of an Okta user. Raises CustomerNotFound for what cannot be one."""
    if not re.fullmatch(_OKTA_ID, text):
        raise errors.CustomerNotFound
    return text


def is_okta_token(text: str) -> bool:
    """Whether this can be the token of a sign-in or of a session: URL-safe text."""
    return re.fullmatch(_URL_SAFE_TEXT, text) is not None


def parse_locale(text: str) -> str:
    """A language tag. Raises MalformedBody."""
    if not re.fullmatch(_LOCALE, text):
        raise errors.MalformedBody("locale is not a language tag.")
    return text


def parse_sms_template(text: str) -> str:
    """A text for SMS in which `{{code}}` stands for the code. Raises MalformedBody."""
    if "{{code}}" not in text:
        raise errors.MalformedBody("sms_template must hold {{code}}.")
    if len(text) > MAX_SMS_TEXT or re.search(_LINK, text) or "${" in text:
        raise errors.MalformedBody("sms_template must be short and have no links in it.")
    return text


def _pasted(text: str) -> str:
    """A code without what came with it from a mail or a keyboard."""
    return re.sub(_IN_A_PASTED_CODE, "", text.translate(_FULL_WIDTH))


def require_redirect(url: str, origins: Collection[str], name: str = "redirect_url") -> None:
    """Raise MalformedBody unless the URL's origin is one of these.

    Only plain URLs pass: what is a path to one parser may be a host to another.
    """
    parts = re.fullmatch(_REDIRECT, url)
    if not parts or parts["origin"].lower() not in origins:
        raise errors.MalformedBody(f"{name} is not allowed.")
