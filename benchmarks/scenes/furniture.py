"""What else a museum's walls and rooms hold: doors, windows, plates, sockets, benches, ropes, plants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.scenes.grain import Random, cloud
from benchmarks.scenes.surfaces import paint_colour, tinted, wood_colour, wood_grain
from benchmarks.scenes.view import Points, View, fill, lay, rectangle
from bundle.picture import Pixels

Box = tuple[float, float, float, float]
"""Left, top, right, bottom on the wall, centimetres."""


@dataclass(frozen=True)
class Fitting:
    """Something flat on the wall."""

    name: str
    box: Box
    patch: Pixels


def overlaps(box: Box, others: list[Box], gap_cm: float) -> bool:
    """Whether `box` comes nearer than `gap_cm` to any of `others`."""
    return any(
        box[0] < other[2] + gap_cm
        and other[0] < box[2] + gap_cm
        and box[1] < other[3] + gap_cm
        and other[1] < box[3] + gap_cm
        for other in others
    )


def show(picture: Pixels, view: View, fitting: Fitting) -> None:
    """Draw it in `picture` itself."""
    lay(picture, view, fitting.patch, rectangle(*fitting.box))


def fit(rng: Random, name: str, x: float, floor_y: float, ceiling_y: float, scale: float) -> Fitting:
    """The fitting `name` with its middle at `x`, at the height where such a thing is mounted."""
    width, height, bottom, draw = _FITTINGS[name]
    stretch = rng.uniform(0.85, 1.2)
    wide, tall = width * stretch * rng.uniform(0.9, 1.1), height * stretch
    if name == "vent" and rng.random() < 0.5:
        bottom = floor_y - ceiling_y - tall - 10
    low = floor_y - bottom * rng.uniform(0.9, 1.1)
    resolution = min(scale, 500 / max(wide, tall))
    patch = draw(rng, max(round(tall * resolution), 4), max(round(wide * resolution), 4))
    return Fitting(name, (x - wide / 2, low - tall, x + wide / 2, low), patch)


def label(rng: Random, box: Box, scale: float) -> Fitting:
    """The plate beside a painting that says what it is."""
    wide, tall = rng.uniform(8, 20), rng.uniform(5, 14)
    left = box[2] + rng.uniform(4, 20) if rng.random() < 0.75 else box[0] - rng.uniform(4, 20) - wide
    top = box[3] - tall - rng.uniform(-0.2, 0.55) * (box[3] - box[1])
    patch = _text(rng, max(round(tall * scale), 4), max(round(wide * scale), 4))
    return Fitting("label", (left, top, left + wide, top + tall), patch)


def _flat(rng: Random, height: int, width: int, colour: tuple[float, float, float]) -> Pixels:
    shade = 1 + 0.012 * cloud(rng, height, width, max(height, 8))
    return tinted(np.asarray(shade, np.float32), np.array(colour, np.float32))


def _bevelled(patch: Pixels, inset: int, thick: int, light: int = 28) -> None:
    height, width = patch.shape[:2]
    if min(height, width) <= 2 * inset + 4:
        return
    for corner, far, add in (((inset, inset), (width - inset, inset), -light),
                             ((inset, inset), (inset, height - inset), -light // 2),
                             ((inset, height - inset), (width - inset, height - inset), light),
                             ((width - inset, inset), (width - inset, height - inset), light // 2)):  # fmt: skip
        colour = (patch[height // 2, width // 2].astype(int) + add).clip(0, 255).tolist()
        cv2.line(patch, corner, far, colour, max(thick, 1))


def _text(rng: Random, height: int, width: int) -> Pixels:
    """A pale plate with lines of print, sometimes dark with pale ones."""
    paper = rng.uniform(215, 250) if rng.random() < 0.85 else rng.uniform(25, 70)
    plate = _flat(rng, height, width, (paper, paper, paper * 0.98))
    ink = [float(np.clip(255 - paper + rng.uniform(0, 60), 0, 255))] * 3
    lines = int(rng.integers(3, 9))
    pitch = height * 0.8 / lines
    for line in range(lines):
        if line in (1, 3) and rng.random() < 0.5:
            continue
        y = height * 0.1 + line * pitch
        x, end = width * 0.1, width * rng.uniform(0.45, 0.92)
        while x < end:
            word = rng.uniform(0.03, 0.12) * width
            cv2.rectangle(plate, (int(x), int(y)), (int(min(x + word, end)), int(y + pitch * 0.4)), ink, -1)
            x += word + 0.03 * width
    return plate


def _panel_text(rng: Random, height: int, width: int) -> Pixels:
    return _text(rng, height, width)


def _door(rng: Random, height: int, width: int) -> Pixels:
    wooden = rng.random() < 0.5
    colour = wood_colour(rng) if wooden else paint_colour(rng) * 0.5 + 110
    shade = wood_grain(rng, width, height, 2).T if wooden else 1 + 0.01 * cloud(rng, height, width, 60)
    door = tinted(np.ascontiguousarray(shade, np.float32), np.asarray(colour, np.float32))
    casing = max(width // 14, 2)
    door[:casing] = door[:, :casing] = door[:, -casing:] = (
        np.asarray(colour * 0.8 + 30 * rng.random(), np.float32).clip(0, 255).astype(np.uint8)
    )
    _bevelled(door, casing, 2, 40)
    rows = int(rng.integers(0, 4))
    for row in range(rows):
        top, bottom = int(height * (0.08 + 0.9 * row / rows)), int(height * (0.9 * (row + 1) / rows + 0.03))
        part = door[top:bottom, 2 * casing : width - 2 * casing]
        _bevelled(part, casing, max(casing // 3, 1), 34)
    side = casing * 2 if rng.random() < 0.5 else width - casing * 3
    cv2.rectangle(door, (side, height // 2), (side + casing, height // 2 + casing // 2), (176, 172, 160), -1)
    return door


def _opening(rng: Random, height: int, width: int) -> Pixels:
    """A way into the next room, with its floor and a far wall."""
    view = _flat(rng, height, width, tuple(paint_colour(rng) * rng.uniform(0.35, 1.0)))
    level = int(height * rng.uniform(0.78, 0.92))
    view[level:] = (paint_colour(rng) * 0.5 + 25).astype(np.uint8)
    fade = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.7, 1.1), width, dtype=np.float32)
    view = (view * fade[None, :, None]).clip(0, 255).astype(np.uint8)
    cv2.rectangle(view, (0, 0), (width - 1, height + 9), (rng.uniform(60, 235),) * 3, max(width // 22, 2))
    return view


def _window(rng: Random, height: int, width: int) -> Pixels:
    """Sky, often too bright for the camera, trees or houses, and the bars."""
    v = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = np.array([200, 220, 245], np.float32) * rng.uniform(0.85, 1.25) * (1 - v) + 245 * v
    if rng.random() < 0.15:
        sky = sky * 0 + np.array([18, 22, 36], np.float32)  # at night
    view = sky + 6 * cloud(rng, height, width, 60)[..., None]
    if rng.random() < 0.7:
        edge = (rng.uniform(0.4, 0.8) + 0.1 * cloud(rng, 1, width, 1, width / 3)[0]) * height
        leaves = 25 * cloud(rng, height, width, 12)[..., None]
        green = np.array([96, 118, 70], np.float32) * rng.uniform(0.5, 1.8) + leaves
        view = np.where((np.arange(height)[:, None] > edge[None, :])[..., None], green, view)
    pane = np.asarray(cv2.GaussianBlur(np.asarray(view, np.float32), (0, 0), 2.0).clip(0, 255), np.uint8)
    bar = max(width // int(rng.integers(14, 30)), 2)
    tone = rng.uniform(170, 245) if rng.random() < 0.7 else rng.uniform(25, 90)
    colour = (tone, tone * 0.98, tone * 0.95)
    # At least one bar: a single pane in a moulding would be a painting of the sky.
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    for x in np.linspace(0, width - 1, columns + 1):
        cv2.line(pane, (int(x), 0), (int(x), height), colour, bar)
    for y in np.linspace(0, height - 1, rows + 1):
        cv2.line(pane, (0, int(y)), (width, int(y)), colour, bar)
    cv2.rectangle(pane, (0, 0), (width - 1, height - 1), tuple(0.9 * part for part in colour), 3 * bar)
    return pane


def _socket(rng: Random, height: int, width: int) -> Pixels:
    plate = _flat(rng, height, width, (rng.uniform(200, 248),) * 3)
    cv2.circle(plate, (width // 2, height // 2), max(min(height, width) * 3 // 8, 1), (190, 190, 186), -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(plate, (width // 2 + side * width // 8, height // 2), max(width // 22, 1), (40, 40, 40), -1)
    _bevelled(plate, 0, 1)
    return plate


def _switch(rng: Random, height: int, width: int) -> Pixels:
    plate = _flat(rng, height, width, (rng.uniform(190, 248),) * 3)
    _bevelled(plate, max(width // 8, 1), 1)
    return plate


def _meter(rng: Random, height: int, width: int) -> Pixels:
    """A hygrometer with its little screen."""
    plate = _flat(rng, height, width, (228, 228, 224))
    cv2.rectangle(plate, (width // 6, height // 6), (width * 5 // 6, height // 2), (140, 152, 132), -1)
    _bevelled(plate, 0, 1)
    return plate


def _vent(rng: Random, height: int, width: int) -> Pixels:
    plate = _flat(rng, height, width, (rng.uniform(140, 235),) * 3)
    for y in np.arange(height * 0.1, height * 0.9, max(height / rng.uniform(8, 16), 2)):
        cv2.line(plate, (width // 10, int(y)), (width * 9 // 10, int(y)), (40, 40, 42), max(height // 40, 1))
    return plate


def _radiator(rng: Random, height: int, width: int) -> Pixels:
    ribs = np.sin(np.arange(width) * (2 * math.pi / max(width / rng.uniform(9, 20), 3))).astype(np.float32)
    shade = np.broadcast_to(0.86 + 0.12 * ribs, (height, width)).copy()
    shade[: max(height // 16, 1)] = 0.75
    return tinted(shade, np.array([232, 230, 222], np.float32))


def _sign(rng: Random, height: int, width: int) -> Pixels:
    """The way out."""
    sign = _flat(rng, height, width, (22, 140, 78))
    cv2.rectangle(sign, (width // 10, height // 5), (width * 3 // 10, height * 4 // 5), (240, 248, 242), -1)
    start, tip = (width * 4 // 10, height // 2), (width * 8 // 10, height // 2)
    cv2.arrowedLine(sign, start, tip, (240, 248, 242), max(height // 10, 1))
    return sign


def _extinguisher(rng: Random, height: int, width: int) -> Pixels:
    """In its cabinet."""
    cabinet = _flat(rng, height, width, (206, 30, 34) if rng.random() < 0.6 else (225, 225, 222))
    _bevelled(cabinet, max(width // 12, 1), 2, 40)
    cv2.rectangle(cabinet, (width // 4, height // 5), (width * 3 // 4, height * 2 // 5), (246, 240, 240), -1)
    return cabinet


def _hatch(rng: Random, height: int, width: int) -> Pixels:
    """A little door in the wall, painted almost as the wall is."""
    hatch = _flat(rng, height, width, (rng.uniform(170, 235),) * 3)
    _bevelled(hatch, 1, 2, 30)
    cv2.circle(hatch, (width * 7 // 8, height // 2), max(width // 30, 1), (90, 90, 90), -1)
    return hatch


# Width, height, height of the lower edge above the floor (all centimetres), and how it is drawn.
_FITTINGS: dict[str, tuple[float, float, float, Callable[[Random, int, int], Pixels]]] = {
    "door": (98, 214, 0, _door),
    "opening": (140, 250, 0, _opening),
    "window": (115, 165, 88, _window),
    "socket": (8, 8, 28, _socket),
    "switch": (8, 8, 106, _switch),
    "meter": (8, 12, 150, _meter),
    "vent": (42, 28, 8, _vent),
    "radiator": (100, 62, 10, _radiator),
    "sign": (34, 17, 215, _sign),
    "extinguisher": (26, 60, 88, _extinguisher),
    "hatch": (44, 52, 110, _hatch),
    "text": (46, 62, 118, _panel_text),
}

FITTINGS = tuple(_FITTINGS)
"""Names for `fit`."""


@dataclass(frozen=True)
class Sprite:
    """Something that stands before the wall, as it is seen: the whole frame, and where in it the thing is."""

    pixels: Pixels
    share: Pixels
    """``[h, w]``, 255 where it covers."""


def stand(rng: Random, view: View, name: str, x: float, z: float, floor_y: float, light: float) -> Sprite | None:
    """A ``bench``, ``rope`` or ``plant`` on the floor, its middle at `x` and `z`, lit by `light` (0-1); None if
    it would be nearer to the camera than half a metre."""
    if view.depth_cm(np.array([x, floor_y, z])) < 50:
        return None
    share = np.zeros((view.height, view.width), np.uint8)
    pixels = np.zeros((view.height, view.width, 3), np.uint8)

    def panel(corners: Points, colour: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        outline = view.outline(corners)
        fill(pixels, outline, (colour * light).clip(0, 255).tolist())
        fill(share, outline, (255,))

    def box(left: float, right: float, top: float, bottom: float, near: float, far: float, colour: object) -> None:
        tone = np.asarray(colour, np.float32)
        panel(np.array([(left, top, far), (right, top, far), (right, top, near), (left, top, near)]), tone * 1.15)
        panel(rectangle(left, top, right, bottom, near), tone * 0.75)

    if name == "bench":
        half, deep, top = rng.uniform(50, 110), rng.uniform(35, 60), floor_y - rng.uniform(40, 48)
        seat = wood_colour(rng) if rng.random() < 0.5 else paint_colour(rng) * 0.6
        for leg in (x - half * 0.9, x + half * 0.9 - 6):
            box(leg, leg + 6, top + 6, floor_y, z, z + deep, (60, 60, 62))
        box(x - half, x + half, top, top + rng.uniform(5, 14), z, z + deep, seat)
    elif name == "rope":
        gap, tall, tone = rng.uniform(100, 180), rng.uniform(42, 95), rng.uniform(40, 190)
        posts = [x + (number - 1.5) * gap for number in range(4)]
        for post in posts:
            box(post - 1.5, post + 1.5, floor_y - tall, floor_y, z, z, (tone,) * 3)
            box(post - 14, post + 14, floor_y - 2, floor_y, z, z + 10, (tone * 0.8,) * 3)
        sag, rope = rng.uniform(1, 18), paint_colour(rng) * 0.7
        along, thick = np.linspace(0, 1, 12), np.array([0, 2.0, 0])
        for left in posts[:-1]:
            y = floor_y - tall + 3 + sag * 4 * along * (1 - along)
            upper = np.column_stack([left + along * gap, y, np.full(12, z)])
            for here in range(11):
                a, b = upper[here], upper[here + 1]
                panel(np.array([a, b, b + thick, a + thick]), np.asarray(rope, np.float32))
    else:
        tall = rng.uniform(60, 170)
        pot, leaf = paint_colour(rng) * 0.8, np.array([58, 96, 48], np.float32) * rng.uniform(0.5, 1.4)
        for _ in range(int(rng.integers(25, 60))):
            lean, reach = rng.normal(0, 0.6), tall * rng.uniform(0.4, 1.0)
            root = np.array([x, floor_y - 30, z])
            tip = root + np.array([math.sin(lean) * reach * 0.7, -math.cos(lean) * reach, 0])
            middle = (root + tip) / 2 + np.array([rng.normal(0, 4), 0, 0])
            side = np.array([math.cos(lean), math.sin(lean), 0]) * rng.uniform(1.5, 6)
            panel(np.array([root, middle - side, tip, middle + side]), leaf * np.float32(rng.uniform(0.6, 1.5)))
        box(x - 17, x + 17, floor_y - 36, floor_y, z, z + 20, pot)
    return Sprite(pixels, share)
