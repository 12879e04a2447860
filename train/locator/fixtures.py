"""What hangs on walls or opens in them, is as rectangular as a painting, and is none: windows, doors, boards, screens.

Each is drawn as a patch of its own, so that it can be seen from any side and, like a painting, close to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from train.locator.walls import Image, Random, colour, smooth

# Pixels of a patch's longer side.
_LONGEST = 200


def fixture(rng: Random, photographs: Sequence[np.ndarray]) -> Image:
    """One by chance, longer side 200 pixels; `photographs` (RGB uint8) are what is seen through windows."""
    draw, (least, most) = _KINDS[rng.choice(len(_KINDS), p=_SHARES)]
    aspect = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    return np.clip(draw(rng, int(_LONGEST * min(1, 1 / aspect)), int(_LONGEST * min(1, aspect)), photographs), 0, 255)


def _window(rng: Random, height: int, width: int, photographs: Sequence[np.ndarray]) -> Image:
    kind = rng.random()
    if kind < 0.3:  # frosted, curtained, or too bright for the camera
        shade = rng.uniform(120, 255) if rng.random() < 0.8 else rng.uniform(5, 60)
        pane = shade + smooth(rng, height, width, 3, 2)[..., None] * rng.uniform(0, 20) * np.ones(3)
    elif kind < 0.75 or not len(photographs):
        pane = _landscape(rng, height, width)
    else:
        pane = _cut(rng, photographs[rng.integers(len(photographs))], height, width) * rng.uniform(0.7, 1.6)
    pane = cv2.GaussianBlur(pane.astype(np.float32), (0, 0), rng.uniform(0.3, 3))
    if rng.random() < 0.25:  # a blind, or curtains at both sides
        drop = int(height * rng.uniform(0.1, 0.6))
        pane[:drop] = colour(rng, grey=0.8) * (1 - 0.15 * (np.arange(drop) % max(3, height // 30) == 0)[:, None, None])
    elif rng.random() < 0.2:
        folds = (1 + 0.2 * np.sin(np.arange(width) * rng.uniform(0.2, 0.8)))[None, :, None] * colour(rng, grey=0.6)
        wide = int(width * rng.uniform(0.08, 0.3))
        pane[:, :wide], pane[:, width - wide :] = folds[:, :wide], folds[:, width - wide :]
    # With a bar at least: one pane in a moulding would be a painting of what is outside.
    columns, rows = ((1, 2), (2, 1), (2, 2), (2, 3), (3, 3), (3, 2), (2, 4), (1, 3), (4, 3))[rng.integers(9)]
    tone, bar = colour(rng, grey=0.9), max(2, int(width * rng.uniform(0.015, 0.06)))
    lit = tone * rng.uniform(0.6, 1.3)
    for number in range(1, columns):
        x = int(width * number / columns) - bar // 2
        pane[:, x : x + bar] = tone
        pane[:, x : x + 1] = lit
    for number in range(1, rows):
        y = int(height * number / rows) - bar // 2
        if rng.random() < 0.15:  # a transom sits high
            y = int(height * rng.uniform(0.15, 0.4))
        pane[y : y + bar] = tone
        pane[y : y + 1] = lit
    broad = int(bar * rng.uniform(0.5, 3)) + 1
    for inset in range(broad):
        shade = tone * (1 if inset < broad - 1 else rng.uniform(0.5, 1.2))
        cv2.rectangle(pane, (inset, inset), (width - 1 - inset, height - 1 - inset), shade.tolist(), 1)
    return pane


def _landscape(rng: Random, height: int, width: int) -> Image:
    """Sky, and below it trees, roofs or houses."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    above, below = colour(rng, grey=0.5), colour(rng, grey=0.7)
    bright = rng.uniform(1.0, 2.2) if rng.random() < 0.8 else rng.uniform(0.1, 0.4)
    picture = ((120 + 0.5 * above) * (1 - down) + (140 + 0.5 * below) * down) * bright * np.ones((1, width, 1))
    picture += smooth(rng, height, width, 5, 3)[..., None] * rng.uniform(0, 15)
    for _ in range(int(rng.integers(0, 4))):
        top = rng.uniform(0.3, 0.9) * height
        if rng.random() < 0.6:  # hills, or the crowns of trees
            edge = top + smooth(rng, 1, width, rng.uniform(2, 12), 3)[0] * height * rng.uniform(0.01, 0.08)
            tone = np.array([rng.uniform(40, 130), rng.uniform(60, 150), rng.uniform(30, 100)]) * rng.uniform(0.4, 1.5)
            layer = tone + smooth(rng, height, width, 20, 3)[..., None] * rng.uniform(2, 25)
            picture = np.where((np.arange(height)[:, None] > edge)[..., None], layer, picture)
        else:  # a house with windows of its own
            left, wide = int(rng.uniform(-0.2, 0.9) * width), int(rng.uniform(0.2, 0.7) * width)
            picture[int(top) :, max(left, 0) : left + wide] = colour(rng, grey=0.6)
            step = max(4, int(width * rng.uniform(0.06, 0.15)))
            for y in range(int(top) + step // 2, height, step):
                for x in range(max(left, 0) + step // 2, left + wide - step // 2, step):
                    picture[y : y + step // 2, x : x + step // 3] = rng.uniform(10, 120)
    return picture


def _door(rng: Random, height: int, width: int, photographs: Sequence[np.ndarray]) -> Image:
    shade = colour(rng)
    door = shade + smooth(rng, height, width, 12, 2)[..., None] * rng.uniform(0, 6)
    casing = max(1, int(width * rng.uniform(0.03, 0.1)))
    cv2.rectangle(door, (0, 0), (width - 1, height + casing), (shade * rng.uniform(0.5, 1.4)).tolist(), casing)
    for row, high in (((0.08, 0.36), (0.52, 0.4)), ((0.1, 0.8),), ())[rng.integers(3)]:
        for column, wide in (((0.2, 0.6),), ((0.18, 0.28), (0.54, 0.28)))[rng.integers(2)]:
            corner = (int(column * width), int(row * height))
            opposite = (int((column + wide) * width), int((row + high) * height))
            _raised(door, corner, opposite, shade * rng.uniform(0.5, 0.9), shade * rng.uniform(1.05, 1.4))
    x = int(width * (0.1 if rng.random() < 0.5 else 0.86))
    cv2.circle(door, (x, height // 2), max(1, width // 24), colour(rng, grey=0.8).tolist(), -1)
    return door


def _opening(rng: Random, height: int, width: int, photographs: Sequence[np.ndarray]) -> Image:
    """A way into the next room."""
    room = colour(rng, grey=0.8) * rng.uniform(0.15, 1) + smooth(rng, height, width, 3, 2)[..., None] * 4
    floor = int(height * rng.uniform(0.75, 0.95))
    room[floor:] = colour(rng) * rng.uniform(0.2, 1)
    if rng.random() < 0.5:  # its corner
        x = int(width * rng.uniform(0.1, 0.9))
        room[:floor, x:] *= rng.uniform(0.6, 1.4)
    if rng.random() < 0.6:
        cv2.rectangle(room, (0, 0), (width - 1, height + 40), colour(rng, grey=0.9).tolist(), max(1, width // 25))
    return room


def _board(rng: Random, height: int, width: int, photographs: Sequence[np.ndarray]) -> Image:
    """A board of text as large as a picture: a heading, paragraphs, at times a frame."""
    board = np.empty((height, width, 3), np.float32)
    dark = rng.random() < 0.3
    board[:] = colour(rng) * 0.3 if dark else rng.uniform(170, 255)
    ink = rng.uniform(170, 250) if dark else rng.uniform(10, 120)
    y, step = int(0.08 * height), max(2, int(rng.uniform(0.015, 0.05) * height))
    board[y : y + 2 * step, int(0.1 * width) : int(width * rng.uniform(0.3, 0.9))] = ink
    y += 4 * step
    while y < 0.92 * height:
        if rng.random() > 0.15:
            board[y : y + max(1, step // 2), int(0.1 * width) : int(width * rng.uniform(0.6, 0.92))] = ink
        y += step
    if rng.random() < 0.3:
        cv2.rectangle(board, (0, 0), (width - 1, height - 1), colour(rng).tolist(), 1)
    return board


def _box(rng: Random, height: int, width: int, photographs: Sequence[np.ndarray]) -> Image:
    """A fire hose's box, a hatch, a grille, a switched-off screen."""
    box = np.empty((height, width, 3), np.float32)
    kind = rng.integers(4)
    if kind == 0:
        box[:] = [rng.uniform(120, 220), rng.uniform(10, 60), rng.uniform(10, 50)]
        box[height // 8 : -height // 8, width // 8 : -width // 8] += rng.uniform(-40, 70)
    elif kind == 1:
        box[:] = colour(rng, grey=0.8)
    elif kind == 2:
        box[:] = rng.uniform(3, 40)
        box += smooth(rng, height, width, 2)[..., None] * rng.uniform(0, 8)
    else:
        box[:] = colour(rng, grey=0.9)
        box[:: max(2, height // int(rng.integers(8, 30)))] *= 0.4
    shade = colour(rng, grey=0.8)
    for inset in range(int(rng.integers(0, 6))):
        cv2.rectangle(box, (inset, inset), (width - 1 - inset, height - 1 - inset), shade.tolist(), 1)
    return box


_Draw = Callable[[Random, int, int, Sequence[np.ndarray]], Image]
# What draws it, and its width by its height from and to.
_KINDS: list[tuple[_Draw, tuple[float, float]]] = [
    (_window, (0.45, 1.9)),
    (_door, (0.36, 0.75)),
    (_opening, (0.36, 1.4)),
    (_board, (0.4, 1.6)),
    (_box, (0.5, 2.0)),
]
_SHARES = (0.42, 0.16, 0.1, 0.16, 0.16)


def _raised(
    picture: Image, corner: tuple[int, int], opposite: tuple[int, int], dark: np.ndarray, light: np.ndarray
) -> None:
    """The edge of a panel that stands out: light from above."""
    (left, top), (right, bottom) = corner, opposite
    cv2.rectangle(picture, corner, opposite, dark.tolist(), 2)
    cv2.line(picture, (left, top), (right, top), light.tolist(), 2)
    cv2.line(picture, (left, top), (left, bottom), light.tolist(), 1)


def _cut(rng: Random, picture: np.ndarray, height: int, width: int) -> Image:
    full_height, full_width = picture.shape[:2]
    scale = min(full_height / height, full_width / width) * rng.uniform(0.5, 1)
    h, w = max(2, int(height * scale)), max(2, int(width * scale))
    y, x = int(rng.integers(full_height - h + 1)), int(rng.integers(full_width - w + 1))
    return cv2.resize(picture[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
