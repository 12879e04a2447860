"""Paintings between printed markers, for a museum that wants exact corners.

Four ArUco markers of the dictionary 4x4_50 are printed with a white margin of one of their cells, cut out
square (eight cells by eight), and put upright around each painting, so that the print touches the painting's
corner from outside, diagonally::

    [0]                    [1]
       +------------------+
       |                  |      top left      4 k        top right     4 k + 1
       |     painting     |      bottom left   4 k + 3    bottom right  4 k + 2
       |                  |
       +------------------+      for the painting number k, from 0 to 11
    [3]                    [2]

The corner of each print that is nearest to the painting is a corner of the painting. The prints may have any
size, from about 30 pixels in the frame. Where a frame lies between them and the canvas, `inset` says how wide
it is.

All four must be seen: the fourth corner could be told from three, but not exactly, and the tracker holds
a painting before which somebody passes. The markers are an option, off unless the settings say otherwise.

After Garrido-Jurado et al., "Automatic generation and detection of highly reliable fiducial markers under
occlusion", Pattern Recognition 47 (2014).
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
import numpy.typing as npt

from bundle.picture import Pixels
from kiosk.locator import Candidate
from kiosk.locator.quad import Quad, is_plausible

# By OpenCV's number. Its 50 markers differ in at least four cells of 16; more cells would need larger prints.
DICTIONARY = cv2.aruco.DICT_4X4_50

# Paintings of four markers each; numbers 48 and 49 are left over.
PAINTINGS = 12

# Cells of a side: four that tell the number, and a black border of one all around; then the white margin.
CELLS, MARGIN = 6, 1

# Pixels of a window in which the threshold between black and white is found: more than a cell, less than the
# change of light. One window where OpenCV tries three takes a third of the time and found the same.
THRESHOLD_WINDOW = 15

# The four markers' touching corners of their prints, with the marker's own corners at 0 and 1.
_LOW, _HIGH = -MARGIN / CELLS, 1 + MARGIN / CELLS
_TOUCHING = np.array([[_HIGH, _HIGH], [_LOW, _HIGH], [_LOW, _LOW], [_HIGH, _LOW]], np.float32)
_UNIT = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)

# OpenCV does not say that a detector may be shared.
_THREAD = threading.local()


def find_marked(picture: Pixels, inset: tuple[float, float] = (0.0, 0.0)) -> list[Candidate]:
    """The paintings of an RGB `picture` ``[height, width, 3]`` whose four markers are all seen; score 1.

    `inset`: how far within the rectangle between the markers the canvas lies on each side, in shares of the
    rectangle's width and height.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 8:
        return []
    found, numbers, _ = _detector().detectMarkers(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    if numbers is None:
        return []
    corners = {
        int(number): np.asarray(marker, np.float32).reshape(4, 2)
        for number, marker in zip(numbers.ravel(), found, strict=True)
    }
    candidates = []
    for painting in range(PAINTINGS):
        markers = [corners[number] for number in range(4 * painting, 4 * painting + 4) if number in corners]
        if len(markers) < 4:
            continue
        touching = [_mapped(marker, corner) for marker, corner in zip(markers, _TOUCHING, strict=True)]
        # From OpenCV's pixels as points to pixels as squares.
        quad = np.array(touching, np.float32) + np.float32(0.5)
        x, y = inset
        quad = np.array(
            [_mapped(quad, corner) for corner in ((x, y), (1 - x, y), (1 - x, 1 - y), (x, 1 - y))], np.float32
        )
        if is_plausible(quad, width, height):
            candidates.append(Candidate(quad, 1.0))
    return candidates


def _mapped(view: Quad, point: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Where a camera that sees the unit square as `view` sees a `point` ``(x, y)`` of its plane."""
    perspective = cv2.getPerspectiveTransform(_UNIT, view)
    x, y, scale = perspective @ np.append(np.asarray(point, np.float64), 1)
    return np.array([x / scale, y / scale], np.float32)


def _detector() -> cv2.aruco.ArucoDetector:
    if not hasattr(_THREAD, "detector"):
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        parameters.adaptiveThreshWinSizeMin = parameters.adaptiveThreshWinSizeMax = THRESHOLD_WINDOW
        dictionary = cv2.aruco.getPredefinedDictionary(DICTIONARY)
        _THREAD.detector = cv2.aruco.ArucoDetector(dictionary, parameters)
    detector: cv2.aruco.ArucoDetector = _THREAD.detector
    return detector
