"""A sea chart, in the manner of none of the six styles."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.demo.brushes import (
    SUBPIXEL,
    Field,
    Image,
    Points,
    Random,
    blend,
    brush_line,
    curve,
    fill,
    ground,
    painted,
    rgb,
    smooth_noise,
    to_bytes,
    varnish,
    xy,
)

WIDTH, HEIGHT = 628, 560
SIZE = (WIDTH, HEIGHT)
INK = rgb("3d2c1c")
ROSE, FAR_ROSE = (0.515, 0.655), (0.64, 0.10)  # where the courses meet


def draw(rng: Random) -> Image:
    """Coasts that nobody has sailed along, with courses, a compass rose and a ship."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    u, v = u / WIDTH, v / HEIGHT
    relief = smooth_noise(rng, HEIGHT, WIDTH, 250, 6) + 0.06 * smooth_noise(rng, HEIGHT, WIDTH, 30, 3)
    # Land to the left and right, water between.
    rises = 0.42 * np.exp(-(((u - 0.12) / 0.25) ** 2) - ((v - 0.35) / 0.45) ** 2)
    rises += 0.36 * np.exp(-(((u - 0.93) / 0.22) ** 2) - ((v - 0.75) / 0.40) ** 2)
    rises -= 0.22 * np.exp(-(((u - 0.52) / 0.22) ** 2) - ((v - 0.45) / 0.50) ** 2)
    land = (relief + rises > 0.69).astype(np.uint8)
    inland = np.asarray(cv2.distanceTransform(land, cv2.DIST_L2, 5), np.float32)

    sheet = _tinted(rng, land, inland)
    edge = np.clip(1 - np.minimum(np.minimum(u, 1 - u) * WIDTH, np.minimum(v, 1 - v) * HEIGHT) / 55, 0, 1)
    sheet = blend(sheet, rgb("8a6a3c"), np.asarray(edge**2 * 0.5, np.float32))
    sheet = blend(sheet, rgb("7a4a34"), np.asarray(_courses() * (0.35 - 0.26 * land), np.float32))
    chart = to_bytes(sheet)  # only on pixels does OpenCV draw a fine line finely
    _hills_and_woods(chart, rng, inland, relief)
    _compass(chart)
    _ship(chart)
    return varnish(painted(chart), rng, 0.06)


def _tinted(rng: Random, land: npt.NDArray[np.uint8], inland: Field) -> Field:
    """Washes of colour on paper: countries in three tints, the sea darker along the coast, in lines."""
    paper = blend(
        ground("e6d6b0", WIDTH, HEIGHT),
        rgb("cfb384"),
        np.clip((smooth_noise(rng, HEIGHT, WIDTH, 140, 5) - 0.5) * 2.5, 0, 0.6),
    )
    offshore = np.asarray(cv2.distanceTransform(1 - land, cv2.DIST_L2, 5), np.float32)
    half = np.full_like(inland, 0.55)
    sea = blend(blend(paper, rgb("8fae9f"), half), rgb("4d7f80"), np.exp(-((offshore / 16) ** 2)) * np.float32(0.6))
    for away, share in ((6, 0.55), (12, 0.41), (19, 0.27)):
        line = np.clip(1.1 - np.abs(offshore - away) * 1.2, 0, 1) * share
        sea = blend(sea, rgb("3d5f60"), np.asarray(line, np.float32))
    ground_tint = blend(paper, rgb("d8b46a"), half)
    for code, cell, level in (("a7b878", 190, 0.45), ("c98a6a", 170, 0.60)):
        country = np.clip((smooth_noise(rng, HEIGHT, WIDTH, cell, 1) - level) * 8, 0, 1)
        ground_tint = blend(ground_tint, rgb(code), country * np.float32(0.55))
    ground_tint = blend(ground_tint, rgb("8a6a3c"), np.exp(-((inland / 7) ** 2)) * np.float32(0.5))
    shown = blend(sea, ground_tint, np.asarray(cv2.GaussianBlur(land.astype(np.float32), (0, 0), 0.6), np.float32))
    coast = np.clip(1.3 - np.abs(inland - 1) * 0.9, 0, 1) * land * 0.9
    return blend(shown, INK, np.asarray(coast, np.float32))


def _courses() -> Field:
    """Straight lines to every point of two compasses."""
    lines = np.zeros((HEIGHT, WIDTH), np.uint8)
    for (x, y), count in ((ROSE, 32), (FAR_ROSE, 16)):
        start = np.array([x * WIDTH, y * HEIGHT])
        for i in range(count):
            turn = 2 * math.pi * i / count
            ends = np.array([start, start + 900 * np.array([math.cos(turn), math.sin(turn)])])
            course = np.round(ends * 2**SUBPIXEL).astype(np.int32)
            cv2.polylines(lines, [course], False, 255 if i % 4 == 0 else 190, 1, cv2.LINE_AA, SUBPIXEL)
    return np.asarray(lines / 255, np.float32)


def _hills_and_woods(chart: Image, rng: Random, inland: Field, relief: Field) -> None:
    """As they were drawn before there were contour lines: each seen from the side."""
    spots: list[tuple[int, int]] = []
    for x, y in zip(
        rng.integers(20, WIDTH - 20, 900).tolist(), rng.integers(20, HEIGHT - 14, 900).tolist(), strict=True
    ):
        if inland[y, x] > 16 and all((x - a) ** 2 + (y - b) ** 2 > 24**2 for a, b in spots):
            spots.append((x, y))
    for x, y in sorted(spots, key=lambda spot: spot[1]):  # the nearer ones stand before the farther
        if relief[y, x] > 0.55:
            s = rng.uniform(8, 13)
            foot, peak, toe = (x - s, y + 0.5 * s), (x, y - s), (x + s, y + 0.5 * s)
            _shape(chart, [foot, peak, toe], "d9c39a")
            _shape(chart, [peak, toe, (x + 0.15 * s, y + 0.4 * s)], "8d6b48")
            ridge = [foot, (x - 0.2 * s, y - 0.7 * s), peak, (x + 0.3 * s, y - 0.5 * s), toe]
            brush_line(chart, curve([(a / WIDTH, b / HEIGHT) for a, b in ridge], SIZE, closed=False), INK, 2)
        else:
            for dx, dy in ((-5, 0), (4, 0), (0, 3)):
                cv2.line(chart, (x + dx, y + 5 + dy), (x + dx, y), INK, 1, cv2.LINE_AA)
                for code, thick in ((rgb("6f8750"), -1), (INK, 1)):
                    cv2.circle(chart, (x + dx, y - 2 + dy), 4, code, thick, cv2.LINE_AA)


def _shape(chart: Image, points: Points, code: str, outlined: bool = False) -> None:
    """Straight from corner to corner; the points are in px."""
    outline = np.round(np.asarray(points) * 2**SUBPIXEL).astype(np.int32)
    fill(chart, outline, rgb(code))
    if outlined:
        cv2.polylines(chart, [outline], True, INK, 1, cv2.LINE_AA, SUBPIXEL)


def _compass(chart: Image) -> None:
    x, y = ROSE[0] * WIDTH, ROSE[1] * HEIGHT
    for first, reach, code in ((0.5, 44, "2f5a62"), (0.0, 68, "9c3b2a")):
        for i in range(4):
            turn = (i + first) * math.pi / 2
            tip = (x + reach * math.cos(turn), y + reach * math.sin(turn))
            for side, half in ((-1, "efe2bd"), (1, code)):
                waist = turn + side * math.pi / 4
                flank = (x + 0.2 * reach * math.cos(waist), y + 0.2 * reach * math.sin(waist))
                _shape(chart, [(x, y), flank, tip], half, outlined=True)
    middle = (round(x), round(y))
    cv2.circle(chart, middle, 34, INK, 1, cv2.LINE_AA)
    cv2.circle(chart, middle, 6, rgb("d8a63a"), -1, cv2.LINE_AA)
    cv2.circle(chart, middle, 6, INK, 1, cv2.LINE_AA)


def _ship(chart: Image) -> None:
    def placed(points: str) -> Points:
        return [(0.50 + (x - 0.5) * 0.45 * HEIGHT / WIDTH, 0.30 + (y - 0.5) * 0.45) for x, y in xy(points)]

    for mast in ("40,62 40,30", "52,62 52,20", "62,62 62,34"):
        brush_line(chart, curve(placed(mast), SIZE, closed=False), INK, 2)
    for points, code in (
        ("33,60 70,60 74,55 68,68 60,71 42,71 36,68", "8a5a34"),
        ("36,38 44,37 47,46 44,56 36,56 39,47", "f2e8cc"),
        ("47,28 57,27 60,40 57,55 47,55 50,41", "f2e8cc"),
        ("58,40 66,39 68,48 66,57 58,57 61,48", "f2e8cc"),
        ("52,24 60,21.5 52,19.5", "9c3b2a"),
    ):
        outline = placed(points)
        fill(chart, curve(outline, SIZE), rgb(code))
        brush_line(chart, curve([*outline, outline[0]], SIZE, closed=False), INK, 2)
