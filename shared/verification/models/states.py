"""What the table knows of customers and emails, and the attempts that change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum, auto

from verification.frozen import Frozen
from verification.models.callers import Lane
from verification.models.challenges import Challenge, Origin
from verification.models.customers import Device


class WrongCode(Frozen):
    """A code that counts as wrong: when it was tried (epoch seconds), and by which lane."""

    at: int
    lane: Lane


class Sent(Frozen):
    """The newest thing that may have been sent over a factor.

    `by` is a challenge id or the key of a sign-in; `is_certain` is False while it is not known
    whether it went out.
    """

    by: str
    at: int
    is_certain: bool


class SentPush(Frozen):
    """A push at Okta: its transaction, and the number that the customer has to choose, if Okta asks
    for one.
    """

    transaction: str = field(repr=False)
    number: int | None = field(repr=False)


class PushAnswer(Enum):
    """What has become of a push at Okta."""

    WAITING = auto()
    APPROVED = auto()
    REJECTED = auto()
    ENDED = auto()


class Push(Frozen):
    """A customer's newest push. `by` is its challenge; `sealed` has the Okta user id, the transaction
    and the number.
    """

    by: str
    factor_id: str
    sealed: str = field(repr=False)


class CustomerState(Frozen):
    """What the table knows of one customer: challenges of clients, newest first; wrong codes in a
    row over all lanes; what was sent over each factor, and the one before; known devices; the newest
    push until it is answered.

    `unapproved` has the times of pushes that were rejected, ignored or not answered yet, newest first, 0
    for none. `devices_ended_at`: tokens of devices that are older are no longer valid (epoch seconds).
    """

    challenges: tuple[Challenge, ...] = ()
    release: Challenge | None = None
    wrong_codes: tuple[WrongCode, ...] = ()
    busy_until: float = 0.0
    sent: Mapping[str, Sent] = field(default_factory=dict)
    sent_before: Mapping[str, Sent] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    devices_ended_at: int = 0
    push: Push | None = None
    unapproved: tuple[int, ...] = ()


class Slot(Enum):
    """Which of a customer's stored challenges an attempt is for."""

    NEWEST = auto()
    RELEASE = auto()


class Attempt(Frozen):
    """An attempt to be reserved on a customer's row.

    `slot`: the challenge stored with the customer that must be open; with `challenge_id` it must be
    that one, with `client` it must be this client's, begun where `origin` says. Times are epoch
    seconds.
    """

    token: str
    lane: Lane
    allowed: int | None
    now: float
    slot: Slot | None = None
    challenge_id: str | None = None
    client: str | None = None
    origin: Origin = Origin.API


class PublicState(Frozen):
    """What public callers have done with one email, or one known device with its customer:
    challenges, newest first, and wrong codes since the last right one.
    """

    challenges: tuple[Challenge, ...] = ()
    wrong_codes: int = 0
    held_until: int = 0
    busy_until: float = 0.0


class PasswordState(Frozen):
    """Wrong passwords in a row for one login, the one that is being checked included. `last_at`: the
    latest moment at which Okta can have seen the last of them (epoch seconds).
    """

    wrong: int = 0
    last_at: int = 0
    busy_until: float = 0.0


class Hold(Frozen):
    """Which lanes may not try a code of this customer, since when (epoch seconds), and the wrong codes
    in a row, oldest first.
    """

    lanes: tuple[Lane, ...]
    since: int | None
    wrong_codes: tuple[WrongCode, ...]
