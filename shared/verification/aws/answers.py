"""`answer#<name>`: what a request with an Idempotency-Key was answered, for a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verification import policy
from verification.aws.table import STATUS, ConditionFailed, Table, number, text, whole
from verification.errors import IdempotencyKeyReused, RequestInProgress

KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered answer; in the table its body is sealed."""

    status: int
    content_type: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class AnswerRows:
    """Claims a request's name, and keeps its answer. Times are epoch seconds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, name: str, content: str, claim: str, now: int) -> Answer | None:
        """The kept answer, or None if this call is to find it.

        Raises IdempotencyKeyReused for another content, RequestInProgress while another call is
        at it. A claim that was never settled is free again when its function must have ended.
        """
        try:
            self._table.update(
                _key(name),
                "SET content = :content, claim = :claim, claimed_until = :until, #ttl = :ttl "
                "REMOVE #status",
                "attribute_not_exists(pk) OR #ttl <= :now OR claim = :claim OR "
                "(content = :content AND attribute_not_exists(#status) AND claimed_until <= :now)",
                {
                    ":content": {"S": content},
                    ":claim": {"S": claim},
                    ":now": number(now),
                    ":until": number(now + policy.ATTEMPT_SECONDS),
                    ":ttl": number(now + KEPT_SECONDS),
                },
                {"#ttl": "ttl", **STATUS},
                returns=False,
            )
        except ConditionFailed as failed:
            item = failed.item
        else:
            return None
        if text(item, "content") != content:
            raise IdempotencyKeyReused
        if "status" not in item:
            raise RequestInProgress(retry_after=whole(item, "claimed_until") - now)
        return Answer(whole(item, "status"), text(item, "content_type"), text(item, "body"))

    def keep(self, name: str, claim: str, answer: Answer) -> None:
        """Settle a claim with its answer."""
        try:
            self._table.update(
                _key(name),
                "SET #status = :status, content_type = :type, body = :body",
                "claim = :claim",
                {
                    ":claim": {"S": claim},
                    ":status": number(answer.status),
                    ":type": {"S": answer.content_type},
                    ":body": {"S": answer.body},
                },
                STATUS,
                returns=False,
            )
        except ConditionFailed:
            return  # it took so long that another call has claimed the name

    def drop(self, name: str, claim: str) -> None:
        """Give a claim up: the same request may be tried again at once."""
        try:
            self._table.update(
                _key(name),
                "SET claimed_until = :never",
                "claim = :claim",
                {":claim": {"S": claim}, ":never": number(0)},
                returns=False,
            )
        except ConditionFailed:
            return


def _key(name: str) -> str:
    return f"answer#{name}"
