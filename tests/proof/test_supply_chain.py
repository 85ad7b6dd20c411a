"""What the report says of the supply chain, where no tool is needed for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.proof import supply_chain


def audited(*packages: dict[str, Any]) -> supply_chain.Finding:
    return supply_chain.told_by_pip_audit(json.dumps({"dependencies": packages}), "")


CLEAN: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
VULNERABLE = {"name": "c", "version": "1", "vulns": [{"id": "CVE-2026-1"}]}


def test_a_package_that_was_not_looked_up_is_no_clean_one() -> None:
    assert audited(CLEAN).result == "none in 1 packages"
    for finding in (audited(CLEAN, SKIPPED), audited(), supply_chain.told_by_pip_audit("", "down")):
        assert finding.result.startswith("NOT REACHED")
        assert not finding.is_wrong


def test_a_vulnerability_is_wrong_whatever_was_not_looked_up() -> None:
    finding = audited(SKIPPED, VULNERABLE)
    assert (finding.result, finding.is_wrong) == ("c: CVE-2026-1", True)


def test_every_package_has_its_hash_in_its_lock() -> None:
    assert not supply_chain.hashes().is_wrong


def test_a_package_without_a_hash_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1 \\\n    --hash=sha256:0\nb[c]==2\n    # via a\n")
    monkeypatch.setattr(supply_chain, "LOCKS", (lock,))
    finding = supply_chain.hashes()
    assert (finding.result, finding.is_wrong) == ("without: b[c]", True)
