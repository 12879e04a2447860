"""From the paintings of one frame to the painting that a visitor looks at: chosen, steadied, held.

What is found in single frames comes and goes: corners tremble, a visitor walks through, two paintings are
equally near. The tracker shows a painting only once it was found in the same place several times, smooths
its corners over time, and holds it while it is hidden for a moment. It keeps to the painting that it has chosen
until another one is clearly nearer to the middle of the frame, or comes into view after it has left. Where
there is no painting it says so, and falls back to the middle of the frame.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kiosk.locator import Candidate
from kiosk.locator.guidance import Guidance, guide
from kiosk.locator.quad import Quad, area, centre, iou

# Updates in a row that must find a painting before it is shown: a fifth of a second at 15 a second.
CONFIRM_UPDATES = 3

# Intersection over union of a painting in one update and the next. Above the first it is the same; above the
# second it counts as found in the same place. A camera turned by 30 degrees a second moves a painting that fills
# half the frame by a tenth of its width between updates at 12 a second, which leaves 0.8; at 15 a little more.
SAME_IOU, STABLE_IOU = 0.4, 0.7

# Seconds for which a painting that is no longer found stays where it was: somebody walks through the view.
HOLD_S = 1.0

# Seconds in which corners at rest come two thirds nearer to where they are found: long beside an update.
TIME_CONSTANT_S = 0.25

# Root mean square distance of the corners, in sizes of the painting, at which the time constant is halved:
# trembling is below 1 %, and what moves by more is followed at once (after the 1-euro filter of Casiez et al.,
# CHI 2012).
FOLLOW_DISTANCE = 0.015

# Shares of the frame's shorter side by which another painting must be nearer to the middle to be chosen instead.
CENTRE_LEAD = 0.1

# Seconds for which other guidance must be asked for before it is given: codes that alternate cannot be read.
GUIDANCE_S = 0.4

# Seconds for which something must be found, but never in one place, before the visitor is asked to hold still.
RESTLESS_S = 0.5

# Seconds over which the speed of a painting is averaged.
SPEED_CONSTANT_S = 0.2

# Seconds that pass between two updates at least, whatever the clock says: it may stand still or jump back,
# and then nothing must be held for ever.
LEAST_STEP_S = 0.005


class View(enum.StrEnum):
    """How the part of the frame that is judged was chosen."""

    PAINTING = "painting"
    """By the locator."""
    MARKER = "marker"
    """By markers on the wall."""
    REGION = "region"
    """By the settings."""
    CENTRE = "centre"
    """No painting was found: the square in the middle."""
    WHOLE = "whole"
    """The whole picture, as for an upload. No tracker gives this."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What is to be looked at in a frame."""

    view: View
    corners: Quad
    others: tuple[Quad, ...] = ()
    """Further paintings in view."""
    guidance: Guidance | None = None
    score: float | None = None
    """The locator's score of the painting when it was last found; None where none was looked for or found."""
    is_held: bool = False
    """The painting is not seen just now: somebody stands before it, or the camera is shaken."""
    is_new: bool = False
    """Other than at the last update: what was seen of the painting before says nothing of this one."""


@dataclass(eq=False)
class _Track:
    """A painting over several updates."""

    view: View
    corners: Quad
    score: float
    found: Quad
    """Where it was found last, not smoothed."""
    updates: int = 1
    """In a row in which it was found in one place."""
    is_confirmed: bool = False
    age_s: float = 0.0
    missing_s: float = 0.0
    speed: float = 0.0
    """Of the centre, in square roots of the area per second."""

    def follow(self, candidate: Candidate, step_s: float) -> None:
        size = math.sqrt(area(candidate.corners))
        apart = candidate.corners - self.corners
        motion = math.sqrt(float(np.square(apart).sum()) / 4) / size
        constant_s = TIME_CONSTANT_S / (1 + (motion / FOLLOW_DISTANCE) ** 2)
        weight = np.float32(1 - math.exp(-step_s / constant_s))
        self.corners = self.corners + weight * apart

        moved = math.dist(centre(self.found), centre(candidate.corners)) / size
        weight_of_speed = 1 - math.exp(-step_s / SPEED_CONSTANT_S)
        self.speed += weight_of_speed * (moved / step_s - self.speed)

        self.updates = self.updates + 1 if iou(self.found, candidate.corners) > STABLE_IOU else 1
        self.is_confirmed = self.is_confirmed or self.updates >= CONFIRM_UPDATES
        self.found, self.score, self.missing_s = candidate.corners, candidate.score, 0.0


@dataclass
class Tracker:
    """The state behind the outline. Feed it every update, in order; not thread-safe.

    `region` fixes what is looked at: four corners ``(x, y)`` in shares of the frame, clockwise from top left.
    """

    region: Sequence[tuple[float, float]] | None = None
    _tracks: list[_Track] = field(default_factory=list, init=False)
    _chosen: _Track | None = field(default=None, init=False)
    _last: Sight | None = field(default=None, init=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False)
    _at_s: float | None = field(default=None, init=False)
    _restless_s: float = field(default=0.0, init=False)
    _guidance: Guidance | None = field(default=None, init=False)
    _asked: Guidance | None = field(default=None, init=False)
    _asked_s: float = field(default=0.0, init=False)

    def reset(self) -> None:
        """Forget everything: another camera, or a gap."""
        self._tracks, self._chosen, self._last, self._at_s = [], None, None, None
        self._restless_s, self._guidance, self._asked, self._asked_s = 0.0, None, None, 0.0

    def update(
        self,
        candidates: Sequence[Candidate],
        width: int,
        height: int,
        at_s: float,
        marked: Sequence[Candidate] = (),
    ) -> Sight:
        """Take in what was found in a frame of `width` x `height` pixels that arrived at `at_s` (seconds of a
        steady clock) and return what to look at now.

        `marked` are paintings with markers: shown at once, and before all others. Candidates whose corners are not
        finite or enclose nothing are ignored.
        """
        if (width, height) != self._size:
            self.reset()
            self._size = (width, height)
        step_s = LEAST_STEP_S if self._at_s is None else max(at_s - self._at_s, LEAST_STEP_S)
        if not math.isfinite(step_s):
            step_s = LEAST_STEP_S
        self._at_s = at_s
        if self.region is not None:
            corners = np.array(self.region, np.float32) * np.array([width, height], np.float32)
            sight = Sight(View.REGION, corners, is_new=self._last is None)
        else:
            self._take_in(candidates, marked, step_s)
            self._choose()
            sight = self._sight(step_s)
        self._last = sight
        return sight

    def _take_in(self, candidates: Sequence[Candidate], marked: Sequence[Candidate], step_s: float) -> None:
        marked = [candidate for candidate in marked if _is_sound(candidate)]
        found = [(candidate, View.MARKER) for candidate in marked]
        for candidate in candidates:
            if _is_sound(candidate) and not any(iou(candidate.corners, other.corners) > SAME_IOU for other in marked):
                found.append((candidate, View.PAINTING))
        pairs = [
            (share, track, index)
            for track in self._tracks
            for index, (candidate, view) in enumerate(found)
            if view is track.view and (share := iou(track.found, candidate.corners)) > SAME_IOU
        ]
        followed: list[_Track] = []
        taken: set[int] = set()
        for _, track, index in sorted(pairs, key=lambda pair: -pair[0]):
            if track not in followed and index not in taken:
                track.follow(found[index][0], step_s)
                followed.append(track)
                taken.add(index)
        for index, (candidate, view) in enumerate(found):
            if index not in taken:
                corners = candidate.corners
                followed.append(_Track(view, corners, candidate.score, corners, is_confirmed=view is View.MARKER))

        for track in self._tracks:
            track.age_s += step_s
        held = [track for track in self._tracks if track not in followed and track.is_confirmed]
        for track in held:
            track.missing_s += step_s
        # A painting is held until it is clear that something else is there.
        shown = [track for track in followed if track.is_confirmed]
        self._tracks = followed + [
            track
            for track in held
            if track.missing_s <= HOLD_S and not any(iou(track.corners, other.corners) > 0.1 for other in shown)
        ]
        is_restless = bool(followed) and not any(track.is_confirmed for track in self._tracks)
        self._restless_s = self._restless_s + step_s if is_restless else 0.0

    def _choose(self) -> None:
        confirmed = [track for track in self._tracks if track.is_confirmed]
        nearest = min(confirmed, key=self._rank, default=None)
        chosen = self._chosen
        if chosen is None or nearest is None or chosen not in confirmed or nearest.view is not chosen.view:
            self._chosen = nearest
            return
        # One that came into view after the chosen one had left it: the camera was turned.
        newcomers = [track for track in confirmed if track.age_s < chosen.missing_s and track.view is chosen.view]
        if newcomers:
            self._chosen = min(newcomers, key=self._off_centre)
        elif self._off_centre(chosen) - self._off_centre(nearest) > CENTRE_LEAD:
            self._chosen = nearest

    def _rank(self, track: _Track) -> tuple[bool, float]:
        return track.view is not View.MARKER, self._off_centre(track)

    def _off_centre(self, track: _Track) -> float:
        width, height = self._size
        return math.dist(centre(track.corners), (width / 2, height / 2)) / min(width, height)

    def _sight(self, step_s: float) -> Sight:
        width, height = self._size
        chosen, last = self._chosen, self._last
        if chosen is None:
            guidance = Guidance.HOLD_STILL if self._restless_s > RESTLESS_S else Guidance.SHOW_PAINTING
            self._guidance = self._asked = guidance
            is_new = last is None or last.view is not View.CENTRE
            return Sight(View.CENTRE, middle_square(width, height), guidance=guidance, is_new=is_new)
        is_found = last is not None and last.view in (View.PAINTING, View.MARKER)
        # Not by the track alone: markers that come into view on the same painting change nothing.
        is_new = not (is_found and last is not None and iou(last.corners, chosen.corners) > SAME_IOU)
        if chosen.missing_s == 0:
            self._steady(guide(chosen.corners, width, height, chosen.speed), step_s, is_new)
        others = tuple(track.corners for track in self._tracks if track.is_confirmed and track is not chosen)
        return Sight(chosen.view, chosen.corners, others, self._guidance, chosen.score, chosen.missing_s > 0, is_new)

    def _steady(self, asked: Guidance | None, step_s: float, is_new: bool) -> None:
        """Let other guidance wait until it has been asked for long enough."""
        self._asked_s = self._asked_s + step_s if asked == self._asked else 0.0
        self._asked = asked
        if is_new or self._asked_s >= GUIDANCE_S:
            self._guidance = asked


def middle_square(width: int, height: int) -> Quad:
    """The largest square in the middle of a frame of `width` x `height` pixels."""
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) + np.array([left, top], np.float32)


def _is_sound(candidate: Candidate) -> bool:
    # Written so that NaN is refused.
    return bool(np.isfinite(candidate.corners).all() and candidate.score >= 0 and area(candidate.corners) > 1)
