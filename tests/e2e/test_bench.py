"""The bench's function process, which follows the sandbox's worker. What it measures is for `make bench`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.child import Child
from tests.e2e.test_events import STATUS, event
from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox


def test_a_measured_function_answers_as_in_the_sandbox(sandbox: Sandbox) -> None:
    function = sandbox.template.functions[0]
    arguments = (str(function.code), function.name, str(function.timeout))
    command = [sys.executable, "-m", "tests.bench.function_process", *arguments]
    path = os.pathsep.join(map(str, (ROOT / "shared", ROOT)))
    environment = {**sandbox.settings_of(function), "PYTHONPATH": path}
    with Path(os.devnull).open("w") as log, Child(command, environment, log) as child:
        answer = child.ask(event=event("challenge-post"), advance=0.0)
    assert answer["statusCode"] == STATUS["challenge-post"]
    assert answer["total_ms"] > answer["outside_ms"] > 0
