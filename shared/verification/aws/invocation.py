"""Asynchronous calls of a Lambda function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from verification.aws.clients import outcomes
from verification.observability import Meter

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class AsyncInvocation:
    """Calls Lambda. The client is made at the first call: verifications never need it."""

    def __init__(self, make_client: Callable[[], LambdaClient], meter: Meter) -> None:
        self._make_client = make_client
        self._meter = meter
        self._client: LambdaClient | None = None

    def invoke(self, function: str, payload: str) -> None:
        """Hand the event over to Lambda, which calls the function. Raises StoreUnavailable if it is
        not known whether Lambda has taken it.
        """
        self._client = client = self._client or self._make_client()
        with outcomes("the function may not invoke itself"), self._meter.time("invoke"):
            accepted = client.invoke(
                FunctionName=function, InvocationType="Event", Payload=payload.encode()
            )
            accepted["Payload"].read()  # or the connection could not be used again

    def prepare(self) -> None:
        """Make the client now."""
        self._client = self._client or self._make_client()

    def disconnect(self) -> None:
        """Make the next call over a new connection."""
        if self._client is not None:
            self._client.close()
