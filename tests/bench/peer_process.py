"""A peer of the service that is a Lambda function, called again and again in one process."""

from __future__ import annotations

import importlib
import json
import sys
import time


def main(code: str) -> None:
    """Serve invocations of the function in the folder `code` until standard input ends."""
    sys.path.insert(0, code)
    handler = importlib.import_module("app").lambda_handler
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        event = json.loads(line)
        begun = time.perf_counter()
        handler(event, None)
        milliseconds = (time.perf_counter() - begun) * 1000
        print(json.dumps({"total_ms": milliseconds}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
