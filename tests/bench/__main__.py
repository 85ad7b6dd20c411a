"""Prints measurements to standard output, one JSON object a line, and messages to standard error.

REPORT=docs also writes the plot and the table of the peers there. SOAK=100000 makes so many rounds of
warm calls.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import counts, first_call, latency, report, start, warm
from tests.bench.metrics import Metric
from tests.bench.runtime import Runtime
from tests.bench.sandbox import BenchSandbox
from tests.bench.store import Store
from tests.e2e.lambda_runtime import HAS_EMULATOR

LOG_TAIL = 4000
"""Characters of the processes' logs that are shown when one of them fails."""


def main() -> None:
    """Print every measurement."""
    print("Three minutes or so. Other work on this machine falsifies the figures.", file=sys.stderr)
    begun, metrics = time.monotonic(), []
    for metric in _measurements():
        metrics.append(metric)
        print(metric, flush=True)
    if folder := os.environ.get("REPORT"):
        report.write(metrics, Path(folder))
    print(f"Took {time.monotonic() - begun:.0f} s.", file=sys.stderr)


def _measurements() -> Iterator[Metric]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        tempfile.TemporaryFile("w+") as log,
    ):
        folder = Path(directory)
        runtime = Runtime(folder)
        try:
            with (
                Store() as store,
                BenchSandbox(log, okta_seconds=latency.NEAR, dynamodb_url=store.url) as sandbox,
            ):
                yield from counts.okta_calls(sandbox)
                if HAS_EMULATOR:
                    yield from start.measure(sandbox, runtime, folder)
                else:
                    print("Starts were not measured: that needs Linux.", file=sys.stderr)
                yield from latency.measure(sandbox, runtime, log)
                yield from warm.measure(sandbox, store, runtime, log)
                yield from first_call.measure(sandbox, runtime, log)
        except Exception:
            log.seek(0)
            print(log.read()[-LOG_TAIL:], file=sys.stderr)
            raise
        yield counts.zipped_bytes(runtime.layer)


if __name__ == "__main__":
    main()
