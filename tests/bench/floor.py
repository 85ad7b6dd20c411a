"""The least that a function of this kind does at its start: import the libraries that it needs and
make their clients, with the service's own configuration.
"""

import boto3
import requests
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from botocore.config import Config

__all__ = ["APIGatewayRestResolver", "Logger", "dynamodb", "requests", "secrets_manager"]

CONFIG = Config(
    connect_timeout=1,
    read_timeout=1,
    tcp_keepalive=True,
    retries={"mode": "standard", "total_max_attempts": 2},
)

dynamodb = boto3.client("dynamodb", config=CONFIG)
secrets_manager = boto3.client("secretsmanager", config=CONFIG)
