"""In the manner of Expressionism."""

from collections.abc import Callable

import numpy as np

from kiosk.demo.brushes import (
    Image,
    Points,
    Random,
    bristles,
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
    to_bytes,
    varnish,
    xy,
)

WIDTH, HEIGHT = 540, 624
SIZE = (WIDTH, HEIGHT)

COAT = xy("-5,108 2,93 15,84 35,78 46,84 61,77 81,83 96,92 106,108")
NECK = xy("41.5,52 40.5,66 38.5,75 34,79 46,88 62,79 56.5,73 55,64 56,52")
FACE = xy("47.5,12 57.5,15 62.5,26 61.8,38 57.5,51 50.5,59.5 44.5,57.5 38.5,48 34.5,36 34.5,24 39,15")
HAIR = xy("39,9 53,7 64,13 69,26 69,42 64,53 61.5,30 57.5,21 47,17 40,21 36.5,31 37.5,46 33,52 28.5,40 29,22 32,13")


def draw(rng: Random) -> Image:
    """A woman in a street at night: colours that quarrel, a face like a mask, houses that lean over her."""
    under = ground("2b2f6b", WIDTH, HEIGHT)

    def lay(points: Points, code: str, blur: float = 0.8, share: float = 1.0) -> None:
        lay_in(under, curve(points, SIZE), rgb(code), blur, share)

    def layer(points: Points, code: str, blur: float = 0.8, share: float = 1.0) -> None:
        lay(_lean(points), code, blur, share)

    _street(lay)
    layer(COAT, "1b1f55")
    layer(xy("5,97 20,87 35,82 30,106 8,106"), "3b4f9f", 12, 0.9)
    layer(xy("70,84 84,88 98,106 76,106"), "14183f", 12, 0.9)
    layer(NECK, "dd8a44")
    layer(xy("50,56 56,56 57,74 60,79 50,84 49,70"), "4f7a58", 7, 0.85)
    layer(xy("41,55 55,53 54,63 42,63"), "7a3f44", 7, 0.8)
    layer(HAIR, "3d1530")
    layer(xy("40,9 52,8 60,13 48,14 38,17"), "a03a3a", 5, 0.9)
    layer(FACE, "e8a254")
    # One half of the face is warm, the other green: the light is a feeling.
    layer(xy("54,16 61,25 60.5,40 53,57 49.5,52 52,44 50,34 52,24"), "7d9a5a", 6, 0.8)
    layer(xy("56,24 60,28 59.5,38 56,36"), "3f7a66", 6, 0.7)
    layer(xy("36.5,37 44,38 43,48 39.5,48"), "e2523a", 8, 0.9)
    layer(xy("52,40 58,38 56,47 52,48"), "c0503f", 7, 0.7)
    layer(xy("40,19 47,16.5 49,25 40,27"), "f8d98c", 8, 0.95)
    layer(xy("45.5,27 47.5,27 47.2,42 45,42"), "fbe2a2", 3, 1.0)
    layer(xy("48.3,27 51,30 51.5,42 49,43.5"), "8a3f3a", 3, 0.9)
    layer(xy("44.5,53 50,52.5 49,57"), "f0b860", 5, 0.9)
    layer(xy("37.2,29.7 41,27.6 45.4,29.7 41,31.6"), "dfe6d0", 0.8)
    layer(xy("50.2,30.2 54.5,27.8 58.9,29.7 54.5,31.9"), "b4cdb8", 0.8)
    layer(xy("43.6,49.3 46.5,48.2 47.8,48.8 49.5,48.2 52.6,49.3 48,52.2"), "b3142a", 0.8)
    layer(xy("28,79 46,88.5 67,78 71,82 46,95 25,83"), "d8a02c", 1.2)

    angle = follow_form(under, rng, 7)
    paint = painted(under)
    head = stencil(curve(_lean(FACE), SIZE), SIZE, 8)
    dabs(paint, under, angle, rng, count=3400, length=34, width=8, value=15, warmth=15, where=1 - head)
    dabs(paint, under, angle, rng, count=5200, length=18, width=5, value=12, warmth=12)
    dabs(paint, under, angle, rng, count=3000, length=11, width=4, value=11, warmth=11, where=head)
    _contours(paint)
    # Hacked on and scraped off again: patches of light and dark with hard edges, which spare nothing.
    patch = np.round(smooth_noise(rng, HEIGHT, WIDTH, 20) * 6) / 6 - 0.5
    paint[..., :3] = to_bytes(paint[..., :3] + 100 * patch[..., None])
    return varnish(paint, rng, 0.19, bristles(angle, rng))


def _lean(points: Points) -> Points:
    """The head leans to one side, on a neck that bends after it."""
    return inclined(points, SIZE, turn=-0.12, pivot=(0.48, 0.72), base=0.80, reach=0.28)


def _street(lay: Callable[..., None]) -> None:
    """Houses to the left and right of a lane, and a red sky that squeezes through."""
    lay(xy("-5,-5 105,-5 105,30 60,40 30,36 -5,26"), "4a2a78", 14)
    lay(xy("20,-8 70,-8 62,26 48,40 36,30"), "c8562e", 16, 0.9)
    lay(xy("-8,8 16,2 26,12 28,84 -8,90"), "1f7a6e", 1.5)
    lay(xy("-8,4 9,-6 27,12 -8,16"), "b02a2a", 1.5)
    lay(xy("72,20 88,4 108,10 108,92 76,84"), "d0642a", 1.5)
    lay(xy("70,22 88,0 110,8 110,16 88,8"), "3a1a4a", 1.5)
    lay(xy("84,14 108,16 108,90 88,86"), "8f2f3a", 5, 0.7)
    for window in (
        "82,30 86,29 86,45 82,46",
        "95,29 100,29 99,46 95,45",
        "82,58 87,58 86,75 82,74",
        "95,59 100,60 99,75 95,75",
    ):
        lay(xy(window), "f2c230", 1.5)


def _contours(paint: Image) -> None:
    ink = (*rgb("17101f"), 225)

    def stroke(points: Points, thick: float, thin: float = 1.0) -> None:
        brush_line(paint, curve(_lean(points), SIZE, closed=False), ink, thick, thin)

    stroke([*FACE[5:], FACE[0]], 8, 2)
    stroke(FACE[:6], 9, 2)
    stroke(HAIR[11:] + HAIR[:7], 8, 2)
    stroke(NECK[:4], 8, 2)
    stroke(NECK[5:], 8, 2)
    stroke(COAT[1:4], 10, 3)
    stroke(COAT[5:8], 10, 3)
    stroke(xy("25,83 46,95 71,82"), 6, 2)
    # One line makes the left brow and the nose, another the right brow.
    stroke(xy("36.2,26.4 40,24.0 44.5,25.0 46.8,28.5 45.8,36 43.6,42.7 46.3,44.6 49.2,43.9"), 6, 2)
    stroke(xy("49.2,27 53.5,24.2 60,26.2"), 6, 2)
    for eye in ("37,29.7 41,27.4 45.6,29.7", "50,30.2 54.5,27.6 59.2,29.6"):
        stroke(xy(eye), 5, 2)
    for eye in ("37,29.7 41,31.8 45.6,29.7", "50,30.2 54.5,32.2 59.2,29.6"):
        stroke(xy(eye), 3)
    for eye in ("41.4,27.9 41.8,29.6 41.2,31.4", "54.6,28 55,29.9 54.4,31.8"):
        stroke(xy(eye), 8, 6)
    stroke(xy("43.0,49.4 46.6,49.8 48,49.5 49.5,49.8 53,49.3"), 4, 2)
    stroke(xy("46,53.6 48.3,54.2 50.3,53.4"), 3)
