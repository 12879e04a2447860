"""A slow walk past canvases that are drawn here, so that the kiosk can be shown without a camera.

Nothing is copied from a painting and nothing is loaded: every canvas is a seeded program of a few
dozen lines. Six are in the manner of the six styles, two of none of them. The classifier is not told
which is which; what it says about them is its own answer.

Paint is kept as blue, green, red and *height*. OpenCV draws four channels as easily as three, and
the slope of the height is what makes a stroke catch the light (`_varnish`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Random = np.random.Generator
Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]

FRAME_WIDTH, FRAME_HEIGHT = 1280, 720  # px, what a common USB camera gives
SPACING = 1340  # px between neighbours: at rest, one canvas alone is in view
WALL_HEIGHT = 860  # px: more than the frame, for the steps back between two canvases
EYE_LEVEL = 400  # px from the top of the wall to the middle of every canvas
REST_S, WALK_S = 6.0, 4.0  # s, the pause in front of a canvas, and the way to the next
STEP_BACK = 0.13  # share by which the view widens half-way between two canvases
SUBPIXEL = 4  # bits of sub-pixel position in OpenCV's drawing calls


# --- paint ---------------------------------------------------------------------------------------


def _rgb(code: str) -> Colour:
    """A hexadecimal colour as OpenCV wants it: blue, green, red."""
    return float(int(code[4:6], 16)), float(int(code[2:4], 16)), float(int(code[0:2], 16))


def _points(text: str) -> list[tuple[float, float]]:
    """Points written as "x,y x,y", in per cent of a canvas's width and height."""
    return [(float(x) / 100, float(y) / 100) for x, y in (point.split(",") for point in text.split())]


def _bytes(values: npt.NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _noise(rng: Random, height: int, width: int, cell: float, octaves: int = 3) -> Field:
    """Smooth noise, about 0 to 1; `cell` is the size of its largest feature in pixels."""
    total = np.zeros((height, width), np.float32)
    weight_sum = 0.0
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        grid = rng.random((int(height / step) + 3, int(width / step) + 3), dtype=np.float32)
        weight = 0.5**octave
        total += weight * np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        weight_sum += weight
    return total / np.float32(weight_sum)


def _blend(below: Field, above: Field | Colour, share: Field) -> Field:
    """`above` laid over `below` where `share` [h, w] is 1."""
    share3 = share[..., None]
    return np.asarray(below * (1 - share3) + np.asarray(above, np.float32) * share3, np.float32)


def _curve(points: Points, size: tuple[int, int], closed: bool = True) -> npt.NDArray[np.int32]:
    """A Catmull-Rom spline through points given in shares of (width, height), in sub-pixels."""
    knots = np.asarray(points, np.float64) * np.asarray(size, np.float64)
    if closed:
        before, after, last = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    else:
        padded = np.vstack([knots[:1], knots, knots[-1:]])
        before, after, last = padded[:-3], padded[2:-1], padded[3:]
        knots = padded[1:-2]
    t = np.linspace(0, 1, 14, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (before, knots, after, last))
    spline = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat = spline.reshape(-1, 2)
    if not closed:
        flat = np.vstack([flat, after[-1:]])
    return np.asarray(np.round(flat * 2**SUBPIXEL), np.int32)


def _fill(image: Image, outline: npt.NDArray[np.int32], colour: Sequence[float]) -> None:
    cv2.fillPoly(image, [outline], list(colour), cv2.LINE_AA, SUBPIXEL)


def _mask(outline: npt.NDArray[np.int32], size: tuple[int, int], blur: float = 0.0) -> Field:
    """1 inside the outline, 0 outside, with an edge of `blur` pixels."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [outline], [255], cv2.LINE_AA, SUBPIXEL)
    share = mask.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.GaussianBlur(share, (0, 0), blur) if blur else share, np.float32)


def _layer(under: Field, outline: npt.NDArray[np.int32], colour: Colour, blur: float = 0.8, share: float = 1.0) -> None:
    """Fills the outline in `under` itself, with an edge of `blur` pixels; `share` 1 covers."""
    height, width = under.shape[:2]
    x, y, w, h = cv2.boundingRect(outline >> SUBPIXEL)
    edge = math.ceil(3 * blur) + 1
    left, top = max(0, x - edge), max(0, y - edge)
    right, bottom = min(width, x + w + edge), min(height, y + h + edge)
    if right <= left or bottom <= top:
        return
    local = outline - np.array([left, top], np.int32) * 2**SUBPIXEL
    mask = _mask(local, (right - left, bottom - top), blur) * np.float32(share)
    under[top:bottom, left:right] = _blend(under[top:bottom, left:right], colour, mask)


def _line(
    image: Image, outline: npt.NDArray[np.int32], colour: Sequence[float], thick: float, thin: float = 0.0
) -> None:
    """A brushed line: full in the middle, thin at both ends, as pressure comes and goes."""
    count = len(outline) - 1
    for i in range(count):
        pressure = math.sin(math.pi * (i + 0.5) / count)
        width = max(1, round(thin + (thick - thin) * pressure))
        cv2.polylines(image, [outline[i : i + 2]], False, list(colour), width, cv2.LINE_AA, SUBPIXEL)


def _dabs(
    paint: Image,
    under: Field,
    angle: Field,
    rng: Random,
    *,
    count: int,
    length: float,
    width: float,
    value: float = 10.0,
    warmth: float = 8.0,
    where: Field | None = None,
) -> None:
    """Lays `count` strokes over `paint`, coloured from the underpainting and turned by `angle`.

    `value` and `warmth` break the colour: each stroke is a little lighter or darker, and a little
    warmer or cooler, than what is under it; the eye mixes them again.
    """
    height, across = angle.shape
    x, y = rng.integers(0, across, count), rng.integers(0, height, count)
    if where is not None:
        keep = rng.random(count) < where[y, x]
        x, y = x[keep], y[keep]
        count = len(x)
    colour = under[y, x].astype(np.float64)
    colour += rng.normal(0, value, (count, 1))
    colour += rng.normal(0, warmth, (count, 1)) * np.array([-1.0, 0.15, 0.9])
    colour = np.clip(np.column_stack([colour, rng.integers(70, 255, count)]), 0, 255)
    turn = angle[y, x] + rng.normal(0, 0.16, count)
    half = 0.5 * length * rng.uniform(0.55, 1.25, count)
    dx, dy = np.cos(turn) * half, np.sin(turn) * half
    scale = 2**SUBPIXEL
    ends = np.round(np.column_stack([x - dx, y - dy, x + dx, y + dy]) * scale).astype(int).tolist()
    widths = np.maximum(1, np.round(width * rng.uniform(0.6, 1.3, count))).astype(int).tolist()
    for (x0, y0, x1, y1), shade, thick in zip(ends, colour.tolist(), widths, strict=True):
        cv2.line(paint, (x0, y0), (x1, y1), shade, thick, cv2.LINE_AA, SUBPIXEL)


def _bristles(angle: Field, rng: Random, reach: int = 5) -> Field:
    """Noise smeared along `angle`: the furrows that a brush leaves (line integral convolution,
    Cabral and Leedom 1993, with straight streamlines)."""
    height, width = angle.shape
    noise = rng.random((height, width), dtype=np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along, down = np.cos(angle), np.sin(angle)
    total = np.zeros_like(noise)
    for step in range(-reach, reach + 1, 2):
        total += cv2.remap(noise, x + step * along, y + step * down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(total / (reach + 1), np.float32)


def _form(under: Field, rng: Random, blur: float = 6.0) -> Field:
    """Stroke directions that follow the forms: across the slope of the lightness."""
    grey = cv2.GaussianBlur(under.mean(axis=2), (0, 0), blur)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    drift = _noise(rng, grey.shape[0], grey.shape[1], cell=120) * 2.4 - 1.2
    # Flat places have no slope of their own: there the drift leads.
    gx, gy = gx + 2.0 * np.cos(drift), gy + 2.0 * np.sin(drift)
    return np.asarray(np.arctan2(gy, gx) + np.pi / 2, np.float32)


def _painted(under: Field) -> Image:
    """The underpainting as paint of even height."""
    height = np.full((*under.shape[:2], 1), 120, np.float32)
    return _bytes(np.concatenate([under, height], axis=2))


def _varnish(paint: Image, rng: Random, relief: float, furrows: Field | None = None) -> Image:
    """Colour lit from the upper left by the slope of its height, over the weave of the linen."""
    height = cv2.GaussianBlur(paint[..., 3].astype(np.float32) / 255, (0, 0), 0.9)
    if furrows is not None:
        height = height + 0.30 * furrows
    rows, columns = height.shape
    weave = 0.5 + 0.25 * (
        np.sin(np.arange(rows, dtype=np.float32) * 1.9)[:, None]
        + np.sin(np.arange(columns, dtype=np.float32) * 1.9)[None, :]
    )
    height = height + 0.05 * weave + 0.04 * rng.random((rows, columns), dtype=np.float32)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    light = 1 + relief * np.clip(slope, -1.0, 1.0)
    return _bytes(paint[..., :3] * light[..., None])


# --- six canvases in the manner of six styles ----------------------------------------------------


def _impressionism(rng: Random) -> Image:
    """A river at sunrise: broken colour, no outlines, the light told twice, in sky and in water."""
    width, height = 616, 600
    small_w, small_h = width // 2, height // 2  # the underpainting needs no detail: the dabs have it
    v, u = np.mgrid[0:small_h, 0:small_w].astype(np.float32)
    u, v = u / small_w, v / small_h
    horizon = 0.40

    def noise(cell: float) -> Field:
        return _noise(rng, small_h, small_w, cell / 2)

    rise = np.clip(v / horizon, 0, 1)
    under = np.zeros((small_h, small_w, 3), np.float32) + np.array(_rgb("6f93c9"), np.float32)
    under = _blend(under, _rgb("fbd3a0"), rise**1.5)
    clouds = np.clip((noise(210) - 0.45) * 4.2, 0, 1) * (1 - 0.45 * rise)
    under = _blend(under, _rgb("f7e3dd"), clouds * 0.85)
    under = _blend(under, _rgb("b9a4cc"), np.clip((noise(120) - 0.5) * 4, 0, 1) * (1 - rise) * 0.7)
    sun_u, sun_v = 0.655, 0.235
    away = np.hypot((u - sun_u) * width / height, v - sun_v)
    under = _blend(under, _rgb("ffb765"), np.exp(-((away / 0.20) ** 2)) * 0.85)

    # The far bank: two ranges in haze, then poplars at the left and a round wood at the right.
    for tint, level, tall, cell in (("a79fca", 0.345, 0.07, 190), ("6f86b4", 0.378, 0.06, 90)):
        line = level - tall * (_noise(rng, 1, small_w, cell / 2)[0] - 0.5)
        under = _blend(under, _rgb(tint), np.clip((v - line[None, :]) * 90, 0, 1))
    trees = np.zeros((small_h, small_w), np.float32)
    stems = ((0.045, 0.285), (0.095, 0.335), (0.145, 0.25), (0.205, 0.305), (0.265, 0.22), (0.32, 0.165))
    woods = ((0.85, 0.085), (0.895, 0.125), (0.945, 0.15), (0.99, 0.135))
    for at, tall in stems + woods:
        broad = 0.021 if at < 0.5 else 0.045
        share = np.clip((horizon + 0.012 - v) / tall, 0, 1)
        outline = broad * np.sqrt(np.clip(share * (1 - share) * 4, 0, 1)) * (1.15 - 0.5 * share)
        trees = np.maximum(trees, np.clip((outline - np.abs(u - at)) * 160, 0, 1))
    leaf = noise(26)
    green = _blend(np.zeros_like(under) + np.array(_rgb("274f55"), np.float32), _rgb("86a35c"), leaf)
    under = _blend(under, green, trees * 0.93)

    # The water repeats what stands above it, squeezed, shaken and a little bluer.
    depth = np.clip((v - horizon) / (1 - horizon), 0, 1)
    shake = (noise(24) - 0.5) * (3 + 17 * depth)
    up = np.clip((horizon - (v - horizon) * 0.72) * small_h, 0, None) + 0.5 * shake
    mirrored = cv2.remap(
        under, u * small_w + shake, up.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    mirrored = _blend(np.asarray(mirrored, np.float32) * 0.94, _rgb("2f6fa6"), 0.18 + 0.40 * depth)
    water = np.clip((v - horizon) * 200, 0, 1)
    under = _blend(under, mirrored, water)

    edge = 0.16 + 0.80 * (v - 0.66) + 0.10 * (noise(60) - 0.5)
    grass = np.clip((edge - u) * 9, 0, 1) * np.clip((v - 0.64) * 14, 0, 1)
    under = _blend(under, _blend(green * 0 + _rgb("4f7a3a"), _rgb("a9b24e"), noise(50)), grass)
    under = _blend(under, _rgb("23473f"), grass * np.clip((v - 0.80) * 3.2, 0, 0.7))

    still = noise(150) * 1.6 - 0.8
    angle = np.where(water > 0.5, 0.06 * still, 0.5 * still - 0.25)
    angle = np.where(trees > 0.4, 1.45 + 0.3 * still, angle)
    angle = np.where(grass > 0.4, 1.5 + 0.75 * (noise(60) - 0.5), angle).astype(np.float32)

    def grow(field: Field) -> Field:
        return np.asarray(cv2.resize(field, (width, height)), np.float32)

    drifts = np.clip((noise(110) - 0.52) * 9, 0, 1) * np.clip((v - 0.70) * 6, 0, 1)
    drifts *= (1 - grass) * (np.abs(u - 0.62) > 0.03)
    road = np.exp(-(((u - sun_u) / (0.022 + 0.075 * depth)) ** 2)) * water * (1 - 0.55 * depth) * 0.6
    detail = grow(np.clip(trees + 0.55 * water + grass + 0.15, 0, 1))
    poppies = grow(grass * np.clip((v - 0.68) * 8, 0, 1) * np.clip((noise(90) - 0.42) * 6, 0, 1))
    under, angle, road, drifts = grow(under), grow(angle), grow(road), grow(drifts)
    flat = np.zeros_like(angle)

    def one(code: str) -> Field:
        return np.broadcast_to(np.array(_rgb(code), np.float32), under.shape)

    paint = _painted(under)
    _dabs(paint, under, angle, rng, count=2000, length=34, width=11, value=9, warmth=11)
    _dabs(paint, under, angle, rng, count=6000, length=16, width=5, value=13, warmth=15)
    _dabs(paint, under, angle, rng, count=6500, length=10, width=3, value=17, warmth=20, where=detail)
    # The sun, and its road on the water.
    _dabs(paint, one("ff7a2e"), flat, rng, count=5200, length=15, width=4, value=16, warmth=14, where=road)
    _dabs(paint, one("ffdf9c"), flat, rng, count=1900, length=10, width=3, where=road)
    middle = (round(sun_u * width), round(sun_v * height))
    cv2.circle(paint, middle, 23, (*_rgb("ff8238"), 150), -1, cv2.LINE_AA)
    for i in range(34):
        turn, out = 2.4 * i, 0.030 * math.sqrt((i + 0.5) / 34)
        touch = (
            round((sun_u + out * math.cos(turn)) * width),
            round((sun_v + out * math.sin(turn)) * height),
        )
        orange = np.clip(np.array([*_rgb("ff7f36"), 170.0]) + rng.normal(0, 9), 0, 255)
        cv2.circle(paint, touch, 4, orange.tolist(), -1, cv2.LINE_AA)
    _boat(paint, rng)
    # Lilies: greens and violets in drifts, then rose and white touches on them.
    _dabs(paint, one("4f8f63"), flat, rng, count=2000, length=17, width=5, value=22, warmth=16, where=drifts)
    _dabs(paint, one("8f97d6"), flat, rng, count=700, length=13, width=4, value=16, warmth=10, where=drifts)
    drifts = drifts * 0.5
    _dabs(paint, one("f4a9bd"), flat + 0.3, rng, count=800, length=6, width=5, value=14, where=drifts)
    _dabs(paint, one("fff4ea"), flat + 0.3, rng, count=500, length=4, width=3, where=drifts)
    _dabs(paint, one("d9402a"), flat, rng, count=2600, length=4, width=5, value=18, where=poppies * 0.5)
    return _varnish(paint, rng, 0.15, _bristles(angle, rng))


def _boat(paint: Image, rng: Random) -> None:
    """A rower, half dissolved in the mist: a dozen strokes."""
    height, width = paint.shape[:2]
    dark = (*_rgb("3b4a63"), 190)
    hull = _curve(_points("37.5,50.8 41,52.1 45.5,52.1 50,50.6 45.5,51.5"), (width, height))
    _fill(paint, hull, dark)
    for x, y, tall in ((0.425, 0.506, 0.040), (0.455, 0.508, 0.028)):
        body = _curve(
            [
                (x - 0.006, y + 0.006),
                (x - 0.007, y - tall * 0.6),
                (x, y - tall),
                (x + 0.007, y - tall * 0.5),
                (x + 0.008, y + 0.006),
            ],
            (width, height),
        )
        _fill(paint, body, dark)
    _line(paint, _curve(_points("43,49 39,52.5"), (width, height), closed=False), dark, 2)
    for i in range(26):
        x, y = rng.normal(0.437, 0.024) * width, (0.525 + 0.07 * rng.random() ** 1.5) * height
        long = rng.uniform(4, 13) * (1 - i / 60)
        cv2.line(paint, (int(x - long), int(y)), (int(x + long), int(y)), (*dark[:3], 150), 2, cv2.LINE_AA)


def _cubism(rng: Random) -> Image:
    """A guitar, a bottle and a glass on a table, seen from several sides at once."""
    width, height = 560, 620
    size = (width, height)
    motif = _still_life(rng, size)
    under = motif.copy()
    facets = _facets(rng, np.array([(-5, -5), (width + 5, -5), (width + 5, height + 5), (-5, height + 5)], np.float64))
    # Larger planes slide over the partition, as if the things had turned while being looked at.
    slides = []
    for _ in range(16):
        middle = np.array([rng.normal(0.5, 0.17) * width, rng.normal(0.5, 0.22) * height])
        lean = rng.choice([-0.5, 0.35, 1.1, 1.5]) + rng.normal(0, 0.1)
        along = np.array([np.sin(lean), np.cos(lean)]) * rng.uniform(50, 120)
        across = np.array([np.cos(lean), -np.sin(lean)]) * rng.uniform(22, 60)
        slides.append(middle + np.array([along + across, along - 0.6 * across, -along - across, 0.8 * across - along]))

    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    tones = [
        np.array(_rgb(code), np.float32)
        for code in (
            "e2cb9a",
            "bd9458",
            "85623a",
            "4e3f2f",
            "8f918b",
            "cfcabb",
            "5f6562",
            "a87743",
            "efe4c8",
            "74694f",
        )
    ]
    for i, facet in enumerate(facets + slides):
        outline = np.round(facet * 2**SUBPIXEL).astype(np.int32)
        left, top, wide, tall = cv2.boundingRect(facet.astype(np.int32))
        left, top, right, bottom = (
            max(left, 0),
            max(top, 0),
            min(left + wide + 1, width),
            min(top + tall + 1, height),
        )
        if right <= left or bottom <= top:
            continue
        box = (slice(top, bottom), slice(left, right))
        share = _mask(outline - np.array([left, top], np.int32) * 2**SUBPIXEL, (right - left, bottom - top))
        middle = facet.mean(axis=0)
        turn = cv2.getRotationMatrix2D(
            (float(middle[0]), float(middle[1])), float(rng.normal(0, 12)), float(rng.uniform(0.9, 1.2))
        )
        turn[:, 2] = turn[:, 2] + rng.normal(0, 12, 2) - (left, top)
        piece = cv2.warpAffine(motif, turn, (right - left, bottom - top), borderMode=cv2.BORDER_REFLECT)
        # Each plane goes from light to dark on its own, away from one of its edges: there is no one light.
        edge = int(rng.integers(len(facet)))
        start, stop = facet[edge], facet[(edge + 1) % len(facet)]
        normal = np.array([-(stop - start)[1], (stop - start)[0]])
        normal /= np.hypot(*normal) + 1e-6
        ramp = (u[box] - start[0]) * np.float32(normal[0]) + (v[box] - start[1]) * np.float32(normal[1])
        ramp = np.clip(np.abs(ramp) / (0.75 * max(wide, tall)), 0, 1)
        plane = 0.52 * np.asarray(piece, np.float32) + 0.48 * tones[int(rng.integers(len(tones)))]
        plane = plane * (1.36 - 0.92 * ramp)[..., None]
        fade = share if i < len(facets) else share * np.clip(1.1 - 1.25 * ramp, 0, 1)  # passage: one side stays open
        under[box] = _blend(under[box], np.asarray(plane, np.float32), np.asarray(fade, np.float32))
    outer = np.clip(((u / width - 0.5) / 0.56) ** 4 + ((v / height - 0.5) / 0.60) ** 4, 0, 1)
    under = _blend(under, _rgb("9c8c6e"), outer * 0.55)

    angle = np.where(_noise(rng, height, width, 130, 1) > 0.5, 0.05, 0.6).astype(np.float32)
    paint = _painted(under)
    _dabs(paint, under, angle, rng, count=7000, length=6, width=2, value=9, warmth=5)
    # The dabs give the touch of a brush, the planes keep their edges.
    paint[..., :3] = (0.45 * paint[..., :3] + 0.55 * np.clip(under, 0, 255)).astype(np.uint8)
    for i, facet in enumerate(facets + slides):
        for j in range(len(facet)):
            a, b = facet[j], facet[(j + 1) % len(facet)]
            if rng.random() < (0.5 if i < len(facets) else 0.7):
                stop = a + (b - a) * rng.uniform(0.7, 1.0)
                ends = np.round(np.array([a, stop]) * 2**SUBPIXEL).astype(np.int32)
                cv2.polylines(
                    paint,
                    [ends],
                    False,
                    (*_rgb("2a2019"), 70),
                    int(rng.choice([1, 1, 2])),
                    cv2.LINE_AA,
                    SUBPIXEL,
                )
    _guitar_signs(paint, size)
    return _varnish(paint, rng, 0.14, _bristles(angle, rng, 3))


def _facets(rng: Random, polygon: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Cuts a polygon in two by a leaning line, and each part again: smaller towards the middle."""
    following = np.roll(polygon, -1, 0)
    area = 0.5 * abs(float(np.sum(polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1])))
    middle = polygon.mean(axis=0)
    off = np.hypot((middle[0] - 280) / 280, (middle[1] - 310) / 310)
    if area < (1900 + 6000 * off**2) * rng.uniform(0.6, 1.7):
        return [polygon]
    broad, tall = np.ptp(polygon, axis=0)
    leans = (-0.35, 0.2, 0.55) if broad > tall else (1.25, 1.75, 2.2)
    lean = rng.choice(leans) + rng.normal(0, 0.14)
    normal = np.array([np.cos(lean), np.sin(lean)])
    side = (polygon - middle - rng.normal(0, 0.08, 2) * (broad, tall)) @ normal
    parts: tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]] = ([], [])
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        parts[int(side[i] > 0)].append(polygon[i])
        if (side[i] > 0) != (side[j] > 0):
            cut = polygon[i] + (polygon[j] - polygon[i]) * side[i] / (side[i] - side[j])
            parts[0].append(cut)
            parts[1].append(cut)
    if min(len(part) for part in parts) < 3:
        return [polygon]
    return _facets(rng, np.array(parts[0])) + _facets(rng, np.array(parts[1]))


def _still_life(rng: Random, size: tuple[int, int]) -> Field:
    """The things themselves, whole; `_cubism` breaks them."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.array(_rgb("a99a7e"))
    _fill(image, _curve(_points("0,70 30,66 75,70 100,66 105,105 -5,105"), size), _rgb("6f5334"))
    _fill(image, _curve(_points("8,30 28,26 34,62 12,66"), size), _rgb("ddd2b6"))
    _fill(image, _curve(_points("70,12 77,12 78,30 84,40 84,78 64,78 64,40 70,30"), size), _rgb("3d473f"))
    _fill(image, _curve(_points("67,48 81,48 81,62 67,62"), size), _rgb("e0d4b4"))
    body = _points("40,48 50,44 60,49 60,58 57.5,64 65,72 66,84 52,92 37,88 31,76 37,67 38.5,58")
    _fill(image, _curve(body, size), _rgb("c58f45"))
    _fill(image, _curve(_points("47,8 53,8 52.5,52 47.5,52"), size), _rgb("4b3320"))
    cv2.ellipse(image, (int(0.49 * width), int(0.63 * height)), (36, 36), 0, 0, 360, _rgb("241a12"), -1, cv2.LINE_AA)
    _fill(image, _curve(_points("14,60 28,60 25,76 22,78 24,88 17,88 19.5,78 16.5,76"), size), _rgb("b7bcb4"))
    soft = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.5)
    return np.asarray(soft * (0.9 + 0.2 * _noise(rng, height, width, 80))[..., None], np.float32)


def _guitar_signs(paint: Image, size: tuple[int, int]) -> None:
    """What is left to recognise: strings, a sound hole, a curve of the body, a few printed letters."""
    ink = (*_rgb("1d1712"), 40)
    for i in range(5):
        x = 0.475 + 0.013 * i
        _line(
            paint,
            _curve([(x, 0.16), (x + 0.01, 0.50), (x + 0.03 + 0.004 * i, 0.80)], size, closed=False),
            ink,
            1,
            1,
        )
    _line(paint, _curve(_points("43,62 47,57.5 54,59 56,64"), size, closed=False), ink, 5, 1)
    _line(paint, _curve(_points("34,66 29,75 35,88 48,92"), size, closed=False), ink, 5, 1)
    _line(paint, _curve(_points("62,50 58.5,60 66,70 69,80"), size, closed=False), (*_rgb("efe4c6"), 220), 4, 1)
    _line(paint, _curve(_points("69,14 70,30 64,40 63.5,60"), size, closed=False), ink, 4, 1)
    cv2.putText(
        paint,
        "JOUR",
        (int(0.13 * size[0]), int(0.42 * size[1])),
        cv2.FONT_HERSHEY_TRIPLEX,
        1.5,
        ink,
        3,
        cv2.LINE_AA,
    )


def _expressionism(rng: Random) -> Image:
    """A long head on a long neck, a mask with empty eyes, against colours that quarrel."""
    width, height = 540, 624
    size = (width, height)
    under = np.zeros((height, width, 3), np.float32) + np.array(_rgb("1f7a78"), np.float32)
    right = _mask(_curve(_points("60,-10 110,-10 110,110 70,110 66,50"), size), size, 6)
    under = _blend(under, _rgb("d9582b"), right)
    under = _blend(under, _rgb("e9a13b"), right * np.clip((_noise(rng, height, width, 200) - 0.45) * 4, 0, 1))
    under = _blend(under, _rgb("134a5c"), (1 - right) * np.clip((_noise(rng, height, width, 220) - 0.48) * 4, 0, 1))
    under = _blend(under, _rgb("7fae8a"), (1 - right) * np.clip((_noise(rng, height, width, 120) - 0.6) * 5, 0, 0.8))

    def layer(points: Points, code: str, blur: float = 0.8, share: float = 1.0) -> None:
        _layer(under, _curve(lean(points), size), _rgb(code), blur, share)

    def lean(points: Points) -> Points:
        """The head leans to one side, on a neck that bends after it."""
        out = []
        for x, y in points:
            turn = -0.12 * min(1.0, max(0.0, (0.80 - y) / 0.28))
            dx, dy = x - 0.48, (y - 0.72) * height / width
            out.append(
                (
                    0.49 + dx * math.cos(turn) - dy * math.sin(turn),
                    0.72 + (dx * math.sin(turn) + dy * math.cos(turn)) * width / height,
                )
            )
        return out

    dress = _points("-5,108 3,92 17,83 36,77.5 46,84 60,77 80,83.5 95,93 105,108")
    neck = _points("41.5,52 40.5,66 38.5,75 34,78.5 46,87 62,78.5 56.5,73 55,64 56,52")
    face = _points("47.5,10 57.5,13.5 62.5,25 61.8,38 57.5,51 50.5,59.5 44.5,57.5 38.5,48 34.5,36 34.5,23 39,13.5")
    hair = _points(
        "40,6 52,5 62,10 67.5,22 66.5,36 63,44 61.5,30 57.5,20 47,15.5 40,20 36.5,31 37.5,45 32,40 29.5,26 32,13"
    )
    layer(dress, "1b1f45")
    layer(_points("5,95 20,86 35,81 30,105 8,105"), "3b3f8f", 14, 0.8)
    layer(neck, "d98a4a")
    layer(_points("50,56 56,56 57,74 60,79 50,83 49,70"), "8f4a34", 9, 0.75)
    layer(_points("41,55 55,53 54,63 42,63"), "7a4a3a", 8, 0.7)
    layer(hair, "5a1f1c")
    layer(face, "e39a52")
    layer(_points("55,16 61,24 60,40 53,56 50,50 54,38"), "b4543a", 11, 0.8)
    layer(_points("55,22 60,26 59.5,36 57,33"), "5f8f6a", 9, 0.55)
    layer(_points("37,36 44,37 43,47 39,46"), "e0614a", 11, 0.75)
    layer(_points("40,18 47,15.5 49,24 40,26"), "f6cf86", 10, 0.9)
    layer(_points("45.5,27 47.5,27 47,42 45,42"), "f8d79a", 4, 0.95)
    layer(_points("48.5,27 51,30 51.5,42 49,43"), "a04a30", 4, 0.8)
    layer(_points("37.5,29.5 41,27.8 45,29.5 41,31.2"), "9fc3c0", 0.8)
    layer(_points("50.5,30 54.5,28 58.5,29.5 54.5,31.5"), "86b0b4", 0.8)
    layer(_points("44,49.2 46.5,48.4 47.8,48.9 49.5,48.4 52,49.2 48,51.6"), "b3202a", 0.8)
    layer(_points("30,78.5 46,87 66,78.5 69,81.5 46,92.5 27,81.5"), "e8dcc0", 1.2)

    angle = _form(under, rng, 7)
    paint = _painted(under)
    _dabs(
        paint,
        under,
        angle,
        rng,
        count=3200,
        length=40,
        width=9,
        value=12,
        warmth=12,
        where=1 - _mask(_curve(lean(face), size), size, 8),
    )
    _dabs(paint, under, angle, rng, count=5200, length=18, width=5, value=9, warmth=9)
    _dabs(
        paint,
        under,
        angle,
        rng,
        count=3600,
        length=9,
        width=3,
        value=8,
        warmth=8,
        where=_mask(_curve(lean(face), size), size, 16),
    )

    ink = (*_rgb("1a1420"), 225)

    def stroke(points: Points, thick: float, thin: float = 1.0) -> None:
        _line(paint, _curve(lean(points), size, closed=False), ink, thick, thin)

    stroke([*face[5:], face[0]], 7, 2)
    stroke(face[:6], 8, 2)
    stroke(hair[10:] + hair[:7], 6, 2)
    stroke(neck[:4], 7, 2)
    stroke(neck[5:], 7, 2)
    stroke(dress[1:4], 8, 3)
    stroke(dress[5:8], 8, 3)
    stroke(_points("27,81.5 46,92.5 69,81.5"), 4)
    # One line makes the left brow and the nose, another the right brow.
    stroke(_points("36.2,26.2 40,24.3 44.5,25.2 46.8,28.5 45.8,36 43.8,42.5 46.3,44.4 49,43.7"), 5)
    stroke(_points("49.2,27 53.5,24.5 59.5,26.2"), 5)
    stroke(_points("37,29.7 41,27.5 45.6,29.7"), 4)
    stroke(_points("37,29.7 41,31.6 45.6,29.7"), 3)
    stroke(_points("50,30.2 54.5,27.7 59.2,29.6"), 4)
    stroke(_points("50,30.2 54.5,32 59.2,29.6"), 3)
    stroke(_points("43.2,49.3 46.6,49.7 48,49.4 49.5,49.7 52.7,49.3"), 3)
    stroke(_points("46,52.8 48.3,53.3 50.3,52.6"), 2)
    return _varnish(paint, rng, 0.17, _bristles(angle, rng))


def _pop_art(rng: Random) -> Image:
    """One face four times, as if pulled through a silk screen, each time in other inks."""
    tile, gap = 300, 4
    inks = (  # ground, hair, skin, lids, lips
        ("ff4f87", "ffd51e", "ffc9b5", "18a7c9", "e3122b"),
        ("12b5a6", "ff5a36", "fbe9a0", "7a3fb0", "ff2d78"),
        ("ffc400", "e0218a", "bfe3f2", "ff5a1f", "c1121f"),
        ("3a5bd0", "c6e21b", "ffb3c7", "ffd500", "7b1fa2"),
    )
    side = 2 * tile + gap
    sheet = np.empty((side, side, 3), np.uint8)
    sheet[:] = np.array(_rgb("f4efe4"))
    density = _screen_face(tile)
    for i, ink in enumerate(inks):
        top, left = (i // 2) * (tile + gap), (i % 2) * (tile + gap)
        sheet[top : top + tile, left : left + tile] = _pull(density, ink, rng, dotted=i in (0, 3))
    grain = rng.normal(0, 3.0, sheet.shape[:2])[..., None]
    return _bytes(sheet + grain)


HAIR = _points(
    "50,7 68,9 82,20 87,36 82,48 88,60 80,74 68,72 70,50 66,32 50,27 36,34 32,50 33,72 "
    "20,74 13,60 19,48 14,34 20,18 34,8"
)
FACE = _points("50,22 64,27 70,44 68,62 60,76 50,82 40,76 32,62 30,44 36,27")
BUST = _points("41,70 59,70 61,86 86,95 100,106 0,106 14,95 39,86")
LIPS = _points("40.5,65.5 45.5,63.2 50,64.2 54.5,63.2 59.5,65.5 55,69.5 50,70.6 45,69.5")
EYES = (_points("34.5,45.5 40,42.5 46,46.2 40,47.5"), _points("54,46.2 60,42.5 65.5,45.5 60,47.5"))
LIDS = (
    _points("32.5,45.5 35,39.5 42,37.5 47.5,45.5 40,43"),
    _points("52.5,45.5 58,37.5 65,39.5 67.5,45.5 60,43"),
)


def _screen_face(tile: int) -> Field:
    """How much black ink the 'photograph' asks for, 0 to 1, [tile, tile]."""
    size = (tile, tile)

    def shade(points: Points, blur: float = 1.0, closed: bool = True) -> Field:
        return _mask(_curve(points, size, closed), size, blur)

    dark = 0.42 * shade(_points("60,30 70,44 68,62 58,79 58,62 63,45"), 7)
    dark = np.maximum(dark, 0.85 * shade(_points("40,77.5 50,83 61,77 61,88 50,92 40,87"), 5))
    dark = np.maximum(dark, 0.34 * shade(_points("49,46 53,46 55,58 51,59"), 4))
    hair = shade(HAIR) * (1 - shade(FACE))
    v, u = np.mgrid[0:tile, 0:tile].astype(np.float32) / tile
    # Waves of the hair run down and outwards from the parting.
    wave = np.sin(46 * np.hypot(u - 0.44, v - 0.14) + 5.0 * np.sin(9 * v + 3 * u))
    dark = np.maximum(dark, hair * np.clip(0.10 + 0.60 * (wave - 0.15), 0, 1))
    dark = np.maximum(dark, 0.95 * hair * shade(_points("28,34 36,36 33.5,72 25,70"), 5))
    dark = np.maximum(dark, 0.95 * hair * shade(_points("66,34 72,36 76,70 67,72"), 5))
    lines = np.zeros((tile, tile), np.uint8)
    for eye in EYES:
        _line(lines, _curve(eye[:3], size, closed=False), (255,), 6, 2)
        _line(lines, _curve([eye[2], eye[3], eye[0]], size, closed=False), (255,), 2, 1)
        x, y = eye[3]
        cv2.circle(lines, (int(x * tile), int((y - 0.022) * tile)), 6, 255, -1, cv2.LINE_AA)
        cv2.circle(lines, (int(x * tile) + 2, int((y - 0.03) * tile)), 2, 0, -1, cv2.LINE_AA)
    for lash in (
        _points("34.5,45.5 31,43"),
        _points("36,44 33,40.5"),
        _points("65.5,45.5 69,43"),
        _points("64,44 67,40.5"),
    ):
        _line(lines, _curve(lash, size, closed=False), (255,), 3, 2)
    _line(lines, _curve(_points("32,37.5 38.5,32.5 47,36.2"), size, closed=False), (255,), 8, 3)
    _line(lines, _curve(_points("53,36.2 61.5,32.5 68,37.5"), size, closed=False), (255,), 8, 3)
    _line(
        lines,
        _curve(_points("46.2,57.5 48,58.8 50,58.2 52,58.8 53.8,57.5"), size, closed=False),
        (255,),
        4,
        2,
    )
    _line(
        lines,
        _curve(_points("40.5,65.7 46,66.2 50,66.8 54,66.2 59.5,65.7"), size, closed=False),
        (255,),
        4,
        2,
    )
    _line(lines, _curve(_points("45.5,72.2 50,73.2 54.5,72.2"), size, closed=False), (255,), 4, 2)
    cv2.circle(lines, (int(0.615 * tile), int(0.625 * tile)), 3, 255, -1, cv2.LINE_AA)
    return np.asarray(np.maximum(dark, lines.astype(np.float32) / 255), np.float32)


def _pull(density: Field, ink: Sequence[str], rng: Random, *, dotted: bool) -> Image:
    """One print: flat inks, each screen a little out of register, then the black through dots."""
    tile = density.shape[0]
    ground, hair, skin, lids, lips = (_rgb(code) for code in ink)
    print_ = np.empty((tile, tile, 3), np.uint8)
    print_[:] = np.array(ground)
    v, u = np.mgrid[0:tile, 0:tile].astype(np.float32)
    if dotted:  # Ben-Day dots: one ink, even spacing, 45 degrees
        a, b = (u + v) / 15.0, (u - v) / 15.0
        dots = np.hypot(a - np.round(a), b - np.round(b)) < 0.30
        print_[dots] = np.array(_rgb("fffaf0"))

    def lay(points: Points, colour: Colour) -> None:
        off = rng.normal(0, 0.006, 2)
        _fill(print_, _curve([(x + off[0], y + off[1]) for x, y in points], (tile, tile)), colour)

    lay(BUST, skin)
    lay(HAIR, hair)
    lay(FACE, skin)
    for lid in LIDS:
        lay(lid, lids)
    for eye in EYES:
        lay(eye, _rgb("fffaf0"))
    lay(LIPS, lips)
    a, b = (u + 0.6 * v) / 3.6, (v - 0.6 * u) / 3.6
    threshold = 0.5 + 0.25 * (np.cos(2 * np.pi * a) + np.cos(2 * np.pi * b))
    pressure = 0.9 + 0.3 * (_noise(rng, tile, tile, 90) - 0.5)
    black = np.clip((density * pressure - (0.12 + 0.62 * threshold)) * 9, 0, 1)
    black = np.maximum(black, np.clip((density * pressure - 0.78) * 12, 0, 1))
    shift = np.asarray([[1, 0, rng.normal(0, 1.2)], [0, 1, rng.normal(0, 1.2)]], np.float32)
    black = cv2.warpAffine(np.asarray(black, np.float32), shift, (tile, tile))
    out = _blend(print_.astype(np.float32), _rgb("17141a"), np.asarray(black * 0.96, np.float32))
    return _bytes(out)


def _byzantine_art(rng: Random) -> Image:
    """A veiled saint on gold ground: still, flat, lit from nowhere; the folds are lines of light."""
    width, height = 536, 626
    size = (width, height)
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = u / width, v / height
    leaf = _noise(rng, height, width, 240)
    under = np.zeros((height, width, 3), np.float32) + np.array(_rgb("c08a28"), np.float32)
    under = _blend(under, _rgb("efcf7a"), np.clip((leaf - 0.36) * 2.8, 0, 1) * 0.8)
    # Leaves of gold overlap at their seams; rubbed places show the red clay below.
    seam = np.minimum(np.abs((u * 5.2 + 0.05 * leaf) % 1 - 0.5), np.abs((v * 6.1 + 0.05 * leaf) % 1 - 0.5))
    under = _blend(under, _rgb("9c6a1c"), np.clip((0.012 - seam) * 90, 0, 1) * 0.35)
    worn = np.clip((_noise(rng, height, width, 46, 4) - 0.60) * 5, 0, 1) * np.clip(
        3.2 * np.hypot(u - 0.5, v - 0.45) - 0.9, 0, 1
    )
    under = _blend(under, _rgb("8e3b22"), worn * 0.6)

    centre, radius = (0.495, 0.325), 0.285
    away = np.hypot(u - centre[0], (v - centre[1]) * height / width)
    under = _blend(under, _rgb("f5dc90"), (away < radius).astype(np.float32) * 0.6)
    around = np.arctan2(v - centre[1], u - centre[0])
    punched = (np.hypot((around * 11.3) % 1 - 0.5, (away - radius + 0.03) * 30) < 0.28).astype(np.float32)
    under = _blend(under, _rgb("8f5f17"), punched * 0.75)
    for ring, broad in ((radius, 0.0045), (radius - 0.055, 0.0018), (radius - 0.008, 0.0012)):
        under = _blend(under, _rgb("7a1d14"), np.clip((broad - np.abs(away - ring)) * 500, 0, 1))

    def lean(points: Points) -> Points:
        """The head inclines; the shoulders stay."""
        out = []
        for x, y in points:
            turn = -0.13 * min(1.0, max(0.0, (0.78 - y) / 0.20))
            dx, dy = x - 0.5, (y - 0.60) * height / width
            out.append(
                (
                    0.51 + dx * math.cos(turn) - dy * math.sin(turn),
                    0.60 + (dx * math.sin(turn) + dy * math.cos(turn)) * width / height,
                )
            )
        return out

    def layer(points: Points, code: str, blur: float = 0.7, share: float = 1.0) -> None:
        _layer(under, _curve(lean(points), size), _rgb(code), blur, share)

    veil = _points(
        "50,10.5 60,12.5 67.5,20 70.5,32 70.5,45 72.5,57 80,68 88.5,80 93,107 7,107 11.5,80 "
        "20,68 27.5,57 29.5,45 29.5,32 32.5,20 40,12.5"
    )
    opening = _points(
        "50,18.5 57.5,20.5 62.5,28 63.8,40 62,52 57.5,63 53.5,75 50,83 46.5,75 42.5,63 38,52 36.2,40 37.5,28 42.5,20.5"
    )
    face = _points("50,22.5 57,24.5 60.8,31.5 60.7,42 57.5,52 50.2,58.5 42.8,52 39.3,42 39.2,31.5 43,24.5")
    layer(veil, "5a1a24")
    layer(_points("33,22 42,15 36,30 34,45 31,45"), "8a3038", 9, 0.8)
    layer(_points("15,80 27,65 36,70 30,90 20,105"), "82303a", 16, 0.75)
    layer(_points("62,72 72,64 82,78 85,105 70,95"), "7a2a35", 16, 0.7)
    layer(_points("46,85 54,85 57,105 44,105"), "3a0f18", 14, 0.8)
    layer(opening, "24415f")
    layer(_points("44,20 56,20 61,28 50,22.5 39,28"), "4f7aa0", 5, 0.8)
    layer(_points("43.5,55 56.5,55 55.5,66 50,73.5 44.5,66"), "8a5f34", 2)
    layer(_points("47,60 53,60 52,66 50,69 48,66"), "c08c52", 7, 0.8)
    layer(face, "7f5c34")
    # Flesh is built from dark olive to light ochre, brightest where the form comes forward.
    for points, code, blur, share in (
        (_points("43,26.5 50,24.5 57,26.5 58.5,33.5 50,34.5 41.5,33.5"), "d3a05f", 8.0, 0.95),
        (_points("41.5,41 47,41.5 47.5,47 44.5,50.5"), "d8a262", 8.0, 0.95),
        (_points("58.5,41 53,41.5 53,47 56,50.5"), "cf985a", 8.0, 0.9),
        (_points("49.1,33 50.9,33 51.3,44.5 48.8,44.5"), "edc98e", 3.0, 1.0),
        (_points("46.8,53.2 50,52.5 53.5,53.2 50,57"), "d3a05f", 6.0, 0.9),
        (_points("45,27 55,27 54,31.5 46,31.5"), "f0d09c", 9.0, 0.6),
        (_points("43,43 46.2,43.5 45.6,47"), "f0d09c", 6.0, 0.8),
        (_points("57,43 53.8,43.5 54.4,47"), "f0d09c", 6.0, 0.65),
        (_points("42,45 46,46 45.5,52"), "b8502f", 9.0, 0.38),
        (_points("58,45 54,46 54.5,52"), "b8502f", 9.0, 0.34),
        (_points("46.6,50.7 48.7,49.9 50,50.3 51.3,49.9 53.4,50.7 50,52.3"), "a03a28", 1.2, 0.95),
    ):
        layer(points, code, blur, share)
    for x in (0.446, 0.556):
        layer([(x - 0.040, 0.389), (x - 0.006, 0.371), (x + 0.036, 0.389), (x, 0.399)], "e3d0aa", 0.8)

    paint = _painted(under)
    figure = _mask(_curve(lean(veil), size), size) * (1 - 0.7 * _mask(_curve(lean(face), size), size))
    _dabs(
        paint,
        under,
        _form(under, rng, 8),
        rng,
        count=4200,
        length=12,
        width=2,
        value=4,
        warmth=3,
        where=figure,
    )
    _icon_lines(paint, size, rng, lean, veil, opening, face)

    # A red border on the raised edge of the panel, and the cracks of five hundred years.
    for inset, code, thick in ((15, "7c1c14", 5), (25, "5a3612", 1)):
        cv2.rectangle(paint, (inset, inset), (width - inset, height - inset), (*_rgb(code), 120), thick, cv2.LINE_AA)
    # Dry paint breaks into cells, each around a point of its own.
    seeds = np.full((height, width), 255, np.uint8)
    seeds[rng.integers(0, height, 900), rng.integers(0, width, 900)] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    broken = (cells != np.roll(cells, 1, 0)) | (cells != np.roll(cells, 1, 1))
    thin = cv2.GaussianBlur(broken.astype(np.float32), (0, 0), 0.6)
    thin *= np.clip((_noise(rng, height, width, 170) - 0.44) * 4, 0, 1)
    paint[..., :3] = _blend(
        paint[..., :3].astype(np.float32), _rgb("3a2412"), np.asarray(thin * 0.65, np.float32)
    ).astype(np.uint8)
    return _varnish(paint, rng, 0.12)


def _icon_lines(
    paint: Image,
    size: tuple[int, int],
    rng: Random,
    lean: Callable[[Points], Points],
    veil: Points,
    opening: Points,
    face: Points,
) -> None:
    """Contours, features and highlights: an icon is drawn in line at the end."""
    umber, light, gold = (*_rgb("21120c"), 150), (*_rgb("f9e3b6"), 200), (*_rgb("f0cc6a"), 230)
    deep, bright = (*_rgb("2d0a12"), 140), (*_rgb("b0525a"), 170)

    def stroke(points: Points, colour: tuple[float, ...], thick: float, thin: float = 1.0) -> None:
        _line(paint, _curve(lean(points), size, closed=False), colour, thick, thin)

    def dot(x: float, y: float, radius: int, colour: tuple[float, ...]) -> None:
        ((at_x, at_y),) = lean([(x, y)])
        cv2.circle(paint, (round(at_x * size[0]), round(at_y * size[1])), radius, list(colour), -1, cv2.LINE_AA)

    for c in (0.446, 0.556):  # heavy lids, and a look to one side, past whoever stands in front
        dot(c - 0.006, 0.3845, 6, (*_rgb("3a2010"), 150))
        dot(c - 0.006, 0.3845, 3, umber)
        stroke([(c - 0.044, 0.391), (c - 0.006, 0.3695), (c + 0.040, 0.390)], umber, 5, 2)
        stroke([(c - 0.038, 0.391), (c, 0.401), (c + 0.036, 0.390)], umber, 2)
        stroke([(c - 0.036, 0.372), (c - 0.004, 0.354), (c + 0.036, 0.371)], (*_rgb("4a2c16"), 150), 2)
        stroke([(c - 0.03, 0.414), (c, 0.421), (c + 0.03, 0.413)], (*_rgb("5a3a20"), 150), 2)
    stroke(_points("48.4,35 45,33.1 39.5,34.9"), umber, 4)
    stroke(_points("51.6,35 55.5,33.1 60.6,35.1"), umber, 4)
    for side in (-1, 1):
        stroke([(0.5 + 0.032 * side, 0.430), (0.5 + 0.064 * side, 0.424)], light, 2)
        stroke([(0.5 + 0.036 * side, 0.439), (0.5 + 0.066 * side, 0.434)], light, 1)
    stroke(_points("51.3,35 51.9,42 52.8,45.2 51.6,46.6 50,47 48.6,46.5"), umber, 3)
    stroke(_points("49.9,33.5 49.9,45"), light, 2)
    stroke(_points("46.3,50.8 48.7,51 50,51.3 51.3,51 53.7,50.7"), umber, 3)
    stroke(_points("48.4,53.4 50,53.7 51.6,53.4"), (*_rgb("5a3a20"), 150), 2)
    stroke([*face, face[0]], umber, 3, 2)
    stroke(_points("44,57.5 45.2,66 50,73.5 54.8,66 56,57.5"), umber, 2)

    for i in range(7):  # the coif, and the veil in folds that fall from the head to the shoulders
        out = 0.032 * i - 0.095
        stroke(
            [(0.5 + out * 0.98, 0.205 + abs(out) * 0.3), (0.5 + out, 0.235 + abs(out) * 0.45)],
            (*_rgb("9cc0da"), 200),
            2,
        )
    stroke([*veil[10:], *veil[:9]], deep, 4, 2)
    for side in (-1, 1):
        for i in range(7):
            s = i / 6
            top = (0.5 + side * (0.155 + 0.035 * s), 0.26 + 0.20 * s)
            waist = (0.5 + side * (0.145 + 0.075 * s), 0.55 + 0.05 * s)
            hem = (0.5 + side * (0.07 + 0.33 * s), 1.02)
            bend = (0.5 + side * (0.12 + 0.21 * s), 0.74 + 0.03 * s)
            stroke([top, waist, bend, hem], deep, 4)
            stroke([(x + 0.010, y + 0.004) for x, y in (waist, bend, hem)], bright, 3)
    stroke([*opening, opening[0]], gold, 7, 6)
    stroke([*opening, opening[0]], (*_rgb("8a5a14"), 120), 1)
    for i in range(len(opening)):
        dot(*opening[i], 2, (*_rgb("fff2cc"), 255))
    for x, y, reach in ((0.50, 0.148, 13), (0.255, 0.80, 15)):  # stars on forehead and shoulder
        ((at_x, at_y),) = lean([(x, y)])
        for i in range(4):
            turn, far = i * math.pi / 4, reach if i % 2 == 0 else 0.65 * reach
            dx, dy = far * math.cos(turn), far * math.sin(turn)
            ends = np.array([[at_x * size[0] - dx, at_y * size[1] - dy], [at_x * size[0] + dx, at_y * size[1] + dy]])
            _line(paint, np.round(np.linspace(ends[0], ends[1], 9) * 2**SUBPIXEL).astype(np.int32), gold, 4)
    for x in (0.13, 0.87):  # where an inscription would be
        at = (round(x * size[0]), round(0.135 * size[1]))
        for j, (tall, slant) in enumerate(((13, 3), (13, -3), (9, 0))):
            left = at[0] - 14 + 14 * j
            cv2.line(
                paint,
                (left - slant, at[1] + tall),
                (left + slant, at[1] - tall),
                (*_rgb("7c1c14"), 150),
                4,
                cv2.LINE_AA,
            )
        cv2.line(paint, (at[0] - 20, at[1] - 24), (at[0] + 20, at[1] - 22), (*_rgb("7c1c14"), 150), 3, cv2.LINE_AA)
        cv2.line(paint, (at[0] - 14, at[1] + 2), (at[0] + 2, at[1] + 1), (*_rgb("7c1c14"), 150), 3, cv2.LINE_AA)


def _abstract_expressionism(rng: Random) -> Image:
    """Poured paint, skein over skein, over the whole canvas and past its edges."""
    width, height = 628, 588
    under = np.zeros((height, width, 3), np.float32) + np.array(_rgb("c9b48f"), np.float32)
    under *= (0.90 + 0.16 * _noise(rng, height, width, 160))[..., None]
    # Thinned paint that soaked into the bare canvas before the pouring began.
    for code, cell, level in (("6f7f7c", 150, 0.55), ("8a6a44", 120, 0.57), ("3a332c", 90, 0.60)):
        under = _blend(under, _rgb(code), np.clip((_noise(rng, height, width, cell, 4) - level) * 9, 0, 0.8))
    paint = _painted(under)
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
        colour = (*_rgb(code), min(255, 90 + 13 * level))
        for _ in range(skeins):
            _pour(paint, rng, colour, broad * rng.uniform(0.5, 1.5))
        for _ in range(3):  # a flick of the brush: drops in a fan, smaller the further they flew
            x, y, aim = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * np.pi)
            for far in (rng.exponential(60, 45)).tolist():
                turn = aim + rng.normal(0, 0.35)
                at = (round(x + far * math.cos(turn)), round(y + far * math.sin(turn)))
                cv2.circle(paint, at, max(1, round(4.5 * rng.random() ** 3)), colour, -1, cv2.LINE_AA)
    return _varnish(paint, rng, 0.22)


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


# --- two that are none of the six ----------------------------------------------------------------


def _plain_grid(rng: Random) -> Image:
    """Even squares in even steps of colour: made with a ruler, in no style the kiosk knows."""
    side, cells = 600, 12
    v, u = np.mgrid[0:cells, 0:cells].astype(np.float32) / (cells - 1)
    cold, warm = np.array(_rgb("20304f"), np.float32), np.array(_rgb("e9dcc4"), np.float32)
    mix = np.clip(0.5 * (u + v), 0, 1)[..., None]
    steps = cold * (1 - mix) + warm * mix
    steps[(np.arange(cells)[:, None] * 5 + np.arange(cells)[None, :] * 3) % 7 == 0] = np.array(_rgb("b8553a"))
    sheet = cv2.resize(steps, (side, side), interpolation=cv2.INTER_NEAREST)
    lines = (np.arange(side) + 2) % (side // cells) < 5
    sheet[lines, :] = sheet[:, lines] = np.array(_rgb("f3eee4"))
    return _bytes(sheet + rng.normal(0, 1.5, (side, side, 1)))


def _op_waves(rng: Random) -> Image:
    """Black and white bands that swell: a trick for the eye, and no style the kiosk knows."""
    side = 600
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) / side
    swell = np.exp(-(((u - 0.42) / 0.2) ** 2) - ((v - 0.52) / 0.3) ** 2)
    phase = 17 * (u + 0.045 * np.sin(2 * np.pi * (1.3 * v + 0.1))) + 2.4 * swell * np.sin(2 * np.pi * (u - 0.42))
    bands = np.clip(np.sin(2 * np.pi * phase) * 9 + 0.5, 0, 1)
    sheet = _blend(
        np.zeros((side, side, 3), np.float32) + np.array(_rgb("f4f1ea"), np.float32),
        _rgb("151416"),
        np.asarray(bands, np.float32),
    )
    return _bytes(sheet + rng.normal(0, 1.5, (side, side, 1)))


# --- the gallery ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exhibit:
    draw: Callable[[Random], Image]
    seed: int
    caption: str
    frame: tuple[str, str, int]  # dark and light side of the moulding, and its width in px


def _manner(style: str) -> str:
    return f"Drawn for demonstration: in the manner of {style}"


EXHIBITS = (
    Exhibit(_impressionism, 7, _manner("Impressionism"), ("6b4a1c", "ecd08c", 28)),
    Exhibit(_cubism, 8, _manner("Cubism"), ("1d1915", "5d4d3c", 26)),
    Exhibit(_byzantine_art, 11, _manner("Byzantine Art"), ("3a2412", "8a6434", 24)),
    Exhibit(
        _plain_grid,
        13,
        "Drawn for demonstration: a plain grid, in none of the six styles",
        ("c9c5bc", "f6f4ef", 14),
    ),
    Exhibit(_expressionism, 9, _manner("Expressionism"), ("2a1a12", "7a5234", 26)),
    Exhibit(_pop_art, 10, _manner("Pop Art"), ("dcdad5", "ffffff", 16)),
    Exhibit(_abstract_expressionism, 12, _manner("Abstract Expressionism"), ("14120f", "4a453d", 12)),
    Exhibit(
        _op_waves,
        14,
        "Drawn for demonstration: black and white waves, in none of the six styles",
        ("0f0f10", "3a3a3c", 14),
    ),
)


class DemoGallery:
    """Frames as a visitor's camera would see them; the same seconds give the same frame.

    A canvas is drawn when it is first needed (about 0.2 s), or, better, while the camera rests in
    front of its neighbour, when a late frame shows nothing.
    """

    def __init__(self) -> None:
        # One long wall, and the first place again at its end, so that the walk can go round. Memory
        # that has not been drawn on is not resident yet.
        self._wall = np.empty((WALL_HEIGHT, SPACING * (len(EXHIBITS) + 1), 3), np.uint8)
        self._hung: set[int] = set()

    def frame(self, seconds: float) -> Image:
        """uint8 BGR [720, 1280, 3], the view after `seconds` of walking; any real number will do."""
        place, resting = self._where(seconds)
        here = int(place)
        share = place - here
        if share > 0:
            self._hang(here)
            self._hang(here + 1)
        else:
            self._hang(here)
            if resting > 0.25 * REST_S:
                self._hang(here + 1)
        # Half-way between two canvases the visitor has stepped back; at rest the hand is never quite still.
        scale = 1 - STEP_BACK * math.sin(math.pi * share) ** 2 + 0.004 * math.sin(0.9 * seconds)
        x = (place + 0.5) * SPACING + 2.5 * math.sin(0.7 * seconds)
        y = EYE_LEVEL + 2.0 * math.sin(1.1 * seconds) + 2.5 * math.sin(math.pi * share) * math.sin(5.6 * seconds)
        # Between the middle of the first place and that of its copy, the view never leaves the wall.
        left = min(max(0, int(x - FRAME_WIDTH)), self._wall.shape[1] - 2 * FRAME_WIDTH)
        near = self._wall[:, left : left + 2 * FRAME_WIDTH]
        view = np.array(
            [[1 / scale, 0, x - left - FRAME_WIDTH / 2 / scale], [0, 1 / scale, y - FRAME_HEIGHT / 2 / scale]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shown = cv2.warpAffine(near, view, (FRAME_WIDTH, FRAME_HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shown, np.uint8)

    def caption(self, seconds: float) -> str:
        """What the canvas nearest to the middle of the view is; for people, never for the classifier."""
        place, _ = self._where(seconds)
        return EXHIBITS[round(place) % len(EXHIBITS)].caption

    def _where(self, seconds: float) -> tuple[float, float]:
        """The place on the wall, in canvases from the first, and the seconds of rest left behind there."""
        stop, into = divmod(seconds, REST_S + WALK_S)
        here = int(stop) % len(EXHIBITS)
        walked = max(0.0, into - REST_S) / WALK_S
        # Sets off and arrives gently: a fifth-order ease has no jerk at either end.
        return here + walked**3 * (10 - 15 * walked + 6 * walked**2), into

    def _hang(self, place: int) -> None:
        if place in self._hung:
            return
        span = slice(place * SPACING, (place + 1) * SPACING)
        twin = {0: len(EXHIBITS), len(EXHIBITS): 0}.get(place)
        if twin in self._hung and twin is not None:
            self._wall[:, span] = self._wall[:, twin * SPACING : (twin + 1) * SPACING]
        else:
            self._wall[:, span] = _place(EXHIBITS[place % len(EXHIBITS)])
        self._hung.add(place)


def _place(exhibit: Exhibit) -> Image:
    """One stretch of wall with its lamp, its skirting board and a framed canvas."""
    rng = np.random.default_rng(exhibit.seed)
    canvas = exhibit.draw(rng)
    framed = _framed(canvas, exhibit.frame, rng)
    height, width = framed.shape[:2]
    top, left = EYE_LEVEL - height // 2, (SPACING - width) // 2

    # Light and shade are soft: a quarter of the size is enough to reckon them in.
    small = 4
    v, u = np.mgrid[0:WALL_HEIGHT:small, 0:SPACING:small].astype(np.float32)
    # The pool of a lamp on the ceiling; it fades to the same dimness at both ends of the place.
    across, down = (u - SPACING / 2) / (SPACING / 2), (v - EYE_LEVEL + 60) / 520
    light = 0.40 + 0.72 * np.exp(-(across**2) * 2.6 - down**2 * 0.9) * np.sqrt(1 - across**2)
    # The canvas keeps the light off the wall: a close shadow below it, and a wide soft one.
    for drop, grow, blur, strength in ((10, -2, 7.0, 0.55), (26, 2, 24.0, 0.45)):
        shadow = (np.abs(v - EYE_LEVEL - drop) < height / 2) & (np.abs(u - SPACING / 2) < width / 2 + grow)
        soft = cv2.GaussianBlur(shadow.astype(np.float32), (0, 0), blur / small)
        light *= 1 - np.float32(strength) * soft
    light = cv2.resize(light, (SPACING, WALL_HEIGHT))
    # The grain of the plaster also keeps the slow gradients from showing as bands.
    grain = rng.integers(-2, 3, (WALL_HEIGHT, SPACING, 1), dtype=np.int8)
    wall = np.array(_rgb("5b6660"), np.float32) * light[..., None] + grain
    skirting = WALL_HEIGHT - 46
    wall[skirting:] = np.array(_rgb("8f8b80"), np.float32) * light[skirting:, :, None] * 0.7
    wall[skirting - 3 : skirting] *= 0.6
    wall[skirting : skirting + 3] *= 1.25

    lit = (0.90 + 0.16 * np.exp(-(np.linspace(0.1, 1.25, height, dtype=np.float32) ** 2)))[:, None, None]
    wall[top : top + height, left : left + width] = framed * lit
    return _bytes(wall)


def _framed(canvas: Image, frame: tuple[str, str, int], rng: Random) -> Image:
    """The canvas in a bevelled moulding, lit from above, with the shadow that its lip throws inside."""
    dark, bright, broad = np.array(_rgb(frame[0]), np.float32), np.array(_rgb(frame[1]), np.float32), frame[2]
    height, width = canvas.shape[0] + 2 * broad, canvas.shape[1] + 2 * broad
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    sides = np.stack([y, width - 1 - x, height - 1 - y, x])  # distance to top, right, bottom, left
    nearest = np.argmin(sides, axis=0)
    across = np.clip(np.min(sides, axis=0) / np.float32(broad), 0, 1)
    # The profile: a rounded outer edge, a hollow, and a narrow bright lip at the sight edge.
    slope = np.cos(across * np.pi * 1.7) * 0.8 + np.where(across > 0.86, 0.9, 0.0)
    facing = np.array([0.75, 0.05, -0.75, 0.10], np.float32)[nearest]  # how much a side looks to the lamp
    tone = 0.42 + facing * slope * 0.5 + 0.16 * (across > 0.86)
    if broad >= 24:  # a carved moulding: a row of beads, the streaks of old gilding or polish, a groove
        along = np.where(nearest % 2 == 0, x, y)
        beads = np.clip(np.cos(along * (2 * np.pi / 9)), -0.4, 1) * np.exp(-(((across - 0.66) / 0.07) ** 2))
        streaks = np.where(nearest % 2 == 0, *(_noise(rng, height, width, cell, 2) for cell in (60, 47)))
        tone = tone + 0.28 * beads - 0.3 * np.exp(-(((across - 0.54) / 0.03) ** 2)) + 0.30 * (streaks - 0.5)
    tone = np.clip(tone, 0, 1)[..., None].astype(np.float32)
    out = dark * (1 - tone) + bright * tone
    inner = canvas.astype(np.float32)
    lip = np.clip(1 - np.arange(12, dtype=np.float32) / 12, 0, 1) * 0.45
    inner[:12] *= (1 - lip)[:, None, None]
    inner[:, :6] *= (1 - lip[::2] * 0.6)[None, :, None]
    out[broad:-broad, broad:-broad] = inner
    return _bytes(out)
