"""In the manner of Cubism."""

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.demo.brushes import (
    SUBPIXEL,
    Field,
    Image,
    Random,
    blend,
    bristles,
    brush_line,
    curve,
    dabs,
    fill,
    painted,
    rgb,
    smooth_noise,
    stencil,
    varnish,
    xy,
)


def draw(rng: Random) -> Image:
    """A guitar, a bottle and a glass on a table, seen from several sides at once."""
    width, height = 560, 620
    size = (width, height)
    motif = _still_life(rng, size)
    under = motif.copy()
    facets = _facets(rng, np.array([(-5, -5), (width + 5, -5), (width + 5, height + 5), (-5, height + 5)], np.float64))
    # Larger planes slide over the partition, as if the things had turned while being looked at.
    slides = []
    for _ in range(16):
        middle = np.array([rng.normal(0.5, 0.17) * width, rng.normal(0.5, 0.22) * height])
        lean = rng.choice([-0.5, 0.35, 1.1, 1.5]) + rng.normal(0, 0.1)
        along = np.array([np.sin(lean), np.cos(lean)]) * rng.uniform(50, 120)
        across = np.array([np.cos(lean), -np.sin(lean)]) * rng.uniform(22, 60)
        slides.append(middle + np.array([along + across, along - 0.6 * across, -along - across, 0.8 * across - along]))

    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    tones = [
        np.array(rgb(code), np.float32)
        for code in ("e2cb9a", "bd9458", "85623a", "4e3f2f", "8f918b", "cfcabb", "5f6562", "a87743", "efe4c8", "74694f")
    ]
    for i, facet in enumerate(facets + slides):
        outline = np.round(facet * 2**SUBPIXEL).astype(np.int32)
        left, top, wide, tall = cv2.boundingRect(facet.astype(np.int32))
        left, top, right, bottom = max(left, 0), max(top, 0), min(left + wide + 1, width), min(top + tall + 1, height)
        if right <= left or bottom <= top:
            continue
        box = (slice(top, bottom), slice(left, right))
        share = stencil(outline - np.array([left, top], np.int32) * 2**SUBPIXEL, (right - left, bottom - top))
        middle = facet.mean(axis=0)
        turn = cv2.getRotationMatrix2D(
            (float(middle[0]), float(middle[1])), float(rng.normal(0, 12)), float(rng.uniform(0.9, 1.2))
        )
        turn[:, 2] = turn[:, 2] + rng.normal(0, 12, 2) - (left, top)
        piece = cv2.warpAffine(motif, turn, (right - left, bottom - top), borderMode=cv2.BORDER_REFLECT)
        # Each plane goes from light to dark on its own, away from one of its edges: there is no one light.
        edge = int(rng.integers(len(facet)))
        start, stop = facet[edge], facet[(edge + 1) % len(facet)]
        normal = np.array([-(stop - start)[1], (stop - start)[0]])
        normal /= np.hypot(*normal) + 1e-6
        ramp = (u[box] - start[0]) * np.float32(normal[0]) + (v[box] - start[1]) * np.float32(normal[1])
        ramp = np.clip(np.abs(ramp) / (0.75 * max(wide, tall)), 0, 1)
        plane = 0.52 * np.asarray(piece, np.float32) + 0.48 * tones[int(rng.integers(len(tones)))]
        plane = plane * (1.36 - 0.92 * ramp)[..., None]
        fade = share if i < len(facets) else share * np.clip(1.1 - 1.25 * ramp, 0, 1)  # passage: one side stays open
        under[box] = blend(under[box], np.asarray(plane, np.float32), np.asarray(fade, np.float32))
    outer = np.clip(((u / width - 0.5) / 0.56) ** 4 + ((v / height - 0.5) / 0.60) ** 4, 0, 1)
    under = blend(under, rgb("9c8c6e"), outer * 0.55)

    angle = np.where(smooth_noise(rng, height, width, 130, 1) > 0.5, 0.05, 0.6).astype(np.float32)
    paint = painted(under)
    dabs(paint, under, angle, rng, count=7000, length=6, width=2, value=9, warmth=5)
    # The dabs give the touch of a brush, the planes keep their edges.
    paint[..., :3] = (0.45 * paint[..., :3] + 0.55 * np.clip(under, 0, 255)).astype(np.uint8)
    for i, facet in enumerate(facets + slides):
        for j in range(len(facet)):
            a, b = facet[j], facet[(j + 1) % len(facet)]
            if rng.random() < (0.5 if i < len(facets) else 0.7):
                stop = a + (b - a) * rng.uniform(0.7, 1.0)
                ends = np.round(np.array([a, stop]) * 2**SUBPIXEL).astype(np.int32)
                cv2.polylines(
                    paint, [ends], False, (*rgb("2a2019"), 70), int(rng.choice([1, 1, 2])), cv2.LINE_AA, SUBPIXEL
                )
    _guitar_signs(paint, size)
    return varnish(paint, rng, 0.10, bristles(angle, rng, 3))


def _facets(rng: Random, polygon: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Cuts a polygon in two by a leaning line, and each part again: smaller towards the middle."""
    following = np.roll(polygon, -1, 0)
    area = 0.5 * abs(float(np.sum(polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1])))
    middle = polygon.mean(axis=0)
    off = np.hypot((middle[0] - 280) / 280, (middle[1] - 310) / 310)
    if area < (1900 + 6000 * off**2) * rng.uniform(0.6, 1.7):
        return [polygon]
    broad, tall = np.ptp(polygon, axis=0)
    leans = (-0.35, 0.2, 0.55) if broad > tall else (1.25, 1.75, 2.2)
    lean = rng.choice(leans) + rng.normal(0, 0.14)
    normal = np.array([np.cos(lean), np.sin(lean)])
    side = (polygon - middle - rng.normal(0, 0.08, 2) * (broad, tall)) @ normal
    parts: tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]] = ([], [])
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        parts[int(side[i] > 0)].append(polygon[i])
        if (side[i] > 0) != (side[j] > 0):
            cut = polygon[i] + (polygon[j] - polygon[i]) * side[i] / (side[i] - side[j])
            parts[0].append(cut)
            parts[1].append(cut)
    if min(len(part) for part in parts) < 3:
        return [polygon]
    return _facets(rng, np.array(parts[0])) + _facets(rng, np.array(parts[1]))


def _still_life(rng: Random, size: tuple[int, int]) -> Field:
    """The things themselves, whole; `draw` breaks them."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.array(rgb("a99a7e"))
    fill(image, curve(xy("0,70 30,66 75,70 100,66 105,105 -5,105"), size), rgb("6f5334"))
    fill(image, curve(xy("8,30 28,26 34,62 12,66"), size), rgb("ddd2b6"))
    fill(image, curve(xy("70,12 77,12 78,30 84,40 84,78 64,78 64,40 70,30"), size), rgb("3d473f"))
    fill(image, curve(xy("67,48 81,48 81,62 67,62"), size), rgb("e0d4b4"))
    body = xy("40,48 50,44 60,49 60,58 57.5,64 65,72 66,84 52,92 37,88 31,76 37,67 38.5,58")
    fill(image, curve(body, size), rgb("c58f45"))
    fill(image, curve(xy("47,8 53,8 52.5,52 47.5,52"), size), rgb("4b3320"))
    cv2.ellipse(image, (int(0.49 * width), int(0.63 * height)), (36, 36), 0, 0, 360, rgb("241a12"), -1, cv2.LINE_AA)
    fill(image, curve(xy("14,60 28,60 25,76 22,78 24,88 17,88 19.5,78 16.5,76"), size), rgb("b7bcb4"))
    soft = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.5)
    return np.asarray(soft * (0.9 + 0.2 * smooth_noise(rng, height, width, 80))[..., None], np.float32)


def _guitar_signs(paint: Image, size: tuple[int, int]) -> None:
    """What is left to recognise: strings, a sound hole, a curve of the body, a few printed letters."""
    ink = (*rgb("1d1712"), 40)
    for i in range(5):
        x = 0.475 + 0.013 * i
        brush_line(
            paint, curve([(x, 0.16), (x + 0.01, 0.50), (x + 0.03 + 0.004 * i, 0.80)], size, closed=False), ink, 1, 1
        )
    brush_line(paint, curve(xy("43,62 47,57.5 54,59 56,64"), size, closed=False), ink, 5, 1)
    brush_line(paint, curve(xy("34,66 29,75 35,88 48,92"), size, closed=False), ink, 5, 1)
    brush_line(paint, curve(xy("62,50 58.5,60 66,70 69,80"), size, closed=False), (*rgb("efe4c6"), 220), 4, 1)
    brush_line(paint, curve(xy("69,14 70,30 64,40 63.5,60"), size, closed=False), ink, 4, 1)
    cv2.putText(
        paint, "SOL", (int(0.15 * size[0]), int(0.42 * size[1])), cv2.FONT_HERSHEY_TRIPLEX, 1.5, ink, 3, cv2.LINE_AA
    )
