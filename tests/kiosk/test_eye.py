from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import bundle
from kiosk.eye import Eye, RegionError, Settings, parse_region, to_json, upright
from kiosk.locator import Candidate, Locator
from kiosk.locator.classical import ClassicalLocator
from kiosk.locator.network import LocatorError, NetworkLocator
from kiosk.locator.quad import corner_distance
from kiosk.locator.tracker import View
from tests.gallery import Quad, hang, wall
from tests.stand_in import BLUE, GREEN, RED, Pixels, painting

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "default"


@pytest.fixture(scope="module", params=["classical", "network"])
def locator(request: pytest.FixtureRequest) -> Locator:
    if request.param == "classical":
        return ClassicalLocator()
    return NetworkLocator(bundle.load(SHIPPED, lambda file: False))


class Fixed:
    """A locator that finds what it is told."""

    name = "fixed"

    def __init__(self, *quads: Quad, score: float = 0.9) -> None:
        self.found = [Candidate(quad, score) for quad in quads]

    def locate(self, picture: Pixels, known: Sequence[Quad] = ()) -> list[Candidate]:
        return self.found


def square(left: float, top: float, side: float) -> Quad:
    return np.array([[left, top], [left + side, top], [left + side, top + side], [left, top + side]], np.float32)


def test_a_single_picture_is_cut_out_where_its_canvas_is(locator: Locator) -> None:
    picture = wall()
    canvas = hang(picture, GREEN, 420, 180, 400, 340, turn=24)
    sight = Eye(locator, Settings()).glance(picture)
    assert sight.view is View.PAINTING
    assert corner_distance(canvas, sight.corners) < 0.04
    seen = upright(picture, sight, 64)
    assert seen.shape == (64, 64, 3)
    assert np.abs(seen[4:-4, 4:-4].mean((0, 1)) - GREEN).max() < 20


@pytest.mark.parametrize(
    ("picture", "locate"),
    [
        pytest.param(wall(), True, id="a bare wall"),
        pytest.param(painting(RED), True, id="a painting from edge to edge"),
        pytest.param(np.zeros((1, 1, 3), np.uint8), True, id="one pixel"),
        pytest.param(np.zeros((3, 900, 3), np.uint8), True, id="a thread"),
    ],
)
def test_where_nothing_hangs_the_whole_picture_is_looked_at(locator: Locator, picture: Pixels, locate: bool) -> None:
    sight = Eye(locator, Settings()).glance(picture, locate=locate)
    height, width = picture.shape[:2]
    assert to_json(sight) == {
        "view": "whole",
        "region": [[0, 0], [width, 0], [width, height], [0, height]],
        "painting": None,
        "others": [],
        "guidance": None,
        "located_score": None,
    }
    assert upright(picture, sight, 64).shape == (64, 64, 3)


def test_of_several_the_one_nearest_the_centre_is_chosen_and_the_others_told() -> None:
    near, far = square(500, 200, 200), square(60, 200, 250)
    sight = Eye(Fixed(far, near), Settings()).glance(wall())
    assert sight.corners is near
    assert [other is far for other in sight.others] == [True]


def test_without_locating_all_of_a_picture_is_looked_at() -> None:
    sight = Eye(Fixed(square(500, 200, 200)), Settings()).glance(wall(), locate=False)
    assert (sight.view, sight.others) == (View.WHOLE, ())


def test_frames_show_the_middle_until_a_painting_is_sure() -> None:
    eye = Eye(Fixed(square(500, 200, 200)), Settings())
    views = [eye.follow(wall(), number / 12).view for number in range(4)]
    assert views[0] is View.CENTRE
    assert views[-1] is View.PAINTING


class Asked(Fixed):
    """Notes in which of a number of looks it was asked, and whether for what was known."""

    def __init__(self, *quads: Quad) -> None:
        super().__init__(*quads)
        self.look = 0
        self.asked: dict[int, bool] = {}

    def locate(self, picture: Pixels, known: Sequence[Quad] = ()) -> list[Candidate]:
        self.asked[self.look] = bool(known)
        return super().locate(picture, known)


def test_between_looks_a_painting_is_followed_by_its_edges() -> None:
    picture = wall()
    canvas = hang(picture, GREEN, 420, 180, 400, 340)
    locator = Asked(canvas)
    eye = Eye(locator, Settings())
    for locator.look in range(18):
        eye.follow(picture, locator.look / 12)
    asked = {look: known for look, known in locator.asked.items() if look >= 4}
    assert asked == {6: False, 9: True, 12: False, 15: True}
    assert set(range(3)) <= set(locator.asked)  # until it is sure


def test_a_painting_whose_edges_are_gone_is_looked_for_at_once() -> None:
    picture = wall()
    locator = Asked(hang(picture, GREEN, 420, 180, 400, 340))
    eye = Eye(locator, Settings())
    for locator.look in range(5):
        eye.follow(picture, locator.look / 12)
    locator.look, locator.found = 5, []
    sight = eye.follow(wall(), 5 / 12)
    assert locator.asked[5]
    assert sight.is_held


def test_pictures_of_a_folder_are_looked_at_whole() -> None:
    sight = Eye(Fixed(), Settings(), whole=True).follow(wall(640, 480), 0.0)
    assert (sight.view, sight.guidance) == (View.WHOLE, None)
    assert sight.corners.tolist() == [[0, 0], [640, 0], [640, 480], [0, 480]]


def test_a_locator_that_is_off_is_not_asked_and_nothing_is_missed() -> None:
    sight = Eye(Fixed(square(500, 200, 200)), Settings(locate=False)).follow(wall(), 0.0)
    assert (sight.view, sight.guidance) == (View.CENTRE, None)


def test_a_region_is_looked_at_whatever_hangs_elsewhere() -> None:
    region = parse_region("0.25,0.5,0.5,1")
    sight = Eye(Fixed(square(500, 200, 200)), Settings(region=region)).follow(wall(), 0.0)
    assert to_json(sight)["region"] == [[320, 360], [640, 360], [640, 720], [320, 720]]
    assert (to_json(sight)["view"], to_json(sight)["painting"]) == ("region", None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("0.1,0.2,0.3", id="three numbers"),
        pytest.param("left,0,1,1", id="a word"),
        pytest.param("0.8,0.1,0.2,0.9", id="right before left"),
        pytest.param("0,0,1.2,1", id="beyond the frame"),
        pytest.param("0.1,0.1,0.11,0.9", id="a slit"),
        pytest.param("nan,0,1,1", id="no number"),
        pytest.param("0,0 1,0 0,1 1,1", id="corners crosswise"),
    ],
)
def test_regions_that_are_none(text: str) -> None:
    with pytest.raises(RegionError, match="is no region"):
        parse_region(text)


def test_a_region_may_be_four_corners() -> None:
    corners = parse_region("0.1,0.2 0.9,0.1 0.9,0.8 0.1,0.7")
    assert corners[1] == pytest.approx((0.9, 0.1))


def test_a_score_that_is_no_number_is_not_told() -> None:
    sight = Eye(Fixed(square(500, 200, 200), score=float("nan")), Settings()).glance(wall())
    assert to_json(sight)["located_score"] is None


def test_corners_that_are_no_numbers_are_not_looked_at() -> None:
    broken = square(500, 200, 200)
    broken[1] = np.nan
    eye = Eye(Fixed(broken), Settings())
    assert eye.glance(wall()).view is View.WHOLE
    assert {eye.follow(wall(), number / 12).view for number in range(5)} == {View.CENTRE}


def test_two_paintings_side_by_side_are_both_found(locator: Locator) -> None:
    picture = wall()
    canvases = [
        hang(picture, BLUE, 470, 200, 330, 300, seed=1),
        hang(picture, RED, 90, 220, 260, 280, seed=2),
    ]
    sight = Eye(locator, Settings()).glance(picture)
    assert corner_distance(canvases[0], sight.corners) < 0.05
    assert len(sight.others) == 1
    assert corner_distance(canvases[1], sight.others[0]) < 0.05


def test_a_bundle_without_a_locator_says_so(bundle_folder: Path) -> None:
    with pytest.raises(LocatorError, match="has no locator"):
        NetworkLocator(bundle.load(bundle_folder))
