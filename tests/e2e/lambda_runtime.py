"""Runs the built functions under Lambda's runtime client and its interface emulator.

Python finds what it finds on Lambda: the function's folder, the layer, and what the runtime supplies,
but nothing else of this virtual environment. The compiled packages of the layer are for Lambda's
processor and Python; on any other, the same releases from this virtual environment replace them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import samcli
from werkzeug.wrappers import Request, Response

from tests.e2e.conftest import eventually, free_ports
from tests.sandbox.template import ROOT, Function, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MACHINE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{MACHINE}"
HAS_EMULATOR = platform.system() == "Linux" and EMULATOR.is_file()

SUPPLIED = (
    *("awslambdaric", "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer"),
    *("simplejson", "six", "snapshot-restore-py", "urllib3"),
)
"""The distributions that are part of Lambda's own runtime."""

COMPILED = ("cffi", "charset-normalizer", "cryptography")
"""The distributions of the layer that are compiled."""

RUNS_LAMBDAS_BINARIES = (MACHINE, sys.version_info[:2]) == ("arm64", (3, 13))

WHEELS = Path(sys.prefix) / "wheels"
"""The layer's packages, kept by `make` so that no test needs the network."""

STARTED = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
CALLED = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)")

START_TIMEOUT = 10.0
BUILD_TIMEOUT = 120.0


@dataclass(frozen=True)
class Build:
    """The output of `sam build`, and folders with what Lambda supplies and what replaces the layer's
    compiled packages.
    """

    folder: Path
    supplied: Path
    compiled: Path

    def command(self) -> list[str]:
        """Starts the function of the current folder; `-S` hides this virtual environment."""
        return [sys.executable, "-S", "-m", "awslambdaric", "app.lambda_handler"]

    def code(self, function: Function) -> Path:
        """The folder of the function's code."""
        functions = self._template.resources("AWS::Serverless::Function")
        return self.folder.joinpath(functions[function.name]["CodeUri"]).resolve()

    def environment(self, function: Function, settings: Mapping[str, str]) -> dict[str, str]:
        """The environment variables that Lambda and the template set."""
        (layer,) = self._template.resources("AWS::Serverless::LayerVersion").values()
        opt = self.folder.joinpath(layer["ContentUri"])
        path = (self.compiled, opt / "python", self.supplied)
        return {
            **settings,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",  # the emulator leaves it out
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",  # /opt and /var/task can only be read
        }

    @property
    def _template(self) -> Template:
        return Template({}, self.folder / "template.yaml")


def sam_build(folder: Path) -> Build:
    """Build into `folder`, for the Python of this virtual environment."""
    build = Build(folder / "build", folder / "supplied", folder / "compiled")
    run_sam_build(build.folder)
    _link(build.supplied, SUPPLIED)
    _link(build.compiled, () if RUNS_LAMBDAS_BINARIES else COMPILED)
    return build


def run_sam_build(folder: Path, **environment: str) -> None:
    """Build with the real tool; `environment` is what it gets beside this process's own."""
    pip = sys.executable if importlib.util.find_spec("pip") else "python3"
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS)} if WHEELS.is_dir() else {}
    done = subprocess.run(  # noqa: S603 - our own tool and template
        [sys.executable, "-m", "samcli", "build", "--no-cached", "--build-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, **offline, "PYTHON": pip, "SAM_CLI_TELEMETRY": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _link(folder: Path, distributions: Iterable[str]) -> None:
    """Make a folder in which Python finds these distributions of this virtual environment."""
    folder.mkdir()
    for name in distributions:
        distribution = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))


class Emulator:
    """A context manager: one execution environment, in which `command` starts the function of the
    folder `code`. `log` has what Lambda would log.
    """

    def __init__(
        self,
        command: Iterable[str],
        code: Path,
        environment: Mapping[str, str],
        timeout: int,
        log: Path,
    ) -> None:
        self._port, runtime_port = free_ports(2)
        self._command = [
            *(str(EMULATOR), "--log-level", "info"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
            *command,
        ]
        self._code = code
        self._environment = {**environment, "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout)}
        self._log = log

    def __enter__(self) -> Emulator:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the emulator, with our own function
                self._command,
                cwd=self._code,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(lambda: _listens(self._port))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def log(self) -> str:
        """The lines of the emulator and of the function until now."""
        return self._log.read_text()

    @property
    def starts(self) -> list[float]:
        """How long each start took, in milliseconds."""
        return [float(each) for each in STARTED.findall(self.log)]

    @property
    def calls(self) -> list[float]:
        """How long each call that succeeded took, in milliseconds."""
        return [float(each) for each in CALLED.findall(self.log)]

    def invoke(self, event: Mapping[str, Any]) -> requests.Response:
        """Lambda's answer: the function's result, or what went wrong."""
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        return requests.post(url, json=event, timeout=30)

    def signal(self, number: int) -> None:
        """Send a signal to the function's process."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        (child,) = " ".join(each.read_text() for each in tasks).split()
        os.kill(int(child), number)


class SnapshotApi:
    """A WSGI app: Lambda's runtime API for one function with SnapStart. It restores the function when
    `restored` is set, and then calls it once.
    """

    def __init__(self, function_arn: str, event: Mapping[str, Any]) -> None:
        self._function_arn = function_arn
        self._event = json.dumps(event)
        self.said: queue.Queue[tuple[str, Any]] = queue.Queue()
        """Path and body of each request of the runtime."""
        self.restored = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        path = request.path.removeprefix("/2018-06-01/runtime/")
        body = request.get_data()
        self.said.put((path, json.loads(body) if body else None))
        answer = Response(status=202)
        if path == "restore/next":
            self.restored.wait(START_TIMEOUT)
            answer = Response()
        if path == "invocation/next":
            deadline = round((time.time() + START_TIMEOUT) * 1000)
            headers = {
                "Lambda-Runtime-Aws-Request-Id": "1",
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": self._function_arn,
            }
            answer = Response(self._event, headers=headers, content_type="application/json")
        return answer(environ, start_response)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
