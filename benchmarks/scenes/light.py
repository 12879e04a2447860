"""Lamps, windows and what stands in their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.scenes.frames import Hung
from benchmarks.scenes.grain import Random
from benchmarks.scenes.view import Points, View, fill, rectangle
from bundle.picture import Pixels

# Light is smooth: it is reckoned for every fourth pixel each way.
_STEP = 4

Light = npt.NDArray[np.float32]
"""``[h, w, 3]``, what every pixel's colour is multiplied by."""


@dataclass(frozen=True)
class Lamps:
    """How a wall is lit."""

    to_light: npt.NDArray[np.float64]
    """``[2]``, unit vector along the wall to where most light comes from (up is negative)."""
    softness: float
    """Blur of the shadows as a share of the depth that throws them."""
    drop: float
    """Length of shadows as a share of the depth."""
    darkness: float
    """Share of the light that a shadow takes."""
    hard_shadow: bool
    """Whether something outside the view throws a shadow over wall and painting."""


def lamps(rng: Random, hard: bool) -> Lamps:
    """Mostly from above."""
    side = rng.uniform(-0.9, 0.9) if not hard else rng.uniform(-1.6, 1.6)
    way = np.array([side, -1.0])
    return Lamps(
        to_light=way / np.linalg.norm(way),
        softness=rng.uniform(0.25, 0.8) if not hard else rng.uniform(0.06, 0.8),
        drop=rng.uniform(0.4, 1.4) if not hard else rng.uniform(0.4, 2.6),
        darkness=rng.uniform(0.2, 0.55) if not hard else rng.uniform(0.25, 0.75),
        hard_shadow=hard and bool(rng.random() < 0.35),
    )


def _on_wall(view: View) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Where on the wall's plane (x, y; centimetres) every fourth pixel looks."""
    to_wall = np.linalg.inv(view.homography(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0])))
    rows, columns = -(-view.height // _STEP), -(-view.width // _STEP)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) * _STEP
    w = to_wall[2, 0] * x + to_wall[2, 1] * y + to_wall[2, 2]
    # Beyond the horizon of the wall there is none; the far end of it will do.
    sign = np.sign(to_wall[2] @ np.array([view.middle[0], view.middle[1], 1.0]))
    w = np.maximum(w * sign, 1e-5) * sign
    wall_x = (to_wall[0, 0] * x + to_wall[0, 1] * y + to_wall[0, 2]) / w
    wall_y = (to_wall[1, 0] * x + to_wall[1, 1] * y + to_wall[1, 2]) / w
    return wall_x.astype(np.float32), wall_y.astype(np.float32)


def shine(rng: Random, view: View, hung: Sequence[Hung], lit: Lamps, hard: bool, level: float, span_cm: float) -> Light:
    """The light on every pixel, `level` on average where the first painting hangs (or about the middle).
    `span_cm` is how much of the wall is in view, roughly."""
    x, y = _on_wall(view)
    warm = np.array([1.0, rng.uniform(0.88, 1.0), rng.uniform(0.68, 1.0)], np.float32)
    cool = np.array([rng.uniform(0.9, 1.0), 1.0, rng.uniform(0.95, 1.08)], np.float32)
    slope_x, slope_y = rng.normal(0, 0.18 if not hard else 0.35, 2) / span_cm
    ambient = rng.uniform(0.5, 1.0) if not hard else rng.uniform(0.2, 0.9)
    base = (1 + slope_x * x + slope_y * y + 0.12 * float(lit.to_light[1]) * y / span_cm).clip(0.3, 1.8) * ambient
    light = base[..., None] * cool
    spots = int(rng.integers(0, 4)) if not hard else int(rng.integers(0, 6))
    for number in range(spots):
        if hung and number < len(hung):
            left, top, right, bottom = hung[number].box
            at_x, at_y = (left + right) / 2 + rng.normal(0, 15), (top + bottom) / 2 - 0.2 * (bottom - top)
            reach = max(right - left, bottom - top) * rng.uniform(0.5, 1.1)
        else:
            at_x, at_y, reach = rng.normal(0, span_cm / 2), rng.normal(-30, 60), rng.uniform(0.2, 0.8) * span_cm
        fall = ((x - at_x) / reach) ** 2 + ((y - at_y) / (reach * rng.uniform(0.9, 1.8))) ** 2
        # A reflector's beam: bright, and with an edge.
        beam = 1 / (1 + np.exp(((np.sqrt(fall) - 1) * rng.uniform(3, 9)).clip(None, 30))) + 0.4 * np.exp(-fall)
        light = light + (rng.uniform(0.15, 0.6) if not hard else rng.uniform(0.2, 1.3)) * beam[..., None] * warm
    if lit.hard_shadow:
        light = light * _thrown(rng, x, y, span_cm)[..., None]
    if hung:
        left, top, right, bottom = hung[0].box
        here = (x > left) & (x < right) & (y > top) & (y < bottom)
    else:
        here = (abs(x) < 0.3 * span_cm) & (abs(y) < 0.2 * span_cm)
    mean = float(light[here].mean()) if here.any() else float(light.mean())
    # Lenses are darker towards the corners.
    v, u = np.linspace(-1, 1, light.shape[0])[:, None], np.linspace(-1, 1, light.shape[1])[None, :]
    vignette = 1 - rng.uniform(0, 0.22) * (u**2 + v**2) / 2
    scaled = (light * (level / max(mean, 0.05)) * vignette[..., None]).astype(np.float32)
    size = (scaled.shape[1] * _STEP, scaled.shape[0] * _STEP)
    full = cv2.resize(scaled, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[: view.height, : view.width], np.float32)


def _thrown(rng: Random, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], span_cm: float) -> Light:
    """The shadow of a wall's edge, of a window's bars, or of a visitor."""
    dark, soft = rng.uniform(0.35, 0.75), rng.uniform(0.5, 12.0)
    turn, offset = rng.uniform(0, 2 * np.pi), rng.normal(0, span_cm * 0.2)
    across = np.cos(turn) * x + np.sin(turn) * y - offset
    kind = rng.integers(3)
    if kind == 0:
        inside = across
    elif kind == 1:
        period = rng.uniform(0.25, 0.7) * span_cm
        inside = np.abs((across % period) - period / 2) - period * rng.uniform(0.1, 0.35)
    else:
        size = rng.uniform(0.12, 0.3) * span_cm
        head = size * 0.28 - np.hypot(x - offset, y + size * 0.2)
        body = size * 0.5 - np.maximum(np.abs(x - offset), (size * 0.62 - y) * 0.9)
        inside = np.maximum(head, body)
    return np.asarray(1 - dark / (1 + np.exp((-2 * inside / soft).clip(-30, 30))), np.float32)


def shadows(view: View, hung: Sequence[Hung], lit: Lamps) -> npt.NDArray[np.uint8]:
    """The share of light, 255 for all, that the paintings' own thickness leaves to the wall ``[h, w]``."""
    half = 2
    shade = np.full((view.height // half, view.width // half), 255, np.uint8)
    for work in hung:
        away = -lit.to_light * lit.drop * work.depth_cm
        left, top, right, bottom = work.box
        cast = rectangle(left + away[0], top + away[1], right + away[0], bottom + away[1])
        mask = np.full_like(shade, 255)
        fill(mask, view.outline(cast) / half, (255 * (1 - lit.darkness),))
        fill(mask, view.outline(rectangle(*work.box)) / half, (255 * (1 - lit.darkness),))
        centre = np.array([(left + right) / 2, (top + bottom) / 2, 0.0])
        sigma = view.focal / max(view.depth_cm(centre), 10) * lit.softness * work.depth_cm / half
        shade = np.minimum(shade, cv2.GaussianBlur(mask, (0, 0), min(max(sigma, 0.8), 14)))
    return np.asarray(cv2.resize(shade, (view.width, view.height), interpolation=cv2.INTER_LINEAR), np.uint8)


def glare(rng: Random, view: View, picture: Pixels, glass: Points, strength: float) -> Pixels:
    """Lamps and windows reflected in the glass ``[n, 2]`` (pixels) before a painting."""
    shrink = 4
    spots = np.zeros((view.height // shrink, view.width // shrink), np.float32)
    low, high = glass.min(axis=0), glass.max(axis=0)
    size = float(np.linalg.norm(high - low))
    for _ in range(int(rng.integers(1, 4))):
        at = rng.uniform(low, high) / shrink
        if rng.random() < 0.5:
            wide, tall = size * rng.uniform(0.02, 0.14) / shrink, size * rng.uniform(0.02, 0.1) / shrink
            axes = (max(int(wide), 1), max(int(tall), 1))
            cv2.ellipse(spots, at.astype(int).tolist(), axes, rng.uniform(0, 180), 0, 360, (rng.uniform(0.5, 1),), -1)
        else:
            wide, tall = rng.uniform(0.05, 0.22, 2) * size / shrink
            lean = rng.normal(0, 0.25) * tall
            pane = np.array([(0, 0), (wide, rng.normal(0, 3)), (wide + lean, tall), (lean, tall)])
            pane += at - np.array([wide, tall]) / 2
            cv2.fillConvexPoly(spots, np.round(pane).astype(np.int32), (rng.uniform(0.3, 1),), cv2.LINE_AA)
    soft = cv2.GaussianBlur(spots, (0, 0), rng.uniform(0.8, 6)) + np.float32(rng.uniform(0, 0.12))
    full = cv2.resize(soft, (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    mask = np.zeros((view.height, view.width), np.uint8)
    fill(mask, glass, (255,))
    share = (full * np.float32(strength)).clip(0, 1) * 255
    shown = cv2.min(share.astype(np.uint8), mask)
    return np.asarray(cv2.add(picture, cv2.merge([shown] * 3)), np.uint8)
