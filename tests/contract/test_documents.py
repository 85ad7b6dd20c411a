"""The limits that README.md and docs/security.md promise are those of the code."""

from __future__ import annotations

import re

import pytest

from tests.sandbox.template import ROOT
from verification import rules
from verification.models.callers import Lane

HOUR, DAY = (window.count for window in rules.HOUR_AND_DAY)
(DEVICE,) = (window.count for window in rules.DEVICE_HOUR)
KNOWN = rules.KNOWN_LANE_ATTEMPTS
BRAKED = rules.attempts_allowed(Lane.STRANGER, 3, brake_is_on=True)

PROMISES = [
    ("README.md", "stranger: ", [3, BRAKED, HOUR, DAY]),
    ("README.md", "device: ", [KNOWN, DEVICE]),
    ("README.md", "client | ", [KNOWN, HOUR, DAY]),
    ("README.md", "release: ", [rules.RELEASES_DAY]),
    ("docs/security.md", "codes over one channel", [1, rules.RESEND_SECONDS]),
    (
        "docs/security.md",
        "codes to one mailbox or phone",
        [rules.DESTINATION_SENDS, rules.STRANGERS_DESTINATION_SENDS],
    ),
]


@pytest.mark.parametrize(("document", "row", "numbers"), PROMISES)
def test_row_has_the_numbers_of_the_code(
    document: str, row: str, numbers: list[int | None]
) -> None:
    lines = (ROOT / document).read_text().splitlines()
    (found,) = [each for each in lines if each.startswith(f"| {row}")]
    assert [int(each) for each in re.findall(r"\d+", found)] == numbers
