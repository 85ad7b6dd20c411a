"""The deployed stack as an operator's commands see it, and AWS's refusals in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

DEFAULT_NAME = "customer-verification"

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_INVALID = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch")
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_ABSENT = ("ValidationError", "ResourceNotFoundException")


class Problem(Exception):
    """Why a command cannot go on, in words for the operator."""


@dataclass(frozen=True)
class Stack:
    """A stack of CloudFormation. `status` is empty if there is none."""

    name: str
    status: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    def output(self, name: str) -> str:
        """The value of an output. Raises Problem if the stack has none of this name."""
        if not self.status:
            raise Problem(
                f'There is no stack "{self.name}" in this account and region: make deploy.'
            )
        if name not in self.outputs:
            raise Problem(f'The stack "{self.name}" has no output {name} ({self.status}).')
        return self.outputs[name]


def session(environ: Mapping[str, str]) -> boto3.Session:
    """A session in the region that REGION names, or else in that of the operator's configuration."""
    with explained("read its configuration"):
        return boto3.Session(region_name=environ.get("REGION") or None)


def stack_name(environ: Mapping[str, str]) -> str:
    """The stack that STACK names."""
    return environ.get("STACK") or DEFAULT_NAME


def client(aws: boto3.Session, service: str) -> Any:
    """A client of a service."""
    return aws.client(service)  # type: ignore[call-overload]


def find(aws: boto3.Session, name: str) -> Stack:
    """The stack of this name."""
    with explained("read the stack (cloudformation:DescribeStacks)"):
        try:
            (found,) = client(aws, "cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return Stack(name)
            raise
    return Stack(
        name,
        found["StackStatus"],
        {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
    )


@contextmanager
def explained(act: str) -> Iterator[None]:
    """Turn an error of AWS into a Problem that says what to do."""
    try:
        yield
    except NoRegionError:
        raise Problem(
            "No region is set. Name one (REGION=eu-west-1), or set one in your AWS profile."
        ) from None
    except NoCredentialsError:
        raise Problem(
            "There are no AWS credentials. Sign in (aws sso login), or set AWS_PROFILE or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _EXPIRED:
            raise Problem("The AWS credentials have expired. Sign in again.") from None
        if code in _INVALID:
            raise Problem(
                "AWS does not accept the credentials: they are wrong or revoked."
            ) from None
        if code in _DENIED:
            raise Problem(f"These AWS credentials are not allowed to {act}.") from None
        raise Problem(f"AWS refuses to {act}: {code}.") from None
    except BotoCoreError as error:
        # An expired sign-in, an unknown profile, no connection: these have words of their own.
        raise Problem(f"AWS cannot be asked to {act}: {error}") from None


def run(command: Callable[[Mapping[str, str]], None]) -> None:
    """Run a command with the environment. Ends the process: 0, or 1 with the problem on stderr."""
    try:
        command(os.environ)
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit("Stopped. Nothing was changed.")
