"""How a painting hangs: frame, passe-partout, and the thickness of it all."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.scenes.grain import Field, Random, cloud
from benchmarks.scenes.surfaces import Colour, paint_colour, tinted, wood_colour, wood_grain
from benchmarks.scenes.view import Points, rectangle
from bundle.picture import Pixels

FRAMES = ("gilded", "gilded", "dark", "wood", "thin", "thin", "white", "floater", "none")
"""As often as they are met."""

_GOLDS = ((54, 34, 14), (150, 106, 44), (206, 164, 84), (250, 228, 160))
"""From the recesses to the highlights, RGB."""


@dataclass(frozen=True)
class Hung:
    """A painting in its frame, on the wall."""

    patch: Pixels
    """The front of it all."""
    outer: Points
    """Corners of the front ``[4, 3]``, centimetres, clockwise from the top left."""
    canvas: Points
    """Corners of the canvas ``[4, 3]``."""
    depth_cm: float
    """Of the front before the wall."""
    sides: tuple[Colour, Colour, Colour, Colour]
    """Colours of the thickness: top, right, bottom, left."""
    frame: str
    has_mat: bool

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom on the wall, centimetres."""
        return (
            float(self.outer[0, 0]),
            float(self.outer[0, 1]),
            float(self.outer[2, 0]),
            float(self.outer[2, 1]),
        )


def hang(
    rng: Random,
    picture: Pixels,
    centre: tuple[float, float],
    size_cm: tuple[float, float],
    scale: float,
    to_light: npt.NDArray[np.float64],
) -> Hung:
    """Frame `picture`, a canvas of `size_cm` (width, height) around `centre` on the wall; `scale` is the
    pixels per centimetre of what is drawn, `to_light` ``[2]`` the direction of the light along the wall."""
    name = FRAMES[int(rng.integers(len(FRAMES)))]
    wide, tall = max(round(size_cm[0] * scale), 8), max(round(size_cm[1] * scale), 8)
    patch = _canvas(rng, picture, wide, tall)
    small = min(size_cm)
    mean_edge = _edge_colour(patch)
    mat_share = {"thin": 0.55, "white": 0.55, "wood": 0.2, "gilded": 0.2}.get(name, 0.0)
    has_mat = bool(rng.random() < mat_share)
    if has_mat:
        patch = _mounted(rng, patch, rng.uniform(0.08, 0.28) * small * scale, scale)
    depth_cm = rng.uniform(1.5, 4.5)
    side = mean_edge
    if name == "none":
        depth_cm = rng.uniform(1.8, 6.0)
        side = np.array([232, 226, 214], np.float32) if rng.random() < 0.4 else mean_edge * 0.9
    elif name == "floater":
        gap = max(round(rng.uniform(0.5, 1.4) * scale), 1)
        patch = _bordered(patch, gap, np.full(3, rng.uniform(8, 36), np.float32))
        patch, side = _moulded(rng, patch, rng.uniform(0.6, 2.2) * scale, _plain_finish(rng), to_light, scale, 0.1)
    elif name in ("thin", "white"):
        finish = np.array([240, 238, 232], np.float32) if name == "white" else _plain_finish(rng)
        broad = rng.uniform(0.7, 2.4) if name == "thin" else rng.uniform(1.5, 6.0)
        patch, side = _moulded(rng, patch, broad * scale, finish, to_light, scale, 0.12)
    else:
        if name != "wood" and not has_mat and rng.random() < 0.5:
            # A slip between canvas and frame: gold or linen.
            slip = np.array(_GOLDS[2] if rng.random() < 0.7 else (222, 212, 190), np.float32)
            patch, _ = _moulded(rng, patch, rng.uniform(0.6, 2.0) * scale, slip, to_light, scale, 0.15)
        broad = rng.uniform(0.06, 0.2) * small + rng.uniform(1.0, 4.0)
        depth_cm = rng.uniform(3.0, 9.0)
        if name == "gilded":
            patch, side = _moulded(rng, patch, broad * scale, None, to_light, scale, rng.uniform(0.3, 0.7))
        else:
            finish = wood_colour(rng) if name == "wood" else np.array([34, 27, 24], np.float32) * rng.uniform(0.6, 1.8)
            relief = rng.uniform(0.1, 0.4)
            patch, side = _moulded(rng, patch, broad * scale, np.asarray(finish, np.float32), to_light, scale, relief)
    if name not in ("none", "floater"):
        _shade_inside(patch, wide, tall, has_mat, to_light, rng.uniform(0.2, 1.0) * scale)
    # Frame and mount add the same on all sides, so the canvas lies in the middle of what was drawn.
    high, broad_px = patch.shape[:2]
    centre_x, centre_y = centre
    z = -depth_cm

    def around(width_px: float, height_px: float) -> Points:
        half_x, half_y = width_px / 2 / scale, height_px / 2 / scale
        return rectangle(centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y, z)

    lights = [1 + 0.35 * float(np.dot(outward, to_light)) for outward in ((0, -1), (1, 0), (0, 1), (-1, 0))]
    top, right, bottom, left = (np.asarray(side * 0.75 * light, np.float32).clip(0, 255) for light in lights)
    return Hung(patch, around(broad_px, high), around(wide, tall), depth_cm, (top, right, bottom, left), name, has_mat)


def _canvas(rng: Random, picture: Pixels, wide: int, tall: int) -> Pixels:
    """The picture at its size on the wall, with weave and brush marks where it had to be enlarged."""
    shrink = wide < picture.shape[1]
    scaled = cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    if shrink or rng.random() < 0.3:
        return np.asarray(scaled, np.uint8)
    relief = 1 + 0.035 * cloud(rng, tall, wide, 10, 24) + 0.02 * cloud(rng, tall, wide, 8)
    return np.asarray(cv2.multiply(scaled, cv2.merge([relief] * 3), dtype=cv2.CV_8U), np.uint8)


def _edge_colour(patch: Pixels) -> Colour:
    edge = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
    return np.asarray(edge.mean(axis=0), np.float32)


def _plain_finish(rng: Random) -> Colour:
    kind = rng.integers(5)
    if kind == 0:
        return np.full(3, rng.uniform(12, 46), np.float32)
    if kind == 1:
        return np.full(3, rng.uniform(215, 246), np.float32)
    if kind == 2:
        return wood_colour(rng)
    if kind == 3:
        return np.array([158, 156, 150], np.float32) * np.float32(rng.uniform(0.7, 1.3))
    return np.array(_GOLDS[2], np.float32)


def _bordered(patch: Pixels, broad: int, colour: Colour) -> Pixels:
    return np.asarray(cv2.copyMakeBorder(patch, *(broad,) * 4, cv2.BORDER_CONSTANT, value=colour.tolist()), np.uint8)


def _mounted(rng: Random, patch: Pixels, broad: float, scale: float) -> Pixels:
    """In a passe-partout: white, cream, grey or coloured, sometimes two, with the bevel of its cut."""
    bevel = max(round(0.18 * scale), 1)
    patch = _bordered(patch, bevel, np.full(3, rng.uniform(205, 252), np.float32))
    colours = ((246, 244, 238), (238, 230, 212), (226, 222, 214), (150, 148, 146), (36, 36, 38))
    colour = np.array(colours[int(rng.choice(5, p=(0.42, 0.26, 0.16, 0.08, 0.08)))], np.float32)
    if rng.random() < 0.08:
        colour = paint_colour(rng)
    if rng.random() < 0.2:
        patch = _bordered(patch, max(round(rng.uniform(0.3, 0.8) * scale), 1), colour * 0.86)
        patch = _bordered(patch, bevel, np.full(3, 240, np.float32))
    broad_px = max(round(broad), 3)
    inner_tall, inner_wide = patch.shape[:2]
    shade = 1 + 0.008 * cloud(rng, inner_tall + 2 * broad_px, inner_wide + 2 * broad_px, 4)
    board = tinted(np.asarray(shade, np.float32), colour)
    board[broad_px : broad_px + inner_tall, broad_px : broad_px + inner_wide] = patch
    return board


def _shade_inside(
    patch: Pixels, wide: int, tall: int, has_mat: bool, to_light: npt.NDArray[np.float64], reach: float
) -> None:
    """The shadow that the frame throws on what lies deeper, at the sides nearer to the light; in `patch`."""
    if has_mat:
        return  # glass: the frame's shadow falls on the mount, too faint to matter
    top, left = (patch.shape[0] - tall) // 2, (patch.shape[1] - wide) // 2
    canvas = patch[top : top + tall, left : left + wide]
    for axis, towards in ((0, -to_light[1]), (1, -to_light[0])):
        steps = min(max(round(abs(towards) * reach), 1), canvas.shape[axis] // 6)
        shade = np.linspace(0.55, 1, steps, dtype=np.float32)
        if axis == 0 and towards > 0:
            canvas[:steps] = (canvas[:steps] * shade[:, None, None]).astype(np.uint8)
        elif axis == 1 and towards > 0:
            canvas[:, :steps] = (canvas[:, :steps] * shade[None, :, None]).astype(np.uint8)
        elif axis == 1:
            canvas[:, -steps:] = (canvas[:, -steps:] * shade[None, ::-1, None]).astype(np.uint8)


def _moulded(
    rng: Random,
    patch: Pixels,
    broad: float,
    finish: Colour | None,
    to_light: npt.NDArray[np.float64],
    scale: float,
    relief: float,
) -> tuple[Pixels, Colour]:
    """`patch` within a moulding of `broad` pixels, mitred at its corners, and the moulding's mean colour.

    `finish` is its colour, None for gold leaf with ornaments; `relief` how far its shade goes from 1.
    """
    broad_px = max(round(broad), 2)
    inner_tall, inner_wide = patch.shape[:2]
    tall, wide = inner_tall + 2 * broad_px, inner_wide + 2 * broad_px
    framed = np.empty((tall, wide, 3), np.uint8)
    long = max(tall, wide)
    slope = _profile(rng, broad_px)
    texture = _ornament(rng, broad_px, long, scale) if finish is None else wood_grain(rng, broad_px, long, scale) - 1
    mean = np.array(_GOLDS[1], np.float32) if finish is None else finish
    # Top, right, bottom, left: the strip turns clockwise with its outer edge outwards.
    for turn, outward in enumerate(((0, -1), (1, 0), (0, 1), (-1, 0))):
        light = float(np.dot(outward, to_light))
        shade = 1 + relief * slope[:, None] * np.float32(light) + (texture if finish is None else texture * 0.8)
        strip = _gold(shade) if finish is None else tinted(np.asarray(shade, np.float32), finish)
        length = wide if turn % 2 == 0 else tall
        strip = np.rot90(strip[:, :length], -turn)
        corners = _mitred(turn, wide, tall, broad_px)
        rows, columns = (
            (slice(0, broad_px), slice(0, wide)),
            (slice(0, tall), slice(wide - broad_px, wide)),
            (slice(tall - broad_px, tall), slice(0, wide)),
            (slice(0, tall), slice(0, broad_px)),
        )[turn]
        mask = np.zeros(strip.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, corners - np.array([columns.start, rows.start], np.int32), 1)
        cv2.copyTo(np.ascontiguousarray(strip), mask, framed[rows, columns])
    framed[broad_px : broad_px + inner_tall, broad_px : broad_px + inner_wide] = patch
    return framed, mean


def _mitred(turn: int, wide: int, tall: int, broad: int) -> npt.NDArray[np.int32]:
    """The corners of one side of the moulding, as pixels."""
    right, bottom, in_right, in_bottom = wide - 1, tall - 1, wide - broad, tall - broad
    sides = (
        ((0, 0), (right, 0), (in_right, broad - 1), (broad - 1, broad - 1)),
        ((right, 0), (right, bottom), (in_right, in_bottom), (in_right, broad - 1)),
        ((right, bottom), (0, bottom), (broad - 1, in_bottom), (in_right, in_bottom)),
        ((0, bottom), (0, 0), (broad - 1, broad - 1), (broad - 1, in_bottom)),
    )
    return np.array(sides[turn], np.int32)


def _profile(rng: Random, broad: int) -> Field:
    """The slope of a moulding from its outer to its inner edge, about -1 to 1: it rises, waves and falls."""
    knots = int(rng.integers(3, 7))
    slopes = rng.uniform(-1, 1, knots)
    slopes[0], slopes[-1] = rng.uniform(0.2, 1.2), rng.uniform(-1.2, -0.2)
    return np.interp(np.linspace(0, 1, broad), np.linspace(0, 1, knots), slopes).astype(np.float32)


def _ornament(rng: Random, broad: int, long: int, scale: float) -> Field:
    """Carved leaves and beads along a gilded moulding, as shades about 0."""
    period = max(round(rng.uniform(3, 14) * scale), 6)
    half = cloud(rng, broad, (period + 1) // 2, max(broad / rng.uniform(2, 5), 3), period / 2)
    motif = np.concatenate([half, half[:, ::-1]], axis=1)
    carved = np.tile(motif, (1, long // motif.shape[1] + 1))[:, :long]
    start, stop = sorted(rng.uniform(0.05, 0.95, 2))
    zone = np.zeros((broad, 1), np.float32)
    zone[int(start * broad) : int(stop * broad) + 1] = rng.uniform(0.05, 0.3)
    worn = 0.06 * cloud(rng, broad, long, 8 * scale + 4) + 0.05 * cloud(rng, broad, long, 10)
    return np.asarray(carved * zone + worn, np.float32)


def _gold(shade: Field) -> Pixels:
    """Gold leaf of a shade about 1."""
    levels = np.linspace(0, 255, len(_GOLDS))
    ramp = np.array([np.interp(np.arange(256), levels, [gold[channel] for gold in _GOLDS]) for channel in range(3)])
    index = (shade * 127).clip(0, 255).astype(np.uint8)
    return np.asarray(ramp.T.astype(np.uint8)[index], np.uint8)
