"""`caller#<kind>#<name>`: how much a source address or a client has done in its current hour."""

from __future__ import annotations

from verification.aws.table import ConditionFailed, Item, Table, number, whole
from verification.errors import RateLimited

WINDOW_SECONDS = 3600
"""An hour that begins with the first count."""


BUDGET = ("ends_at", "spent")
"""The attributes that `require_left` looks at."""


class CallerRows:
    """Budgets. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def spend(self, kind: str, name: str, budget: int, now: int) -> None:
        """Count one in the current hour, or begin one. Raises RateLimited."""
        key = key_of(kind, name)
        values = {":now": number(now), ":one": number(1)}
        while True:
            try:
                self._table.update(
                    key,
                    "SET spent = spent + :one",
                    "ends_at > :now AND spent < :budget",
                    {**values, ":budget": number(budget)},
                    returns=False,
                )
            except ConditionFailed as failed:
                require_left(failed.item, budget, now)
            else:
                return
            end = now + WINDOW_SECONDS
            try:
                self._table.update(
                    key,
                    "SET spent = :one, ends_at = :end, #ttl = :end",
                    "attribute_not_exists(pk) OR ends_at <= :now",
                    {**values, ":end": number(end)},
                    {"#ttl": "ttl"},
                    returns=False,
                )
            except ConditionFailed:
                continue  # another call has just begun the hour
            return

    def refund(self, kind: str, name: str, now: int) -> None:
        """Count one less in the current hour."""
        try:
            self._table.update(
                key_of(kind, name),
                "SET spent = spent - :one",
                "ends_at > :now AND spent >= :one",
                {":now": number(now), ":one": number(1)},
                returns=False,
            )
        except ConditionFailed:
            return  # another hour has begun


def require_left(item: Item, budget: int, now: int) -> None:
    """Raise RateLimited if the row's hour is used up."""
    left = whole(item, "ends_at") - now
    if left > 0 and whole(item, "spent") >= budget:
        raise RateLimited(retry_after=left)


def key_of(kind: str, name: str) -> str:
    """The row's key."""
    return f"caller#{kind}#{name}"
