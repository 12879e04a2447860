"""A plain grid, in the manner of none of the six styles."""

import cv2
import numpy as np

from kiosk.demo.brushes import Image, Random, rgb, to_bytes


def draw(rng: Random) -> Image:
    """Even squares in even steps of colour: made with a ruler, in no style the kiosk knows."""
    side, cells = 600, 12
    v, u = np.mgrid[0:cells, 0:cells].astype(np.float32) / (cells - 1)
    cold, warm = np.array(rgb("20304f"), np.float32), np.array(rgb("e9dcc4"), np.float32)
    mix = np.clip(0.5 * (u + v), 0, 1)[..., None]
    steps = cold * (1 - mix) + warm * mix
    steps[(np.arange(cells)[:, None] * 5 + np.arange(cells)[None, :] * 3) % 7 == 0] = np.array(rgb("b8553a"))
    sheet = cv2.resize(steps, (side, side), interpolation=cv2.INTER_NEAREST)
    lines = (np.arange(side) + 2) % (side // cells) < 5
    sheet[lines, :] = sheet[:, lines] = np.array(rgb("f3eee4"))
    return to_bytes(sheet + rng.normal(0, 1.5, (side, side, 1)))
