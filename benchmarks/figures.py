"""Numbers that are measured on pictures, each with its count and its 95 % interval.

All intervals take pictures as independent. Pictures by one artist are not, so for few artists the
truth is less certain than an interval says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isnan, sqrt

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

import bundle

_Z = 1.959964  # two-sided 95 % quantile of the normal distribution
_RESAMPLES = 2000  # of a bootstrap: the ends of its interval are steady to a hundredth of its width


class Figure(BaseModel):
    """One measured number in 0-1; `value` and `interval` are None where nothing could be measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    interval: tuple[float, float] | None
    """95 %."""
    total: int
    """Pictures that were counted."""
    correct: int | None = None
    """How many of them, where `value` is a share."""

    @classmethod
    def share(cls, count: bundle.Count) -> Figure:
        """A share, with the Wilson score interval."""
        if not count.total:
            return cls(value=None, interval=None, total=0, correct=0)
        return cls(value=count.rate, interval=count.interval, total=count.total, correct=count.correct)

    @classmethod
    def mean_share(cls, counts: Iterable[bundle.Count]) -> Figure:
        """Unweighted mean of independent shares, with the interval made from each one's Wilson interval
        (MOVER: Zou and Donner 2008, Statistics in Medicine 27:1693). Empty counts are left out."""
        present = [count for count in counts if count.total]
        if not present:
            return cls(value=None, interval=None, total=0)
        mean = sum(count.rate for count in present) / len(present)
        down = sqrt(sum((count.rate - count.interval[0]) ** 2 for count in present)) / len(present)
        up = sqrt(sum((count.interval[1] - count.rate) ** 2 for count in present)) / len(present)
        return cls(
            value=mean,
            interval=(max(0.0, mean - down), min(1.0, mean + up)),
            total=sum(count.total for count in present),
        )

    @classmethod
    def auroc(cls, value: float, positive: int, negative: int) -> Figure:
        """An AUROC of `positive` against `negative` pictures, with the score interval of Newcombe 2006
        (Statistics in Medicine 25:559, method 5), which keeps its width near 1."""
        total = positive + negative
        if not positive or not negative or isnan(value):
            return cls(value=None, interval=None, total=total)

        def outside(other: float) -> bool:
            return abs(value - other) > _Z * _auroc_error(other, positive, negative)

        return cls(value=value, interval=(_edge(value, 0.0, outside), _edge(value, 1.0, outside)), total=total)

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return "-"
        low, high = self.interval
        counted = f"{self.correct}/{self.total}" if self.correct is not None else f"n={self.total}"
        return f"{self.value:.1%} ({low:.1%}-{high:.1%}; {counted})"


class Difference(BaseModel):
    """How far a file is from fp32 on the same pictures, in percentage points (negative: worse shares)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: float | None
    interval: tuple[float, float] | None = None
    """95 %, where each picture is right or wrong under both files."""
    gained: int | None = None
    """Pictures counted under this file and not under fp32."""
    lost: int | None = None
    """Pictures counted under fp32 and not under this file."""

    @classmethod
    def paired(cls, counted: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> Difference:
        """Of two judgements ``[n]`` of the same pictures, with the interval of Agresti and Min 2005
        (Statistics in Medicine 24:729: Wald after half a picture is added to each of the four cells)."""
        n = len(counted)
        if not n:
            return cls(points=None)
        gained, lost = int((counted & ~reference).sum()), int((~counted & reference).sum())
        b, c, size = gained + 0.5, lost + 0.5, n + 2
        centre = (b - c) / size
        half = _Z * sqrt(max(b + c - (b - c) ** 2 / size, 0.0)) / size
        return cls(
            points=100 * (gained - lost) / n,
            interval=(100 * (centre - half), 100 * (centre + half)),
            gained=gained,
            lost=lost,
        )

    @classmethod
    def of(cls, figure: Figure, reference: Figure) -> Difference:
        """Of two figures, without an interval."""
        if figure.value is None or reference.value is None:
            return cls(points=None)
        return cls(points=100 * (figure.value - reference.value))

    def __str__(self) -> str:
        if self.points is None:
            return "-"
        text = f"{self.points:+.1f}"
        if self.interval is not None:
            text += f" ({self.interval[0]:+.1f} to {self.interval[1]:+.1f}; +{self.gained} -{self.lost})"
        return text


class Quantiles(BaseModel):
    """Milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Quantiles:
        """The quantiles of at least one sample."""
        p50_ms, p90_ms, p99_ms = np.percentile(np.asarray(samples_ms), (50, 90, 99)).tolist()
        return cls(samples=len(samples_ms), p50_ms=p50_ms, p90_ms=p90_ms, p99_ms=p99_ms)


class Ratio(BaseModel):
    """One time over another that was measured in turns with it; below 1 is quicker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    interval: tuple[float, float]
    """95 %, by the bootstrap over turns (Efron and Tibshirani 1993, chapter 13: percentiles)."""

    @classmethod
    def of_turns(cls, mine_ms: Sequence[float], reference_ms: Sequence[float]) -> Ratio:
        """The median over turns of the ratio of each; both have as many turns, taken at about the same time."""
        ratios = np.asarray(mine_ms) / np.asarray(reference_ms)
        drawn = np.random.default_rng(0).choice(ratios, (_RESAMPLES, len(ratios)))
        low, high = np.percentile(np.median(drawn, axis=1), (2.5, 97.5)).tolist()
        return cls(value=float(np.median(ratios)), interval=(low, high))

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.interval[0]:.2f}-{self.interval[1]:.2f})"


def _auroc_error(auroc: float, positive: int, negative: int) -> float:
    """Standard error (Hanley and McNeil 1982, Radiology 143:29) with the mean size in the variance terms."""
    size = (positive + negative) / 2
    spread = 1 + (size - 1) * ((1 - auroc) / (2 - auroc) + auroc / (1 + auroc))
    return sqrt(auroc * (1 - auroc) * spread / (positive * negative))


def _edge(inside: float, limit: float, outside: Callable[[float], bool]) -> float:
    """Where between `inside` and `limit` values begin to be outside, by bisection."""
    far = limit
    for _ in range(60):
        middle = (inside + far) / 2
        if outside(middle):
            far = middle
        else:
            inside = middle
    return inside
