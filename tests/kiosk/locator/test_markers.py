from __future__ import annotations

import cv2
import numpy as np
import pytest

from bundle.picture import Pixels
from kiosk.locator.markers import DICTIONARY, find_marked
from kiosk.locator.quad import Quad

STRAIGHT = np.array([[200, 60], [1000, 60], [1000, 660], [200, 660]], np.float32)
ASLANT = np.array([[260, 40], [960, 140], [980, 590], [240, 690]], np.float32)


def wall(numbers: tuple[int, ...], view: Quad) -> tuple[Pixels, Quad]:
    """A canvas of 500 x 400 with 150 of wall around it and a print at each corner, seen as `view`; and the canvas."""
    margin, width, height, cell = 150, 500, 400, 12
    flat = np.full((height + 2 * margin, width + 2 * margin, 3), (150, 140, 120), np.uint8)
    flat[margin : margin + height, margin : margin + width] = np.random.default_rng(3).integers(
        0, 255, (height, width, 3)
    )
    dictionary = cv2.aruco.getPredefinedDictionary(DICTIONARY)
    size = 8 * cell
    for place, number in enumerate(numbers):
        printed = np.full((size, size), 255, np.uint8)
        printed[cell:-cell, cell:-cell] = cv2.aruco.generateImageMarker(dictionary, number, 6 * cell)
        left = margin - size if place in (0, 3) else margin + width
        top = margin - size if place in (0, 1) else margin + height
        flat[top : top + size, left : left + size] = printed[..., None]
    whole = np.array([[0, 0], [800, 0], [800, 700], [0, 700]], np.float32)
    perspective = cv2.getPerspectiveTransform(whole - np.float32(0.5), view - np.float32(0.5))
    seen = cv2.warpPerspective(flat, perspective, (1280, 720), flags=cv2.INTER_AREA, borderValue=(150, 140, 120))
    canvas = np.array([[[150, 150], [650, 150], [650, 550], [150, 550]]], np.float32) - np.float32(0.5)
    return np.asarray(seen, np.uint8), cv2.perspectiveTransform(canvas, perspective)[0] + np.float32(0.5)


@pytest.mark.parametrize("view", [pytest.param(STRAIGHT, id="straight on"), pytest.param(ASLANT, id="aslant")])
@pytest.mark.parametrize("first", [pytest.param(0, id="the first painting"), pytest.param(44, id="the last one")])
def test_corners_are_exact_to_a_pixel(view: Quad, first: int) -> None:
    picture, canvas = wall((first, first + 1, first + 2, first + 3), view)
    (candidate,) = find_marked(picture)
    assert candidate.score == 1
    assert np.abs(candidate.corners - canvas).max() < 1


def test_a_frame_between_markers_and_canvas_is_left_out() -> None:
    picture, canvas = wall((0, 1, 2, 3), STRAIGHT)
    (candidate,) = find_marked(picture, inset=(0.1, 0.05))
    width, height = canvas[2] - canvas[0]
    assert candidate.corners[0] == pytest.approx(canvas[0] + (0.1 * width, 0.05 * height), abs=1)
    assert candidate.corners[2] == pytest.approx(canvas[2] - (0.1 * width, 0.05 * height), abs=1)


def test_two_paintings_are_told_apart() -> None:
    half = np.array([0.5, 1], np.float32)
    left, _ = wall((0, 1, 2, 3), STRAIGHT * half)
    right, _ = wall((4, 5, 6, 7), STRAIGHT * half)
    found = find_marked(np.hstack([left[:, :640], right[:, :640]]))
    assert [candidate.corners[0, 0] > 640 for candidate in found] == [False, True]


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((), id="no markers"),
        pytest.param((0, 1, 2), id="one is hidden"),
        pytest.param((0, 1, 2, 7), id="one belongs to another painting"),
        pytest.param((1, 0, 3, 2), id="put up mirrored"),
        pytest.param((48, 49), id="numbers that are not used"),
    ],
)
def test_nothing_is_found_without_four_markers_in_place(numbers: tuple[int, ...]) -> None:
    assert find_marked(wall(numbers, STRAIGHT)[0]) == []


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (2, 900), (480, 640)])
def test_any_size_is_borne(size: tuple[int, int]) -> None:
    assert find_marked(np.zeros((*size, 3), np.uint8)) == []
