from __future__ import annotations

import numpy as np
import pytest

from kiosk.answer import Status
from kiosk.locator.guidance import Guidance, guide
from kiosk.quality import Quality

FINE = Quality(None, 0.2, 0.0)


@pytest.mark.parametrize(
    ("box", "speed", "expected"),
    [
        pytest.param((400, 150, 900, 600), 0.0, None, id="a painting in the middle is fine"),
        pytest.param((400, 150, 900, 600), 0.2, None, id="so is one that trembles"),
        pytest.param((400, 150, 900, 600), 2.0, "hold_still", id="one that races is not"),
        pytest.param((600, 300, 700, 420), 0.0, "come_closer", id="a small one is too far"),
        pytest.param((0, 150, 1280, 600), 0.0, "step_back", id="cut off on both sides"),
        pytest.param((400, -20, 900, 735), 0.0, "step_back", id="cut off above and below"),
        pytest.param((0, 100, 500, 600), 0.0, "step_left", id="cut off on the left, so the camera goes left"),
        pytest.param((700, 100, 1285, 600), 0.0, "step_right", id="cut off on the right"),
        pytest.param((400, 0, 900, 500), 0.0, "tilt_up", id="cut off above"),
        pytest.param((400, 200, 900, 719), 0.0, "tilt_down", id="cut off below"),
        pytest.param((-90, -10, 500, 500), 0.0, "step_left", id="cut off more on the left than above"),
        pytest.param((30, 200, 230, 500), 0.0, "step_left", id="whole, but far left"),
        pytest.param((1000, 200, 1250, 500), 0.0, "step_right", id="whole, but far right"),
        pytest.param((500, 12, 900, 320), 0.0, None, id="high, but not that far"),
        pytest.param((440, 10, 840, 110), 0.0, "tilt_up", id="whole, but far up"),
    ],
)
def test_guide(box: tuple[int, int, int, int], speed: float, expected: str | None) -> None:
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    assert guide(corners, 1280, 720, speed) == expected


@pytest.mark.parametrize(
    ("guidance", "quality", "expected"),
    [
        pytest.param(None, FINE, None, id="all is well"),
        pytest.param(Guidance.STEP_LEFT, FINE, "step_left", id="the place counts when the quality is fine"),
        pytest.param(None, Quality(Status.TOO_DARK, 0.2, 0.0), "more_light", id="dark"),
        pytest.param(Guidance.STEP_LEFT, Quality(Status.TOO_DARK, 0.2, 0.0), "more_light", id="light before place"),
        pytest.param(None, Quality(Status.TOO_BLURRED, 1.5, 0.0), "hold_still", id="blurred"),
        pytest.param(None, Quality(None, 0.2, 0.1), "less_glare", id="glare"),
        pytest.param(Guidance.COME_CLOSER, Quality(None, 0.2, 0.1), "come_closer", id="place before glare"),
        pytest.param(None, Quality(Status.NO_PAINTING, 0.2, 0.0), None, id="an empty picture asks nothing"),
    ],
)
def test_quality_joins_in(guidance: Guidance | None, quality: Quality, expected: str | None) -> None:
    assert quality.guide(guidance) == expected
