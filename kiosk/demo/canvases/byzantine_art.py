"""In the manner of Byzantine Art."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.demo.brushes import (
    SUBPIXEL,
    Colour,
    Image,
    Outline,
    Points,
    Random,
    blend,
    brush_line,
    curve,
    ground,
    lay_in,
    rgb,
    smooth_noise,
    to_bytes,
    xy,
)

WIDTH, HEIGHT = 548, 628
UMBER = "2a170c"
GROUND, CLOTH, FLESH, HALO = 0, 1, 2, 3  # how the stones lie; every saint has a halo of his own
HALO_RADIUS = 0.135  # of one who is 1 tall, in shares of the height

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Saint:
    """Where one stands, and in what."""

    x: float  # of the face, in shares of the canvas
    y: float
    tall: float  # 1 for the one in the middle, who stands in front
    robe: tuple[str, str, str]  # shade, colour and light
    cloak: tuple[str, str, str]
    hair: tuple[str, str]  # and its light
    beard: float  # length, 0 for a young one
    look: float  # where the head turns: -1 to the left, 1 to the right

    def at(self, points: Points) -> Outline:
        """Points measured from the face, in hundredths of the canvas's height, as an outline."""
        return curve(self._placed(points), (WIDTH, HEIGHT))

    def along(self, points: Points) -> Outline:
        """The same for a line."""
        return curve(self._placed(points), (WIDTH, HEIGHT), closed=False)

    def _placed(self, points: Points) -> Points:
        return [(self.x + self.tall * x * HEIGHT / WIDTH, self.y + self.tall * y) for x, y in points]


SAINTS = (
    _Saint(0.205, 0.285, 0.90, ("39462f", "66754a", "b4b184"), ("5a2820", "8c4a34", "c88e66"),
           ("4b2a14", "8a5a2c"), 0.0, 0.8),
    _Saint(0.795, 0.285, 0.90, ("6b4420", "a4743a", "dcbc7e"), ("2f4540", "4e6e62", "a2b498"),
           ("8f8672", "d8cfb6"), 1.25, -0.8),
    _Saint(0.500, 0.235, 1.08, ("55211e", "86382c", "c07a54"), ("223348", "3a5068", "8ea0a4"),
           ("3a2010", "7a4c26"), 0.75, 0.0),
)  # fmt: skip


def draw(rng: Random) -> Image:
    """Three saints in mosaic, on gold: frontal, long, weightless, lit from nowhere."""
    cartoon = to_bytes(blend(ground("b98a34", WIDTH, HEIGHT), rgb("dcb765"), smooth_noise(rng, HEIGHT, WIDTH, 90)))
    zones = np.full((HEIGHT, WIDTH), GROUND, np.uint8)
    for number, saint in enumerate(SAINTS):
        _halo(cartoon, zones, saint, HALO + number)
        _dress(cartoon, saint)
        _folds(cartoon, saint)
        _seams(cartoon, saint)
        _head(cartoon, saint)
        _features(cartoon, saint)
        for outline, zone in ((BODY, CLOTH), (CLOAK, CLOTH), (_mirrored(CLOAK), CLOTH), (HAIR, FLESH), (FACE, FLESH)):
            cv2.fillPoly(zones, [saint.at(outline)], [zone], cv2.LINE_8, SUBPIXEL)
    return _set_in_stone(cartoon, zones, rng)


def _set_in_stone(cartoon: Image, zones: npt.NDArray[np.uint8], rng: Random) -> Image:
    """The cartoon in small stones: rows on the ground, rings in the halos, the finest in the faces."""
    stones = [_rows(6.4, rng), _rows(4.2, rng)]
    wanted = [zones <= CLOTH, zones == FLESH]
    for number, saint in enumerate(SAINTS):
        stones.append(_rings(saint, 6.4, rng))
        wanted.append(zones == HALO + number)
    empty = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for (x, y), where in zip(stones, wanted, strict=True):
        inside = (x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT)
        x, y = x[inside], y[inside]
        keep = where[y, x]
        empty[y[keep], x[keep]] = 0
    # Every pixel belongs to the stone that is nearest.
    _, nearest = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    y, x = np.nonzero(empty == 0)
    glass = np.empty((len(x) + 1, 3), np.float32)
    zone = zones[y, x]
    # No two stones are cut from the same glass, and none lies quite level: gold glitters most, faces least.
    tilt = np.where(zone == FLESH, 9, np.where(zone == CLOTH, 18, 22))
    colour = cv2.GaussianBlur(cartoon, (0, 0), 0.8)[y, x] + (tilt * rng.normal(0, 1, len(x)))[:, None]
    glass[nearest[y, x]] = colour + rng.normal(0, 7, (len(x), 1)) * np.array([-1.0, 0.15, 0.9])
    seam = (nearest != np.roll(nearest, 1, 0)) | (nearest != np.roll(nearest, 1, 1))
    mortar = cv2.GaussianBlur(seam.astype(np.float32), (0, 0), 0.7) * np.float32(0.5)
    return to_bytes(blend(glass[nearest], rgb("3c3226"), np.asarray(mortar, np.float32)))


def _rows(step: float, rng: Random) -> tuple[Places, Places]:
    """Where stones lie in rows, as near as a hand sets them."""
    y, x = np.mgrid[0 : HEIGHT + step : step, 0 : WIDTH + step : step]
    x[1::2] += step / 2
    return _set_by_hand(x, y, step, rng)


def _rings(saint: _Saint, step: float, rng: Random) -> tuple[Places, Places]:
    """The same in rings around a head."""
    x, y = [], []
    for ring in range(1, math.ceil(HALO_RADIUS * saint.tall * HEIGHT / step) + 1):
        turn = np.linspace(0, 2 * np.pi, round(2 * np.pi * ring), endpoint=False) + ring
        x.append(saint.x * WIDTH + ring * step * np.cos(turn))
        y.append((saint.y - 0.012 * saint.tall) * HEIGHT + ring * step * np.sin(turn))
    return _set_by_hand(np.concatenate(x), np.concatenate(y), step, rng)


def _set_by_hand(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], step: float, rng: Random
) -> tuple[Places, Places]:
    slip = 0.15 * step
    return (
        np.asarray(np.round(x + rng.normal(0, slip, x.shape)), np.intp).ravel(),
        np.asarray(np.round(y + rng.normal(0, slip, y.shape)), np.intp).ravel(),
    )


def _mirrored(points: Points) -> Points:
    return [(-x, y) for x, y in points]


def _halo(cartoon: Image, zones: npt.NDArray[np.uint8], saint: _Saint, zone: int) -> None:
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    away = np.hypot(u - saint.x * WIDTH, v - (saint.y - 0.012 * saint.tall) * HEIGHT) / (saint.tall * HEIGHT)
    zones[away < HALO_RADIUS] = zone
    cartoon[:] = blend(cartoon.astype(np.float32), rgb("f0d894"), np.clip((HALO_RADIUS - away) * 300, 0, 1) * 0.8)
    for ring, code in ((HALO_RADIUS - 0.004, "6d1a12"), (HALO_RADIUS - 0.015, "f6ecc8")):
        cartoon[:] = blend(cartoon.astype(np.float32), rgb(code), np.clip((0.0055 - np.abs(away - ring)) * 400, 0, 1))


def _dress(cartoon: Image, saint: _Saint) -> None:
    """The robe, and the cloak that falls from both shoulders."""
    shade, colour, light = (rgb(code) for code in saint.robe)
    lay_in(cartoon, saint.at(BODY), shade, 0.8)
    lay_in(cartoon, saint.at(xy("-7,12 7,12 9,30 10,60 9,100 -9,100 -10,60 -9,30")), colour, 10)
    lay_in(cartoon, saint.at(xy("-3,20 2,18 3,50 4,95 -3,95 -4,50")), light, 9, 0.55)
    shade, colour, light = (rgb(code) for code in saint.cloak)
    for side in (-1, 1):
        lay_in(cartoon, saint.at([(side * x, y) for x, y in CLOAK]), shade, 0.8)
        lay_in(
            cartoon, saint.at([(side * x, y) for x, y in xy("9,14 17,19 20,36 21,70 17,100 14,70 13,36")]), colour, 8
        )
        lay_in(cartoon, saint.at([(side * x, y) for x, y in xy("12,16 17,21 18.5,34 15.5,30")]), light, 9, 0.6)


def _head(cartoon: Image, saint: _Saint) -> None:
    """Flesh is built from dark olive to light ochre, brightest where the form comes forward."""
    turn = 0.6 * saint.look

    def layer(points: Points, code: str, blur: float = 0.7, share: float = 1.0, moves: float = 0.0) -> None:
        lay_in(cartoon, saint.at([(x + 0.01 * moves * turn, y) for x, y in points]), rgb(code), blur, share)

    layer(xy("-3,4 3,4 3.6,11 6,14 0,18 -6,14 -3.6,11"), "6b4826", 1)
    layer(xy("-1.5,9 2,9 2.5,13 0,16 -2,13"), "a5763f", 4, 0.8)
    layer(HAIR, saint.hair[0])
    layer(FACE, "7c5831")
    for points, code, blur, share, moves in (
        (xy("-3.6,-5.6 0,-6.6 3.6,-5.6 4,-2.8 0,-2.4 -4,-2.8"), "d8ac72", 4.0, 0.95, 0.4),
        (xy("-2.6,-5 2.6,-5 2,-3.4 -2,-3.4"), "ecd0a0", 4.0, 0.7, 0.4),
        (xy("-4,0.6 -1.4,0.8 -1.3,3 -3,4"), "d3a066", 3.6, 0.95, 0.5),
        (xy("4,0.6 1.4,0.8 1.3,3 3,4"), "c99a60", 3.6, 0.9, 0.5),
        (xy("-3.4,1.2 -1.8,1.2 -2.2,2.6"), "f0d4a4", 2.8, 0.8, 0.5),
        (xy("3.4,1.2 1.8,1.2 2.2,2.6"), "ecd0a0", 2.8, 0.7, 0.5),
        (xy("-0.55,-2.6 0.5,-2.6 0.7,2 -0.6,2.2"), "f0d4a4", 1.6, 0.95, 1.0),
        (xy("-1.3,5.5 1.3,5.5 0.9,7 -0.9,7"), "d3a066", 2.5, 0.9, 0.6),
        (xy("-1.5,4.1 0,3.8 1.5,4.1 0,5"), "9c4a34", 1.0, 0.9, 0.8),
    ):
        layer(points, code, blur, share, moves)
    if saint.beard:
        down = 7 + 5 * saint.beard
        sides = xy("-4.8,1 -3,4 -1.6,3.6 0,3.4 1.6,3.6 3,4 4.8,1 4.5,6")
        layer([*sides, (0.02, down / 100), (-0.02, down / 100), (-0.045, 0.06)], saint.hair[0], 0.8)
        layer(xy("-1.4,4.5 0,4.2 1.4,4.5 0,5.4"), "9c4a34", 0.8, 0.95, 0.4)
    for side in (-1, 1):
        eye = [(side * 0.0225 + x, y) for x, y in xy("-1.9,-0.6 0,-1.7 1.9,-0.6 0,0.3")]
        layer(eye, "e6d6b0", 0.6, 1, 0.8)


def _features(cartoon: Image, saint: _Saint) -> None:
    """An icon is drawn in line at the end."""
    turn = 0.006 * saint.look

    def stroke(points: Points, code: str, thick: float, thin: float = 1.0, moves: float = 0.0) -> None:
        moved = [(x + moves * turn, y) for x, y in points]
        brush_line(cartoon, saint.along(moved), rgb(code), thick, thin)

    for side in (-1, 1):

        def near(points: str, side: int = side) -> list[tuple[float, float]]:
            return [(side * (0.0215 + x), y) for x, y in xy(points)]

        pupil = saint.along([(side * 0.0215 + 1.3 * turn, -0.009)] * 2)[0]
        size = round(3.4 * saint.tall * 2**SUBPIXEL)
        cv2.circle(cartoon, pupil.tolist(), size, rgb("140b06"), -1, cv2.LINE_AA, SUBPIXEL)
        stroke(near("-1.7,-0.6 0,-1.7 1.9,-0.6"), "1c0f08", 4.5, 2, 0.8)
        stroke(near("-1.4,-2.7 0,-3.3 2.2,-2.2"), UMBER, 4, 2, 0.8)
        stroke(near("-1.2,1.0 0.3,1.2 1.6,0.6"), "6b4420", 3, 1, 0.8)
    side = -1 if saint.look > 0 else 1
    nose = [(-0.007, -0.022), (-0.005, 0.008), (-0.010, 0.020), (0.0, 0.024), (0.009, 0.021)]
    stroke([(side * x, y) for x, y in nose], UMBER, 3, 2, 1)
    stroke(xy("-1.5,4.2 0,4.1 1.5,4.2"), "4a140c", 3.5, 2, 0.6)
    if saint.beard:
        for x in (-1.0, -0.5, 0.0, 0.5, 1.0):
            tip = (0.014 * x, 0.062 + 0.05 * saint.beard - 0.012 * abs(x))
            stroke([(0.040 * x, 0.050 + 0.014 * (1 - abs(x))), (0.032 * x, 0.075), tip], saint.hair[1], 3)
    for side in (-1, 1):  # locks, from the parting to the neck
        for lock in ("0.2,-8 3.6,-7 5.2,-2 5.8,3.6", "0.4,-8.8 4.4,-7.6 6.2,-2.5 6.2,2"):
            stroke([(side * x, y) for x, y in xy(lock)], saint.hair[1], 3)
    stroke([*HAIR, HAIR[0]], UMBER, 3, 3)


def _folds(cartoon: Image, saint: _Saint) -> None:
    """Valleys and the light beside them, in wedges: cloth that breaks like glass."""

    def wedge(line: str, code: str, broad: float, side: int = 1, share: float = 0.8) -> None:
        (x0, y0), *_, (x1, y1) = points = xy(line)
        long = math.hypot(x1 - x0, y1 - y0)
        across = (broad * (y1 - y0) / long, broad * (x0 - x1) / long)
        x, y = points[1] if len(points) > 2 else ((x0 + x1) / 2, (y0 + y1) / 2)
        middle = [(x + across[0], y + across[1]), (x - across[0], y - across[1])]
        outline = [(x0, y0), middle[0], (x1, y1), middle[1]]
        lay_in(cartoon, saint.at([(side * x, y) for x, y in outline]), rgb(code), 0.9, share)

    (dark, _, light), (deep, _, bright) = saint.robe, saint.cloak
    for line in ("-3.5,20 -3,50 -4.5,102", "2.2,22 1.8,55 2.6,102", "5.5,26 5.8,60 5.6,102", "-6,40 -6.6,70 -6.4,102"):
        wedge(line, dark, 0.007)
    for line in ("-1.6,24 -1.5,48 -2,95", "4,30 4,60 4.4,98", "-4.8,30 -5,50 -5.2,80", "0.4,19 0.2,30 0.6,50"):
        wedge(line, light, 0.006)
    for side in (-1, 1):
        for line in ("9,17 13,27 19,38", "11,30 14,36 20,41", "12,52 16,46 21,42", "13,100 14,70 19,44",
                     "17,100 18,72 20.4,46", "20,100 20.5,80 21.6,56"):  # fmt: skip
            wedge(line, deep, 0.009, side)
        for line in ("12.5,18.5 16.5,26 19.5,36", "11,24 14,31 18.5,38.5", "13,46 17,43.6 20.6,40.5",
                     "15,92 16,68 19.6,45.6", "19,98 19.3,74 21,50", "11.2,98 12,80 14.6,58"):  # fmt: skip
            wedge(line, bright, 0.007, side, 0.75)


def _seams(cartoon: Image, saint: _Saint) -> None:
    """Outlines, the gold that the cloak is hemmed with, and what each is known by: a cross, a book, a scroll."""
    gold, deep = rgb("ecc868"), rgb(UMBER)

    def stroke(points: Points, colour: Colour, thick: float, thin: float = 1.0) -> None:
        brush_line(cartoon, saint.along(points), colour, thick, thin)

    for side in (-1, 1):
        stroke([(side * x, y) for x, y in CLOAK[4:]], gold, 7, 6)
        stroke([(side * x, y) for x, y in CLOAK[:5]], deep, 4, 4)
    stroke(xy("-7,13 -4,16 0,17.4 4,16 7,13"), gold, 8, 7)
    if not saint.look:
        _box(cartoon, saint, (-0.078, 0.29, 0.078, 0.49), UMBER)
        _box(cartoon, saint, (-0.070, 0.30, 0.070, 0.48), "e2b64e")
        _box(cartoon, saint, (-0.052, 0.322, 0.052, 0.458), "8c2a22")
        for x, y in xy("0,39 0,34.5 0,43.5 -3,39 3,39"):
            _box(cartoon, saint, (x - 0.013, y - 0.013, x + 0.013, y + 0.013), "f4e2a4")
        for x, y in xy("-6.1,31.1 6.1,31.1 -6.1,46.9 6.1,46.9"):
            _box(cartoon, saint, (x - 0.008, y - 0.008, x + 0.008, y + 0.008), "2d6a5c")
    elif not saint.beard:
        for box in ((-0.008, 0.24, 0.010, 0.52), (-0.048, 0.29, 0.050, 0.308)):
            _box(cartoon, saint, box, "f8efd2")
    else:
        _box(cartoon, saint, (-0.024, 0.25, 0.024, 0.50), "7a6a4c")
        _box(cartoon, saint, (-0.016, 0.255, 0.017, 0.495), "f4ead0")


def _box(cartoon: Image, saint: _Saint, edges: tuple[float, float, float, float], code: str) -> None:
    left, top, right, bottom = edges
    corners = saint.along([(left, top), (right, bottom)])[[0, -1]].tolist()
    cv2.rectangle(cartoon, corners[0], corners[1], rgb(code), -1, cv2.LINE_AA, SUBPIXEL)


FACE = xy("0,-7.5 3,-6.6 4.6,-3.5 4.7,0 4,3.6 2.4,6.4 0,7.8 -2.4,6.4 -4,3.6 -4.7,0 -4.6,-3.5 -3,-6.6")
HAIR = xy(
    "0,-9.4 4,-8.4 6.4,-5 6.8,0 6.2,4.5 4.2,6 4.8,0 4.4,-4 "
    "2.6,-6.6 0,-7.2 -2.6,-6.6 -4.4,-4 -4.8,0 -4.2,6 -6.2,4.5 -6.8,0 -6.4,-5 -4,-8.4"
)
BODY = xy("-7,12 7,12 16,18 20,40 21,105 -21,105 -20,40 -16,18")
CLOAK = xy("6,12.5 12,14.5 18,19 21.5,36 22.5,105 12,105 11,70 9.5,40 8.5,24")
