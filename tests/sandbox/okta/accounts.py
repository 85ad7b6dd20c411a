"""How users come to be, and what becomes of them.

Assumed, because no source says it: the least that a password and a login must be; a user who
signs in elsewhere needs no password to be active; a deactivated user's password is gone; whoever
is neither staged nor deactivated has been activated before; of the mails that Okta sends about an
account, none is sent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sandbox.okta.directory import Directory
from tests.sandbox.okta.exceptions import (
    AlreadyActiveError,
    ResourceNotFoundError,
    ValidationFailedError,
    WrongUserStatusError,
)
from tests.sandbox.okta.policy import Policy
from tests.sandbox.okta.records import OKTA, User, UserStatus
from tests.sandbox.okta.seed import GROUPS
from tests.sandbox.okta.times import timestamp

MIN_PASSWORD_LENGTH = 8
LOGIN_LENGTHS = range(5, 101)

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PASSWORD_PARTS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_MIN_LOGIN_PART_LENGTH = 4


@dataclass(frozen=True)
class NewUser:
    """Who is to be created; `attributes` are the rest of the profile."""

    login: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    mobile_phone: str | None = None
    second_email: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    password: str | None = None
    provider: str = OKTA
    group_ids: tuple[str, ...] = ()


class Accounts:
    """The life of the users of one org."""

    def __init__(self, clock: Callable[[], float], directory: Directory, policy: Policy) -> None:
        self._clock = clock
        self._directory = directory
        self._policy = policy

    def create(self, new: NewUser, *, activate: bool) -> User:
        """Add a user, active at once if there is a way to sign in."""
        self._check(new)
        user = User(
            id=self._directory.new_user_id(),
            login=new.login,
            email=new.email,
            first_name=new.first_name,
            last_name=new.last_name,
            created=timestamp(self._clock()),
            status=UserStatus.STAGED,
            provider=new.provider,
            mobile_phone=new.mobile_phone,
            second_email=new.second_email,
            email_is_verified=self._policy.trusts_new_emails,
            password=new.password,
            attributes=new.attributes,
            group_ids=list(new.group_ids),
        )
        self._directory.enter(user)
        if activate:
            self.activate(user)
        return user

    def activate(self, user: User) -> None:
        """Let a user in who is new or was deactivated."""
        if user.status not in (UserStatus.STAGED, UserStatus.DEPROVISIONED):
            raise AlreadyActiveError
        has_a_way_in = user.password is not None or user.provider != OKTA
        user.activated = timestamp(self._clock())
        self._move(user, UserStatus.ACTIVE if has_a_way_in else UserStatus.PROVISIONED)

    def reactivate(self, user: User) -> None:
        """Invite a user once more who has not chosen a password yet."""
        if user.status is not UserStatus.PROVISIONED:
            raise WrongUserStatusError

    def suspend(self, user: User) -> None:
        """Keep a user out for a while."""
        if user.status is not UserStatus.ACTIVE:
            raise ValidationFailedError("suspendUser", "Cannot suspend a user that is not active")
        self._move(user, UserStatus.SUSPENDED)

    def unsuspend(self, user: User) -> None:
        """Let a suspended user in again."""
        if user.status is not UserStatus.SUSPENDED:
            raise ValidationFailedError(
                "unsuspendUser", "Cannot unsuspend a user that is not suspended"
            )
        self._move(user, UserStatus.ACTIVE)

    def deactivate(self, user: User) -> None:
        """Keep a user out for good."""
        if user.status is UserStatus.DEPROVISIONED:
            raise WrongUserStatusError
        user.password = None
        self._move(user, UserStatus.DEPROVISIONED)

    def _move(self, user: User, status: UserStatus) -> None:
        user.status = status
        user.status_changed = timestamp(self._clock())

    def _check(self, new: NewUser) -> None:
        if len(new.login) not in LOGIN_LENGTHS:
            raise ValidationFailedError(
                "login", "login: must be from 5 to 100 characters in length"
            )
        if self._directory.find_login(new.login) is not None:
            raise ValidationFailedError(
                "login",
                "login: An object with this field already exists in the current organization",
            )
        for name, email in (("email", new.email), ("secondEmail", new.second_email)):
            if email is not None and not _EMAIL.fullmatch(email):
                raise ValidationFailedError(name, f"{name}: Does not match required pattern")
        if new.password is not None and not _is_complex(new.password, new.login):
            raise ValidationFailedError("password", "password: Password requirements were not met.")
        for group_id in new.group_ids:
            if group_id not in GROUPS:
                raise ResourceNotFoundError(group_id, "UserGroup")


def _is_complex(password: str, login: str) -> bool:
    parts = [part for part in re.split(r"\W+", login) if len(part) >= _MIN_LOGIN_PART_LENGTH]
    return (
        len(password) >= MIN_PASSWORD_LENGTH
        and all(part.search(password) for part in _PASSWORD_PARTS)
        and not any(part.casefold() in password.casefold() for part in parts)
    )
