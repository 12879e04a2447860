"""Whether a picture is worth a look by the network: light, detail, and anything in view at all.

The gates are meant for a dark room, a camera that is shaken or out of focus, and a bare wall. They
must never stand between a visitor and a painting, so each lies a factor of 1.4 to 2 beyond the most
extreme of 1,706 real paintings (up to 450 of each of the six styles, all 24 Pollocks, 758
Impressionists among them, and Turner, Malevich, Mondrian, Klee, Miró, Caravaggio, Rembrandt and
Seurat; 128 px, as below): 0 of 1,706 trip a gate, at most 0.18 % at 95 % confidence.

Tried and dropped: the variance of the Laplacian, which is low for low contrast as well as for blur,
and which sensor noise alone lifts over any threshold; the ratio of gradients before and after another
blur (Crete et al. 2007), which noise spoils as well.
"""

from __future__ import annotations

import cv2
import numpy as np

from bundle.picture import Pixels
from kiosk.answer import Status

# Pixels of a side. Small, because averaging over 5 to 6 pixels of a camera's frame takes away the
# sensor noise that hides blur, and because it is fast.
SIDE = 128

# Luma 0-255 below which 99 % of the picture lies. Least of the paintings: 89. A tenth of daylight on
# them gives 16 to 24, a fifth 31 to 49.
DARK_LUMA = 45.0

# Luma per pixel: 99 % of the picture is flatter. Least of the paintings: 4.3 (a Miró of three dots);
# a bare wall under a lamp, with sensor noise of 4: 1.3.
BLANK_GRADIENT = 3.0

# Energy of the second differences by that of the central differences, in the direction that has less
# of it (motion blurs one direction only): a mean squared frequency, free of contrast. Least of the
# paintings: 1.29. Out of focus by a Gaussian of 8 pixels in a frame of 720: 0.25 to 0.52; shaken by 31
# pixels: 0.29 to 1.2, so that a slight shake still goes to the network, which bears it.
BLURRED_CURVATURE = 0.6


def fault(picture: Pixels) -> Status | None:
    """What speaks against looking at an RGB `picture` ``[height, width, 3]``, or None.

    One of `Status.TOO_DARK`, `Status.NO_PAINTING` (nothing in it at all) and `Status.TOO_BLURRED`.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    luma = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if np.percentile(luma, 99) < DARK_LUMA:
        return Status.TOO_DARK
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8)
    if np.percentile(np.hypot(across, down), 99) < BLANK_GRADIENT:
        return Status.NO_PAINTING
    curvature = min(
        _energy(np.diff(luma, 2, axis=1)) / max(_energy(across), 0.05),
        _energy(np.diff(luma, 2, axis=0)) / max(_energy(down), 0.05),
    )
    return Status.TOO_BLURRED if curvature < BLURRED_CURVATURE else None


def _energy(values: cv2.typing.MatLike) -> float:
    return float(np.mean(np.square(values)))
