"""Clients with short timeouts: a store that does not answer counts as down.

They are made by botocore, on which boto3 is built: boto3 also imports the transfer of files to S3,
which takes a fifth of a function's start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from verification.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CONFIG = Config(
    connect_timeout=1,
    read_timeout=1,
    tcp_keepalive=True,
    retries={"mode": "standard", "total_max_attempts": 2},
    # Without a text of our own botocore composes one anew for each call, twice: a quarter of what a
    # call takes of the processor.
    user_agent="customer-verification",
)

_OURS_TO_CORRECT = (
    *("AccessDeniedException", "ResourceNotFoundException", "DecryptionFailure"),
    *("DisabledException", "InvalidKeyUsageException", "KMSInvalidStateException"),
    "NotFoundException",
)


@contextmanager
def outcomes(problem: str) -> Iterator[None]:
    """Make AWS's errors outcomes: ConfigurationError with this problem for what an operator must correct,
    StoreUnavailable for everything else. `table` has rules of its own.
    """
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _OURS_TO_CORRECT:
            raise ConfigurationError(problem) from None
        raise StoreUnavailable(retry_after=5) from None
    except BotoCoreError:
        raise StoreUnavailable(retry_after=5) from None


def dynamodb() -> DynamoDBClient:
    """A client of DynamoDB. Region and credentials come from the environment."""
    client: DynamoDBClient = _client("dynamodb")
    return client


def secrets_manager() -> SecretsManagerClient:
    """A client of Secrets Manager."""
    client: SecretsManagerClient = _client("secretsmanager")
    return client


def aws_lambda() -> LambdaClient:
    """A client of Lambda."""
    client: LambdaClient = _client("lambda")
    return client


def kms() -> KMSClient:
    """A client of KMS."""
    client: KMSClient = _client("kms")
    return client


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def _client(service: str) -> Any:
    return _session().create_client(service, config=_CONFIG)
