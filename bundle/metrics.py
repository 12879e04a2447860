"""The figures that manifests, model cards and benchmark reports quote, each with its counts."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]


class Count(BaseModel):
    """So many of so many, with its 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    correct: int = Field(ge=0)
    total: int = Field(ge=0)

    @property
    def rate(self) -> float:
        """The share in 0-1; NaN where nothing was counted."""
        return self.correct / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval (Wilson 1927), in 0-1."""
        if not self.total:
            return (0.0, 1.0)
        z = 1.959964  # two-sided 95 % quantile of the normal distribution
        n, p = self.total, self.rate
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return (max(0.0, centre - half), min(1.0, centre + half))

    def __str__(self) -> str:
        if not self.total:
            return "none measured"
        low, high = self.interval
        return f"{self.correct}/{self.total} = {self.rate:.1%} ({low:.1%} to {high:.1%})"


class StyleMetrics(BaseModel):
    """How well the styles are told apart on one set of pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pictures: str = Field(description="which pictures, in a few words")
    accuracy: Count
    recall: dict[str, Count] = Field(description="by display name of the style")
    mean_recall: float = Field(description="unweighted mean over the styles that have pictures, 0-1")
    ece: float = Field(description="expected calibration error of the top-1 probability, 0-1")


class OpenSetMetrics(BaseModel):
    """How well pictures of none of the styles are told from pictures of the styles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pictures: str = Field(description="which pictures, in a few words")
    refused: Count = Field(description="pictures of none of the styles that were called none")
    accepted: Count = Field(description="pictures of the styles that were not refused")
    auroc: float = Field(description="chance that a picture of a style has the higher `known`, 0-1")
    fpr95: float = Field(description="share of foreign pictures let in where 95 % of the styles' are")


def score_styles(pictures: str, probabilities: Floats, labels: Integers, styles: Sequence[str]) -> StyleMetrics:
    """Top-1 scores of `probabilities` ``[n, styles]`` against `labels` ``[n]``; what is refused by the
    open-set threshold is not looked at here."""
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    recall = {
        style: Count(correct=int(right[labels == index].sum()), total=int((labels == index).sum()))
        for index, style in enumerate(styles)
    }
    present = [count.rate for count in recall.values() if count.total]
    return StyleMetrics(
        pictures=pictures,
        accuracy=Count(correct=int(right.sum()), total=len(labels)),
        recall=recall,
        mean_recall=float(np.mean(present)) if present else float("nan"),
        ece=expected_calibration_error(probabilities, labels) if len(labels) else float("nan"),
    )


def score_open_set(pictures: str, known: Floats, foreign: Floats, threshold: float) -> OpenSetMetrics:
    """Scores of the output `known` ``[n]`` on pictures of the styles and on `foreign` ``[m]`` ones."""
    refused = int((~(foreign > threshold)).sum())
    return OpenSetMetrics(
        pictures=pictures,
        refused=Count(correct=refused, total=len(foreign)),
        accepted=Count(correct=int((known > threshold).sum()), total=len(known)),
        auroc=auroc(known, foreign),
        fpr95=false_positive_rate(known, foreign),
    )


def auroc(positive: Floats, negative: Floats) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney U, ties counted half); NaN if either is empty."""
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float(np.mean(below + not_above) / 2 / len(negative))


def false_positive_rate(known: Floats, foreign: Floats, recall: float = 0.95) -> float:
    """Share of `foreign` that gets in where `recall` of `known` does (FPR95); NaN if either is empty."""
    if not len(known) or not len(foreign):
        return float("nan")
    return float((foreign >= np.quantile(known, 1 - recall, method="lower")).mean())


def expected_calibration_error(probabilities: Floats, labels: Integers, bins: int = 15) -> float:
    """ECE of the top-1 probability with equal-width bins (Guo et al. 2017, arXiv 1706.04599, eq. 3)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for bin_index in range(bins):
        inside = index == bin_index
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(error)
