"""`registration#<email hash>`: which request asked Okta to create the email's user, for a day."""

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
from verification.errors import RequestInProgress
from verification.models.customers import EmailHash

KEPT_SECONDS = 24 * 3600
"""As long as the response of the request's Idempotency-Key is stored."""


class RegistrationRows:
    """Lets one request at a time ask for a user. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def asked_at(self, email_hash: EmailHash, request: str) -> int:
        """When this request last asked; 0 if it never did, or if certainly no user came of it."""
        row = self._table.get(_key(email_hash), "asker", "asked_at")
        return int_attribute(row, "asked_at") if text_attribute(row, "asker") == request else 0

    def ask(self, email_hash: EmailHash, request: str, now: int) -> None:
        """Record that it asks now. Raises RequestInProgress while Okta may still create the user
        of another request.
        """
        change = Update(
            _key(email_hash),
            "SET asker = :asker, asked_at = :now, #ttl = :ttl",
            "attribute_not_exists(pk) OR asker = :asker OR asked_at <= :before",
            {
                ":asker": string(request),
                ":now": number(now),
                ":before": number(now - rules.CREATION_SECONDS),
                ":ttl": number(now + KEPT_SECONDS),
            },
            TTL,
        )
        try:
            self._table.update(change, returns=False)
        except ConditionFailed as failed:
            wait = int_attribute(failed.item, "asked_at") + rules.CREATION_SECONDS - now
            raise RequestInProgress(retry_after=wait) from None

    def drop(self, email_hash: EmailHash, request: str) -> None:
        """It is certain that no user was created: another request may ask at once."""
        change = Update(
            _key(email_hash),
            "SET asked_at = :never",
            "asker = :asker",
            {":asker": string(request), ":never": number(0)},
        )
        self._table.try_update(change)  # otherwise another request has asked since


def _key(email_hash: EmailHash) -> str:
    return f"registration#{email_hash}"
