"""In the manner of Impressionism."""

import cv2
import numpy as np

from kiosk.demo.brushes import (
    Field,
    Image,
    Random,
    blend,
    bristles,
    curve,
    dabs,
    ground,
    lay_in,
    painted,
    rgb,
    smooth_noise,
    stencil,
    varnish,
    xy,
)


def draw(rng: Random) -> Image:
    """A river on a summer afternoon: broken colour, no outlines, everything told twice, in the air and in the water."""
    width, height = 616, 600
    small_w, small_h = width // 2, height // 2  # the underpainting needs no detail: the dabs have it
    v, u = np.mgrid[0:small_h, 0:small_w].astype(np.float32)
    u, v = u / small_w, v / small_h
    horizon = 0.43

    def noise(cell: float) -> Field:
        return smooth_noise(rng, small_h, small_w, cell / 2)

    rise = np.clip(v / horizon, 0, 1)
    under = ground("7f9dc4", small_w, small_h)
    under = blend(under, rgb("ecd3b2"), rise**1.3)
    clouds = np.clip((noise(230) - 0.44) * 4.2, 0, 1) * (1 - 0.4 * rise)
    under = blend(under, rgb("f0dfca"), clouds * 0.85)
    under = blend(under, rgb("b3a9c6"), np.clip((noise(120) - 0.5) * 4, 0, 1) * (1 - rise) * 0.6)

    # The far bank: two ranges in haze, then poplars at the left and a round wood at the right.
    for tint, level, tall, cell in (("a3a5c4", 0.365, 0.08, 190), ("7f97ad", 0.402, 0.05, 90)):
        line = level - tall * (smooth_noise(rng, 1, small_w, cell / 2)[0] - 0.5)
        under = blend(under, rgb(tint), np.clip((v - line[None, :]) * 90, 0, 1))
    _village(under)
    trees = np.zeros((small_h, small_w), np.float32)
    stems = ((0.05, 0.31), (0.105, 0.37), (0.16, 0.28), (0.222, 0.335), (0.282, 0.24))
    woods = ((0.86, 0.10), (0.905, 0.16), (0.955, 0.20), (1.0, 0.18))
    for at, tall in stems + woods:
        broad = 0.026 if at < 0.5 else 0.05
        share = np.clip((horizon + 0.012 - v) / tall, 0, 1)
        outline = broad * np.sqrt(np.clip(share * (1 - share) * 4, 0, 1)) * (1.15 - 0.5 * share)
        trees = np.maximum(trees, np.clip((outline - np.abs(u - at)) * 160, 0, 1))
    leaf = noise(26)
    green = blend(np.zeros_like(under) + np.array(rgb("33565a"), np.float32), rgb("93a566"), leaf)
    under = blend(under, green, trees * 0.93)

    # The water repeats what stands above it, squeezed, shaken and a little bluer.
    depth = np.clip((v - horizon) / (1 - horizon), 0, 1)
    shake = (noise(24) - 0.5) * (3 + 17 * depth)
    up = np.clip((horizon - (v - horizon) * 0.72) * small_h, 0, None) + 0.5 * shake
    mirrored = cv2.remap(
        under, u * small_w + shake, up.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    mirrored = blend(np.asarray(mirrored, np.float32) * 0.94, rgb("4f7f9f"), 0.12 + 0.40 * depth)
    water = np.clip((v - horizon) * 200, 0, 1)
    under = blend(under, mirrored, water)

    edge = 0.16 + 0.80 * (v - 0.66) + 0.10 * (noise(60) - 0.5)
    grass = np.clip((edge - u) * 9, 0, 1) * np.clip((v - 0.64) * 14, 0, 1)
    under = blend(under, blend(green * 0 + rgb("4f7a3a"), rgb("a9b24e"), noise(50)), grass)
    under = blend(under, rgb("23473f"), grass * np.clip((v - 0.80) * 3.2, 0, 0.7))

    still = noise(150) * 1.6 - 0.8
    angle = np.where(water > 0.5, 0.06 * still, 0.5 * still - 0.25)
    angle = np.where(trees > 0.4, 1.45 + 0.3 * still, angle)
    angle = np.where(grass > 0.4, 1.5 + 0.75 * (noise(60) - 0.5), angle).astype(np.float32)

    def grow(field: Field) -> Field:
        return np.asarray(cv2.resize(field, (width, height)), np.float32)

    detail = grow(np.clip(trees + 0.55 * water + grass + 0.15 + 2.4 * np.exp(-(((v - horizon) / 0.05) ** 2)), 0, 1))
    poppies = grow(grass * np.clip((v - 0.68) * 8, 0, 1) * np.clip((noise(90) - 0.36) * 6, 0, 1))
    under, angle = grow(under), grow(angle)

    def one(code: str) -> Field:
        return np.broadcast_to(np.array(rgb(code), np.float32), under.shape)

    paint = painted(under * np.float32(0.95))
    dabs(paint, under, angle, rng, count=2000, length=34, width=11, value=9, warmth=11)
    dabs(paint, under, angle, rng, count=6000, length=18, width=5, value=13, warmth=15)
    dabs(paint, under, angle, rng, count=5000, length=10, width=3, value=16, warmth=18, where=detail)
    # What the light falls on comes last, in the thickest paint: the sails, the water below them, poppies.
    for points, code, count in (
        ("62.6,21 63.2,40.5 57.5,40.8 60,33", "f8efdc", 260),
        ("63.8,24 67.5,40.6 63.8,40.6", "e3d3bf", 110),
        ("58,46 67,46 66,52 60,58", "f1e4cc", 90),
    ):
        lit = stencil(curve(xy(points), (width, height)), (width, height))
        x, y, w, h = cv2.boundingRect((lit > 0.5).astype(np.uint8))
        box = (slice(y, y + h), slice(x, x + w))
        dabs(paint[box], one(code)[box], angle[box] + 0.2, rng, count=count, length=9, width=4, where=lit[box] * 0.8)
    dabs(paint, one("c8452f"), angle, rng, count=2600, length=4, width=5, value=18, where=poppies * 0.7)
    return varnish(paint, rng, 0.12, bristles(angle, rng))


def _village(under: Field) -> None:
    """A few houses under red roofs, and a sail; the water will repeat them."""
    height, width = under.shape[:2]

    def lay(points: str, code: str) -> None:
        lay_in(under, curve(xy(points), (width, height)), rgb(code), 1.0)

    for x, broad, tall in ((38, 5, 3.4), (44, 6, 4.2), (51.5, 4, 3.0), (73, 5, 3.6)):
        lay(f"{x},{43.5 - tall} {x + broad},{43.5 - tall} {x + broad},44 {x},44", "dccdb4")
        lay(f"{x - 0.6},{43.5 - tall} {x + broad / 2},{41 - tall} {x + broad + 0.6},{43.5 - tall}", "b5694e")
    lay("62.6,21 63.2,40.5 57.5,40.8 60,33", "f6efdf")
    lay("63.8,24 67.5,40.6 63.8,40.6", "e9dcc4")
    lay("56.5,41.6 69,41.4 67,43.6 58,43.7", "5a4a4c")
