"""What the service is made of: a bill of materials, known vulnerabilities, hashes, and equal builds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lambda_runtime import WHEELS
from tests.proof.section import Section, cell_text
from tests.proof.standards import ROOT

TOOLS = ROOT / ".venv-proof" / "bin"
"""Made by `make proof` from `tools.txt`, apart from what the tests need."""

LAYER = ROOT / "shared" / "requirements.txt"
LOCKS = (
    *(LAYER, ROOT / "requirements-dev.txt"),
    *(ROOT / "tests" / name for name in ("contract/checkov.txt", "proof/tools.txt")),
    *(ROOT / "tests/e2e/clients" / name for name in ("okta2.txt", "workos5.txt")),
)
NODE_LOCKS = tuple(sorted(ROOT.glob("tests/e2e/clients/*/package-lock.json")))
_PACKAGE = re.compile(r"(?m)^([^\s#=]+)==\S+(.*(?:\n[ ].*)*)")


@dataclass(frozen=True, slots=True)
class Finding:
    """A question, its answer, and whether something has to be done about it."""

    what: str
    result: str
    is_wrong: bool = False


def section(folder: Path) -> Section:
    """All answers; `folder` is where the bill of materials goes."""
    found = [bill_of_materials(folder / "sbom.json"), vulnerabilities(), hashes(), builds()]
    wrong = [f"{each.what}: {each.result}" for each in found if each.is_wrong]
    rows = [f"| {each.what} | {cell_text(each.result)} |" for each in found]
    summary = "; ".join(each.result for each in found)
    return Section("Supply chain", summary, wrong, ["| what | result |\n|---|---|", *rows])


def bill_of_materials(path: Path) -> Finding:
    """Has the packages of the layer in CycloneDX, made by its own tool."""
    what = "bill of materials of the layer (CycloneDX)"
    made = _run(
        *(str(TOOLS / "cyclonedx-py"), "requirements", "--output-reproducible"),
        *("--pyproject", "pyproject.toml", "-o", str(path), str(LAYER)),
    )
    if made.returncode:
        return Finding(what, made.stderr[-300:], is_wrong=True)
    document = json.loads(path.read_text())
    listed = {each["name"] for each in document["components"]}
    missing = _packages(LAYER.read_text()).keys() - listed
    version, told = document["specVersion"], f"{len(listed)} packages in {path.name}"
    result = f"without {', '.join(sorted(missing))}" if missing else f"{told}, version {version}"
    return Finding(what, result, is_wrong=bool(missing))


def vulnerabilities() -> Finding:
    """Has the known vulnerabilities of the layer's packages, as far as the data can be reached."""
    audited = _run(
        *(str(TOOLS / "pip-audit"), "--requirement", str(LAYER), "--require-hashes"),
        *("--disable-pip", "--progress-spinner", "off", "--format", "json"),
    )
    return told_by_pip_audit(audited.stdout, audited.stderr)


def told_by_pip_audit(output: str, errors: str) -> Finding:
    """What it has said. By itself it ends well where no package could be looked up."""
    what = "known vulnerabilities of the layer's packages (pip-audit)"
    try:
        packages = json.loads(output)["dependencies"]
    except ValueError:
        why = errors.strip().splitlines()[-1:] or ["no answer"]
        return Finding(what, f"NOT REACHED: {why[0][:200]}")
    found = [f"{each['name']}: {v['id']}" for each in packages for v in each.get("vulns", ())]
    if found:
        return Finding(what, ", ".join(found), is_wrong=True)
    skipped = sum("skip_reason" in each for each in packages)
    if skipped or not packages:
        return Finding(what, f"NOT REACHED for {skipped} of {len(packages)} packages")
    return Finding(what, f"none in {len(packages)} packages")


def hashes() -> Finding:
    """Names what a lock has without a hash: it could be replaced on its way."""
    without, count = [], 0
    for lock in LOCKS:
        packages = _packages(lock.read_text())
        count += len(packages)
        without += [name for name, rest in packages.items() if "--hash=sha256:" not in rest]
    for lock in NODE_LOCKS:
        entries = json.loads(lock.read_text())["packages"]
        fetched = {name: each for name, each in entries.items() if name}
        count += len(fetched)
        without += [name for name, each in fetched.items() if not each.get("integrity")]
    locks = len(LOCKS) + len(NODE_LOCKS)
    result = f"without: {', '.join(without)}" if without else f"all {count} packages of {locks}"
    return Finding("packages with their hash in the locks", result, is_wrong=bool(without))


def builds() -> Finding:
    """Compares two builds of the layer."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_built(Path(folder) / name) for name in ("first", "second"))
    result = f"one hash, {first[:16]}" if first == second else "two hashes"
    return Finding("two builds of the layer", result, is_wrong=first != second)


def _built(folder: Path) -> str:
    """The hash of all that a build of the layer contains."""
    folder.mkdir()
    made = _run("make", "--silent", "-C", "shared", "build-VerificationLayer", ARTIFACTS_DIR=folder)
    if made.returncode:
        raise RuntimeError(made.stderr[-300:])
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(f"{path.relative_to(folder)} {path.stat().st_mode:o} ".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()


def _packages(lock: str) -> dict[str, str]:
    """The packages of a lock, with the rest of each."""
    return dict(_PACKAGE.findall(lock))


def _run(*command: str, **environment: object) -> subprocess.CompletedProcess[str]:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS)} if WHEELS.is_dir() else {}
    more = {"PYTHON": sys.executable, **offline} if command[0] == "make" else {}
    more |= {name: str(value) for name, value in environment.items()}
    return subprocess.run(  # noqa: S603 - its own commands
        command, cwd=ROOT, env={**os.environ, **more}, capture_output=True, text=True, check=False
    )
