"""Soaks the service: `make soak MINUTES=30`. Ends with 1 if a promise is broken."""

from __future__ import annotations

import os
import sys

from tests.proof.soak.run import soak


def main() -> int:
    """Print figures, and what was broken."""
    soaked = soak(60 * float(os.environ["MINUTES"]))
    sys.stdout.write("\n".join([*soaked.table(), *soaked.broken, ""]))
    return bool(soaked.broken)


if __name__ == "__main__":
    sys.exit(main())
