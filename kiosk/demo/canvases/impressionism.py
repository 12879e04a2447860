"""In the manner of Impressionism."""

import math

import cv2
import numpy as np

from kiosk.demo.brushes import (
    Field,
    Image,
    Random,
    blend,
    bristles,
    brush_line,
    curve,
    dabs,
    fill,
    ground,
    painted,
    rgb,
    smooth_noise,
    varnish,
    xy,
)


def draw(rng: Random) -> Image:
    """A river at sunrise: broken colour, no outlines, the light told twice, in sky and in water."""
    width, height = 616, 600
    small_w, small_h = width // 2, height // 2  # the underpainting needs no detail: the dabs have it
    v, u = np.mgrid[0:small_h, 0:small_w].astype(np.float32)
    u, v = u / small_w, v / small_h
    horizon = 0.40

    def noise(cell: float) -> Field:
        return smooth_noise(rng, small_h, small_w, cell / 2)

    rise = np.clip(v / horizon, 0, 1)
    under = ground("6f93c9", small_w, small_h)
    under = blend(under, rgb("fbd3a0"), rise**1.5)
    clouds = np.clip((noise(210) - 0.45) * 4.2, 0, 1) * (1 - 0.45 * rise)
    under = blend(under, rgb("f7e3dd"), clouds * 0.85)
    under = blend(under, rgb("b9a4cc"), np.clip((noise(120) - 0.5) * 4, 0, 1) * (1 - rise) * 0.7)
    sun_u, sun_v = 0.655, 0.235
    away = np.hypot((u - sun_u) * width / height, v - sun_v)
    under = blend(under, rgb("ffb765"), np.exp(-((away / 0.20) ** 2)) * 0.85)

    # The far bank: two ranges in haze, then poplars at the left and a round wood at the right.
    for tint, level, tall, cell in (("a79fca", 0.345, 0.07, 190), ("6f86b4", 0.378, 0.06, 90)):
        line = level - tall * (smooth_noise(rng, 1, small_w, cell / 2)[0] - 0.5)
        under = blend(under, rgb(tint), np.clip((v - line[None, :]) * 90, 0, 1))
    trees = np.zeros((small_h, small_w), np.float32)
    stems = ((0.045, 0.285), (0.095, 0.335), (0.145, 0.25), (0.205, 0.305), (0.265, 0.22), (0.32, 0.165))
    woods = ((0.85, 0.085), (0.895, 0.125), (0.945, 0.15), (0.99, 0.135))
    for at, tall in stems + woods:
        broad = 0.021 if at < 0.5 else 0.045
        share = np.clip((horizon + 0.012 - v) / tall, 0, 1)
        outline = broad * np.sqrt(np.clip(share * (1 - share) * 4, 0, 1)) * (1.15 - 0.5 * share)
        trees = np.maximum(trees, np.clip((outline - np.abs(u - at)) * 160, 0, 1))
    leaf = noise(26)
    green = blend(np.zeros_like(under) + np.array(rgb("274f55"), np.float32), rgb("86a35c"), leaf)
    under = blend(under, green, trees * 0.93)

    # The water repeats what stands above it, squeezed, shaken and a little bluer.
    depth = np.clip((v - horizon) / (1 - horizon), 0, 1)
    shake = (noise(24) - 0.5) * (3 + 17 * depth)
    up = np.clip((horizon - (v - horizon) * 0.72) * small_h, 0, None) + 0.5 * shake
    mirrored = cv2.remap(
        under, u * small_w + shake, up.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    mirrored = blend(np.asarray(mirrored, np.float32) * 0.94, rgb("2f6fa6"), 0.18 + 0.40 * depth)
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

    drifts = np.clip((noise(110) - 0.52) * 9, 0, 1) * np.clip((v - 0.70) * 6, 0, 1)
    drifts *= (1 - grass) * (np.abs(u - 0.62) > 0.03)
    road = np.exp(-(((u - sun_u) / (0.022 + 0.075 * depth)) ** 2)) * water * (1 - 0.55 * depth) * 0.6
    detail = grow(np.clip(trees + 0.55 * water + grass + 0.15, 0, 1))
    poppies = grow(grass * np.clip((v - 0.68) * 8, 0, 1) * np.clip((noise(90) - 0.42) * 6, 0, 1))
    under, angle, road, drifts = grow(under), grow(angle), grow(road), grow(drifts)
    flat = np.zeros_like(angle)

    def one(code: str) -> Field:
        return np.broadcast_to(np.array(rgb(code), np.float32), under.shape)

    paint = painted(under)
    dabs(paint, under, angle, rng, count=2000, length=34, width=11, value=9, warmth=11)
    dabs(paint, under, angle, rng, count=6000, length=16, width=5, value=13, warmth=15)
    dabs(paint, under, angle, rng, count=6500, length=10, width=3, value=17, warmth=20, where=detail)
    # The sun, and its road on the water.
    dabs(paint, one("ff7a2e"), flat, rng, count=5200, length=15, width=4, value=16, warmth=14, where=road)
    dabs(paint, one("ffdf9c"), flat, rng, count=1900, length=10, width=3, where=road)
    middle = (round(sun_u * width), round(sun_v * height))
    cv2.circle(paint, middle, 23, (*rgb("ff8238"), 150), -1, cv2.LINE_AA)
    for i in range(34):
        turn, out = 2.4 * i, 0.030 * math.sqrt((i + 0.5) / 34)
        touch = (round((sun_u + out * math.cos(turn)) * width), round((sun_v + out * math.sin(turn)) * height))
        orange = np.clip(np.array([*rgb("ff7f36"), 170.0]) + rng.normal(0, 9), 0, 255)
        cv2.circle(paint, touch, 4, orange.tolist(), -1, cv2.LINE_AA)
    _boat(paint, rng)
    # Lilies: greens and violets in drifts, then rose and white touches on them.
    dabs(paint, one("4f8f63"), flat, rng, count=2000, length=17, width=5, value=22, warmth=16, where=drifts)
    dabs(paint, one("8f97d6"), flat, rng, count=700, length=13, width=4, value=16, warmth=10, where=drifts)
    drifts = drifts * 0.5
    dabs(paint, one("f4a9bd"), flat + 0.3, rng, count=800, length=6, width=5, value=14, where=drifts)
    dabs(paint, one("fff4ea"), flat + 0.3, rng, count=500, length=4, width=3, where=drifts)
    dabs(paint, one("d9402a"), flat, rng, count=2600, length=4, width=5, value=18, where=poppies * 0.5)
    return varnish(paint, rng, 0.15, bristles(angle, rng))


def _boat(paint: Image, rng: Random) -> None:
    """A rower, half dissolved in the mist: a dozen strokes."""
    height, width = paint.shape[:2]
    dark = (*rgb("3b4a63"), 190)
    hull = curve(xy("37.5,50.8 41,52.1 45.5,52.1 50,50.6 45.5,51.5"), (width, height))
    fill(paint, hull, dark)
    for x, y, tall in ((0.425, 0.506, 0.040), (0.455, 0.508, 0.028)):
        body = curve(
            [
                (x - 0.006, y + 0.006),
                (x - 0.007, y - tall * 0.6),
                (x, y - tall),
                (x + 0.007, y - tall * 0.5),
                (x + 0.008, y + 0.006),
            ],
            (width, height),
        )
        fill(paint, body, dark)
    brush_line(paint, curve(xy("43,49 39,52.5"), (width, height), closed=False), dark, 2)
    for i in range(26):
        x, y = rng.normal(0.437, 0.024) * width, (0.525 + 0.07 * rng.random() ** 1.5) * height
        long = rng.uniform(4, 13) * (1 - i / 60)
        cv2.line(paint, (int(x - long), int(y)), (int(x + long), int(y)), (*dark[:3], 150), 2, cv2.LINE_AA)
