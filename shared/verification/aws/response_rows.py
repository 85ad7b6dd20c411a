"""`response#<name>`: the stored response of a request with an Idempotency-Key."""

from __future__ import annotations

from verification import rules
from verification.aws.table import (
    STATUS,
    TTL,
    ConditionFailed,
    Table,
    Update,
    int_attribute,
    number,
    string,
    text_attribute,
)
from verification.errors import IdempotencyKeyReused, RequestInProgress
from verification.ports import StoredResponse


class ResponseRows:
    """Claims a request's name, and stores its response. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(
        self, name: str, content: str, claim: str, now: int, kept_until: int
    ) -> StoredResponse | None:
        """The stored response, or None if this call is to do the work, whose response is then kept
        until `kept_until`.

        Raises IdempotencyKeyReused for another content, RequestInProgress while another call does
        the work. A claim that was never settled is free again once its function must have ended.
        """
        change = Update(
            _key(name),
            "SET content = :content, claim = :claim, claimed_until = :until, #ttl = :ttl "
            "REMOVE #status",
            "attribute_not_exists(pk) OR #ttl <= :now OR claim = :claim OR "
            "(content = :content AND attribute_not_exists(#status) AND claimed_until <= :now)",
            {
                ":content": string(content),
                ":claim": string(claim),
                ":now": number(now),
                ":until": number(now + rules.ATTEMPT_SECONDS),
                ":ttl": number(kept_until),
            },
            TTL | STATUS,
        )
        try:
            self._table.update(change, returns=False)
        except ConditionFailed as failed:
            item = failed.item
        else:
            return None
        if text_attribute(item, "content") != content:
            raise IdempotencyKeyReused
        if "status" not in item:
            raise RequestInProgress(retry_after=int_attribute(item, "claimed_until") - now)
        return StoredResponse(
            int_attribute(item, "status"),
            text_attribute(item, "content_type"),
            text_attribute(item, "sealed"),
        )

    def keep(self, name: str, claim: str, response: StoredResponse) -> None:
        """Settle a claim with its response."""
        change = Update(
            _key(name),
            "SET #status = :status, content_type = :type, sealed = :sealed",
            "claim = :claim",
            {
                ":claim": string(claim),
                ":status": number(response.status),
                ":type": string(response.content_type),
                ":sealed": string(response.sealed),
            },
            STATUS,
        )
        # Otherwise it took so long that another call has claimed the name.
        self._table.try_update(change)

    def drop(self, name: str, claim: str) -> None:
        """Give a claim up: the same request may be tried again at once."""
        change = Update(
            _key(name),
            "SET claimed_until = :never",
            "claim = :claim",
            {":claim": string(claim), ":never": number(0)},
        )
        self._table.try_update(change)


def _key(name: str) -> str:
    return f"response#{name}"
