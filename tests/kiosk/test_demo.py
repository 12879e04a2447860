"""The walk past drawn canvases: the same for everybody, quick, and never another painting twice."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import bundle
from kiosk import eye
from kiosk.camera import Camera
from kiosk.classifier import Classifier
from kiosk.demo import DemoGallery
from kiosk.demo.gallery import EXHIBITS, FRAME_HEIGHT, FRAME_WIDTH, REST_S, WALK_S
from kiosk.eye import Eye, upright
from kiosk.judge import Finding, Judge
from kiosk.locator.tracker import View
from kiosk.metrics import Metrics
from kiosk.smoothing import Smoother
from kiosk.source import DemoSource
from kiosk.station import load_locator
from kiosk.watcher import UNFOUND_ODDS

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "default"
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


@dataclass(frozen=True)
class Seen:
    """What the kiosk made of a frame."""

    into_s: float  # seconds of the rest
    view: View
    overlap: float  # of the outline with the canvas: intersection over union
    style: str | None
    confidence: float


@pytest.fixture(scope="module")
def round_of_the_shipped_bundle(gallery: DemoGallery) -> list[list[Seen]]:
    """A round as the watcher sees it, five frames a second of every rest."""
    verified = bundle.load(SHIPPED)
    judge = Judge(Classifier(verified, "int8"), Metrics(Camera(DemoSource())))
    looking, smoother = Eye(load_locator(verified), eye.Settings()), Smoother(judge.styles, judge.rule)

    def look(at_s: float, into_s: float) -> Seen:
        picture = np.asarray(cv2.cvtColor(gallery.frame(at_s), cv2.COLOR_BGR2RGB), np.uint8)
        sight = looking.follow(picture, at_s)
        if sight.view is View.CENTRE and sight.is_new:
            smoother.reset()
        finding = Finding(None, None, {}) if sight.is_held else judge.look(upright(picture, sight, judge.size))
        if sight.view is View.CENTRE and finding.scores is not None:
            finding = replace(finding, scores=finding.scores.with_odds(UNFOUND_ODDS))
        answer = smoother.update(finding, at_s, sight.is_new)
        overlap = _overlap(np.asarray(sight.corners, np.float32), gallery.corners(at_s))
        return Seen(into_s, sight.view, overlap, answer.style, answer.confidence)

    return [
        [look(place * STOP_S + into_s, into_s) for into_s in np.arange(0, REST_S, 0.2).tolist()]
        for place in range(len(EXHIBITS))
    ]


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    common, _ = cv2.intersectConvexConvex(one, other)
    return common / (cv2.contourArea(one) + cv2.contourArea(other) - common)


def test_the_shipped_bundle_calls_each_canvas_what_it_was_drawn_as(
    round_of_the_shipped_bundle: list[list[Seen]],
) -> None:
    """From the second second of each rest to its end, for all that the hand moves; not by luck, but surely."""
    for exhibit, rest in zip(EXHIBITS, round_of_the_shipped_bundle, strict=True):
        drawn_as = next((style for style in STYLES if exhibit.caption.endswith(f" manner of {style}")), None)
        steady = [seen for seen in rest if seen.into_s >= 1.4]
        assert {seen.style for seen in steady} == {drawn_as}, exhibit.caption
        for seen in steady:
            assert seen.confidence > 0.7 if drawn_as else seen.confidence < 0.2, exhibit.caption


def test_no_style_flashes_up_before_a_canvas_of_none(round_of_the_shipped_bundle: list[list[Seen]]) -> None:
    """Longer than a moment: until the smoother has believed its eyes, the last canvas's style stands."""
    for exhibit, rest in zip(EXHIBITS, round_of_the_shipped_bundle, strict=True):
        if "none of the six styles" in exhibit.caption:
            assert all(seen.style is None for seen in rest if seen.into_s >= 1.0), exhibit.caption


def test_the_outline_lies_on_the_edge_of_the_canvas(round_of_the_shipped_bundle: list[list[Seen]]) -> None:
    """Neither on the frame's outer edge, nor on anything painted."""
    for exhibit, rest in zip(EXHIBITS, round_of_the_shipped_bundle, strict=True):
        steady = [seen for seen in rest if seen.into_s >= 1.4]
        assert {seen.view for seen in steady} == {View.PAINTING}, exhibit.caption
        assert min(seen.overlap for seen in steady) > 0.975, exhibit.caption


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


def test_what_was_hung_ahead_is_the_same() -> None:
    ahead = DemoGallery()
    ahead.hang_ahead(_NeverLeft())
    np.testing.assert_array_equal(ahead.frame(2 * STOP_S + 1), DemoGallery().frame(2 * STOP_S + 1))


def test_hanging_ahead_ends_when_the_visitor_has_left() -> None:
    left = threading.Event()
    left.set()
    started = time.monotonic()
    DemoGallery().hang_ahead(left)
    assert time.monotonic() - started < 0.3


class _NeverLeft(threading.Event):
    """In no hurry, but without the pauses."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


def test_the_source_hangs_beside_its_frames(painters: None) -> None:
    """The first frame waits for one canvas, no other frame for any; and nobody paints on when the source is closed."""
    with closing(DemoSource().shots(time.sleep)) as shots:
        shot = next(shots)
        assert shot is not None and shot.caption == EXHIBITS[0].caption
        assert _painters() == 1
    deadline = time.monotonic() + 5
    while _painters() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _painters()


@pytest.fixture
def painters() -> Iterator[None]:
    """None is at work before or after."""
    assert not _painters()
    yield
    assert not _painters()


def _painters() -> int:
    return sum(thread.name == "painter" for thread in threading.enumerate())


def test_a_frame_costs_little(gallery: DemoGallery, stops: list[np.ndarray]) -> None:
    """Under 10 ms on two free cores; the limit here is for a busy machine. CPU time, not the clock's."""
    count = 20
    started = time.thread_time()
    for i in range(count):
        gallery.frame(i * STOP_S / count)
    assert (time.thread_time() - started) / count < 0.05
