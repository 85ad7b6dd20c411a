"""Some mutants, others after each change of the code; `make proof` plays all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.proof import mutation
from tests.proof.mutation import Fate
from tests.proof.standards import ROOT


def test_the_tests_of_a_rule_notice_that_it_is_broken() -> None:
    command = (sys.executable, "-m", "tests.proof.mutation", "--sample", "5")
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.startswith("5 killed, 0 survived, 0 broken")


@pytest.mark.parametrize(
    ("code", "fate"), [(0, Fate.SURVIVED), (1, Fate.KILLED), (2, Fate.BROKEN), (5, Fate.BROKEN)]
)
def test_failed_tests_alone_kill_a_mutant(code: int, fate: Fate) -> None:
    output = "FAILED tests/unit/test_a.py::test_b - assert 1 == 2\n"
    run = mutation.run_of(mutation.mutants()[0], code << 8, output)
    assert (run.fate, run.by) == (fate, "tests/unit/test_a.py::test_b")


def test_a_mutant_that_no_longer_fits_is_an_error() -> None:
    stale = mutation.Mutant("throttle", 1, "shared/verification/rules.py", "no such text", "")
    with pytest.raises(ValueError, match="throttle 1: 0 times"):
        stale.applied()
