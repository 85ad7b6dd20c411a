"""How long a function takes to start in a new process, relative to a floor that any such function has.

Both find compiled bytecode. On Lambda, the layer's is compiled at every start.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.bench.child import environment_of
from tests.bench.metrics import Metric, median, ratio
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.template import ROOT

ROUNDS = 12
NAMES = {"IssueChallengeFunction": "issue", "VerifyChallengeFunction": "verify"}


def measure(sandbox: Sandbox) -> Iterator[Metric]:
    """Medians, and median ratios of starts that followed each other."""
    functions = {NAMES[function.name]: function for function in sandbox.template.functions}
    environments = {
        name: {
            **environment_of(sandbox, function),
            # Lambda sets this; with it, the function makes its objects at the start.
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        }
        for name, function in functions.items()
    }
    programs = [("floor", "tests.bench.floor", environments["issue"])]
    programs += [(name, "app", environment) for name, environment in environments.items()]
    walls: dict[str, list[float]] = defaultdict(list)
    processors: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS + 1):
        first = number % len(programs)
        for name, module, environment in programs[first:] + programs[:first]:
            took = _start(module, environment)
            if number > 0:  # the first round writes bytecode and fills caches
                walls[name].append(took["wall_ms"])
                processors[name].append(took["cpu_ms"])
    for name in ("floor", *functions):
        yield median(f"init_ms_{name}", walls[name])
        yield median(f"init_cpu_ms_{name}", processors[name])
    for name in functions:
        yield ratio(f"init_ratio_{name}", walls[name], walls["floor"])
        yield ratio(f"init_cpu_ratio_{name}", processors[name], processors["floor"])


def _start(module: str, environment: Mapping[str, str]) -> dict[str, float]:
    output = subprocess.run(  # noqa: S603 - our own interpreter and modules
        [sys.executable, "-m", "tests.bench.start_process", module],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    took: dict[str, float] = json.loads(output.splitlines()[-1])
    return took
