"""`python -m tests.proof.fuzz 60` fuzzes every target for a part of so many seconds of processor;
`python -m tests.proof.fuzz TARGET FILE...` calls one with these inputs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.proof import matrix
from tests.proof.fuzz import campaign
from tests.proof.fuzz.targets import TARGETS


def main(first: str, *files: str) -> int:
    """Print what came of each target; 1 if one failed."""
    if first in TARGETS:
        with matrix.listening():
            for file in files:
                TARGETS[first].run(Path(file).read_bytes())
        return 0
    runs = campaign.fuzz(float(first))
    for run in runs:
        sys.stdout.write(f"{run.line}\n")
    return any(run.failure for run in runs)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
