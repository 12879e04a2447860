from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pytest

from kiosk.locator import Candidate
from kiosk.locator.quad import Quad, corner_distance
from kiosk.locator.tracker import Sight, Tracker, View, middle_square

WIDTH, HEIGHT = 1280, 720
STEP_S = 1 / 12


def painting(x: float, y: float = 360, size: float = 300, score: float = 0.9) -> Candidate:
    """A painting with its centre at ``(x, y)``."""
    half = size / 2
    corners = [[x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half]]
    return Candidate(np.array(corners, np.float32), score)


MIDDLE, LEFT, RIGHT = painting(640), painting(300), painting(980)


class Room:
    """A tracker with a clock."""

    def __init__(self, step_s: float = STEP_S) -> None:
        self.tracker, self.at_s, self.step_s = Tracker(), 100.0, step_s

    def see(self, *candidates: Candidate, times: int = 1, marked: Iterable[Candidate] = ()) -> Sight:
        """Update `times` times with the same candidates; what is said last."""
        for _ in range(times):
            self.at_s += self.step_s
            sight = self.tracker.update(candidates, WIDTH, HEIGHT, self.at_s, list(marked))
        return sight


def is_at(corners: Quad, candidate: Candidate, within: float = 0.02) -> bool:
    return corner_distance(candidate.corners, corners) < within


def test_a_painting_is_shown_at_the_third_update_that_finds_it() -> None:
    room = Room()
    assert [room.see(MIDDLE).view for _ in range(4)] == ["centre", "centre", "painting", "painting"]
    assert is_at(room.see(MIDDLE).corners, MIDDLE)


def test_a_painting_that_is_found_now_and_then_is_not_shown() -> None:
    room = Room()
    assert {room.see(*found).view for found in [(MIDDLE,), (MIDDLE,), ()] * 10} == {View.CENTRE}


def test_what_jumps_about_is_not_shown_and_the_visitor_is_asked_to_hold_still() -> None:
    room = Room()
    sights = [room.see(painting(500 + 70 * (number % 2))) for number in range(20)]
    assert {sight.view for sight in sights} == {View.CENTRE}
    assert (sights[0].guidance, sights[-1].guidance) == ("show_painting", "hold_still")


def test_without_a_painting_the_middle_is_looked_at_and_said_so() -> None:
    sight = Room().see(times=3)
    assert (sight.view, sight.guidance, sight.score, sight.others) == ("centre", "show_painting", None, ())
    np.testing.assert_array_equal(sight.corners, [[280, 0], [1000, 0], [1000, 720], [280, 720]])


def test_is_new_marks_each_change_of_what_is_looked_at() -> None:
    room = Room()
    moments = [room.see(), room.see()]
    moments += [room.see(MIDDLE) for _ in range(4)]
    moments += [room.see(painting(650)), room.see(painting(660))]
    moments += [room.see() for _ in range(14)]
    assert [number for number, sight in enumerate(moments) if sight.is_new] == [
        0,  # the first of all
        4,  # the painting is confirmed
        20,  # and let go again, a second after it was found last
    ]


def test_another_painting_in_view_is_new_within_half_a_second() -> None:
    room = Room()
    room.see(LEFT, times=10)
    after = [room.see(RIGHT) for _ in range(6)]
    assert [number for number, sight in enumerate(after) if sight.is_new] == [2]
    assert is_at(after[2].corners, RIGHT)


def test_a_neighbour_does_not_step_in_while_a_painting_is_hidden() -> None:
    room = Room()
    room.see(MIDDLE, RIGHT, times=5)
    assert is_at(room.see(RIGHT, times=8).corners, MIDDLE)
    assert is_at(room.see(RIGHT, times=8).corners, RIGHT)


@pytest.mark.parametrize("step_s", [1 / 60, 1 / 12, 1 / 4])
def test_a_painting_that_is_hidden_is_held_for_a_second(step_s: float) -> None:
    room = Room(step_s)
    room.see(MIDDLE, times=10)
    held = room.see(times=round(0.9 / step_s))
    assert held.view == "painting"
    assert is_at(held.corners, MIDDLE)
    assert room.see(times=math.ceil(0.4 / step_s)).view == "centre"


def test_a_painting_that_comes_back_in_time_was_never_gone() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    sights = [room.see(times=8), *(room.see(MIDDLE) for _ in range(5))]
    assert not any(sight.is_new for sight in sights)
    assert {sight.view for sight in sights} == {View.PAINTING}


def test_of_several_the_one_nearest_the_middle_is_chosen_and_the_others_are_told() -> None:
    sight = Room().see(RIGHT, painting(600), LEFT, times=4)
    assert is_at(sight.corners, painting(600))
    assert sorted(float(other[0, 0]) for other in sight.others) == pytest.approx([150, 830], abs=2)


def test_two_paintings_about_as_near_do_not_alternate() -> None:
    room = Room()
    room.see(painting(440), painting(830), times=5)
    rng = np.random.default_rng(0)
    news = 0
    for _ in range(200):
        shake = float(rng.normal(0, 15))
        news += room.see(painting(440 + shake), painting(830 + shake)).is_new
    assert news == 0


def test_one_that_is_clearly_nearer_takes_over() -> None:
    room = Room()
    assert is_at(room.see(painting(440), painting(830), times=5).corners, painting(830))
    assert is_at(room.see(painting(560), painting(950), times=8).corners, painting(560))


def test_corners_at_rest_are_smoothed() -> None:
    room, rng = Room(), np.random.default_rng(1)
    room.see(MIDDLE, times=5)
    found, shown = [], []
    for _ in range(100):
        shaken = Candidate(MIDDLE.corners + rng.normal(0, 1.5, (4, 2)).astype(np.float32), 0.9)
        found.append(shaken.corners[0, 0])
        shown.append(room.see(shaken).corners[0, 0])
    assert np.std(np.diff(shown)) < 0.5 * np.std(np.diff(found))


@pytest.mark.parametrize("step_s", [1 / 60, 1 / 12])
def test_corners_in_motion_are_followed(step_s: float) -> None:
    room = Room(step_s)
    room.see(painting(400), times=10)
    for number in range(1, 1 + round(1 / step_s)):
        there = painting(400 + 300 * number * step_s)  # a size of the painting in a second
        sight = room.see(there)
    assert is_at(sight.corners, there, within=0.04)
    assert sight.guidance == "hold_still"


def test_guidance_that_alternates_is_not_given() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    small, smaller = painting(640, size=160), painting(640, size=156)
    room.see(painting(640, size=220), times=5)
    said = [room.see(small if number % 2 else smaller).guidance for number in range(40)]
    assert sum(a != b for a, b in itertools.pairwise(said)) <= 1


def test_guidance_that_stays_is_given() -> None:
    room = Room()
    assert room.see(MIDDLE, times=5).guidance is None
    assert room.see(painting(640, size=240), times=3).guidance is None
    assert room.see(painting(640, size=140), times=10).guidance == "come_closer"


def test_markers_come_first_and_at_once() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    sight = room.see(MIDDLE, marked=[painting(300, score=1.0)])
    assert (sight.view, sight.score, sight.is_new) == ("marker", 1.0, True)
    assert is_at(sight.corners, painting(300))


def test_markers_on_the_painting_in_view_are_nothing_new() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    sight = room.see(MIDDLE, marked=[painting(645, size=310)])
    assert (sight.view, sight.is_new, sight.others) == ("marker", False, ())


def test_a_fixed_region_overrides_all() -> None:
    tracker = Tracker(region=((0.25, 0.1), (0.75, 0.1), (0.75, 0.9), (0.25, 0.9)))
    sights = [tracker.update([LEFT], WIDTH, HEIGHT, number / 12, [RIGHT]) for number in range(5)]
    assert {(sight.view, sight.guidance, sight.others) for sight in sights} == {(View.REGION, None, ())}
    assert [sight.is_new for sight in sights] == [True, False, False, False, False]
    np.testing.assert_allclose(sights[0].corners, [[320, 72], [960, 72], [960, 648], [320, 648]], rtol=1e-6)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Candidate(np.full((4, 2), np.nan, np.float32), 0.9), id="no numbers"),
        pytest.param(Candidate(MIDDLE.corners * np.float32([[1], [1], [np.inf], [1]]), 0.9), id="an infinite corner"),
        pytest.param(Candidate(MIDDLE.corners, math.nan), id="no score"),
        pytest.param(Candidate(np.zeros((4, 2), np.float32), 0.9), id="a point"),
    ],
)
def test_broken_candidates_are_ignored(broken: Candidate) -> None:
    room = Room()
    assert room.see(broken, times=5).view == "centre"
    sight = room.see(broken, MIDDLE, times=5, marked=[broken])
    assert sight.view == "painting"
    assert np.isfinite(sight.corners).all()


@pytest.mark.parametrize(
    "times_s",
    [
        pytest.param([5.0] * 400, id="it stands still"),
        pytest.param([100 - 0.1 * number for number in range(400)], id="it runs backwards"),
        pytest.param([number / 12 - 1000 * (number > 10) for number in range(400)], id="it jumps back"),
        pytest.param([math.nan] * 400, id="it says nothing"),
    ],
)
def test_whatever_the_clock_says_paintings_come_and_go(times_s: list[float]) -> None:
    tracker = Tracker()
    views = [
        tracker.update([MIDDLE] if number < 50 else [], WIDTH, HEIGHT, at_s).view for number, at_s in enumerate(times_s)
    ]
    assert views[3] == "painting"
    assert views[-1] == "centre"


def test_a_jump_of_the_clock_ahead_ends_what_is_held() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    room.at_s += 3600
    assert room.see().view == "centre"


def test_another_frame_size_starts_afresh() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    sight = room.tracker.update([MIDDLE], 640, 480, room.at_s)
    assert (sight.view, sight.is_new) == ("centre", True)
    np.testing.assert_array_equal(sight.corners, middle_square(640, 480))


def test_reset_forgets_the_painting() -> None:
    room = Room()
    room.see(MIDDLE, times=5)
    room.tracker.reset()
    assert room.see().view == "centre"
