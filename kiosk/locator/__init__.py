"""Where in a frame the paintings are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bundle.picture import Pixels
from kiosk.locator.quad import Quad

__all__ = ["Candidate", "Locator", "Quad"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A painting that was found in one frame: its canvas, within frame and passe-partout."""

    corners: Quad
    score: float
    """How sure it is that this is a painting with just these corners, in 0-1."""


class Locator(Protocol):
    """A way to find paintings in one frame, without memory of the frames before."""

    name: str
    """``classical`` or ``network``, for logs and metrics."""

    def locate(self, picture: Pixels, known: Sequence[Quad] = ()) -> list[Candidate]:
        """All paintings that are clearly seen in an RGB `picture` ``[height, width, 3]`` of any size, best
        score first; none overlaps another.

        `known` are paintings of the frame before: where all of them are there still, a locator may leave it at
        that and save the time to look for others."""
        ...
