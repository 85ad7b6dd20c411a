"""Runs the whole proof and writes the report. What does not hold is printed, and ends it with 1."""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ProcessPoolExecutor

from tests.proof import (
    games,
    interleavings,
    matrix,
    mutation,
    report,
    scale,
    score,
    supply_chain,
)
from tests.proof.fuzz import campaign
from tests.proof.soak.run import soak
from tests.proof.standards import ROOT, rules

FOLDER = ROOT / ".proof"
SEQUENCES = 200
"""For each game."""

FUZZING_SECONDS = 60
SOAK_SECONDS = 60.0
_ONE_PROCESS = ("tests/unit/", "tests/integration/")
"""Not beside the sandbox, which is AWS to its whole process."""


def main() -> int:
    """Everything: tests, mutants and their score, faults, games, fuzzing, a soak, the supply chain."""
    FOLDER.mkdir(exist_ok=True)
    began = time.monotonic()
    _say("Mutants")
    mutants = list(mutation.played(mutation.mutants()))
    _say("Mutation score")
    sections = [score.section(_scored())]
    _say("Faults")
    with ProcessPoolExecutor(mutation.JOBS) as pool:
        cells = [cell for row in pool.map(matrix.row_of, matrix.SCENARIOS) for cell in row]
    _say("Games")
    with ProcessPoolExecutor(mutation.JOBS) as pool:
        played = [*pool.map(games.play_scenario, interleavings.SCENARIOS)]
        played += pool.map(games.play, games.GAMES, [SEQUENCES] * len(games.GAMES))
    sections.append(games.section(played))
    _say("Fuzzing")
    sections.append(campaign.section(campaign.fuzz(FUZZING_SECONDS)))
    _say("Supply chain")
    sections.append(supply_chain.section(FOLDER))
    _say("Soak, scale")
    with ProcessPoolExecutor(1) as pool:
        scaling = pool.submit(scale.measure)
        sections += [soak(SOAK_SECONDS).section, scaling.result().section]
    _say("Tests")
    suite = _tested()
    proof = report.Proof(report.tests_in(suite), mutants, cells, suite, sections)
    report.write(proof, FOLDER)
    _say(*proof.failures, f"{FOLDER / 'report.md'}, after {time.monotonic() - began:.0f} s")
    return bool(proof.failures)


def _scored() -> list[score.Result]:
    """In a process of its own, because it changes what it imports."""
    output = FOLDER / "score.json"
    output.unlink(missing_ok=True)
    command = (sys.executable, "-m", "tests.proof.score", "--json", str(output))
    subprocess.run(command, check=False, cwd=ROOT)  # noqa: S603 - its own command
    return score.read(output)


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
