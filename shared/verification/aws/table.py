"""The one table: single conditional writes, and what goes wrong with them.

Its rows, by the prefix of their key, are the other modules of this package: `email#` in emails,
`customer#` in customers, `caller#` in callers, `answer#` in answers, `registration#` in
registrations, `sign-in#` in sign_ins, `template#` in templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from verification.errors import ConfigurationError, StoreUnavailable
from verification.observability import Meter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
"""A row as DynamoDB has it: attribute names to typed values."""

STATUS = {"#status": "status"}
"""The name of an attribute that is a reserved word."""


class ConditionFailed(Exception):
    """The row is not as the write wanted it; `item` is the row, empty if there is none."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


class Table:
    """Calls DynamoDB. Raises StoreUnavailable where the outcome is in doubt."""

    def __init__(self, client: DynamoDBClient, name: str, meter: Meter) -> None:
        self._client = client
        self._name = name
        self._meter = meter

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        self._client.close()

    def get(self, *keys: str, attributes: Sequence[str]) -> list[Item]:
        """These attributes of the rows as they are now, an empty row for each that is not there;
        one call for all.
        """
        if len(keys) == 1:
            answer = self._call(
                "get_item",
                TableName=self._name,
                Key=_key(keys[0]),
                ProjectionExpression=", ".join(attributes),
                ConsistentRead=True,
            )
            return [answer.get("Item", {})]
        request = {
            "Keys": [_key(key) for key in keys],
            "ProjectionExpression": ", ".join(("pk", *attributes)),
            "ConsistentRead": True,
        }
        answer = self._call("batch_get_item", RequestItems={self._name: request})
        if answer.get("UnprocessedKeys"):
            raise StoreUnavailable
        found = {item["pk"]["S"]: item for item in answer["Responses"][self._name]}
        return [found.get(key, {}) for key in keys]

    def update(
        self,
        key: str,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
        *,
        returns: bool = True,
    ) -> Item:
        """The row after the change, or nothing if that is not wanted. Raises ConditionFailed."""
        request: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        row: Item = self._call(
            "update_item",
            TableName=self._name,
            Key=_key(key),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW" if returns else "NONE",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **request,
        ).get("Attributes", {})
        return row

    def _call(self, operation: str, **request: Any) -> Item:
        try:
            with self._meter.time("store"):
                answer: Item = getattr(self._client, operation)(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                row: Any = error.response.get("Item", {})
                raise ConditionFailed(row) from None
            if code in ("ResourceNotFoundException", "AccessDeniedException"):
                raise ConfigurationError("the table is missing or may not be used") from None
            raise StoreUnavailable from None
        except BotoCoreError:
            raise StoreUnavailable from None
        return answer


def number(value: int) -> dict[str, str]:
    """An integer as DynamoDB has it."""
    return {"N": str(value)}


def whole(item: Item, name: str) -> int:
    """An attribute that is an integer; 0 if it is not there."""
    return int(item[name]["N"]) if name in item else 0


def text(item: Item, name: str) -> str:
    """An attribute that is a text; empty if it is not there."""
    return str(item[name]["S"]) if name in item else ""


def _key(key: str) -> dict[str, Any]:
    return {"pk": {"S": key}}
