"""`sign-in#<key>`: what is known of a sign-in in progress, sealed."""

from __future__ import annotations

from contextlib import suppress

from verification.aws.table import (
    TTL,
    ConditionFailed,
    Table,
    Update,
    number,
    string,
    text_attribute,
)

KEPT_SECONDS = 3600
"""Longer than a sign-in takes; what is forgotten is asked of Okta again."""


class SignInRows:
    """Keeps sealed texts. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: str) -> str | None:
        """The sealed text, if there is one."""
        return text_attribute(self._table.get(_key(key), "sealed"), "sealed") or None

    def keep(self, key: str, sealed: str, now: int) -> None:
        """Replace what was known."""
        change = Update(
            _key(key),
            "SET sealed = :sealed, #ttl = :until",
            "NOT #ttl > :until",
            {":sealed": string(sealed), ":until": number(now + KEPT_SECONDS)},
            TTL,
        )
        with suppress(ConditionFailed):  # a later step was quicker
            self._table.update(change, returns=False)


def _key(key: str) -> str:
    return f"sign-in#{key}"
