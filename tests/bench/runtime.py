"""What the bench measures: the output of `sam build` on a Python 3.13, with all that Lambda supplies.

All of it has bytecode, as on Lambda. The layer's compiled packages are for Lambda's processor; on
another one, the same releases for this machine replace them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.lambda_runtime import COMPILED, HAS_EMULATOR, MACHINE, SUPPLIED, run_sam_build
from tests.sandbox.template import ROOT

LOCK = ROOT / "requirements-dev.txt"
FUNCTIONS = Path(__file__).with_name("functions")
INSTALL_TIMEOUT = 120.0
TIMEOUT = 10
"""Seconds of a function's call."""


class Runtime:
    """Builds and fetches everything into `folder`, which takes seconds.

    Raises RuntimeError if there is no Python 3.13.
    """

    def __init__(self, folder: Path) -> None:
        self.python = os.environ.get("LAMBDA_PYTHON") or "python3.13"
        if self._run("import sys; print(sys.version_info[:2] == (3, 13))") != "True":
            raise RuntimeError("no Python 3.13 was found: name one in LAMBDA_PYTHON")
        self._folder = folder
        run_sam_build(folder / "build", LAMBDA_PYTHON=self.python)
        self.layer = folder / "build" / "VerificationLayer"
        # The runtime client has wheels only for where the emulator is.
        supplied = {*SUPPLIED} - (set() if HAS_EMULATOR else {"awslambdaric"})
        self._install("supplied", *sorted(supplied))
        self._install("compiled", *(() if MACHINE == "arm64" else COMPILED))
        self._install("okta_sdk", "okta", with_dependencies=True)
        for source in (*(ROOT / "functions").iterdir(), *FUNCTIONS.iterdir()):
            if source.is_dir():
                shutil.copytree(source, self.code(source.name))
        subprocess.run(  # noqa: S603 - our own interpreter
            [self.python, "-m", "compileall", "-q", str(folder / "functions")], check=True
        )

    def code(self, function: str) -> Path:
        """The folder of a function of the service or of `tests/bench/functions`."""
        return self._folder / "functions" / function

    def command(self) -> list[str]:
        """Starts the function of the current folder."""
        return [self.python, "-S", "-m", "awslambdaric", "app.lambda_handler"]

    def environment(self, function: str, settings: Mapping[str, str]) -> dict[str, str]:
        """What Lambda and the template set. The SDK's function has the SDK in place of the layer."""
        packages = [self._folder / "compiled", self.layer / "python"]
        if function == "okta_sdk":
            packages = [self._folder / "okta_sdk"]
        path = (*packages, self._folder / "supplied")
        return {
            **settings,
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",  # with it, the service starts as on Lambda
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",  # /opt and /var/task can only be read
        }

    def process(self, module: str, *arguments: str) -> list[str]:
        """The command of a program of the bench."""
        return [self.python, "-S", "-m", module, *arguments]

    def function_process(self, function: str) -> list[str]:
        """The command that runs a function of the service and measures its handler."""
        name, arguments = (
            f"{function}_function".title().replace("_", ""),
            (str(self.code(function)),),
        )
        return self.process("tests.bench.function_process", *arguments, name, str(TIMEOUT))

    def process_environment(self, function: str, settings: Mapping[str, str]) -> dict[str, str]:
        """The environment of such a program: it finds what the function does, and the bench."""
        given = self.environment(function, settings)
        del given["AWS_LAMBDA_INITIALIZATION_TYPE"]
        return {**given, "PYTHONPATH": os.pathsep.join((given["PYTHONPATH"], str(ROOT)))}

    def _install(self, folder: str, *names: str, with_dependencies: bool = False) -> None:
        target = self._folder / folder
        target.mkdir()
        if not names:
            return
        subprocess.run(  # noqa: S603 - our own tool
            [
                *(str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet"),
                *("--python", self.python, "--target", str(target), "--constraint", str(LOCK)),
                *("--only-binary", ":all:", "--compile-bytecode"),
                *(() if with_dependencies else ("--no-deps",)),
                *names,
            ],
            stdout=sys.stderr,
            timeout=INSTALL_TIMEOUT,
            check=True,
        )

    def _run(self, program: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the developer's interpreter
                [self.python, "-c", program], stdout=subprocess.PIPE, text=True, check=False
            )
        except OSError:
            return ""
        return done.stdout.strip()
