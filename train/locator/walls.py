"""Walls, and what is small or long on them."""

from __future__ import annotations

import cv2
import numpy as np

Random = np.random.Generator
Image = np.ndarray
"""RGB float32, 0-255, ``[height, width, 3]``."""


def wall(rng: Random, height: int, width: int) -> Image:
    """A stretch of wall with nothing on it."""
    kinds = (_plaster, _plaster, _plaster, _bricks, _panels, _stripes, _fabric, _damask, _concrete)
    picture = kinds[rng.integers(len(kinds))](rng, height, width)
    return np.clip(picture, 0, 255)


def furnish(rng: Random, picture: Image, *, busy: float) -> None:
    """Draw skirting boards, label plates, benches and the like onto a wall; `busy` (0-1) says how many."""
    if rng.random() < 0.25 + 0.3 * busy:
        _floor(rng, picture)
    if rng.random() < 0.15:
        _rail(rng, picture)
    for draw, share in ((_plate, 0.6), (_socket, 0.4), (_bench, 0.3), (_cables, 0.2)):
        if rng.random() < share * busy:
            draw(rng, picture)


def colour(rng: Random, *, grey: float = 0.5) -> np.ndarray:
    """A wall's colour: often pale or grey, at times deep red, green or blue as in old galleries."""
    value = rng.uniform(25, 250)
    if rng.random() < grey:
        return np.clip(value + rng.normal(0, 6, 3), 5, 255).astype(np.float32)
    hsv = np.array([[[rng.integers(180), rng.integers(20, 200), value]]], np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def smooth(rng: Random, height: int, width: int, cells: float, octaves: int = 1) -> np.ndarray:
    """Smooth noise of mean 0 and deviation about 1, ``[height, width]``, with `cells` cells along the longer side."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        per_pixel = cells * 2**octave / max(height, width)
        grid = rng.standard_normal((2 + int(height * per_pixel), 2 + int(width * per_pixel))).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 1.6**octave
    return total


def _plaster(rng: Random, height: int, width: int) -> Image:
    base = colour(rng)
    field = smooth(rng, height, width, rng.uniform(2, 8), 3) * rng.uniform(0, 6)
    field += rng.standard_normal((height, width), np.float32) * rng.uniform(0, 4)
    return base + field[..., None]


def _concrete(rng: Random, height: int, width: int) -> Image:
    picture = _plaster(rng, height, width) + smooth(rng, height, width, 20, 3)[..., None] * rng.uniform(2, 10)
    step = int(rng.uniform(0.3, 0.8) * width)
    for x in range(int(rng.integers(step)), width, step):
        picture[:, x : x + 2] -= rng.uniform(10, 40)
    return picture


def _bricks(rng: Random, height: int, width: int) -> Image:
    rows, long = int(rng.uniform(5, 11)), int(rng.uniform(12, 26))
    base = colour(rng, grey=0.4)
    mortar = base + rng.uniform(-50, 50)
    shade = rng.normal(0, rng.uniform(3, 18), (height // rows + 2, width // long + 3)).astype(np.float32)
    y, x = np.arange(height), np.arange(width)
    row = y // rows
    column = (x[None, :] + (row[:, None] % 2) * long // 2) // long
    picture = base + shade[row[:, None], column][..., None]
    joint = ((y % rows) < 2)[:, None] | (((x[None, :] + (row[:, None] % 2) * long // 2) % long) < 2)
    picture[joint] = mortar
    return picture + rng.standard_normal((height, width, 1)).astype(np.float32) * rng.uniform(0, 5)


def _panels(rng: Random, height: int, width: int) -> Image:
    """Wood, in boards or in framed panels, whose rectangles are no canvases."""
    base = cv2.cvtColor(
        np.array([[[rng.integers(5, 25), rng.integers(20, 170), rng.integers(40, 240)]]], np.uint8), cv2.COLOR_HSV2RGB
    )[0, 0].astype(np.float32)
    grain = cv2.resize(smooth(rng, height, max(width // 8, 2), 30, 3), (width, height))
    if rng.random() < 0.5:
        grain = cv2.resize(smooth(rng, max(height // 8, 2), width, 30, 3), (width, height))
    picture = base + grain[..., None] * rng.uniform(2, 12)
    step = int(rng.uniform(30, 200))
    for x in range(int(rng.integers(step)), width, step):
        picture[:, x : x + 2] *= rng.uniform(0.5, 0.9)
    if rng.random() < 0.5:  # panels with mouldings
        high = int(rng.uniform(0.3, 0.9) * height)
        top = int(rng.integers(max(height - high, 1)))
        for x in range(int(rng.integers(step)), width, step):
            for inset, gain in ((6, 1.2), (8, 0.7)):
                corner, opposite = (x + inset, top + inset), (x + step - inset, top + high - inset)
                layer = picture.copy()
                cv2.rectangle(layer, corner, opposite, (base * gain).tolist(), 2)
                picture[:] = layer
    return picture


def _stripes(rng: Random, height: int, width: int) -> Image:
    first, second = colour(rng), colour(rng)
    second = first + (second - first) * rng.uniform(0.05, 0.6)
    step = rng.uniform(4, 40)
    along = np.sin(np.arange(width) / step * np.pi) > rng.uniform(-0.5, 0.5)
    picture = np.where(along[None, :, None], first, second).repeat(height, 0).reshape(height, width, 3)
    return picture + smooth(rng, height, width, 5, 2)[..., None] * 3


def _fabric(rng: Random, height: int, width: int) -> Image:
    base = colour(rng, grey=0.3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    weave = np.sin(x * rng.uniform(0.8, 3)) * np.sin(y * rng.uniform(0.8, 3)) * rng.uniform(2, 12)
    return base + (weave + smooth(rng, height, width, 6, 3) * 5)[..., None]


def _damask(rng: Random, height: int, width: int) -> Image:
    """Wallpaper: one ornament repeated."""
    size = int(rng.uniform(14, 60))
    tile = (smooth(rng, size, size, rng.uniform(3, 7)) > 0.3).astype(np.float32)
    tile = np.hstack([tile, tile[:, ::-1]])
    tile = np.vstack([tile, tile[::-1]])
    repeats = (height // tile.shape[0] + 1, width // tile.shape[1] + 1)
    pattern = cv2.GaussianBlur(np.tile(tile, repeats)[:height, :width], (0, 0), 0.8)
    return colour(rng, grey=0.3) + pattern[..., None] * (rng.uniform(5, 40) * rng.choice([-1, 1]))


def _floor(rng: Random, picture: Image) -> None:
    height, width = picture.shape[:2]
    top = int(rng.uniform(0.72, 0.97) * height)
    picture[top:] = colour(rng) + smooth(rng, height - top, width, 12, 2)[..., None] * rng.uniform(2, 12)
    skirting = int(rng.uniform(3, 16))
    picture[max(top - skirting, 0) : top] = colour(rng, grey=0.8)
    picture[max(top - 1, 0) : top + 1] *= 0.6


def _rail(rng: Random, picture: Image) -> None:
    height = picture.shape[0]
    top = int(rng.uniform(0.02, 0.2) * height) if rng.random() < 0.5 else int(rng.uniform(0.6, 0.8) * height)
    picture[top : top + int(rng.uniform(2, 8))] *= rng.uniform(0.5, 1.3)


def _box(
    rng: Random, picture: Image, wide: tuple[float, float], high: tuple[float, float]
) -> tuple[int, int, int, int]:
    height, width = picture.shape[:2]
    w, h = int(rng.uniform(*wide) * width), int(rng.uniform(*high) * height)
    left, top = int(rng.uniform(-0.1, 1.0) * width), int(rng.uniform(0, 1.0) * (height - h))
    return max(left, 0), max(top, 0), max(w, 4), max(h, 4)


def _plate(rng: Random, picture: Image) -> None:
    """A label on the wall: small, pale, with lines of text."""
    for _ in range(int(rng.integers(1, 4))):
        left, top, w, h = _box(rng, picture, (0.02, 0.09), (0.02, 0.08))
        plate = picture[top : top + h, left : left + w]
        dark = rng.random() < 0.15
        plate[:] = rng.uniform(10, 60) if dark else rng.uniform(190, 255)
        for y in range(2, plate.shape[0] - 1, 3):
            plate[y, 2 : max(3, int(plate.shape[1] * rng.uniform(0.4, 0.95)))] = 220 if dark else rng.uniform(40, 140)


def _socket(rng: Random, picture: Image) -> None:
    left, top, w, h = _box(rng, picture, (0.012, 0.03), (0.016, 0.04))
    picture[top : top + h, left : left + w] = rng.uniform(150, 250)
    cv2.circle(picture, (left + w // 2, top + h // 2), max(1, w // 4), [rng.uniform(20, 160)] * 3, -1)


def _bench(rng: Random, picture: Image) -> None:
    height, width = picture.shape[:2]
    top, left = int(rng.uniform(0.8, 0.97) * height), int(rng.uniform(-0.1, 0.8) * width)
    right = left + int(rng.uniform(0.15, 0.5) * width)
    picture[top : top + max(3, int(0.04 * height)), max(left, 0) : right] = colour(rng, grey=0.7)
    for x in (left + 6, right - 8):
        picture[top:, max(x, 0) : max(x + 4, 0)] = colour(rng, grey=0.9) * 0.5


def _cables(rng: Random, picture: Image) -> None:
    """A rope between posts, or the wires that pictures hang from."""
    height, width = picture.shape[:2]
    x = np.linspace(0, width, 12)
    y = rng.uniform(0.55, 0.95) * height + np.abs(np.sin(x / width * np.pi * rng.integers(1, 5))) * 0.08 * height
    points = np.stack([x, y], 1).astype(np.int32)
    cv2.polylines(picture, [points], False, colour(rng, grey=0.3).tolist(), int(rng.integers(1, 4)))
