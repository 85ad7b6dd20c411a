"""The form of a measurement, and its statistics."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure."""

    metric: str
    value: float
    unit: str

    def __str__(self) -> str:
        return json.dumps(asdict(self))


def median(name: str, samples: Sequence[float], unit: str = "ms") -> Metric:
    """The median of the samples."""
    return Metric(name, round(statistics.median(samples), 3), unit)


def p95(name: str, samples: Sequence[float], unit: str = "ms") -> Metric:
    """The 95th percentile of the samples."""
    rank = statistics.quantiles(samples, n=20, method="inclusive")[-1]
    return Metric(name, round(rank, 3), unit)


def ratio(name: str, samples: Sequence[float], baseline: Sequence[float]) -> Metric:
    """The median ratio of samples that were measured one after the other."""
    pairs = zip(samples, baseline, strict=True)
    return median(name, [sample / base for sample, base in pairs], "ratio")
