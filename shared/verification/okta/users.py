"""Okta's Users API: find the user with an email, and create users."""

from __future__ import annotations

import re
from typing import Any

from verification import errors
from verification.crypto import fold_login
from verification.models.callers import Call
from verification.models.customers import Email, Registration, User, UserStatus
from verification.okta.error_codes import ResourceNotFound, ValidationFailed
from verification.okta.transport import Transport, is_id
from verification.parsing import parse_email
from verification.rules import choose_customer, require_active

_ID_OR_LOGIN = r"[A-Za-z0-9._-]{1,100}"

_OTHER_PATHS = (".", "..", "me")
"""What is neither an id nor a login in a path; `me` is the API token's owner."""

SEARCH_LIMIT = "200"
"""The most that one page can contain: DEPROVISIONED users with the same email are listed too."""


class Users:
    """Finds the one user that an email names, and creates new ones."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, email: Email, call: Call) -> User:
        """The one ACTIVE user with this email. Raises one of CustomerRefused.

        The login is tried first: that look-up sees changes at once, and the search index does not.
        But only the profile's email counts, because a login may be somebody else's address.
        """
        by_login = self._by_login(email, call)
        if (
            by_login is not None
            and by_login.status is UserStatus.ACTIVE
            and by_login.email.lower() == email
        ):
            return by_login
        others = self._by_email(email, call)
        return choose_customer([by_login, *others] if by_login else others, email)

    def find_any(self, name: str, call: Call) -> User:
        """The ACTIVE user with this id, login or email. Raises one of CustomerRefused."""
        if "@" in name:
            return self.find(parse_email(name), call)
        if name in _OTHER_PATHS or not re.fullmatch(_ID_OR_LOGIN, name):
            raise errors.CustomerNotFound
        user = self.get(name, call)
        if name != user.id and name.lower() != user.login.lower():
            raise errors.CustomerNotFound
        return require_active(user)

    def get(self, name: str, call: Call) -> User:
        """The user with this id or login, whatever the status. Raises CustomerNotFound."""
        try:
            return _user(self._transport.request("GET", ("api", "v1", "users", name), call))
        except ResourceNotFound:
            raise errors.CustomerNotFound from None

    def with_login(self, login: str, call: Call) -> User | None:
        """The user with this login in any spelling, or in Okta's short form, which is the part
        before the "@" where only one user has it. The status does not matter.

        Raises InvalidCredentials for a short form that cannot be looked up: it may be somebody's, and
        wrong passwords for it would be counted apart from those for the whole login.
        """
        wanted = fold_login(login)
        if "/" in wanted or wanted in _OTHER_PATHS:
            if "@" not in wanted:
                raise errors.InvalidCredentials
            return None
        try:
            user = self.get(login, call)
        except errors.CustomerNotFound:
            return None
        full = fold_login(user.login)
        # Okta also finds users by id, which is no login.
        return user if wanted in (full, full.partition("@")[0]) else None

    def with_phone(self, phone: str, call: Call) -> User:
        """The one ACTIVE user whose mobile phone this is, an E.164 number."""
        found = self._search(f'profile.mobilePhone eq "{phone}"', call)
        active = [user for user in found if user.status is UserStatus.ACTIVE]
        if len(active) > 1:
            raise errors.CustomerAmbiguous
        if not active:
            raise errors.CustomerNotFound
        return active[0]

    def holder(self, login: str, email: Email, call: Call) -> User | None:
        """The user with this login or this email; a deactivated user keeps the login alone."""
        by_login = self._by_login(login, call)
        if by_login is not None:
            return by_login
        for user in self._by_email(email, call):
            if user.email.lower() == email and user.status is not UserStatus.DEPROVISIONED:
                return user
        return None

    def create(self, wanted: Registration, call: Call) -> User:
        """A new user, activated. Raises CustomerInvalid, which may also mean that the login is
        taken.
        """
        body: dict[str, object] = {"profile": wanted.profile}
        if wanted.password:
            body["credentials"] = {"password": {"value": wanted.password}}
        if wanted.groups:
            body["groupIds"] = wanted.groups
        path, params = ("api", "v1", "users"), {"activate": "true"}
        try:
            created = self._transport.request("POST", path, call, params=params, body=body)
        except (ValidationFailed, ResourceNotFound) as refused:  # what is not found is a group
            raise errors.CustomerInvalid(okta_error=refused.okta_error) from None
        try:
            return _user(created)
        except errors.OktaUnexpectedResponse:
            raise errors.OktaAnswerUnclear from None

    def _by_login(self, login: str, call: Call) -> User | None:
        if "/" in login:
            return None  # Okta finds such a login by its id alone
        try:
            user = self.get(login, call)
        except errors.CustomerNotFound:
            return None
        # Okta also finds users by id and by a short form of the login.
        return user if user.login.lower() == login.lower() else None

    def _by_email(self, email: Email, call: Call) -> list[User]:
        quoted = email.replace("\\", "\\\\").replace('"', '\\"')
        return self._search(f'profile.email eq "{quoted}"', call)

    def _search(self, expression: str, call: Call) -> list[User]:
        params = {"search": expression, "limit": SEARCH_LIMIT}
        found = self._transport.request("GET", ("api", "v1", "users"), call, params=params)
        if not isinstance(found, list):
            raise errors.OktaUnexpectedResponse
        return [_user(item) for item in found]


def _user(document: Any) -> User:
    match document:
        case {
            "id": str(user_id),
            "status": str(status),
            "profile": {"login": str(login), "email": str(email)},
        } if is_id(user_id):
            given = (document.get(name) for name in ("created", "lastLogin", "passwordChanged"))
            times = [each if isinstance(each, str) else "" for each in given]
            return User(user_id, UserStatus(status), login, email, *times)
    raise errors.OktaUnexpectedResponse
