"""All targets with their seeds. Hypothesis in the suite and atheris in the proof call the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.proof.fuzz import parts, service
from tests.proof.standards import ROOT

CORPUS = ROOT / "tests/proof/corpus"
"""A file for each target: ordinary inputs and such that once failed, with `SEPARATOR` between them."""

SEPARATOR = b"\n====\n"


@dataclass(frozen=True, slots=True)
class Target:
    """`run` takes any bytes, and raises if something does not hold. `made`: seeds that are not files.
    `examples`: how many inputs a suite has time for.
    """

    name: str
    run: Callable[[bytes], None]
    examples: int
    made: Callable[[], Iterable[bytes]] = tuple

    def seeds(self) -> list[bytes]:
        """Inputs that hold."""
        return [*filed(self.name), *self.made()]


def filed(name: str) -> list[bytes]:
    """The inputs in the corpus of a target."""
    path = CORPUS / f"{name}.txt"
    return path.read_bytes().removesuffix(b"\n").split(SEPARATOR) if path.is_file() else []


def _events() -> Iterable[bytes]:
    return (path.read_bytes() for path in sorted((ROOT / "events").glob("*.json")))


_ALL = (
    Target("requests", parts.requests, 300),
    Target("sealed", parts.sealed, 300, lambda: (text.encode() for text in parts.SEALED)),
    Target("forged", parts.forged, 200, lambda: [parts.receipt().encode()]),
    Target("claims", parts.claims, 200, lambda: [parts.own_claims()]),
    Target("answers", parts.answers, 200),
    Target("events", service.events, 60, _events),
    Target("calls", service.calls, 40),
    Target("upstream", service.upstream, 40, service.okta_answers),
)
TARGETS: Mapping[str, Target] = {each.name: each for each in _ALL}
