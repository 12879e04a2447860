from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.quality import assess
from tests.stand_in import GREY, RED, Pixels, painting


def _wall() -> Pixels:
    light = np.linspace(120, 200, 720)[:, None, None] + np.random.default_rng(0).normal(0, 4, (720, 720, 3))
    return light.clip(0, 255).astype(np.uint8)


def _pattern() -> Pixels:
    """Forms of every size, the larger the stronger, with hard edges: the statistics of a painting."""
    rng = np.random.default_rng(2)
    total = np.zeros((720, 720), np.float32)
    for cells in (6, 12, 24, 48, 90, 180, 360):
        grid = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        total += cv2.resize(grid, (720, 720), interpolation=cv2.INTER_NEAREST) * 12 / cells**0.35 * 3
    return np.repeat((total + 128).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param(_pattern(), None, id="a sharp and lit picture is fine"),
        pytest.param(painting(RED, 720, 720), None, id="so is one in a strong colour"),
        pytest.param(painting(GREY, 90, 60), None, id="so is one smaller than what is measured"),
        pytest.param(cv2.GaussianBlur(_pattern(), (0, 0), 2.5), None, id="so is one painted softly"),
        pytest.param((_pattern() * 0.4).astype(np.uint8), None, id="so is one in dim light"),
        pytest.param((_pattern() * 0.1).astype(np.uint8), "too_dark", id="a tenth of the light is too dark"),
        pytest.param(np.zeros((720, 720, 3), np.uint8), "too_dark", id="black is too dark"),
        pytest.param(np.full((720, 720, 3), 255, np.uint8), "no_painting", id="white shows nothing"),
        pytest.param(_wall(), "no_painting", id="a wall under a lamp, with noise, shows nothing"),
        pytest.param(cv2.GaussianBlur(_pattern(), (0, 0), 14), "too_blurred", id="out of focus"),
        pytest.param(cv2.blur(_pattern(), (61, 1)), "too_blurred", id="shaken sideways"),
        pytest.param(cv2.blur(_pattern(), (1, 61)), "too_blurred", id="shaken up and down"),
        pytest.param(np.full((1, 1, 3), 128, np.uint8), "no_painting", id="a single pixel shows nothing"),
    ],
)
def test_fault(picture: Pixels, expected: str | None) -> None:
    assert assess(picture).fault == expected


def _lamp(picture: Pixels, spread: float, strength: float = 400.0, x: int = 400, y: int = 300) -> Pixels:
    down, across = np.indices(picture.shape[:2])
    light = strength * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * spread**2))
    return (picture * 0.8 + light[..., None]).clip(0, 255).astype(np.uint8)


def _with_white(edge: float) -> Pixels:
    """A picture with a white disc, painted with an edge that is this soft."""
    disc = cv2.circle(np.zeros((720, 720), np.float32), (360, 360), 150, 1, -1)
    if edge:
        disc = cv2.GaussianBlur(disc, (0, 0), edge)
    return (_pattern() * 0.6 * (1 - disc[..., None]) + 255 * disc[..., None]).astype(np.uint8)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param(_pattern(), False, id="a painting without a lamp"),
        pytest.param(_lamp(_pattern(), 60), True, id="a lamp mirrored in it"),
        pytest.param(_lamp(_pattern(), 120), True, id="a large one"),
        pytest.param(_lamp(_lamp(_pattern(), 50), 50, x=150, y=550), True, id="two of them"),
        pytest.param(_lamp(_pattern(), 60, strength=70), False, id="a sheen that hides nothing"),
        pytest.param(_lamp(_pattern(), 8), False, id="a spark on the varnish"),
        pytest.param(_with_white(0), False, id="a white disc that is painted"),
        pytest.param(_with_white(4), False, id="a white disc that is painted softly"),
        pytest.param(np.full((720, 720, 3), 255, np.uint8), False, id="white all over"),
        pytest.param(np.zeros((720, 720, 3), np.uint8), False, id="black"),
        pytest.param(np.full((1, 1, 3), 255, np.uint8), False, id="a single pixel"),
    ],
)
def test_glare(picture: Pixels, expected: bool) -> None:
    assert assess(picture).has_glare is expected


def test_glare_is_the_share_that_is_blown_out() -> None:
    assert assess(_pattern()).glare == 0
    small, large = (assess(_lamp(_pattern(), spread)).glare for spread in (50, 100))
    # Where the lamp gives more than what is lacking: within 1 to 1.4 times its spread.
    assert 0.01 < small < 0.05 < large < 0.2


def test_glare_is_no_fault() -> None:
    assert assess(_lamp(_pattern(), 60)).fault is None


def test_blur_grows_to_one_at_the_gate() -> None:
    blurs = [
        assess(np.asarray(cv2.GaussianBlur(_pattern(), (0, 0), spread), np.uint8)).blur for spread in (1, 4, 8, 14)
    ]
    assert blurs == sorted(blurs)
    assert blurs[0] < 0.5
    assert blurs[-1] > 1
