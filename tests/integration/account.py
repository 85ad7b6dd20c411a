"""An AWS account in memory with what the stack has, and clients that fail on demand."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends

from tests.sandbox.arns import ACCOUNT_ID, REGION
from verification.aws import clients

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

TABLE = "customers"
TOKEN_SECRET, KEYS_SECRET = "okta-token", "service-keys"
RECEIPT_KEY = "alias/receipts"

TOKEN = "00canary-token-0000000000000000000000000000"
RENEWED_TOKEN = "00renewed-token-000000000000000000000000000"
ROOT_KEY = "canary-root-key-0000000000000000000000000"
CLIENT_KEY, OTHER_CLIENT_KEY = "sk_canary_client_key_0001", "sk_canary_client_key_0002"
ALL_SCOPES = ["verify", "enroll", "register", "release"]
SECRETS: dict[str, object] = {
    TOKEN_SECRET: {"okta_api_token": TOKEN},
    KEYS_SECRET: {
        "root_key": ROOT_KEY,
        "clients": {"shop": {"keys": [CLIENT_KEY], "scopes": ALL_SCOPES}},
    },
}


class Account:
    """The table, the secrets and the key of receipts. Made inside `mock_aws`, and once for all
    tests, because that takes longer than most of them: `reset` undoes what a test has written.
    """

    def __init__(self) -> None:
        self.secrets_manager: SecretsManagerClient = clients.secrets_manager()
        self.dynamodb: DynamoDBClient = clients.dynamodb()
        self.kms: KMSClient = clients.kms()
        self._changed = {*SECRETS}
        for name in SECRETS:
            self.secrets_manager.create_secret(Name=name)
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        key = self.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.kms.create_alias(AliasName=RECEIPT_KEY, TargetKeyId=key["KeyMetadata"]["KeyId"])

    def reset(self) -> None:
        """Empty the table and restore the secrets."""
        dynamodb_backends[ACCOUNT_ID][REGION].tables[TABLE].items.clear()
        for name in [*self._changed]:
            self.put_secret(name, SECRETS[name])
        self._changed.clear()

    def put_secret(self, name: str, content: object) -> None:
        """Change a secret: text and bytes as they are, any other value as JSON."""
        self._changed.add(name)
        kind = "SecretBinary" if isinstance(content, bytes) else "SecretString"
        value: Any = content if isinstance(content, str | bytes) else json.dumps(content)
        self.secrets_manager.put_secret_value(SecretId=name, **{kind: value})

    def rows(self) -> dict[str, dict[str, Any]]:
        """All rows by their keys."""
        return {row["pk"]["S"]: row for row in self.dynamodb.scan(TableName=TABLE)["Items"]}


class Unreliable:
    """A client of AWS behind a network that can fail.

    `calls` has every request. `before` has what others do before the next calls. `failures` are
    raised by the next calls, `failure` by all.
    """

    def __init__(self, client: object) -> None:
        self._client = client
        self._times = 1
        self.before: deque[Callable[[], object] | None] = deque()
        self.calls: list[dict[str, Any]] = []
        self.failures: deque[Exception] = deque()
        self.failure: Exception | None = None

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(request)
            if self.before and (happens := self.before.popleft()):
                happens()
            if failure := self.failures.popleft() if self.failures else self.failure:
                raise failure
            return [getattr(self._client, operation)(**request) for _ in range(self._times)][-1]

        return call

    def repeat(self, work: Callable[[], Any]) -> Any:
        """The result of work whose every call is carried out twice, as boto3 does when an answer
        was lost.
        """
        self._times = 2
        try:
            return work()
        finally:
            self._times = 1


def client_error(code: str, **more: Any) -> ClientError:
    """An error of AWS; its message contains what no log may contain."""
    message = f"about ada@example.com and {TOKEN}"
    response: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(response, "Operation")
