"""Where the camera stands, and what it makes of the room: projection, planes and the lens.

World coordinates are centimetres on the wall that is looked at: x to the right, y down, z into the wall
(z = 0); everything in the room has z < 0. Pixel coordinates are OpenCV's: the middle of the first pixel
is (0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bundle.picture import Pixels

Points = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.uint8]

# Centimetres before the camera at which planes are cut off: what lies behind it cannot be projected.
_NEAR_CM = 4.0

# Fractional bits of the coordinates of drawn polygons: a sixteenth of a pixel.
SUBPIXEL = 4


@dataclass(frozen=True)
class View:
    """A pinhole camera in the room, and its lens."""

    width: int
    height: int
    focal: float
    """Pixels."""
    position: Points
    """``[3]``, centimetres."""
    rotation: Matrix
    """``[3, 3]``: rows are the camera's axes (right, down, ahead) in the world."""
    distortion: float = 0.0
    """Of the lens: how much longer the frame's half diagonal is in the undistorted picture, as a share of
    it; positive is barrel."""

    @classmethod
    def towards(
        cls,
        aim: Points,
        size: tuple[int, int],
        *,
        focal: float,
        distance_cm: float,
        yaw: float,
        pitch: float,
        roll: float,
        distortion: float = 0.0,
    ) -> View:
        """Look at `aim` ``[3]`` from `distance_cm`, from `yaw` to the right and `pitch` below (radians), the
        camera turned about its own axis by `roll`. `size` is (width, height) in pixels."""
        way = np.array([math.sin(yaw) * math.cos(pitch), math.sin(pitch), -math.cos(yaw) * math.cos(pitch)])
        ahead = -way
        right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
        right /= np.linalg.norm(right)
        down = np.cross(ahead, right)
        cos, sin = math.cos(roll), math.sin(roll)
        rotation = np.array([cos * right + sin * down, cos * down - sin * right, ahead])
        return cls(*size, focal, aim + distance_cm * way, rotation, distortion)

    @property
    def middle(self) -> Points:
        """The principal point, pixels."""
        return np.array([(self.width - 1) / 2, (self.height - 1) / 2])

    def homography(self, origin: Points, across: Points, down: Points) -> Matrix:
        """From plane coordinates (s, t), centimetres along `across` and `down` from `origin`, to pixels of the
        undistorted picture."""
        to_pixels = np.array([[self.focal, 0, self.middle[0]], [0, self.focal, self.middle[1]], [0, 0, 1]])
        return np.asarray(to_pixels @ self.rotation @ np.column_stack([across, down, origin - self.position]))

    def project(self, points: Points) -> Points:
        """World points ``[n, 3]`` before the camera to pixels ``[n, 2]`` of the undistorted picture."""
        seen = (points - self.position) @ self.rotation.T
        return np.asarray(self.focal * seen[:, :2] / seen[:, 2:] + self.middle)

    def depth_cm(self, point: Points) -> float:
        """How far ahead of the camera a world point ``[3]`` lies."""
        return float((point - self.position) @ self.rotation[2])

    def outline(self, corners: Points) -> Points:
        """Pixels ``[m, 2]`` of what the camera may see of a convex polygon ``[n, 3]``: cut off just before the
        camera and well outside the frame; empty if nothing is left."""
        seen = (corners - self.position) @ self.rotation.T
        across, down = self.width / self.focal, self.height / self.focal  # twice what is in the frame
        for inward, offset in (
            ((0.0, 0.0, 1.0), -_NEAR_CM),
            ((1.0, 0.0, across), 0.0),
            ((-1.0, 0.0, across), 0.0),
            ((0.0, 1.0, down), 0.0),
            ((0.0, -1.0, down), 0.0),
        ):
            seen = _cut(seen, np.array(inward), offset)
            if len(seen) < 3:
                return np.zeros((0, 2))
        return np.asarray(self.focal * seen[:, :2] / seen[:, 2:] + self.middle)

    def _bulge(self) -> tuple[float, float]:
        """Scale at the centre and coefficient of the squared radius; the frame's corners stay in place."""
        reach = float(self.middle @ self.middle)
        return 1 / (1 + self.distortion), self.distortion / reach

    def seen(self, ideal: Points) -> Points:
        """Where the lens shows the undistorted points ``[n, 2]``."""
        if not self.distortion:
            return ideal
        scale, bend = self._bulge()
        offset = ideal - self.middle
        shown = offset.copy()
        for _ in range(30):  # a fixed point; at a bend of 0.1 each step divides the error by five or more
            shown = offset / (scale * (1 + bend * np.sum(shown**2, axis=1, keepdims=True)))
        return np.asarray(shown + self.middle)

    def bend(self, picture: Pixels) -> Pixels:
        """The undistorted picture as the lens shows it."""
        if not self.distortion:
            return picture
        step = 16  # pixels between the nodes; what lies between them is as good as linear
        scale, bend = self._bulge()
        x = np.arange(0, self.width + step, step, dtype=np.float32) - np.float32(self.middle[0])
        y = np.arange(0, self.height + step, step, dtype=np.float32) - np.float32(self.middle[1])
        factor = np.float32(scale) * (1 + np.float32(bend) * (x[None, :] ** 2 + y[:, None] ** 2))
        # Fixed-point maps are twice as fast and good to a thirty-second of a pixel.
        nodes = (x[None, :] * factor + np.float32(self.middle[0]), y[:, None] * factor + np.float32(self.middle[1]))
        maps = [_between_nodes(each, step)[: self.height, : self.width] for each in nodes]
        whole, part = cv2.convertMaps(maps[0], maps[1], cv2.CV_16SC2)
        return np.asarray(cv2.remap(picture, whole, part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _cut(corners: Points, inward: Points, offset: float) -> Points:
    """The part of a convex polygon ``[n, 3]`` where ``inward . corner + offset`` is above 0 (Sutherland and
    Hodgman 1974)."""
    height = corners @ inward + offset
    kept: list[Points] = []
    for here in range(len(corners)):
        after = (here + 1) % len(corners)
        if height[here] > 0:
            kept.append(corners[here])
        if (height[here] > 0) != (height[after] > 0):
            share = height[here] / (height[here] - height[after])
            kept.append(corners[here] + share * (corners[after] - corners[here]))
    return np.array(kept)


def _between_nodes(nodes: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.float32]:
    """Values for every pixel, linear between `nodes` that stand on every `step`-th one."""
    rows, columns = nodes.shape
    place = np.array([[step, 0, 0], [0, step, 0]], np.float64)
    return np.asarray(
        cv2.warpAffine(nodes, place, ((columns - 1) * step + 1, (rows - 1) * step + 1), flags=cv2.INTER_LINEAR),
        np.float32,
    )


Box = tuple[slice, slice]
"""Rows and columns."""


def box_around(outline: Points, width: int, height: int) -> Box | None:
    """The part of a frame that a polygon ``[n, 2]`` may touch; None if it lies outside."""
    if not len(outline):
        return None
    left, top = np.floor(outline.min(axis=0) - 1).astype(int)
    right, bottom = np.ceil(outline.max(axis=0) + 2).astype(int)
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def fill(picture: Pixels | Mask, outline: Points, colour: Sequence[float]) -> None:
    """Fill the polygon ``[n, 2]`` in `picture` itself, edges anti-aliased."""
    if len(outline):
        fixed = np.round(outline * 2**SUBPIXEL).astype(np.int32)
        cv2.fillPoly(picture, [fixed], list(colour), cv2.LINE_AA, SUBPIXEL)


def blend(below: Pixels, above: Pixels, share: Mask) -> Pixels:
    """`above` over `below` where `share` ``[h, w]`` is 255."""
    weight = share.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.blendLinear(above, below, weight, 1 - weight), np.uint8)


def rectangle(left: float, top: float, right: float, bottom: float, z: float = 0.0) -> Points:
    """Corners ``[4, 3]`` of an upright rectangle parallel to the wall, clockwise from the top left."""
    return np.array([(left, top, z), (right, top, z), (right, bottom, z), (left, bottom, z)], np.float64)


def lay(picture: Pixels, view: View, patch: Pixels, corners: Points) -> None:
    """Show a whole `patch` on the rectangle `corners` ``[4, 3]`` (clockwise from its top left), in `picture`
    itself. Its edges are exact: a pixel that the rectangle half covers is half the patch's."""
    outline = view.outline(corners)
    box = box_around(outline, view.width, view.height)
    if box is None:
        return
    height, width = patch.shape[:2]
    from_patch = np.array([[1 / width, 0, 0.5 / width], [0, 1 / height, 0.5 / height], [0, 0, 1]])
    place = view.homography(corners[0], corners[1] - corners[0], corners[3] - corners[0]) @ from_patch
    shift, size = _into(box)
    shown = np.asarray(
        cv2.warpPerspective(patch, shift @ place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )
    # Between the last pixel and the nothing beyond it the interpolated share is one half just at the edge.
    share = cv2.warpPerspective(np.full((height, width), 255, np.uint8), shift @ place, size, flags=cv2.INTER_LINEAR)
    picture[box] = blend(picture[box], np.asarray(shown, np.uint8), np.asarray(share, np.uint8))


def clad(
    picture: Pixels,
    view: View,
    texture: Pixels,
    corners: Points,
    scale: float,
    start: tuple[float, float] = (0, 0),
) -> None:
    """Cover the rectangle `corners` with a `texture` of `scale` pixels per centimetre that repeats by
    mirroring, from the pixel `start` of it; in `picture` itself."""
    outline = view.outline(corners)
    box = box_around(outline, view.width, view.height)
    if box is None:
        return
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    across, down = across / np.linalg.norm(across), down / np.linalg.norm(down)
    from_texture = np.array([[1 / scale, 0, -start[0] / scale], [0, 1 / scale, -start[1] / scale], [0, 0, 1]])
    place = view.homography(corners[0], across, down) @ from_texture
    # Mirrored once by hand: OpenCV walks to a far reflection step by step, for every pixel.
    height, width = texture.shape[:2]
    texture = np.asarray(cv2.copyMakeBorder(texture, 0, height, 0, width, cv2.BORDER_REFLECT), np.uint8)
    # From the repetition that is in sight, which leaves fewest pixels to the slow way around the edges.
    rows, columns = box
    at = np.linalg.solve(place, np.array([(columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2, 1.0]))
    middle = np.array([width, height])
    steps = np.round((at[:2] / at[2] - middle) / (2 * middle)) * 2 * middle
    place = place @ np.array([[1, 0, steps[0]], [0, 1, steps[1]], [0, 0, 1]])
    shift, size = _into(box)
    shown = cv2.warpPerspective(texture, shift @ place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    mask = np.zeros((view.height, view.width), np.uint8)
    fill(mask, outline, (255,))
    cv2.copyTo(np.asarray(shown, np.uint8), np.asarray(mask[box] > 127, np.uint8), picture[box])


def _into(box: Box) -> tuple[Matrix, tuple[int, int]]:
    rows, columns = box
    shift = np.array([[1.0, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1]])
    return shift, (columns.stop - columns.start, rows.stop - rows.start)
