"""Scenes of a gallery with exact truth: a wall, paintings on it, a camera in front of it.

A scene is drawn as a camera's frame (any aspect), or as the close-up that the locator sees at its second look: the
frame warped so that a rough guess of the canvas fills the middle of a square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from train.locator import fixtures, frames, light
from train.locator.walls import Image, Random, furnish, wall

# Pixels of a frame's longer side: about twice the network's input, so that it is averaged down as a camera's frame is.
_LONGEST = 416

# Shares of the kinds of scenes.
_BARE, _PHOTOGRAPH, _FULL, _CLOSE_UP = 0.16, 0.05, 0.04, 0.45

# Share of the close-ups that are of a window, a door or the like: the second look is there to deny what the first one
# took for a canvas.
_CLOSE_UP_OF_NONE = 0.25

# Share of a canvas that must be inside the frame for it to count, and below which it does not exist; between the two
# the network may say what it likes. The same for its size, as a share of the frame's.
VISIBLE, UNSEEN = 0.93, 0.6
LARGE_ENOUGH, TOO_SMALL = 0.14, 0.09

# Where the canvas lies in a close-up: this margin on each side, as a share of the square.
MARGIN = 0.18


@dataclass(frozen=True)
class Scene:
    """A picture and what is in it."""

    picture: np.ndarray
    """RGB uint8 ``[height, width, 3]``."""
    canvases: np.ndarray
    """Corners of the canvases to be found, ``[n, 4, 2]`` (x, y) as shares of the picture, clockwise from top left."""
    doubtful: np.ndarray
    """The same of those that may be found or not."""
    middle: np.ndarray | None = None
    """In a close-up, the canvas that it is of, ``[4, 2]``; None in frames, and where it is doubtful."""


@dataclass(frozen=True)
class Stock:
    """What scenes are made from."""

    paintings: Sequence[np.ndarray]
    photographs: Sequence[np.ndarray]
    """RGB uint8; they show no painting."""

    def painting(self, rng: Random) -> np.ndarray:
        """A canvas of any aspect, longer side about 200 pixels."""
        aspect = float(np.exp(rng.uniform(-0.7, 0.7)))
        height, width = int(200 * min(1, 1 / aspect)), int(200 * min(1, aspect))
        kind = rng.random()
        if kind < 0.15:
            return frames.drawn(rng, height, width)
        pool = self.photographs if kind < 0.22 and len(self.photographs) else self.paintings
        picture = pool[rng.integers(len(pool))]
        full_height, full_width = picture.shape[:2]
        if rng.random() < 0.5:  # a part of it, in the canvas's aspect
            share = rng.uniform(0.6, 1.0)
            cut = min(full_width / width, full_height / height) * share
            w, h = int(width * cut), int(height * cut)
            x, y = int(rng.integers(full_width - w + 1)), int(rng.integers(full_height - h + 1))
            picture = picture[y : y + h, x : x + w]
        elif rng.random() < 0.5:  # whole, in its own aspect
            scale = 200 / max(picture.shape[:2])
            width, height = int(full_width * scale), int(full_height * scale)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        if kind > 0.97:  # one picture several times on a canvas
            picture = cv2.resize(np.tile(picture, (2, 2, 1)), (width, height), interpolation=cv2.INTER_AREA)
        return picture[:, ::-1] if rng.random() < 0.5 else picture


@dataclass(frozen=True)
class _Body:
    """What hangs on a wall."""

    patch: Image
    box: tuple[int, int, int, int]
    """Of the canvas within its frame, or all of a fixture: left, top, right, bottom in pixels of the patch."""
    is_painting: bool

    @property
    def size(self) -> float:
        return float(((self.box[2] - self.box[0]) * (self.box[3] - self.box[1])) ** 0.5)


def _body(rng: Random, stock: Stock, is_painting: bool) -> _Body:
    if is_painting:
        return _Body(*frames.hang(rng, stock.painting(rng)), is_painting)
    patch = fixtures.fixture(rng, stock.photographs)
    return _Body(patch, (0, 0, patch.shape[1], patch.shape[0]), is_painting)


def draw(rng: Random, stock: Stock) -> Scene:
    """A scene by chance."""
    kind = rng.random()
    nothing = np.zeros((0, 4, 2), np.float32)
    if kind < _PHOTOGRAPH and len(stock.photographs):
        return Scene(_cut(rng, stock.photographs[rng.integers(len(stock.photographs))]), nothing, nothing)
    if kind < _PHOTOGRAPH + _FULL:  # a painting from edge to edge, or a part of one: no canvas ends in view
        picture = stock.painting(rng)
        return Scene(light.photograph(rng, light.illuminate(rng, picture, hard=0.3), hard=0.3), nothing, nothing)
    hard = float(rng.beta(1, 1.1))
    close = kind > 1 - _CLOSE_UP
    height, width = (288, 288) if close else _frame_size(rng)
    bare = not close and kind < _PHOTOGRAPH + _FULL + _BARE
    return _compose(rng, stock, height, width, hard, _things(rng, bare=bare, close=close), close=close)


def _things(rng: Random, *, bare: bool, close: bool) -> list[bool]:
    """What hangs side by side, the one in the middle first: True is a painting, False a fixture."""
    if bare:
        return [False] * int(rng.choice([0, 1, 2, 3, 4], p=[0.25, 0.3, 0.25, 0.12, 0.08]))
    paintings = int(rng.choice([1, 2, 3, 4], p=[0.7, 0.16, 0.1, 0.04] if close else [0.55, 0.22, 0.15, 0.08]))
    others = [True] * (paintings - 1) + [False] * int(rng.choice([0, 1, 2], p=[0.65, 0.25, 0.1]))
    return [not close or rng.random() > _CLOSE_UP_OF_NONE, *rng.permutation(others).astype(bool).tolist()]


def _frame_size(rng: Random) -> tuple[int, int]:
    aspect = float(rng.choice([16 / 9, 16 / 9, 16 / 9, 9 / 16, 9 / 16, 4 / 3, 3 / 4, 1.0, 1.5]))
    return int(_LONGEST * min(1, 1 / aspect)), int(_LONGEST * min(1, aspect))


def _cut(rng: Random, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    h, w = int(height * rng.uniform(0.5, 1)), int(width * rng.uniform(0.5, 1))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    picture = picture[y : y + h, x : x + w]
    return picture[:, ::-1] if rng.random() < 0.5 else picture


def _compose(
    rng: Random, stock: Stock, height: int, width: int, hard: float, things: Sequence[bool], *, close: bool
) -> Scene:
    bodies = [_body(rng, stock, is_painting) for is_painting in things]
    first = bodies[0] if bodies else _body(rng, stock, True)
    size = first.size
    half = np.array([first.box[2] - first.box[0], first.box[3] - first.box[1]], np.float32) / size / 2
    to_frame = _close_view(rng, half, height, width) if close else _frame_view(rng, half, height, width, hard)
    busy = hard if rng.random() < 0.7 else 0.0
    picture = _wall_in_view(rng, to_frame, height, width, busy if any(things) else rng.choice([0.0, 0.5, 1.0]))
    placed, main = [], None
    left = right = 0.0
    for number, body in enumerate(bodies):
        box = body.box
        unit = size if number == 0 else body.size * rng.uniform(0.7, 1.4)
        wide, high = body.patch.shape[1] / unit, body.patch.shape[0] / unit
        if number == 0:  # the canvas's centre, not the frame's, is the origin
            x, y = -(box[0] + box[2]) / 2 / unit, -(box[1] + box[3]) / 2 / unit
            left, right = x, x + wide
        else:
            gap, y = rng.uniform(0.05, 0.7), -high / 2 + rng.normal(0, 0.1 if body.is_painting else 0.3)
            if rng.random() < 0.5:
                x = right + gap
                right = x + wide
            else:
                x = left - gap - wide
                left = x
        to_wall = np.array([[1 / unit, 0, x], [0, 1 / unit, y], [0, 0, 1]])
        matrix = to_frame @ to_wall
        outer = _project(matrix, _corners(0, 0, body.patch.shape[1], body.patch.shape[0]))
        if outer is None:
            continue
        if body.is_painting or rng.random() < 0.3:
            light.shadow(rng, picture, outer)
        _paste(picture, body.patch, matrix)
        quad = _project(matrix, _corners(*box))
        if rng.random() < 0.05 + 0.3 * hard:
            picture = light.glare(rng, picture, quad)
        if body.is_painting:
            placed.append(quad)
            main = quad if number == 0 else main
    picture = light.illuminate(rng, picture, hard=hard)
    hidden = np.zeros((height, width), np.float32)
    if len(stock.photographs) and rng.random() < 0.1 + 0.5 * hard:
        texture = stock.photographs[rng.integers(len(stock.photographs))].astype(np.float32)
        hidden = light.people(rng, picture, texture, int(rng.choice([1, 1, 2, 3])))
    if close:
        if main is not None and rng.random() < 0.25:
            _repeat_border(rng, picture, main)
    elif rng.random() < 0.3:
        picture, hidden, placed = _through_lens(rng, picture, hidden, placed)
    found, doubtful, middle = [], [], None
    for quad in placed:
        verdict = _verdict(quad, hidden, height, width, close=close)
        if verdict is not None:
            (found if verdict else doubtful).append(quad / (width, height))
        if close and verdict and quad is main:
            middle = found[-1].astype(np.float32)
    shape = (-1, 4, 2)
    return Scene(
        light.photograph(rng, picture, hard=hard),
        np.array(found, np.float32).reshape(shape),
        np.array(doubtful, np.float32).reshape(shape),
        middle,
    )


def _repeat_border(rng: Random, picture: Image, quad: np.ndarray) -> None:
    """A close-up of what hangs at the edge of the frame: beyond it the last line of pixels is repeated."""
    height, width = picture.shape[:2]
    (left, top), (right, bottom) = quad.min(0), quad.max(0)
    depth = rng.uniform(0, 1)
    side = rng.integers(4)
    if side == 0 and left > 2:
        picture[:, : int(left * depth)] = picture[:, int(left * depth)][:, None]
    elif side == 1 and right < width - 2:
        picture[:, int(width - (width - right) * depth) :] = picture[:, int(width - (width - right) * depth) - 1][
            :, None
        ]
    elif side == 2 and top > 2:
        picture[: int(top * depth)] = picture[int(top * depth)][None]
    elif bottom < height - 2:
        picture[int(height - (height - bottom) * depth) :] = picture[int(height - (height - bottom) * depth) - 1][None]


def _through_lens(
    rng: Random, picture: Image, hidden: np.ndarray, quads: Sequence[np.ndarray]
) -> tuple[Image, np.ndarray, list[np.ndarray]]:
    """What a lens with barrel or pincushion distortion makes of it: one coefficient of Brown's model."""
    height, width = picture.shape[:2]
    middle, unit = np.array([width, height]) / 2, max(height, width) / 2
    bend = rng.uniform(-0.03, 0.12)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x + 0.5 - middle[0]) / unit, (y + 0.5 - middle[1]) / unit
    # Where each pixel of the result comes from.
    factor = 1 + bend * (u**2 + v**2)
    source = (
        (u * factor * unit + middle[0] - 0.5).astype(np.float32),
        (v * factor * unit + middle[1] - 0.5).astype(np.float32),
    )
    bent = cv2.remap(picture, *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    hidden = cv2.remap(hidden, *source, cv2.INTER_LINEAR)
    moved = []
    for quad in quads:
        goal = (quad - middle) / unit
        at = goal.copy()
        for _ in range(8):  # a fixed point: the inverse has no short form
            at = goal / (1 + bend * (at**2).sum(-1, keepdims=True))
        moved.append(at * unit + middle)
    return bent, hidden, moved


def _verdict(quad: np.ndarray, hidden: np.ndarray, height: int, width: int, *, close: bool) -> bool | None:
    """Whether a canvas is to be found; None where it is not there."""
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    area = abs(cv2.contourArea(quad.astype(np.float32)))
    inside, _ = cv2.intersectConvexConvex(quad.astype(np.float32), frame)
    visible, size = inside / max(area, 1e-6), np.sqrt(area / (height * width))
    if visible < UNSEEN or size < TOO_SMALL:
        return None
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, quad.astype(np.int32), 1)
    covered = float(hidden[mask > 0].mean()) if mask.any() else 1.0
    if covered > 0.75:
        return None
    outside = np.maximum(-quad, quad - (width, height)).max() / max(height, width)
    return bool(visible > VISIBLE and size > LARGE_ENOUGH and covered < 0.45 and outside < (0.08 if close else 0.04))


def _frame_view(rng: Random, half: np.ndarray, height: int, width: int, hard: float) -> np.ndarray:
    """Wall to pixels for a pinhole camera that looks at the wall from an angle."""
    while True:
        focal = rng.uniform(0.7, 1.6) * max(height, width)
        most = np.radians(8 + 42 * hard)
        yaw, pitch = rng.uniform(-most, most), rng.uniform(-most, most) * 0.5
        roll = np.radians(rng.normal(0, 2 + 5 * hard))
        # Of the shorter side, evenly by logarithm: small ones are the difficult ones.
        share = np.exp(rng.uniform(np.log(0.18), np.log(0.9)))
        distance = focal * 2 * half.max() / (share * min(height, width))
        if half.max() / half.min() > 1.3 and rng.random() < 0.5:
            distance *= half.min() / half.max()
        rotation = _rotation(yaw, pitch, roll)
        # A point (x, y, 0) of the wall, turned and pushed away.
        spread = 0.16 if rng.random() < 0.7 else 0.32
        offset = rng.normal(0, spread, 2) * (width, height)
        matrix = np.array(
            [[focal, 0, width / 2 + offset[0]], [0, focal, height / 2 + offset[1]], [0, 0, 1]]
        ) @ np.stack([rotation[:, 0], rotation[:, 1], np.array([0, 0, distance])], axis=1)
        quad = _project(matrix, _corners(*(-half), *half))
        if quad is not None and (quad.mean(0) > -20).all() and (quad.mean(0) < (width + 20, height + 20)).all():
            return matrix


def _close_view(rng: Random, half: np.ndarray, height: int, width: int) -> np.ndarray:
    """Wall to pixels such that a guess of the corners, wrong by a few per cent, is the middle of the square."""
    true = _corners(*(-half), *half).astype(np.float32)
    wrong = rng.normal(0, rng.choice([0.01, 0.03, 0.06]), (4, 2)) + rng.normal(0, 0.03, 2)
    wrong += rng.normal(0, rng.choice([0.02, 0.08]), 2)[None] * np.sign(_corners(-1, -1, 1, 1))
    target = _corners(MARGIN, MARGIN, 1 - MARGIN, 1 - MARGIN) + wrong * (1 - 2 * MARGIN)
    target = (target * (width, height)).astype(np.float32)
    return cv2.getPerspectiveTransform(true, target).astype(np.float64)


def _wall_in_view(rng: Random, to_frame: np.ndarray, height: int, width: int, busy: float) -> Image:
    """The bare wall as the camera sees it."""
    units = (6.0, 5.0)  # of the main canvas's size
    pixels = 72
    texture = wall(rng, int(units[1] * pixels), int(units[0] * pixels))
    furnish(rng, texture, busy=busy)
    to_wall = np.array([[1 / pixels, 0, -units[0] / 2], [0, 1 / pixels, -units[1] / 2], [0, 0, 1]])
    return cv2.warpPerspective(
        texture, to_frame @ to_wall, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def _paste(picture: Image, patch: Image, matrix: np.ndarray) -> None:
    """Draw `patch` into `picture` through a perspective, with soft edges."""
    height, width = picture.shape[:2]
    quad = _project(matrix, _corners(0, 0, patch.shape[1], patch.shape[0]))
    # Averaged down first where it is to be much smaller: sampling alone would alias.
    shrink = np.sqrt(abs(cv2.contourArea(quad.astype(np.float32))) / (patch.shape[0] * patch.shape[1]))
    if shrink < 0.6:
        size = (max(2, int(patch.shape[1] * shrink)), max(2, int(patch.shape[0] * shrink)))
        matrix = matrix @ np.diag([patch.shape[1] / size[0], patch.shape[0] / size[1], 1])
        patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    # A matrix speaks of corners of pixels, OpenCV of their centres.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    warped = cv2.warpPerspective(
        patch,
        np.linalg.inv(half) @ matrix @ half,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, np.round((quad - 0.5) * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    picture += (warped - picture) * mask[..., None]


def _corners(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def _project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    """Points ``[n, 2]`` through a homography; None where one is behind the camera or far away."""
    projected = np.concatenate([points, np.ones((len(points), 1))], 1) @ matrix.T
    if (projected[:, 2] <= 1e-3).any():
        return None
    flat = projected[:, :2] / projected[:, 2:]
    return flat if np.abs(flat).max() < 4000 else None


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y
