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


def percentile(name: str, percent: int, samples: Sequence[float]) -> Metric:
    """That percentile of the samples, in milliseconds."""
    rank = statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
    return Metric(name, round(rank, 3), "ms")


def ratio(name: str, samples: Sequence[float], baseline: Sequence[float]) -> Metric:
    """The median ratio of samples that were measured one after the other."""
    pairs = zip(samples, baseline, strict=True)
    return median(name, [sample / base for sample, base in pairs], "ratio")


def ratio_of_medians(name: str, samples: Sequence[float], baseline: Sequence[float]) -> Metric:
    """The ratio of two medians, for samples that are not in pairs."""
    quotient = statistics.median(samples) / statistics.median(baseline)
    return Metric(name, round(quotient, 3), "ratio")
