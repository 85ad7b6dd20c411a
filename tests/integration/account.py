"""An AWS account in memory, with what the stack puts into it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from verification.aws import clients

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

TABLE = "challenges"
TOKEN_SECRET = "okta-token"
KEYS_SECRET = "service-keys"

TOKEN = "00canary-token-0000000000000000000000000000"
ROOT_KEY = "canary-root-key-0000000000000000000000000"
CLIENT_KEY = "sk_canary_client_key_0001"
OTHER_CLIENT_KEY = "sk_canary_client_key_0002"

Row = Mapping[str, Any]

SECRETS: Mapping[str, object] = {
    TOKEN_SECRET: {"okta_api_token": TOKEN},
    KEYS_SECRET: {"root_key": ROOT_KEY, "clients": {"shop": CLIENT_KEY}},
}


class Account:
    """Made inside `mock_aws`; remembers nothing that AWS itself would not."""

    def __init__(self) -> None:
        self.secrets_manager: SecretsManagerClient = clients.secrets_manager()
        self.dynamodb: DynamoDBClient = clients.dynamodb()
        for name, content in SECRETS.items():
            text = json.dumps(content)
            self.secrets_manager.create_secret(Name=name, SecretString=text)
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )

    def put_token(self, content: object) -> None:
        """Rotate the token, or spoil it: text goes as it is, any other value as JSON."""
        self._put(TOKEN_SECRET, content)

    def put_keys(self, content: object) -> None:
        """Change the service's keys, likewise."""
        self._put(KEYS_SECRET, content)

    def rows(self) -> list[Row]:
        """Everything in the table."""
        return [*self.dynamodb.scan(TableName=TABLE)["Items"]]

    def put_rows(self, rows: Sequence[Row]) -> None:
        """Put rows as they once were."""
        puts: Any = [{"PutRequest": {"Item": row}} for row in rows]
        self.dynamodb.batch_write_item(RequestItems={TABLE: puts})

    def _put(self, name: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.secrets_manager.put_secret_value(SecretId=name, SecretString=text)


class Unreliable:
    """A client of AWS as it is behind a network: calls fail, and answers are lost.

    `calls` remembers every request. `before` is what others do before the next calls. With `repeats` each is sent twice, which is what boto3 does
    with one whose answer was lost.
    """

    def __init__(self, client: object) -> None:
        self._client = client
        self.before: deque[Callable[[], object] | None] = deque()
        self.calls: list[dict[str, Any]] = []
        self.failure: Exception | None = None
        self.repeats = False

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(request)
            if self.before and (happens := self.before.popleft()):
                happens()
            if self.failure:
                raise self.failure
            if self.repeats:
                getattr(self._client, operation)(**request)
            return getattr(self._client, operation)(**request)

        return call


def client_error(code: str) -> ClientError:
    """What AWS raises; its message names what nobody should read."""
    message = f"about ada@example.com and {TOKEN}"
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
