"""Runs the whole proof and writes the report. What does not hold is printed, and ends it with 1."""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ProcessPoolExecutor

from tests.proof import games, interleavings, matrix, mutation, report
from tests.proof.standards import ROOT, rules

FOLDER = ROOT / ".proof"
SEQUENCES = 200
"""For each game."""

_ONE_PROCESS = ("tests/unit/", "tests/integration/")
"""Not beside the sandbox, which is AWS to its whole process."""


def main() -> int:
    """The tests of all rules, every mutant, every fault, and all games."""
    FOLDER.mkdir(exist_ok=True)
    began = time.monotonic()
    _say("Mutants")
    mutants = list(mutation.played(mutation.mutants()))
    _say("Faults")
    with ProcessPoolExecutor(mutation.JOBS) as pool:
        cells = [cell for row in pool.map(matrix.row_of, matrix.SCENARIOS) for cell in row]
    _say("Games")
    with ProcessPoolExecutor(mutation.JOBS) as pool:
        played = [*pool.map(games.play_scenario, interleavings.SCENARIOS)]
        played += pool.map(games.play, games.GAMES, [SEQUENCES] * len(games.GAMES))
    _say("Tests")
    suite = _tested()
    proof = report.Proof(report.tests_in(suite), mutants, cells, suite, played)
    report.write(proof, FOLDER)
    _say(*proof.failures, f"{FOLDER / 'report.md'}, after {time.monotonic() - began:.0f} s")
    return bool(proof.failures)


def _tested() -> ET.ElementTree[ET.Element]:
    """The tests that rules name, and all others of the proof."""
    named = {test for rule in rules().values() for test in rule.tests}
    inside = sorted(each for each in named if each.startswith(_ONE_PROCESS))
    around = [each for each in named if not each.startswith((*_ONE_PROCESS, "tests/proof/"))]
    first, second = _pytest(inside), _pytest(["tests/proof", *sorted(around)])
    first.getroot().extend(second.getroot())
    return first


def _pytest(tests: list[str]) -> ET.ElementTree[ET.Element]:
    output = FOLDER / "junit.xml"
    pytest = (sys.executable, "-m", "pytest", "-q", "-n", str(mutation.JOBS), "--dist", "loadfile")
    command = [*pytest, f"--junit-xml={output}", *tests]
    subprocess.run(command, check=False, cwd=ROOT)  # noqa: S603 - its own command
    return ET.parse(output)  # noqa: S314 - written a moment ago


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201 - somebody waits for it


if __name__ == "__main__":
    sys.exit(main())
