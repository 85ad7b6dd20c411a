"""ARNs of the sandbox's account."""

import uuid

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
ALIAS = "live"
"""The alias that API Gateway invokes."""


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


def key_arn(name: str) -> str:
    """The ARN of the KMS key with this name, always the same."""
    return arn("kms", f"key/{uuid.uuid5(uuid.NAMESPACE_URL, name)}")


def function_arn(name: str, qualifier: str = "") -> str:
    """The ARN of the function with this logical id, or of an alias or version of it."""
    return arn("lambda", f"function:{name}:{qualifier}" if qualifier else f"function:{name}")
