"""Parses the JSON of a registration (the rest of the JSON API is in `json_api`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, assert_never

from verification import errors, rules
from verification.crypto import fold_login
from verification.http.json_api import parse_object, text_of
from verification.http.messages import Request
from verification.models.customers import Channel, Email, Factor, FactorStatus, Registration
from verification.parsing import parse_email, parse_phone

# Okta's own bounds, where its reference names one.
MAX_NAME = 50
MAX_EMAIL = 100
MAX_TEXT = 4096
MAX_VALUES = 100
MAX_GROUPS = 20
MAX_PASSWORD = 256
MAX_NUMBER = 2**53
"""Beyond it JSON's numbers lose digits on their way."""

_ATTRIBUTE = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_LOGIN = r"[^\s/\x00-\x1f\x7f-\x9f]{5,100}"
_GROUP_ID = r"[A-Za-z0-9]{1,64}"


def parse(request: Request) -> Registration:
    """Raises one of BadRequest."""
    body = parse_object(request)
    profile = _profile(body.get("profile"))
    email = parse_email(text_of(profile, "email"))
    if len(email) > MAX_EMAIL:
        raise errors.MalformedBody(f"email must be at most {MAX_EMAIL} characters.")
    login = text_of(profile, "login") or email
    if not re.fullmatch(_LOGIN, login):
        raise errors.MalformedBody("login must be 5 to 100 characters: no blank, slash or control.")
    if "@" in fold_login(login) and login.lower() != email:
        # Somebody else's address as a login would answer for that address. Okta may also take
        # other characters for an "@", such as the full-width one.
        raise errors.MalformedBody("login must be the email, or not look like an email.")
    for name in ("firstName", "lastName"):
        if not 0 < len(text_of(profile, name)) <= MAX_NAME:
            raise errors.MalformedBody(f"{name} must be 1 to {MAX_NAME} characters.")
    profile |= {"email": email, "login": login}
    if phone := text_of(profile, "mobilePhone"):
        profile["mobilePhone"] = phone = parse_phone(phone)
    return Registration(
        email=email,
        login=login,
        profile=profile,
        password=_password(body.get("password")),
        groups=_groups(body),
        factors=tuple(_factor(each, email, phone) for each in _distinct(body, "enroll")),
    )


def _profile(given: object) -> dict[str, Any]:
    """Every attribute that has a value."""
    if not isinstance(given, dict):
        raise errors.MalformedBody("profile is not an object.")
    profile = {name: value for name, value in given.items() if value is not None}
    if len(profile) > MAX_VALUES:
        raise errors.MalformedBody("profile has too many attributes.")
    for name, value in profile.items():
        if not re.fullmatch(_ATTRIBUTE, name):
            raise errors.MalformedBody("profile has an attribute with an impossible name.")
        values = value if isinstance(value, list) else [value]
        if len(values) > MAX_VALUES or not all(_is_plain(each) for each in values):
            raise errors.MalformedBody(f"{name} is no text, number or flag, nor a list of them.")
    return profile


def _is_plain(value: object) -> bool:
    match value:
        case str():
            return len(value) <= MAX_TEXT
        case int() | float():
            return -MAX_NUMBER <= value <= MAX_NUMBER  # NaN is in no range
    return False


def _password(given: object) -> str:
    """Absent means no password; an empty one is a mistake."""
    if given is None:
        return ""
    if not isinstance(given, str) or not 0 < len(given) <= MAX_PASSWORD:
        raise errors.MalformedBody(f"password must be a string of 1 to {MAX_PASSWORD} characters.")
    return given


def _groups(body: Mapping[str, Any]) -> tuple[str, ...]:
    groups = _distinct(body, "groups")
    if len(groups) > MAX_GROUPS or not all(re.fullmatch(_GROUP_ID, each) for each in groups):
        raise errors.MalformedBody(f"groups must be at most {MAX_GROUPS} ids of Okta groups.")
    return groups


def _distinct(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The field's strings, none of them twice; nothing where it is absent or null."""
    given = body.get(name)
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise errors.MalformedBody(f"{name} is not a list of strings.")
    if len(set(given)) < len(given):
        raise errors.MalformedBody(f"{name} has an entry twice.")
    return tuple(given)


def _factor(name: str, email: Email, phone: str) -> Factor:
    """A factor to be enrolled."""
    if name not in {channel.value for channel in Channel}:
        raise errors.MalformedBody("enroll can contain email and sms.")
    channel = Channel(name)
    match channel:
        case Channel.EMAIL:
            destination = str(email)
        case Channel.SMS if phone:
            destination = phone
        case Channel.SMS:
            raise errors.MalformedBody("enroll sms needs profile.mobilePhone.")
        case Channel.CALL | Channel.TOTP | Channel.PUSH:
            raise errors.MalformedBody("enroll can contain email and sms.")
        case _:
            assert_never(channel)
    return Factor("", rules.factor_type_of(channel), FactorStatus.ACTIVE, destination)
