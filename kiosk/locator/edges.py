"""Lines of a painting moved onto the edges that are near them in the full frame, to parts of a pixel.

Each side of a rough quad is searched for the straightest, clearest edge beside it: the last step of every locator,
and between two of its looks enough to follow a painting that is known (`follow`).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from bundle.picture import Pixels
from kiosk.locator.quad import Quad, area, iou

_Floats = npt.NDArray[np.float32]

# Units of 8-bit CIELAB (or RGB) per pixel: a step this strong counts half as an edge, steps far above fully.
EDGE = 5.0

# Share of a canvas's size within which its sides are sought from one frame to the next, how many of the four must be
# seen clearly for it to be there still, and the least overlap with where it was.
_FOLLOWED, _LEAST_SEEN, _LEAST_OVERLAP = 0.04, 3, 0.8

# Refinement: places to each side of a rough side at which its edge is sought, blocks of a side that each are
# sampled at several places and averaged, and the share of a side's ends that is left out: corners are often
# hidden by the moulding's mitre.
_REACH = 16
_BLOCKS, _SAMPLES = 8, 8
_END = 0.04

# Mean strength in 0-1 that an edge needs along a side, and how far it must stand out from the other lines.
CLEAR_STRENGTH, CLEAR_RATIO = 0.3, 1.25

# How much less a line at the end of the search counts: of two edges the nearer one. Between 0.2 and 0.6 all
# serve; more leaves rough sides where they are.
DISTANCE_PENALTY = 0.4

# How much more a line counts that has smooth moulding outside and a painting inside, the number of places that
# are compared on each side, and the units of 8-bit RGB that are no roughness yet. Brings mean corner errors
# from 0.68 % to 0.59 % of the painting's size.
ONE_SIDED, _COMPARED, _SMOOTH = 0.4, 5, 4.0


def _line_table() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], _Floats]:
    """All straight lines through the strip along a side: ends ``[n, 2]`` in places from the rough side, indices
    into the flattened ``[blocks, places]`` strip ``[n, blocks]``, and weights by distance ``[n]``."""
    places = np.arange(-_REACH, _REACH + 1)
    ends = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1).reshape(-1, 2)
    middle = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * _BLOCK_SHARES
    paths = np.arange(_BLOCKS) * len(places) + np.rint(middle).astype(np.intp) + _REACH
    weights = 1 - DISTANCE_PENALTY * np.square(ends).mean(axis=1) / _REACH**2
    return ends.astype(np.intp), paths, weights.astype(np.float32)


_BLOCK_SHARES = _END + (1 - 2 * _END) * (np.arange(_BLOCKS) + 0.5) / _BLOCKS
_ENDS, _PATHS, _NEARNESS = _line_table()


def follow(picture: Pixels, quad: Quad) -> Quad | None:
    """Where in an RGB `picture` the painting is that was at `quad` in the frame before; None where that cannot be told
    by its edges."""
    moved, seen = _refined(picture, quad, _FOLLOWED)
    return moved if seen >= _LEAST_SEEN and iou(moved, quad) > _LEAST_OVERLAP else None


def refine(picture: Pixels, quad: Quad, search: float = 0.03) -> Quad:
    """Move each side of a rough `quad` onto the clearest straight edge near it in an RGB `picture`.

    `search` is how far from its place a side is sought, in shares of the square root of the quad's area. A side
    may turn; where there is no clear edge (see `CLEAR_STRENGTH`) it stays. Exact to parts of a pixel.
    """
    return _refined(picture, quad, search)[0]


def _refined(picture: Pixels, quad: Quad, search: float) -> tuple[Quad, int]:
    """The refined quad, and the number of its sides that lie on clear edges."""
    reach = search * math.sqrt(area(quad))
    if not (math.isfinite(reach) and reach >= 1):
        return quad, 0
    pitch = np.float32(reach / _REACH)
    edge, rough = _strips(picture, quad, pitch)
    # Along each line more should change on the painting's side of it than on the moulding's.
    places = 2 * _REACH + 1
    padded = np.pad(rough, ((0, 0), (_COMPARED - 1, _COMPARED - 1), (0, 0)), mode="edge").cumsum(axis=1)
    sums = padded[:, _COMPARED:] - padded[:, :-_COMPARED]
    outside, inside = sums[:, :places] / _COMPARED, sums[:, -places:] / _COMPARED
    one_sided = edge * (1 + ONE_SIDED * (inside - outside) / (inside + outside + _SMOOTH))
    strength = one_sided.transpose(0, 2, 1).reshape(4, -1)[:, _PATHS].mean(axis=2) * _NEARNESS

    along, normal = directions(quad)
    lines, seen = [], 0
    for side, best in enumerate(strength.argmax(axis=1)):
        is_clear = strength[side, best] > max(CLEAR_STRENGTH, CLEAR_RATIO * float(np.median(strength[side])))
        start, end = _fitted(edge[side], _ENDS[best]) if is_clear else (0.0, 0.0)
        first = quad[side] + normal[side] * (start * pitch)
        lines.append((first, quad[side] + along[side] + normal[side] * (end * pitch) - first))
        seen += bool(is_clear)
    moved = np.array([_crossing(lines[side - 1], lines[side]) for side in range(4)], np.float32)
    # Sides that end up nearly parallel cross far away.
    return (moved, seen) if np.abs(moved - quad).max() < 4 * reach else (quad, 0)


def directions(quads: _Floats) -> tuple[_Floats, _Floats]:
    """The way along each side of clockwise quads ``[..., 4, 2]``, and the unit vectors inwards."""
    along = quads[..., [1, 2, 3, 0], :] - quads
    length = np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-6)
    return along, np.stack([-along[..., 1], along[..., 0]], axis=-1) / length[..., None]


def _strips(picture: Pixels, quad: Quad, pitch: np.float32) -> tuple[_Floats, _Floats]:
    """Edge strength in 0-1 at ``[side, place, block]`` along each side, and roughness along the side, in units
    of 8-bit RGB, with one more place at either end."""
    height, width = picture.shape[:2]
    along, normal = directions(quad)
    samples = _BLOCKS * _SAMPLES
    shares = _END + (1 - 2 * _END) * (np.arange(samples, dtype=np.float32) + 0.5) / samples
    offsets = np.arange(-_REACH - 1, _REACH + 2, dtype=np.float32) * pitch
    points = (
        quad[:, None, None]
        + along[:, None, None] * shares[:, None].astype(np.float32)
        + normal[:, None, None] * offsets[:, None, None]
        - np.float32(0.5)  # from pixels as squares to OpenCV's pixels as points
    ).reshape(-1, samples, 2)
    # OpenCV takes pictures of at most 32,767 pixels a side here; the part around the quad is also faster.
    corner = np.floor(points.min(axis=(0, 1))).astype(int).clip(0, (width - 1, height - 1))
    beyond = np.ceil(points.max(axis=(0, 1))).astype(int).clip(corner, (width, height)) + 1
    part = picture[corner[1] : beyond[1], corner[0] : beyond[0]]
    map_x, map_y = cv2.split(points - corner.astype(np.float32))
    strip = cv2.remap(part, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    blocks = (_BLOCKS, len(strip))
    mean = cv2.resize(strip.astype(np.float32), blocks, interpolation=cv2.INTER_AREA).reshape(4, -1, _BLOCKS, 3)
    change = np.abs(mean[:, 2:] - mean[:, :-2]).max(axis=3) / 2
    changes = cv2.absdiff(strip[:, 1:], strip[:, :-1]).astype(np.float32)
    rough = cv2.resize(changes, blocks, interpolation=cv2.INTER_AREA).reshape(4, -1, _BLOCKS, 3).mean(axis=3)
    return np.asarray(change / (change + EDGE), np.float32), np.asarray(rough, np.float32)


def _fitted(edge: _Floats, ends: npt.NDArray[np.intp]) -> tuple[float, float]:
    """A line with `ends` in whole places, fitted to the peaks of `edge` ``[place, block]`` near it."""
    rough = ends[0] + (ends[1] - ends[0]) * _BLOCK_SHARES
    near = np.rint(rough).astype(np.intp) + np.arange(-2, 3)[:, None]
    peak = edge[(near + _REACH).clip(0, 2 * _REACH), np.arange(_BLOCKS)] ** 3
    weight = peak.sum(axis=0)
    at = (peak * near).sum(axis=0) / np.maximum(weight, 1e-9)
    design = np.stack([1 - _BLOCK_SHARES, _BLOCK_SHARES])
    line = ends.astype(np.float64)
    # Iteratively reweighted least squares (Cauchy): a block that someone stands before has its say taken.
    for _ in range(3):
        weighted = design * weight
        line = np.linalg.solve(weighted @ design.T + 1e-6 * np.eye(2), weighted @ at + 1e-6 * ends)
        weight = weight / (1 + np.square((at - line @ design) / 0.5))
    if np.abs(line - ends).max() > 2:
        return float(ends[0]), float(ends[1])
    return float(line[0]), float(line[1])


_Line = tuple[_Floats, _Floats]


def _crossing(a: _Line, b: _Line) -> tuple[float, float]:
    """Where two lines (a point and the way along) cross; infinity where they do not."""
    (px, py), (dx, dy) = a[0].tolist(), a[1].tolist()
    (qx, qy), (ex, ey) = b[0].tolist(), b[1].tolist()
    cross = dx * ey - dy * ex
    if abs(cross) < 1e-9:
        return math.inf, math.inf
    share = ((qx - px) * ey - (qy - py) * ex) / cross
    return px + dx * share, py + dy * share
