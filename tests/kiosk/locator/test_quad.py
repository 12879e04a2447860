from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from bundle.picture import Pixels
from kiosk.locator.quad import Quad, area, aspect, centre, corner_distance, iou, is_plausible, order_clockwise, rectify


def quad(*points: tuple[float, float]) -> Quad:
    return np.array(points, np.float32)


def box(left: float, top: float, right: float, bottom: float) -> Quad:
    return quad((left, top), (right, top), (right, bottom), (left, bottom))


def seen(ratio: float, turn: float, tilt: float, focal: float = 1.0) -> Quad:
    """A rectangle of `ratio` x 1, turned and tilted by degrees, before a camera of 1280 x 720."""
    flat = np.array([[-ratio, -1, 0], [ratio, -1, 0], [ratio, 1, 0], [-ratio, 1, 0]]) / 2
    about_y, about_x = (
        cv2.Rodrigues(np.array([0, math.radians(turn), 0])),
        cv2.Rodrigues(np.array([math.radians(tilt), 0, 0])),
    )
    placed = flat @ (about_y[0] @ about_x[0]).T + (0.1, -0.1, 3.0)
    return (placed[:, :2] / placed[:, 2:] * focal * 1280 + (640, 360)).astype(np.float32)


SQUARE = box(100, 100, 200, 200)


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param(box(10, 20, 110, 220), id="upright"),
        pytest.param(box(10, 20, 510, 60), id="wide"),
        pytest.param(quad((60, 10), (240, 60), (220, 300), (20, 280)), id="leaning"),
        pytest.param(quad((100, 30), (150, 50), (90, 400), (30, 390)), id="tall and leaning"),
    ],
)
def test_any_order_of_corners_becomes_clockwise_from_top_left(corners: Quad) -> None:
    for order in itertools.permutations(range(4)):
        np.testing.assert_array_equal(order_clockwise(corners[list(order)]), corners)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(SQUARE, 1.0, id="the same"),
        pytest.param(box(150, 100, 250, 200), 1 / 3, id="half beside"),
        pytest.param(box(125, 125, 175, 175), 0.25, id="a quarter within"),
        pytest.param(box(200, 100, 300, 200), 0.0, id="side by side"),
        pytest.param(box(500, 500, 600, 600), 0.0, id="far away"),
        pytest.param(quad((150, 100), (200, 150), (150, 200), (100, 150)), 0.5, id="a diamond within"),
        pytest.param(box(100, 100, 100, 100), 0.0, id="nothing"),
    ],
)
def test_iou(other: Quad, expected: float) -> None:
    assert iou(SQUARE, other) == pytest.approx(expected, abs=1e-5)
    assert iou(other, SQUARE) == pytest.approx(expected, abs=1e-5)


def test_measures() -> None:
    assert area(SQUARE) == pytest.approx(10_000)
    assert centre(SQUARE) == pytest.approx((150, 150))
    assert corner_distance(SQUARE, SQUARE + np.float32(3)) == pytest.approx(0.03 * math.sqrt(2))
    assert corner_distance(np.zeros((4, 2), np.float32), SQUARE) == math.inf


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        pytest.param(box(300, 100, 900, 600), True, id="a painting"),
        pytest.param(box(-60, -60, 1300, 760), True, id="a little more than the frame"),
        pytest.param(seen(1.2, 55, 20), True, id="from far aside"),
        pytest.param(box(-400, 100, 900, 600), False, id="mostly outside"),
        pytest.param(box(300, 100, 320, 120), False, id="tiny"),
        pytest.param(box(100, 100, 1200, 150), False, id="a stripe"),
        pytest.param(box(300, 100, 900, 600)[::-1], False, id="counter-clockwise"),
        pytest.param(quad((300, 100), (900, 600), (900, 100), (300, 600)), False, id="crossed"),
        pytest.param(quad((300, 100), (900, 100), (500, 300), (300, 600)), False, id="dented"),
        pytest.param(quad((300, 100), (900, 100), (610, 350), (590, 350)), False, id="nearly a triangle"),
        pytest.param(box(math.nan, 100, 900, 600), False, id="not a number"),
        pytest.param(box(300, 100, math.inf, 600), False, id="infinite"),
        pytest.param(np.zeros((4, 2), np.float32), False, id="a point"),
    ],
)
def test_is_plausible(corners: Quad, expected: bool) -> None:
    assert is_plausible(corners, 1280, 720) is expected


@pytest.mark.parametrize("ratio", [0.6, 1.0, 1.7])
@pytest.mark.parametrize(
    ("turn", "tilt"),
    [
        pytest.param(0, 0, id="straight on"),
        pytest.param(40, 0, id="from the side, where one vanishing point is at infinity"),
        pytest.param(35, 20, id="from aside and below"),
        pytest.param(-45, -15, id="from far aside and above"),
    ],
)
def test_aspect_is_that_of_the_flat_rectangle(ratio: float, turn: float, tilt: float) -> None:
    assert aspect(seen(ratio, turn, tilt), 1280, 720) == pytest.approx(ratio, rel=0.02)


def test_aspect_knows_no_focal_length_when_it_must_not() -> None:
    assert aspect(seen(1.4, 40, 25, focal=0.6), 1280, 720) == pytest.approx(1.4, rel=0.02)


def drawing(height: int = 300, width: int = 400) -> Pixels:
    """Four colours, one in each quarter."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (220, 40, 40)
    picture[: height // 2, width // 2 :] = (40, 200, 40)
    picture[height // 2 :, width // 2 :] = (40, 40, 210)
    picture[height // 2 :, : width // 2] = (230, 220, 60)
    return picture


def placed(flat: Pixels, corners: Quad) -> Pixels:
    height, width = flat.shape[:2]
    view = cv2.getPerspectiveTransform(box(0, 0, width, height) - np.float32(0.5), corners - np.float32(0.5))
    return np.asarray(cv2.warpPerspective(flat, view, (1280, 720), flags=cv2.INTER_AREA), np.uint8)


def test_rectify_gives_back_the_flat_picture() -> None:
    flat = drawing()
    upright = rectify(placed(flat, seen(4 / 3, 35, 15)), seen(4 / 3, 35, 15))
    assert upright.shape[1] / upright.shape[0] == pytest.approx(4 / 3, rel=0.02)
    again = cv2.resize(upright, (400, 300), interpolation=cv2.INTER_AREA)
    difference = np.abs(again.astype(int) - flat)
    assert np.median(difference) <= 1
    assert difference.mean() < 4


def test_rectify_cuts_an_upright_box_to_the_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (720, 1280, 3)).astype(np.uint8)
    np.testing.assert_array_equal(rectify(picture, box(300, 100, 700, 400)), picture[100:400, 300:700])


def test_rectify_is_no_larger_than_asked_nor_than_the_picture() -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    assert rectify(picture, box(100, 10, 1200, 710)).shape[1] == 512
    assert max(rectify(picture, box(100, 100, 180, 160)).shape) == 80
    assert rectify(picture, box(100, 10, 1200, 710), longest=100).shape[1] == 100


@pytest.mark.parametrize("longest", [64, 100, 200, 333])
def test_rectify_averages_when_it_shrinks(longest: int) -> None:
    weave: npt.NDArray[np.int_] = (np.indices((720, 1280)).sum(axis=0) % 2) * 255
    picture = np.repeat(weave.astype(np.uint8)[..., None], 3, axis=2)
    shrunk = rectify(picture, box(303, 101, 903, 701), longest=longest)
    assert float(shrunk[2:-2, 2:-2].std()) < 25  # sampling would keep 127


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param(np.zeros((4, 2), np.float32), id="a point"),
        pytest.param(box(-300, -200, -100, -50), id="outside"),
        pytest.param(box(2000, 2000, 2300, 2200), id="far outside"),
        pytest.param(quad((0, 0), (10, 10), (20, 20), (30, 30)), id="a line"),
        pytest.param(box(-100, -100, 1400, 800), id="around the frame"),
    ],
)
@pytest.mark.parametrize("size", [(720, 1280), (1, 1), (3, 500)])
def test_rectify_bears_any_quad(corners: Quad, size: tuple[int, int]) -> None:
    assert rectify(np.zeros((*size, 3), np.uint8), corners).size > 0
