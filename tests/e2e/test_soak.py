"""Mixed load with faults and crashes: two minutes in CI, else a few seconds. `make soak` has more time."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.proof.soak.ledger import Ledger, Told
from tests.proof.soak.run import soak
from tests.proof.soak.service import Process, growth

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 120.0 if os.environ.get("CI") else 10.0
PACE = 2.5
"""Visits a second, which leave other tests most of the processor."""

VERIFIED = Told(200, '{"status": "verified"}', {"status": "verified"})
WRONG = Told(403, '{"code": "invalid_code"}', {"code": "invalid_code"})
CRASHED = Told(502, "", None)


def test_nobody_is_lost_or_verified_twice_under_faults_and_crashes() -> None:
    soaked = soak(SECONDS, PACE)
    assert soaked.broken == []
    counts = soaked.ledger.counts
    assert counts["verified"] > SECONDS
    assert counts["verified"] + counts["accepted by Okta, told as unknown"] <= counts["right codes"]
    assert soaked.faults > 0
    assert soaked.crashes > 0


@pytest.mark.parametrize(
    ("told", "okta_said_so", "is_broken"),
    [
        ([VERIFIED], True, False),
        ([VERIFIED, WRONG], True, False),
        ([VERIFIED, VERIFIED], True, True),
        ([VERIFIED], False, True),
        ([WRONG], True, True),
        ([WRONG], False, False),
        ([CRASHED], True, False),
        ([CRASHED, WRONG], True, False),
    ],
)
def test_a_lost_or_double_verification_is_noticed(
    tmp_path: Path, told: list[Told], okta_said_so: bool, is_broken: bool
) -> None:
    ledger = Ledger()
    ledger.proved("check", told, okta_said_so=okta_said_so)
    log = tmp_path / "log"
    log.write_text('{"outcome": "verified"}')
    ledger.read(log, ["@example.com"])
    assert bool(ledger.broken) is is_broken


@pytest.mark.parametrize(
    ("concealed", "request_id", "is_broken"),
    [
        ("okta_unavailable", "request-1", False),
        ("deadline_exceeded", "request-1", False),
        ("attempts_held", "request-1", True),
        ("okta_unavailable", "request-2", True),
    ],
)
def test_a_wrong_code_excuses_only_what_the_log_explains(
    tmp_path: Path, concealed: str, request_id: str, is_broken: bool
) -> None:
    ledger, log = Ledger(), tmp_path / "log"
    told = replace(WRONG, request_id="request-1")
    ledger.proved("check", [told], okta_said_so=True)
    log.write_text(f'{{"request_id":"{request_id}","concealed":"{concealed}"}}')
    ledger.read(log, ["@example.com"])
    assert bool(ledger.broken) is is_broken


def test_a_used_code_that_verifies_is_noticed() -> None:
    ledger = Ledger()
    ledger.refused("check", WRONG)
    assert not ledger.broken
    ledger.refused("check", VERIFIED)
    assert ledger.broken


@pytest.mark.parametrize(
    ("line", "is_broken"),
    [
        ('{"outcome": "verified", "okta_ms": 123456.7, "request_id": "8f0a7c4e-123456-1"}', False),
        ('{"outcome": "verified", "code": "123456"}', True),
        ('{"outcome": "verified", "code": 123456}', True),
        ('{"outcome": "verified", "email": "ada@example.com"}', True),
        ('{"outcome": "verified", "token": "a-device-token"}', True),
        ('{"level": "ERROR", "message": "internal_error"}', True),
        ("", True),
    ],
)
def test_what_a_log_must_not_have_is_noticed(tmp_path: Path, line: str, is_broken: bool) -> None:
    ledger, log = Ledger(codes={"123456"}, secrets={"a-device-token"}), tmp_path / "log"
    log.write_text(line)
    ledger.read(log, ["@example.com"])
    assert bool(ledger.broken) is is_broken


def test_growth_is_that_of_processes_that_had_worked() -> None:
    before = {1: Process(50_000, 10, 5.0), 2: Process(50_000, 10, 6.0), 3: Process(40_000, 9, 0.1)}
    after = {1: Process(51_000, 10, 8.0), 2: Process(50_500, 13, 9.5), 3: Process(60_000, 20, 4.0)}
    assert growth(before, after) == Process(1000, 3, 3.5)
    assert growth({3: before[3]}, after) is None
