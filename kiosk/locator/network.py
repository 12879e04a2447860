"""The trained way: a small network looks at the whole frame, and again, closely, at what it found.

At the first look a frame of 1280 pixels is squashed to some 200, and a corner is known to a few pixels of those. At
the second the canvas fills the picture, drawn out so that its sides are upright, and the same network says row by row
and column by column where its sides really are; they meet in the corners. What both looks agree on is moved onto the
edges of the full frame, so that it does not tremble, and reported; see ``train/locator`` for how the network learns.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

import bundle
from bundle.picture import Pixels
from kiosk.locator import Candidate
from kiosk.locator.edges import refine
from kiosk.locator.quad import Quad, halved, iou, is_plausible, order_clockwise, warp
from kiosk.providers import first_line, session_options

# Paintings that are looked at closely; more are never of interest at a time, and each costs a run.
_MOST = 4

# Overlap (intersection over union) from which two finds are one painting.
_SAME = 0.3

# A close look that ends so near to where it began (overlap) is the last one; else the canvas was not in the middle
# of what was looked at, and it is looked at again, so many times in all.
_SETTLED, _MOST_LOOKS = 0.75, 2

# Share of a canvas's size within which its sides are moved onto edges at last: several times the network's error.
_SEARCH = 0.05

# Least overlap of the second look's quad with the first's. Where the two contradict each other there is no canvas
# with four corners.
_CONFIRMED = 0.4

# Score of the second look from which on there is a painting. It denies windows that the first look took for one; the
# first may therefore ask for less (the manifest's threshold). On drawn scenes with 0.4 for the first look: 0.7 in place
# of 0.4 loses 3 % of the canvases and a third of what is wrongly reported.
_LEAST_SURE = 0.65

# Of a side: the share at both ends that is left to its neighbours; the sureness of a point and the number of such that
# make a line; and the distance, in shares of the close-up, at which a point counts half (1.5 pixels of 192).
_ENDS, _SURE, _LEAST_POINTS, _TREMBLE = 0.04, 0.12, 6, 0.008

_OUTPUTS = ("score", "corners", "sides", "sureness")
Maps = dict[str, npt.NDArray[np.float32]]
"""The network's outputs for one picture, see `bundle.LocatorFile`."""


class LocatorError(ValueError):
    """A bundle has no locator, or one that cannot be used; the message is one line."""


class NetworkLocator:
    """The locator of a bundle; see `bundle.LocatorFile` for what its network takes and gives."""

    name = "network"

    def __init__(self, verified: bundle.Bundle, threads: int = 1) -> None:
        """Load it; raises `LocatorError`."""
        entry = verified.manifest.locator
        if entry is None:
            raise LocatorError(f"{verified.folder} has no locator; python -m export locator puts one in")
        self._size, self._margin, self._threshold = entry.input_size, entry.margin, entry.threshold
        self._running = threading.Lock()  # as in `kiosk.classifier.Classifier`
        options = session_options(threads)
        options.log_severity_level = 3  # errors
        try:
            self._session = ort.InferenceSession(
                verified.contents[entry.path], options, providers=["CPUExecutionProvider"]
            )
            # The first run pays for memory and packed weights; and it shows whether the file keeps its promises.
            maps = self._run(np.zeros((self._size, self._size, 3), np.uint8))
        except Exception as error:  # its exception classes have no common base but this
            reason = first_line(error)
            raise LocatorError(f"{verified.folder}: {entry.path} cannot be used as a locator: {reason}") from error
        cells, rows = maps["score"].shape[-1:], maps["sides"].shape[-1:]
        wanted = {
            "score": (*cells, *cells),
            "corners": (*cells, *cells, 8),
            "sides": (4, *rows),
            "sureness": (4, *rows),
        }
        if {name: value.shape for name, value in maps.items()} != wanted:
            raise LocatorError(f"{entry.path}: its outputs are not shaped as a locator's")

    def locate(self, picture: Pixels, known: Sequence[Quad] = ()) -> list[Candidate]:
        """See `kiosk.locator.Locator`."""
        if known:
            again = self._look_closely_at_all(picture, known)
            if len(again) == len(known):
                return again
        height, width = picture.shape[:2]
        size = np.array([width, height], np.float32)
        rough = self._peaks(self._run(_overview(picture, self._size)), self._threshold)[:_MOST]
        return self._look_closely_at_all(picture, [peak.corners * size for peak in rough])

    def _look_closely_at_all(self, picture: Pixels, guesses: Sequence[Quad]) -> list[Candidate]:
        found: list[Candidate] = []
        for guess in guesses:
            sure = self._settle(picture, guess)
            if sure is not None and all(iou(sure.corners, other.corners) < _SAME for other in found):
                found.append(Candidate(refine(picture, sure.corners, _SEARCH), sure.score))
        return sorted(found, key=lambda candidate: -candidate.score)

    def _settle(self, picture: Pixels, guess: Quad) -> Candidate | None:
        """Look closely until it no longer moves."""
        height, width = picture.shape[:2]
        for _ in range(_MOST_LOOKS):
            if not is_plausible(guess, width, height):
                return None
            sure = self._look_closely(picture, guess)
            if sure is None or iou(sure.corners, guess) > _SETTLED:
                return sure
            guess = sure.corners
        return sure

    def _look_closely(self, picture: Pixels, guess: Quad) -> Candidate | None:
        """The canvas that a rough `guess` means, in pixels of the picture; None if there is none after all."""
        height, width = picture.shape[:2]
        inner = _square(self._margin, 1 - self._margin)
        to_picture = cv2.getPerspectiveTransform(inner, guess)
        around = _project(to_picture, _square(0, 1))
        if not np.isfinite(around).all() or np.abs(around).max() > 10 * max(height, width):
            return None  # a horizon runs through the surroundings
        maps = self._run(warp(picture, around, self._size, self._size))
        peaks = self._peaks(maps, _LEAST_SURE)
        middle = [peak for peak in peaks if iou(peak.corners * 1000, inner * 1000) > _CONFIRMED]
        if not middle:
            return None
        exact = meet(maps["sides"], maps["sureness"], middle[0].corners)
        corners = order_clockwise(_project(to_picture, exact))
        if not is_plausible(corners, width, height):
            return None
        return Candidate(corners, middle[0].score)

    def _peaks(self, maps: Maps, least: float) -> list[Candidate]:
        """Where the network sees canvases, best first, no two the same; corners as shares of the picture."""
        scores, corners = maps["score"], maps["corners"]
        # The largest of its neighbours; borders count as nothing.
        summits = (scores >= cv2.dilate(scores, np.ones((3, 3), np.uint8))) & (scores > least)
        peaks: list[Candidate] = []
        for row, column in sorted(np.argwhere(summits).tolist(), key=lambda at: -scores[at[0], at[1]]):
            near = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            # The neighbours know the corners nearly as well; their errors are not the same.
            weights = scores[near] ** 2
            mean = (corners[near] * weights[..., None]).sum((0, 1)) / weights.sum()
            quad = np.asarray(mean.reshape(4, 2), np.float32)
            if np.isfinite(quad).all() and all(iou(quad * 1000, peak.corners * 1000) < _SAME for peak in peaks):
                peaks.append(Candidate(quad, float(scores[row, column])))
        return peaks

    def _run(self, prepared: Pixels) -> Maps:
        with self._running:
            values = self._session.run(list(_OUTPUTS), {bundle.INPUT: prepared[np.newaxis]})
        return {name: np.asarray(value[0], np.float32) for name, value in zip(_OUTPUTS, values, strict=True)}


def meet(sides: npt.NDArray[np.float32], sureness: npt.NDArray[np.float32], rough: Quad) -> Quad:
    """The corners in which the four sides meet, from where each is in rows and columns; all in shares of a close-up.

    `sides` and `sureness` ``[4, rows]`` are the network's, `rough` are the corners that it also gave: they say which
    rows a side passes, and stand in for a side that is hidden nearly all along.
    """
    lines = []
    along = (np.arange(sides.shape[1]) + 0.5) / sides.shape[1]
    for number in range(4):
        axis = number % 2  # top and bottom run along x
        first, second = rough[number].astype(np.float64), rough[(number + 1) % 4].astype(np.float64)
        start, end = sorted((first[axis], second[axis]))
        room = _ENDS * (end - start)
        passes = (along > start + room) & (along < end - room)
        line = _fit(along[passes], sides[number, passes], sureness[number, passes])
        if line is None:
            slope = (second[1 - axis] - first[1 - axis]) / max(end - start, 1e-6) * np.sign(second[axis] - first[axis])
            line = (float(first[1 - axis] - slope * first[axis]), float(slope))
        lines.append(line)
    (a, b), (c, d), (e, f), (g, h) = lines  # y = a + b x, x = c + d y, ...
    crossings = [_cross(a, b, g, h), _cross(a, b, c, d), _cross(e, f, c, d), _cross(e, f, g, h)]
    return np.array(crossings, np.float32)


def _fit(
    along: npt.NDArray[np.float64], at: npt.NDArray[np.float32], sureness: npt.NDArray[np.float32]
) -> tuple[float, float] | None:
    """Offset and slope of the line through points, by weighted least squares, those that lie off it counting less and
    less; None where too few are sure."""
    base = sureness.astype(np.float64) ** 2
    if len(along) < _LEAST_POINTS or (sureness > _SURE).sum() < _LEAST_POINTS:
        return None
    weights = base
    offset = slope = 0.0
    for _ in range(4):
        total = weights.sum()
        x, y = float(weights @ along / total), float(weights @ at / total)
        spread = float(weights @ (along - x) ** 2)
        slope = float(weights @ ((along - x) * (at - y))) / max(spread, 1e-9)
        offset = y - slope * x
        # Cauchy's weights: a visitor's shoulder is far away, and does not pull.
        weights = base / (1 + ((at - offset - slope * along) / _TREMBLE) ** 2)
    return offset, slope


def _cross(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Where ``y = a + b x`` and ``x = c + d y`` meet."""
    x = (c + d * a) / (1 - b * d) if abs(1 - b * d) > 1e-6 else float("nan")
    return x, a + b * x


def _overview(picture: Pixels, size: int) -> Pixels:
    """All of a picture, as `bundle.prepare` gives it, in a fifth of the time: halves are averaged fastest."""
    while min(picture.shape[:2]) >= 4 * size:
        picture = halved(picture)
    return bundle.prepare(picture, size)


def _square(least: float, most: float) -> Quad:
    return np.array([[least, least], [most, least], [most, most], [least, most]], np.float32)


def _project(matrix: cv2.typing.MatLike, points: Quad) -> Quad:
    """Points through a homography; NaN for those beyond the horizon."""
    projected = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    depth = np.where(projected[:, 2:] > 1e-6, projected[:, 2:], np.nan)
    return np.asarray(projected[:, :2] / depth, np.float32)
