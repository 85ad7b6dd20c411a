"""How long a function takes to start in a new process, relative to a floor that any such function has.

Both find compiled bytecode. On Lambda, the layer's is compiled at every start.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

from tests.bench.child import environment_of
from tests.bench.metrics import Metric, median, ratio
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import ROOT

ROUNDS = 12
NAMES = {"IssueChallengeFunction": "issue", "VerifyChallengeFunction": "verify"}
PROGRAM = """
import time
wall, processor = time.perf_counter(), time.process_time()
import {module}
took = time.perf_counter() - wall, time.process_time() - processor
print([seconds * 1000 for seconds in took])
"""


def measure(sandbox: Sandbox) -> Iterator[Metric]:
    """Medians, and median ratios of starts that followed each other."""
    environments = {
        # Lambda sets this; with it, the function makes its objects at the start.
        NAMES[each.name]: environment_of(sandbox, each, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
        for each in sandbox.template.functions
    }
    starts = [("floor", "tests.bench.floor", environments["issue"])]
    starts += [(name, "app", environment) for name, environment in environments.items()]
    walls: dict[str, list[float]] = defaultdict(list)
    processors: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS + 1):
        first = number % len(starts)
        for name, module, environment in starts[first:] + starts[:first]:
            wall, processor = _start(module, environment)
            if number > 0:  # the first round writes bytecode and fills caches
                walls[name].append(wall)
                processors[name].append(processor)
    for name, *_ in starts:
        yield median(f"init_ms_{name}", walls[name])
        yield median(f"init_cpu_ms_{name}", processors[name])
    for name in environments:
        yield ratio(f"init_ratio_{name}", walls[name], walls["floor"])
        yield ratio(f"init_cpu_ratio_{name}", processors[name], processors["floor"])


def _start(module: str, environment: dict[str, str]) -> list[float]:
    """Milliseconds of wall time and of processor time that an import takes."""
    command = [sys.executable, "-c", PROGRAM.format(module=module)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own interpreter and program
    took: list[float] = json.loads(done.stdout.splitlines()[-1])
    return took
