"""`sign-in#<name>`: what is known of a sign-in under way, sealed with its state token."""

from __future__ import annotations

from verification.aws.table import ConditionFailed, Item, Table, number, text

KEPT_SECONDS = 3600
"""Longer than a sign-in takes; what is forgotten is asked of Okta again."""

SEALED = ("sealed",)
"""The attribute that `sealed_of` looks at."""


class SignInRows:
    """Keeps sealed texts. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, name: str, sealed: str, now: int) -> None:
        """Remember this in place of what was known."""
        values = {":sealed": {"S": sealed}, ":until": number(now + KEPT_SECONDS)}
        try:
            self._table.update(
                key_of(name),
                "SET sealed = :sealed, #ttl = :until",
                "NOT #ttl > :until",
                values,
                {"#ttl": "ttl"},
                returns=False,
            )
        except ConditionFailed:
            return  # a later step was quicker


def key_of(name: str) -> str:
    """The row's key."""
    return f"sign-in#{name}"


def sealed_of(item: Item) -> str | None:
    """The sealed text, if there is any."""
    return text(item, "sealed") or None
