from __future__ import annotations

import numpy as np
import pytest

from kiosk.locator.edges import follow, refine
from kiosk.locator.quad import corner_distance
from tests.gallery import Quad, hang, wall
from tests.stand_in import GREEN

PLACES = [(420, 130, 460, 380, 0), (400, 160, 420, 360, 60)]
SQUARE = np.array([[400, 130], [880, 130], [880, 590], [400, 590]], np.float32)


@pytest.mark.parametrize("place", PLACES)
def test_refine_moves_rough_corners_onto_the_edges(place: tuple[float, ...]) -> None:
    picture = wall()
    canvas = hang(picture, GREEN, *place)
    rng = np.random.default_rng(5)
    for _ in range(10):
        rough = (canvas + rng.uniform(-6, 6, (4, 2))).astype(np.float32)
        assert np.abs(refine(picture, rough) - canvas).max() < 1.5


def test_refine_leaves_a_side_that_is_hidden() -> None:
    picture = wall()
    canvas = hang(picture, GREEN, *PLACES[0])
    picture[:, 760:] = (90, 80, 85)  # somebody stands before the right side
    rough = canvas + np.float32([[4, 4], [0, 4], [0, -4], [4, -4]])
    refined = refine(picture, rough)
    assert np.abs(refined[:, 0] - [canvas[0, 0], rough[1, 0], rough[2, 0], canvas[3, 0]]).max() < 2
    assert np.abs(refined[:, 1] - canvas[:, 1]).max() < 2


@pytest.mark.parametrize(
    "rough",
    [
        pytest.param(SQUARE, id="on a bare wall"),
        pytest.param(SQUARE + np.float32(5000), id="outside the picture"),
        pytest.param(SQUARE * np.float32(1000), id="far larger than the picture"),
        pytest.param(np.zeros((4, 2), np.float32), id="a point"),
    ],
)
def test_what_has_no_edges_stays_and_is_not_followed(rough: Quad) -> None:
    np.testing.assert_allclose(refine(wall(), rough), rough, rtol=1e-4, atol=0.01)
    assert follow(wall(), rough) is None


@pytest.mark.parametrize("place", PLACES)
def test_a_painting_that_moves_is_followed_frame_by_frame(place: tuple[float, ...]) -> None:
    picture = wall()
    at = hang(picture, GREEN, *place)
    for number in range(1, 8):
        left, top, *rest = place
        picture = wall(seed=number)
        canvas = hang(picture, GREEN, left + 6 * number, top - 4 * number, *rest)
        followed = follow(picture, at)
        assert followed is not None
        assert corner_distance(canvas, followed) < 0.01
        at = followed


def test_a_painting_is_not_followed_behind_those_who_hide_it() -> None:
    picture = wall()
    canvas = hang(picture, GREEN, *PLACES[0])
    assert follow(picture, canvas) is not None
    picture[200:, :860] = (90, 80, 85)  # before its left and lower sides
    assert follow(picture, canvas) is None
