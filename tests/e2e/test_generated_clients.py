"""Clients that generators make of the contract do the main job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.reference import DOCS
from tests.sandbox.aws import CLIENT_KEY

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox

CLIENTS = Path(__file__).with_name("clients")
DOCUMENT = DOCS / "openapi.json"
BIN = Path(sys.executable).parent
TYPESCRIPT = CLIENTS / "typescript_client"

MAIN_JOB = {"sent": "pending", "seconds": 300, "wrong": "invalid_code", "right": "verified"}
SEEN = [{**MAIN_JOB, "proof": proof} for proof in ("device_token", "customer_id")]
"""What a person sees, and what a client does."""


def run(*command: str | Path, folder: Path) -> str:
    """What a program prints."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - our own programs
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generate_python(folder: Path) -> None:
    """Make a folder with a generated package and the program that uses it."""
    generate = ("openapi-python-client", "generate", "--meta", "none", "--fail-on-warning")
    run(*generate, "--path", DOCUMENT, "--output-path", "verification_client", folder=folder)
    shutil.copy(CLIENTS / "python_client" / "journey.py", folder)


def generate_typescript(folder: Path) -> None:
    """Make a folder with generated types and the program that uses them, compiled."""
    for name in ("journey.ts", "tsconfig.json", "package.json"):
        shutil.copy(TYPESCRIPT / name, folder)
    modules = TYPESCRIPT / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    run(modules / ".bin" / "openapi-typescript", DOCUMENT, "-o", "schema.ts", folder=folder)
    run(modules / ".bin" / "tsc", folder=folder)


def test_a_python_client_does_the_main_job(sandbox: Sandbox, tmp_path: Path) -> None:
    generate_python(tmp_path)
    printed = run(sys.executable, "journey.py", sandbox.url, CLIENT_KEY, folder=tmp_path)
    assert json.loads(printed) == SEEN


@pytest.mark.skipif(
    "CI" not in os.environ and not (TYPESCRIPT / "node_modules").exists(),
    reason="the TypeScript generator is not installed: set-up found no npm",
)
def test_a_typescript_client_does_the_main_job(sandbox: Sandbox, tmp_path: Path) -> None:
    generate_typescript(tmp_path)
    printed = run("node", "journey.js", sandbox.url, CLIENT_KEY, folder=tmp_path)
    assert json.loads(printed) == SEEN
