"""In the manner of Pop Art."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from kiosk.demo.brushes import (
    SUBPIXEL,
    Field,
    Image,
    Outline,
    Points,
    Random,
    blend,
    curve,
    fill,
    rgb,
    smooth_noise,
    stencil,
    to_bytes,
    xy,
)

SIDE = 604
SIZE = (SIDE, SIDE)
INK, PAPER, RED, YELLOW, BLUE = "16131a", "f7f0e0", "e1202b", "ffd21f", "1f6fc4"

BODY = xy("17,87 19,78 25,66 31,60 38,58 56,58 63,60 69,66 75,78 77,87")
SHADE = xy("60,59 63,60 69,66 75,78 77,87 64,87 64,76")
GLEAM = xy("24,76 28,68 33,64 34,66 30,70 26.5,78")
FOOT = xy("13,93 15,86.5 79,86.5 81,93")
RECEIVER = xy("12,53 10,43 17,36 30,32 47,30.5 64,32 77,36 84,43 82,53 69,53 67,46 58,42.5 47,41.5 36,42.5 27,46 25,53")
CUPS = (xy("10,52 27,52 26,57.5 11,57.5"), xy("67,52 84,52 83,57.5 68,57.5"))

# The letters of the noise, as a pen would write them, in a box of 1 by 1.
LETTERS: tuple[tuple[str, ...], ...] = (
    ("10,100 10,2 66,4 84,26 66,50 12,52", "46,52 90,100"),
    ("50,0 50,100",),
    ("10,100 12,2 86,98 88,0",),
    ("88,20 62,0 28,6 8,40 12,80 42,100 86,92 86,56 54,56",),
)


def draw(rng: Random) -> Image:
    """A telephone that rings, out of a comic: four inks, thick outlines, dots for every half-tone."""
    sheet = np.empty((SIDE, SIDE, 3), np.uint8)
    sheet[:] = np.array(rgb(YELLOW))
    _rays(sheet)
    fill(sheet, _straight(xy("-2,84 102,80 102,102 -2,102")), rgb(BLUE))
    _dots(
        sheet, stencil(_straight(xy("-2,84 102,80 102,102 -2,102")), SIZE), PAPER, 11, lambda u, v: 0.1 + 1.9 * (1 - v)
    )
    _line(sheet, xy("-2,84 102,80"), 6)

    cord = [(0.80 + 0.06 * math.sin(1.1 * i) + 0.007 * i * (1 - i / 17), 0.90 - 0.024 * i) for i in range(17)]
    _line(sheet, cord, 9, curved=True)
    _flat(sheet, FOOT, INK, straight=True)
    _flat(sheet, BODY, RED)
    shade = stencil(curve(SHADE, SIZE), SIZE)
    _dots(sheet, shade, INK, 8, lambda u, v: 0.25 + 1.6 * (u - 0.55))
    fill(sheet, curve(GLEAM, SIZE), rgb(PAPER))
    _outline(sheet, BODY)
    for x in (0.36, 0.58):
        _flat(sheet, [(x - 0.03, 0.60), (x - 0.02, 0.545), (x + 0.02, 0.545), (x + 0.03, 0.60)], INK, straight=True)
    _dial(sheet)
    _receiver(sheet)
    _noise(sheet)

    # Three screens, none quite in register, and ink that takes more or less.
    for channel in range(3):
        shift = np.asarray([[1, 0, rng.normal(0, 0.7)], [0, 1, rng.normal(0, 0.7)]], np.float32)
        moved = cv2.warpAffine(sheet[..., channel], shift, SIZE, borderMode=cv2.BORDER_REPLICATE)
        sheet[..., channel] = moved
    pressure = 6 * (smooth_noise(rng, SIDE, SIDE, 90) - 0.5) + rng.normal(0, 2.5, (SIDE, SIDE))
    return to_bytes(sheet + pressure[..., None])


def _straight(points: Points) -> Outline:
    return np.asarray(np.round(np.asarray(points) * SIDE * 2**SUBPIXEL), np.int32)


def _line(sheet: Image, points: Points, thick: int, code: str = INK, curved: bool = False) -> None:
    outline = curve(points, SIZE, closed=False) if curved else _straight(points)
    cv2.polylines(sheet, [outline], False, rgb(code), thick, cv2.LINE_AA, SUBPIXEL)


def _outline(sheet: Image, points: Points, thick: int = 7, straight: bool = False) -> None:
    outline = _straight(points) if straight else curve(points, SIZE)
    cv2.polylines(sheet, [outline], True, rgb(INK), thick, cv2.LINE_AA, SUBPIXEL)


def _flat(sheet: Image, points: Points, code: str, straight: bool = False) -> None:
    """One ink to the edge, and the edge in black."""
    fill(sheet, _straight(points) if straight else curve(points, SIZE), rgb(code))
    _outline(sheet, points, straight=straight)


def _dots(sheet: Image, where: Field, code: str, step: float, tone: Callable[[Field, Field], Field]) -> None:
    """Ben-Day dots: one ink, even spacing, 45 degrees; they grow with the tone."""
    v, u = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    a, b = (u + v) / (1.414 * step), (u - v) / (1.414 * step)
    away = np.hypot(a - np.round(a), b - np.round(b))
    radius = 0.40 * np.sqrt(np.clip(tone(u / SIDE, v / SIDE), 0, 1.6))
    share = np.clip((radius - away) * step, 0, 1) * where
    sheet[:] = to_bytes(blend(sheet.astype(np.float32), rgb(code), np.asarray(share, np.float32)))


def _rays(sheet: Image) -> None:
    """Everything points at the telephone, and half of it in dots."""
    rays = np.zeros((SIDE, SIDE), np.float32)
    for i in range(16):
        turn = 2 * math.pi * i / 16 + 0.1
        far = [(0.47 + 1.2 * math.cos(turn + d), 0.62 + 1.2 * math.sin(turn + d)) for d in (-0.098, 0.098)]
        rays = np.maximum(rays, stencil(_straight([(0.47, 0.62), *far]), SIZE))
    sheet[:] = to_bytes(blend(sheet.astype(np.float32), rgb(PAPER), rays))
    _dots(sheet, rays, RED, 9, lambda u, v: 1.5 * np.hypot(u - 0.47, v - 0.62) - 0.25)


def _dial(sheet: Image) -> None:
    middle = (0.47, 0.735)

    def disc(x: float, y: float, radius: float, code: str, edge: int) -> None:
        at = (round(x * SIDE * 2**SUBPIXEL), round(y * SIDE * 2**SUBPIXEL))
        cv2.circle(sheet, at, round(radius * SIDE * 2**SUBPIXEL), rgb(code), -1, cv2.LINE_AA, SUBPIXEL)
        cv2.circle(sheet, at, round(radius * SIDE * 2**SUBPIXEL), rgb(INK), edge, cv2.LINE_AA, SUBPIXEL)

    disc(*middle, 0.125, PAPER, 7)
    for i in range(10):
        turn = 0.9 + i * 0.52
        disc(middle[0] + 0.088 * math.cos(turn), middle[1] + 0.088 * math.sin(turn), 0.020, BLUE, 4)
    disc(*middle, 0.042, YELLOW, 5)


def _receiver(sheet: Image) -> None:
    """It jumps off the hook."""
    turn = -0.13

    def up(points: Points) -> Points:
        return [
            (
                0.47 + (x - 0.47) * math.cos(turn) - (y - 0.45) * math.sin(turn),
                0.42 + (x - 0.47) * math.sin(turn) + (y - 0.45) * math.cos(turn),
            )
            for x, y in points
        ]

    for cup in CUPS:
        _flat(sheet, up(cup), INK, straight=True)
    _flat(sheet, up(RECEIVER), RED)
    under = stencil(curve(up(xy("30,43 47,41.5 64,43 69,53 82,53 84,43 80,39 70,41 47,37 30,40")), SIZE), SIZE)
    _dots(sheet, under, INK, 8, lambda u, v: 0.35 + 0 * u)
    fill(sheet, curve(up(xy("17,41 24,37 36,34.3 47,33.4 47,35.2 36,36.2 25,39 18,43")), SIZE), rgb(PAPER))
    _outline(sheet, up(RECEIVER))
    for line in ("4,60 8,66", "9,62 12,67", "88,44 94,40", "90,50 96,48"):
        _line(sheet, xy(line), 6)


def _noise(sheet: Image) -> None:
    """RING, in a burst."""
    burst = []
    for i in range(26):
        turn = 2 * math.pi * i / 26
        reach = 1.0 if i % 2 else 0.74 + 0.05 * math.sin(5 * i)
        burst.append((0.50 + 0.47 * reach * math.cos(turn), 0.165 + 0.165 * reach * math.sin(turn)))
    _flat(sheet, [(x + 0.012, y + 0.016) for x, y in burst], INK, straight=True)
    _flat(sheet, burst, PAPER, straight=True)
    for code, thick, off in ((INK, 30, 0.006), (INK, 30, 0.0), (RED, 18, 0.0)):
        for i, strokes in enumerate(LETTERS):
            left, top = 0.245 + 0.135 * i, 0.105 + 0.012 * (i % 2)
            for line in strokes:
                _line(sheet, [(left + off + 0.095 * x, top + off + 0.125 * y) for x, y in xy(line)], thick, code)
