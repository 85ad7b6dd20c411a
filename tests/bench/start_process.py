"""Imports a module and prints how long that took."""

import importlib
import json
import sys
import time


def main(module: str) -> None:
    """Print milliseconds of wall time and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    importlib.import_module(module)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(json.dumps({"wall_ms": wall * 1000, "cpu_ms": processor * 1000}))


if __name__ == "__main__":
    main(*sys.argv[1:])
