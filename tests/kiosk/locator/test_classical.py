from __future__ import annotations

import cv2
import numpy as np
import pytest

from bundle.picture import Pixels
from kiosk.locator.classical import ClassicalLocator
from kiosk.locator.quad import Quad, corner_distance, iou

STRAIGHT = np.array([[400, 130], [880, 130], [880, 590], [400, 590]], np.float32)
ASLANT = np.array([[420, 80], [860, 180], [850, 560], [410, 640]], np.float32)
LEFT = np.array([[120, 200], [500, 200], [500, 560], [120, 560]], np.float32)
RIGHT = np.array([[760, 190], [1140, 210], [1130, 550], [770, 570]], np.float32)
GOLD, WHITE, DARK = (170, 130, 60), (235, 232, 225), (40, 30, 25)

LOCATOR = ClassicalLocator()


def canvas(seed: int) -> Pixels:
    """Patches of many colours and sizes, 320 x 320: varied up to its border, as paintings are."""
    rng = np.random.default_rng(seed)
    total = np.zeros((320, 320, 3), np.float32)
    for cells in (4, 8, 16, 40):
        grid = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        total += cv2.resize(grid, (320, 320), interpolation=cv2.INTER_NEAREST) * 45 / cells**0.25
    return (total + 120).clip(0, 255).astype(np.uint8)


def framed(flat: Pixels, *borders: tuple[int, tuple[int, int, int]]) -> Pixels:
    """`flat` with borders around it, the innermost first: width in pixels and colour."""
    for width, colour in borders:
        flat = np.asarray(cv2.copyMakeBorder(flat, *[width] * 4, cv2.BORDER_CONSTANT, value=colour), np.uint8)
    return flat


def wall(*hung: tuple[Pixels, Quad], light: tuple[int, int, int] = (165, 160, 150), blur: float = 0.8) -> Pixels:
    """A wall of 1280 x 720 with sensor noise, and flat pictures hung where the quads say."""
    rng = np.random.default_rng(7)
    scene = np.ones((720, 1280, 3)) * light * np.linspace(1.05, 0.85, 720)[:, None, None]
    for flat, place in hung:
        height, width = flat.shape[:2]
        whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        view = cv2.getPerspectiveTransform(whole - np.float32(0.5), place - np.float32(0.5))
        seen = cv2.warpPerspective(flat, view, (1280, 720), flags=cv2.INTER_AREA)
        mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), view, (1280, 720))
        scene = np.where(mask[..., None] > 127, seen, scene)
    scene = cv2.GaussianBlur(scene, (0, 0), blur) + rng.normal(0, 3, scene.shape)
    return scene.clip(0, 255).astype(np.uint8)


def within(place: Quad, border: int, size: int = 320) -> Quad:
    """The canvas of `size` in a framed picture with `border` on each side that hangs at `place`."""
    total = size + 2 * border
    whole = np.array([[0, 0], [total, 0], [total, total], [0, total]], np.float32)
    inner = np.array(
        [[[border, border], [border + size, border], [border + size] * 2, [border, border + size]]], np.float32
    )
    return np.asarray(cv2.perspectiveTransform(inner, cv2.getPerspectiveTransform(whole, place))[0], np.float32)


@pytest.mark.parametrize("place", [pytest.param(STRAIGHT, id="straight on"), pytest.param(ASLANT, id="aslant")])
@pytest.mark.parametrize(
    "borders",
    [
        pytest.param((), id="bare canvas"),
        pytest.param(((40, GOLD),), id="in a moulding"),
        pytest.param(((50, WHITE), (14, DARK)), id="in passe-partout and moulding"),
        pytest.param(((26, DARK), (30, GOLD), (8, DARK)), id="in a moulding of three steps"),
    ],
)
def test_the_canvas_is_found_within_its_frame(
    place: Quad, borders: tuple[tuple[int, tuple[int, int, int]], ...]
) -> None:
    best, *_ = LOCATOR.locate(wall((framed(canvas(1), *borders), place)))
    expected = within(place, sum(width for width, _ in borders))
    assert iou(best.corners, expected) > 0.95
    assert corner_distance(expected, best.corners) < 0.02
    assert 0.3 < best.score <= 1


def test_two_paintings_are_both_found_and_do_not_overlap() -> None:
    picture = wall((framed(canvas(1), (30, GOLD)), LEFT), (framed(canvas(2), (30, DARK)), RIGHT))
    found = LOCATOR.locate(picture)
    for place in (LEFT, RIGHT):
        assert sum(iou(candidate.corners, within(place, 30)) > 0.9 for candidate in found) == 1
    assert all(iou(a.corners, b.corners) < 0.05 for a in found for b in found if a is not b)
    assert [candidate.score for candidate in found] == sorted((candidate.score for candidate in found), reverse=True)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(wall(), id="a wall"),
        pytest.param(wall(light=(60, 20, 25)), id="a dark red wall"),
        pytest.param(
            wall((np.full((80, 400, 3), 90, np.uint8), np.float32([[0, 600], [1280, 600], [1280, 720], [0, 720]]))),
            id="a wall with a floor",
        ),
        pytest.param(np.zeros((720, 1280, 3), np.uint8), id="darkness"),
        pytest.param(np.full((720, 1280, 3), 255, np.uint8), id="white"),
        pytest.param(np.random.default_rng(0).integers(0, 256, (720, 1280, 3)).astype(np.uint8), id="noise"),
        pytest.param(
            np.repeat(np.linspace(0, 255, 1280)[None, :, None], 720, 0).repeat(3, 2).astype(np.uint8), id="a ramp"
        ),
    ],
)
def test_nothing_is_found_where_no_painting_is(picture: Pixels) -> None:
    assert LOCATOR.locate(picture) == []


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 2000), (2000, 1), (47, 47), (48, 48), (60, 479), (401, 400), (99, 333), (1080, 1920)]
)
def test_pictures_of_any_size_are_borne(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for picture in (np.zeros((*size, 3), np.uint8), rng.integers(0, 256, (*size, 3)).astype(np.uint8)):
        for candidate in LOCATOR.locate(picture):
            assert np.isfinite(candidate.corners).all()


def test_the_same_painting_is_found_at_any_resolution() -> None:
    picture = wall((framed(canvas(1), (40, GOLD)), ASLANT))
    for width, height in ((640, 360), (1000, 563), (1920, 1080)):
        scaled = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        best, *_ = LOCATOR.locate(scaled)
        assert iou(best.corners, within(ASLANT, 40) * np.float32(width / 1280)) > 0.95
