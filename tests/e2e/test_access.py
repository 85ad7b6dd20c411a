"""The sandbox enforces the functions' IAM roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.template import PREFIX

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox


@pytest.mark.parametrize("function", ["IssueChallengeFunction", "VerifyChallengeFunction"])
def test_an_action_that_the_role_does_not_allow_is_denied(sandbox: Sandbox, function: str) -> None:
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=sandbox.aws.url,
        region_name="us-east-1",
        aws_access_key_id=function,
        aws_secret_access_key="sandbox",
    )
    table, key = f"{PREFIX}ChallengeTable", {"pk": {"S": "customer#none"}}
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        dynamodb.delete_item(TableName=table, Key=key)
