"""What the sandbox's AWS allows the functions, and the asynchronous invocations that it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Lock
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


class Functions:
    """Stands for the workers: keeps the events that it is called with."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.may_run = Event()
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
    return Faults(Lock())


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


def invoke(aws: Aws, name: str = function_arn(ISSUE, "live"), caller: str = ISSUE) -> str:
    """The error of an invocation, or its HTTP status."""
    try:
        response = client_of(aws, "lambda", caller).invoke(
            FunctionName=name, InvocationType="Event", Payload=b'{"task": "deliver"}'
        )
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return str(response["StatusCode"])


@pytest.mark.parametrize("name", [function_arn(ISSUE, "live"), function_arn(ISSUE), ISSUE])
def test_an_event_is_accepted_at_once_and_handed_to_the_function(
    aws: Aws, invocations: Invocations, functions: Functions, name: str
) -> None:
    functions.may_run.clear()
    assert invoke(aws, name) == "202"
    with pytest.raises(TimeoutError):
        invocations.settle(0.01)
    functions.may_run.set()
    invocations.settle(10)
    assert functions.events == [(ISSUE, {"task": "deliver"})]


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
    assert invoke(aws, name, caller) == code


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


@pytest.mark.parametrize("function", [ISSUE, VERIFY])
def test_an_action_and_each_item_of_a_transaction_need_their_permissions(
    aws: Aws, function: str
) -> None:
    dynamodb = client_of(aws, "dynamodb", function)
    item = {"TableName": f"{PREFIX}ChallengeTable", "Key": {"pk": {"S": "none"}}}
    update = {**item, "UpdateExpression": "REMOVE a"}
    assert "Item" not in dynamodb.get_item(**item)
    dynamodb.transact_write_items(TransactItems=[{"Update": update}])
    with pytest.raises(ClientError, match="AccessDeniedException"):
        dynamodb.delete_item(**item)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        dynamodb.transact_write_items(TransactItems=[{"Update": update}, {"Delete": item}])
