"""What lies between a wall and its picture: light, shadow, glare, people, the lens and the sensor."""

from __future__ import annotations

import cv2
import numpy as np

from train.locator.walls import Image, Random, colour, smooth


def illuminate(rng: Random, picture: Image, *, hard: float) -> Image:
    """Uneven light, lamps, shadows across the wall and a colour cast; `hard` (0-1) says how strong."""
    height, width = picture.shape[:2]
    field = np.exp(smooth(rng, height, width, rng.uniform(1, 3)) * rng.uniform(0.02, 0.1 + 0.15 * hard))
    if rng.random() < 0.4 + 0.2 * hard:  # spots
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        dim = rng.uniform(0.35, 1.0)
        pool = np.full((height, width), dim, np.float32)
        for _ in range(int(rng.integers(1, 4))):
            centre, spread = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.15, 0.6, 2) * width
            away = ((x - centre[0]) / spread[0]) ** 2 + ((y - centre[1]) / spread[1]) ** 2
            pool += (1 - dim) * (
                np.exp(-away) if rng.random() < 0.6 else 1 / (1 + np.exp(12 * np.minimum(away - 1, 5)))
            )
        field *= pool
    if rng.random() < 0.1 + 0.5 * hard:  # the shadow of a beam, a rail or a person
        points = _polygon(rng, width, height)
        shade = np.zeros((height, width), np.float32)
        cv2.fillPoly(shade, [points], 1.0)
        shade = cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 16))
        field *= 1 - shade * rng.uniform(0.1, 0.6)
    cast = 1 + rng.normal(0, 0.04 + 0.06 * hard, 3)
    return picture * field[..., None] * cast.astype(np.float32)


def shadow(rng: Random, picture: Image, quad: np.ndarray) -> None:
    """The soft shadow that a frame with corners `quad` ``[4, 2]`` throws on the wall, before it is drawn."""
    size = np.sqrt(abs(cv2.contourArea(quad.astype(np.float32))))
    mask = np.zeros(picture.shape[:2], np.float32)
    offset = rng.normal(0, 0.025, 2) * size + (0, rng.uniform(0, 0.05) * size)
    cv2.fillConvexPoly(mask, ((quad + offset) * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.4, size * rng.uniform(0.004, 0.04)))
    picture *= 1 - mask[..., None] * rng.uniform(0.1, 0.75)


def glare(rng: Random, picture: Image, quad: np.ndarray) -> Image:
    """Reflections of lamps or windows on a varnished or glazed canvas."""
    mask = np.zeros(picture.shape[:2], np.float32)
    for _ in range(int(rng.integers(1, 3))):
        share = rng.uniform(0, 1, 4)
        centre = (share / share.sum()) @ quad
        size = np.sqrt(abs(cv2.contourArea(quad.astype(np.float32)))) * rng.uniform(0.03, 0.25)
        axes = (max(1, int(size)), max(1, int(size * rng.uniform(0.2, 1))))
        if rng.random() < 0.7:
            cv2.ellipse(mask, centre.astype(int).tolist(), axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
        else:
            box = cv2.boxPoints((centre.tolist(), axes, float(rng.uniform(-20, 20))))
            cv2.fillConvexPoly(mask, box.astype(np.int32), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 14))[..., None] * rng.uniform(0.2, 1.0)
    return picture + (255 - picture) * mask * rng.uniform(0.5, 1.0)


def people(rng: Random, picture: Image, texture: Image, count: int) -> np.ndarray:
    """Draw visitors from behind, dressed in crops of `texture`; returns the mask of what they hide ``[h, w]``."""
    height, width = picture.shape[:2]
    hidden = np.zeros((height, width), np.float32)
    for _ in range(count):
        mask = np.zeros((height, width), np.float32)
        head = height * rng.uniform(0.05, 0.16)
        x, y = rng.uniform(-0.05, 1.05) * width, rng.uniform(0.25, 0.95) * height
        if rng.random() < 0.15:  # an arm or a hand reaches in
            start, end = (x, height), (x + rng.normal(0, 0.2) * width, y)
            cv2.line(mask, _point(start), _point(end), 1.0, max(3, int(head * rng.uniform(0.5, 1.2))), cv2.LINE_AA)
        else:
            broad = head * rng.uniform(1.4, 2.4)
            narrow, tilt = head * rng.uniform(0.65, 0.9), float(rng.uniform(-15, 15))
            cv2.ellipse(mask, _point((x, y)), _point((narrow, head)), tilt, 0, 360, 1.0, -1)
            body = np.array(
                [[x - 0.35 * head, y + 0.8 * head], [x + 0.35 * head, y + 0.8 * head],
                 [x + 0.8 * broad, y + 1.5 * head], [x + broad, y + 2.4 * head],
                 [x + broad * rng.uniform(0.8, 1.3), y + 9 * head], [x - broad * rng.uniform(0.8, 1.3), y + 9 * head],
                 [x - broad, y + 2.4 * head], [x - 0.8 * broad, y + 1.5 * head]]
            )  # fmt: skip
            cv2.fillPoly(mask, [body.astype(np.int32)], 1.0, cv2.LINE_AA)
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.4, 3))
        clothes = cv2.resize(_crop(rng, texture), (width, height)) if rng.random() < 0.5 else (
            colour(rng) * rng.uniform(0.1, 1) + smooth(rng, height, width, 9, 2)[..., None] * rng.uniform(2, 15)
        )  # fmt: skip
        skin = colour(rng, grey=0.4) * rng.uniform(0.2, 1)
        top = int(np.clip(y + 0.8 * head, 0, height))
        clothes = np.concatenate([np.broadcast_to(skin, (top, width, 3)), clothes[top:]])
        picture += (clothes - picture) * mask[..., None]
        hidden = np.maximum(hidden, mask)
    return hidden


def photograph(rng: Random, picture: Image, *, hard: float) -> np.ndarray:
    """What lens, sensor and codec make of it: uint8."""
    if rng.random() < 0.3 + 0.3 * hard:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.8 + 2.2 * hard))
    if rng.random() < 0.1 + 0.2 * hard:
        length = int(rng.integers(3, 5 + int(10 * hard)))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        half = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
        cv2.line(kernel, _point(length / 2 - 0.5 - half), _point(length / 2 - 0.5 + half), 1.0)
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum())
    dim = rng.random() < 0.45 * hard
    exposure = rng.uniform(0.15, 0.75) if dim else rng.uniform(0.75, 1.2)
    picture = 255 * np.clip(picture * (exposure / 255), 0, 1) ** rng.uniform(0.75, 1.3)
    # What a camera amplifies in the dark is coloured, and comes in blotches where it was smoothed.
    noise = abs(rng.normal(0, 2 + 6 * hard + 3 * dim))
    channels = 1 if rng.random() < 0.5 else 3
    grain = rng.standard_normal((*picture.shape[:2], channels), np.float32)
    if rng.random() < 0.3:
        grain = 2 * cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.2)).reshape(grain.shape)
    picture = picture + grain * noise
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return picture


def _polygon(rng: Random, width: int, height: int) -> np.ndarray:
    if rng.random() < 0.5:  # a band from side to side
        ends = rng.uniform(-0.2, 1.2, (2, 2))
        broad = rng.uniform(0.05, 0.5)
        points = [(0, ends[0, 0]), (1, ends[1, 0]), (1, ends[1, 0] + broad), (0, ends[0, 0] + broad)]
        points = [(y, x) for x, y in points] if rng.random() < 0.5 else points
    else:
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2))
    return (np.array(points) * (width, height)).astype(np.int32)


def _crop(rng: Random, picture: Image) -> Image:
    height, width = picture.shape[:2]
    y, x = int(rng.integers(height // 2)), int(rng.integers(width // 2))
    return picture[y : y + height // 2, x : x + width // 2]


def _point(point: object) -> tuple[int, int]:
    return int(point[0]), int(point[1])
