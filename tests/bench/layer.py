"""The size of the zipped layer."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.metrics import Metric
from tests.sandbox.template import ROOT

BUILD_TIMEOUT = 60.0


def measure() -> Iterator[Metric]:
    """Nothing if the layer cannot be built, for example without a package index."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        try:
            _build(directory)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"The layer was not measured: {error}", file=sys.stderr)
            return
        yield Metric("layer_zipped_bytes", _zipped_bytes(Path(directory)), "bytes")


def _build(directory: str) -> None:
    """Build the layer as `sam build` does."""
    python = sys.executable if importlib.util.find_spec("pip") else "python3"
    subprocess.run(  # noqa: S603 - our own Makefile
        [
            *("make", "--silent", "--no-print-directory", "--directory", str(ROOT / "shared")),
            *("build-VerificationLayer", f"ARTIFACTS_DIR={directory}", f"PYTHON={python}"),
        ],
        stdout=sys.stderr,
        timeout=BUILD_TIMEOUT,
        check=True,
    )


def _zipped_bytes(directory: Path) -> int:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as layer:
        for path in sorted(directory.rglob("*")):
            layer.write(path, path.relative_to(directory))
    return len(archive.getvalue())
