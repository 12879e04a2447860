"""Distillation: a student learns its teacher's features, and a broken lesson goes on as if unbroken."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from train import distillation, networks  # noqa: E402
from train.dataset import OTHER, Dataset, Example, Part  # noqa: E402
from train.recipes import RECIPES, STYLES  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # Of Keras, where it saves weights that TensorFlow holds, and of its log where training is broken off.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

SIZE = 64
RECIPE = replace(RECIPES["resnet50_distilled"], size=SIZE, distillation=((SIZE, 2),))


def gallery(parts: dict[Part, int]) -> tuple[Dataset, np.ndarray]:
    """So many pictures of each part: coloured stripes, all different."""
    examples, pixels = [], []
    generator = np.random.default_rng(0)
    for part, count in parts.items():
        for number in range(count):
            label = STYLES[number % 6] if number % 7 else OTHER
            examples.append(Example(Path(f"{part} {number}.jpg"), "a", label, f"{part} {number}", True, part))
            stripes = generator.integers(0, 256, (4, 4, 3), np.uint8)
            pixels.append(np.kron(stripes, np.ones((SIZE // 4, SIZE // 4, 1), np.uint8)))
    return Dataset(STYLES, tuple(examples)), np.stack(pixels)


def losses(folder: Path) -> list[float]:
    with (folder / "stage_0" / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


class Killed(Exception):
    pass


def test_a_lesson_that_is_broken_off_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    dataset, pixels = gallery({Part.TRAIN: 64})

    def learn(folder: Path, after_epoch) -> list[np.ndarray]:
        keras.utils.set_random_seed(1)
        network = networks.NETWORKS[RECIPE.network](SIZE, 6)
        distillation.distil(network, RECIPE, dataset, pixels, 1, folder, after_epoch)
        return network.get_weights()

    def kill() -> None:
        raise Killed

    unbroken = learn(tmp_path / "unbroken", lambda: None)
    with pytest.raises(Killed):
        learn(tmp_path / "broken", kill)
    broken = learn(tmp_path / "broken", lambda: None)
    # Had it drawn other batches or views, or lost its optimiser, the second epoch would be quite another; sums
    # in bfloat16 on several threads are not the same to the last bit.
    assert losses(tmp_path / "broken") == pytest.approx(losses(tmp_path / "unbroken"), rel=0.01)
    for ours, theirs in zip(broken, unbroken, strict=True):
        assert np.isfinite(ours).all()
        assert ours.shape == theirs.shape


def test_pictures_that_are_kept_for_a_test_teach_nothing(tmp_path: Path) -> None:
    """Whatever they show, the student comes out the same."""
    students = []
    for shown in (0, 255):
        dataset, pixels = gallery({Part.TRAIN: 32, Part.TEST: 16, Part.UNSEEN: 16})
        pixels[32:] = shown
        keras.utils.set_random_seed(1)
        network = networks.NETWORKS[RECIPE.network](SIZE, 6)
        recipe = replace(RECIPE, distillation=((SIZE, 1),))
        distillation.distil(network, recipe, dataset, pixels, 1, tmp_path / str(shown), lambda: None)
        students.append(network.get_weights())
    for ours, theirs in zip(*students, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
