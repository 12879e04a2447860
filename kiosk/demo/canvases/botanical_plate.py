"""A botanical plate, in the manner of none of the six styles."""

import math

import cv2
import numpy as np

from kiosk.demo.brushes import (
    SUBPIXEL,
    Image,
    Outline,
    Points,
    Random,
    blend,
    brush_line,
    curve,
    ground,
    lay_in,
    painted,
    rgb,
    smooth_noise,
    to_bytes,
    varnish,
    xy,
)

WIDTH, HEIGHT = 528, 628
SIZE = (WIDTH, HEIGHT)

STEMS = (  # each with its width in px, and the leaves on it: height, angle and length
    ("49,97 50.5,80 48.5,58 51,40 50,28", 8,
     ((89, -0.25, 150), (86, 3.25, 150), (75, -0.62, 158), (71, 3.75, 152), (58, -0.75, 95), (49, 3.95, 90))),
    ("50,73 59,64 70,58 76,49", 5, ((61, -0.15, 92), (55, 3.6, 62))),
    ("48.6,59 38,54 27,47 23.5,38", 5, ((50, 3.3, 88), (44, -0.9, 60))),
    ("48.7,63 64,47 79,34 84,26", 4, ((36, 0.35, 62),)),
)  # fmt: skip
FLOWERS = ((0.50, 0.245, 104.0, 0.2), (0.765, 0.465, 56.0, 0.5), (0.232, 0.355, 50.0, 0.0))  # x, y, radius px, turn


def draw(rng: Random) -> Image:
    """A plant that does not exist, as a printed herbal shows it: even light, fine lines, nothing but what is there."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    sheet = ground("ebdfc4", WIDTH, HEIGHT)
    # Paper goes brown where damp stood, and from its edges.
    sheet = blend(sheet, rgb("cdb48a"), np.clip((smooth_noise(rng, HEIGHT, WIDTH, 170, 5) - 0.52) * 2.0, 0, 0.4))
    edge = np.clip(1 - np.minimum(np.minimum(u, WIDTH - 1 - u), np.minimum(v, HEIGHT - 1 - v)) / 60, 0, 1)
    # As pixels from here on: only there does OpenCV draw a fine line finely.
    plate = to_bytes(blend(sheet, rgb("a98a5c"), np.asarray(edge**2 * 0.45, np.float32)))
    for line, thick, leaves in STEMS:
        stem = curve(xy(line), SIZE, closed=False)
        brush_line(plate, stem, rgb("3c4a28"), thick + 2, thick)
        brush_line(plate, stem, rgb("6d8350"), thick - 1, thick - 2)
        for down, turn, long in leaves:
            nearest = np.argmin(np.abs(stem[:, 1] - down / 100 * HEIGHT * 2**SUBPIXEL))
            x, y = (stem[nearest] / 2**SUBPIXEL).tolist()
            _leaf(plate, x, y, turn, long)
    _bud(plate)
    for x, y, radius, turn in FLOWERS:
        _flower(plate, x * WIDTH, y * HEIGHT, radius, turn)
    # What the plate also shows, below: a petal by itself, and a leaf.
    _petal(plate, 0.145 * WIDTH, 0.945 * HEIGHT, 62, -1.45, 0)
    _leaf(plate, 0.80 * WIDTH, 0.945 * HEIGHT, -1.1, 66)
    return varnish(painted(plate), rng, 0.05)


def _shares(points: Points) -> Points:
    return [(x / WIDTH, y / HEIGHT) for x, y in points]


def _closed(points: Points) -> Outline:
    return curve(_shares(points), SIZE)


def _open(points: Points) -> Outline:
    return curve(_shares(points), SIZE, closed=False)


def _leaf(plate: Image, x: float, y: float, turn: float, long: float) -> None:
    """Dark on one side of the rib and light on the other."""

    def at(along: float, side: float) -> tuple[float, float]:
        bend = turn + 0.35 * along * (1 if math.cos(turn) > 0 else -1)
        out = side * 0.17 * long * math.sin(math.pi * min(1.0, along**0.8))
        return (
            x + long * along * math.cos(bend) - out * math.sin(bend),
            y + long * along * math.sin(bend) + out * math.cos(bend),
        )

    steps = [i / 10 for i in range(11)]
    rib, upper, lower = ([at(s, side) for s in steps] for side in (0.0, -1.0, 1.0))
    lay_in(plate, _closed([*upper, *lower[-2:0:-1]]), rgb("5f7c47"), 0.8)
    lay_in(plate, _closed([*upper, *rib[-2:0:-1]]), rgb("8fa76b"), 2.0, 0.8)
    for s in steps[2:9]:
        for side in (-1.0, 1.0):
            vein = [at(s, 0), at(min(1, s + 0.08), 0.5 * side), at(min(1, s + 0.13), 0.85 * side)]
            brush_line(plate, _open(vein), rgb("4f6236"), 1)
    brush_line(plate, _open(rib), rgb("3a4826"), 2, 1)
    for side_points in (upper, lower):
        brush_line(plate, _open(side_points), rgb("2f3a1e"), 1)


def _petal(plate: Image, x: float, y: float, reach: float, turn: float, ring: int) -> None:
    shade, light = (("b4566a", "e2a3aa"), ("c36f7d", "ebbcbd"), ("cf888e", "f2d0ce"))[ring]

    def at(out: float, swing: float) -> tuple[float, float]:
        return x + reach * out * math.cos(turn + swing), y + 0.86 * reach * out * math.sin(turn + swing)

    outline = [(x, y), *(at(out, swing) for out, swing in ((0.5, -0.34), (0.88, -0.32), (1.0, -0.14), (0.96, 0.0),
                                                          (1.0, 0.14), (0.88, 0.32), (0.5, 0.34)))]  # fmt: skip
    lay_in(plate, _closed(outline), rgb(shade), 0.8)
    lay_in(plate, _closed([at(0.3, 0), at(0.8, -0.22), at(0.95, 0), at(0.8, 0.22)]), rgb(light), 4, 0.9)
    for swing in (-0.2, -0.1, 0.0, 0.1, 0.2):
        brush_line(plate, _open([at(out, swing) for out in (0.3, 0.6, 0.86)]), rgb("a4505f"), 1)
    brush_line(plate, _open([*outline, outline[0]]), rgb("7a2f40"), 1)


def _flower(plate: Image, x: float, y: float, radius: float, turn: float) -> None:
    """Three rings of petals, the inner ones smaller and paler, and stamens in a spiral."""
    for ring, (petals, share) in enumerate(((9, 1.0), (8, 0.78), (7, 0.54))):
        for i in range(petals):
            _petal(plate, x, y, radius * share, turn + 2 * math.pi * i / petals + 0.4 * ring, ring)
    for i in range(46):
        away = 0.21 * radius * math.sqrt(i / 46)
        at = (round(x + away * math.cos(2.4 * i)), round(y + 0.86 * away * math.sin(2.4 * i)))
        cv2.circle(plate, at, 2, rgb("dcaa3c" if i % 3 else "8a5a1e"), -1, cv2.LINE_AA)


def _bud(plate: Image) -> None:
    lay_in(plate, curve(xy("84,26.5 81,22 82,17 85.5,14 87.5,19 87,24"), SIZE), rgb("b85f70"), 0.8)
    lay_in(plate, curve(xy("83,22 83.5,18 85,16 85.5,20"), SIZE), rgb("e6b0b2"), 3, 0.9)
    brush_line(plate, curve(xy("83,24 84,19 85.5,14"), SIZE, closed=False), rgb("7a2f40"), 1)
    brush_line(plate, curve(xy("86,24 86,19 85.5,14"), SIZE, closed=False), rgb("7a2f40"), 1)
    for sepal in ("84,27 80.5,23 81.5,18.5 84,22", "84,27 87.8,23.5 87.8,19 85.5,22"):
        lay_in(plate, curve(xy(sepal), SIZE), rgb("6d8350"), 0.8)
        brush_line(plate, curve([*xy(sepal), xy(sepal)[0]], SIZE, closed=False), rgb("2f3a1e"), 1)
