from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.quality import fault
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
    assert fault(picture) == expected
