"""How many requests Okta gets for one call of this service, and the size of the zipped layer."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.bench.metrics import Metric
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import ROOT

EMAIL = "ada@example.com"
RESEND_SECONDS = 31
BUILD_TIMEOUT = 60.0


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


def layer_bytes() -> Iterator[Metric]:
    """Nothing if the layer cannot be built, for example without a package index."""
    python = sys.executable if importlib.util.find_spec("pip") else "python3"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        build = (
            *("make", "--silent", "--no-print-directory", "--directory", str(ROOT / "shared")),
            *("build-VerificationLayer", f"ARTIFACTS_DIR={directory}", f"PYTHON={python}"),
        )
        try:
            subprocess.run(build, stdout=sys.stderr, timeout=BUILD_TIMEOUT, check=True)  # noqa: S603 - our own Makefile
        except (OSError, subprocess.SubprocessError) as error:
            print(f"The layer was not measured: {error}", file=sys.stderr)
            return
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as layer:
            for path in sorted(Path(directory).rglob("*")):
                layer.write(path, path.relative_to(directory))
    yield Metric("layer_zipped_bytes", len(archive.getvalue()), "bytes")
