"""What hangs in the frames: pictures of a data set, or canvases drawn here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.scenes.grain import Random, cloud
from bundle.picture import Pixels
from kiosk.demo import canvases as manners


@dataclass(frozen=True)
class Painting:
    """A picture to be hung."""

    pixels: Pixels
    """The whole canvas, RGB."""
    label: int | None = None
    """Index of its style, where that is known."""


# Drawers of the kiosk's own demonstration.
_MANNERS: tuple[Callable[[Random], Pixels], ...] = (
    manners.impressionism.draw,
    manners.cubism.draw,
    manners.byzantine_art.draw,
    manners.expressionism.draw,
    manners.pop_art.draw,
    manners.abstract_expressionism.draw,
    manners.botanical_plate.draw,
    manners.sea_chart.draw,
)

_SIDE = 420  # pixels of the longer side of a canvas drawn here


def drawn(count: int, seed: int = 0) -> tuple[Painting, ...]:
    """`count` canvases without a label: of the kiosk's demonstration (0.2 s each, 24 at most) and
    quicker ones of the bench's own. The same seed, the same canvases."""
    demonstration = min(24, count // 3)
    return tuple(
        Painting(_demonstration(number, seed) if number < demonstration else _own(number, seed))
        for number in range(count)
    )


@functools.lru_cache(maxsize=64)
def _demonstration(number: int, seed: int) -> Pixels:
    rng = np.random.default_rng([seed, number])
    picture_bgr = _MANNERS[number % len(_MANNERS)](rng)
    return np.asarray(cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2RGB), np.uint8)


@functools.lru_cache(maxsize=512)
def _own(number: int, seed: int) -> Pixels:
    rng = np.random.default_rng([seed, number])
    width, height = _SIDE, int(_SIDE * rng.uniform(0.6, 1.0))
    if rng.random() < 0.5:
        width, height = height, width
    draw = (_landscape, _portrait, _colour_field, _sketch, _still_life, _stripes)[number % 6]
    canvas = draw(rng, height, width)
    strokes = 1 + 0.05 * cloud(rng, height, width, 4, 12) + 0.03 * cloud(rng, height, width, 3)
    return np.asarray((canvas * strokes[..., None]).clip(0, 255), np.uint8)


def _mix(rng: Random, colours: Sequence[tuple[int, int, int]]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    base = np.array(colours[int(rng.integers(len(colours)))], np.float32)
    return np.asarray((base + rng.normal(0, 12, 3)).clip(0, 255), np.float32)


_EARTHS = ((92, 70, 44), (60, 66, 40), (122, 98, 60), (44, 40, 34), (140, 120, 84), (70, 84, 62))
_SKIES = ((150, 176, 204), (206, 196, 176), (120, 132, 150), (226, 180, 130), (96, 110, 134))
_BRIGHT = ((214, 48, 40), (30, 90, 180), (244, 196, 36), (20, 20, 22), (240, 236, 226), (40, 140, 90), (230, 120, 40))
_DARKS = ((30, 24, 20), (48, 36, 26), (24, 28, 30), (60, 40, 30))
_SKINS = ((220, 178, 146), (186, 136, 104), (232, 200, 170), (120, 80, 60))

_Canvas = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


def _landscape(rng: Random, height: int, width: int) -> _Canvas:
    """Sky, hills one before the other, and a few trees."""
    v = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    canvas = _mix(rng, _SKIES) * (1 - v) + _mix(rng, _SKIES) * v + 14 * cloud(rng, height, width, 90, 160)[..., None]
    level = rng.uniform(0.3, 0.6)
    for _ in range(int(rng.integers(3, 6))):
        edge = (level + 0.06 * cloud(rng, 1, width, 1, rng.uniform(60, 200))[0]) * height
        below = (np.arange(height)[:, None] > edge[None, :])[..., None]
        ground = _mix(rng, _EARTHS) + 16 * cloud(rng, height, width, 20, 40)[..., None]
        canvas = np.where(below, ground, canvas)
        level += rng.uniform(0.08, 0.2)
    for _ in range(int(rng.integers(0, 7))):
        x, y = rng.uniform(0, width), rng.uniform(0.35, 0.9) * height
        tall = rng.uniform(0.05, 0.25) * height
        for _ in range(24):
            at = (int(x + rng.normal(0, tall * 0.3)), int(y - tall + rng.normal(0, tall * 0.3)))
            cv2.circle(canvas, at, int(rng.uniform(2, 4 + tall * 0.15)), (_mix(rng, _EARTHS) * 0.8).tolist(), -1)
    return np.asarray(canvas, np.float32)


def _portrait(rng: Random, height: int, width: int) -> _Canvas:
    """A half figure before a dark ground."""
    canvas = np.zeros((height, width, 3), np.float32) + _mix(rng, _DARKS)
    canvas += (18 * cloud(rng, height, width, 160))[..., None]
    x, y, size = width * rng.uniform(0.42, 0.58), height * rng.uniform(0.3, 0.4), min(width, height) * 0.16
    cv2.ellipse(canvas, (int(x), height), (int(size * 2.6), int(height - y - size)), 0, 0, 360,
                _mix(rng, _EARTHS + _DARKS).tolist(), -1)  # fmt: skip
    hair, skin = _mix(rng, _DARKS).tolist(), _mix(rng, _SKINS)
    cv2.ellipse(canvas, (int(x), int(y)), (int(size * 1.15), int(size * 1.45)), 0, 0, 360, hair, -1)
    cv2.ellipse(canvas, (int(x), int(y + size)), (int(size * 0.42), int(size)), 0, 0, 360, (skin * 0.8).tolist(), -1)
    cv2.ellipse(canvas, (int(x), int(y + size * 0.2)), (int(size * 0.82), int(size * 1.15)), 0, 0, 360,
                skin.tolist(), -1)  # fmt: skip
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), size * 0.06), np.float32)
    return np.asarray(canvas * (1 + 0.25 * cloud(rng, height, width, 200)[..., None]), np.float32)


def _colour_field(rng: Random, height: int, width: int) -> _Canvas:
    """Soft-edged bands of colour; or one colour alone."""
    canvas = np.zeros((height, width, 3), np.float32) + _mix(rng, _BRIGHT + _DARKS + _SKIES)
    for _ in range(int(rng.integers(0, 4))):
        top = int(rng.uniform(0.03, 0.8) * height)
        bottom = min(int(top + rng.uniform(0.1, 0.4) * height), int(height * 0.97))
        colour = _mix(rng, _BRIGHT + _DARKS + _SKIES).tolist()
        cv2.rectangle(canvas, (int(width * 0.06), top), (int(width * 0.94), bottom), colour, -1)
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(1, 6)), np.float32)
    return np.asarray(canvas * (1 + 0.05 * cloud(rng, height, width, 120)[..., None]), np.float32)


def _sketch(rng: Random, height: int, width: int) -> _Canvas:
    """Dark lines on paper: the brightest canvases there are."""
    paper = np.array([240, 234, 220], np.float32) * np.float32(rng.uniform(0.8, 1.03))
    canvas = np.zeros((height, width, 3), np.float32) + paper
    ink = (np.array([40, 34, 32]) + rng.uniform(0, 60, 3)).tolist()
    for _ in range(int(rng.integers(6, 40))):
        start = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.85) * height])
        turns = np.cumsum(rng.normal(0, 0.25, 30)) + rng.uniform(0, 6.3)
        steps = np.column_stack([np.cos(turns), np.sin(turns)]) * rng.uniform(1, 7)
        path = np.round(start + np.cumsum(steps, axis=0)).astype(np.int32)
        cv2.polylines(canvas, [path], False, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
    return canvas


def _still_life(rng: Random, height: int, width: int) -> _Canvas:
    """Round things on a table."""
    canvas = np.zeros((height, width, 3), np.float32) + _mix(rng, _DARKS + _EARTHS)
    table = int(rng.uniform(0.55, 0.75) * height)
    canvas[table:] = _mix(rng, _EARTHS + _SKIES)
    for _ in range(int(rng.integers(3, 12))):
        size = rng.uniform(0.05, 0.17) * min(width, height)
        x, y = rng.uniform(0.12, 0.88) * width, table + rng.uniform(-0.1, 0.2) * height
        colour = _mix(rng, _BRIGHT + _EARTHS)
        tall = rng.uniform(0.8, 2.4)
        for share in (1.0, 0.75, 0.45):
            light = colour * (1.35 - 0.55 * share)
            at = (int(x - (1 - share) * size * 0.5), int(y - (1 - share) * size * 0.5))
            cv2.ellipse(canvas, at, (int(size * share), int(size * tall * share)), 0, 0, 360, light.tolist(), -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.5), np.float32)


def _stripes(rng: Random, height: int, width: int) -> _Canvas:
    """Rectangles with hard edges, some of them of a white ground: traps for whoever looks for rectangles."""
    canvas = np.zeros((height, width, 3), np.float32) + _mix(rng, ((242, 240, 232), (230, 226, 214), (24, 24, 26)))
    for _ in range(int(rng.integers(2, 14))):
        x, y = rng.uniform(-0.1, 0.9) * width, rng.uniform(-0.1, 0.9) * height
        far = (int(x + rng.uniform(0.05, 0.6) * width), int(y + rng.uniform(0.05, 0.6) * height))
        cv2.rectangle(canvas, (int(x), int(y)), far, _mix(rng, _BRIGHT).tolist(), -1)
    return canvas
