"""Pictures as the kiosk's camera gives them: framed, hung, photographed, found and drawn out to a square.

A canvas is 140 to 520 pixels in a camera's frame. What the network gets of it was sampled twice, is a little out
of focus, unevenly lit, noisy and compressed, and its corners were found nearly. A head that was fitted to sharp
files alone relies on what no camera keeps: how sharp the files of each source are, for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

import bundle
from bundle.picture import Pixels
from train.dataset import Example
from train.locator import frames, light
from train.locator.walls import Image, Random, colour

# Square root of a canvas's area in a frame, in pixels: a small canvas, or one in a frame of 640 x 480, and one that
# nearly fills a frame of 1280 x 720. Evenly by logarithm: nearness is relative.
_SMALLEST, _LARGEST = 140.0, 520.0

# Pictures of the set are squashed to a square: the logarithm of width by height is drawn from -0.45 to 0.45, which is
# 2 : 3 to 3 : 2.
_ASPECT = 0.45

# Degrees that the camera stands to the side, and above or below, at most; a tilt in the picture of twice the deviation.
_YAW, _PITCH, _ROLL = 40.0, 20.0, 4.0

# Distance in shares of the canvas's size: a webcam sees 1 m of wall from 1 m, and a canvas fills a quarter to
# two thirds of that.
_DISTANCE = (1.6, 4.0)

# Wall around the canvas that is drawn, as a share of its size: more than the corners can be wrong by.
_AROUND = 0.12

# Deviation of the located corners as shares of the canvas's size: of each corner, and of all of them inwards or
# outwards, as a locator errs that takes the frame's lip for the canvas's edge.
_CORNER_ERROR, _MARGIN_ERROR = 0.010, 0.012


def photographs(examples: Sequence[Example], kind: str, size: int, seed: int, view: int) -> Pixels:
    """The pictures of `examples`, photographed, ``[n, size, size, 3]``. `kind` is a key of `PHOTOGRAPHY`.

    What is drawn for a picture depends on its content, the seed and the number of the view alone.
    """
    pixels = np.empty((len(examples), size, size, 3), np.uint8)
    for row, example in enumerate(examples):
        rng = np.random.default_rng((seed, view, int(example.sha256[:8], 16)))
        pixels[row] = PHOTOGRAPHY[kind](rng, bundle.read(example.path), size)
    return pixels


def photographed(rng: Random, picture: Pixels, size: int) -> Pixels:
    """`picture` ``[h, w, 3]``, hung on a wall and photographed, as the kiosk cuts it out of the frame:
    ``[size, size, 3]``."""
    painting = picture.astype(np.float32)
    framed, box = frames.hang(rng, painting)
    corners, (height, width) = _canvas_in_frame(rng)
    frame = np.empty((height, width, 3), np.float32)
    frame[:] = colour(rng)
    left, top, right, bottom = box
    canvas = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    _draw(frame, framed, canvas, corners)
    hard = float(rng.beta(1, 1.3))
    if rng.random() < 0.05 + 0.2 * hard:
        frame = light.glare(rng, frame, corners)
    shot = _sensor(rng, light.illuminate(rng, frame, hard=hard))
    return _cut_out(shot, _nearly(rng, corners), size)


def _canvas_in_frame(rng: Random) -> tuple[np.ndarray, tuple[int, int]]:
    """Corners ``[4, 2]`` of a canvas in a part of a frame, and that part's height and width, pixels."""
    aspect = np.exp(rng.uniform(-_ASPECT, _ASPECT) / 2)
    flat = np.array([[-aspect, -1 / aspect], [aspect, -1 / aspect], [aspect, 1 / aspect], [-aspect, 1 / aspect]]) / 2
    yaw, pitch = (np.radians(limit) * rng.uniform(-1, 1) for limit in (_YAW, _PITCH))
    roll = np.radians(rng.normal(0, _ROLL / 2))
    # Turned about the upright axis, then about the level one, then within the picture.
    x, y = flat.T
    across, depth = x * np.cos(yaw), x * np.sin(yaw)
    down, depth = y * np.cos(pitch) - depth * np.sin(pitch), y * np.sin(pitch) + depth * np.cos(pitch)
    distance = rng.uniform(*_DISTANCE)
    seen = np.stack([across, down], axis=1) * (distance / (distance + depth))[:, None]
    seen = seen @ np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    pixels = np.exp(rng.uniform(np.log(_SMALLEST), np.log(_LARGEST)))
    seen *= pixels / np.sqrt(cv2.contourArea(seen.astype(np.float32)))
    around = _AROUND * pixels + rng.uniform(0, 1, 2)  # nothing lies on whole pixels
    low, high = seen.min(axis=0) - around, seen.max(axis=0) + around
    width, height = np.ceil(high - low).astype(int).tolist()
    return (seen - low).astype(np.float32), (height, width)


def _draw(frame: Image, framed: Image, canvas: np.ndarray, corners: np.ndarray) -> None:
    """Draw a framed picture into `frame`, its `canvas` where the `corners` are."""
    shrink = np.sqrt(cv2.contourArea(corners) / cv2.contourArea(canvas))
    if shrink < 1:  # averaged down first: sampling alone would alias
        small = max(1, round(framed.shape[1] * shrink)), max(1, round(framed.shape[0] * shrink))
        canvas = canvas * (small[0] / framed.shape[1], small[1] / framed.shape[0])
        framed = cv2.resize(framed, small, interpolation=cv2.INTER_AREA)
    # OpenCV's coordinates are those of pixels' centres.
    matrix = cv2.getPerspectiveTransform((canvas - 0.5).astype(np.float32), corners - 0.5)
    size = frame.shape[1], frame.shape[0]
    mode = {"flags": cv2.INTER_CUBIC if shrink > 1 else cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    drawn = cv2.warpPerspective(framed, matrix, size, **mode)
    inside = cv2.warpPerspective(np.ones(framed.shape[:2], np.float32), matrix, size)[..., None]
    frame += (drawn - frame) * inside


def _sensor(rng: Random, frame: Image) -> Pixels:
    """What lens, sensor and codec make of light."""
    out_of_focus = rng.uniform(0.8, 1.8) if rng.random() < 0.2 else rng.uniform(0.2, 0.8)
    frame = cv2.GaussianBlur(frame, (0, 0), out_of_focus)
    if rng.random() < 0.15:  # the visitor's hand, or exposure by night
        length, angle = rng.uniform(1, 7), rng.uniform(0, np.pi)
        kernel = np.zeros((9, 9), np.float32)
        for along in np.linspace(-length / 2, length / 2, 17):
            kernel[round(4 + along * np.sin(angle)), round(4 + along * np.cos(angle))] += 1
        frame = cv2.filter2D(frame, -1, kernel / kernel.sum())
    frame = 255 * np.clip(frame * (rng.uniform(0.6, 1.15) / 255), 0, 1) ** rng.uniform(0.8, 1.25)
    noise = abs(rng.normal(0, 3))
    frame = frame + rng.standard_normal(frame.shape, np.float32) * noise
    shot = np.clip(frame, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        _, data = cv2.imencode(".jpg", shot, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))])
        shot = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return shot


def _nearly(rng: Random, corners: np.ndarray) -> np.ndarray:
    """Corners as a locator gives them."""
    size = np.sqrt(cv2.contourArea(corners))
    middle = corners.mean(axis=0)
    found = middle + (corners - middle) * (1 + 2 * rng.normal(0, _MARGIN_ERROR))
    return (found + rng.normal(0, _CORNER_ERROR * size, (4, 2))).astype(np.float32)


def _cut_out(shot: Pixels, corners: np.ndarray, size: int) -> Pixels:
    """What lies within the corners, as the kiosk draws it out to a square; averaged where that is smaller."""
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    if max(sides) / size > 1.3:
        shot = cv2.blur(shot, (3, 3))
    square = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32) - 0.5
    back = cv2.getPerspectiveTransform(square, corners - 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(shot, back, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE))


PHOTOGRAPHY: dict[str, Callable[[Random, Pixels, int], Pixels]] = {"gallery": photographed}
"""What a recipe may name as its augmentation where its views are of the frozen part alone: from a picture of any size
to pixels of the network's."""
