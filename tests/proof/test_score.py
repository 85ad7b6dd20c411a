"""How the mutation score is made; `make proof` makes it of all modules."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys

import pytest

from tests.proof import score
from tests.proof.operators import changes
from tests.proof.score import Fate, Result
from tests.proof.standards import ROOT


def names(text: str) -> list[str]:
    """What is changed in a function `f` with this body."""
    lines = "".join(f"\n    {line}" for line in text.splitlines())
    found = changes(ast.parse(f"def f(a, b):{lines}"))
    return [each.name.removeprefix("f: ") for each in found]


OR = ["a or b -> a and b", "a or b -> b", "a or b -> a", "a or b -> not (a or b)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g(a < b)", ["g(a < b) -> pass", "a < b -> a <= b", "a < b -> a >= b"]),
        ("if a is b:\n    g()", ["a is b -> a is not b", "g() -> pass"]),
        ("if a:\n    return", ["a -> not a", "return -> pass"]),
        ("if not a:\n    raise", ["not a -> a", "raise -> pass"]),
        ("return a", ["return a -> return None"]),
        ("return 0", ["0 -> 1"]),
        ("return True", ["True -> False"]),
        ("return -3", ["return -3 -> return None", "-3 -> 3", "3 -> 4", "3 -> 2"]),
        ("return 'x'", ["'x' -> ''"]),
        ("return a + b", ["return a + b -> return None", "a + b -> a - b"]),
        ("if a or b:\n    c = None", OR),
        (
            "try:\n    g()\nexcept E:\n    a = b",
            ["g() -> pass", "except E -> except ()", "a = b -> pass"],
        ),
        ("c = [a for a in b if a]", ["a -> not a"]),
        ("g()\ng()", ["g() -> pass", "g() -> pass (2)"]),
    ],
)
def test_each_part_that_decides_is_changed(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""Says what."""',
        "import c",
        "c: Literal[1]",
        "c = 'a text for people'",
        "assert_never(a)",
        "if TYPE_CHECKING:\n    g()",
        "@cache(1)\ndef g() -> Literal[1]: pass",
    ],
)
def test_what_no_test_could_notice_is_left(text: str) -> None:
    assert names(text) == []


def test_a_change_knows_its_function_and_the_lines_of_its_statement() -> None:
    text = "class C:\n  x = 1\n  def m(self, y=2):\n    if (3 <\n        y):\n      return (\n        y)"
    found = {each.name: (each.function, each.lines) for each in changes(ast.parse(text))}
    assert found["C.x: 1 -> 2"] == ("", range(2, 3))
    assert found["C.m: 2 -> 3"] == ("", range(3, 4))
    assert found["C.m: 3 < y -> 3 <= y"] == ("C.m", range(4, 6))
    assert found["C.m: return y -> return None"] == ("C.m", range(6, 8))


def test_every_equivalent_change_is_one_and_has_a_reason() -> None:
    for module, reasons in score.equivalent().items():
        there = {each.name for each in changes(score.tree_of(module))}
        assert reasons.keys() - there == set()
        assert all(reason.endswith(".") for reason in reasons.values())


@pytest.mark.parametrize(
    ("status", "text", "fate"),
    [
        (0, "", Fate.SURVIVED),
        (0, "tests/unit/test_a.py::test_b", Fate.KILLED),
        (signal.SIGXCPU, "", Fate.TIMED_OUT),
        (signal.SIGALRM, "", Fate.TIMED_OUT),
        (signal.SIGSEGV, "", Fate.BROKEN),
        (1 << 8, "Traceback", Fate.BROKEN),
    ],
)
def test_a_failed_test_or_one_that_does_not_end_kills(status: int, text: str, fate: Fate) -> None:
    assert score.fate_of(status, text) is fate


def results(*fates: Fate) -> list[Result]:
    return [Result("rules", 1, "a -> b", each, "") for each in fates]


def test_what_can_be_noticed_must_be_to_90_percent() -> None:
    nine = [*[Fate.KILLED] * 8, Fate.TIMED_OUT]
    enough = results(*nine, Fate.SURVIVED, Fate.EQUIVALENT)
    assert (score.scores(enough)[0].percent, score.section(enough).broken) == (90.0, [])
    too_few = results(*nine, *nine[1:], Fate.SURVIVED, Fate.SURVIVED)
    assert score.section(too_few).broken == ["rules: 89.4 % of the changes"]


@pytest.mark.parametrize("fate", [Fate.WRONGLY_LISTED, Fate.BROKEN])
def test_a_change_that_is_not_what_it_is_taken_for_is_a_failure(fate: Fate) -> None:
    assert score.section(results(*[Fate.KILLED] * 20, fate)).broken == [f"rules a -> b: {fate}"]


def test_a_change_is_noticed_by_the_tests_of_its_module_alone() -> None:
    """Of one that is made at the import, and of functions."""
    command = (sys.executable, "-m", "tests.proof.score", "--module", "crypto")
    changed = "_HASH_BYTES: 16 -> 15|Keyring._hash: 'sha256'|Keyring.email_hash: 'email'"
    options = ("--change", changed, "--tests", "tests/unit/test_lookup.py")
    played = subprocess.run(  # noqa: S603
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (played.returncode, "crypto: 2 of 3, 66.6 %" in played.stdout) == (1, True), played
