"""The mutation score of the modules that decide who is sent a code and who is verified.

Every change of `operators` is made to every function of these modules, one at a time, and the unit tests
that run the changed statement run until one fails: `python -m tests.proof.score`; of one module:
`--module rules`. A change of which nobody could tell is listed with its reason in
`mutants/equivalent/`, and must indeed be noticed by no test.

Nothing is written to the tree. Each change is made in a fork of one process, in which the tests are
collected already: there it replaces the code of the function. A test that uses what its module computed
at the import does not notice such a change, which can only lower the score. What a module of the layer
computes at its import is changed before the fork imports anything; there the tests of the module's own
file come first.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import importlib.util
import inspect
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache, cached_property, partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

import coverage
import hypothesis
import pytest

from tests.proof.operators import Change, changes
from tests.proof.section import Section, cell_text

MODULES = ("rules", "verify", "issue", "sending", "checking", "crypto")
BAR = 90
"""Percent of a module's changes that must be noticed."""

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("mutants") / "equivalent" / "score.toml"
JOBS = 2
LONGEST_RUN = 30
"""Seconds of processor for one change; three times what all tests need."""

LONGEST_WAIT = 300
"""Seconds, for a change that makes a test wait for ever."""

_LOADED = ("boto3", "hypothesis", "moto.dynamodb.models", "responses")
"""What most tests import."""

_OPTIONS = (
    "-qq",
    "--tb=no",
    "--capture=sys",
    "-p",
    "no:cacheprovider",
    "-p",
    "_hypothesis_pytestplugin",
)


class Fate(StrEnum):
    """What became of a change."""

    KILLED = "killed"
    TIMED_OUT = "timed out"  # a test did not end, which is a failure too
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"
    WRONGLY_LISTED = "wrongly listed"  # a test fails, so it is not equivalent
    BROKEN = "broken"  # the tests could not run, which proves nothing


@dataclass(frozen=True, slots=True)
class Result:
    """A change of a module, and its fate; `by` is the test that failed, or what broke."""

    module: str
    line: int
    change: str
    fate: Fate
    by: str


@dataclass(frozen=True, slots=True)
class Score:
    """How many changes of a module were noticed, of those that can be."""

    module: str
    killed: int
    all: int
    equivalent: int

    @property
    def percent(self) -> float:
        """Rounded down, so that 90 is no less; 100 if there is nothing to notice."""
        return self.killed * 1000 // self.all / 10 if self.all else 100.0


@dataclass(frozen=True, slots=True)
class _Task:
    module: str
    change: Change


def path_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / "shared" / "verification" / f"{module}.py"


@cache
def tree_of(module: str) -> ast.Module:
    """Its syntax tree, one in each process."""
    return ast.parse(path_of(module).read_text())


@cache
def equivalent() -> Mapping[str, Mapping[str, str]]:
    """Reasons, by the module and the name of a change."""
    rows = tomllib.loads(EQUIVALENT.read_text())
    return {module: {row["change"]: row["reason"] for row in rows[module]} for module in rows}


def read(output: Path) -> list[Result]:
    """The results that `--json` has written."""
    rows = json.loads(output.read_text())
    return [Result(**row | {"fate": Fate(row["fate"])}) for row in rows]


def scores(results: Sequence[Result]) -> list[Score]:
    """The score of each module."""
    found = []
    for module in dict.fromkeys(each.module for each in results):
        fates = [each.fate for each in results if each.module == module]
        killed = fates.count(Fate.KILLED) + fates.count(Fate.TIMED_OUT)
        same = fates.count(Fate.EQUIVALENT)
        found.append(Score(module, killed, len(fates) - same, same))
    return found


def section(results: Sequence[Result]) -> Section:
    """The scores, and what no test noticed."""
    found, wrong = scores(results), (Fate.WRONGLY_LISTED, Fate.BROKEN)
    lines = [
        f"Of all changes that `tests/proof/operators.py` makes in a module, {BAR} % have to be noticed",
        "by a unit test. Equivalent ones are not counted: nobody could tell, for the reason that",
        "`tests/proof/mutants/equivalent` gives.\n",
        "| module | noticed | of | percent | equivalent |\n|---|---|---|---|---|",
        *(f"| {s.module} | {s.killed} | {s.all} | {s.percent} | {s.equivalent} |" for s in found),
        "\n| not noticed | line |\n|---|---|",
        *(
            f"| {each.module} {cell_text(each.change)} | {each.line} |"
            for each in results
            if each.fate is Fate.SURVIVED
        ),
    ]
    broken = [
        *(f"{s.module}: {s.percent} % of the changes" for s in found if s.percent < BAR),
        *(f"{each.module} {each.change}: {each.fate}" for each in results if each.fate in wrong),
    ]
    least, changed = min(each.percent for each in found), sum(each.all for each in found)
    return Section("Mutation score", f"{least} % or more, of {changed} changes", broken, lines)


def played(modules: Sequence[str], tests: str, *, named: str = "") -> list[Result]:
    """The result of every change of these modules whose name has a match of the pattern."""
    sys.path.insert(0, str(ROOT / "shared"))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    for name in _LOADED:
        importlib.import_module(name)
    tasks = [
        _Task(module, each)
        for module in modules
        for each in changes(tree_of(module))
        if re.search(named, each.name)
    ]
    imported = [each for each in tasks if not each.change.function]
    results = list(_fates((each, partial(_with_import, each, tests)) for each in imported))
    loop = _Loop([each for each in tasks if each.change.function])
    if len(imported) < len(tasks):
        code = pytest.main([*_OPTIONS, tests], plugins=[loop])
        assert code == pytest.ExitCode.OK, code
    return sorted(
        [*results, *loop.results], key=lambda each: (modules.index(each.module), each.line)
    )


# ---- One change --------------------------------------------------------------------------------------


class _Failures:
    """Remembers the first test that fails, and ends the run there."""

    def __init__(self) -> None:
        self.first = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.first = self.first or report.nodeid

    def pytest_collection_finish(self) -> None:
        _need_no_example()


def _with_import(task: _Task, tests: str) -> str:
    """Import the changed module, then all tests, those of its own file first."""
    task.change.make()
    name = f"verification.{task.module}"
    spec = importlib.util.spec_from_file_location(name, path_of(task.module))
    assert spec
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    exec(_compiled(task.module), vars(module))  # noqa: S102 - the service's own code
    own = f"tests/unit/test_{task.module}.py"
    for chosen in (own, tests) if Path(own).exists() else (tests,):
        failed = _Failures()
        code = pytest.main(["-x", *_OPTIONS, chosen], plugins=[failed])
        if code == pytest.ExitCode.TESTS_FAILED:
            return failed.first
        assert code == pytest.ExitCode.OK, code
    return ""


class _Loop:
    """Takes the place of pytest's loop over the collected tests."""

    def __init__(self, tasks: Sequence[_Task]) -> None:
        self._tasks = tasks
        self._failures = _Failures()
        self._items: dict[str, pytest.Item] = {}
        self.results: list[Result] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failures.pytest_runtest_logreport(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        _need_no_example()
        self._items = {each.nodeid: each for each in session.items}
        gc.collect()
        gc.freeze()  # or each fork copies what its collections touch
        ((_, status, text),) = _forked([("without a change", self._measured)])
        assert status == 0, text
        tests = json.loads(text)
        works = []
        for task in self._tasks:
            lines = [tests[task.module].get(str(line), ()) for line in task.change.lines]
            names = dict.fromkeys(chain.from_iterable(lines))
            works.append((task, partial(self._with_function, task, names)))
        self.results = list(_fates(works))
        return True

    def _measured(self) -> str:
        """Run all tests, over functions that were replaced by themselves. By module and line: the
        tests that run it, the quickest first.
        """
        files = {str(path_of(each.module)): each.module for each in self._tasks}
        for task in self._tasks:
            _replace_code(task)
        measured = coverage.Coverage(data_file=None, config_file=False, include=[*files])
        took = {}
        measured.start()
        for item, following in _in_turn([*self._items.values()]):
            measured.switch_context(item.nodeid)
            began = time.process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            took[item.nodeid] = time.process_time() - began
        measured.stop()
        assert not self._failures.first, self._failures.first
        found: dict[str, dict[int, list[str]]] = {}
        for file, module in files.items():
            lines = measured.get_data().contexts_by_lineno(file)
            found[module] = {
                line: sorted(filter(None, names), key=took.__getitem__)
                for line, names in lines.items()
            }
        return json.dumps(found)

    def _with_function(self, task: _Task, names: Iterable[str]) -> str:
        """Change the function, and run the tests of these names until one fails."""
        task.change.make()
        _replace_code(task)
        for item, following in _in_turn([self._items[name] for name in names]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failures.first:
                break
        return self._failures.first


def _in_turn(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Each with the next one, as pytest runs them."""
    return zip_longest(items, items[1:])


def _replace_code(task: _Task) -> None:
    """Give the function around a change the code that the tree has for it now."""
    found: Any = sys.modules[f"verification.{task.module}"]
    for part in task.change.function.split("."):
        found = vars(found)[part]
    match found:
        case property():
            found = found.fget
        case cached_property():
            found = found.func
    inspect.unwrap(found).__code__ = _code_of(task.change.function, _compiled(task.module))


def _compiled(module: str) -> CodeType:
    return compile(tree_of(module), path_of(module), "exec")


def _code_of(function: str, code: CodeType) -> CodeType:
    """The code of a function in that of its module."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_qualname == function:
                return each
            if function.startswith(f"{each.co_qualname}."):
                return _code_of(function, each)
    raise LookupError(function)


def _need_no_example() -> None:
    """Let Hypothesis fail at once: the smallest example would take it seconds, and nobody reads it."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutants", phases=phases, suppress_health_check=[*hypothesis.HealthCheck]
    )
    hypothesis.settings.load_profile("mutants")


# ---- Processes ---------------------------------------------------------------------------------------


def _fates(works: Iterable[tuple[_Task, Callable[[], str]]]) -> Iterator[Result]:
    """The result of each task. Its work returns the test that failed, if one did."""
    for task, status, text in _forked(works):
        fate = fate_of(status, text)
        if task.change.name in equivalent().get(task.module, {}) and fate is not Fate.BROKEN:
            fate = Fate.EQUIVALENT if fate is Fate.SURVIVED else Fate.WRONGLY_LISTED
        result = Result(task.module, task.change.lines.start, task.change.name, fate, text)
        if fate not in (Fate.KILLED, Fate.EQUIVALENT):
            _say(f"{path_of(result.module)}:{result.line} {fate}: {result.change} {text}".rstrip())
        yield result


def fate_of(status: int, text: str) -> Fate:
    """What became of a change: how its process ended, and the test that failed there."""
    match os.waitstatus_to_exitcode(status):
        case 0:
            return Fate.KILLED if text else Fate.SURVIVED
        case code if code in (-signal.SIGXCPU, -signal.SIGALRM):
            return Fate.TIMED_OUT
    return Fate.BROKEN


_Key = TypeVar("_Key")


def _forked(works: Iterable[tuple[_Key, Callable[[], str]]]) -> Iterator[tuple[_Key, int, str]]:
    """Do each work in a fork of this process, two at a time: how the process ended, and its text."""
    left = enumerate(works)
    running: dict[int, tuple[_Key, Path]] = {}
    with tempfile.TemporaryDirectory() as folder:
        while True:
            for number, (key, work) in islice(left, JOBS - len(running)):
                output = Path(folder, str(number))
                running[_fork(work, output)] = key, output
            if not running:
                return
            pid, status = os.wait()
            key, output = running.pop(pid)
            yield key, status, output.read_text() if output.exists() else ""


def _fork(work: Callable[[], str], output: Path) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_RUN, LONGEST_RUN + 1))
    signal.alarm(LONGEST_WAIT)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    code = 1
    try:
        output.write_text(work())
        code = 0
    except BaseException:
        output.write_text(traceback.format_exc())
    finally:
        os._exit(code)


def main() -> int:
    """Make all changes, and say which of them no test noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", choices=MODULES, help="of one module")
    parser.add_argument("--change", default="", help="those whose name has a match of this pattern")
    parser.add_argument("--tests", default="tests/unit", help="those of one file alone")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given = parser.parse_args()
    modules = [given.module] if given.module else MODULES
    results = played(modules, given.tests, named=given.change)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=1))
    for score in scores(results):
        _say(f"{score.module}: {score.killed} of {score.all}, {score.percent} %")
    used = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    _say(f"{used:.0f} s of processor", *section(results).broken)
    return bool(section(results).broken)


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True, file=sys.__stdout__)


if __name__ == "__main__":
    sys.exit(main())
