"""Which part of the proof a suite plays: another one after each change of the code, and the same one for
the same commit.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

LAYER = Path(__file__).parents[2] / "shared" / "verification"

_Item = TypeVar("_Item")


def sample(items: Sequence[_Item], count: int) -> list[_Item]:
    """So many of them."""
    chosen = random.Random(_digest())  # noqa: S311 - not a secret
    return chosen.sample(items, min(count, len(items)))


def every(stride: int, items: Sequence[_Item], name: str) -> Sequence[_Item]:
    """Every twelfth of them, say. `name` is of these items: others begin at another one."""
    chosen = random.Random(_digest() + name.encode())  # noqa: S311 - not a secret
    return items[chosen.randrange(stride) :: stride]


@cache
def _digest() -> bytes:
    """Stands for the code of the layer."""
    content = hashlib.sha256()
    for path in sorted(LAYER.rglob("*.py")):
        content.update(path.read_bytes())
    return content.digest()
