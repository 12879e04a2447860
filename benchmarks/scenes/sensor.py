"""What lens, shake, sensor and compression leave of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.scenes.grain import Random, speckle
from bundle.picture import Pixels


@dataclass(frozen=True)
class Faults:
    """Of one exposure."""

    focus: float
    """Standard deviation of the blur, pixels."""
    shake: float
    """Length of the motion, pixels; 0 for none."""
    shake_direction: float
    """Radians."""
    noise: float
    """Standard deviation, of 255."""
    jpeg: int
    """Quality."""
    contrast: float
    """Exponent of the tone curve: above 1 is darker in the middle."""


def expose(rng: Random, picture: Pixels, faults: Faults) -> Pixels:
    """The picture as it comes out of the camera."""
    if faults.focus > 0.4:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), faults.focus), np.uint8)
    if faults.shake >= 2:
        picture = np.asarray(cv2.filter2D(picture, -1, _streak(faults.shake, faults.shake_direction)), np.uint8)
    curve = (np.linspace(0, 1, 256) ** faults.contrast * 255).astype(np.float32)
    toned = cv2.LUT(picture, curve)
    height, width = picture.shape[:2]
    noisy = cv2.scaleAdd(speckle(rng, height, width), faults.noise, toned)
    noisy_bgr = cv2.cvtColor(cv2.convertScaleAbs(noisy), cv2.COLOR_RGB2BGR)
    coded = cv2.imencode(".jpg", noisy_bgr, [cv2.IMWRITE_JPEG_QUALITY, faults.jpeg])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _streak(length: float, direction: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The kernel of an even motion; centred, so that it moves nothing."""
    side = 2 * math.ceil(length / 2) + 3
    kernel = np.zeros((side, side), np.float32)
    middle, way = side // 2, np.array([math.cos(direction), math.sin(direction)]) * length / 2
    bits = 8
    ends = [tuple(np.round((middle + sign * way) * 2**bits).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], (1.0,), 1, cv2.LINE_AA, bits)
    both = kernel + kernel[::-1, ::-1]
    return np.asarray(both / both.sum(), np.float32)
