from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

keras = pytest.importorskip("keras")

import bundle  # noqa: E402
from kiosk.locator.network import NetworkLocator  # noqa: E402
from tests.commands import run  # noqa: E402
from tests.gallery import hang, wall  # noqa: E402
from tests.stand_in import BLUE, GREEN, RED, painting, write_bundle  # noqa: E402
from train.locator import network as locating  # noqa: E402
from train.locator.scenes import Scene, Stock, draw  # noqa: E402
from train.locator.targets import FINE, GRID, SIZE, batches, sides, target  # noqa: E402

STOCK = Stock([painting(colour, 200, 160) for colour in (RED, GREEN, BLUE)], [painting(GREEN, 300, 200, 5)])


def scenes(count: int, first: int = 0) -> list[Scene]:
    return [draw(np.random.default_rng(seed), STOCK) for seed in range(first, first + count)]


def test_scenes_are_pictures_with_corners_clockwise_inside_them() -> None:
    kinds = set()
    for scene in scenes(60):
        height, width = scene.picture.shape[:2]
        assert scene.picture.dtype == np.uint8
        assert min(height, width) > 60
        assert scene.canvases.shape[1:] == scene.doubtful.shape[1:] == (4, 2)
        kinds.add((len(scene.canvases) > 0, width == height))
        for quad in scene.canvases:
            assert cv2.isContourConvex(np.ascontiguousarray(quad))
            assert cv2.contourArea(np.ascontiguousarray(quad), oriented=True) > 0.015, "clockwise, and not tiny"
            assert quad.min() > -0.1
            assert quad.max() < 1.1
    assert kinds >= {(True, True), (True, False), (False, False)}, "close-ups, frames, and frames without a canvas"


def test_a_seed_is_a_scene() -> None:
    first, again = (draw(np.random.default_rng(11), STOCK) for _ in range(2))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.canvases, again.canvases)


def test_a_canvas_ends_where_the_truth_says() -> None:
    """The white canvas of a stock that holds nothing else is brighter than what surrounds it, on all four sides."""
    white = Stock([np.full((200, 200, 3), 255, np.uint8)], [])
    inside, outside = [], []
    for seed in range(120):
        scene = draw(np.random.default_rng(seed), white)
        height, width = scene.picture.shape[:2]
        for quad in scene.canvases * (width, height):
            centre = quad.mean(0)
            for first, second in zip(quad, np.roll(quad, -1, 0), strict=True):
                middle = (first + second) / 2
                away = (middle - centre) / np.linalg.norm(middle - centre) * 0.05 * np.sqrt(width * height)
                for point, values in ((middle - away, inside), (middle + away, outside)):
                    x, y = np.round(point).astype(int)
                    if 0 <= x < width and 0 <= y < height:
                        values.append(scene.picture[y, x].mean())
    assert np.mean(inside) > np.mean(outside) + 40


def test_what_the_target_says_is_decoded_to_the_same_corners() -> None:
    quad = np.array([[0.2, 0.3], [0.62, 0.25], [0.6, 0.8], [0.22, 0.7]], np.float32)
    scene = Scene(np.zeros((10, 10, 3), np.uint8), quad[None], np.zeros((0, 4, 2), np.float32), quad)
    maps, told = target(scene), sides(scene)
    given = np.concatenate([maps[..., :1] * 20 - 10, maps[..., 2:10]], axis=-1)
    cells = np.arange(FINE)
    logits = np.empty((FINE, FINE, 4), np.float32)
    for number in range(4):  # sure of the two cells nearest to where the side is, in their shares
        at = np.clip(told[number, :, 0] * FINE - 0.5, 0, FINE - 1)
        near = np.maximum(1 - np.abs(cells[:, None] - at), 1e-9)
        logits[..., number] = np.log(near.T if number % 2 else near)
    decoded = locating.decode({"maps": given[None], "sides": logits[None]})
    score, corners, placed = (keras.ops.convert_to_numpy(decoded[name])[0] for name in ("score", "corners", "sides"))
    passes = told[..., 1] > 0
    assert passes.sum() > 60
    assert placed[passes] == pytest.approx(told[..., 0][passes], abs=1e-4)
    assert float(keras.ops.convert_to_numpy(locating.loss_of_sides(told[None], logits[None]))[0]) < 0.15
    row, column = np.unravel_index(score.argmax(), score.shape)
    assert score.max() > 0.99
    assert corners[row, column].reshape(4, 2) == pytest.approx(quad, abs=1e-5)
    assert float(keras.ops.convert_to_numpy(locating.loss(maps[None], given[None]))[0]) < 0.4


def test_where_a_canvas_is_doubtful_nothing_is_learnt() -> None:
    quad = np.array([[[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]], np.float32)
    maps = target(Scene(np.zeros((10, 10, 3), np.uint8), np.zeros((0, 4, 2), np.float32), quad))
    assert maps[GRID // 2, GRID // 2, 1] == 0
    assert maps[0, 0, 1] == 1
    assert not maps[..., 10].any()


def test_batches_depend_on_their_number_alone() -> None:
    with batches(STOCK, 4, seed=3, first=0) as drawn:
        next(drawn)
        second = next(drawn)
    with batches(STOCK, 4, seed=3, first=1) as drawn:
        again = next(drawn)
    (pixels, targets), (pixels_again, targets_again) = second, again
    assert np.array_equal(pixels, pixels_again)
    assert all(np.array_equal(targets[name], targets_again[name]) for name in targets)
    shapes = {name: value.shape for name, value in targets.items()}
    assert (pixels.shape, shapes) == (
        (4, SIZE, SIZE, 3),
        {"maps": (4, GRID, GRID, 11), "sides": (4, 4, FINE, 2)},
    )
    assert np.array_equal(pixels[1], pixels[0][:, ::-1]), "every second one is its mirror image"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--data", "nowhere"], "nowhere", id="a folder that is none"),
        pytest.param(["--data", "x", "--steps", "0"], "is not a number of steps", id="no steps"),
        pytest.param(["--data", "x", "--from", "nothing"], "no run nothing", id="a run that is none"),
        pytest.param([], "--data", id="no folder"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = run("train", "locator", *arguments, "--runs", tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_locator_is_trained_exported_and_loaded(paintings: Path, tmp_path: Path) -> None:
    trained = run("train", "locator", "--data", paintings, "--steps", 20, "--runs", tmp_path)
    assert trained.returncode == 0, trained.stderr
    facts = json.loads((tmp_path / "locator" / "run.json").read_text())
    assert facts["state"] == "finished"
    folder = write_bundle(tmp_path / "bundle")
    done = run("export", "locator", "locator", "--runs", tmp_path, "--bundle", folder)
    assert done.returncode == 0, done.stderr
    verified = bundle.load(folder)
    assert verified.manifest.locator is not None
    # It has learnt next to nothing in twenty steps; what it says must have the right form all the same.
    picture = wall()
    hang(picture, RED, 420, 180, 400, 340)
    assert isinstance(NetworkLocator(verified).locate(picture), list)
