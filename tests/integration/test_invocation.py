"""Asynchronous invocations of a function."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from tests.integration.account import Unreliable, client_error
from tests.integration.functions import ARN
from tests.integration.loopback import LoopbackServer, message, raw
from verification import errors
from verification.aws.invocation import AsyncInvocation
from verification.observability import Meter

ACCEPTED = raw(message(b"", 202))


def invocation(server: LoopbackServer, meter: Meter) -> AsyncInvocation:
    return AsyncInvocation(lambda: boto3.client("lambda", endpoint_url=server.url), meter)


def test_events_are_handed_over_on_one_connection() -> None:
    meter = Meter()
    with LoopbackServer(ACCEPTED, ACCEPTED) as server:
        asynchronous = invocation(server, meter)
        for _ in range(2):
            asynchronous.invoke(ARN, '{"task": "deliver"}')
        asynchronous.disconnect()
    received = server.received[0]
    assert received.target.endswith("/invocations")
    assert received.headers["x-amz-invocation-type"] == "Event"
    assert received.body == b'{"task": "deliver"}'
    assert [each.connection for each in server.received] == [1, 1]
    assert meter.calls == {"invoke": 2}


def test_client_is_made_at_the_first_call() -> None:
    made: list[Unreliable] = []

    def make() -> Any:
        made.append(Unreliable(None))
        return made[-1]

    asynchronous = AsyncInvocation(make, Meter())
    asynchronous.disconnect()
    assert made == []
    asynchronous.prepare()
    asynchronous.prepare()
    assert len(made) == 1


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (client_error("TooManyRequestsException"), errors.StoreUnavailable),
        (client_error("ServiceException"), errors.StoreUnavailable),
        (ReadTimeoutError(endpoint_url="https://lambda.example"), errors.StoreUnavailable),
        (client_error("AccessDeniedException"), errors.ConfigurationError),
        (client_error("ResourceNotFoundException"), errors.ConfigurationError),
    ],
)
def test_event_that_lambda_does_not_take(failure: Exception, outcome: type[Exception]) -> None:
    client: Any = Unreliable(None)
    client.failure = failure
    with pytest.raises(outcome) as refused:
        AsyncInvocation(lambda: client, Meter()).invoke(ARN, "{}")
    assert refused.value.__suppress_context__
