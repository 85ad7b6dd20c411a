"""Budgets of callers, and the brake on wrong codes of strangers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto

from verification import rules
from verification.errors import RateLimited
from verification.models.callers import Caller, Lane, Spent
from verification.models.customers import LoginHash
from verification.observability import Meter
from verification.ports import Budgets, Clock, Keys
from verification.settings import Settings

PORTIONS = 1000
"""A process takes a thousandth of a client's budget at once, so that few of the client's calls need a
call of the store for it, and a process that ends leaves little unused.
"""

BRAKE_SECONDS = 10.0
"""How long a process believes what it has read of the brake."""

_PASSWORD_BUDGETS = {
    Lane.STRANGER: "passwords-public",
    Lane.DEVICE: "passwords-device",
    Lane.CLIENT: "passwords-clients",
}


class Budget(Enum):
    """What a call is paid from before it is carried out."""

    SENDS = auto()
    FAILURES = auto()
    CHANGES = auto()
    NONE = auto()


class Limits:
    """Budgets of clients by name, of the public by source address. Each lasts an hour.

    Wrong codes have a budget for sources alone: a client's customers all come from its address.
    """

    def __init__(
        self,
        budgets: Budgets,
        keys: Keys,
        settings: Settings,
        meter: Meter,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budgets = budgets
        self._keys = keys
        self._settings = settings
        self._meter = meter
        self._clock = clock
        self._monotonic = monotonic
        self._portions: dict[Spent, tuple[int, int]] = {}
        self._brake_read_at = -BRAKE_SECONDS
        self._brake_is_on = False

    def spend(self, budget: Budget, caller: Caller) -> Spent | None:
        """Pay for a call; what was paid, if anything is. Raises RateLimited."""
        spent, limit = self._limit(budget, caller)
        if spent is not None:
            portion = 1 if caller.is_public else max(1, limit // PORTIONS)
            self._spend(spent, limit, portion)
        return spent

    def refund(self, spent: Spent | None) -> None:
        """Give back what was paid for an honest call."""
        if spent is not None:
            self._budgets.refund(spent, self._now())

    def spend_password(self, lane: Lane, name: str) -> Spent:
        """Count a wrong password before it is known to be one. `name` is the hash of a username, for
        which strangers and clients have a budget each, or the id of a known device. Raises
        RateLimited.
        """
        spent = Spent(_PASSWORD_BUDGETS[lane], name)
        self._spend(spent, self._settings.password_failures)
        return spent

    def refund_sign_in(self, spent: Spent | None, login_hash: LoginHash) -> None:
        """Give back what a right password has cost, as often in an hour as a customer needs. Every
        step after it is a call of Okta's, and whoever has an account could use up the org's limit.
        """
        if spent is not None:
            with suppress(RateLimited):
                self._spend(Spent("sign-ins", login_hash), rules.SIGN_INS)
                self.refund(spent)

    def count_send(self, destination_hash: str, token: str, *, by_stranger: bool = False) -> None:
        """Count a send to a mailbox or phone; `token` is unique to it. Raises SendLimited."""
        self._budgets.count_send(destination_hash, self._now(), token, by_stranger=by_stranger)

    def take_back_send(self, destination_hash: str, token: str, *, by_stranger: bool) -> None:
        """Give this send back: it certainly did not happen."""
        now = self._now()
        self._budgets.take_back_send(destination_hash, now, token, by_stranger=by_stranger)

    def attempts_allowed(self, lane: Lane) -> int | None:
        """See `rules.attempts_allowed`; the brake is read at most every ten seconds."""
        brake_is_on = lane is Lane.STRANGER and self._brake()
        return rules.attempts_allowed(
            lane, self._settings.stranger_attempts, brake_is_on=brake_is_on
        )

    def attempts_allowed_without_brake(self, lane: Lane) -> int | None:
        """The same as if the brake were off; reads nothing."""
        return rules.attempts_allowed(lane, self._settings.stranger_attempts, brake_is_on=False)

    def source_hash(self, address: str) -> str:
        """Stands for the network of a source address."""
        return self._keys().source_hash(rules.source_network(address))

    def _spend(self, spent: Spent, limit: int, portion: int = 1) -> None:
        """Spend one unit, of the portion that this process has, or of a new one."""
        now = self._now()
        left, ends_at = self._portions.pop(spent, (0, 0))
        if not left or ends_at <= now:
            left, ends_at = portion, self._budgets.spend(spent, portion, limit, now)
        if left > 1:
            self._portions[spent] = left - 1, ends_at

    def _brake(self) -> bool:
        now = self._monotonic()
        if now - self._brake_read_at >= BRAKE_SECONDS:
            count = self._budgets.strangers_wrong_codes(self._now())
            self._brake_is_on = count > self._settings.stranger_failures
            self._brake_read_at = now
        if self._brake_is_on:
            self._meter.note(brake_on=True)
        return self._brake_is_on

    def _limit(self, budget: Budget, caller: Caller) -> tuple[Spent | None, int]:
        """Whose budget pays, and how much it has in an hour."""
        settings, client = self._settings, caller.name
        match budget, client:
            case Budget.SENDS, None:
                spent = Spent("source-sends", self.source_hash(caller.source_ip))
                return spent, settings.sends_per_source
            case Budget.SENDS, str(name):
                return Spent("client-sends", name), settings.sends_per_client
            case Budget.FAILURES, None:
                spent = Spent("source-failures", self.source_hash(caller.source_ip))
                return spent, settings.failures_per_source
            case Budget.CHANGES, str(name):
                return Spent("client-changes", name), settings.changes_per_client
        return None, 0

    def _now(self) -> int:
        return int(self._clock())
