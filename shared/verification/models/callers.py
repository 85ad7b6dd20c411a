"""Callers, and what one call may do."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum

from verification.frozen import Frozen


class Scope(StrEnum):
    """What a client key may be used for."""

    VERIFY = "verify"
    ENROLL = "enroll"
    REGISTER = "register"
    RELEASE = "release"


class Lane(StrEnum):
    """How well a caller is known. It decides how many codes may be tried and sent."""

    STRANGER = "stranger"
    DEVICE = "device"
    CLIENT = "client"
    RELEASE = "release"


class Client(Frozen):
    """A caller with a client key. `audiences`: whose receipts it may redeem; the first is that of
    the challenges it begins, unless it names another.
    """

    name: str
    scopes: frozenset[Scope]
    audiences: tuple[str, ...] = ()


class Caller(Frozen):
    """Who calls: a client or, without a key, the public. `device_token` is not checked yet."""

    client: Client | None
    source_ip: str
    user_agent: str = ""
    accept_language: str = ""
    device_fingerprint: str = ""
    device_token: str = field(default="", repr=False)

    @property
    def is_public(self) -> bool:
        """Whether the caller sent no client key."""
        return self.client is None

    @property
    def name(self) -> str | None:
        """The client's name; None for the public."""
        return self.client.name if self.client else None


class Deadline(Frozen):
    """The moment by which a call must be answered, in seconds of a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at - self.clock()


class Spent(Frozen):
    """One unit of a caller's budget: the name of the budget, and whose it is."""

    budget: str
    name: str


class Call(Frozen):
    """One invocation: the caller, the deadline, and what it has spent of the caller's budget.

    `request` identifies a request that carries an Idempotency-Key; it is empty for others.
    `function` is the ARN under which the function was invoked. `patience`: the longest wait in seconds
    before Okta is asked once more, whatever the first try ended with.
    """

    caller: Caller
    deadline: Deadline
    request: str = ""
    function: str = ""
    spent: Spent | None = None
    patience: float = math.inf
