"""Writes what was run for every rule: `.proof/report.md`, `report.json` and `junit.xml`."""

from __future__ import annotations

import json
import platform
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.proof.games import Played
from tests.proof.matrix import NEVER_ANSWERED, Cell
from tests.proof.mutation import Fate, Run, counted
from tests.proof.standards import REQUIRED, Rule, State, rules
from tests.proof.world import EMAIL, PHONE


@dataclass(frozen=True, slots=True)
class Tests:
    """How often a test ran, with all its items, and how often it did not pass."""

    ran: int
    failed: int


@dataclass(frozen=True, slots=True)
class Proof:
    """All results. `tests` is by the names that rules use, and `suite` what pytest wrote of them."""

    tests: Mapping[str, Tests]
    mutants: Sequence[Run]
    cells: Sequence[Cell]
    suite: ET.ElementTree[ET.Element]
    games: Sequence[Played]

    def holds(self, rule: Rule) -> bool:
        """Whether all that was run for a rule passed, and something was."""
        ran = [self.tests.get(each, Tests(0, 0)) for each in rule.tests]
        killed = [run.fate is Fate.KILLED for run in self.mutants if run.mutant.rule == rule.name]
        return all(each.ran and not each.failed for each in ran) and all(killed)

    @property
    def failures(self) -> list[str]:
        """What did not hold."""
        return [
            *(f"rule {rule.name}" for rule in rules().values() if not self.holds(rule)),
            *(f"test {name}" for name, each in self.tests.items() if each.failed),
            *(f"mutant {run.mutant.name} {run.fate}" for run in self.mutants if _survived(run)),
            *(
                f"{cell.scenario}: {cell.fault} at {cell.call}: {cell.broken}"
                for cell in self.cells
                if cell.broken
            ),
            *(f"game {each.name}: {each.finding}" for each in self.games if each.finding),
        ]


def tests_in(suite: ET.ElementTree[ET.Element]) -> dict[str, Tests]:
    """The results of pytest by the names of the tests, without their items."""
    ran: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for case in suite.iter("testcase"):
        name = _name(case.get("classname", ""), case.get("name", ""))
        ran[name] += case.find("skipped") is None
        failed[name] += any(case.find(tag) is not None for tag in ("failure", "error"))
    return {name: Tests(count, failed[name]) for name, count in ran.items()}


def write(proof: Proof, folder: Path) -> None:
    """All three files. Raises AssertionError if one would contain a secret."""
    texts = {
        "report.md": "\n".join(_markdown(proof)) + "\n",
        "report.json": json.dumps(_document(proof), indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        assert not [each for each in (*NEVER_ANSWERED, EMAIL, PHONE) if each in text], (
            f"a secret in {name}"
        )
        (folder / name).write_text(text)
    _junit(proof).write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)


def _survived(run: Run) -> bool:
    return run.fate is not Fate.KILLED


def _name(classname: str, name: str) -> str:
    """`tests.unit.test_a.TestB` and `test_c[item]` as pytest's own command line names them."""
    parts = classname.split(".")
    modules = [each for each in parts if not each.startswith("Test")]
    classes = parts[len(modules) :]
    return "::".join([f"{'/'.join(modules)}.py", *classes, name.partition("[")[0]])


def _document(proof: Proof) -> dict[str, object]:
    return {
        "rules": [
            {
                "name": rule.name,
                "sources": rule.sources,
                "rule": rule.text,
                "state": rule.state,
                "reason": rule.reason,
                "documents": rule.documents,
                "holds": proof.holds(rule),
                "tests": {
                    each: {"ran": ran.ran, "failed": ran.failed}
                    for each in rule.tests
                    for ran in [proof.tests.get(each, Tests(0, 0))]
                },
                "mutants": [
                    {"file": run.mutant.file, "fate": run.fate, "by": run.by}
                    for run in proof.mutants
                    if run.mutant.rule == rule.name
                ],
            }
            for rule in rules().values()
        ],
        "games": [asdict(each) for each in proof.games],
        "faults": [
            {
                "scenario": cell.scenario,
                "call": cell.call,
                "fault": cell.fault,
                "outcome": cell.outcome,
                "broken": cell.broken,
            }
            for cell in proof.cells
        ],
    }


def _junit(proof: Proof) -> ET.ElementTree[ET.Element]:
    """What pytest wrote, with a suite for mutants and one for faults."""
    root = proof.suite.getroot()
    mutants = [
        (run.mutant.name, f"{run.fate}: {run.mutant.file}" if _survived(run) else "")
        for run in proof.mutants
    ]
    faults = [(f"{c.scenario} | {c.number} {c.call} | {c.fault}", c.broken) for c in proof.cells]
    for name, cases in (("mutants", mutants), ("faults", faults)):
        failed = sum(bool(failure) for _, failure in cases)
        suite = ET.SubElement(
            root, "testsuite", name=name, tests=str(len(cases)), failures=str(failed)
        )
        for case, failure in cases:
            element = ET.SubElement(suite, "testcase", classname=name, name=case)
            if failure:
                ET.SubElement(element, "failure", message=failure)
    return ET.ElementTree(root)


# ---- The page --------------------------------------------------------------------------------------


def _markdown(proof: Proof) -> Iterator[str]:
    table, fates = rules().values(), counted(proof.mutants)
    ran = sum(each.ran for each in proof.tests.values())
    states = Counter(rule.state for rule in table)
    broken = sum(bool(cell.broken) for cell in proof.cells)
    yield "# Proof\n"
    yield f"Python {platform.python_version()}. `make proof` makes this page.\n"
    yield "| what | result |\n|---|---|"
    yield f"| requirements of the standards | {len(REQUIRED)}, in {len(table)} rules |"
    yield f"| rules | {', '.join(f'{count} {state}' for state, count in states.items())} |"
    yield f"| tests | {ran} run, {sum(each.failed for each in proof.tests.values())} failed |"
    yield f"| mutants | {fates[Fate.KILLED]} of {len(proof.mutants)} killed |"
    yield f"| cells of the fault matrix | {len(proof.cells)}, {broken} broken |"
    for what, count, found in _games(proof):
        yield f"| games: {what} | {count} played, {found} findings |"
    yield f"\n{'**Everything holds.**' if not proof.failures else '**Something does not hold:**'}\n"
    yield from (f"- {_cell(failure)}" for failure in proof.failures)
    yield "\n## Rules that are kept\n"
    yield "| rule | source | tests | mutants killed | holds |\n|---|---|---|---|---|"
    for rule in table:
        if rule.state is State.MET:
            yield _row(proof, rule)
    yield "\n## What is not met, and why\n"
    yield "| rule | source | why | proved |\n|---|---|---|---|"
    for rule in table:
        if rule.state in (State.NOT_MET, State.PARTLY_MET):
            proved = f"{rule.state}; {_runs(proof, rule)} tests"
            yield f"| {rule.text} | {', '.join(rule.sources)} | {_cell(rule.reason)} | {proved} |"
    yield "\n## What others have to keep\n\n| rule | source | who |\n|---|---|---|"
    for rule in table:
        if rule.state is State.OUTSIDE:
            yield f"| {rule.text} | {', '.join(rule.sources)} | {_cell(rule.reason)} |"
    yield "\n## Mutants\n\n| mutant | file | fate | by |\n|---|---|---|---|"
    for run in sorted(proof.mutants, key=lambda run: (run.mutant.rule, run.mutant.number)):
        yield f"| {run.mutant.name} | {run.mutant.file} | {run.fate} | {_cell(run.by)} |"
    yield "\n## Fault matrix\n"
    yield "One table for each scenario. A column is a call that it makes, in this order; a row is what"
    yield "goes wrong there; a cell is the outcome. What a stranger is not told, and why nothing was sent, is"
    yield "in brackets. After a crash the caller asks again. `-`: this cannot happen at this call.\n"
    for name in dict.fromkeys(cell.scenario for cell in proof.cells):
        yield from _matrix(name, [cell for cell in proof.cells if cell.scenario == name])


def _games(proof: Proof) -> Iterator[tuple[str, int, int]]:
    """What was played of each kind, how often, and how many games were lost."""
    kinds = {(each.kind, each.what) for each in proof.games}
    for kind, what in sorted(kinds):
        own = [each for each in proof.games if each.kind == kind]
        lost = sum(bool(each.finding) for each in own)
        yield f"{what} of {kind}", sum(each.count for each in own), lost


def _row(proof: Proof, rule: Rule) -> str:
    mutants = [run for run in proof.mutants if run.mutant.rule == rule.name]
    killed = f"{counted(mutants)[Fate.KILLED]} of {len(mutants)}" if mutants else "-"
    holds = "yes" if proof.holds(rule) else "**no**"
    sources = ", ".join(rule.sources)
    return f"| {_cell(rule.text)} | {sources} | {_runs(proof, rule)} | {killed} | {holds} |"


def _runs(proof: Proof, rule: Rule) -> int:
    return sum(proof.tests.get(each, Tests(0, 0)).ran for each in rule.tests)


def _matrix(name: str, cells: Sequence[Cell]) -> Iterator[str]:
    calls = {cell.number: cell.call for cell in cells}
    outcomes = {(cell.fault, cell.number): cell for cell in cells}
    yield f"### {name}\n"
    yield f"| | {' | '.join(calls.values())} |\n|{'---|' * (len(calls) + 1)}"
    for fault in dict.fromkeys(cell.fault for cell in cells):
        row = [outcomes.get((fault, number)) for number in calls]
        yield f"| {fault} | {' | '.join(_outcome(cell) for cell in row)} |"
    yield ""


def _outcome(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return f"**{_cell(cell.broken)}**" if cell.broken else cell.outcome


def _cell(text: str) -> str:
    """A text that fits into a table."""
    return text.replace("|", "\\|").replace("\n", " ")[:300]
