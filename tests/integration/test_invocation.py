"""Asynchronous invocations of a function."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from tests.integration.account import Unreliable, client_error
from tests.integration.functions import ARN
from tests.integration.loopback import LoopbackServer, message
from tests.integration.rows import refusal
from verification import errors
from verification.aws.invocation import AsyncInvocation
from verification.observability import Meter

ACCEPTED = message(b"", 202)


def test_events_are_handed_over_on_one_connection(meter: Meter) -> None:
    made: list[str] = []

    with LoopbackServer(ACCEPTED, ACCEPTED) as server:

        def make() -> Any:
            made.append(server.url)
            return boto3.client("lambda", endpoint_url=server.url)

        asynchronous = AsyncInvocation(make, meter)
        asynchronous.disconnect()
        assert made == []  # the client is made by the first call that needs it
        asynchronous.prepare()
        for _ in range(2):
            asynchronous.invoke(ARN, '{"task": "deliver"}')
        asynchronous.disconnect()
    received = server.received[0]
    assert received.target.endswith("/invocations")
    assert received.headers["x-amz-invocation-type"] == "Event"
    assert received.body == b'{"task": "deliver"}'
    assert [each.connection for each in server.received] == [1, 1]
    assert (len(made), meter.calls) == (1, {"invoke": 2})


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
def test_event_that_lambda_does_not_take(
    meter: Meter, failure: Exception, outcome: type[Exception]
) -> None:
    client: Any = Unreliable(None)
    client.failure = failure
    refused = refusal(lambda: AsyncInvocation(lambda: client, meter).invoke(ARN, "{}"))
    assert type(refused) is outcome
    assert refused.__suppress_context__
