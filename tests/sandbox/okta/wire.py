"""Broken answers, and connections that end without an answer."""

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from werkzeug import Response

from tests.sandbox.okta import responses
from tests.sandbox.okta.exceptions import OktaError, Refusal
from tests.sandbox.okta.faults import Kind
from tests.sandbox.okta.ids import Ids
from tests.sandbox.okta.limits import Quota

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

RATE_LIMIT_RESET_SECONDS = 30

_ERRORS: dict[Kind, Refusal] = {
    Kind.HTTP_500: Refusal.INTERNAL_SERVER_ERROR,
    Kind.HTTP_503: Refusal.READ_ONLY_MODE,
    Kind.RATE_LIMITED: Refusal.RATE_LIMITED,
}
_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
_CUT_SHORT = b'{"factorResult":"SUC'
_BYTES_MISSING = 100
_ELSEWHERE = "https://elsewhere.invalid/"


def broken_answer(kind: Kind, quota: Quota, ids: Ids, now: float) -> Response:
    match kind:
        case Kind.HTML:
            return Response(_PAGE, content_type="text/html; charset=utf-8")
        case Kind.REDIRECT:
            return Response(status=302, headers={"Location": _ELSEWHERE})
        case Kind.TRUNCATED:
            response = Response(_CUT_SHORT, content_type="application/json")
            response.content_length = len(_CUT_SHORT) + _BYTES_MISSING
            return response
        case Kind.RATE_LIMITED:
            quota = Quota(quota.limit, 0, int(now) + RATE_LIMIT_RESET_SECONDS)
    return responses.on_the_wire(
        responses.error(OktaError(_ERRORS[kind]), ids.error()), quota, ids.request()
    )


def cut_connection(environ: "WSGIEnvironment") -> NoReturn:
    """Reset the connection. In-process clients have no socket and see only the exception.

    The server ignores a ConnectionResetError before the first byte of an answer. Its reader still
    holds the socket: shutting down the input releases it, and closing with a linger of zero sends RST.
    """
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The caller may have closed the connection already.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)
        connection.close()
    raise ConnectionResetError("the simulated org closed the connection without an answer")
