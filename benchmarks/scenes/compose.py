"""One scene: where the camera stands, what hangs where, and all that comes between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.scenes import furniture, light, sensor, surfaces
from benchmarks.scenes.canvases import Painting
from benchmarks.scenes.frames import Hung, hang
from benchmarks.scenes.furniture import Fitting, Sprite
from benchmarks.scenes.grain import Random
from benchmarks.scenes.people import Person
from benchmarks.scenes.view import Mask, Points, View, blend, clad, fill, lay, rectangle
from bundle.picture import Pixels

Kind = Literal["plain", "hard", "bare"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Quad = npt.NDArray[np.float32]
"""Corners ``[4, 2]`` (x, y) in pixels, clockwise from the canvas's own top left. As in `kiosk.locator.quad`
the first pixel is the square from (0, 0) to (1, 1)."""

LONG_SIDE, SHORT_SIDE = 1280, 720
"""Pixels of a scene."""

# Share of the scenes that are taken with the camera upright.
_PORTRAIT_SHARE = 0.15

# Of the longer side of the nearest canvas, as a share of the frame's shorter side.
_SHARES = (0.25, 0.85)

# Degrees between the line of sight to the canvas and the wall's normal, at most.
_ANGLES = {"plain": 20.0, "hard": 45.0, "bare": 40.0}

# Share of a canvas that may be covered at most.
_COVERED = 0.35

# Pixels that a canvas's corner keeps from the edge of the frame.
_MARGIN = 4

# By how much farther from the frame's centre the second canvas must be, as a share of the shorter side:
# which one is meant must not be a matter of pixels.
_LEAD = 0.1

# Mean of a frame (0-255) below which a camera exposes for longer.
_EXPOSED_LUMA = 70.0

_COVER_STEP = 4  # pixels between those at which it is reckoned what is covered


@dataclass(frozen=True)
class Attributes:
    """What is difficult about a scene, for tables by it."""

    angle: float
    """Degrees between line of sight and wall's normal, at the canvas nearest the centre (or the middle)."""
    roll: float
    """Degrees that the camera is turned about its own axis."""
    size: float
    """Longer side of the nearest canvas as a share of the frame's shorter side; 0 without one."""
    focus_blur: float
    """Standard deviation, pixels."""
    motion_blur: float
    """Length, pixels."""
    covered: float
    """Share of the nearest canvas that people or things cover."""
    people: int
    several: bool
    """More than one painting on the wall."""
    glare: bool
    hard_shadow: bool
    low_light: bool
    barrel: float
    """Distortion at the corners, as a share."""
    busy: bool
    """Doors, windows, benches and the like."""
    wall: str
    frame: str
    """Of the nearest painting; empty without one."""
    mat: bool
    portrait: bool


@dataclass(frozen=True)
class Scene:
    """A picture, and the truth about it."""

    picture: Pixels
    """RGB ``[720, 1280, 3]``, or upright."""
    canvases: tuple[Quad, ...]
    """Of every canvas that is wholly in the frame (people may stand before it)."""
    nearest: int | None
    """Index in `canvases` of the one whose middle is nearest to the frame's centre; None if there is none."""
    shown: tuple[int, ...]
    """For each of `canvases` the index of its painting among those that were given."""
    kind: Kind
    attributes: Attributes


@dataclass(frozen=True)
class _Room:
    """What surrounds the wall, centimetres."""

    floor_y: float
    ceiling_y: float
    left_x: float | None
    """Of the corner with a side wall; None where there is none in sight."""
    right_x: float | None


_FAR_CM = 2500.0  # half the length of a wall without an end


def scene(rng: Random, paintings: Sequence[Painting], kind: Kind) -> Scene:
    """Render one scene of `kind`; the same `rng` and `paintings` give the same one.

    ``plain``: one painting, seen from up to 20 degrees, in soft light. ``hard``: up to 45 degrees and all
    that goes wrong. ``bare``: rooms like those, with no painting at all; `paintings` may be empty.
    """
    if kind == "bare":
        return _draw(rng, kind, [], [], *_look(rng, kind, (rng.uniform(60, 140), rng.uniform(60, 140))))
    while True:
        picks = [int(index) for index in rng.integers(len(paintings), size=_how_many(rng, kind))]
        sizes = [_size_cm(rng, paintings[index].pixels) for index in picks]
        if len(sizes) > 1:  # neighbours are of a size, more or less
            first = math.prod(sizes[0])
            grow = [math.sqrt(first * rng.uniform(0.4, 1.6) / math.prod(size)) for size in sizes[1:]]
            sizes[1:] = [(wide * by, tall * by) for (wide, tall), by in zip(sizes[1:], grow, strict=True)]
        view, room = _look(rng, kind, sizes[0])
        centres = _row(rng, sizes)
        if _well_placed(view, centres, sizes):
            works = [(paintings[index].pixels, at, size) for index, at, size in zip(picks, centres, sizes, strict=True)]
            return _draw(rng, kind, picks, works, view, room)


def _how_many(rng: Random, kind: Kind) -> int:
    return 1 if kind == "plain" else int(rng.choice([1, 2, 3], p=[0.65, 0.22, 0.13]))


def _size_cm(rng: Random, picture: Pixels) -> tuple[float, float]:
    """Width and height of a canvas. Pictures that a data set has cut to a square are given the aspect of a
    canvas; the network's input is a square anyway, so a right cut-out is what it would see of the file."""
    aspect = picture.shape[1] / picture.shape[0]
    aspect *= math.exp(rng.normal(0, 0.24 if 0.97 < aspect < 1.03 else 0.06))
    aspect = min(max(aspect, 0.5), 2.0)
    side = math.exp(rng.uniform(math.log(30), math.log(170)))
    return side * math.sqrt(aspect), side / math.sqrt(aspect)


def _look(rng: Random, kind: Kind, size_cm: tuple[float, float]) -> tuple[View, _Room]:
    """Where a visitor stands before a canvas of `size_cm` around the origin, and in which room."""
    hard = kind != "plain"
    size = (LONG_SIDE, SHORT_SIDE) if rng.random() > _PORTRAIT_SHARE else (SHORT_SIDE, LONG_SIDE)
    focal = LONG_SIDE / 2 / math.tan(math.radians(rng.uniform(50, 76)) / 2)
    share = rng.uniform(*_SHARES)
    distance = focal * max(size_cm) / (share * SHORT_SIDE)
    if kind == "bare":
        distance = rng.uniform(80, 600)
    angle = math.radians(rng.uniform(0, _ANGLES[kind]))
    # Visitors walk to the side more than they kneel.
    direction = rng.normal(0, 0.4) + (math.pi if rng.random() < 0.5 else 0)
    yaw, pitch = angle * math.cos(direction), angle * math.sin(direction)
    roll = math.radians(rng.normal(0, 1.2) if not hard else rng.normal(0, 6)) if rng.random() < 0.9 else 0.0
    stray = 0.10 if not hard else 0.16
    aim = np.array([rng.uniform(-stray, stray) * size[0], rng.uniform(-stray, stray) * size[1], 0]) * distance / focal
    barrel = rng.uniform(0, 0.02) if not hard else rng.uniform(0, 0.1) * (rng.random() < 0.5)
    view = View.towards(
        aim,
        size,
        focal=focal,
        distance_cm=distance,
        yaw=yaw,
        pitch=pitch,
        roll=max(min(roll, 0.3), -0.3),
        distortion=barrel,
    )
    floor_y = max(rng.normal(152, 7), size_cm[1] / 2 + 28, view.position[1] + 30)
    ceiling_y = min(-rng.uniform(130, 300), -size_cm[1] / 2 - 40, view.position[1] - 40)
    corner = rng.uniform(40, 300) + 1.2 * max(size_cm)
    left, right = rng.random() < 0.15, rng.random() < 0.15
    return view, _Room(
        floor_y,
        ceiling_y,
        min(-corner, view.position[0] - 40) if left else None,
        max(corner, view.position[0] + 40) if right else None,
    )


def _row(rng: Random, sizes: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Middles of canvases that hang side by side, the first at the origin; frames have 30 cm for themselves."""
    centres, left, right = [(0.0, 0.0)], -sizes[0][0] / 2, sizes[0][0] / 2
    way = 1 if rng.random() < 0.5 else -1
    for wide, tall in sizes[1:]:
        gap = rng.uniform(0.25, 0.5) * (wide + tall) / 2 + rng.uniform(12, 70)
        x = right + gap + wide / 2 if way > 0 else left - gap - wide / 2
        left, right = min(left, x - wide / 2), max(right, x + wide / 2)
        centres.append((x, rng.normal(0, 4)))
        if rng.random() < 0.7:
            way = -way
    return centres


def _canvas_corners(centre: tuple[float, float], size: tuple[float, float], z: float = 0.0) -> Points:
    (x, y), (wide, tall) = centre, size
    return rectangle(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2, z)


def _well_placed(view: View, centres: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]]) -> bool:
    """Whether the first canvas is wholly in the frame, and clearly nearer to its centre than any other."""
    away = []
    for number, (centre, size) in enumerate(zip(centres, sizes, strict=True)):
        corners = _canvas_corners(centre, size, -10.0)  # as much nearer as a deep frame lifts it
        ahead = float(((corners - view.position) @ view.rotation[2]).min())
        if number == 0:
            if ahead < 15 or not _is_inside(view.seen(view.project(corners)), view, _MARGIN):
                return False
        elif ahead < 15:
            continue
        middle = view.seen(view.project(corners)).mean(axis=0)
        away.append(float(np.linalg.norm(middle - view.middle)))
    return all(other > away[0] + _LEAD * SHORT_SIDE for other in away[1:])


def _is_inside(points: Points, view: View, margin: float) -> bool:
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((low >= margin).all() and high[0] < view.width - margin and high[1] < view.height - margin)


def _draw(
    rng: Random,
    kind: Kind,
    picks: Sequence[int],
    works: Sequence[tuple[Pixels, tuple[float, float], tuple[float, float]]],
    view: View,
    room: _Room,
) -> Scene:
    hard = kind == "hard" or (kind == "bare" and rng.random() < 0.5)
    low_light = hard and rng.random() < 0.2
    busy = kind != "plain" and rng.random() < (0.6 if kind == "hard" else 0.8)
    distance = float(np.linalg.norm(view.position))
    scale = view.focal / distance  # pixels per centimetre about the middle of the wall
    span_cm = view.width / scale
    lit = light.lamps(rng, hard)

    hung = [hang(rng, pixels, at, size, scale * 1.1, lit.to_light) for pixels, at, size in works]
    picture = np.zeros((view.height, view.width, 3), np.uint8)
    wall = _build_room(rng, picture, view, room, scale)
    occupied = [work.box for work in hung]
    for fitting in _fittings(rng, kind, busy, hung, occupied, room, span_cm, scale):
        furniture.show(picture, view, fitting)
    for work in hung:
        _show_work(picture, view, work)

    level = rng.uniform(0.75, 1.05) if not hard else rng.uniform(0.65, 1.2)
    if low_light:  # as far as a camera's gain reaches
        level = rng.uniform(0.25, 0.5)
    shine = light.shine(rng, view, hung, lit, hard, level, span_cm)
    cast = np.exp(rng.normal(0, 0.03 if not hard else 0.09, 3)).astype(np.float32)
    shine *= cast
    shade = light.shadows(view, hung, lit)
    for work in hung:
        _outline_work(shade, view, work)
    shine *= cv2.merge([shade] * 3).astype(np.float32) * np.float32(1 / 255)
    if not low_light:  # the camera's own exposure: a dim wall is made brighter, within limits
        mean = float(cv2.mean(picture)[1] * shine[::16, ::16, 1].mean())
        shine *= np.float32(min(max(_EXPOSED_LUMA / max(mean, 1), 1.0), 1.8))
    picture = np.asarray(cv2.multiply(picture, shine, dtype=cv2.CV_8U), np.uint8)

    glared = False
    if hung and hard and rng.random() < 0.3:
        glass = view.outline(hung[0].canvas)
        picture = light.glare(rng, view, picture, glass, rng.uniform(0.3, 0.95) * min(1.0, 2 * level))
        glared = True

    standing = float(np.clip(shine.mean(), 0.05, 1.1))
    canvases = [np.asarray(view.project(work.canvas), np.float64) for work in hung]
    cover = np.zeros((view.height // _COVER_STEP, view.width // _COVER_STEP), np.uint8)
    if busy:
        picture = _furnish(rng, picture, view, room, canvases, cover, standing)
    people = 0
    if kind != "plain" and rng.random() < (0.45 if kind == "hard" else 0.35):
        picture, people = _visit(rng, picture, view, room, canvases, cover, standing)

    faults = _faults(rng, hard, low_light)
    picture = sensor.expose(rng, view.bend(picture), faults)
    quads = [np.asarray(view.seen(corners) + 0.5, np.float32) for corners in canvases]
    kept = [number for number, quad in enumerate(quads) if _is_inside(quad.astype(np.float64), view, 2)]
    away = [float(np.linalg.norm(quads[number].mean(axis=0) - view.middle)) for number in kept]
    nearest = int(np.argmin(away)) if kept else None
    target = np.zeros(3) if nearest is None else hung[kept[nearest]].canvas.mean(axis=0)
    attributes = Attributes(
        angle=_angle(view, target),
        roll=math.degrees(math.atan2(view.rotation[0, 1], view.rotation[1, 1])),
        size=0.0 if nearest is None else _longest(quads[kept[nearest]]) / SHORT_SIDE,
        focus_blur=faults.focus,
        motion_blur=faults.shake,
        covered=0.0 if nearest is None else _covered(cover, canvases[kept[nearest]]),
        people=people,
        several=len(hung) > 1,
        glare=glared,
        hard_shadow=lit.hard_shadow,
        low_light=low_light,
        barrel=view.distortion,
        busy=busy,
        wall=wall,
        frame="" if nearest is None else hung[kept[nearest]].frame,
        mat=False if nearest is None else hung[kept[nearest]].has_mat,
        portrait=view.height > view.width,
    )
    return Scene(
        picture,
        tuple(quads[number] for number in kept),
        nearest,
        tuple(picks[number] for number in kept),
        kind,
        attributes,
    )


def _angle(view: View, target: Points) -> float:
    way = target - view.position
    return math.degrees(math.acos(min(float(way[2]) / float(np.linalg.norm(way)), 1.0)))


def _longest(quad: Quad) -> float:
    return float(np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).max())


def _build_room(rng: Random, picture: Pixels, view: View, room: _Room, scale: float) -> str:
    """Floor, ceiling, side walls and the wall itself, in `picture`; the name of the wall's material."""
    left = -_FAR_CM if room.left_x is None else room.left_x
    right = _FAR_CM if room.right_x is None else room.right_x
    near = -_FAR_CM
    coarse = min(max(0.6 * scale, 0.8), 4.0)
    name, texture = surfaces.wall(rng, min(max(scale, 1.0), 14.0))
    start = (float(rng.integers(surfaces.TEXTURE_WIDTH)), float(rng.integers(surfaces.TEXTURE_HEIGHT)))
    picture[:] = texture[0, 0]  # beyond the ends of the world

    floor = np.array(
        [(left, room.floor_y, 0), (right, room.floor_y, 0), (right, room.floor_y, near), (left, room.floor_y, near)]
    )
    clad(picture, view, surfaces.floor(rng, coarse), _around_view(floor, view), coarse, start)
    ceiling = np.full((64, 64, 3), rng.uniform(150, 240), np.uint8)
    ceiling_y = room.ceiling_y
    above = np.array([(left, ceiling_y, near), (right, ceiling_y, near), (right, ceiling_y, 0), (left, ceiling_y, 0)])
    clad(picture, view, ceiling, above, 1.0)
    for x in (room.left_x, room.right_x):
        if x is None:
            continue
        sides = [(x, ceiling_y, 0), (x, ceiling_y, -900), (x, room.floor_y, -900), (x, room.floor_y, 0)]
        other = cv2.convertScaleAbs(texture, alpha=rng.uniform(0.6, 1.1))
        clad(picture, view, np.asarray(other, np.uint8), np.array(sides), min(max(scale, 1.0), 14.0), start)

    # The texture starts at the middle of the wall: far from its start, coordinates would overflow.
    front = rectangle(left, ceiling_y, right, room.floor_y)
    clad(picture, view, texture, _around_view(front, view), min(max(scale, 1.0), 14.0), start)
    _trim(rng, picture, view, room, left, right, scale)
    return name


def _around_view(corners: Points, view: View) -> Points:
    """The rectangle, cut off where nothing of it can be in sight."""
    reach = 12 * max(-float(view.position[2]), 60.0)
    middle = float(view.position[0])
    clipped = corners.copy()
    clipped[:, 0] = clipped[:, 0].clip(middle - reach, middle + reach)
    clipped[:, 2] = clipped[:, 2].clip(-reach, 0)
    return clipped


def _trim(rng: Random, picture: Pixels, view: View, room: _Room, left: float, right: float, scale: float) -> None:
    """Skirting board, and in older houses a dado, a picture rail or a cornice."""
    tone = rng.uniform(40, 240)

    def band(top: float, bottom: float, colour: npt.NDArray[np.float32]) -> None:
        rows = max(min(round((bottom - top) * scale), 64), 3)
        shade = np.linspace(1.1, 0.8, rows, dtype=np.float32)
        shade[-1] *= 0.6
        patch = (shade[:, None, None] * colour).clip(0, 255).astype(np.uint8)
        clad(
            picture,
            view,
            np.ascontiguousarray(patch.repeat(8, 1)),
            _around_view(rectangle(left, top, right, bottom), view),
            rows / (bottom - top),
        )

    grey = np.full(3, tone, np.float32)
    if rng.random() < 0.18:
        dado = surfaces.paint_colour(rng)
        height = rng.uniform(70, 100)
        if room.floor_y - height > 40:
            shade = surfaces.tinted(np.ones((64, 64), np.float32), dado)
            around = _around_view(rectangle(left, room.floor_y - height, right, room.floor_y), view)
            clad(picture, view, shade, around, 1.0)
            band(room.floor_y - height - 4, room.floor_y - height, np.asarray(dado * 1.1, np.float32))
    if rng.random() < 0.8:
        band(room.floor_y - rng.uniform(6, 20), room.floor_y, grey)
    if rng.random() < 0.2:
        y = room.ceiling_y + rng.uniform(20, 50)
        band(y, y + 4, np.asarray(surfaces.wood_colour(rng), np.float32))
    if rng.random() < 0.3:
        band(room.ceiling_y, room.ceiling_y + rng.uniform(6, 25), np.full(3, rng.uniform(180, 245), np.float32))


def _fittings(
    rng: Random,
    kind: Kind,
    busy: bool,
    hung: Sequence[Hung],
    occupied: list[tuple[float, float, float, float]],
    room: _Room,
    span_cm: float,
    scale: float,
) -> list[Fitting]:
    """What else is on the wall; where it is goes to `occupied`."""
    found: list[Fitting] = []
    for work in hung:
        if rng.random() < 0.65:
            plate = furniture.label(rng, work.box, scale)
            if not furniture.overlaps(plate.box, occupied, 1.0):
                found.append(plate)
                occupied.append(plate.box)
    if kind == "plain" and rng.random() < 0.85:
        return found
    for number in range(int(rng.integers(1, 7)) if busy else int(rng.integers(0, 3))):
        # Large things where people do not look away from a painting; small ones anywhere.
        large = ("door", "opening", "window", "radiator", "text")
        names = furniture.FITTINGS if busy else tuple(name for name in furniture.FITTINGS if name not in large)
        name = names[int(rng.integers(len(names)))]
        x = rng.normal(0, 0.15 if kind == "bare" and number == 0 else 0.5) * span_cm
        fitting = furniture.fit(rng, name, x, room.floor_y, room.ceiling_y, scale)
        left, top, right, _ = fitting.box
        beyond = (room.left_x is not None and left < room.left_x) or (room.right_x is not None and right > room.right_x)
        if beyond or top < room.ceiling_y or furniture.overlaps(fitting.box, occupied, 12.0):
            continue
        found.append(fitting)
        occupied.append(fitting.box)
    return found


def _faces(work: Hung) -> list[Points]:
    """The four sides of a painting's thickness, ``[4, 3]`` each: top, right, bottom, left."""
    front = work.outer
    back = front * np.array([1, 1, 0])
    return [np.array([back[i], back[(i + 1) % 4], front[(i + 1) % 4], front[i]]) for i in range(4)]


def _show_work(picture: Pixels, view: View, work: Hung) -> None:
    outwards = ((0, -1), (1, 0), (0, 1), (-1, 0))
    for face, colour, outward in zip(_faces(work), work.sides, outwards, strict=True):
        if float(np.dot(view.position[:2] - face[0, :2], outward)) > 0:
            fill(picture, view.outline(face), colour.tolist())
    lay(picture, view, work.patch, work.outer)


def _outline_work(shade: Mask, view: View, work: Hung) -> None:
    """Wall shadows do not fall on what hangs before the wall."""
    for face in _faces(work):
        fill(shade, view.outline(face), (255,))
    fill(shade, view.outline(work.outer), (255,))


def _covered(cover: Mask, corners: Points) -> float:
    mask = np.zeros_like(cover)
    fill(mask, corners / _COVER_STEP, (255,))
    inside = mask > 127
    return float((cover[inside] > 127).mean()) if inside.any() else 0.0


def _may_cover(cover: Mask, canvases: Sequence[Points]) -> bool:
    """Whether every canvas keeps enough to be found by: most of its area, and a corner at least."""
    for corners in canvases:
        inside = corners.clip(0, np.array([cover.shape[1], cover.shape[0]]) * _COVER_STEP - 1)
        at = (inside / _COVER_STEP).astype(int)
        hidden = cover[at[:, 1].clip(0, cover.shape[0] - 1), at[:, 0].clip(0, cover.shape[1] - 1)] > 127
        if hidden.all() or _covered(cover, corners) > _COVERED:
            return False
    return True


def _over(picture: Pixels, sprite: Sprite) -> Pixels:
    x, y, wide, tall = cv2.boundingRect(sprite.share)
    if wide and tall:
        box = (slice(y, y + tall), slice(x, x + wide))
        picture[box] = blend(picture[box], sprite.pixels[box], sprite.share[box])
    return picture


def _furnish(
    rng: Random, picture: Pixels, view: View, room: _Room, canvases: Sequence[Points], cover: Mask, standing: float
) -> Pixels:
    """Benches, ropes and plants before the wall, where the camera is far enough to see them."""
    distance = -float(view.position[2])
    for name in ("rope", "bench", "plant"):
        if rng.random() > 0.3 or distance < 160:
            continue
        z = -rng.uniform(40, 0.6 * distance)
        x = float(rng.normal(0, 0.4)) * distance
        sprite = furniture.stand(rng, view, name, x, z, room.floor_y, standing * rng.uniform(0.6, 1.0))
        if sprite is None:
            continue
        tried = np.maximum(cover, cv2.resize(sprite.share, cover.shape[::-1], interpolation=cv2.INTER_AREA))
        if _may_cover(tried, canvases):
            cover[:] = tried
            picture = _over(picture, sprite)
    return picture


def _visit(
    rng: Random, picture: Pixels, view: View, room: _Room, canvases: Sequence[Points], cover: Mask, standing: float
) -> tuple[Pixels, int]:
    """One to four visitors; most stand in somebody's way, which is what makes the scene hard."""
    placed: list[tuple[float, Person, Points]] = []
    distance = -float(view.position[2])
    wanted = int(rng.choice([1, 2, 3, 4], p=[0.55, 0.25, 0.12, 0.08]))
    for _ in range(wanted):
        person = Person(rng)
        for _ in range(7):
            ahead = rng.uniform(0.3, 0.9)
            at = view.position + (ahead * distance / -view.position[2]) * (
                np.array([rng.normal(0, 0.45) * distance, 0, 0]) - view.position * np.array([1, 0, 1])
            )
            feet = np.array([at[0], room.floor_y, min(at[2], -25.0)])
            mask = person.shadow(view, feet, _COVER_STEP)
            if mask is None or not mask.any():
                continue
            # Somebody so near that they fill the view would be no scene at all.
            if float((mask > 127).mean()) > 0.4:
                continue
            tried = np.maximum(cover, mask[: cover.shape[0], : cover.shape[1]])
            if _may_cover(tried, canvases):
                cover[:] = tried
                placed.append((view.depth_cm(feet), person, feet))
                break
    tint = rng.uniform(-1, 1)
    for depth, person, feet in sorted(placed, key=lambda each: -each[0]):
        # Focused on the wall: the nearer somebody stands, the less sharp.
        blur = min(0.9 * (distance / max(depth, 20) - 1), 5.0)
        sprite = person.draw(view, feet, standing * rng.uniform(0.45, 1.05), tint, blur)
        if sprite is not None:
            picture = _over(picture, sprite)
    return picture, len(placed)


def _faults(rng: Random, hard: bool, low_light: bool) -> sensor.Faults:
    if not hard:
        return sensor.Faults(
            focus=rng.uniform(0.3, 0.9),
            shake=0.0,
            shake_direction=0.0,
            noise=rng.uniform(0.8, 3.5),
            jpeg=int(rng.integers(75, 97)),
            contrast=rng.uniform(0.9, 1.1),
        )
    return sensor.Faults(
        focus=rng.uniform(1.2, 3.2) if rng.random() < 0.25 else rng.uniform(0.3, 1.1),
        shake=rng.uniform(4, 17) if rng.random() < 0.25 else 0.0,
        shake_direction=rng.uniform(0, math.pi),
        noise=rng.uniform(5, 13) if low_light else rng.uniform(1, 7),
        jpeg=int(rng.integers(45, 95)),
        contrast=rng.uniform(0.8, 1.25),
    )
