"""Schemathesis finds no answer that the contract does not document.

The suite makes a few calls of every operation, and of sequences of them.
`python -m tests.e2e.test_schemathesis` (with PYTHONPATH=.:shared) makes at least 2,000 calls.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.in_process import InProcessSandbox
from tests.sandbox import contract
from tests.sandbox.aws import CLIENT_KEY
from tests.sandbox.server import Server
from tests.sandbox.template import ROOT
from tests.sandbox.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CONFIG = Path(__file__).with_name("clients") / "schemathesis" / "schemathesis.toml"
PROGRAM = Path(sys.executable).with_name("schemathesis")
MANY = "1000000"
WITHOUT_LIMITS = {
    "SENDS_PER_SOURCE_HOUR": MANY,
    "SENDS_PER_CLIENT_HOUR": MANY,
    "CHANGES_PER_CLIENT_HOUR": MANY,
    "FAILURES_PER_SOURCE_HOUR": MANY,
    "PASSWORD_FAILURES_HOUR": MANY,
    "STRANGER_FAILURES_HOUR": MANY,
    "CONCEAL_UNKNOWN_CUSTOMERS": "false",
}
FULL = 2_000


def explore(folder: Path, *options: str) -> tuple[dict[str, Any], list[str]]:
    """The report of a run against a service of its own, and what the gateway's witness has seen."""
    report, document, witness = folder / "report.json", folder / "openapi.json", Witness()
    document.write_text(json.dumps(contract.published()))
    one_at_a_time = threading.Lock()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with one_at_a_time:
            return list(sandbox.gateway(environ, start_response))

    with InProcessSandbox(witness, **WITHOUT_LIMITS) as sandbox, Server(app) as server:
        command: list[str | Path] = ["--config-file", CONFIG, "run", document, "--url", server.url]
        command += ["--no-color", "--report", "json", "--report-json-path", report, *options]
        done = subprocess.run(  # noqa: S603 - our own program
            [PROGRAM, *command],
            cwd=ROOT,
            env={**os.environ, "CLIENT_KEY": CLIENT_KEY, "PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    return found, witness.faults


def test_no_call_has_an_undocumented_answer(tmp_path: Path) -> None:
    phases = "examples,fuzzing,stateful"
    report, faults = explore(tmp_path, "--max-examples", "3", "--phases", phases)
    assert (report["failures"], report["errors"], faults) == ([], [], [])
    assert report["test_cases"]["generated"] >= 100


def main() -> None:
    """The full run."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w") as log,
        redirect_stdout(log),
    ):
        report, faults = explore(Path(folder), "--max-examples", "50")
    generated = report["test_cases"]["generated"]
    sys.stdout.write(f"{generated} calls, {len(faults)} undocumented answers\n")
    assert not faults
    assert generated >= FULL


if __name__ == "__main__":
    main()
