"""A DynamoDB that answers after the time that DynamoDB needs, and uses little of the processor.

moto validates expressions for 5 to 20 ms, so with it a bench would measure moto.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError
from werkzeug.wrappers import Request, Response

from tests.bench.server import SECONDS, PunctualServer
from tests.proof.dynamodb import MemoryDynamoDB

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

READ_SECONDS, WRITE_SECONDS, TRANSACTION_SECONDS = 0.003, 0.005, 0.010
"""Assumed: AWS promises single-digit milliseconds, and bills a transaction as two writes."""


class Store:
    """A context manager: one table in memory, behind the calls that the service and the sandbox make."""

    def __init__(self) -> None:
        self._memory = MemoryDynamoDB()
        self._lock = threading.Lock()
        self._server = PunctualServer(self._serve)
        self.waits = True
        """Whether it takes the time that DynamoDB takes."""
        self._calls: dict[str, tuple[float, Callable[..., Any]]] = {
            "GetItem": (READ_SECONDS, self._memory.get_item),
            "UpdateItem": (WRITE_SECONDS, self._memory.update_item),
            "TransactWriteItems": (TRANSACTION_SECONDS, self._memory.transact_write_items),
            "ListTables": (0.0, lambda **_: {"TableNames": []}),
            "CreateTable": (0.0, self._create),
        }

    @property
    def url(self) -> str:
        """The endpoint of DynamoDB."""
        return self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.__exit__(*exc)

    def _create(self, **_: object) -> dict[str, Any]:
        self._memory.rows.clear()
        return {}

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        operation = request.headers["X-Amz-Target"].partition(".")[2]
        seconds, call = self._calls[operation]
        request.environ[SECONDS] = seconds if self.waits else 0.0
        try:
            with self._lock:
                status, body = 200, call(**request.get_json(force=True))
        except ClientError as error:
            details: Any = error.response
            status, body = 400, {"__type": details.pop("Error")["Code"], **details}
        return Response(json.dumps(body), status, content_type="application/x-amz-json-1.0")
