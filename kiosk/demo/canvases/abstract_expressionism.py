"""In the manner of Abstract Expressionism."""

import math

import cv2
import numpy as np

from kiosk.demo.brushes import (
    SUBPIXEL,
    Colour,
    Image,
    Points,
    Random,
    blend,
    curve,
    ground,
    painted,
    rgb,
    smooth_noise,
    varnish,
)

WIDTH, HEIGHT = 628, 588
SIZE = (WIDTH, HEIGHT)

Paint = tuple[float, float, float, float]  # a colour and its height

SWEEPS = (  # colour, how many, and how broad the brush is in px
    ("b7a689", 7, 95),
    ("8d9fa2", 7, 85),
    ("c6933a", 7, 52),
    ("335a86", 8, 56),
    ("9e3422", 7, 44),
    ("efe6d2", 10, 52),
    ("17130f", 11, 30),
    ("cc562e", 4, 30),
    ("f3ecdc", 11, 26),
    ("17130f", 9, 13),
)
POURS = (  # colour, how many skeins, and how thick in px
    ("15120f", 22, 3.4),
    ("f7f1e4", 20, 2.6),
    ("b8321f", 4, 2.4),
    ("191512", 22, 1.5),
    ("fbf7ee", 18, 1.3),
    ("22508c", 5, 2.0),
    ("e0a32c", 4, 2.0),
)


def draw(rng: Random) -> Image:
    """Nothing but what arm and paint did: sweeps of broad brushes, drips below them, poured skeins over all."""
    under = ground("d8cbb0", WIDTH, HEIGHT)
    under *= (0.88 + 0.2 * smooth_noise(rng, HEIGHT, WIDTH, 160))[..., None]
    # Thinned paint that soaked into the bare canvas first.
    for code, cell, level in (("8d9796", 150, 0.55), ("b08a5a", 120, 0.58), ("4a4238", 90, 0.62)):
        under = blend(under, rgb(code), np.clip((smooth_noise(rng, HEIGHT, WIDTH, cell, 4) - level) * 9, 0, 0.7))
    paint = painted(under)
    paint[..., 3] = 40
    for level, (code, count, broad) in enumerate(SWEEPS):
        for _ in range(count):
            gesture = _gesture(rng)
            colour = _thick(rgb(code), 90 + 14 * level)
            _sweep(paint, rng, gesture, broad * rng.uniform(0.6, 1.3), colour)
            if level >= 2:  # the first two are too thin to run
                _drips(paint, rng, gesture, 0.6 * broad, colour)
    for code, skeins, thick in POURS:
        colour = _thick(rgb(code), 225)
        for _ in range(skeins):
            _pour(paint, rng, colour, thick * rng.uniform(0.5, 1.5))
        for _ in range(3):  # a flick of the brush: drops in a fan, smaller the further they flew
            x, y, aim = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(0, 2 * np.pi)
            for far in rng.exponential(60, 45).tolist():
                turn = aim + rng.normal(0, 0.35)
                at = (round(x + far * math.cos(turn)), round(y + far * math.sin(turn)))
                cv2.circle(paint, at, max(1, round(3.5 * rng.random() ** 4)), colour, -1, cv2.LINE_AA)
    return varnish(paint, rng, 0.25)


def _thick(colour: Colour, height: float) -> Paint:
    return *colour, min(255.0, height)


def _gesture(rng: Random) -> Points:
    """A swing of the arm: an arc somewhere, longer than the brush is broad."""
    x, y, aim = rng.uniform(-0.05, 1.05), rng.uniform(-0.05, 1.05), rng.uniform(0, 2 * np.pi)
    bend, step = rng.normal(0, 0.7), rng.uniform(0.10, 0.17)
    points = []
    for _ in range(5):
        points.append((x, y))
        x, y = x + step * math.cos(aim), y + step * math.sin(aim)
        aim += bend * rng.uniform(0.5, 1.5)
    return points


def _sweep(paint: Image, rng: Random, gesture: Points, broad: float, colour: Paint) -> None:
    """Each hair of the brush draws its own line, until it runs dry."""
    spine = curve([(x + rng.normal(0, 0.012), y + rng.normal(0, 0.012)) for x, y in gesture], SIZE, closed=False)
    along = np.gradient(spine.astype(np.float64), axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-6
    across = np.column_stack([-along[:, 1], along[:, 0]])
    steps = len(spine)
    pressure = np.sin(np.pi * np.linspace(0.08, 1.0, steps)) ** 0.35
    hairs = max(8, int(broad / 1.7))
    for hair in rng.permutation(hairs).tolist():
        sway = 0.12 * np.cumsum(rng.normal(0, 1, steps)) + (hair / (hairs - 1) - 0.5) * broad
        path = np.round(spine + across * (sway * pressure * 2**SUBPIXEL)[:, None]).astype(np.int32)
        lighter = rng.normal(0, 15)
        shade = np.clip(np.add(colour, (lighter, lighter, lighter, rng.normal(0, 38))), 0, 255).tolist()
        here, end = int(steps * max(0, rng.normal(0, 0.06))), int(steps * min(1, rng.uniform(0.45, 1.15)))
        while here < end - 2:
            run = 3 + int(rng.exponential(steps * (0.6 if here < 0.4 * steps else 0.16)))
            piece = path[here : min(end, here + run)]
            cv2.polylines(paint, [piece], False, shade, int(rng.choice([1, 2, 2, 3])), cv2.LINE_AA, SUBPIXEL)
            here += run + int(rng.integers(1, 4))


def _drips(paint: Image, rng: Random, gesture: Points, broad: float, colour: Paint) -> None:
    spine = curve(gesture, SIZE, closed=False) / 2**SUBPIXEL
    for _ in range(int(broad / 9)):
        x, y = spine[rng.integers(len(spine))] + (rng.normal(0, 0.3 * broad), rng.uniform(0, 0.45 * broad))
        end = (round(x + rng.normal(0, 1)), round(y + 10 + rng.exponential(55)))
        thick = int(rng.choice([1, 2, 2, 3]))
        cv2.line(paint, (round(x), round(y)), end, colour, thick, cv2.LINE_AA)
        cv2.circle(paint, end, thick, colour, -1, cv2.LINE_AA)


def _pour(paint: Image, rng: Random, colour: Paint, thick: float) -> None:
    """Paint off a stick: a looping path, thick where it slows down, with drops thrown off."""
    steps = 130
    t = np.linspace(0, 1, steps)
    turn = np.cumsum(rng.normal(0, 0.10, steps)) + rng.uniform(0, 6.3)
    turn += rng.normal(0, 5) * t + rng.uniform(0.5, 3) * np.sin(rng.uniform(3, 16) * t + rng.uniform(0, 6))
    swing = 0.18 + np.abs(np.sin(rng.uniform(3, 11) * t + rng.uniform(0, 3))) ** 1.5
    speed = rng.uniform(4, 13) * swing
    x = rng.uniform(-0.15, 1.15) * WIDTH + np.cumsum(speed * np.cos(turn))
    y = rng.uniform(-0.15, 1.15) * HEIGHT + np.cumsum(speed * np.sin(turn))
    path = np.round(np.column_stack([x, y]) * 2**SUBPIXEL).astype(np.int32)
    thickness = np.clip(thick * (0.25 + 0.42 / (0.25 + swing)) * (1 - 0.6 * t), 1, 20)
    for i in range(0, steps - 1, 3):
        wide = max(1, round(float(thickness[i])))
        cv2.polylines(paint, [path[i : i + 4]], False, colour, wide, cv2.LINE_AA, SUBPIXEL)
    for i in rng.integers(0, steps, 8).tolist():
        at = (round(float(x[i] + rng.normal(0, 12))), round(float(y[i] + rng.normal(0, 12))))
        cv2.circle(paint, at, max(1, round(thick * rng.random() ** 2)), colour, -1, cv2.LINE_AA)
