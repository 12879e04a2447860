"""The walk past drawn canvases: the same for everybody, quick, and never another painting twice."""

import itertools
import time

import numpy as np
import pytest

from kiosk.demo import DemoGallery
from kiosk.demo.gallery import EXHIBITS, FRAME_HEIGHT, FRAME_WIDTH, REST_S, WALK_S

STYLES = (
    "Impressionism",
    "Cubism",
    "Byzantine Art",
    "Expressionism",
    "Pop Art",
    "Abstract Expressionism",
)
STOP_S = REST_S + WALK_S


@pytest.fixture(scope="module")
def gallery() -> DemoGallery:
    return DemoGallery()


@pytest.fixture(scope="module")
def stops(gallery: DemoGallery) -> list[np.ndarray]:
    """The central square at rest in front of each canvas: what the kiosk looks at."""
    margin = (FRAME_WIDTH - FRAME_HEIGHT) // 2
    return [gallery.frame(i * STOP_S + REST_S / 2)[:, margin:-margin] for i in range(len(EXHIBITS))]


@pytest.mark.parametrize("seconds", [0.0, 2.5, REST_S + WALK_S / 2, 8 * STOP_S + 1, 1e6, -3.0])
def test_a_frame_is_what_a_camera_gives(gallery: DemoGallery, seconds: float) -> None:
    frame = gallery.frame(seconds)
    assert (frame.shape, frame.dtype) == ((FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
    assert frame.std() > 10


@pytest.mark.parametrize("seconds", [2.0, REST_S + 1.7])
def test_the_same_seconds_give_the_same_frame(gallery: DemoGallery, seconds: float) -> None:
    other = DemoGallery()
    np.testing.assert_array_equal(gallery.frame(seconds), other.frame(seconds))


def test_a_frame_does_not_depend_on_what_was_asked_before(gallery: DemoGallery, stops: list[np.ndarray]) -> None:
    """All canvases hang by now; a fresh gallery has drawn one."""
    np.testing.assert_array_equal(gallery.frame(STOP_S + 2), DemoGallery().frame(STOP_S + 2))


def test_no_two_canvases_are_alike(stops: list[np.ndarray]) -> None:
    for one, other in itertools.combinations(stops, 2):
        assert np.abs(one.astype(int) - other).mean() > 20


def test_the_canvas_fills_the_square_that_is_looked_at(stops: list[np.ndarray]) -> None:
    """The wall is dim and flat; what is inside the central four fifths is not."""
    for square in stops:
        inside = square[72:-72, 72:-72]
        assert inside.reshape(-1, 3).std(axis=0).mean() > 15
        assert inside.mean() > 60


def test_the_picture_moves_between_canvases_and_rests_in_front_of_them(gallery: DemoGallery) -> None:
    def change(at: float) -> float:
        return float(np.abs(gallery.frame(at).astype(int) - gallery.frame(at + 0.1)).mean())

    assert change(REST_S + WALK_S / 2) > 2 * change(REST_S / 2)


def test_the_last_canvas_leads_back_to_the_first(gallery: DemoGallery) -> None:
    """The hand sways on other periods than the walk, so the two views differ by a few pixels."""
    assert gallery.caption(len(EXHIBITS) * STOP_S + 1) == gallery.caption(1)
    before, after = gallery.frame(len(EXHIBITS) * STOP_S - 0.01), gallery.frame(len(EXHIBITS) * STOP_S + 0.01)
    assert np.abs(before.astype(int) - after).mean() < 4


def test_each_style_is_announced_once_and_each_caption_says_that_it_is_a_demonstration(
    gallery: DemoGallery,
) -> None:
    captions = [gallery.caption(i * STOP_S + 1) for i in range(len(EXHIBITS))]
    assert len(set(captions)) == len(captions)
    assert all(caption.startswith("Drawn for demonstration: ") for caption in captions)
    for style in STYLES:
        assert sum(caption.endswith(f"in the manner of {style}") for caption in captions) == 1
    assert sum("none of the six styles" in caption for caption in captions) == 2


def test_the_caption_changes_half_way(gallery: DemoGallery) -> None:
    half = REST_S + WALK_S / 2
    assert gallery.caption(half - 0.2) == gallery.caption(0)
    assert gallery.caption(half + 0.2) == gallery.caption(STOP_S)


def test_a_frame_costs_little(gallery: DemoGallery, stops: list[np.ndarray]) -> None:
    """Under 10 ms on two free cores; the limit here is for a busy machine. CPU time, not the clock's."""
    count = 20
    started = time.thread_time()
    for i in range(count):
        gallery.frame(i * STOP_S / count)
    assert (time.thread_time() - started) / count < 0.05
