"""Fuzzes one target in this process: `python -m tests.proof.fuzz.engine TARGET SECONDS FOLDER`.

With atheris the inputs that reach new code of the service are kept and changed again. Where it has no
wheel, inputs are the seeds with changes drawn at random.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.proof.fuzz.targets import Target

HAS_ATHERIS = find_spec("atheris") is not None
LONGEST_INPUT = 16_384
LONGEST_RUN = 20
"""Seconds that one input may take."""


def main(name: str, seconds: str, folder: str) -> None:
    """End with an error at the first input for which something does not hold; it is in the folder."""
    run = _guided if HAS_ATHERIS else at_random
    run(name, int(seconds), Path(folder))


def _guided(name: str, seconds: int, folder: Path) -> None:
    import atheris  # noqa: PLC0415 - it is not everywhere

    with atheris.instrument_imports(include=["verification"]):
        target = _target(name)
    from tests.proof import matrix  # noqa: PLC0415 - it imports what has to be instrumented
    from tests.proof.fuzz.texts import mutated  # noqa: PLC0415

    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds()
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - not a secret
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, longest))
        return mutated(data, chance, seeds)[:longest]

    options = [
        *(f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", f"-timeout={LONGEST_RUN}"),
        *(f"-artifact_prefix={folder}/", "-print_final_stats=1", "-len_control=0"),
    ]
    atheris.Setup([name, *options, str(corpus)], target.run, custom_mutator=change)
    with matrix.listening():
        atheris.Fuzz()


def at_random(name: str, seconds: int, folder: Path) -> None:
    """Fuzz without atheris."""
    from tests.proof import matrix  # noqa: PLC0415
    from tests.proof.fuzz.texts import mutated  # noqa: PLC0415

    target, chance, runs = _target(name), random.Random(), 0  # noqa: S311
    seeds, ends = target.seeds(), time.monotonic() + seconds
    folder.mkdir(parents=True, exist_ok=True)
    with matrix.listening():
        while time.monotonic() < ends:
            data, runs = mutated(chance.choice(seeds), chance, seeds)[:LONGEST_INPUT], runs + 1
            try:
                target.run(data)
            except BaseException:
                (folder / "crash").write_bytes(data)
                raise
    sys.stderr.write(f"stat::number_of_executed_units: {runs}\n")


def _target(name: str) -> Target:
    targets = importlib.import_module("tests.proof.fuzz.targets").TARGETS
    found: Target = targets[name]
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
