"""Okta's Users API: who has this email."""

from __future__ import annotations

from verification import errors
from verification.models import Call, Email, User
from verification.okta.translation import ResourceNotFound
from verification.okta.transport import Json, Transport
from verification.policy import choose_customer

SEARCH_LIMIT = "200"
"""The most that one page can hold: DEPROVISIONED users with the same email are listed too."""


class Users:
    """Finds the one user that an email names."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find(self, email: Email, call: Call) -> User:
        """The ACTIVE user with this login or email. Raises one of CustomerRefused.

        The login comes first because that lookup sees changes at once; the search index does not.
        """
        by_login = self._by_login(email, call)
        if by_login is not None and by_login.status == "ACTIVE" and by_login.email.lower() == email:
            return by_login
        # The login of one user can be the address of another: then neither is proven by it.
        others = self._by_email(email, call)
        return choose_customer([by_login, *others] if by_login else others, email)

    def _by_login(self, login: str, call: Call) -> User | None:
        try:
            user = _user(self._transport.request("GET", ("api", "v1", "users", login), call))
        except ResourceNotFound:
            return None
        # Okta also finds users by id and by a short form of the login.
        return user if user.login.lower() == login else None

    def _by_email(self, email: Email, call: Call) -> list[User]:
        quoted = email.replace("\\", "\\\\").replace('"', '\\"')
        found = self._transport.request(
            "GET",
            ("api", "v1", "users"),
            call,
            params={"search": f'profile.email eq "{quoted}"', "limit": SEARCH_LIMIT},
        )
        if not isinstance(found, list):
            raise errors.OktaUnexpectedResponse
        return [_user(item) for item in found]


def _user(document: Json) -> User:
    match document:
        case {
            "id": str(user_id),
            "status": str(status),
            "profile": {"login": str(login), "email": str(email)},
        }:
            return User(user_id, status, login, email)
    raise errors.OktaUnexpectedResponse
