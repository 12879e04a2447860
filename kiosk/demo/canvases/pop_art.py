"""In the manner of Pop Art."""

from collections.abc import Sequence

import cv2
import numpy as np

from kiosk.demo.brushes import (
    Colour,
    Field,
    Image,
    Points,
    Random,
    blend,
    brush_line,
    curve,
    fill,
    rgb,
    smooth_noise,
    stencil,
    to_bytes,
    xy,
)

HAIR = xy(
    "50,7 68,9 82,20 87,36 82,48 88,60 80,74 68,72 70,50 66,32 50,27 36,34 32,50 33,72 "
    "20,74 13,60 19,48 14,34 20,18 34,8"
)
FACE = xy("50,22 64,27 70,44 68,62 60,76 50,82 40,76 32,62 30,44 36,27")
BUST = xy("41,70 59,70 61,86 86,95 100,106 0,106 14,95 39,86")
LIPS = xy("40.5,65.5 45.5,63.2 50,64.2 54.5,63.2 59.5,65.5 55,69.5 50,70.6 45,69.5")
EYES = (xy("34.5,45.5 40,42.5 46,46.2 40,47.5"), xy("54,46.2 60,42.5 65.5,45.5 60,47.5"))
LIDS = (xy("32.5,45.5 35,39.5 42,37.5 47.5,45.5 40,43"), xy("52.5,45.5 58,37.5 65,39.5 67.5,45.5 60,43"))


def draw(rng: Random) -> Image:
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
    sheet[:] = np.array(rgb("f4efe4"))
    density = _screen_face(tile)
    for i, ink in enumerate(inks):
        top, left = (i // 2) * (tile + gap), (i % 2) * (tile + gap)
        sheet[top : top + tile, left : left + tile] = _pull(density, ink, rng, dotted=i in (0, 3))
    grain = rng.normal(0, 3.0, sheet.shape[:2])[..., None]
    return to_bytes(sheet + grain)


def _screen_face(tile: int) -> Field:
    """How much black ink the 'photograph' asks for, 0 to 1, [tile, tile]."""
    size = (tile, tile)

    def shade(points: Points, blur: float = 1.0, closed: bool = True) -> Field:
        return stencil(curve(points, size, closed), size, blur)

    dark = 0.42 * shade(xy("60,30 70,44 68,62 58,79 58,62 63,45"), 7)
    dark = np.maximum(dark, 0.85 * shade(xy("40,77.5 50,83 61,77 61,88 50,92 40,87"), 5))
    dark = np.maximum(dark, 0.34 * shade(xy("49,46 53,46 55,58 51,59"), 4))
    hair = shade(HAIR) * (1 - shade(FACE))
    v, u = np.mgrid[0:tile, 0:tile].astype(np.float32) / tile
    # Waves of the hair run down and outwards from the parting.
    wave = np.sin(46 * np.hypot(u - 0.44, v - 0.14) + 5.0 * np.sin(9 * v + 3 * u))
    dark = np.maximum(dark, hair * np.clip(0.10 + 0.60 * (wave - 0.15), 0, 1))
    dark = np.maximum(dark, 0.95 * hair * shade(xy("28,34 36,36 33.5,72 25,70"), 5))
    dark = np.maximum(dark, 0.95 * hair * shade(xy("66,34 72,36 76,70 67,72"), 5))
    lines = np.zeros((tile, tile), np.uint8)
    for eye in EYES:
        brush_line(lines, curve(eye[:3], size, closed=False), (255,), 6, 2)
        brush_line(lines, curve([eye[2], eye[3], eye[0]], size, closed=False), (255,), 2, 1)
        x, y = eye[3]
        cv2.circle(lines, (int(x * tile), int((y - 0.022) * tile)), 6, 255, -1, cv2.LINE_AA)
        cv2.circle(lines, (int(x * tile) + 2, int((y - 0.03) * tile)), 2, 0, -1, cv2.LINE_AA)
    for lash in (xy("34.5,45.5 31,43"), xy("36,44 33,40.5"), xy("65.5,45.5 69,43"), xy("64,44 67,40.5")):
        brush_line(lines, curve(lash, size, closed=False), (255,), 3, 2)
    brush_line(lines, curve(xy("32,37.5 38.5,32.5 47,36.2"), size, closed=False), (255,), 8, 3)
    brush_line(lines, curve(xy("53,36.2 61.5,32.5 68,37.5"), size, closed=False), (255,), 8, 3)
    brush_line(lines, curve(xy("46.2,57.5 48,58.8 50,58.2 52,58.8 53.8,57.5"), size, closed=False), (255,), 4, 2)
    brush_line(lines, curve(xy("40.5,65.7 46,66.2 50,66.8 54,66.2 59.5,65.7"), size, closed=False), (255,), 4, 2)
    brush_line(lines, curve(xy("45.5,72.2 50,73.2 54.5,72.2"), size, closed=False), (255,), 4, 2)
    cv2.circle(lines, (int(0.615 * tile), int(0.625 * tile)), 3, 255, -1, cv2.LINE_AA)
    return np.asarray(np.maximum(dark, lines.astype(np.float32) / 255), np.float32)


def _pull(density: Field, ink: Sequence[str], rng: Random, *, dotted: bool) -> Image:
    """One print: flat inks, each screen a little out of register, then the black through dots."""
    tile = density.shape[0]
    ground, hair, skin, lids, lips = (rgb(code) for code in ink)
    print_ = np.empty((tile, tile, 3), np.uint8)
    print_[:] = np.array(ground)
    v, u = np.mgrid[0:tile, 0:tile].astype(np.float32)
    if dotted:  # Ben-Day dots: one ink, even spacing, 45 degrees
        a, b = (u + v) / 15.0, (u - v) / 15.0
        dots = np.hypot(a - np.round(a), b - np.round(b)) < 0.30
        print_[dots] = np.array(rgb("fffaf0"))

    def lay(points: Points, colour: Colour) -> None:
        off = rng.normal(0, 0.006, 2)
        fill(print_, curve([(x + off[0], y + off[1]) for x, y in points], (tile, tile)), colour)

    lay(BUST, skin)
    lay(HAIR, hair)
    lay(FACE, skin)
    for lid in LIDS:
        lay(lid, lids)
    for eye in EYES:
        lay(eye, rgb("fffaf0"))
    lay(LIPS, lips)
    a, b = (u + 0.6 * v) / 3.6, (v - 0.6 * u) / 3.6
    threshold = 0.5 + 0.25 * (np.cos(2 * np.pi * a) + np.cos(2 * np.pi * b))
    pressure = 0.9 + 0.3 * (smooth_noise(rng, tile, tile, 90) - 0.5)
    black = np.clip((density * pressure - (0.12 + 0.62 * threshold)) * 9, 0, 1)
    black = np.maximum(black, np.clip((density * pressure - 0.78) * 12, 0, 1))
    shift = np.asarray([[1, 0, rng.normal(0, 1.2)], [0, 1, rng.normal(0, 1.2)]], np.float32)
    black = cv2.warpAffine(np.asarray(black, np.float32), shift, (tile, tile))
    out = blend(print_.astype(np.float32), rgb("17141a"), np.asarray(black * 0.96, np.float32))
    return to_bytes(out)
