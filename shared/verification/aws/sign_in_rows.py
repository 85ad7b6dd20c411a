"""`sign-in#<key>`: what is known of a sign-in in progress, sealed, and how many steps it has taken."""

from __future__ import annotations

from verification import rules
from verification.aws.table import (
    TTL,
    ConditionFailed,
    Table,
    Update,
    int_attribute,
    number,
    string,
    text_attribute,
)
from verification.errors import RateLimited

KEPT_SECONDS = 3600
"""Longer than a sign-in takes; what is forgotten is asked of Okta again."""


class SignInRows:
    """Keeps sealed texts. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take_step(self, key: str, now: int) -> str | None:
        """Count a step; the sealed text, or None if there is none. Raises RateLimited."""
        step = Update(
            _key(key),
            "SET steps = steps + :one",
            "steps < :most",
            {":one": number(1), ":most": number(rules.SIGN_IN_STEPS)},
        )
        try:
            row = self._table.update(step)
        except ConditionFailed as failed:
            if not failed.item:
                return None
            left = int_attribute(failed.item, "ttl") - now
            raise RateLimited("This sign-in has too many steps.", retry_after=left) from None
        return text_attribute(row, "sealed")

    def keep(self, key: str, sealed: str, now: int) -> None:
        """Replace what was known. The first time is a step."""
        change = Update(
            _key(key),
            "SET sealed = :sealed, #ttl = :until, steps = if_not_exists(steps, :one)",
            "NOT #ttl > :until",
            {":sealed": string(sealed), ":until": number(now + KEPT_SECONDS), ":one": number(1)},
            TTL,
        )
        self._table.try_update(change)  # otherwise a later step was quicker


def _key(key: str) -> str:
    return f"sign-in#{key}"
