"""Four corners of a flat, rectangular thing as a camera sees it: order, measures, and the way back to upright.

Pixel ``(x, y)`` covers the square from ``(x, y)`` to ``(x + 1, y + 1)``: a quad around a whole frame has
its corners at ``(0, 0)`` and ``(width, height)``.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from bundle.picture import Pixels

Quad = npt.NDArray[np.float32]
"""``[4, 2]``: corners ``(x, y)`` in pixels, clockwise as seen, from the canvas's top left."""

# Degrees between two sides. A camera that looks at a painting from 60 degrees aside and 45 from above sees
# corners of 45 to 135.
LEAST_ANGLE = 40.0

# Longer side by shorter, as seen. The longest panels are about 4 : 1; looking from the side halves the width.
MOST_ELONGATION = 7.0

# Shorter side in shares of the frame's shorter one: 43 px in 720, of which no style can be read.
LEAST_SIDE = 0.06

# Shares of the frame by which a corner may lie outside it: a frame that is cut off a little is still found.
MOST_OUTSIDE = 0.1

# The corner at the end of each side.
_NEXT = [1, 2, 3, 0]

# Focal lengths in shares of the frame's longer side that cameras have (a phone's wide lens 0.5, a webcam
# 0.8 to 1.2, a tele lens 3), and the one that is taken where the view does not tell.
FOCAL_RANGE = (0.4, 4.0)
USUAL_FOCAL = 1.0


def order_clockwise(points: npt.ArrayLike) -> Quad:
    """The four `points` ``[4, 2]``, in any order, as a `Quad`: the top is the side that leans least."""
    corners = np.asarray(points, np.float32).reshape(4, 2)
    x, y = (float(value) for value in corners.mean(axis=0))
    around = sorted(corners.tolist(), key=lambda corner: math.atan2(corner[1] - y, corner[0] - x))
    turns = [around[first:] + around[:first] for first in range(4)]
    return np.array(max(turns, key=_uprightness), np.float32)


def area(quad: Quad) -> float:
    """Square pixels within `quad`."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad.tolist()
    # Half the cross product of the diagonals.
    return float(abs((cx - ax) * (dy - by) - (dx - bx) * (cy - ay)) / 2)


def centre(quad: Quad) -> tuple[float, float]:
    """The mean ``(x, y)`` of the corners."""
    x, y = quad.mean(axis=0, dtype=np.float64)
    return float(x), float(y)


def iou(a: Quad, b: Quad) -> float:
    """Intersection over union of two convex quads, exact, in 0-1."""
    # Relative to a common origin: single precision would lose digits in large frames.
    origin = a.mean(axis=0)
    common, _ = cv2.intersectConvexConvex((a - origin).astype(np.float32), (b - origin).astype(np.float32))
    union = area(a) + area(b) - common
    return min(max(common / union, 0.0), 1.0) if union > 0 else 0.0


def corner_distance(a: Quad, b: Quad) -> float:
    """Largest distance between corners of the same name, in shares of the square root of `a`'s area."""
    size = math.sqrt(area(a))
    distance = float(np.hypot(*(a - b).T).max())
    return distance / size if size > 0 else math.inf


def is_plausible(quad: Quad, width: int, height: int) -> bool:
    """Whether `quad` can be a painting in a frame of `width` x `height` pixels, by its form alone.

    It is finite, convex and clockwise, no angle and no side is extreme, and it hardly leaves the frame.
    """
    corners = quad.tolist()
    outside = MOST_OUTSIDE * max(width, height)
    # NaN fails these comparisons, and so do infinities.
    if not all(-outside <= x <= width + outside and -outside <= y <= height + outside for x, y in corners):
        return False
    sides = [(bx - ax, by - ay) for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True)]
    lengths = [math.hypot(x, y) for x, y in sides]
    if min(lengths) < LEAST_SIDE * min(width, height) or max(lengths) > MOST_ELONGATION * min(lengths):
        return False
    # The sine of the turn at each corner: positive for a turn to the right, so all four mean convex and clockwise.
    least = math.sin(math.radians(LEAST_ANGLE))
    return all(
        sides[side - 1][0] * sides[side][1] - sides[side - 1][1] * sides[side][0]
        > least * lengths[side - 1] * lengths[side]
        for side in range(4)
    )


def aspect(quad: Quad, width: int, height: int) -> float:
    """Width by height of the flat rectangle that a camera with a frame of `width` x `height` sees as `quad`.

    Zhang & He, "Whiteboard scanning and image enhancement" (MSR-TR-2003-39), section 4: the principal point
    is the frame's centre and pixels are square. The focal length follows from the two vanishing points;
    where these tell none that a lens has (seen straight on, one lies at infinity), a usual one is taken.
    A quad that is no view of a rectangle is given the ratio of its mean sides.
    """
    # In shares of the frame's longer side, from its centre; the paper's order is top left, top right,
    # bottom left, bottom right.
    centred = (np.asarray(quad, np.float64) - (width / 2, height / 2)) / max(width, height)
    m1, m2, m4, m3 = ((x, y, 1.0) for x, y in centred)
    below2, below3 = _triple(m2, m4, m3), _triple(m3, m4, m2)
    if min(abs(below2), abs(below3)) < 1e-9:
        return _mean_aspect(quad)
    k2, k3 = _triple(m1, m4, m3) / below2, _triple(m1, m4, m2) / below3
    if not (k2 > 0 and k3 > 0):
        return _mean_aspect(quad)
    n2 = [k2 * b - a for a, b in zip(m1, m2, strict=True)]
    n3 = [k3 * b - a for a, b in zip(m1, m3, strict=True)]
    depths = n2[2] * n3[2]
    focal_squared = -(n2[0] * n3[0] + n2[1] * n3[1]) / depths if abs(depths) > 1e-6 else 0.0
    if not FOCAL_RANGE[0] ** 2 <= focal_squared <= FOCAL_RANGE[1] ** 2:
        focal_squared = USUAL_FOCAL**2
    across = (n2[0] ** 2 + n2[1] ** 2) / focal_squared + n2[2] ** 2
    down = (n3[0] ** 2 + n3[1] ** 2) / focal_squared + n3[2] ** 2
    return math.sqrt(across / down) if across > 0 and down > 0 else _mean_aspect(quad)


def rectify(picture: Pixels, quad: Quad, longest: int = 512) -> Pixels:
    """What lies within `quad` of an RGB `picture`, seen straight on: RGB ``[h, w, 3]``.

    The sides have the rectangle's own ratio (see `aspect`), the longer one as many pixels as in the
    picture, at most `longest`. What lies outside the picture repeats its border.
    """
    height, width = picture.shape[:2]
    top, right, bottom, left = np.hypot(*(quad[_NEXT] - quad).T)
    ratio = min(max(aspect(quad, width, height), 1 / MOST_ELONGATION), MOST_ELONGATION)
    seen = float(max(top, right, bottom, left))
    long_side = min(max(round(seen), 1), longest)
    out_width = max(round(long_side * min(ratio, 1.0)), 1)
    out_height = max(round(long_side / max(ratio, 1.0)), 1)
    return warp(picture, quad, out_width, out_height)


def warp(picture: Pixels, quad: Quad, width: int, height: int) -> Pixels:
    """What lies within `quad` of an RGB `picture`, drawn out to ``[height, width, 3]``; averaged where that is smaller.

    What lies outside the picture repeats its border.
    """
    top, right, bottom, left = np.hypot(*(quad[_NEXT] - quad).T)
    # The surroundings are cut away first, and averaged where a pixel of the result stands for several:
    # sampling between four neighbours would turn the weave of a canvas into moiré. By halves and then a box, because
    # averaging over parts of pixels takes four times as long.
    shrink = min(max(top, bottom) / width, max(left, right) / height)
    left_edge, top_edge = quad.min(axis=0)
    right_edge, bottom_edge = quad.max(axis=0)
    x0 = min(max(math.floor(left_edge) - 2, 0), picture.shape[1] - 1)
    y0 = min(max(math.floor(top_edge) - 2, 0), picture.shape[0] - 1)
    part = picture[y0 : max(math.ceil(bottom_edge) + 2, y0 + 1), x0 : max(math.ceil(right_edge) + 2, x0 + 1)]
    step = 1
    while shrink >= 2 * step and min(part.shape[:2]) > 1:
        part, step = halved(part), 2 * step
    if shrink / step > 1.3:
        part = np.asarray(cv2.blur(part, (3, 3)), np.uint8)

    # From pixels as squares to OpenCV's pixels as points: half a pixel less on both sides.
    source = ((quad - (x0, y0)) / step - 0.5).astype(np.float32)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    back = cv2.getPerspectiveTransform(target, source)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(part, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def halved(picture: Pixels) -> Pixels:
    """Each square of two by two pixels averaged; an odd last row or column is left out."""
    size = (max(picture.shape[1] // 2, 1), max(picture.shape[0] // 2, 1))
    even = picture[: 2 * size[1], : 2 * size[0]]
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), np.uint8)


def _uprightness(corners: list[list[float]]) -> float:
    """The cosine of the angle between the way from the left side to the right one and the horizontal."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    across, down = bx + cx - ax - dx, by + cy - ay - dy
    return across / max(math.hypot(across, down), 1e-12)


def _mean_aspect(quad: Quad) -> float:
    top, right, bottom, left = np.hypot(*(quad[_NEXT] - quad).T)
    return float((top + bottom) / max(left + right, 1e-6))


_Vector = tuple[float, float, float]


def _triple(a: _Vector, b: _Vector, c: _Vector) -> float:
    """The product ``(a x b) . c``."""
    return (a[1] * b[2] - a[2] * b[1]) * c[0] + (a[2] * b[0] - a[0] * b[2]) * c[1] + (a[0] * b[1] - a[1] * b[0]) * c[2]
