"""In the manner of Byzantine Art."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from kiosk.demo.brushes import (
    SUBPIXEL,
    Image,
    Points,
    Random,
    blend,
    brush_line,
    curve,
    dabs,
    follow_form,
    ground,
    inclined,
    lay_in,
    painted,
    rgb,
    smooth_noise,
    stencil,
    varnish,
    xy,
)


def draw(rng: Random) -> Image:
    """A veiled saint on gold ground: still, flat, lit from nowhere; the folds are lines of light."""
    width, height = 536, 626
    size = (width, height)
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = u / width, v / height
    leaf = smooth_noise(rng, height, width, 240)
    under = ground("c08a28", width, height)
    under = blend(under, rgb("efcf7a"), np.clip((leaf - 0.36) * 2.8, 0, 1) * 0.8)
    # Leaves of gold overlap at their seams; rubbed places show the red clay below.
    seam = np.minimum(np.abs((u * 5.2 + 0.05 * leaf) % 1 - 0.5), np.abs((v * 6.1 + 0.05 * leaf) % 1 - 0.5))
    under = blend(under, rgb("9c6a1c"), np.clip((0.012 - seam) * 90, 0, 1) * 0.35)
    worn = np.clip((smooth_noise(rng, height, width, 46, 4) - 0.60) * 5, 0, 1) * np.clip(
        3.2 * np.hypot(u - 0.5, v - 0.45) - 0.9, 0, 1
    )
    under = blend(under, rgb("8e3b22"), worn * 0.6)

    centre, radius = (0.495, 0.325), 0.285
    away = np.hypot(u - centre[0], (v - centre[1]) * height / width)
    under = blend(under, rgb("f5dc90"), (away < radius).astype(np.float32) * 0.6)
    around = np.arctan2(v - centre[1], u - centre[0])
    punched = (np.hypot((around * 11.3) % 1 - 0.5, (away - radius + 0.03) * 30) < 0.28).astype(np.float32)
    under = blend(under, rgb("8f5f17"), punched * 0.75)
    for ring, broad in ((radius, 0.0045), (radius - 0.055, 0.0018), (radius - 0.008, 0.0012)):
        under = blend(under, rgb("7a1d14"), np.clip((broad - np.abs(away - ring)) * 500, 0, 1))

    def lean(points: Points) -> Points:
        """The head inclines; the shoulders stay."""
        return inclined(points, size, turn=-0.13, pivot=(0.50, 0.60), base=0.78, reach=0.20)

    def layer(points: Points, code: str, blur: float = 0.7, share: float = 1.0) -> None:
        lay_in(under, curve(lean(points), size), rgb(code), blur, share)

    veil = xy(
        "50,10.5 60,12.5 67.5,20 70.5,32 70.5,45 72.5,57 80,68 88.5,80 93,107 7,107 11.5,80 "
        "20,68 27.5,57 29.5,45 29.5,32 32.5,20 40,12.5"
    )
    opening = xy(
        "50,18.5 57.5,20.5 62.5,28 63.8,40 62,52 57.5,63 53.5,75 50,83 46.5,75 42.5,63 38,52 36.2,40 37.5,28 42.5,20.5"
    )
    face = xy("50,22.5 57,24.5 60.8,31.5 60.7,42 57.5,52 50.2,58.5 42.8,52 39.3,42 39.2,31.5 43,24.5")
    layer(veil, "5a1a24")
    layer(xy("33,22 42,15 36,30 34,45 31,45"), "8a3038", 9, 0.8)
    layer(xy("15,80 27,65 36,70 30,90 20,105"), "82303a", 16, 0.75)
    layer(xy("62,72 72,64 82,78 85,105 70,95"), "7a2a35", 16, 0.7)
    layer(xy("46,85 54,85 57,105 44,105"), "3a0f18", 14, 0.8)
    layer(opening, "24415f")
    layer(xy("44,20 56,20 61,28 50,22.5 39,28"), "4f7aa0", 5, 0.8)
    layer(xy("43.5,55 56.5,55 55.5,66 50,73.5 44.5,66"), "8a5f34", 2)
    layer(xy("47,60 53,60 52,66 50,69 48,66"), "c08c52", 7, 0.8)
    layer(face, "7f5c34")
    # Flesh is built from dark olive to light ochre, brightest where the form comes forward.
    for points, code, blur, share in (
        (xy("43,26.5 50,24.5 57,26.5 58.5,33.5 50,34.5 41.5,33.5"), "d3a05f", 8.0, 0.95),
        (xy("41.5,41 47,41.5 47.5,47 44.5,50.5"), "d8a262", 8.0, 0.95),
        (xy("58.5,41 53,41.5 53,47 56,50.5"), "cf985a", 8.0, 0.9),
        (xy("49.1,33 50.9,33 51.3,44.5 48.8,44.5"), "edc98e", 3.0, 1.0),
        (xy("46.8,53.2 50,52.5 53.5,53.2 50,57"), "d3a05f", 6.0, 0.9),
        (xy("45,27 55,27 54,31.5 46,31.5"), "f0d09c", 9.0, 0.6),
        (xy("43,43 46.2,43.5 45.6,47"), "f0d09c", 6.0, 0.8),
        (xy("57,43 53.8,43.5 54.4,47"), "f0d09c", 6.0, 0.65),
        (xy("42,45 46,46 45.5,52"), "b8502f", 9.0, 0.38),
        (xy("58,45 54,46 54.5,52"), "b8502f", 9.0, 0.34),
        (xy("46.6,50.7 48.7,49.9 50,50.3 51.3,49.9 53.4,50.7 50,52.3"), "a03a28", 1.2, 0.95),
    ):
        layer(points, code, blur, share)
    for x in (0.446, 0.556):
        layer([(x - 0.040, 0.389), (x - 0.006, 0.371), (x + 0.036, 0.389), (x, 0.399)], "e3d0aa", 0.8)

    paint = painted(under)
    figure = stencil(curve(lean(veil), size), size) * (1 - 0.7 * stencil(curve(lean(face), size), size))
    dabs(paint, under, follow_form(under, rng, 8), rng, count=4200, length=12, width=2, value=4, warmth=3, where=figure)
    _icon_lines(paint, size, rng, lean, veil, opening, face)

    # A red border on the raised edge of the panel, and the cracks of five hundred years.
    for inset, code, thick in ((15, "7c1c14", 5), (25, "5a3612", 1)):
        cv2.rectangle(paint, (inset, inset), (width - inset, height - inset), (*rgb(code), 120), thick, cv2.LINE_AA)
    # Dry paint breaks into cells, each around a point of its own.
    seeds = np.full((height, width), 255, np.uint8)
    seeds[rng.integers(0, height, 900), rng.integers(0, width, 900)] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    broken = (cells != np.roll(cells, 1, 0)) | (cells != np.roll(cells, 1, 1))
    thin = cv2.GaussianBlur(broken.astype(np.float32), (0, 0), 0.6)
    thin *= np.clip((smooth_noise(rng, height, width, 170) - 0.44) * 4, 0, 1)
    paint[..., :3] = blend(
        paint[..., :3].astype(np.float32), rgb("3a2412"), np.asarray(thin * 0.65, np.float32)
    ).astype(np.uint8)
    return varnish(paint, rng, 0.12)


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
    umber, light, gold = (*rgb("21120c"), 150), (*rgb("f9e3b6"), 200), (*rgb("f0cc6a"), 230)
    deep, bright = (*rgb("2d0a12"), 140), (*rgb("b0525a"), 170)

    def stroke(points: Points, colour: tuple[float, ...], thick: float, thin: float = 1.0) -> None:
        brush_line(paint, curve(lean(points), size, closed=False), colour, thick, thin)

    def dot(x: float, y: float, radius: int, colour: tuple[float, ...]) -> None:
        ((at_x, at_y),) = lean([(x, y)])
        cv2.circle(paint, (round(at_x * size[0]), round(at_y * size[1])), radius, list(colour), -1, cv2.LINE_AA)

    for c in (0.446, 0.556):  # heavy lids, and a look to one side, past whoever stands in front
        dot(c - 0.006, 0.3845, 6, (*rgb("3a2010"), 150))
        dot(c - 0.006, 0.3845, 3, umber)
        stroke([(c - 0.044, 0.391), (c - 0.006, 0.3695), (c + 0.040, 0.390)], umber, 5, 2)
        stroke([(c - 0.038, 0.391), (c, 0.401), (c + 0.036, 0.390)], umber, 2)
        stroke([(c - 0.036, 0.372), (c - 0.004, 0.354), (c + 0.036, 0.371)], (*rgb("4a2c16"), 150), 2)
        stroke([(c - 0.03, 0.414), (c, 0.421), (c + 0.03, 0.413)], (*rgb("5a3a20"), 150), 2)
    stroke(xy("48.4,35 45,33.1 39.5,34.9"), umber, 4)
    stroke(xy("51.6,35 55.5,33.1 60.6,35.1"), umber, 4)
    for side in (-1, 1):
        stroke([(0.5 + 0.032 * side, 0.430), (0.5 + 0.064 * side, 0.424)], light, 2)
        stroke([(0.5 + 0.036 * side, 0.439), (0.5 + 0.066 * side, 0.434)], light, 1)
    stroke(xy("51.3,35 51.9,42 52.8,45.2 51.6,46.6 50,47 48.6,46.5"), umber, 3)
    stroke(xy("49.9,33.5 49.9,45"), light, 2)
    stroke(xy("46.3,50.8 48.7,51 50,51.3 51.3,51 53.7,50.7"), umber, 3)
    stroke(xy("48.4,53.4 50,53.7 51.6,53.4"), (*rgb("5a3a20"), 150), 2)
    stroke([*face, face[0]], umber, 3, 2)
    stroke(xy("44,57.5 45.2,66 50,73.5 54.8,66 56,57.5"), umber, 2)

    for i in range(7):  # the coif, and the veil in folds that fall from the head to the shoulders
        out = 0.032 * i - 0.095
        stroke(
            [(0.5 + out * 0.98, 0.205 + abs(out) * 0.3), (0.5 + out, 0.235 + abs(out) * 0.45)], (*rgb("9cc0da"), 200), 2
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
    stroke([*opening, opening[0]], (*rgb("8a5a14"), 120), 1)
    for i in range(len(opening)):
        dot(*opening[i], 2, (*rgb("fff2cc"), 255))
    for x, y, reach in ((0.50, 0.148, 13), (0.255, 0.80, 15)):  # stars on forehead and shoulder
        ((at_x, at_y),) = lean([(x, y)])
        for i in range(4):
            turn, far = i * math.pi / 4, reach if i % 2 == 0 else 0.65 * reach
            dx, dy = far * math.cos(turn), far * math.sin(turn)
            ends = np.array([[at_x * size[0] - dx, at_y * size[1] - dy], [at_x * size[0] + dx, at_y * size[1] + dy]])
            brush_line(paint, np.round(np.linspace(ends[0], ends[1], 9) * 2**SUBPIXEL).astype(np.int32), gold, 4)
    for x in (0.13, 0.87):  # where an inscription would be
        at = (round(x * size[0]), round(0.135 * size[1]))
        for j, (tall, slant) in enumerate(((13, 3), (13, -3), (9, 0))):
            left = at[0] - 14 + 14 * j
            cv2.line(
                paint, (left - slant, at[1] + tall), (left + slant, at[1] - tall), (*rgb("7c1c14"), 150), 4, cv2.LINE_AA
            )
        cv2.line(paint, (at[0] - 20, at[1] - 24), (at[0] + 20, at[1] - 22), (*rgb("7c1c14"), 150), 3, cv2.LINE_AA)
        cv2.line(paint, (at[0] - 14, at[1] + 2), (at[0] + 2, at[1] + 1), (*rgb("7c1c14"), 150), 3, cv2.LINE_AA)
