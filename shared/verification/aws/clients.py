"""boto3 clients with short timeouts: a store that does not answer counts as down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

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
)


def dynamodb() -> DynamoDBClient:
    """A client of DynamoDB. Region and credentials come from the environment."""
    return boto3.client("dynamodb", config=_CONFIG)


def secrets_manager() -> SecretsManagerClient:
    """A client of Secrets Manager."""
    return boto3.client("secretsmanager", config=_CONFIG)


def aws_lambda() -> LambdaClient:
    """A client of Lambda."""
    return boto3.client("lambda", config=_CONFIG)


def kms() -> KMSClient:
    """A client of KMS."""
    return boto3.client("kms", config=_CONFIG)
