"""Whether a picture is worth a look by the network: light, detail, anything in view at all, and glare.

The gates are meant for a dark room, a camera that is shaken or out of focus, and a bare wall. They
must never stand between a visitor and a painting, so each lies a factor of 1.4 to 2 beyond the most
extreme of 1,706 real paintings (up to 450 of each of the six styles, all 24 Pollocks, 758
Impressionists among them, and Turner, Malevich, Mondrian, Klee, Miró, Caravaggio, Rembrandt and
Seurat; 128 px, as below): 0 of 1,706 trip a gate, at most 0.18 % at 95 % confidence.

Tried and dropped: the variance of the Laplacian, which is low for low contrast as well as for blur,
and which sensor noise alone lifts over any threshold; the ratio of gradients before and after another
blur (Crete et al. 2007), which noise spoils as well.

Glare is measured too, but only asks the visitor for another angle: half a painting often tells its style. The
mirror image of a lamp is white to the end of the scale and fades out smoothly on all sides; the white
that is painted ends at an edge, or is less than white. Of 3,934 whole paintings 4 show more than `MOST_GLARE`
(0.1 %); of paintings with lamps and windows mirrored in them, more than 2 % of the painting blown out, 87 in
100 do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bundle.picture import Pixels
from kiosk.answer import Status
from kiosk.locator.guidance import Guidance

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


# Least of the three channels, 0-255, from which a pixel of `SIDE` counts as blown out, and from which it has
# reached the end of the scale. More than half of a mirror image has.
BLOWN, FULL, LEAST_FULL = 245, 253, 0.5

# Shares of the picture: smaller spots are wet paint or noise; together they ask for another angle.
LEAST_SPOT, MOST_GLARE = 0.0025, 0.01

# Least of the three channels 1.5 to 3 pixels of `SIDE` beside a spot, of nine in ten of them, where light fades
# out; and the mean at 8 to 12 pixels, where it has done so.
FADING, FADED = 100, 215

# Pixels along the picture's border: a longer spot is more likely paper, or a wall.
MOST_AT_BORDER = 30


@dataclass(frozen=True)
class Quality:
    """What was measured of one picture."""

    fault: Status | None
    """What speaks against a look: `Status.TOO_DARK`, `Status.NO_PAINTING` (nothing in it at all) or
    `Status.TOO_BLURRED`."""
    blur: float
    """1 at the gate to `Status.TOO_BLURRED`, less where the picture is sharper: paintings are below 0.5."""
    glare: float
    """Share of the picture in 0-1 in which a lamp or window is mirrored."""

    @property
    def has_glare(self) -> bool:
        """Whether another angle would show notably more."""
        return self.glare > MOST_GLARE

    def guide(self, guidance: Guidance | None) -> Guidance | None:
        """The `guidance` about the painting's place, or what the quality asks for more urgently.

        Light comes first, because nothing else can be judged without; glare last, because it rarely hides all.
        """
        if self.fault is Status.TOO_DARK:
            return Guidance.MORE_LIGHT
        if guidance is None and self.fault is Status.TOO_BLURRED:
            return Guidance.HOLD_STILL
        if guidance is None and self.has_glare:
            return Guidance.LESS_GLARE
        return guidance


def assess(picture: Pixels) -> Quality:
    """Measure an RGB `picture` ``[height, width, 3]``, best a rectified painting."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    luma = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8)
    curvature = min(
        _energy(np.diff(luma, 2, axis=1)) / max(_energy(across), 0.05),
        _energy(np.diff(luma, 2, axis=0)) / max(_energy(down), 0.05),
    )
    blur = BLURRED_CURVATURE / max(curvature, 1e-3)
    fault = None
    if np.percentile(luma, 99) < DARK_LUMA:
        fault = Status.TOO_DARK
    elif np.percentile(np.hypot(across, down), 99) < BLANK_GRADIENT:
        fault = Status.NO_PAINTING
    elif blur > 1:
        fault = Status.TOO_BLURRED
    return Quality(fault, blur, glare(picture))


def glare(picture: Pixels) -> float:
    """The share of an RGB `picture` ``[height, width, 3]`` in which a lamp or window is mirrored."""
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    # Mirrored light is white or nearly so: it fills all three channels.
    red, green, blue = cv2.split(small)
    least = np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)
    blown = (least >= BLOWN).astype(np.uint8)
    if cv2.countNonZero(blown) < LEAST_SPOT * SIDE * SIDE:  # as nearly always
        return 0.0
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(blown, connectivity=8)
    spots = [label for label in range(1, count) if statistics[label, cv2.CC_STAT_AREA] >= LEAST_SPOT * SIDE * SIDE]
    return sum(
        float(statistics[label, cv2.CC_STAT_AREA]) / (SIDE * SIDE)
        for label in spots
        if _is_lamp(least, labels == label)
    )


def _is_lamp(least: npt.NDArray[np.uint8], spot: npt.NDArray[np.bool_]) -> bool:
    """Whether a white spot is full to the end of the scale and fades out smoothly on all sides."""
    border = int(spot[0].sum() + spot[-1].sum() + spot[:, 0].sum() + spot[:, -1].sum())
    if border >= MOST_AT_BORDER or np.mean(least[spot] >= FULL) <= LEAST_FULL:
        return False
    distance = cv2.distanceTransform((~spot).astype(np.uint8), cv2.DIST_L2, 3)
    beside = least[(distance > 1.5) & (distance <= 3)]
    around = least[(distance > 8) & (distance <= 12)]
    if not (beside.size and around.size):
        return False
    return bool(np.percentile(beside, 10) >= FADING and around.mean() <= FADED)


def _energy(values: cv2.typing.MatLike) -> float:
    return float(np.mean(np.square(values)))
