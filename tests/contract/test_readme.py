"""The tables of docs/api.md of routes and outcomes match the template and the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.contract.stack import routes
from tests.sandbox.template import ROOT
from verification.http.statuses import STATUS


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table rows in one section, without its subsections."""
    text = (ROOT / "docs" / "api.md").read_text()
    section = re.split(r"^##", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield line.strip("| ").split(" | ")


def test_reference_has_every_route() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    reference = text.partition("<!-- reference: begin -->")[2].partition("<!-- reference: end -->")[
        0
    ]
    told = set(re.findall(r"`([A-Z]+) (/[^`\s]*)`", reference))
    assert told == {route for route in routes() if route[0] != "OPTIONS"}


def test_table_has_every_outcome_with_its_status() -> None:
    told = [(code, int(row[1])) for row in rows("Outcomes") for code in re.findall(r"\w+", row[0])]
    assert sorted(told) == sorted(STATUS.items())
