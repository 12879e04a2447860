from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from train import fitting, networks  # noqa: E402
from train.dataset import OTHER, Dataset, Example, Part  # noqa: E402
from train.recipes import RECIPES  # noqa: E402

RECIPE = replace(RECIPES["kiosk"], painter_share=0.25, style_weights=(), artist_power=0.0)

# Label, artist, pictures, whether in the first folder.
TRAINED = (
    ("A", "a", 12, True),
    ("A", "x", 6, False),
    ("A", "y", 2, False),
    ("B", "b", 5, True),
    (OTHER, "o", 4, False),
)


def gallery() -> Dataset:
    examples = [
        Example(Path(f"{artist}{number}.jpg"), artist, label, f"{artist}{number}", published, Part.TRAIN)
        for label, artist, pictures, published in TRAINED
        for number in range(pictures)
    ]
    return Dataset(("A", "B"), tuple(examples))


def test_a_painter_of_the_first_folder_has_an_output_and_a_style_of_others_a_general_one() -> None:
    outputs = fitting.outputs_of(gallery(), RECIPE)
    assert list(zip(outputs.classes, outputs.painters, strict=True)) == [(0, ""), (0, "a"), (1, "b"), (2, "")]
    assert [int(number) for number in outputs.of_examples[[0, 12, 20, 25]]] == [1, 0, 2, 3]


def test_without_outputs_for_painters_there_is_one_for_each_class() -> None:
    outputs = fitting.outputs_of(gallery(), replace(RECIPE, painter_share=None))
    assert outputs.classes == (0, 1, 2)
    assert not outputs.own.any()


def test_painters_have_their_share_of_the_style_and_other_artists_the_rest_alike() -> None:
    dataset = gallery()
    weights = fitting.sampling_weights(dataset, RECIPE)
    artists = np.array([example.artist for example in dataset.examples])
    of = {artist: weights[artists == artist].sum() for artist in "axybo"}
    assert of == pytest.approx({"a": 0.35 * 0.25, "x": 0.35 * 0.375, "y": 0.35 * 0.375, "b": 0.35, "o": 0.3})


def test_the_merged_network_gives_the_log_sum_exp_of_its_outputs() -> None:
    pixels = keras.Input((4,))
    network = networks.merged(keras.Model(pixels, keras.layers.Identity()(pixels)), [0, 0, 1, 2])
    values = np.log(np.array([[1.0, 2.0, 5.0, 7.0]], np.float32))
    expected = np.log([[3.0, 5.0, 7.0]])
    assert network.predict(values, verbose=0) == pytest.approx(expected, abs=1e-5)
    assert fitting.outputs_of(gallery(), RECIPE).merge(values) == pytest.approx(expected, abs=1e-5)


def test_the_probe_tells_painters_of_one_style_apart_and_merges_them() -> None:
    """Two painters of one style on both sides of another style: no single linear output can name them."""
    dataset = Dataset(
        ("A", "B"),
        tuple(
            Example(Path(f"{artist}{number}"), artist, label, f"{artist}{number}", True, Part.TRAIN)
            for label, artist in (("A", "left"), ("A", "right"), ("B", "middle"))
            for number in range(40)
        ),
    )
    features = np.repeat([-1.0, 1.0, 0.0], 40)[:, None] + np.random.default_rng(0).normal(0, 0.1, (120, 1))
    recipe = replace(RECIPE, other_output=False, steps_per_epoch=1, probe_penalty=1e-4, painter_penalty=1e-4)

    def right(settings: object) -> float:
        kernel, bias = fitting.fit_probe(features, dataset, settings)
        logits = fitting.outputs_of(dataset, settings).merge(features @ kernel + bias)
        return float((logits.argmax(axis=1) == dataset.labels).mean())

    assert right(recipe) == 1.0
    assert right(replace(recipe, painter_share=None)) < 0.8
