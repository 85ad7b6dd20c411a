"""README tells what the stack costs as the template declares it today."""

from __future__ import annotations

from tests import cost
from tests.sandbox.template import ROOT


def test_readme_has_what_make_cost_prints() -> None:
    assert cost.report(cost.declared()) in (ROOT / "README.md").read_text()
