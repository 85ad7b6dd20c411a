"""The bench's function process, which follows the sandbox's worker, and its servers. What it measures is for `make bench`."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from tests.bench.child import Child
from tests.e2e.test_events import STATUS, event
from tests.sandbox.server import HOST, Server
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from tests.sandbox.sandbox import Sandbox


def test_a_measured_function_answers_as_in_the_sandbox(sandbox: Sandbox) -> None:
    function = sandbox.template.functions[0]
    arguments = (str(function.code), function.name, str(function.timeout))
    command = [sys.executable, "-m", "tests.bench.function_process", *arguments]
    path = os.pathsep.join(map(str, (ROOT / "shared", ROOT)))
    environment = {**sandbox.settings_of(function), "PYTHONPATH": path}
    with Path(os.devnull).open("w") as log, Child(command, environment, log) as child:
        answer = child.ask(event=event("challenge-post"), advance=0.0)
    assert answer["statusCode"] == STATUS["challenge-post"]
    assert answer["total_ms"] > answer["outside_ms"] > 0


def test_a_request_whose_caller_ends_inside_it_is_not_served() -> None:
    served = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        served.append(environ["wsgi.input"].read())
        return Response("served")(environ, start_response)

    with Server(app, keeps_connections=True) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection((HOST, port)) as caller:
            caller.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123")
            caller.shutdown(socket.SHUT_WR)
            assert caller.recv(1) == b""
    assert served == []
