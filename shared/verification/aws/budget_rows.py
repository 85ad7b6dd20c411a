"""`budget#<kind>#<name>`: how much a caller has spent in its current hour.
`sends#<day>#<destination>`: sends to one mailbox or phone in one day of the clock, over all users,
and how many of them strangers asked for.
`brake#<hour>`: wrong codes of strangers in one hour of the clock, over all customers.
Times are epoch seconds.
"""

from __future__ import annotations

from itertools import cycle

from verification import rules
from verification.aws.table import (
    ALWAYS,
    TTL,
    ConditionFailed,
    Item,
    Table,
    Update,
    int_attribute,
    number,
    string,
    text_attribute,
)
from verification.errors import RateLimited, SendLimited
from verification.frozen import replace
from verification.models.callers import Spent

WINDOW_SECONDS = 3600
"""An hour that begins with the first unit spent."""

DAY_SECONDS = 24 * 3600


class BudgetRows:
    """Budgets of callers, and the brake."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def spend(self, spent: Spent, units: int, limit: int, now: int) -> int:
        """Spend so many units in the current hour, or begin an hour; when it ends. Raises RateLimited
        if the limit is reached.
        """
        end = number(now + WINDOW_SECONDS)
        spend = Update(
            key_of(spent),
            "SET spent = if_not_exists(spent, :zero) + :units, "
            "ends_at = if_not_exists(ends_at, :end), #ttl = :end",
            "attribute_not_exists(ends_at) OR (ends_at > :now AND spent < :limit)",
            {
                ":now": number(now),
                ":zero": number(0),
                ":units": number(units),
                ":end": end,
                ":limit": number(limit),
            },
            TTL,
        )
        begin = Update(
            key_of(spent),
            "SET spent = :units, ends_at = :end, #ttl = :end",
            "ends_at <= :now",
            {":now": number(now), ":units": number(units), ":end": end},
            TTL,
        )
        changes = cycle((spend, begin))
        while True:
            try:
                return int_attribute(self._table.update(next(changes)), "ends_at")
            except ConditionFailed as failed:
                _require_left(failed.item, limit, now)

    def refund(self, spent: Spent, now: int) -> None:
        """Give one unit back. The hour of an only unit never began: its end would tell of the call."""
        if not self._table.try_update(_undo(spent, now)):  # others were spent, or the hour is over
            self._table.try_update(refund(spent, now))

    def count_send(
        self, destination_hash: str, now: int, token: str, *, by_stranger: bool = False
    ) -> None:
        """Count one send to a destination; `token` identifies it. Raises SendLimited."""
        send = _destination_send(destination_hash, now, token, by_stranger=by_stranger)
        try:
            self._table.update(send, returns=False)
        except ConditionFailed as failed:
            if text_attribute(failed.item, "send") != token:  # otherwise botocore has sent it again
                wait = DAY_SECONDS - now % DAY_SECONDS
                raise SendLimited(retry_after=wait, limit="destination") from None

    def take_back_send(
        self, destination_hash: str, now: int, token: str, *, by_stranger: bool = False
    ) -> None:
        """Give the last send to a destination back, if it was this one."""
        change = Update(
            destination_key(destination_hash, now),
            "REMOVE send ADD sends :less" + (", strangers :less" if by_stranger else ""),
            "send = :token",
            {":less": number(-1), ":token": string(token)},
        )
        self._table.try_update(change)  # otherwise there was another since, or the day is over

    def strangers_wrong_codes(self, now: int) -> int:
        """Wrong codes of strangers in this hour of the clock."""
        return int_attribute(self._table.get(brake_key(now), "wrong"), "wrong")


def refund(spent: Spent, now: int) -> Update:
    """One unit back, if its hour is not over."""
    return Update(
        key_of(spent),
        "SET spent = spent - :one",
        "ends_at > :now AND spent >= :one",
        {":now": number(now), ":one": number(1)},
    )


def _undo(spent: Spent, now: int) -> Update:
    """The only unit of its hour back, as if it had never been spent."""
    return Update(
        key_of(spent),
        "REMOVE spent, ends_at",
        "ends_at > :now AND spent = :one",
        {":now": number(now), ":one": number(1)},
    )


def _destination_send(destination_hash: str, now: int, token: str, *, by_stranger: bool) -> Update:
    """One send to a destination, if its day allows it."""
    send = Update(
        destination_key(destination_hash, now),
        "SET #ttl = :ttl, send = :token ADD sends :one",
        "attribute_not_exists(pk) OR sends < :limit AND NOT send = :token",
        {
            ":one": number(1),
            ":limit": number(rules.DESTINATION_SENDS),
            ":token": string(token),
            ":ttl": number(now + 2 * DAY_SECONDS),
        },
        TTL,
    )
    if not by_stranger:
        return send
    return replace(
        send,
        update=f"{send.update}, strangers :one",
        condition=f"{send.condition} AND NOT strangers >= :strangers",
        values={**send.values, ":strangers": number(rules.STRANGERS_DESTINATION_SENDS)},
    )


def destination_key(destination_hash: str, now: int) -> str:
    """The key of a mailbox's or phone's sends in this day of the clock (UTC)."""
    return f"sends#{now // DAY_SECONDS}#{destination_hash}"


def brake_count(now: int) -> Update:
    """One more wrong code of a stranger."""
    return Update(
        brake_key(now),
        "SET #ttl = :ttl ADD wrong :one",
        ALWAYS,
        {":one": number(1), ":ttl": number(now + 2 * WINDOW_SECONDS)},
        TTL,
    )


def _require_left(row: Item, limit: int, now: int) -> None:
    left = int_attribute(row, "ends_at") - now
    if left > 0 and int_attribute(row, "spent") >= limit:
        raise RateLimited(retry_after=left)


def key_of(spent: Spent) -> str:
    """The key of a caller's budget."""
    return f"budget#{spent.budget}#{spent.name}"


def brake_key(now: int) -> str:
    """The key of the brake in this hour of the clock."""
    return f"brake#{now // WINDOW_SECONDS}"
