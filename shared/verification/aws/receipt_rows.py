"""`receipt#<jti>`: that a receipt was redeemed, until a day after its end."""

from __future__ import annotations

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

KEPT_SECONDS = 24 * 3600
"""As long as the response of a request's Idempotency-Key is stored."""


class ReceiptRows:
    """Marks receipts as used. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def redeem(self, jti: str, by: str, now: int, expires_at: int) -> int | None:
        """Mark a receipt as used by this request: None, or when another one used it."""
        change = Update(
            f"receipt#{jti}",
            "SET redeemed_at = :now, redeemed_by = :by, #ttl = :ttl",
            "attribute_not_exists(pk)",
            {
                ":now": number(now),
                ":by": string(by),
                ":ttl": number(expires_at + KEPT_SECONDS),
            },
            TTL,
        )
        try:
            self._table.update(change, returns=False)
        except ConditionFailed as failed:
            # The same request again: botocore has sent it twice, or its answer was lost.
            is_own = text_attribute(failed.item, "redeemed_by") == by
            return None if is_own else int_attribute(failed.item, "redeemed_at")
        return None
