"""The one table: conditional writes of one row or several, and what can go wrong with them.

Keys of rows begin with a prefix; one module of this package owns each:
`email#` and `device#` email_rows, `customer#` customer_rows, `budget#`, `sends#` and `brake#`
budget_rows, `passwords#` password_rows, `response#` response_rows, `registration#`
registration_rows, `push#` push_rows, `sign-in#` sign_in_rows, `template#` template_rows, `receipt#` receipt_rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from verification.errors import ConfigurationError, StoreUnavailable
from verification.frozen import Frozen
from verification.observability import Meter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
"""A row as DynamoDB has it: attribute names to typed values."""

STATUS = {"#status": "status"}
"""The name of an attribute that is a reserved word."""

TTL = {"#ttl": "ttl"}
"""Likewise. DynamoDB deletes a row some time after this moment (epoch seconds)."""

NOT_BUSY = "NOT busy_until > :now_ms"
"""No attempt on this row is in progress. A comparison with a missing attribute is false, so its negation
holds."""

ALWAYS = "attribute_not_exists(pk) OR attribute_exists(pk)"
"""For a change of a row that may be there or not."""

_TRIES = 5
"""How often a write is tried while a transaction on the same row is in progress."""


class ConditionFailed(Exception):
    """A row is not as the write expected it.

    `items` has the rows as they are, one for each update of the write, empty where a row is missing
    or its own condition held; `failed` are the positions of the updates whose condition failed.
    """

    def __init__(self, items: Sequence[Item], failed: frozenset[int]) -> None:
        super().__init__()
        self.items = items
        self.failed = failed

    @property
    def item(self) -> Item:
        """The row of a write to one row."""
        return self.items[0]


class Update(Frozen):
    """One conditional change of one row."""

    key: str
    update: str
    condition: str
    values: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)


class Table:
    """Calls DynamoDB. Raises StoreUnavailable where the outcome is not known."""

    def __init__(self, client: DynamoDBClient, name: str, meter: Meter) -> None:
        self._client = client
        self._name = name
        self._meter = meter

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        self._client.close()

    def get(self, key: str, *attributes: str) -> Item:
        """These attributes of the row as it is now (none named: all), empty if there is no row."""
        only = {"ProjectionExpression": ", ".join(attributes)} if attributes else {}
        item: Item = self._call(
            "get_item", TableName=self._name, Key=_key(key), ConsistentRead=True, **only
        ).get("Item", {})
        return item

    def update(self, change: Update, *, returns: bool = True) -> Item:
        """The row after the change, or nothing if that is not wanted. Raises ConditionFailed."""
        try:
            row: Item = self._call(
                "update_item",
                ReturnValues="ALL_NEW" if returns else "NONE",
                **self._request(change),
            ).get("Attributes", {})
        except ClientError as error:
            item: Any = error.response.get("Item", {})
            raise ConditionFailed([item], frozenset((0,))) from None
        return row

    def try_update(self, change: Update) -> bool:
        """Whether the row was as the change expects it, and is changed."""
        try:
            self.update(change, returns=False)
        except ConditionFailed:
            return False
        return True

    def transact(self, *changes: Update, token: str) -> None:
        """All the changes or none. Raises ConditionFailed.

        `token` identifies the transaction, so that botocore may send it again: at most 36 characters.
        """
        if len(changes) == 1:
            self.update(changes[0], returns=False)
            return
        items = [{"Update": self._request(change)} for change in changes]
        try:
            self._call("transact_write_items", TransactItems=items, ClientRequestToken=token)
        except ClientError as error:
            reasons = _reasons(error)
            failed = frozenset(n for n, each in enumerate(reasons) if _code(each) == _FAILED)
            raise ConditionFailed([each.get("Item", {}) for each in reasons], failed) from None

    def _request(self, change: Update) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TableName": self._name,
            "Key": _key(change.key),
            "UpdateExpression": change.update,
            "ConditionExpression": change.condition,
            "ExpressionAttributeValues": change.values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return request | ({"ExpressionAttributeNames": change.names} if change.names else {})

    def _call(self, operation: str, **request: Any) -> Item:
        """DynamoDB's answer. Raises ClientError for a condition that does not hold, nothing else
        of botocore's.
        """
        for _ in range(_TRIES):
            try:
                with self._meter.time("store"):
                    answer: Item = getattr(self._client, operation)(**request)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == _FAILED_ALONE or _FAILED in map(_code, _reasons(error)):
                    raise
                if code in _CONFLICTS:
                    continue
                if code in ("ResourceNotFoundException", "AccessDeniedException"):
                    raise ConfigurationError("the table is missing or may not be used") from None
                raise StoreUnavailable from None
            except BotoCoreError:
                raise StoreUnavailable from None
            return answer
        raise StoreUnavailable


_FAILED, _FAILED_ALONE = "ConditionalCheckFailed", "ConditionalCheckFailedException"
_CONFLICTS = ("TransactionConflictException", "TransactionCanceledException")


def _reasons(error: ClientError) -> list[Any]:
    """Why a transaction was cancelled: one reason for each of its changes."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return [*reasons]


def _code(reason: Mapping[str, str]) -> str:
    return reason.get("Code", "")


def number(value: int) -> dict[str, str]:
    """An integer as DynamoDB has it."""
    return {"N": str(value)}


def string(value: str) -> dict[str, str]:
    """A text as DynamoDB has it."""
    return {"S": value}


def int_attribute(item: Item, name: str) -> int:
    """An attribute that is an integer; 0 if it is missing."""
    return int(item[name]["N"]) if name in item else 0


def text_attribute(item: Item, name: str) -> str:
    """An attribute that is a text; empty if it is missing."""
    return str(item[name]["S"]) if name in item else ""


def _key(key: str) -> dict[str, Any]:
    return {"pk": {"S": key}}
