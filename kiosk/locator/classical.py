"""Paintings found by their edges alone: no weights to load, and the same answer on every machine.

1. *Hypotheses.* The frame is shrunk to about 400 pixels. Edges at several thresholds, and several
   segmentations (of lightness, of colour, by distance from the wall's colour) give outlines; those whose
   hull has four corners are kept, and for the largest of them the rectangles nested within, as many a canvas
   hangs in a passe-partout in a moulding, all three with straight sides.
2. *Score.* A canvas's four sides lie on edges; along each side little changes just outside (moulding,
   passe-partout and wall are alike along a side) and much just inside (there is a painting). That tells the
   canvas from its frame and from rectangles that are painted.
3. *Refinement.* The corners of the best are moved onto the edges of the whole frame, to parts of a pixel.

The score's weights were fitted on 180 synthetic scenes (paintings from up to 45 degrees, moulding, passe-partout,
shadow, glare, people in front). On 160 others the intersection over union is above 0.85 for 89 % of the plain
and 75 % of the hard ones, and nothing is reported on 60 bare walls. What is missed: paintings with
somebody before a corner, whose outline has no four corners; what is taken for the canvas is now and then an ornate
moulding, which is as varied as a painting.

Tried: boosted trees on ten measures in place of a linear score of six (no better); nearness to the frame's
centre as a measure (no gain, and the tracker chooses by it); looking for nested rectangles in the full frame in
place of the small one (no better, and 5 ms).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from bundle.picture import Pixels
from kiosk.locator import Candidate
from kiosk.locator.edges import EDGE, directions, refine
from kiosk.locator.quad import Quad, area, iou, is_plausible, order_clockwise, rectify

_Floats = npt.NDArray[np.float32]

# Pixels of the longer side in which hypotheses are sought: moulding is still two pixels wide, noise is not.
LONGEST = 400

# Pixels of the frame's shorter side below which nothing is sought.
LEAST_FRAME = 48

# Share of the frame below which an outline is no hypothesis: 112 pixels square in 1280 x 720.
LEAST_AREA = 0.0137

# Scores (probabilities that the intersection over union with a canvas exceeds 0.85) below which a rectangle is
# not reported. On frames without painting 97 in 100 of the best scores are below 0.02.
LEAST_SCORE = 0.25

# How far from a hypothesis its edges are sought (see `refine`): in the small picture two steps of a moulding may
# be one. From 0.03 to 0.06 the result is much the same.
SEARCH = 0.05

# Candidates that overlap more than this, measured by the smaller one, are the same painting.
MOST_OVERLAP = 0.2

# Hypotheses that are looked at closely, in whose inside rectangles are sought, and that are refined.
KEPT, OUTER, REFINED = 12, 4, 3

# The weights of the score, rounded from logistic regressions on 240 synthetic scenes, 60 of them bare: support of the
# weakest side, mean support of the others, logarithms of roughness along the sides outside and inside, of the
# weakest but one contrast of inside to outside, and of the share of the frame.
WEIGHTS = np.array([2.6, 3.4, -1.7, 2.3, 0.6, 0.8], np.float32)
BIAS = -7.9


class ClassicalLocator:
    """A `Locator` by edges and segmentations, for up to three paintings; without state, so threads may share it."""

    name = "classical"

    def locate(self, picture: Pixels, known: Sequence[Quad] = ()) -> list[Candidate]:
        """See `Locator.locate`; ``[]`` too for pictures of less than 48 pixels."""
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_FRAME or max(height, width) > 8 * min(height, width):
            return []
        small, step = _shrink(picture)
        view = _View(small)
        quads = _distinct(_hypotheses(view), view)
        if not len(quads):
            return []
        outermost = sorted(quads, key=area, reverse=True)[:OUTER]
        nested = [quad for outer in outermost for quad in _nested(view.lab8, outer)]
        quads = np.array([quad for quad in (*quads, *nested) if is_plausible(quad, *small.shape[1::-1])], np.float32)
        if not len(quads):
            return []
        scores = view.score(quads)
        candidates: list[Candidate] = []
        for index in np.argsort(-scores, kind="stable"):
            if not scores[index] > LEAST_SCORE or len(candidates) == REFINED:
                break
            corners = quads[index] * np.float32(step)
            if all(_overlap(corners, other.corners) < MOST_OVERLAP for other in candidates):
                refined = refine(picture, corners, SEARCH)
                kept = refined if is_plausible(refined, width, height) else corners
                candidates.append(Candidate(kept, float(scores[index])))
        return candidates


def _shrink(picture: Pixels) -> tuple[Pixels, int]:
    """The picture with each square of ``step`` x ``step`` pixels averaged, and ``step``."""
    height, width = picture.shape[:2]
    step = -(-max(height, width) // LONGEST)
    size = (width // step, height // step)
    whole = picture[: size[1] * step, : size[0] * step]
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8), step


class _View:
    """A small picture with its edges, and measures of quads in it."""

    def __init__(self, small: Pixels) -> None:
        self.lab8 = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)
        self.height, self.width = small.shape[:2]
        self.lab = np.asarray(cv2.GaussianBlur(self.lab8.astype(np.float32), (3, 3), 0), np.float32)
        across = cv2.Sobel(self.lab, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(self.lab, cv2.CV_32F, 0, 1, scale=1 / 8)
        # Of each pixel the channel that changes most: a red frame on a green wall has no edge in lightness.
        squares = cv2.split(across * across + down * down)
        best_x, best_y, best = across[..., 0], down[..., 0], squares[0]
        for channel in (1, 2):
            is_more = squares[channel] > best
            best_x = np.where(is_more, across[..., channel], best_x)
            best_y = np.where(is_more, down[..., channel], best_y)
            best = np.maximum(best, squares[channel])
        self.across, self.down, self.strength = best_x.ravel(), best_y.ravel(), np.sqrt(best)

    def support(self, quads: _Floats) -> _Floats:
        """How far the sides of quads ``[n, 4, 2]`` lie on edges along them: ``[n, 4]`` in 0-1."""
        along, normal = directions(quads)
        shares = np.linspace(0.04, 0.96, 24, dtype=np.float32)
        offsets = np.arange(-1.5, 1.6, 1.0, dtype=np.float32)
        points = (
            quads[:, :, None, None]
            + along[:, :, None, None] * shares[:, None, None]
            + normal[:, :, None, None] * offsets[:, None]
        )
        x, y = points.astype(np.int32).transpose(4, 0, 1, 2, 3)
        # What lies outside the picture is on no edge.
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        index = (y * self.width + x) * inside
        step = np.abs(self.across[index] * normal[:, :, None, None, 0] + self.down[index] * normal[:, :, None, None, 1])
        step = (step * inside).max(axis=3)
        return np.asarray((step / (step + EDGE)).mean(axis=2), np.float32)

    def score(self, quads: _Floats) -> _Floats:
        """The probability that each of quads ``[n, 4, 2]`` is a canvas: ``[n]``."""
        support = np.sort(self.support(quads), axis=1)
        outside, inside = self._along_sides(quads, -2.5), self._along_sides(quads, 2.5)
        rough_outside, rough_inside = (
            np.log1p(np.abs(np.diff(colours, axis=2)).sum(axis=3).mean(axis=2)).mean(axis=1)
            for colours in (outside, inside)
        )
        contrast = np.sort(np.abs(outside.mean(axis=2) - inside.mean(axis=2)).sum(axis=2), axis=1)[:, 1]
        shares = np.array([area(quad) for quad in quads]) / (self.width * self.height)
        measures = [support[:, 0], support[:, 1:].mean(axis=1), rough_outside, rough_inside]
        measures += [np.log1p(contrast), np.log(np.maximum(shares, 1e-6))]
        return np.asarray(1 / (1 + np.exp(-(WEIGHTS @ np.array(measures, np.float32)) - BIAS)), np.float32)

    def _along_sides(self, quads: _Floats, inwards: float) -> _Floats:
        """CIELAB at 24 places along each side, `inwards` pixels from it: ``[n, 4, 24, 3]``."""
        along, normal = directions(quads)
        shares = np.linspace(0.06, 0.94, 24, dtype=np.float32)
        points = quads[:, :, None] + along[:, :, None] * shares[:, None] + normal[:, :, None] * np.float32(inwards)
        x, y = points.astype(np.int32).transpose(3, 0, 1, 2)
        return np.asarray(self.lab[y.clip(0, self.height - 1), x.clip(0, self.width - 1)], np.float32)


def _hypotheses(view: _View) -> list[Quad]:
    """Outlines of four corners."""
    masks = []
    kernel = np.ones((3, 3), np.uint8)
    for level in (3.0, 7.0, 14.0):
        edges = (view.strength > level).astype(np.uint8)
        masks.append(cv2.morphologyEx(edges, cv2.MORPH_CLOSE, kernel))
    soft = cv2.medianBlur(view.lab8, 5)
    lightness, *colours = cv2.split(soft)
    # One pixel in nine tells the same of a whole frame.
    for level in np.percentile(lightness[::3, ::3], (33, 67)):
        masks.append(cv2.threshold(lightness, float(level), 1, cv2.THRESH_BINARY)[1])
    for channel in (lightness, *colours):
        masks.append(cv2.threshold(channel, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1])
    # The wall is what most of the frame's border shows; below there may be the floor.
    border = np.concatenate([soft[:4].reshape(-1, 3), soft[:, :4].reshape(-1, 3), soft[:, -4:].reshape(-1, 3)])
    wall = np.median(border, axis=0).round().astype(np.uint8)
    apart = cv2.split(cv2.absdiff(soft, np.full_like(soft, wall)))
    distance = cv2.add(cv2.add(apart[0], apart[1]), apart[2])
    for level in (15, 35):
        masks.append(cv2.threshold(distance, level, 1, cv2.THRESH_BINARY)[1])
    least = LEAST_AREA * view.width * view.height
    quads = [quad for mask in masks for quad in _outlines(np.asarray(mask, np.uint8), least)]
    return [quad for quad in quads if is_plausible(quad, view.width, view.height)]


def _outlines(mask: npt.NDArray[np.uint8], least: float) -> list[Quad]:
    """The outlines and holes of `mask` that have four corners, of at least `least` square pixels."""
    quads = []
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        _, _, width, height = cv2.boundingRect(contour)
        if width * height < least:
            continue
        hull = cv2.convexHull(contour)
        size = cv2.contourArea(hull)
        if size < least or cv2.contourArea(contour) < 0.6 * size:
            continue
        around = cv2.arcLength(hull, True)
        for tolerance in (0.015, 0.03, 0.05, 0.08):
            corners = cv2.approxPolyDP(hull, tolerance * around, True)
            if len(corners) <= 4:
                break
        if len(corners) == 4 and cv2.contourArea(corners) > 0.85 * size:
            quads.append(order_clockwise(corners.reshape(4, 2) + 0.5))
    return quads


def _distinct(quads: list[Quad], view: _View) -> _Floats:
    """The best supported of `quads`, without those that nearly repeat a better one: ``[n, 4, 2]``."""
    if not quads:
        return np.empty((0, 4, 2), np.float32)
    stacked = np.array(quads, np.float32)
    support = view.support(stacked).mean(axis=1)
    kept: list[Quad] = []
    for index in np.argsort(-support, kind="stable"):
        if not support[index] > 0.3 or len(kept) == KEPT:
            break
        quad = stacked[index]
        if all(np.abs(quad - other).max() > 0.04 * math.sqrt(area(other)) for other in kept):
            kept.append(quad)
    return np.array(kept, np.float32).reshape(-1, 4, 2)


def _nested(lab: Pixels, outer: Quad) -> list[Quad]:
    """Up to three rectangles within the rectangle `outer`, about as far from it on all sides."""
    patch = rectify(lab, outer, longest=160)
    height, width = patch.shape[:2]
    depth = int(0.4 * min(height, width))
    if depth < 8:
        return []
    profiles = []
    for turns in range(4):  # in turn the top, right, bottom and left side comes to the top
        rows = np.rot90(patch, turns)
        margin = rows.shape[1] // 5
        blocks = cv2.resize(
            np.ascontiguousarray(rows[:depth, margin : rows.shape[1] - margin]),
            (8, depth),
            interpolation=cv2.INTER_AREA,
        ).astype(np.float32)
        change = np.abs(blocks[2:] - blocks[:-2]).max(axis=2) / 2
        profiles.append((change / (change + EDGE)).mean(axis=1))
    # [4, depth - 2]: how much of the line at a depth of the index and 1.5 is an edge.
    edge = np.array(profiles, np.float32)

    # A passe-partout is often wider below, and `outer` is not exact: sides may differ by a sixth and a pixel.
    depths = np.arange(edge.shape[1])
    window = np.arange(-(len(depths) // 6) - 1, len(depths) // 6 + 2)
    near = depths[:, None] + window.clip(-1 - depths[:, None] // 6, 1 + depths[:, None] // 6)
    near = near.clip(0, len(depths) - 1)
    at_sides = edge[:, near]
    # Two sides may show no edge: a dark moulding beside a dark corner of the painting.
    joint = np.sort(at_sides.max(axis=2), axis=0)[:2].mean(axis=0)
    around = cv2.dilate(joint.reshape(1, -1), np.ones((1, 7), np.uint8))[0]
    peaks = [index for index in range(2, len(depths) - 1) if joint[index] == around[index] and joint[index] > 0.25]
    best = sorted(peaks, key=lambda index: -float(joint[index]))[:3]

    whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    back = cv2.getPerspectiveTransform(whole, outer)
    quads = []
    for index in best:
        top, right, bottom, left = (float(near[index, at_sides[side, index].argmax()]) + 1.5 for side in range(4))
        inner = [[left, top], [width - right, top], [width - right, height - bottom], [left, height - bottom]]
        quads.append(np.asarray(cv2.perspectiveTransform(np.array([inner], np.float32), back)[0], np.float32))
    return quads


def _overlap(a: Quad, b: Quad) -> float:
    """What the quads share, in shares of the smaller one."""
    share = iou(a, b)
    smaller = min(area(a), area(b))
    return share / (1 + share) * (area(a) + area(b)) / smaller if smaller > 0 else 1.0
