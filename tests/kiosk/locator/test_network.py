from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import bundle
from kiosk.locator.network import LocatorError, NetworkLocator, meet
from kiosk.locator.quad import Quad, corner_distance, iou
from tests.gallery import hang, wall
from tests.stand_in import BLUE, GREEN, RED

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "default"
ROWS = 48
TRUE = np.array([[0.2, 0.22], [0.81, 0.17], [0.79, 0.83], [0.17, 0.78]], np.float32)
ROUGH = np.array([[0.22, 0.2], [0.79, 0.2], [0.8, 0.8], [0.2, 0.8]], np.float32)

Floats = npt.NDArray[np.float32]


def told(quad: Quad) -> tuple[Floats, Floats]:
    """What a network says that knows the sides of `quad`."""
    along = (np.arange(ROWS) + 0.5) / ROWS
    sides = np.empty((4, ROWS), np.float32)
    for number in range(4):
        first, second, axis = quad[number], quad[(number + 1) % 4], number % 2
        slope = (second[1 - axis] - first[1 - axis]) / (second[axis] - first[axis])
        sides[number] = first[1 - axis] + slope * (along - first[axis])
    return sides, np.full((4, ROWS), 0.6, np.float32)


def hide_a_third(sides: Floats, sureness: Floats) -> None:
    """Somebody stands before the right end of the bottom side: the network sees a shoulder, and is not sure."""
    sides[2, 30:] -= 0.15
    sureness[2, 30:] = 0.2


def hide_all_of_a_side(sides: Floats, sureness: Floats) -> None:
    sides[2] = 0.5
    sureness[2] = 0.03


def tremble(sides: Floats, sureness: Floats) -> None:
    sides += np.random.default_rng(0).normal(0, 0.004, sides.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "corners", "distance"),
    [
        pytest.param(lambda sides, sureness: None, TRUE, 1e-4, id="sides that are known meet in the corners"),
        pytest.param(tremble, TRUE, 0.006, id="what trembles by a pixel is known to less"),
        pytest.param(hide_a_third, TRUE, 0.03, id="what hides a part of a side does not bend it"),
        pytest.param(
            hide_all_of_a_side,
            np.array([TRUE[0], TRUE[1], [0.791, 0.8], [0.169, 0.8]]),
            0.01,
            id="a side that is hidden is where the corners were said to be",
        ),
    ],
)
def test_where_sides_meet(change: Callable[[Floats, Floats], None], corners: Quad, distance: float) -> None:
    sides, sureness = told(TRUE)
    change(sides, sureness)
    assert np.abs(meet(sides, sureness, ROUGH) - corners).max() < distance


def test_a_network_that_knows_nothing_leaves_what_was_said() -> None:
    nothing = np.zeros((4, ROWS), np.float32)
    assert meet(nothing, nothing, ROUGH) == pytest.approx(ROUGH, abs=1e-5)


@pytest.fixture(scope="module")
def locator() -> NetworkLocator:
    return NetworkLocator(bundle.load(SHIPPED, lambda file: False))


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
@pytest.mark.parametrize(
    ("left", "top", "width", "height", "turn"),
    [
        pytest.param(420, 150, 420, 400, 0, id="straight on"),
        pytest.param(420, 180, 300, 340, 40, id="from the side"),
        pytest.param(150, 250, 260, 200, 0, id="small and off the middle"),
        pytest.param(330, 60, 600, 590, 0, id="large"),
    ],
)
def test_the_shipped_locator_finds_a_canvas_in_its_frame(
    locator: NetworkLocator, colour: tuple[int, int, int], left: int, top: int, width: int, height: int, turn: int
) -> None:
    picture = wall()
    canvas = hang(picture, colour, left, top, width, height, turn)
    found = locator.locate(picture)
    assert len(found) == 1
    assert iou(found[0].corners, canvas) > 0.85
    assert 0 < found[0].score <= 1


def test_what_is_known_is_looked_at_again_and_followed(locator: NetworkLocator) -> None:
    picture = wall()
    canvas = hang(picture, GREEN, 420, 150, 420, 400)
    found = locator.locate(picture, [canvas + 12])
    assert len(found) == 1
    assert corner_distance(canvas, found[0].corners) < 0.03


def test_where_what_was_known_has_gone_all_is_searched(locator: NetworkLocator) -> None:
    picture = wall()
    canvas = hang(picture, GREEN, 700, 200, 300, 300)
    gone = np.array([[100, 200], [400, 200], [400, 500], [100, 500]], np.float32)
    found = locator.locate(picture, [gone])
    assert len(found) == 1
    assert iou(found[0].corners, canvas) > 0.85


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_reported_on_a_bare_wall(locator: NetworkLocator, seed: int) -> None:
    assert locator.locate(wall(seed=seed)) == []


def with_locator(folder: Path, content: bytes) -> bundle.Bundle:
    """The shipped bundle with another file for its locator."""
    shutil.copytree(SHIPPED, folder)
    manifest = json.loads((folder / "bundle.json").read_text())
    entry = manifest["locator"]
    (folder / entry["path"]).write_bytes(content)
    entry |= {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return bundle.load(folder, lambda file: False)


def test_a_file_that_is_no_locator_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(LocatorError, match="cannot be used as a locator") as caught:
        NetworkLocator(with_locator(tmp_path / "bundle", (SHIPPED / "model.int8.onnx").read_bytes()))
    assert "\n" not in str(caught.value)
