"""What surrounds a canvas: passe-partout, moulding, or nothing; and canvases that are drawn, not painted."""

from __future__ import annotations

import cv2
import numpy as np

from train.locator.walls import Image, Random, colour, smooth


def hang(rng: Random, painting: Image) -> tuple[Image, tuple[int, int, int, int]]:
    """A `painting` ``[height, width, 3]`` in its frame, and where in that picture the canvas lies: left, top,
    right, bottom in pixels."""
    height, width = painting.shape[:2]
    side = (height * width) ** 0.5
    picture, edges = painting, np.zeros(4, int)  # left, top, right, bottom
    kind = rng.random()
    if kind < 0.10:  # gallery-wrapped: nothing at all
        return picture, (0, 0, width, height)
    if kind < 0.17:  # the edge of the stretched canvas is seen from one side
        thick = int(side * rng.uniform(0.01, 0.05)) + 1
        left = thick if rng.random() < 0.5 else 0
        picture = _border(picture, np.array([left, 0, thick - left, 0]), colour(rng) * rng.uniform(0.4, 1))
        return picture, (left, 0, left + width, height)
    if rng.random() < 0.35:  # passe-partout: pale as a rule, wider below at times
        margin = side * rng.uniform(0.04, 0.35)
        margins = np.array([1, 1, 1, rng.choice([1, 1, 1.25])]) * margin * rng.uniform(0.85, 1.15)
        if rng.random() < 0.3:
            margins[[0, 2]] *= rng.uniform(0.5, 1.6)
        pale = rng.uniform(190, 253) + rng.normal(0, 5, 3) if rng.random() < 0.8 else colour(rng)
        bevel = max(1, int(side * 0.006))
        if rng.random() < 0.6:
            picture, edges = _ring(picture, edges, np.full(4, bevel), np.clip(pale + rng.uniform(-60, 30), 0, 255))
        picture, edges = _ring(picture, edges, margins.astype(int) + 1, pale)
    if rng.random() < 0.06:  # a shadow gap
        picture, edges = _ring(
            picture, edges, np.full(4, max(2, int(side * rng.uniform(0.01, 0.03)))), rng.uniform(5, 50)
        )
    moulding = side * rng.uniform(0.012, 0.07) if rng.random() < 0.55 else side * rng.uniform(0.06, 0.24)
    picture, edges = _moulding(rng, picture, edges, max(2, int(moulding)))
    return picture, (int(edges[0]), int(edges[1]), int(edges[0]) + width, int(edges[1]) + height)


def drawn(rng: Random, height: int, width: int) -> Image:
    """A canvas of plain shapes: fields of colour, grids, stripes, lettering, dabs; with lines that are no edges."""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = colour(rng, grey=0.2)
    kind = rng.integers(6)
    if kind == 0:  # fields of colour
        for _ in range(int(rng.integers(1, 5))):
            y, x = np.sort(rng.integers(0, height, 2)), np.sort(rng.integers(0, width, 2))
            picture[y[0] : y[1], x[0] : x[1]] = colour(rng, grey=0.1)
        if rng.random() < 0.5:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 6))
    elif kind == 1:  # a grid of black bars
        for _ in range(int(rng.integers(2, 7))):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            picture[y:, x:] = colour(rng, grey=0.3)
            picture[max(y - 2, 0) : y + 2] = picture[:, max(x - 2, 0) : x + 2] = rng.uniform(0, 60)
    elif kind == 2:  # a border painted inside
        inset = int(min(height, width) * rng.uniform(0.04, 0.2))
        picture[inset : height - inset, inset : width - inset] = colour(rng, grey=0.2)
        picture += smooth(rng, height, width, 8, 3)[..., None] * 12
    elif kind == 3:  # dabs and drips
        for _ in range(int(rng.integers(20, 120))):
            centre = (int(rng.integers(width)), int(rng.integers(height)))
            axes = (int(rng.integers(1, 14)), int(rng.integers(1, 14)))
            cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour(rng, grey=0.1).tolist(), -1)
    elif kind == 4:  # a poster
        poster = picture.astype(np.uint8)
        for _ in range(int(rng.integers(1, 5))):
            word = "".join(chr(int(letter)) for letter in rng.integers(65, 91, 6))
            at = (int(rng.integers(-20, max(width // 2, 1))), int(rng.integers(height)))
            shade, size, thick = colour(rng, grey=0.3).tolist(), rng.uniform(0.3, 3), int(rng.integers(1, 6))
            cv2.putText(poster, word, at, cv2.FONT_HERSHEY_DUPLEX, float(size), shade, thick)
        picture = poster.astype(np.float32)
    else:  # clouds of paint
        for channel in range(3):
            picture[..., channel] += smooth(rng, height, width, rng.uniform(2, 9), 3) * rng.uniform(10, 45)
    return np.clip(picture, 0, 255)


def _border(picture: Image, widths: np.ndarray, shade: object) -> Image:
    left, top, right, bottom = (int(value) for value in widths)
    height, width = picture.shape[:2]
    framed = np.empty((height + top + bottom, width + left + right, 3), np.float32)
    framed[:] = shade
    framed[top : top + height, left : left + width] = picture
    return framed


def _ring(picture: Image, edges: np.ndarray, widths: np.ndarray, shade: object) -> tuple[Image, np.ndarray]:
    return _border(picture, widths, shade), edges + widths


def _moulding(rng: Random, picture: Image, edges: np.ndarray, broad: int) -> tuple[Image, np.ndarray]:
    """A frame of wood, gold, black or white, with a profile and at times ornament."""
    kind = rng.random()
    if kind < 0.35:
        base = np.array([rng.uniform(110, 225), rng.uniform(85, 175), rng.uniform(20, 90)], np.float32)
    elif kind < 0.55:
        base = np.full(3, rng.uniform(5, 60), np.float32)
    elif kind < 0.7:
        base = np.full(3, rng.uniform(190, 250), np.float32)
    elif kind < 0.9:
        base = np.array([rng.uniform(50, 170), rng.uniform(30, 120), rng.uniform(10, 80)], np.float32)
    else:
        base = colour(rng, grey=0.2)
    framed = _border(picture, np.full(4, broad), base)
    height, width = framed.shape[:2]
    y, x = np.ogrid[0:height, 0:width]
    sides = [np.broadcast_to(side, (height, width)) for side in (y, width - 1 - x, height - 1 - y, x)]
    distance = np.minimum(np.minimum(sides[0], sides[2]), np.minimum(sides[1], sides[3])).astype(np.float32)
    ring = distance < broad
    across = np.clip(distance / broad, 0, 1)
    # Light comes from above: the profile's slopes are bright or dark by the side that they face.
    facing = np.select(
        [sides[0] == distance, sides[2] == distance, sides[1] == distance], [1.0, -1.0, rng.uniform(-0.4, 0.4)],
        rng.uniform(-0.4, 0.4),
    ).astype(np.float32)  # fmt: skip
    profile = np.cos(across * np.pi * rng.uniform(0.8, 3.2) + rng.uniform(0, 3)) * rng.uniform(0, 0.35)
    tone = 1 + facing * profile
    if rng.random() < 0.35 and broad > 5:  # ornament
        tone += smooth(rng, height, width, max(height, width) / broad * rng.uniform(0.8, 2), 2) * rng.uniform(0.03, 0.2)
    if rng.random() < 0.4:  # a lip at the canvas, bright or dark
        tone = np.where(across > 0.85, tone * rng.uniform(0.4, 1.6), tone)
    if rng.random() < 0.3:  # an outer edge
        tone = np.where(across < 0.12, tone * rng.uniform(0.4, 1.3), tone)
    shaded = np.clip(base * tone[..., None], 0, 255)
    framed[ring] = shaded[ring]
    if rng.random() < 0.5:  # the shadow of the lip on what it holds
        deep = max(1, int(broad * rng.uniform(0.1, 0.4)))
        framed[broad : broad + deep, broad : width - broad] *= rng.uniform(0.45, 0.9)
        if rng.random() < 0.5:
            framed[broad : height - broad, broad : broad + max(1, deep // 2)] *= rng.uniform(0.5, 0.95)
    return framed, edges + broad
