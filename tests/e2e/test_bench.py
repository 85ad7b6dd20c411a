"""The bench's function process, which follows the sandbox's worker. What it measures is for `make bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.child import Child, environment_of
from tests.e2e.test_events import STATUS, event

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox


def test_a_measured_function_answers_as_in_the_sandbox(sandbox: Sandbox) -> None:
    function = sandbox.template.functions[0]
    arguments = (str(function.code), function.name, str(function.timeout))
    with (
        Path("/dev/null").open("w") as log,
        Child(
            "tests.bench.function_process",
            *arguments,
            environment=environment_of(sandbox, function),
            log=log,
        ) as child,
    ):
        answer = child.ask(event=event("challenge-post"), advance=0.0)
    assert answer["statusCode"] == STATUS["challenge-post"]
    assert answer["total_ms"] > answer["outside_ms"] > 0
