"""Visitors, as a camera behind them sees them: mostly from the back, dark against a lit wall."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from benchmarks.scenes.furniture import Sprite
from benchmarks.scenes.grain import Random, cloud
from benchmarks.scenes.surfaces import Colour, colours, paint_colour
from benchmarks.scenes.view import Mask, Points, View, blend, box_around, fill

_HAIRS = colours("1c1614 3e2a1c 705030 aa8a5c 969492 d2cec8 602c1a")
_SKINS = colours("e2b89e c69678 96684c 624230 f0ccb6")
_CLOTHES = colours("1c1e24 2c2e34 242c46 5c5852 969086 c8c4bc 78282a 404e3a b2966c 54688c debe3c eceae6 aa543c 462840")


class Person:
    """A visitor's shape and clothes; where they stand is said at each drawing, so that it can be tried."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._height_cm = rng.normal(170, 9) if rng.random() < 0.9 else rng.uniform(95, 140)
        self._girth = rng.uniform(0.88, 1.25)
        self._hair = _pick(rng, _HAIRS)
        self._skin = _pick(rng, _SKINS)
        self._top, self._legs = _pick(rng, _CLOTHES), _pick(rng, _CLOTHES[:5])
        if rng.random() < 0.15:
            self._top = paint_colour(rng)
        self._coat = rng.random() < 0.35
        self._hair_cm = rng.choice([2.0, 4.0, 22.0, 38.0], p=[0.4, 0.25, 0.2, 0.15])
        self._faces = rng.choice([-1, 0, 1], p=[0.2, 0.6, 0.2])  # to the left, away, to the right
        self._pattern = rng.choice(["plain", "stripes", "checks"], p=[0.7, 0.17, 0.13])
        self._arms = [self._arm(side) for side in (-1, 1)]
        self._bag = rng.random() < 0.3
        self._hat = rng.random() < 0.1
        self._waver = rng.normal(0, 0.012, (40, 2))

    def _arm(self, side: int) -> list[tuple[float, float]]:
        """Shoulder, elbow and hand; in shares of the height, y up from the feet."""
        pose = self._rng.choice(["hanging", "phone", "hip", "pointing"], p=[0.6, 0.22, 0.12, 0.06])
        shoulder = (side * 0.108, 0.80)
        if pose == "hanging":
            return [shoulder, (side * 0.145, 0.63), (side * 0.135, 0.46)]
        if pose == "hip":
            return [shoulder, (side * 0.21, 0.66), (side * 0.1, 0.56)]
        if pose == "phone":
            return [shoulder, (side * 0.17, 0.67), (side * 0.07, 0.84)]
        return [shoulder, (side * 0.24, 0.83), (side * 0.37, 0.93)]

    def _parts(self) -> list[tuple[Points, Colour, str]]:
        """Outlines in shares of the height (x right, y up from the feet), colours and patterns, back to front."""
        girth, coat = self._girth, self._coat
        waist = 0.085 * girth
        parts: list[tuple[Points, Colour, str]] = []
        for side in (-1, 1):
            leg = [(0.005, 0.50), (waist, 0.50), (0.075, 0.26), (0.065, 0.02), (0.02, 0.02), (0.012, 0.26)]
            parts.append((_around([(side * x, y) for x, y in leg]), self._legs, "plain"))
            foot = [(side * 0.01, 0.03), (side * 0.07, 0.03), (side * 0.08, 0), (side * 0.01, 0)]
            parts.append((_around(foot), np.array([32, 28, 26], np.float32), "plain"))
        hem = 0.30 if coat else 0.47
        right = [(0.03, 0.855), (0.09, 0.83), (0.125 * (0.6 + 0.4 * girth), 0.80), (0.115 * girth, 0.70)]
        right += [(waist * 1.05, 0.60), (waist * 1.15, 0.52), (waist * (1.4 if coat else 1.1), hem)]
        torso = right + [(-x, y) for x, y in right[::-1]]
        for arm in self._arms:
            for joint, broad in ((0, 0.037 * girth), (1, 0.031)):
                limb = _limb(arm[joint], arm[joint + 1], broad, 0.8 * broad)
                parts.append((limb, self._top * 0.92, "plain"))
            parts.append((_ellipse(arm[-1], 0.022, 0.027), self._skin, "plain"))
        parts.append((_around(torso), self._top, self._pattern))
        parts.append((_around([(-0.03, 0.90), (0.03, 0.90), (0.038, 0.84), (-0.038, 0.84)]), self._skin * 0.9, "plain"))
        head = (0.006 * self._faces, 0.925)
        bare = self._skin if self._faces else self._hair
        parts.append((_ellipse(head, 0.045, 0.064), bare, "plain"))
        crown = (head[0] - 0.012 * self._faces, 0.94)
        parts.append((_ellipse(crown, 0.048, 0.056 if self._faces else 0.066), self._hair, "hair"))
        if self._hair_cm > 10:
            low = 0.90 - self._hair_cm / 170
            shift = -0.014 * self._faces
            lock = [(-0.046 + shift, 0.94), (0.046 + shift, 0.94), (0.052 + shift, 0.88), (0.045 + shift, low)]
            parts.append((_around([*lock, (-0.045 + shift, low), (-0.052 + shift, 0.88)]), self._hair, "hair"))
        if self._hat:
            parts.append((_ellipse((head[0], 0.965), 0.056, 0.036), self._legs * 0.8, "plain"))
        if self._bag:
            strap = _limb((-0.06, 0.82), (0.1, 0.55), 0.007, 0.007)
            parts.append((strap, self._legs * 0.6, "plain"))
            sack = [(0.05, 0.58), (0.15, 0.58), (0.155, 0.45), (0.045, 0.45)]
            parts.append((_around(sack), self._legs * 0.7 + 20, "plain"))
        waver = np.resize(self._waver, (400, 2))
        return [(outline + 0.2 * waver[: len(outline)], colour, name) for outline, colour, name in parts]

    def _placed(self, view: View, feet: Points) -> tuple[Points, float] | None:
        """Pixels of the feet, and pixels of the whole height; None where the lens would be touched."""
        depth = view.depth_cm(feet)
        if depth < 25:
            return None
        return view.project(feet[None])[0], view.focal * self._height_cm / depth

    def shadow(self, view: View, feet: Points, shrink: int) -> Mask | None:
        """Where they would cover the view, at 1/`shrink` of its size; quickly."""
        placed = self._placed(view, feet)
        if placed is None:
            return None
        mask = np.zeros((view.height // shrink, view.width // shrink), np.uint8)
        for outline, _, _ in self._parts():
            fill(mask, _seen(view, outline, *placed) / shrink, (255,))
        return mask

    def draw(self, view: View, feet: Points, light: float, from_right: float, blur: float) -> Sprite | None:
        """The visitor with feet at `feet` ``[3]``, lit by `light` (0-1), more from the right where
        `from_right` is positive, out of focus by `blur` pixels."""
        placed = self._placed(view, feet)
        if placed is None:
            return None
        pixels = np.zeros((view.height, view.width, 3), np.uint8)
        share = np.zeros((view.height, view.width), np.uint8)
        tall = placed[1]
        for outline, colour, pattern in self._parts():
            seen = _seen(view, outline, *placed)
            box = box_around(seen, view.width, view.height)
            if box is None:
                continue
            mask = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), np.uint8)
            fill(mask, seen - (box[1].start, box[0].start), (255,))
            cloth = _cloth(self._rng, mask.shape, colour * light, pattern, tall, from_right)
            pixels[box] = blend(pixels[box], cloth, mask)
            # What lies around a part is to be of its colour too, or soft edges would be black.
            bare = share[box] == 0
            pixels[box][bare] = cloth[bare]
            np.maximum(share[box], mask, out=share[box])
        if blur > 0.4:
            rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
            if len(rows):
                pad = int(3 * blur) + 2
                part = (
                    slice(max(rows[0] - pad, 0), rows[-1] + pad),
                    slice(max(columns[0] - pad, 0), columns[-1] + pad),
                )
                share[part] = cv2.GaussianBlur(share[part], (0, 0), blur)
                pixels[part] = cv2.GaussianBlur(pixels[part], (0, 0), blur * 0.7)
        return Sprite(pixels, share)


def _pick(rng: Random, among: Sequence[Colour]) -> Colour:
    base = among[int(rng.integers(len(among)))]
    return np.asarray((base * rng.uniform(0.8, 1.15) + rng.normal(0, 5, 3)).clip(4, 250), np.float32)


def _seen(view: View, outline: Points, feet: Points, tall: float) -> Points:
    """Shares of the height as pixels; a visitor stands upright, so a turned camera sees them turned."""
    up = view.rotation[:2] @ np.array([0.0, -1.0, 0.0])
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    right = np.array([-up[1], up[0]])
    return np.asarray(feet + tall * (outline[:, :1] * right + outline[:, 1:] * up))


def _cloth(
    rng: Random, shape: tuple[int, ...], colour: Colour, pattern: str, tall: float, from_right: float
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    height, width = shape
    across = np.linspace(-1, 1, width, dtype=np.float32)
    round_form = 1 - 0.35 * across**2 + np.float32(0.3 * from_right) * across
    folds = 0.06 if pattern != "hair" else 0.14
    cells = (0.10 * tall, 0.03 * tall) if pattern != "hair" else (0.12 * tall, 0.006 * tall + 1)
    # Folds are soft: a third of the size is enough for them.
    small = (height // 3 + 1, width // 3 + 1)
    wave = cloud(rng, *small, max(cells[0] / 3, 2), max(cells[1] / 3, 2))
    shade = round_form[None, :] + folds * cv2.resize(wave, (width, height), interpolation=cv2.INTER_LINEAR)
    if pattern in ("stripes", "checks"):
        period = max(tall * 0.03, 3)
        shade = shade + np.where((np.arange(height) % period) < period / 2, 0.28, -0.1)[:, None]
    if pattern == "checks":
        shade = shade + np.where((np.arange(width) % period) < period / 2, 0.2, -0.1)[None, :]
    shade = np.asarray(shade.clip(0.1, 2), np.float32)
    channels = [cv2.convertScaleAbs(shade, alpha=float(value)) for value in colour]
    return np.asarray(cv2.merge(channels), np.uint8)


def _around(knots: Sequence[tuple[float, float]], steps: int = 6) -> Points:
    """A closed Catmull-Rom spline through `knots`."""
    points = np.array(knots, np.float64)
    before, after, later = np.roll(points, 1, 0), np.roll(points, -1, 0), np.roll(points, -2, 0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (part[:, None, :] for part in (before, points, after, later))
    square, cube = 2 * p0 - 5 * p1 + 4 * p2 - p3, 3 * p1 - p0 - 3 * p2 + p3
    spline = 0.5 * (2 * p1 + (p2 - p0) * t + square * t**2 + cube * t**3)
    return np.asarray(spline.reshape(-1, 2))


def _ellipse(centre: tuple[float, float], half_x: float, half_y: float) -> Points:
    turn = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    return np.column_stack([centre[0] + half_x * np.cos(turn), centre[1] + half_y * np.sin(turn)])


def _limb(start: tuple[float, float], end: tuple[float, float], broad: float, thin: float) -> Points:
    """A straight limb with round ends: the hull of two circles."""
    both = np.concatenate([_ellipse(start, broad, broad), _ellipse(end, thin, thin)]).astype(np.float32)
    return np.asarray(cv2.convexHull(both)[:, 0], np.float64)
