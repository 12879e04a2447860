"""The truth of a scene is checked against its pixels: a vivid canvas must be vivid just where it is said to be."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from benchmarks.scenes import KINDS, Kind, Painting, Scene, drawn, scene
from benchmarks.scenes.view import View, lay, rectangle

# Of a colour that no wall, frame or visitor has, so that the canvas can be found by it.
VIVID = (255, 0, 255)

FLAT = (Painting(np.full((256, 256, 3), VIVID, np.uint8), label=0),)


def made(kind: Kind, number: int, seed: int = 3) -> Scene:
    return scene(np.random.default_rng([seed, number]), FLAT, kind)


def vividness(shown: Scene) -> np.ndarray:
    """How much more red and blue than green there is ``[h, w]``, as a share of the brightness."""
    red, green, blue = np.moveaxis(cv2.GaussianBlur(shown.picture, (5, 5), 0).astype(np.float32), 2, 0)
    return (np.minimum(red, blue) - green) / np.maximum(np.maximum(red, blue), 8)


def mask(shown: Scene, grow: float) -> np.ndarray:
    """The nearest canvas, its corners moved away from its middle by `grow` pixels."""
    assert shown.nearest is not None
    quad = shown.canvases[shown.nearest]
    away = quad - quad.mean(axis=0)
    corners = quad + grow * away / np.linalg.norm(away, axis=1, keepdims=True) - 0.5
    filled = np.zeros(shown.picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(filled, np.round(corners * 16).astype(np.int32), 1, shift=4)
    return filled.astype(bool)


@pytest.mark.parametrize("number", range(6))
def test_the_truth_is_where_the_canvas_is_seen(number: int) -> None:
    shown = made("plain", number)
    vivid = vividness(shown) > 0.45
    assert vivid[mask(shown, -8)].mean() > 0.97, "inside"
    ring = mask(shown, 14) & ~mask(shown, 5)
    assert vivid[ring].mean() < 0.06, "just outside"


@pytest.mark.parametrize("distortion", [0.0, 0.05, 0.1])
def test_corners_are_exact_to_a_fifth_of_a_pixel_through_a_lens(distortion: float) -> None:
    aim = np.array([5.0, -3.0, 0.0])
    view = View.towards(
        aim, (1280, 720), focal=900, distance_cm=150, yaw=0.5, pitch=-0.2, roll=0.1, distortion=distortion
    )
    corners = rectangle(-30, -20, 25, 30, -5)
    picture = np.zeros((720, 1280, 3), np.uint8)
    lay(picture, view, np.full((200, 220, 3), 255, np.uint8), corners)
    shown = view.bend(picture)[..., 0]
    truth = view.seen(view.project(corners)).astype(np.float32)
    # A canvas in a bent picture has bent sides; at its corners they are tangent to the truth.
    found = cv2.cornerSubPix(shown, truth.copy(), (5, 5), (-1, -1), (cv2.TERM_CRITERIA_COUNT, 40, 0.001))
    assert np.abs(found - truth).max() < 0.2 + 3 * distortion


def test_the_lens_is_undone_exactly() -> None:
    view = View.towards(np.zeros(3), (1280, 720), focal=900, distance_cm=150, yaw=0, pitch=0, roll=0, distortion=0.1)
    ideal = np.array([[0, 0], [1279, 719], [300, 500], [639.5, 359.5]], np.float64)
    seen = view.seen(ideal)
    assert seen[0] == pytest.approx([0, 0], abs=1e-6), "the frame's corners stay"
    assert seen[3] == pytest.approx([639.5, 359.5]), "and its middle"
    offset = seen - view.middle
    scale, bend = 1 / 1.1, 0.1 / float(view.middle @ view.middle)
    back = view.middle + offset * scale * (1 + bend * np.sum(offset**2, axis=1, keepdims=True))
    assert back == pytest.approx(ideal, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_scene(kind: Kind) -> None:
    first, again = made(kind, 1), made(kind, 1)
    assert np.array_equal(first.picture, again.picture)
    assert first.attributes == again.attributes
    assert not np.array_equal(first.picture, made(kind, 1, seed=4).picture)


@pytest.fixture(scope="module")
def many() -> list[Scene]:
    return [made(kind, number, seed=9) for number in range(12) for kind in KINDS]


def test_canvases_are_whole_clockwise_and_the_nearest_is_named(many: list[Scene]) -> None:
    for shown in many:
        height, width = shown.picture.shape[:2]
        assert {height, width} == {720, 1280} and shown.picture.dtype == np.uint8
        if shown.kind == "bare":
            assert shown.canvases == () and shown.nearest is None and shown.shown == ()
            continue
        assert shown.nearest is not None and len(shown.shown) == len(shown.canvases)
        away = []
        for quad in shown.canvases:
            assert quad.shape == (4, 2) and quad.dtype == np.float32
            assert (quad > 0).all() and (quad < (width, height)).all()
            assert cv2.contourArea(quad, oriented=True) > 0, "clockwise, with y down"
            assert quad[0, 0] < quad[1, 0] and quad[0, 1] < quad[3, 1], "from the top left"
            away.append(math.dist(quad.mean(axis=0), (width / 2, height / 2)))
        assert away[shown.nearest] == min(away)
        assert all(other > away[shown.nearest] + 40 for n, other in enumerate(away) if n != shown.nearest)


@pytest.mark.parametrize(("kind", "most"), [("plain", 26), ("hard", 60)])
def test_scenes_keep_to_their_kind(many: list[Scene], kind: Kind, most: float) -> None:
    for shown in many:
        if shown.kind == kind:
            # The line of sight to a canvas beside the frame's middle leans a little more than the camera.
            assert 0 <= shown.attributes.angle < most
            assert 0.15 < shown.attributes.size < 1.1
            assert shown.attributes.covered <= 0.35
            assert shown.attributes.people == 0 or kind == "hard"


def test_hard_scenes_have_what_goes_wrong() -> None:
    shown = [made("hard", number, seed=5).attributes for number in range(40)]
    for name in ("several", "people", "glare", "hard_shadow", "low_light", "motion_blur", "barrel", "busy"):
        share = sum(bool(getattr(each, name)) for each in shown) / len(shown)
        assert 0.02 < share < 0.9, name
    assert max(each.angle for each in shown) > 35


def test_a_bare_wall_needs_no_paintings() -> None:
    assert scene(np.random.default_rng(0), (), "bare").canvases == ()


def test_drawn_canvases_differ_and_come_again() -> None:
    first, again = drawn(9, seed=2), drawn(9, seed=2)
    assert len(first) == 9
    for one, other in zip(first, again, strict=True):
        assert one.label is None and one.pixels.std() > 1 and np.array_equal(one.pixels, other.pixels)
    assert len({painting.pixels.tobytes() for painting in first}) == 9
