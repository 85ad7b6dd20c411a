"""DynamoDB Local, Amazon's own DynamoDB for one machine, if it and Java are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sandbox.server import HOST

FOLDER = "DYNAMODB_LOCAL"
"""The environment variable with the folder of DynamoDBLocal.jar. It must be release 2 or newer: older
ones do not return the row of a failed condition."""

START_TIMEOUT = 30.0


def why_not() -> str:
    """What is missing to run DynamoDB Local; empty if nothing is."""
    if not shutil.which("java"):
        return "there is no Java to run DynamoDB Local"
    folder = os.environ.get(FOLDER)
    if not folder or not (Path(folder) / "DynamoDBLocal.jar").is_file():
        return f"{FOLDER} does not name the folder of DynamoDBLocal.jar"
    return ""


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """The URL of a DynamoDB Local that keeps everything in memory."""
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    java = ("java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar")
    process = subprocess.Popen(  # noqa: S603 - the jar that the environment names
        [*java, "-inMemory", "-sharedDb", "-port", str(port)],
        cwd=os.environ[FOLDER],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + START_TIMEOUT
    try:
        while True:
            try:
                socket.create_connection((HOST, port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield f"http://{HOST}:{port}"
    finally:
        process.kill()
        process.wait()
