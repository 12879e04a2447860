"""What the locator's network should say of a scene, and batches of it, drawn in a process beside the training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

import cv2
import numpy as np

import bundle
from train.beside import drawn_beside
from train.locator.scenes import Scene, Stock, draw

SIZE = 192
"""Pixels along the side of the square input; a frame of any aspect is squashed to it."""

STRIDE = 8
GRID = SIZE // STRIDE

FINE = SIZE // 4
"""Rows and columns in which the sides of a canvas are told, in a close-up."""

# Offsets are learnt in units of so many pixels, so that they are numbers of about 1.
UNIT = 32.0

# Spread of the target around a centre, as a share of the canvas's width and height; least, in cells.
_SPREAD, _LEAST_SPREAD = 0.13, 0.75

# Value of that target from which on a cell has to know the corners.
_RESPONSIBLE = 0.45


def middles() -> np.ndarray:
    """Middles of the cells in pixels, ``[GRID, GRID, 2]`` (x, y)."""
    along = (np.arange(GRID, dtype=np.float32) + 0.5) * STRIDE
    return np.stack(np.meshgrid(along, along), axis=-1)


def inputs(scene: Scene) -> np.ndarray:
    """The scene as the network sees it: squashed, uint8 ``[SIZE, SIZE, 3]``."""
    return bundle.prepare(scene.picture, SIZE)


def target(scene: Scene) -> np.ndarray:
    """What the network should say of a scene: ``[GRID, GRID, 11]``: centre, its weight, corners (8), their weight."""
    maps = np.zeros((GRID, GRID, 11), np.float32)
    maps[..., 1] = 1
    cells = middles()
    for quad in scene.doubtful * SIZE:
        mask = np.zeros((GRID, GRID), np.uint8)
        cv2.fillConvexPoly(mask, np.round(quad / STRIDE * 16).astype(np.int32), 1, shift=4)
        maps[mask > 0, 1] = 0
    for quad in np.ascontiguousarray(scene.canvases * SIZE):
        spread = np.maximum(np.ptp(quad, axis=0) * _SPREAD, _LEAST_SPREAD * STRIDE)
        centre = _crossing(quad)
        # On the middle of the cell, so that one cell is surely responsible.
        at = (np.floor(centre / STRIDE).clip(0, GRID - 1) + 0.5) * STRIDE
        near = np.exp(-0.5 * (((cells - at) / spread) ** 2).sum(-1))
        mine = (near > _RESPONSIBLE) & (near > maps[..., 0])
        maps[..., 0] = np.maximum(maps[..., 0], near)
        maps[mine, 1] = 1
        maps[mine, 2:10] = ((quad[None] - cells[mine][:, None]) / UNIT).reshape(-1, 8)
        # In shares of the canvas's size, and every canvas counts the same.
        size = np.sqrt(abs(cv2.contourArea(quad))) / UNIT
        maps[mine, 10] = near[mine] / near[mine].sum() / size
    return maps


def sides(scene: Scene) -> np.ndarray:
    """Where the sides of the canvas in a close-up are, ``[4, FINE, 2]``: for top and bottom the y in each column, for
    right and left the x in each row, as shares of the picture; and 1 where the side passes there, else 0. All 0 for
    scenes without one canvas in the middle. In the order of the corners: top, right, bottom, left."""
    told = np.zeros((4, FINE, 2), np.float32)
    if scene.middle is None:
        return told
    along = (np.arange(FINE) + 0.5) / FINE
    for number in range(4):
        first, second = scene.middle[number], scene.middle[(number + 1) % 4]
        axis = number % 2  # top and bottom run along x, the others along y
        (start, from_), (end, to) = sorted([(first[axis], first[1 - axis]), (second[axis], second[1 - axis])])
        if end - start > 1e-3:
            told[number, :, 0] = from_ + (along - start) / (end - start) * (to - from_)
            inside = (told[number, :, 0] > 0) & (told[number, :, 0] < 1)
            told[number, :, 1] = inside & (along > start) & (along < end)
    return told


def batches(stock: Stock, size: int, seed: int, first: int) -> AbstractContextManager[Iterator[tuple]]:
    """Endless batches of `size` pictures and targets, from number `first` on; see `train.beside`."""
    return drawn_beside(partial(_draw_batch, seed, size), stock, first)


def _draw_batch(seed: int, size: int, stock: Stock, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Each scene twice, the second time in a mirror: half the work of drawing."""
    pixels = np.empty((size, SIZE, SIZE, 3), np.uint8)
    targets = {
        "maps": np.empty((size, GRID, GRID, 11), np.float32),
        "sides": np.empty((size, 4, FINE, 2), np.float32),
    }
    for index in range(0, size, 2):
        scene = draw(np.random.default_rng((seed, 0, number, index)), stock)
        for at, shown in ((index, scene), (index + 1, _mirror(scene))):
            pixels[at], targets["maps"][at], targets["sides"][at] = inputs(shown), target(shown), sides(shown)
    return pixels, targets


def _mirror(scene: Scene) -> Scene:
    def turned(quads: np.ndarray) -> np.ndarray:
        return (quads * np.array([-1, 1], np.float32) + np.array([1, 0], np.float32))[..., [1, 0, 3, 2], :]

    middle = None if scene.middle is None else turned(scene.middle)
    return Scene(scene.picture[:, ::-1], turned(scene.canvases), turned(scene.doubtful), middle)


def _crossing(quad: np.ndarray) -> np.ndarray:
    """Where the diagonals cross: the centre of the canvas in perspective."""
    a, b, c, d = quad.astype(np.float64)
    across, down = c - a, d - b
    area = across[0] * down[1] - across[1] * down[0]
    if abs(area) < 1e-6:
        return quad.mean(0)
    along = ((b - a)[0] * down[1] - (b - a)[1] * down[0]) / area
    return a + along * across
