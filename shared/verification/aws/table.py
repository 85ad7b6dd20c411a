"""The one table. Every change is a single conditional write on a single row.

`email#<identity>`: which Okta user an email led to last.
`customer#<key>`: one Okta user's challenges, newest first in `c0` to `c5`, and the failures in a
row. A challenge's id leads to this row, so that an attempt and its challenge change together,
whatever runs at the same time in other instances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from verification import policy
from verification.errors import ConfigurationError, StoreUnavailable
from verification.models import Challenge, ChallengeStatus, Channel, CustomerState
from verification.observability import Meter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SLOTS = 6
"""Challenges that a row remembers. Older ones answer `challenge_not_found`."""

Item = Mapping[str, Any]

_FREE = (
    "(attribute_not_exists(attempt_until) OR attempt_until <= :now) AND "
    "(attribute_not_exists(failures) OR failures < :most OR held_until <= :now)"
)
# From the oldest slot to the newest, so that each takes the value its neighbour had before.
_SHIFT = ", ".join(f"c{n} = if_not_exists(c{n - 1}, :none)" for n in range(SLOTS - 1, 0, -1))


class ChallengeTable:
    """Reads and writes of the two kinds of rows. Times are epoch seconds."""

    def __init__(self, client: DynamoDBClient, name: str, meter: Meter) -> None:
        self._client = client
        self._name = name
        self._meter = meter

    def customer_of(self, identity: str) -> str | None:
        """The key of the customer that this email led to last, or None."""
        item = self._call("get_item", Key=_key("email", identity), ConsistentRead=True).get("Item")
        return item["customer"]["S"] if item else None

    def remember(self, identity: str, customer: str) -> None:
        """Let an email lead to this customer."""
        self._call(
            "update_item",
            Key=_key("email", identity),
            UpdateExpression="SET customer = :customer",
            ExpressionAttributeValues={":customer": {"S": customer}},
        )

    def open(self, customer: str, challenge: Challenge, now: int) -> CustomerState:
        """Make this the customer's newest challenge. Raises AttemptsHeld, RequestInProgress."""
        try:
            item = self._update(
                customer,
                f"SET {_SHIFT}, c0 = :new",
                _FREE,
                {
                    ":new": _challenge_value(challenge),
                    ":none": {"NULL": True},
                    ":now": _number(now),
                    ":most": _number(policy.MAX_CONSECUTIVE_FAILURES),
                },
            )
        except _ConditionFailedError as failed:
            state = _state(failed.item)
            newest = state.newest
            if newest is not None and newest.id == challenge.id:
                return state  # an own write whose answer was lost and that was sent again
            raise policy.why_not_open(state, now) from None
        return _state(item)

    def fail(self, customer: str, challenge_id: str) -> None:
        """Record that the code was not sent."""
        try:
            self._update(
                customer,
                "SET c0.#status = :failed",
                "c0.id = :id",
                {":failed": {"S": ChallengeStatus.FAILED}, ":id": {"S": challenge_id}},
                names=_STATUS,
            )
        except _ConditionFailedError:
            return  # a newer challenge has taken its place

    def reserve(
        self, customer: str, challenge_id: str | None, attempt: str, now: int
    ) -> CustomerState:
        """Count one wrong code before it is known to be one, and keep others out meanwhile.

        Raises what `policy.why_refused` says, RequestInProgress among it.
        """
        condition = f"c0.#status IN (:sending, :pending) AND c0.expires_at > :now AND {_FREE}"
        values = {
            ":sending": {"S": ChallengeStatus.SENDING},
            ":pending": {"S": ChallengeStatus.PENDING},
            ":now": _number(now),
            ":most": _number(policy.MAX_CONSECUTIVE_FAILURES),
            ":zero": _number(0),
            ":one": _number(1),
            ":attempt": {"S": attempt},
            ":until": _number(now + policy.ATTEMPT_SECONDS),
            ":held": _number(now + policy.HOLD_SECONDS),
        }
        if challenge_id is not None:
            condition += " AND c0.id = :id"
            values[":id"] = {"S": challenge_id}
        try:
            item = self._update(
                customer,
                "SET failures = if_not_exists(failures, :zero) + :one, held_until = :held, "
                "attempt = :attempt, attempt_until = :until",
                condition,
                values,
                names=_STATUS,
            )
        except _ConditionFailedError as failed:
            state = _state(failed.item)
            if state.attempt != attempt:  # otherwise an own write that was sent again
                raise policy.why_refused(state, challenge_id, now) from None
            return state
        return _state(item)

    def verified(self, customer: str, attempt: str, now: int) -> None:
        """The reserved attempt was right: close the challenge and forget the failures."""
        self._settle(
            customer,
            attempt,
            "SET c0.#status = :status, c0.verified_at = :now, failures = :zero",
            {":status": {"S": ChallengeStatus.VERIFIED}, ":now": _number(now), ":zero": _number(0)},
            names=_STATUS,
        )

    def rejected(self, customer: str, attempt: str) -> None:
        """The reserved attempt was wrong, or may have been: it stays counted."""
        self._settle(customer, attempt, "", {})

    def exhausted(self, customer: str, attempt: str) -> None:
        """The reserved attempt was wrong and the last: close the challenge too."""
        self._settle(
            customer,
            attempt,
            "SET c0.#status = :status",
            {":status": {"S": ChallengeStatus.EXHAUSTED}},
            names=_STATUS,
        )

    def released(self, customer: str, attempt: str, now: int) -> None:
        """The reserved attempt never reached Okta: count it no more."""
        self._settle(
            customer,
            attempt,
            "SET failures = failures - :one, held_until = :now",
            {":one": _number(1), ":now": _number(now)},
        )

    def _settle(
        self,
        customer: str,
        attempt: str,
        change: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> None:
        try:
            self._update(
                customer,
                f"{change} REMOVE attempt, attempt_until",
                "attempt = :attempt",
                {":attempt": {"S": attempt}, **values},
                names,
            )
        except _ConditionFailedError:
            # The reservation is no longer ours, so what happened since is not known.
            raise StoreUnavailable from None

    def _update(
        self,
        customer: str,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """The row after the change; _ConditionFailedError with the row as it stands."""
        request: dict[str, Any] = {
            "Key": _key("customer", customer),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if names:
            request["ExpressionAttributeNames"] = names
        row: Item = self._call("update_item", **request).get("Attributes", {})
        return row

    def _call(self, operation: str, **request: Any) -> Item:
        try:
            with self._meter.time("store"):
                answer: Item = getattr(self._client, operation)(TableName=self._name, **request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                row: Any = error.response.get("Item", {})
                raise _ConditionFailedError(row) from None
            if code in ("ResourceNotFoundException", "AccessDeniedException"):
                raise ConfigurationError("the table is missing or may not be used") from None
            raise StoreUnavailable from None
        except BotoCoreError:
            raise StoreUnavailable from None
        return answer


class _ConditionFailedError(Exception):
    """The row is not as the write wanted it."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


_STATUS = {"#status": "status"}  # a reserved word


def _key(kind: str, name: str) -> dict[str, Any]:
    return {"pk": {"S": f"{kind}#{name}"}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _challenge_value(challenge: Challenge) -> dict[str, Any]:
    texts = {
        "id": challenge.id,
        "status": challenge.status,
        "channel": challenge.channel,
        "user_id": challenge.user_id,
        "factor_id": challenge.factor_id,
        "destination": challenge.destination,
        "client": challenge.client,
    }
    times = {"sent_at": challenge.sent_at, "expires_at": challenge.expires_at}
    value: dict[str, Any] = {name: {"S": text} for name, text in texts.items() if text is not None}
    value.update({name: _number(time) for name, time in times.items()})
    return {"M": value}


def _challenge(value: Item) -> Challenge:
    client, verified_at = value.get("client"), value.get("verified_at")
    return Challenge(
        id=value["id"]["S"],
        status=ChallengeStatus(value["status"]["S"]),
        channel=Channel(value["channel"]["S"]),
        user_id=value["user_id"]["S"],
        factor_id=value["factor_id"]["S"],
        destination=value["destination"]["S"],
        sent_at=int(value["sent_at"]["N"]),
        expires_at=int(value["expires_at"]["N"]),
        client=client["S"] if client else None,
        verified_at=int(verified_at["N"]) if verified_at else None,
    )


def _state(item: Item) -> CustomerState:
    slots: Sequence[Item] = [item.get(f"c{n}", {}) for n in range(SLOTS)]
    return CustomerState(
        challenges=tuple(_challenge(slot["M"]) for slot in slots if "M" in slot),
        failures=_whole(item, "failures"),
        held_until=_whole(item, "held_until"),
        attempt=item["attempt"]["S"] if "attempt" in item else "",
        attempt_until=_whole(item, "attempt_until"),
    )


def _whole(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
