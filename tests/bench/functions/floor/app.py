"""The least that a function of this kind does at its start: import the libraries that the service
needs, and make the same clients in the same way.
"""

import botocore.session
import requests
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config
from snapshot_restore_py import register_before_snapshot

__all__ = [
    "dynamodb",
    "logger",
    "metrics",
    "register_before_snapshot",
    "secrets_manager",
    "session",
]

CONFIG = Config(
    connect_timeout=1,
    read_timeout=1,
    tcp_keepalive=True,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent="customer-verification",
)

_aws = botocore.session.get_session()
dynamodb = _aws.create_client("dynamodb", config=CONFIG)
secrets_manager = _aws.create_client("secretsmanager", config=CONFIG)
session = requests.Session()
logger, metrics = Logger(), Metrics()


def lambda_handler(_event: object, _context: object) -> None:
    """Answer nothing."""
