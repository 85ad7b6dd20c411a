"""Prints measurements to standard output, one JSON object a line, and messages to standard error.

The store is `tests.bench.store`; STORE=moto measures with moto's.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

from tests.bench import counts, first_call, latency, start
from tests.bench.metrics import Metric
from tests.bench.store import Store
from tests.sandbox.sandbox import Sandbox

OKTA_LATENCY = 0.05
LOG_TAIL = 4000
"""Characters of the processes' logs that are shown when one of them fails."""


def main() -> None:
    """Print every measurement."""
    print("A minute or two. Other work on this machine falsifies the figures.", file=sys.stderr)
    begun = time.monotonic()
    for metric in _measurements():
        print(metric, flush=True)
    print(f"Took {time.monotonic() - begun:.0f} s.", file=sys.stderr)


def _sandbox(log: IO[str], dynamodb_url: str) -> Sandbox:
    is_moto = os.environ.get("STORE") == "moto"
    return Sandbox(log, okta_latency=OKTA_LATENCY, dynamodb_url=None if is_moto else dynamodb_url)


def _measurements() -> Iterator[Metric]:
    with tempfile.TemporaryFile("w+") as log:
        try:
            with Store() as store, _sandbox(log, store.url) as sandbox:
                yield from counts.okta_calls(sandbox)
                yield from latency.measure(sandbox, log)
                yield from start.measure(sandbox)
                yield from first_call.measure(sandbox, log)
        except Exception:
            log.seek(0)
            print(log.read()[-LOG_TAIL:], file=sys.stderr)
            raise
    yield from counts.layer_bytes()


if __name__ == "__main__":
    main()
