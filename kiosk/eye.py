"""From a frame to what is to be judged of it: the painting, found, chosen and seen straight on."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import bundle
from bundle.picture import Pixels
from kiosk.locator import Candidate, Locator, Quad
from kiosk.locator.edges import follow
from kiosk.locator.guidance import guide
from kiosk.locator.markers import find_marked
from kiosk.locator.quad import centre, warp
from kiosk.locator.tracker import Sight, Tracker, View
from kiosk.quality import Quality

# Of six looks at paintings that are known the first searches the whole frame, two or three times a second, which is
# soon enough for a second painting; the fourth has the locator look at the paintings again; and at the others their
# edges are followed, which takes a quarter of the time.
_ROUND, _CLOSE_TURN = 6, 3

# Share of the frame's width or height that a region has at least.
_LEAST_REGION = 0.03

# Where a painting was found: a region is looked at whatever hangs there.
_FOUND = frozenset({View.PAINTING, View.MARKER})


class RegionError(ValueError):
    """A region names no part of a frame; the message is one line."""


@dataclass(frozen=True)
class Settings:
    """Where to look."""

    locate: bool = True
    """Whether paintings are looked for; otherwise the middle of the frame is judged."""
    markers: bool = False
    """Whether printed markers around paintings are looked for, see `kiosk.locator.markers`."""
    region: tuple[tuple[float, float], ...] | None = None
    """Four corners in shares of the frame, clockwise from top left, that are looked at and nothing else."""


def parse_region(text: str) -> tuple[tuple[float, float], ...]:
    """A region as the settings write it: ``left,top,right,bottom`` or four corners ``x,y`` clockwise from top left,
    all in shares of the frame (0-1). Raises `RegionError`."""
    try:
        numbers = [float(part) for part in text.replace(" ", ",").split(",") if part]
    except ValueError:
        numbers = []
    if len(numbers) == 4:
        left, top, right, bottom = numbers
        numbers = [left, top, right, top, right, bottom, left, bottom]
    corners = np.array(numbers if len(numbers) == 8 else [math.nan] * 8, np.float32).reshape(4, 2)
    # The second for a frame of whatever aspect: a strip of it may be as good a view.
    if not ((corners >= 0).all() and (corners <= 1).all() and _is_convex(corners)):
        raise RegionError(
            f"{text!r} is no region; give left,top,right,bottom in shares of the frame (0.2,0.1,0.8,0.9), or four"
            " corners x,y clockwise from the top left"
        )
    return tuple((x, y) for x, y in corners.tolist())


def _is_convex(corners: Quad) -> bool:
    """Whether four corners go clockwise round an area that is more than a slit."""
    sides = np.roll(corners, -1, axis=0) - corners
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    return bool((turns > 0).all() and np.ptp(corners, axis=0).min() >= _LEAST_REGION)


class Eye:
    """Looks at frames one after the other (`follow`, for one thread), or at single pictures (`glance`, for any)."""

    def __init__(self, locator: Locator, settings: Settings, *, whole: bool = False) -> None:
        """`whole`: frames are pictures of their own, not views of one wall: each is looked at by itself, and where no
        painting is found in it, all of it."""
        self.locator = locator
        self._settings = settings
        self._whole = whole
        self._tracker = Tracker(settings.region)
        self._looks = 0
        self._last: Sight | None = None

    def through(self, locator: Locator) -> Eye:
        """The same with another locator: what was followed is followed on."""
        other = copy.copy(self)
        other.locator = locator
        return other

    @property
    def locates(self) -> bool:
        """Whether paintings are looked for."""
        return self._settings.locate or self._settings.markers

    def reset(self) -> None:
        """Forget what was followed: the camera has gone."""
        self._tracker.reset()
        self._last = None

    def follow(self, picture: Pixels, at_s: float) -> Sight:
        """What to look at in the frame ``[height, width, 3]`` (RGB) that arrived at `at_s` (seconds of a steady
        clock), by this frame and those before."""
        if self._whole:
            return self.glance(picture)
        height, width = picture.shape[:2]
        found, marked = self._look(picture) if self._settings.region is None else ([], [])
        sight = self._tracker.update(found, width, height, at_s, marked)
        if sight.view is View.CENTRE and not self.locates:
            sight = dataclasses.replace(sight, guidance=None)  # what was not looked for is not missed
        self._last = sight
        return sight

    def _look(self, picture: Pixels) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
        """Paintings without markers, and with, by what is known of the frame before."""
        last, turn = self._last, self._looks % _ROUND
        self._looks += 1
        if not turn or last is None or last.view is not View.PAINTING:
            return self._find(picture)
        known = (last.corners, *last.others)
        if turn != _CLOSE_TURN and not last.is_held and not self._settings.markers:
            moved = [corners for quad in known if (corners := follow(picture, quad)) is not None]
            if len(moved) == len(known):
                # Edges say where a painting is, not what: it is as surely one as before.
                return [Candidate(corners, last.score or 0.0) for corners in moved], []
        return self._find(picture, known)

    def glance(self, picture: Pixels, *, locate: bool = True) -> Sight:
        """What to look at in a single RGB picture; with `locate` false all of it."""
        height, width = picture.shape[:2]
        found, marked = self._find(picture) if locate else ([], [])
        sound = [candidate for candidate in (marked or found) if np.isfinite(candidate.corners).all()]
        if not sound:
            return Sight(View.WHOLE, _all_of(picture), is_new=True)
        chosen = min(sound, key=lambda candidate: math.dist(centre(candidate.corners), (width / 2, height / 2)))
        return Sight(
            View.MARKER if marked else View.PAINTING,
            chosen.corners,
            tuple(other.corners for other in sound if other is not chosen),
            guide(chosen.corners, width, height),
            chosen.score,
            is_new=True,
        )

    def _find(self, picture: Pixels, known: Sequence[Quad] = ()) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
        """Paintings without markers, and with."""
        marked = find_marked(picture) if self._settings.markers else []
        return self.locator.locate(picture, known) if self._settings.locate else [], marked


def upright(picture: Pixels, sight: Sight, size: int) -> Pixels:
    """What `sight` says to look at, straight on, as a network takes it: RGB ``[size, size, 3]``."""
    if sight.view in _FOUND or sight.view is View.REGION:
        return warp(picture, sight.corners, size, size)
    (left, top), (right, bottom) = np.round(sight.corners[[0, 2]]).astype(int).tolist()
    return bundle.prepare(picture[top:bottom, left:right], size)


def advised(sight: Sight, quality: Quality | None) -> Sight:
    """The same with what the light and sharpness of the painting ask of the visitor."""
    if quality is None or sight.view is View.WHOLE:
        return sight
    return dataclasses.replace(sight, guidance=quality.guide(sight.guidance))


def to_json(sight: Sight | None) -> dict[str, Any]:
    """The fields of the HTTP API that say what was looked at; corners are pixels, clockwise from top left."""
    if sight is None:
        return {"view": None, "region": None, "painting": None, "others": [], "guidance": None, "located_score": None}
    return {
        "view": sight.view.value,
        "region": _rounded(sight.corners),
        "painting": _rounded(sight.corners) if sight.view in _FOUND else None,
        "others": [_rounded(corners) for corners in sight.others],
        "guidance": sight.guidance.value if sight.guidance else None,
        "located_score": round(sight.score, 3) if sight.score is not None and math.isfinite(sight.score) else None,
    }


def _rounded(corners: Quad) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in corners.tolist()]


def _all_of(picture: Pixels) -> Quad:
    height, width = picture.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
