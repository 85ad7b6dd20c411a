"""Profiles and credentials as requests give them, and what Okta refuses in them.

Assumed, because no source says it: the minimum for a password and a login; a recovery question needs
an answer as long as that of a factor.
"""

import re
from dataclasses import dataclass, fields

from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.enrollment import MIN_ANSWER_LENGTH
from tests.sandbox.okta.exceptions import validation_failed
from tests.sandbox.okta.parameters import nested, text
from tests.sandbox.okta.records import RecoveryQuestion, User
from tests.sandbox.okta.responses import JsonObject

MIN_PASSWORD_LENGTH = 8
LOGIN_LENGTHS = range(5, 101)

_FIELDS = frozenset({"login", "email", "firstName", "lastName", "mobilePhone", "secondEmail"})
_ATTRIBUTES = """
city costCenter countryCode department displayName division employeeNumber honorificPrefix
honorificSuffix locale manager managerId middleName nickName organization postalAddress
preferredLanguage primaryPhone profileUrl state streetAddress timezone title userType zipCode
"""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PASSWORD_PARTS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_MIN_LOGIN_PART_LENGTH = 4


@dataclass(frozen=True)
class Profile:
    """A profile; its fields have the names of those of a user."""

    login: str
    email: str
    first_name: str | None
    last_name: str | None
    mobile_phone: str | None
    second_email: str | None
    attributes: dict[str, str]

    def give_to(self, user: User) -> None:
        """Replace the user's profile."""
        for each in fields(self):
            setattr(user, each.name, getattr(self, each.name))


def profile(given: JsonObject) -> Profile:
    """The profile in a request."""
    attributes = {name: text(given, name) for name in given.keys() - _FIELDS}
    for name in attributes.keys() - _ATTRIBUTES.split():
        raise validation_failed("newUser", f"Property name '{name}' is not defined in profile")
    return Profile(
        login=_required(given, "login"),
        email=_required(given, "email"),
        first_name=text(given, "firstName"),
        last_name=text(given, "lastName"),
        mobile_phone=text(given, "mobilePhone"),
        second_email=text(given, "secondEmail"),
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def check_profile(directory: Directory, new: Profile, owner: User | None = None) -> None:
    """Refuse a profile that no user, or not this one, can have."""
    if len(new.login) not in LOGIN_LENGTHS:
        raise validation_failed("login", "login: must be from 5 to 100 characters in length")
    if directory.find_login(new.login) not in (None, owner):
        raise validation_failed(
            "login", "login: An object with this field already exists in the current organization"
        )
    for name, email in (("email", new.email), ("secondEmail", new.second_email)):
        if email is not None and not _EMAIL.fullmatch(email):
            raise validation_failed(name, f"{name}: Does not match required pattern")


def password(credentials: JsonObject, login: str) -> str | None:
    """The password in credentials."""
    value = text(nested(credentials, "password"), "value")
    if value is not None and not is_complex(value, login):
        raise validation_failed("password", "password: Password requirements were not met.")
    return value


def is_complex(password: str, login: str) -> bool:
    parts = [part for part in re.split(r"\W+", login) if len(part) >= _MIN_LOGIN_PART_LENGTH]
    return (
        len(password) >= MIN_PASSWORD_LENGTH
        and all(part.search(password) for part in _PASSWORD_PARTS)
        and not any(part.casefold() in password.casefold() for part in parts)
    )


def recovery_question(credentials: JsonObject) -> RecoveryQuestion | None:
    """The recovery question in credentials, with its answer."""
    given = nested(credentials, "recovery_question")
    question, answer = text(given, "question"), text(given, "answer")
    if question is None and answer is None:
        return None
    if question is None or len(answer or "") < MIN_ANSWER_LENGTH:
        raise validation_failed(
            "recovery_question",
            "recovery_question: needs a question and an answer of at least "
            f"{MIN_ANSWER_LENGTH} characters",
        )
    return RecoveryQuestion(question, answer or "")


def _required(profile: JsonObject, name: str) -> str:
    value = text(profile, name)
    if value is None:
        raise validation_failed(name, f"{name}: The field cannot be left blank")
    return value
