"""The rules of `rules.toml`: what the standards ask for, and what proves it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("rules.toml")

_REQUIREMENTS = {
    "ASVS 6.1": 3,
    "ASVS 6.2": 12,
    "ASVS 6.3": 8,
    "ASVS 6.4": 6,
    "ASVS 6.5": 8,
    "ASVS 6.6": 4,
    "ASVS 14.2": 8,
    "ASVS 16.1": 1,
    "ASVS 16.2": 5,
    "ASVS 16.3": 4,
    "ASVS 16.4": 3,
    "ASVS 16.5": 4,
    "RFC 8725 3": 12,
}
"""How many requirements each of these sections has (ASVS 5.0.0)."""

REQUIRED = frozenset(
    {
        *(f"{section}.{n + 1}" for section, count in _REQUIREMENTS.items() for n in range(count)),
        *(f"API{n + 1}:2023" for n in range(10)),  # OWASP API Security Top 10
        *(f"CWE-{n}" for n in (117, 204, 208, 294, 304, 307, 352, 598, 601, 918, 1333)),
        *("RFC 4226 7.3", "RFC 9457 3"),
        # NIST SP 800-63B-4: passwords, out-of-band devices, OTP, throttling, replay.
        *(f"SP 800-63B-4 {section}" for section in ("3.1.1.2", "3.1.3.1", "3.1.3.2", "3.1.3.3")),
        *(f"SP 800-63B-4 {section}" for section in ("3.1.4.2", "3.2.2", "3.2.7")),
    }
)


class State(StrEnum):
    """How far a rule is kept here."""

    MET = "met"
    PARTLY_MET = "partly met"
    NOT_MET = "not met"
    OUTSIDE = "not this service's part"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. Tests are named as pytest names them, without the items of a parametrised one."""

    name: str
    sources: tuple[str, ...]
    text: str
    tests: tuple[str, ...]
    documents: tuple[str, ...]
    reason: str
    state: State

    @property
    def quick_tests(self) -> tuple[str, ...]:
        """Those that need no sandbox and no long game: a mutant must fail one of them."""
        return tuple(each for each in self.tests if not each.startswith(_SLOW))


_SLOW = (
    "tests/e2e/",
    *(f"tests/proof/test_{name}.py" for name in ("games", "interleavings", "faults")),
)


@cache
def rules() -> Mapping[str, Rule]:
    """All rows by their names."""
    table = tomllib.loads(TABLE.read_text())
    return {name: _rule(name, row) for name, row in table.items()}


def missing(test: str) -> str:
    """The part of a test's name that does not exist; empty if the test does."""
    file, *names = test.split("::")
    path = ROOT / file
    if not path.is_file():
        return file
    body: Sequence[ast.stmt] = ast.parse(path.read_text()).body
    for name in names:
        found = [each for each in _definitions(body) if each.name == name]
        if not found:
            return name or test
        body = found[0].body
    return "" if names and names[-1].startswith("test_") else test


def headings(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"(?m)^#+ (.+)$", path.read_text())
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def _rule(name: str, row: Mapping[str, object]) -> Rule:
    unknown = row.keys() - {"sources", "rule", "tests", "documents", "not_met", "outside"}
    if unknown:
        raise ValueError(f"{name} has {', '.join(unknown)}")
    tests = tuple(f"tests/{each}" for each in _texts(row, "tests"))
    documents, reason = _texts(row, "documents"), str(row.get("not_met", row.get("outside", "")))
    if "outside" in row:
        state = State.OUTSIDE
    elif "not_met" in row:
        state = State.PARTLY_MET if tests else State.NOT_MET
    else:
        state = State.MET
    return Rule(name, _texts(row, "sources"), str(row["rule"]), tests, documents, reason, state)


def _texts(row: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = row.get(name, ())
    return tuple(map(str, values)) if isinstance(values, list) else ()


def _definitions(body: Sequence[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    for each in body:
        if isinstance(each, ast.ClassDef | ast.FunctionDef):
            yield each
