"""Where in a painting the network sees a style: its class-activation map, as the screen shows it.

The network ends in global average pooling and one dense layer, so the logit of a style is the mean over places of
what the dense layer makes of each place (Zhou et al., "Learning deep features for discriminative localization",
CVPR 2016, section 2). That map comes out of every run of the network; what speaks for the style is its positive part.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

Maps = npt.NDArray[np.floating]

# Rows and columns that are given out at most: finer than a visitor's "upper left", and 64 short numbers an event.
_MOST = 8

# Digits after the point: a step of 1 % of the brightest place is not seen.
_DECIMALS = 2

# How many times the mean of the whole the strongest of the nine parts must be to be named. On the drawn canvases it is
# 1.1 to 1.4 where the evidence lies scattered, 1.8 and more where a person would point somewhere.
_LEAD = 1.45

# Share of the lead by which another part must be ahead of the one that was named last: the sentence on the label must
# not change while somebody reads it.
_KEPT = 0.85


class Where(enum.StrEnum):
    """The part of the painting that speaks most for the style, as whoever stands before it sees it."""

    TOP_LEFT = "top_left"
    TOP = "top"
    TOP_RIGHT = "top_right"
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom_right"
    EVERYWHERE = "everywhere"
    """No part more than others."""


_PARTS = tuple(Where)[:9]  # row by row from the top left


@dataclass(frozen=True)
class Evidence:
    """What speaks for one style, by place."""

    style: str
    shares: tuple[tuple[float, ...], ...]
    """0-1 of the strongest place; rows from the top of the painting, columns from its left, 8 by 8 at most."""
    where: Where

    @classmethod
    def of(cls, maps: Maps, index: int, style: str, before: Where | None = None) -> Self | None:
        """The evidence for `style`, which is number `index` in the network's `maps` ``[h, w, styles]``; None where no
        place speaks for it, or the map is no numbers. `before` is the part that was named last of the same view, which
        has a right to stay."""
        positive = np.maximum(maps[..., index], 0).astype(np.float32)
        height, width = positive.shape
        if height > _MOST or width > _MOST:
            smaller = (min(width, _MOST), min(height, _MOST))
            positive = cv2.resize(positive, smaller, interpolation=cv2.INTER_AREA).astype(np.float32)
        most = float(positive.max())
        # Written so that NaN ends here.
        if not (0 < most < np.inf):
            return None
        shares = positive / most
        rounded = tuple(tuple(round(value, _DECIMALS) for value in row) for row in shares.tolist())
        return cls(style, rounded, _where(shares, before))

    def to_json(self) -> dict[str, Any]:
        """As the HTTP API gives it."""
        return {
            "style": self.style,
            "rows": len(self.shares),
            "columns": len(self.shares[0]),
            "shares": [list(row) for row in self.shares],
            "where": self.where.value,
        }


def _where(shares: npt.NDArray[np.float32], before: Where | None) -> Where:
    """The strongest of nine parts by its mean. Not by the centre of mass: of a ring of evidence that is the middle,
    where there is least."""
    means = cv2.resize(shares, (3, 3), interpolation=cv2.INTER_AREA).ravel() / shares.mean()
    strongest = int(means.argmax())
    if before is Where.EVERYWHERE and not means[strongest] > _LEAD / _KEPT:
        return before
    if before in _PARTS and means[_PARTS.index(before)] >= max(_KEPT * means[strongest], 1.0):
        return before
    return _PARTS[strongest] if means[strongest] > _LEAD else Where.EVERYWHERE
