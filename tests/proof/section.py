"""A part of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """What was run, in one line (`summary`) and in Markdown (`lines`), and what does not hold."""

    title: str
    summary: str
    broken: Sequence[str]
    lines: Sequence[str]


def cell_text(text: str) -> str:
    """A text that fits into a table."""
    return text.replace("|", "\\|").replace("\n", " ")[:300]
