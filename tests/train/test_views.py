from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")

from train.dataset import Dataset, Example, Part  # noqa: E402
from train.photography import photographs  # noqa: E402
from train.recipes import RECIPES  # noqa: E402
from train.views import open_views  # noqa: E402

SIZE = 32


def gallery(folder: Path) -> Dataset:
    """Three pictures of noise."""
    examples = []
    for number in range(3):
        path = folder / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        examples.append(Example(path, "somebody", "Cubism", f"{number}" * 64, True, Part.TRAIN))
    return Dataset(("Cubism",), tuple(examples))


def mean_colour() -> keras.Model:
    """A network whose embedding is the mean of each channel."""
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D()(pixels))
    return keras.Model(pixels, keras.layers.Dense(1)(x))


@pytest.mark.parametrize("augmentation", ["camera", "gallery"])
def test_a_store_that_was_broken_off_is_continued_as_if_it_had_not_been(augmentation: str, tmp_path: Path) -> None:
    dataset, network = gallery(tmp_path), mean_colour()
    recipe = replace(RECIPES["kiosk"], size=SIZE, views=2, augmentation=augmentation)

    def opened(folder: str) -> np.ndarray:
        return np.array(open_views(tmp_path / folder, dataset, recipe, network, 1, lambda done, total: None))

    unbroken = opened("one")
    assert unbroken.shape == (3, 3, 3)
    assert not np.array_equal(unbroken[1], unbroken[2])
    opened("two")
    (done,) = (tmp_path / "two").glob("*.done")
    done.write_text("1")
    (store,) = (tmp_path / "two").glob("*.npy")
    np.lib.format.open_memmap(store, "r+")[1:] = 0
    assert np.array_equal(opened("two"), unbroken)


def test_the_first_view_is_the_picture_itself_and_the_others_are_its_photographs(tmp_path: Path) -> None:
    dataset = gallery(tmp_path)
    recipe = replace(RECIPES["kiosk"], size=SIZE, views=1)
    seen = open_views(tmp_path / "views", dataset, recipe, mean_colour(), 7, lambda done, total: None)
    pictures = [dataset.pixels(SIZE), photographs(dataset.examples, recipe.augmentation, SIZE, 7, view=1)]
    expected = np.stack([pixels.mean(axis=(1, 2)) for pixels in pictures])
    np.testing.assert_allclose(seen, expected, rtol=2e-3)
