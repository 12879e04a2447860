"""In the manner of Abstract Expressionism."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from kiosk.demo.brushes import SUBPIXEL, Image, Random, blend, ground, painted, rgb, smooth_noise, varnish


def draw(rng: Random) -> Image:
    """Poured paint, skein over skein, over the whole canvas and past its edges."""
    width, height = 628, 588
    under = ground("c9b48f", width, height)
    under *= (0.90 + 0.16 * smooth_noise(rng, height, width, 160))[..., None]
    # Thinned paint that soaked into the bare canvas before the pouring began.
    for code, cell, level in (("6f7f7c", 150, 0.55), ("8a6a44", 120, 0.57), ("3a332c", 90, 0.60)):
        under = blend(under, rgb(code), np.clip((smooth_noise(rng, height, width, cell, 4) - level) * 9, 0, 0.8))
    paint = painted(under)
    paint[..., 3] = 40
    pours = (  # colour, skeins, width in px
        ("8f9a98", 12, 7.0),
        ("211c18", 20, 7.5),
        ("4a6f7c", 8, 4.5),
        ("ece3cf", 16, 5.0),
        ("9c6a35", 9, 3.4),
        ("15120f", 26, 3.4),
        ("dfae35", 5, 2.6),
        ("f7f1e4", 24, 2.6),
        ("8f2a20", 4, 2.2),
        ("191512", 30, 1.5),
        ("b9bdb8", 14, 1.5),
        ("fbf7ee", 22, 1.3),
    )
    for level, (code, skeins, broad) in enumerate(pours):
        colour = (*rgb(code), min(255, 90 + 13 * level))
        for _ in range(skeins):
            _pour(paint, rng, colour, broad * rng.uniform(0.5, 1.5))
        for _ in range(3):  # a flick of the brush: drops in a fan, smaller the further they flew
            x, y, aim = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * np.pi)
            for far in (rng.exponential(60, 45)).tolist():
                turn = aim + rng.normal(0, 0.35)
                at = (round(x + far * math.cos(turn)), round(y + far * math.sin(turn)))
                cv2.circle(paint, at, max(1, round(4.5 * rng.random() ** 3)), colour, -1, cv2.LINE_AA)
    return varnish(paint, rng, 0.22)


def _pour(paint: Image, rng: Random, colour: Sequence[float], broad: float) -> None:
    """One swing of the arm: a looping path, thick where it slows down, with drops thrown off."""
    height, width = paint.shape[:2]
    steps = 130
    t = np.linspace(0, 1, steps)
    turn = np.cumsum(rng.normal(0, 0.10, steps)) + rng.uniform(0, 6.3)
    turn += rng.normal(0, 5) * t + rng.uniform(0.5, 3) * np.sin(rng.uniform(3, 16) * t + rng.uniform(0, 6))
    swing = 0.18 + np.abs(np.sin(rng.uniform(3, 11) * t + rng.uniform(0, 3))) ** 1.5
    speed = rng.uniform(4, 13) * swing
    x = rng.uniform(-0.15, 1.15) * width + np.cumsum(speed * np.cos(turn))
    y = rng.uniform(-0.15, 1.15) * height + np.cumsum(speed * np.sin(turn))
    path = np.round(np.column_stack([x, y]) * 2**SUBPIXEL).astype(np.int32)
    thickness = np.clip(broad * (0.25 + 0.42 / (0.25 + swing)) * (1 - 0.6 * t), 1, 20)
    for i in range(0, steps - 1, 3):
        wide = max(1, round(float(thickness[i])))
        cv2.polylines(paint, [path[i : i + 4]], False, list(colour), wide, cv2.LINE_AA, SUBPIXEL)
    for i in rng.integers(0, steps, 8).tolist():
        at = (round(float(x[i] + rng.normal(0, 12))), round(float(y[i] + rng.normal(0, 12))))
        cv2.circle(paint, at, max(1, round(broad * rng.random() ** 2)), list(colour), -1, cv2.LINE_AA)
