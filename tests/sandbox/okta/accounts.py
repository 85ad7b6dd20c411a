"""The life cycle of users: created, activated, suspended, deactivated.

Assumed, because no source says it: the minimum for a password and a login; a user of another
provider needs no password to be active; a deactivated user's password is gone; everybody who is
neither staged nor deactivated has been activated before; mails about an account are not sent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.exceptions import OktaError, Refusal, not_found, validation_failed
from tests.sandbox.okta.policy import Policy
from tests.sandbox.okta.records import OKTA, User, UserStatus, timestamp
from tests.sandbox.okta.seed import GROUPS

MIN_PASSWORD_LENGTH = 8
LOGIN_LENGTHS = range(5, 101)

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PASSWORD_PARTS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_MIN_LOGIN_PART_LENGTH = 4


@dataclass(frozen=True)
class Accounts:
    """The life cycle of the users of one org."""

    clock: Callable[[], float]
    directory: Directory
    policy: Policy

    def create(self, user: User, *, activate: bool) -> User:
        """Add a staged user, and activate it at once if wanted."""
        self._check(user)
        user.email_is_verified = self.policy.trusts_new_emails
        self.directory.enter(user)
        if activate:
            self.activate(user)
        return user

    def activate(self, user: User) -> None:
        """Activate a new or deactivated user."""
        if user.status not in (UserStatus.STAGED, UserStatus.DEPROVISIONED):
            raise OktaError(Refusal.ALREADY_ACTIVE)
        can_sign_in = user.password is not None or user.provider != OKTA
        user.activated = timestamp(self.clock())
        self._move(user, UserStatus.ACTIVE if can_sign_in else UserStatus.PROVISIONED)

    def reactivate(self, user: User) -> None:
        """Invite a user again who has not chosen a password yet."""
        if user.status is not UserStatus.PROVISIONED:
            raise OktaError(Refusal.WRONG_USER_STATUS)

    def suspend(self, user: User) -> None:
        if user.status is not UserStatus.ACTIVE:
            raise validation_failed("suspendUser", "Cannot suspend a user that is not active")
        self._move(user, UserStatus.SUSPENDED)

    def unsuspend(self, user: User) -> None:
        if user.status is not UserStatus.SUSPENDED:
            raise validation_failed(
                "unsuspendUser", "Cannot unsuspend a user that is not suspended"
            )
        self._move(user, UserStatus.ACTIVE)

    def deactivate(self, user: User) -> None:
        if user.status is UserStatus.DEPROVISIONED:
            raise OktaError(Refusal.WRONG_USER_STATUS)
        user.password = None
        self._move(user, UserStatus.DEPROVISIONED)

    def _move(self, user: User, status: UserStatus) -> None:
        user.status = status
        user.status_changed = timestamp(self.clock())

    def _check(self, new: User) -> None:
        if len(new.login) not in LOGIN_LENGTHS:
            raise validation_failed("login", "login: must be from 5 to 100 characters in length")
        if self.directory.find_login(new.login) is not None:
            raise validation_failed(
                "login",
                "login: An object with this field already exists in the current organization",
            )
        for name, email in (("email", new.email), ("secondEmail", new.second_email)):
            if email is not None and not _EMAIL.fullmatch(email):
                raise validation_failed(name, f"{name}: Does not match required pattern")
        if new.password is not None and not _is_complex(new.password, new.login):
            raise validation_failed("password", "password: Password requirements were not met.")
        for group_id in new.group_ids:
            if group_id not in GROUPS:
                raise not_found(group_id, "UserGroup")


def _is_complex(password: str, login: str) -> bool:
    parts = [part for part in re.split(r"\W+", login) if len(part) >= _MIN_LOGIN_PART_LENGTH]
    return (
        len(password) >= MIN_PASSWORD_LENGTH
        and all(part.search(password) for part in _PASSWORD_PARTS)
        and not any(part.casefold() in password.casefold() for part in parts)
    )
