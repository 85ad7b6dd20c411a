"""Lambda's asynchronous invocations, as the sandbox accepts and runs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox.arns import function_arn
from tests.sandbox.aws import Aws
from tests.sandbox.invocations import Invocations
from tests.sandbox.okta.faults import Faults
from tests.sandbox.template import PREFIX, Template
from tests.sandbox.workers import FunctionFailed

ISSUE, VERIFY = "IssueChallengeFunction", "VerifyChallengeFunction"
TABLE = f"{PREFIX}ChallengeTable"


class Functions:
    """Stands for the workers: keeps the events that it is called with."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.may_run = threading.Event()
        self.may_run.set()

    def invoke(self, function: str, event: Any) -> None:
        self.may_run.wait(10)
        self.events.append((function, event))
        if event.get("crash"):
            raise FunctionFailed


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def faults() -> Faults:
    return Faults(threading.Lock())


@pytest.fixture
def invocations(functions: Functions, faults: Faults) -> Iterator[Invocations]:
    invocations = Invocations(functions.invoke, faults)
    yield invocations
    functions.may_run.set()
    invocations.close()


@pytest.fixture
def aws(invocations: Invocations, faults: Faults) -> Iterator[Aws]:
    with Aws(Template({}), "token", invocations.accept, faults) as aws:
        yield aws


def client_of(aws: Aws, service: str, function: str) -> Any:
    """A boto3 client with a function's credentials, which never retries."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id=function,
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": 1}),
    )


def invoke(aws: Aws, name: str = function_arn(ISSUE, "live"), caller: str = ISSUE) -> int:
    client = client_of(aws, "lambda", caller)
    payload = b'{"task": "deliver"}'
    response = client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    return int(response["StatusCode"])


@pytest.mark.parametrize("name", [function_arn(ISSUE, "live"), function_arn(ISSUE), ISSUE])
def test_an_event_is_accepted_and_handed_to_the_function(
    aws: Aws, invocations: Invocations, functions: Functions, name: str
) -> None:
    assert invoke(aws, name) == 202
    invocations.settle(10)
    assert functions.events == [(ISSUE, {"task": "deliver"})]


def test_the_call_does_not_wait_for_the_function(
    aws: Aws, invocations: Invocations, functions: Functions
) -> None:
    functions.may_run.clear()
    assert invoke(aws) == 202
    with pytest.raises(TimeoutError):
        invocations.settle(0.01)
    functions.may_run.set()
    invocations.settle(10)
    assert len(functions.events) == 1


def test_a_crash_of_the_function_is_counted(invocations: Invocations) -> None:
    invocations.accept(ISSUE, {"crash": True})
    invocations.accept(ISSUE, {})
    invocations.settle(10)
    assert invocations.failed == 1


def test_cancelled_events_do_not_run(invocations: Invocations, functions: Functions) -> None:
    functions.may_run.clear()
    for _ in range(20):
        invocations.accept(ISSUE, {})
    invocations.cancel()
    functions.may_run.set()
    invocations.settle(10)
    assert len(functions.events) < 20


def test_a_throttled_invocation_is_refused(aws: Aws, faults: Faults) -> None:
    faults.add("invoke", "throttle", 1)
    with pytest.raises(ClientError) as refused:
        invoke(aws)
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert invoke(aws) == 202


def test_a_dropped_event_is_accepted_and_never_run(
    aws: Aws, invocations: Invocations, functions: Functions, faults: Faults
) -> None:
    faults.add("invoke", "drop", 1)
    assert invoke(aws) == 202
    invocations.settle(10)
    assert (functions.events, invocations.dropped) == ([], 1)


@pytest.mark.parametrize(
    ("name", "caller", "code"),
    [
        ("NoSuchFunction", ISSUE, "ResourceNotFoundException"),
        (ISSUE, VERIFY, "AccessDeniedException"),
        (VERIFY, ISSUE, "AccessDeniedException"),
    ],
)
def test_an_invocation_needs_a_function_and_the_permission(
    aws: Aws, name: str, caller: str, code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        invoke(aws, name, caller)
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("Event", b"{", "InvalidRequestContentException"),
        ("RequestResponse", b"{}", "InvalidParameterValueException"),
    ],
)
def test_only_json_events_are_accepted(aws: Aws, kind: str, body: bytes, code: str) -> None:
    name = quote(function_arn(ISSUE, "live"), safe="")
    url = f"{aws.url}/2015-03-31/functions/{name}/invocations"
    response = requests.post(url, body, headers={"X-Amz-Invocation-Type": kind}, timeout=10)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, code)


def test_a_transaction_needs_the_permissions_of_its_items(aws: Aws) -> None:
    dynamodb = client_of(aws, "dynamodb", ISSUE)
    key = {"pk": {"S": "none"}}
    update = {"TableName": TABLE, "Key": key, "UpdateExpression": "REMOVE a"}
    dynamodb.transact_write_items(TransactItems=[{"Update": update}])
    dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": TABLE, "Key": key}}])
    delete = {"TableName": TABLE, "Key": key}
    with pytest.raises(ClientError, match="AccessDeniedException"):
        dynamodb.transact_write_items(TransactItems=[{"Update": update}, {"Delete": delete}])
