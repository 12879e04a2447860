"""The wall, its frames and lamps, the walk along it, and what the labels say."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.demo.brushes import Field, Image, Random, rgb, smooth_noise, to_bytes
from kiosk.demo.canvases import (
    abstract_expressionism,
    botanical_plate,
    byzantine_art,
    cubism,
    expressionism,
    impressionism,
    pop_art,
    sea_chart,
)

FRAME_WIDTH, FRAME_HEIGHT = 1280, 720  # px, what a common USB camera gives
SPACING = 1340  # px between neighbours: at rest, one canvas alone is in view
WALL_HEIGHT = 860  # px: more than the frame, for the steps back between two canvases
EYE_LEVEL = 400  # px from the top of the wall to the middle of every canvas
REST_S, WALK_S = 6.0, 4.0  # s, the pause in front of a canvas, and the way to the next
STEP_BACK = 0.13  # share by which the view widens half-way between two canvases
_BREATH_S = 0.5  # s between two canvases that are hung ahead


@dataclass(frozen=True)
class Exhibit:
    """A canvas as it hangs: who draws it, what its label says and how it is framed."""

    draw: Callable[[Random], Image]
    seed: int  # the same seed, the same canvas
    caption: str
    frame: tuple[str, str, int]  # dark and light side of the moulding, and its width in px


def _manner(style: str) -> str:
    return f"Drawn for demonstration: in the manner of {style}"


EXHIBITS = (
    Exhibit(impressionism.draw, 11, _manner("Impressionism"), ("6b4a1c", "ecd08c", 28)),
    Exhibit(cubism.draw, 8, _manner("Cubism"), ("1d1915", "5d4d3c", 26)),
    Exhibit(byzantine_art.draw, 3, _manner("Byzantine Art"), ("3a2412", "8a6434", 24)),
    Exhibit(
        botanical_plate.draw,
        13,
        "Drawn for demonstration: a botanical plate, in none of the six styles",
        ("3a2818", "8a6a44", 18),
    ),
    Exhibit(expressionism.draw, 9, _manner("Expressionism"), ("2a1a12", "7a5234", 26)),
    Exhibit(pop_art.draw, 10, _manner("Pop Art"), ("dcdad5", "ffffff", 16)),
    Exhibit(abstract_expressionism.draw, 10, _manner("Abstract Expressionism"), ("14120f", "4a453d", 12)),
    Exhibit(
        sea_chart.draw,
        6,
        "Drawn for demonstration: a sea chart, in none of the six styles",
        ("2a1c12", "7d5a34", 18),
    ),
)


class DemoGallery:
    """Frames as a visitor's camera would see them; the same seconds give the same frame.

    A canvas is hung when it is first in view, which takes about 0.2 s, unless `hang_ahead` was there before.
    """

    def __init__(self) -> None:
        # One long wall, and the first place again at its end, so that the walk can go round. Memory
        # that has not been drawn on is not resident yet.
        self._wall = np.empty((WALL_HEIGHT, SPACING * (len(EXHIBITS) + 1), 3), np.uint8)
        self._hung: set[int] = set()
        self._sizes: dict[int, tuple[int, int]] = {}  # width and height of the canvases that were drawn, px
        self._hanging = threading.Lock()

    def hang_ahead(self, left: threading.Event) -> None:
        """Hang all canvases in the order of the walk, for a thread beside the one that asks for frames; returns soon
        after `left` is set. Between two of them it lets others have the processor: the walk takes its time."""
        for place in range(len(EXHIBITS) + 1):
            if left.wait(_BREATH_S):
                return
            self._hang(place)

    def frame(self, seconds: float) -> Image:
        """uint8 BGR [720, 1280, 3], the view after `seconds` of walking; any real number will do."""
        place, scale, x, y = self._view(seconds)
        self._hang(int(place))
        if place > int(place):
            self._hang(int(place) + 1)
        # Between the middle of the first place and that of its copy, the view never leaves the wall.
        left = min(max(0, int(x - FRAME_WIDTH)), self._wall.shape[1] - 2 * FRAME_WIDTH)
        near = self._wall[:, left : left + 2 * FRAME_WIDTH]
        view = np.array(
            [[1 / scale, 0, x - left - FRAME_WIDTH / 2 / scale], [0, 1 / scale, y - FRAME_HEIGHT / 2 / scale]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shown = cv2.warpAffine(near, view, (FRAME_WIDTH, FRAME_HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shown, np.uint8)

    def corners(self, seconds: float) -> Field:
        """Where the canvas nearest to the middle of that frame is in it, without its frame: [4, 2], clockwise from the
        top left, px. For whoever measures what the locator finds."""
        place, scale, x, y = self._view(seconds)
        self._hang(round(place))
        width, height = self._sizes[round(place) % len(EXHIBITS)]
        middle = np.array([(round(place) + 0.5) * SPACING - x, EYE_LEVEL - y])
        to_corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
        return np.asarray((middle + to_corners) * scale + (FRAME_WIDTH / 2, FRAME_HEIGHT / 2), np.float32)

    def caption(self, seconds: float) -> str:
        """What the canvas nearest to the middle of the view is; for people, never for the classifier."""
        return EXHIBITS[round(self._place_at(seconds)) % len(EXHIBITS)].caption

    def _place_at(self, seconds: float) -> float:
        """The place on the wall, in canvases from the first."""
        stop, into = divmod(seconds, REST_S + WALK_S)
        here = int(stop) % len(EXHIBITS)
        walked = max(0.0, into - REST_S) / WALK_S
        # Sets off and arrives gently: a fifth-order ease has no jerk at either end.
        return float(here + walked**3 * (10 - 15 * walked + 6 * walked**2))

    def _view(self, seconds: float) -> tuple[float, float, float, float]:
        """The place, the scale, and the point of the wall (px) that the camera looks at."""
        place = self._place_at(seconds)
        share = place - int(place)
        # Half-way between two canvases the visitor has stepped back; at rest the hand is never quite still.
        scale = 1 - STEP_BACK * math.sin(math.pi * share) ** 2 + 0.004 * math.sin(0.9 * seconds)
        x = (place + 0.5) * SPACING + 2.5 * math.sin(0.7 * seconds)
        y = EYE_LEVEL + 2.0 * math.sin(1.1 * seconds) + 2.5 * math.sin(math.pi * share) * math.sin(5.6 * seconds)
        return place, scale, x, y

    def _hang(self, place: int) -> None:
        if place in self._hung:
            return
        with self._hanging:
            if place in self._hung:
                return
            span = slice(place * SPACING, (place + 1) * SPACING)
            twin = {0: len(EXHIBITS), len(EXHIBITS): 0}.get(place)
            if twin is not None and twin in self._hung:
                self._wall[:, span] = self._wall[:, twin * SPACING : (twin + 1) * SPACING]
            else:
                exhibit = EXHIBITS[place % len(EXHIBITS)]
                rng = np.random.default_rng(exhibit.seed)
                canvas = exhibit.draw(rng)
                self._sizes[place % len(EXHIBITS)] = canvas.shape[1], canvas.shape[0]
                self._wall[:, span] = _place(canvas, exhibit, rng)
            self._hung.add(place)


def _place(canvas: Image, exhibit: Exhibit, rng: Random) -> Image:
    """One stretch of wall with its lamp, its skirting board, a framed canvas and the label beside it."""
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
    wall = np.array(rgb("5b6660"), np.float32) * light[..., None] + grain
    skirting = WALL_HEIGHT - 46
    wall[skirting:] = np.array(rgb("8f8b80"), np.float32) * light[skirting:, :, None] * 0.7
    wall[skirting - 3 : skirting] *= 0.6
    wall[skirting : skirting + 3] *= 1.25

    lit = (0.90 + 0.16 * np.exp(-(np.linspace(0.1, 1.25, height, dtype=np.float32) ** 2)))[:, None, None]
    wall[top : top + height, left : left + width] = framed * lit
    label_top, label_left = EYE_LEVEL + 120, left + width + 46
    label = wall[label_top : label_top + 44, label_left : label_left + 64]
    wall[label_top + 3 : label_top + 49, label_left + 1 : label_left + 67] *= 0.75  # its shadow
    label[:] = (
        np.array(rgb("d9d5ca"), np.float32) * light[label_top : label_top + 44, label_left : label_left + 64, None]
    )
    for line, end in ((10, 40), (18, 54), (24, 50), (30, 56)):  # nobody can read it from here
        label[line : line + (3 if line == 10 else 2), 8:end] *= 0.55
    return to_bytes(wall)


def _framed(canvas: Image, frame: tuple[str, str, int], rng: Random) -> Image:
    """The canvas in a bevelled moulding, lit from above, with the shadow that its lip throws inside."""
    dark, bright, broad = np.array(rgb(frame[0]), np.float32), np.array(rgb(frame[1]), np.float32), frame[2]
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
        streaks = np.where(nearest % 2 == 0, *(smooth_noise(rng, height, width, cell, 2) for cell in (60, 47)))
        tone = tone + 0.28 * beads - 0.3 * np.exp(-(((across - 0.54) / 0.03) ** 2)) + 0.30 * (streaks - 0.5)
    tone = np.clip(tone, 0, 1)[..., None].astype(np.float32)
    out = dark * (1 - tone) + bright * tone
    inner = canvas.astype(np.float32)
    lip = np.clip(1 - np.arange(12, dtype=np.float32) / 12, 0, 1) * 0.45
    inner[:12] *= (1 - lip)[:, None, None]
    inner[:, :6] *= (1 - lip[::2] * 0.6)[None, :, None]
    out[broad:-broad, broad:-broad] = inner
    return to_bytes(out)
