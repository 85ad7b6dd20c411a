"""`registration#<identity>`: which request has asked Okta to make the email's user, for a day."""

from __future__ import annotations

from verification import policy
from verification.aws.table import ConditionFailed, Table, number, text, whole
from verification.errors import RequestInProgress

KEPT_SECONDS = 24 * 3600
"""As long as the request's Idempotency-Key is known."""


class RegistrationRows:
    """Lets one request at a time ask for a user. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def asked_at(self, identity: str, request: str) -> int:
        """When this request last asked, unless that came to nothing for certain; else 0."""
        (row,) = self._table.get(_key(identity), attributes=("asker", "asked_at"))
        return whole(row, "asked_at") if text(row, "asker") == request else 0

    def ask(self, identity: str, request: str, now: int) -> None:
        """Note that it asks now. Raises RequestInProgress while the user of another request may
        still come into being.
        """
        try:
            self._table.update(
                _key(identity),
                "SET asker = :asker, asked_at = :now, #ttl = :ttl",
                "attribute_not_exists(pk) OR asker = :asker OR asked_at <= :before",
                {
                    ":asker": {"S": request},
                    ":now": number(now),
                    ":before": number(now - policy.CREATION_SECONDS),
                    ":ttl": number(now + KEPT_SECONDS),
                },
                {"#ttl": "ttl"},
                returns=False,
            )
        except ConditionFailed as failed:
            wait = whole(failed.item, "asked_at") + policy.CREATION_SECONDS - now
            raise RequestInProgress(retry_after=wait) from None

    def drop(self, identity: str, request: str) -> None:
        """It is certain that no user has come of it: another request may ask at once."""
        try:
            self._table.update(
                _key(identity),
                "SET asked_at = :never",
                "asker = :asker",
                {":asker": {"S": request}, ":never": number(0)},
                returns=False,
            )
        except ConditionFailed:
            return  # another request has asked since


def _key(identity: str) -> str:
    return f"registration#{identity}"
