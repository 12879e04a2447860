"""What walls and floors are made of."""

from __future__ import annotations

import colorsys
import math

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.scenes.grain import Field, Random, cloud
from bundle.picture import Pixels

Colour = npt.NDArray[np.float32]
"""RGB, 0-255, ``[3]``."""

TEXTURE_WIDTH, TEXTURE_HEIGHT = 1024, 768
"""Pixels of a texture; it repeats by mirroring."""

WALLS = ("paint", "paint", "plaster", "plaster", "brick", "fabric", "damask", "panelling", "wallpaper", "concrete")
"""As often as they are met."""


def colours(codes: str) -> tuple[Colour, ...]:
    """Hexadecimal RGB codes as colours."""
    return tuple(np.array(list(bytes.fromhex(code)), np.float32) for code in codes.split())


# Colours of painted museum walls, RGB: whites and greys first, which most are.
_PAINTS = colours(
    "f4f2ec ece9e2 e2e0da d6d2c8 c8c6c0 b0aeaa e4d8c4 cdbea8 bcb2a0 96948e 787a7c 585a5e 862c28 6e1e22 "
    "3a5646 546e5c 2e3c58 5c708a 96acba 3e302c 2c2c30 c4984e dec678 78586e aa6e58 d0b4b4"
)


def paint_colour(rng: Random) -> Colour:
    """The colour of a wall."""
    if rng.random() < 0.15:
        hue, saturation, value = rng.random(), rng.uniform(0.05, 0.55), rng.uniform(0.25, 0.95)
        return np.asarray(colorsys.hsv_to_rgb(hue, saturation, value), np.float32) * 255
    base = _PAINTS[int(rng.integers(len(_PAINTS)))]
    return np.asarray((base * rng.uniform(0.92, 1.05) + rng.normal(0, 3, 3)).clip(12, 250), np.float32)


def tinted(shade: Field, colour: Colour) -> Pixels:
    """A field about 1 times a colour, as bytes."""
    channels = [cv2.convertScaleAbs(shade, alpha=float(value)) for value in colour]
    return np.asarray(cv2.merge(channels), np.uint8)


def _relief(height: Field, strength: float) -> Field:
    """How light from the upper left shades a relief: about 0."""
    return np.asarray(cv2.filter2D(height, -1, np.array([[1, 0.5, 0], [0.5, 0, -0.5], [0, -0.5, -1]])) * strength)


def wall(rng: Random, scale: float) -> tuple[str, Pixels]:
    """The name of a wall's material, and a texture of it with `scale` pixels per centimetre."""
    name = WALLS[int(rng.integers(len(WALLS)))]
    height, width = TEXTURE_HEIGHT, TEXTURE_WIDTH
    colour = paint_colour(rng)
    mottle = 1 + rng.uniform(0.004, 0.02) * cloud(rng, height, width, 70 * scale)
    fine = cloud(rng, height, width, max(0.35 * scale, 1.5) * 8)
    if name == "paint":
        return name, tinted(mottle + rng.uniform(0.003, 0.015) * fine, colour)
    if name == "plaster":
        coarse = cloud(rng, height, width, rng.uniform(4, 18) * scale)
        shade = mottle + rng.uniform(0.01, 0.035) * coarse + _relief(fine, rng.uniform(0.01, 0.06))
        return name, tinted(shade, colour)
    if name == "concrete":
        grey = np.full(3, rng.uniform(110, 205), np.float32) + rng.normal(0, 3, 3).astype(np.float32)
        shade = 1 + 0.05 * cloud(rng, height, width, 50 * scale) + 0.025 * fine
        _seams(shade, rng.uniform(90, 150) * scale, rng.uniform(60, 120) * scale, 0.8 * scale)
        return name, tinted(shade, grey)
    if name == "brick":
        return name, _bricks(rng, scale)
    if name == "fabric":
        y, x = np.ogrid[0:height, 0:width]
        period = max(0.45 * scale, 2.2)
        weave = np.sin(x * np.float32(2 * math.pi / period)) * np.sin(y * np.float32(2 * math.pi / period))
        shade = mottle + 0.03 * weave.astype(np.float32) + 0.012 * cloud(rng, height, width, 2 * scale + 1, 20 * scale)
        return name, tinted(shade, colour)
    if name == "panelling":
        return name, _planks(rng, rng.uniform(9, 22) * scale, scale, np.rot90)
    return name, _wallpaper(rng, scale, colour, mottle, striped=name == "wallpaper" and rng.random() < 0.5)


def floor(rng: Random, scale: float) -> Pixels:
    """A texture of a floor, `scale` pixels per centimetre: parquet, stone slabs, carpet or screed."""
    kind = rng.integers(4)
    if kind == 0:
        return _planks(rng, rng.uniform(7, 16) * scale, scale)
    shade = 1 + 0.04 * cloud(rng, TEXTURE_HEIGHT, TEXTURE_WIDTH, 40 * scale)
    if kind == 1:
        _seams(shade, rng.uniform(40, 80) * scale, rng.uniform(40, 80) * scale, max(0.5 * scale, 1))
        return tinted(shade, np.array([1, 0.96, 0.9], np.float32) * np.float32(rng.uniform(110, 215)))
    shade += 0.03 * cloud(rng, TEXTURE_HEIGHT, TEXTURE_WIDTH, 6)
    if kind == 2:
        return tinted(shade, paint_colour(rng) * 0.7)
    return tinted(shade, np.full(3, rng.uniform(90, 190), np.float32))


def wood_colour(rng: Random) -> Colour:
    """From bleached oak to ebony."""
    pale, dark = np.array([214, 180, 134], np.float32), np.array([56, 34, 22], np.float32)
    share = rng.random() ** 0.8
    return np.asarray(pale * (1 - share) + dark * share + rng.normal(0, 6, 3), np.float32).clip(15, 245)


def wood_grain(rng: Random, height: int, width: int, scale: float) -> Field:
    """The shade of wood whose fibres run along the rows, about 1."""
    rings = cloud(rng, height, width, max(1.2 * scale, 2), 60 * scale + 8)
    return np.asarray(1 + 0.05 * rings + 0.05 * np.sin(rings * 6), np.float32)


def _seams(shade: Field, every_x: float, every_y: float, broad: float) -> None:
    """Dark joints in `shade` itself."""
    for at in np.arange(every_y / 2, shade.shape[0], every_y):
        shade[int(at) : int(at + max(broad, 1))] *= 0.82
    for at in np.arange(every_x / 2, shade.shape[1], every_x):
        shade[:, int(at) : int(at + max(broad, 1))] *= 0.82


def _planks(rng: Random, broad: float, scale: float, turn: object = None) -> Pixels:
    """Boards side by side; along the rows, or along the columns where `turn` is given."""
    broad = max(broad, 3.0)
    height, width = (TEXTURE_WIDTH, TEXTURE_HEIGHT) if turn else (TEXTURE_HEIGHT, TEXTURE_WIDTH)
    shade = wood_grain(rng, height, width, scale)
    spread = rng.uniform(0.02, 0.12)
    for at in np.arange(0, height, broad):
        rows = slice(int(at), int(at + broad))
        shade[rows] *= 1 + rng.normal(0, spread)
        shade[int(at) : int(at + max(0.4 * scale, 1))] *= rng.uniform(0.5, 0.75)
    colour = wood_colour(rng) if rng.random() < 0.7 else paint_colour(rng)
    texture = tinted(shade, colour)
    return np.ascontiguousarray(np.rot90(texture)) if turn else texture


def _bricks(rng: Random, scale: float) -> Pixels:
    long, tall, joint = 25 * scale, 7.5 * scale, max(1.0 * scale, 1.0)
    painted = rng.random() < 0.45
    base = paint_colour(rng) if painted else np.array([150, 82, 62], np.float32) * np.float32(rng.uniform(0.6, 1.25))
    mortar = base * 0.85 if painted else np.full(3, rng.uniform(120, 210), np.float32)
    spread = 0.03 if painted else 0.12
    height, width = TEXTURE_HEIGHT, TEXTURE_WIDTH
    sheet = np.empty((height, width, 3), np.float32)
    sheet[:] = mortar
    for row, top in enumerate(np.arange(-tall / 2, height, tall)):
        for left in np.arange(-(row % 2) * long / 2 - long / 4, width, long):
            colour = base * (1 + rng.normal(0, spread)) + rng.normal(0, 60 * spread, 3).astype(np.float32)
            box = (
                slice(max(int(top + joint), 0), max(int(top + tall), 0)),
                slice(max(int(left + joint), 0), max(int(left + long), 0)),
            )
            sheet[box] = colour
    grey = cv2.GaussianBlur(sheet[..., 1], (0, 0), max(0.25 * scale, 0.6))
    shade = 1 + 0.05 * cloud(rng, height, width, 3 * scale + 2) + _relief(np.asarray(grey, np.float32), 0.004)
    return np.asarray(cv2.multiply(sheet, cv2.merge([shade] * 3), dtype=cv2.CV_8U), np.uint8)


def _wallpaper(rng: Random, scale: float, colour: Colour, mottle: Field, *, striped: bool) -> Pixels:
    """Stripes, or a symmetrical ornament again and again, half a step lower in every other column."""
    height, width = mottle.shape
    contrast = rng.uniform(0.04, 0.22) * rng.choice([-1, 1])
    if striped:
        period = rng.uniform(4, 24) * scale
        phase = (np.arange(width) % period) / period
        pattern = np.broadcast_to(np.where(phase < rng.uniform(0.3, 0.6), 1.0, 0.0).astype(np.float32), (height, width))
    else:
        side = int(np.clip(rng.uniform(12, 34) * scale, 16, 400))
        half = cloud(rng, int(side * 1.4), (side + 1) // 2, side / rng.uniform(1.5, 3.5))
        motif = np.concatenate([half, half[:, ::-1]], axis=1)[:, :side]
        motif = np.clip(motif * 3 - 0.5, 0, 1)
        column = np.tile(motif, (height // len(motif) + 2, 1))
        pair = np.concatenate([column[:height], column[len(motif) // 2 :][:height]], axis=1)
        pattern = np.tile(pair, (1, width // pair.shape[1] + 1))[:, :width]
    shade = mottle + np.float32(contrast) * pattern + 0.01 * cloud(rng, height, width, 3)
    return tinted(np.asarray(shade, np.float32), colour)
