"""Noise that is drawn once and then used in ever other crops: fresh noise of a frame costs 30 ms."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Random = np.random.Generator

# Pixels of the side of the smooth fields.
_SIDE = 1024

# Pixels of a cell up to which all noise is alike.
_FINE = 14

# Different fields, so that two layers of one surface seldom share one.
_FIELDS = 6


@functools.lru_cache(maxsize=_FIELDS)
def _cloud(index: int) -> Field:
    """Smooth noise with features of 32 pixels and finer, mean 0, standard deviation 1, [1024, 1024]."""
    rng = np.random.default_rng(1000 + index)
    total = np.zeros((_SIDE, _SIDE), np.float32)
    for octave in range(5):
        cells = (_SIDE // 32) << octave
        total += cv2.resize(
            rng.standard_normal((cells, cells), np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC
        ) * np.float32(0.6**octave)
    return np.asarray((total - total.mean()) / total.std(), np.float32)


@functools.lru_cache(maxsize=1)
def _sand() -> Field:
    """Noise with features of 8 pixels and finer, [1536, 1536], mean 0, standard deviation 1."""
    rng = np.random.default_rng(1999)
    side = 1536
    total = np.zeros((side, side), np.float32)
    for step, weight in ((8, 1.0), (4, 0.8), (2, 0.65), (1, 0.5)):
        dots = rng.standard_normal((side // step, side // step), np.float32)
        total += np.float32(weight) * cv2.resize(dots, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(total / total.std(), np.float32)


def cloud(rng: Random, height: int, width: int, cell_y: float, cell_x: float | None = None) -> Field:
    """Smooth noise ``[height, width]``, mean about 0 and standard deviation about 1, whose largest features
    are `cell_y` by `cell_x` pixels; not to be written to."""
    cell_x = cell_y if cell_x is None else cell_x
    shrink = 4 if min(cell_y, cell_x) >= 128 else 2 if min(cell_y, cell_x) >= 64 else 1
    if shrink > 1:  # its finest features are a sixteenth of a cell: it can be drawn small and enlarged
        small = cloud(rng, -(-height // shrink), -(-width // shrink), cell_y / shrink, cell_x / shrink)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    if max(cell_y, cell_x) <= _FINE and max(height, width) < len(_sand()) - 1:
        top, left = (int(value) for value in rng.integers(0, len(_sand()) - np.array([height, width])))
        return _sand()[top : top + height, left : left + width]
    field = _cloud(int(rng.integers(_FIELDS)))
    if rng.random() < 0.5:
        field = field[::-1]
    rows, columns = max(height * 32 / max(cell_y, 1.0), 2.0), max(width * 32 / max(cell_x, 1.0), 2.0)
    scale_y, scale_x = height / rows, width / columns
    place = np.array(
        [[scale_x, 0, -rng.uniform(0, _SIDE) * scale_x], [0, scale_y, -rng.uniform(0, _SIDE) * scale_y]], np.float64
    )
    return np.asarray(
        cv2.warpAffine(field, place, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
        np.float32,
    )


@functools.lru_cache(maxsize=1)
def _speckle() -> npt.NDArray[np.float32]:
    """Noise of a sensor behind a colour filter, standard deviation 1: neighbours are a little alike, and colour
    is coarser than luma. [1400, 1400, 3]."""
    rng = np.random.default_rng(77)
    side = 1400
    luma = cv2.GaussianBlur(rng.standard_normal((side, side), np.float32), (0, 0), 0.55)
    colour = cv2.GaussianBlur(rng.standard_normal((side, side, 3), np.float32), (0, 0), 1.1)
    noise = luma[..., None] / luma.std() * 0.85 + colour / colour.std() * 0.5
    return np.asarray(noise / noise.std(), np.float32)


def speckle(rng: Random, height: int, width: int) -> npt.NDArray[np.float32]:
    """A sensor's noise ``[height, width, 3]``, standard deviation 1; not to be written to."""
    field = _speckle()
    top, left = int(rng.integers(field.shape[0] - height + 1)), int(rng.integers(field.shape[1] - width + 1))
    return field[top : top + height, left : left + width]
