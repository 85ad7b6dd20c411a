"""Fuzzes all targets, each in a process of its own, and tells what came of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.proof.fuzz.engine import HAS_ATHERIS
from tests.proof.fuzz.targets import TARGETS
from tests.proof.section import Section, cell_text
from tests.proof.standards import ROOT

FOLDER = ROOT / ".proof" / "fuzz"
JOBS = 2
_RUNS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_PLACES = re.compile(r"cov: (\d+)")


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of a target: how many inputs were run, and how many places of the code they reached.
    `failure`: what did not hold, and the file with the input.
    """

    target: str
    inputs: int
    places: int
    failure: str

    @property
    def line(self) -> str:
        """All of it."""
        return f"{self.target}: {self.inputs} inputs, {self.places} places. {self.failure}".strip()


def section(runs: Sequence[Fuzzed]) -> Section:
    """What came of all targets."""
    failed = [f"{each.target}: {each.failure}" for each in runs if each.failure]
    lines = [
        f"Inputs are chosen by {engine()}.\n",
        "| target | inputs | places of the code | failure |\n|---|---|---|---|",
        *(
            f"| {each.target} | {each.inputs} | {each.places} | {cell_text(each.failure) or '-'} |"
            for each in runs
        ),
    ]
    summary = f"{sum(each.inputs for each in runs)} inputs, {len(failed)} targets failed"
    return Section("Fuzzing", summary, failed, lines)


def engine() -> str:
    """What chooses the inputs."""
    return "atheris" if HAS_ATHERIS else "random changes, because atheris has no wheel here"


def fuzz(seconds: float, names: Sequence[str] = tuple(TARGETS)) -> list[Fuzzed]:
    """Fuzz every target for a part of so many seconds."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    each = max(1, round(seconds * JOBS / len(names)))
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(lambda name: _fuzzed(name, each), names))


def _fuzzed(name: str, seconds: int) -> Fuzzed:
    folder = FOLDER / name
    command = [sys.executable, "-m", "tests.proof.fuzz.engine", name, str(seconds), str(folder)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    done = subprocess.run(  # noqa: S603 - its own program
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    runs, places = _RUNS.findall(done.stderr), _PLACES.findall(done.stderr)
    return Fuzzed(
        name, int(runs[-1]) if runs else 0, int(places[-1]) if places else 0, _failure(done, folder)
    )


def _failure(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    if not done.returncode:
        return ""
    inputs = [str(path) for path in folder.glob("*") if path.is_file()]
    said = re.findall(r"(?m)^\S*(?:Error|Exception|Crash)\b.*|^==\d+== ERROR: .*", done.stderr)
    what = said[0] if said else done.stderr[-300:]
    return f"FAILED: {what[:300]} ({', '.join(inputs)})"
