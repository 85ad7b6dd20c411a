"""Breaks the code that keeps a rule, and sees whether the rule's tests notice.

A mutant is an exact replacement in one file (`mutants/*.toml`). It is made in a copy of the tree, where
the quick tests of its rule run until one fails. All of them: `python -m tests.proof.mutation`; some of
them, which are others after each change of the code: `--sample 12`; those of one rule: `--rule NAME`.

Each run is a fork of this process, which has loaded the libraries that most tests need: a run takes
half a second so, and two seconds otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from tests.proof.sampling import sample
from tests.proof.standards import ROOT, rules

FOLDER = Path(__file__).with_name("mutants")
JOBS = 2
LONGEST_RUN = 30
"""Seconds of processor."""

_LEFT_OUT = ("node_modules", "__pycache__", "clients", ".*")
_LOADED = ("boto3", "hypothesis", "moto.dynamodb.models", "pyotp", "responses", "werkzeug.wrappers")
_OPTIONS = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin")
_OWN = ("tests", "verification", "functions")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break a rule. `before` is in the file once."""

    rule: str
    number: int
    file: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """The rule, and which of its mutants this is."""
        return f"{self.rule} {self.number}"

    def applied(self, root: Path = ROOT) -> str:
        """The file's text with the mutant. Raises ValueError if it no longer fits."""
        text = (root / self.file).read_text()
        if text.count(self.before) != 1:
            found = text.count(self.before)
            raise ValueError(f"mutant {self.name}: {found} times in {self.file}: {self.before!r}")
        return text.replace(self.before, self.after)


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    BROKEN = "broken"  # the tests could not run, which proves nothing


@dataclass(frozen=True, slots=True)
class Run:
    """A mutant's fate; `by` is the test that has failed, `output` what pytest wrote."""

    mutant: Mutant
    fate: Fate
    by: str
    output: str


@cache
def mutants() -> Sequence[Mutant]:
    """All of them."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        for rule, rows in tomllib.loads(path.read_text()).items():
            found += [Mutant(rule, number, **row) for number, row in enumerate(rows, 1)]
    return found


def played(chosen: Sequence[Mutant]) -> Iterator[Run]:
    """The fate of each, as soon as it is known, two at a time. Raises RuntimeError if the tests fail
    without a mutant.
    """
    for name in _LOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        first, *others = copies = [Path(folder) / str(n) for n in range(JOBS)]
        shutil.copytree(ROOT, first, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        _require_passing(first, chosen)
        for other in others:
            shutil.copytree(first, other)
        running: dict[int, tuple[Path, Mutant, str]] = {}
        left = list(chosen)
        while left or running:
            while left and copies:
                copy, mutant = copies.pop(), left.pop(0)
                original = (copy / mutant.file).read_text()
                _rewrite(copy / mutant.file, mutant.applied(copy))
                pid = _fork(copy, rules()[mutant.rule].quick_tests)
                running[pid] = copy, mutant, original
            pid, status = os.wait()
            copy, mutant, original = running.pop(pid)
            yield run_of(mutant, status, (copy / "output").read_text())
            _rewrite(copy / mutant.file, original)
            copies.append(copy)


def _require_passing(copy: Path, chosen: Sequence[Mutant]) -> None:
    tests = {test for mutant in chosen for test in rules()[mutant.rule].quick_tests}
    _, status = os.waitpid(_fork(copy, sorted(tests), keeps_compiled=True), 0)
    if status:
        raise RuntimeError(f"without a mutant: {(copy / 'output').read_text()}")


def _fork(copy: Path, tests: Sequence[str], *, keeps_compiled: bool = False) -> int:
    """Run tests in a fork of this process; its id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    if not keeps_compiled:
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_RUN, LONGEST_RUN))
    output = os.open(copy / "output", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for name in [each for each in sys.modules if each.partition(".")[0] in _OWN]:
        del sys.modules[name]
    sys.path = [str(copy), *(each for each in sys.path if str(ROOT) not in each or ".venv" in each)]
    os.chdir(copy)
    sys.dont_write_bytecode = not keeps_compiled
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    code = 4
    try:
        code = pytest.main([*_OPTIONS, *tests])
    finally:
        sys.stdout.flush()
        os._exit(code)


def _rewrite(path: Path, text: str) -> None:
    """Change a file, and forget what was compiled from it: a change of the same size in the same
    second would not be noticed.
    """
    path.write_text(text)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def run_of(mutant: Mutant, status: int, output: str) -> Run:
    """What a run came to: the status that the system tells of its process, and what pytest wrote."""
    failed = re.search(r"(?m)^(?:FAILED|ERROR) (\S+)", output)
    match os.waitstatus_to_exitcode(status):
        case pytest.ExitCode.OK:
            fate = Fate.SURVIVED
        case pytest.ExitCode.TESTS_FAILED:
            fate = Fate.KILLED
        case _:
            fate = Fate.BROKEN
    return Run(mutant, fate, failed[1] if failed else "", output)


def counted(runs: Sequence[Run]) -> Mapping[Fate, int]:
    """How many of each fate."""
    return {fate: sum(run.fate is fate for run in runs) for fate in Fate}


def main() -> int:
    """Play mutants, and say which were not killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many, chosen by the code")
    parser.add_argument("--rule", choices=rules(), help="those of one rule")
    given = parser.parse_args()
    chosen = sample(mutants(), given.sample) if given.sample else mutants()
    chosen = [each for each in chosen if given.rule in (None, each.rule)]
    began, runs = time.monotonic(), []
    for run in played(chosen):
        runs.append(run)
        if run.fate is not Fate.KILLED:
            print(f"{run.mutant.name} {run.fate}\n{run.output}")  # noqa: T201 - somebody reads it
    fates = ", ".join(f"{count} {fate}" for fate, count in counted(runs).items())
    used = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    took = time.monotonic() - began
    print(f"{fates}; {took:.0f} s, {used:.0f} s of processor")  # noqa: T201
    return int(any(run.fate is not Fate.KILLED for run in runs))


if __name__ == "__main__":
    sys.exit(main())
