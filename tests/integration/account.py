"""An AWS account in memory with what the stack has, and clients that fail on demand."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from verification.aws import clients

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

TABLE = "customers"
TOKEN_SECRET = "okta-token"
KEYS_SECRET = "service-keys"
RECEIPT_KEY = "alias/receipts"

TOKEN = "00canary-token-0000000000000000000000000000"
ROOT_KEY = "canary-root-key-0000000000000000000000000"
CLIENT_KEY = "sk_canary_client_key_0001"
OTHER_CLIENT_KEY = "sk_canary_client_key_0002"
ALL_SCOPES = ["verify", "enroll", "register", "release"]

SECRETS: Mapping[str, object] = {
    TOKEN_SECRET: {"okta_api_token": TOKEN},
    KEYS_SECRET: {
        "root_key": ROOT_KEY,
        "clients": {"shop": {"keys": [CLIENT_KEY], "scopes": ALL_SCOPES}},
    },
}


class Account:
    """The table, the secrets and the key of receipts. Made inside `mock_aws`."""

    def __init__(self) -> None:
        self.secrets_manager: SecretsManagerClient = clients.secrets_manager()
        self.dynamodb: DynamoDBClient = clients.dynamodb()
        self.kms: KMSClient = clients.kms()
        for name, content in SECRETS.items():
            text = json.dumps(content)
            self.secrets_manager.create_secret(Name=name, SecretString=text)
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        key = self.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.kms.create_alias(AliasName=RECEIPT_KEY, TargetKeyId=key["KeyMetadata"]["KeyId"])

    def put_token(self, content: object) -> None:
        """Change the token's secret: text as it is, any other value as JSON."""
        self._put(TOKEN_SECRET, content)

    def put_keys(self, content: object) -> None:
        """Change the secret of the service's keys, likewise."""
        self._put(KEYS_SECRET, content)

    def rows(self) -> dict[str, dict[str, Any]]:
        """All rows by their keys."""
        return {row["pk"]["S"]: row for row in self.dynamodb.scan(TableName=TABLE)["Items"]}

    def prefixes(self) -> list[str]:
        """The kinds of all rows."""
        return sorted(key.partition("#")[0] for key in self.rows())

    def _put(self, name: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.secrets_manager.put_secret_value(SecretId=name, SecretString=text)


class Unreliable:
    """A client of AWS behind a network that can fail.

    `calls` has every request. `before` has what others do before the next calls. `failures` are
    raised by the next calls, `failure` by all. With `repeats` every call is carried out twice, as
    boto3 does when an answer was lost.
    """

    def __init__(self, client: object) -> None:
        self._client = client
        self.before: deque[Callable[[], object] | None] = deque()
        self.calls: list[dict[str, Any]] = []
        self.failures: deque[Exception] = deque()
        self.failure: Exception | None = None
        self.repeats = False

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(request)
            if self.before and (happens := self.before.popleft()):
                happens()
            if self.failures:
                raise self.failures.popleft()
            if self.failure:
                raise self.failure
            if self.repeats:
                getattr(self._client, operation)(**request)
            return getattr(self._client, operation)(**request)

        return call


@dataclass
class LambdaQueue:
    """Lambda's asynchronous invocations: events wait until a test has them carried out."""

    failure: Exception | None = None
    functions: list[str] = field(default_factory=list)
    events: deque[bytes] = field(default_factory=deque)

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Accept an event, or fail."""
        assert request.pop("InvocationType") == "Event"
        if self.failure:
            raise self.failure
        self.functions.append(request["FunctionName"])
        self.events.append(request["Payload"])
        return {"StatusCode": 202, "Payload": io.BytesIO()}

    def close(self) -> None:
        """Nothing is open."""


def client_error(code: str, **more: Any) -> ClientError:
    """An error of AWS; its message contains what no log may contain."""
    message = f"about ada@example.com and {TOKEN}"
    response: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(response, "Operation")
