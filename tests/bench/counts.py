"""How many requests Okta gets for one call of this service, and the size of the zipped layer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.bench.metrics import Metric
from tests.sandbox.sandbox import Sandbox

EMAIL = "ada@example.com"
RESEND_SECONDS = 31


def okta_calls(sandbox: Sandbox) -> Iterator[Metric]:
    """A customer's first code, its check, and the next code after the least wait."""

    def calls(path: str, **body: str) -> int:
        before = len(sandbox.org.calls)
        requests.post(f"{sandbox.url}{path}", json=body, timeout=30).raise_for_status()
        sandbox.settle()
        return len(sandbox.org.calls) - before

    yield Metric("okta_calls_per_issue", calls("/challenge", email=EMAIL), "calls")
    code = sandbox.org.inbox.to(EMAIL)[0].code
    yield Metric("okta_calls_per_verify", calls("/verify", email=EMAIL, otp=code), "calls")
    sandbox.advance += RESEND_SECONDS
    yield Metric("okta_calls_per_issue_repeat", calls("/challenge", email=EMAIL), "calls")


def zipped_bytes(layer: Path) -> Metric:
    """The size of the zipped layer, bytecode included."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(layer.rglob("*")):
            zipped.write(path, path.relative_to(layer))
    return Metric("layer_zipped_bytes", len(archive.getvalue()), "bytes")
