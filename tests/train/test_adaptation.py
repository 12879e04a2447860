"""A network that learns to see through a camera, on a small one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")

import bundle  # noqa: E402
from train import adaptation  # noqa: E402
from train.dataset import Dataset, Example, Part  # noqa: E402
from train.photography import photographs  # noqa: E402
from train.recipes import RECIPES  # noqa: E402

# Of Keras, where it saves weights that TensorFlow holds.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SIZE = 32
RECIPE = replace(RECIPES["kiosk"], size=SIZE, adapted_epochs=3)


def gallery(folder: Path, parts: Sequence[Part]) -> Dataset:
    """Pictures of coloured fields, all different."""
    folder.mkdir(exist_ok=True)
    examples = []
    for number, part in enumerate(parts):
        fields = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
        path = folder / f"{number}.png"
        Image.fromarray(fields).resize((96, 80), Image.Resampling.NEAREST).save(path)
        examples.append(Example(path, "somebody", "Cubism", f"{number:064x}", True, part))
    return Dataset(("Cubism",), tuple(examples))


def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 128, offset=-1)(pixels)
    x = keras.layers.Conv2D(16, 5, 2, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(24, 3, 2, activation="relu")(x)
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(pixels, keras.layers.Dense(2, name="head")(x))


def features(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    return keras.Model(model.input, model.get_layer("embedding").output).predict(pixels, verbose=0)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Dataset, Path]:
    folder = tmp_path_factory.mktemp("adapted")
    dataset = gallery(folder / "pictures", [Part.TRAIN] * 24 + [Part.TEST] * 8)
    model = network()
    adaptation.adapt(model, RECIPE, dataset, 1, folder / "views")
    return model, dataset, folder


def test_a_picture_photographed_looks_more_like_its_file_than_before(
    adapted: tuple[keras.Model, Dataset, Path],
) -> None:
    model, dataset, _ = adapted
    files = np.stack([bundle.prepare(bundle.read(example.path), SIZE) for example in dataset.examples])
    wanted = features(network(), files)
    spread = wanted.std(axis=0) + 0.02

    def error(of: keras.Model, pixels: np.ndarray) -> float:
        return float(np.square((features(of, pixels) - wanted) / spread).mean())

    seen = np.concatenate([photographs(dataset.examples, "gallery", SIZE, 77, view) for view in (1, 2, 3)])
    before, after = (np.mean([error(of, part) for part in np.split(seen, 3)]) for of in (network(), model))
    assert after < 0.9 * before
    assert error(model, files) < 0.5 * after, "files are still seen as they were"


def test_statistics_of_normalisation_and_the_head_stay(adapted: tuple[keras.Model, Dataset, Path]) -> None:
    model = adapted[0]
    for ours, before in zip(model.layers, network().layers, strict=True):
        if isinstance(ours, keras.layers.BatchNormalization) or ours.name == "head":
            for now, then in zip(ours.get_weights(), before.get_weights(), strict=True):
                np.testing.assert_array_equal(now, then)


def test_what_was_learnt_is_kept_and_no_picture_but_the_published_training_ones_counts(
    adapted: tuple[keras.Model, Dataset, Path],
) -> None:
    model, dataset, folder = adapted
    held_out = tuple(replace(one, part=Part.UNSEEN, published=False) for one in dataset.examples[24:])
    again = network()
    other = Dataset(dataset.styles, dataset.examples[:24] + held_out)
    adaptation.adapt(again, RECIPE, other, 1, folder / "views")
    assert len(list((folder / "views").glob("*.weights.h5"))) == 1
    pixels = np.random.default_rng(5).integers(0, 256, (4, SIZE, SIZE, 3), np.uint8)
    np.testing.assert_array_equal(features(again, pixels), features(model, pixels))


@pytest.mark.slow
def test_what_was_broken_off_is_continued(
    adapted: tuple[keras.Model, Dataset, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, dataset, _ = adapted

    class Killed(Exception):
        pass

    def kill(epochs: int) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(
            adaptation, "Notice", lambda tell: keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: kill(1))
        )
        with pytest.raises(Killed):
            adaptation.adapt(network(), RECIPE, dataset, 1, tmp_path)
    again = network()
    adaptation.adapt(again, RECIPE, dataset, 1, tmp_path)
    pixels = np.random.default_rng(5).integers(0, 256, (4, SIZE, SIZE, 3), np.uint8)
    np.testing.assert_allclose(features(again, pixels), features(model, pixels), rtol=1e-2, atol=1e-3)
