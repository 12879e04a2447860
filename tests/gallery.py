"""Drawn walls with framed pictures on them, and where their canvases are: what tests of the eye look at."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tests.stand_in import Pixels, painting

Quad = npt.NDArray[np.float32]

WALL, FRAME = (168, 164, 150), (70, 48, 24)


def wall(width: int = 1280, height: int = 720, seed: int = 0) -> Pixels:
    """A bare wall with a lamp's light and a sensor's noise, RGB."""
    rng = np.random.default_rng(seed)
    light = 0.75 + 0.3 * np.exp(-((np.linspace(-1, 1, width) ** 2)[None] + (np.linspace(-1, 1, height) ** 2)[:, None]))
    noise = rng.normal(0, 2, (height, width, 1))
    return (np.array(WALL) * light[..., None] + noise).clip(0, 255).astype(np.uint8)


def hang(
    picture: Pixels,
    colour: tuple[int, int, int],
    left: float,
    top: float,
    width: float,
    height: float,
    turn: float = 0.0,
    seed: int = 0,
) -> Quad:
    """Hang a framed painting of dabs into `picture`: its canvas at `left`, `top`, its right side nearer to the camera
    by `turn`. Gives the corners of the canvas."""
    quad = np.array(
        [[left, top], [left + width, top - turn], [left + width, top + height + turn], [left, top + height]], np.float32
    )
    canvas = painting(colour, 240, 240, seed)
    border = 18
    framed = cv2.copyMakeBorder(canvas, border, border, border, border, cv2.BORDER_CONSTANT, value=FRAME)
    inner = np.array([[0, 0], [240, 0], [240, 240], [0, 240]], np.float32) + border - 0.5
    matrix = cv2.getPerspectiveTransform(inner, quad - 0.5)
    size = picture.shape[1], picture.shape[0]
    mask = cv2.warpPerspective(np.full(framed.shape[:2], 255, np.uint8), matrix, size)
    shade = cv2.GaussianBlur(np.roll(mask, 8, axis=0), (0, 0), 9)[..., None] / 255
    picture[:] = picture * (1 - 0.4 * shade)
    picture[mask > 127] = cv2.warpPerspective(framed, matrix, size)[mask > 127]
    return quad
