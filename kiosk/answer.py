"""What the kiosk answers about a picture, and how an answer is written as JSON."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

import bundle
from kiosk.evidence import Evidence

Floats = npt.NDArray[np.floating]

# Digits after the point in the JSON: finer than any calibration, coarse enough to be read.
DECIMALS = 6


class Status(enum.StrEnum):
    """What can be said of a picture. All but the first are refusals to name a style."""

    RECOGNISED = "recognised"
    UNKNOWN_STYLE = "unknown_style"
    NO_PAINTING = "no_painting"
    TOO_DARK = "too_dark"
    TOO_BLURRED = "too_blurred"
    MODEL_FAULT = "model_fault"
    """The network gave no numbers (NaN or infinity): it, or what it runs on, is broken."""


@dataclass(frozen=True)
class Answer:
    """The answer about one picture, or about what has been in view for some frames.

    `confidence` is always "how sure of a style", in 0-1, and so is low wherever no style is named:
    with `RECOGNISED` it is the calibrated probability of `style`; with `UNKNOWN_STYLE` the calibrated
    probability that the picture shows one of the styles at all, which did not reach the bundle's
    threshold; with any other status 0, because the network was not asked.

    `probabilities` are over the styles alone and sum to 1; where the network was not asked, or gave no
    numbers, they are all equal.
    """

    status: Status
    style: str | None
    confidence: float
    probabilities: Mapping[str, float]
    evidence: Evidence | None = None
    """Where in the picture `style` is seen; None without a style, and where the bundle has no such map."""

    @classmethod
    def refused(cls, status: Status, styles: Sequence[str]) -> Self:
        """An answer without a look by the network."""
        return cls(status, None, 0.0, dict.fromkeys(styles, 1 / len(styles)))

    @classmethod
    def decided(
        cls,
        probabilities: Floats,
        known: float,
        styles: Sequence[str],
        rule: bundle.KnownRule,
        maps: Floats | None = None,
    ) -> Self:
        """The answer to a network's `probabilities` ``[styles]`` and `known`; what is not finite is a fault. `maps`
        ``[h, w, styles]`` is its evidence."""
        total = float(probabilities.sum())
        # Written so that NaN anywhere ends here.
        if not (math.isfinite(total) and total > 0 and math.isfinite(known)):
            return cls.refused(Status.MODEL_FAULT, styles)
        shares = {style: float(value) / total for style, value in zip(styles, probabilities, strict=True)}
        if not rule.accepts(known):
            return cls(Status.UNKNOWN_STYLE, None, min(max(known, 0.0), 1.0), shares)
        style = max(shares, key=shares.__getitem__)
        evidence = None if maps is None else Evidence.of(maps, list(shares).index(style), style)
        return cls(Status.RECOGNISED, style, shares[style], shares, evidence)

    def to_json(self) -> dict[str, Any]:
        """The fields of the HTTP API that belong to the answer itself."""
        shares = {style: round(value, DECIMALS) for style, value in self.probabilities.items()}
        # What rounding took or gave goes to the largest, so that the sum is 1 for whoever checks.
        largest = max(shares, key=shares.__getitem__)
        shares[largest] = round(shares[largest] + 1 - sum(shares.values()), DECIMALS)
        confidence = shares[self.style] if self.style is not None else round(self.confidence, DECIMALS)
        return {
            "status": self.status.value,
            "style": self.style,
            "confidence": confidence,
            "probabilities": shares,
            "evidence": self.evidence.to_json() if self.evidence else None,
        }
