"""`email#<identity>`: when codes were sent to an email, and what Okta said of it last."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from verification import policy
from verification.aws.table import ConditionFailed, Item, Table, number, text, whole
from verification.errors import SendLimited
from verification.models import Factor, Lookup

KEPT_SECONDS = 2 * 24 * 3600
"""After the longest window is over, nothing in a row matters any more."""

_SLOTS = max(count for _, count in policy.SEND_WINDOWS)
# A log of the last sends, newest in s0. Each slot takes what its neighbour had before.
_PUSH = ", ".join(f"s{n} = if_not_exists(s{n - 1}, :zero)" for n in range(_SLOTS - 1, 0, -1))
_POP = ", ".join(f"s{n} = s{n + 1}" for n in range(_SLOTS - 1))
_ALLOWED = " AND ".join(f"s{count - 1} <= :before{count}" for _, count in policy.SEND_WINDOWS)


LOOKUP = ("lookup", "looked_up_at")
"""The attributes of which `lookup_of` makes a lookup."""


class EmailRows:
    """Send limits and the lookup cache. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def reserve_send(self, identity: str, token: str, now: int) -> Lookup | None:
        """Count one send before anything is sent; the last lookup. Raises SendLimited."""
        before = {
            f":before{count}": number(now - seconds) for seconds, count in policy.SEND_WINDOWS
        }
        try:
            row = self._table.update(
                key_of(identity),
                f"SET {_PUSH}, s0 = :now, send = :token, #ttl = :ttl",
                f"attribute_not_exists(s0) OR ({_ALLOWED})",
                {
                    ":now": number(now),
                    ":zero": number(0),
                    ":token": {"S": token},
                    ":ttl": number(now + KEPT_SECONDS),
                    **before,
                },
                {"#ttl": "ttl"},
            )
        except ConditionFailed as failed:
            row = failed.item
            if text(row, "send") != token:  # else an own write that was sent again
                raise SendLimited(retry_after=policy.send_wait(_sends(row), now)) from None
        return lookup_of(row)

    def refund_send(self, identity: str, token: str) -> None:
        """Take the last send back: it is certain that nothing went out."""
        try:
            self._table.update(
                key_of(identity),
                f"SET {_POP} REMOVE send",
                "send = :token",
                {":token": {"S": token}},
                returns=False,
            )
        except ConditionFailed:
            return  # another send came after it

    def remember(self, identity: str, lookup: Lookup) -> None:
        """Keep what Okta said."""
        self._table.update(
            key_of(identity),
            "SET lookup = :lookup, looked_up_at = :at",
            "attribute_exists(pk)",
            {":lookup": {"S": _dumps(lookup)}, ":at": number(lookup.at)},
            returns=False,
        )

    def forget(self, identity: str) -> None:
        """Ask Okta again next time. The customer's key stays: open challenges need it."""
        try:
            self._table.update(
                key_of(identity),
                "SET looked_up_at = :never",
                "attribute_exists(pk)",
                {":never": number(0)},
                returns=False,
            )
        except ConditionFailed:
            return  # there is nothing to forget


def key_of(identity: str) -> str:
    """The row's key."""
    return f"email#{identity}"


def lookup_of(item: Item) -> Lookup | None:
    """What Okta said, if anything was ever asked."""
    if "lookup" not in item:
        return None
    kept: dict[str, Any] = json.loads(text(item, "lookup"))
    factors = tuple(Factor(**factor) for factor in kept.pop("factors"))
    return Lookup(whole(item, "looked_up_at"), factors=factors, **kept)


def _dumps(lookup: Lookup) -> str:
    kept = asdict(lookup)
    del kept["at"]  # has an attribute of its own, so that it can be forgotten alone
    return json.dumps(kept, separators=(",", ":"))


def _sends(item: Item) -> tuple[int, ...]:
    return tuple(whole(item, f"s{n}") for n in range(_SLOTS))
