"""The bench's function process, which follows the sandbox's worker, and the server of its Okta and store.
What it measures is for `make bench`.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from werkzeug.wrappers import Request, Response

from tests.bench.child import Child
from tests.bench.server import SECONDS, PunctualServer
from tests.e2e.test_events import STATUS, event
from tests.sandbox.server import HOST
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
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


def test_the_work_of_an_app_is_part_of_the_time_that_its_answer_takes() -> None:
    @Request.application
    def app(request: Request) -> Response:
        request.environ[SECONDS] = 0.15
        time.sleep(0.1)
        return Response(request.get_data(), status=201, headers={"X-Kept": "yes"})

    elapsed = []
    with PunctualServer(app) as server, requests.Session() as session:
        for _ in range(3):
            answer = session.post(server.url, data=b"body", timeout=5)
            assert (answer.status_code, answer.headers["X-Kept"]) == (201, "yes")
            assert answer.content == b"body"
            elapsed.append(answer.elapsed.total_seconds())
    assert 0.15 <= min(elapsed) < 0.25


def test_a_request_whose_caller_ends_inside_it_is_not_served() -> None:
    served = []

    @Request.application
    def app(request: Request) -> Response:
        served.append(request.get_data())
        return Response("served")

    with PunctualServer(app) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection((HOST, port)) as caller:
            caller.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123")
            caller.shutdown(socket.SHUT_WR)
            assert caller.recv(1) == b""
    assert served == []
