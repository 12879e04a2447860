"""Black and white waves, in the manner of none of the six styles."""

import numpy as np

from kiosk.demo.brushes import Image, Random, blend, ground, rgb, to_bytes


def draw(rng: Random) -> Image:
    """Black and white bands that swell: a trick for the eye, and no style the kiosk knows."""
    side = 600
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) / side
    swell = np.exp(-(((u - 0.42) / 0.2) ** 2) - ((v - 0.52) / 0.3) ** 2)
    phase = 17 * (u + 0.045 * np.sin(2 * np.pi * (1.3 * v + 0.1))) + 2.4 * swell * np.sin(2 * np.pi * (u - 0.42))
    bands = np.clip(np.sin(2 * np.pi * phase) * 9 + 0.5, 0, 1)
    sheet = blend(ground("f4f1ea", side, side), rgb("151416"), np.asarray(bands, np.float32))
    return to_bytes(sheet + rng.normal(0, 1.5, (side, side, 1)))
