from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

keras = pytest.importorskip("keras")

from train import fitting  # noqa: E402
from train.dataset import OTHER, PHOTOGRAPH, Dataset, Example, Part  # noqa: E402
from train.recipes import RECIPES, Recipe  # noqa: E402

# Pictures of the training part: two artists of the first style, one of the second, two of none.
TRAINED = (("A", "a", 16), ("A", "b", 4), ("B", "c", 5), (OTHER, "d", 9), (OTHER, "e", 1), (PHOTOGRAPH, "", 3))
BALANCED = replace(RECIPES["cnn"], steps_per_epoch=3, batch=8)
OPEN = replace(BALANCED, other_output=True, other_share=0.3)


def gallery() -> Dataset:
    """`TRAINED`, and beside it two pictures of each label in each other part."""
    judged = [(label, "f", 2, part) for part in Part for label in ("A", "B", OTHER) if part is not Part.TRAIN]
    rows = [(*row, Part.TRAIN) for row in TRAINED] + judged
    examples = [
        Example(Path(f"{label} {artist} {number}.jpg"), artist, label, f"{label} {artist} {part} {number}", True, part)
        for label, artist, pictures, part in rows
        for number in range(pictures)
    ]
    return Dataset(("A", "B"), tuple(examples))


def shares(dataset: Dataset, weights: np.ndarray) -> dict[tuple[str, str, Part], float]:
    """What the pictures of each label, artist and part weigh together."""
    sums: dict[tuple[str, str, Part], float] = defaultdict(float)
    for example, weight in zip(dataset.examples, weights, strict=True):
        sums[example.label, example.artist, example.part] += weight
    return {key: weight for key, weight in sums.items() if weight}


def one_hot(pictures: int, outputs: int = 3) -> np.ndarray:
    return np.eye(outputs, dtype=np.float32)[np.arange(pictures) % outputs]


@pytest.mark.parametrize("mix", [fitting.mix_up, fitting.cut_mix])
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixed_labels_are_the_shares_of_the_pixels(
    mix: Callable[..., tuple[np.ndarray, np.ndarray]], alpha: float
) -> None:
    # Every pixel of a picture says which label it has.
    y = one_hot(24)
    x = np.broadcast_to(y[:, None, None], (24, 40, 30, 3)).copy()
    mixed, labels = mix(x, y, alpha, np.random.default_rng(0))
    assert mixed.shape == x.shape
    assert mixed.dtype == labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(mixed.mean(axis=(1, 2), dtype=np.float64), labels, atol=1e-5)
    assert np.abs(labels - y).max() > 0.1


def test_mix_up_leaves_the_greater_share_to_the_picture_itself() -> None:
    y = one_hot(30, 30)
    _, labels = fitting.mix_up(y, y, 1.0, np.random.default_rng(0))
    assert labels.argmax(axis=1).tolist() == list(range(30))


def test_class_weights_are_those_of_scikit_learn() -> None:
    labels = np.repeat([0, 1], [20, 5])
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    assert fitting.class_weights(gallery()) == pytest.approx(dict(enumerate(expected)))


def test_a_bootstrap_draws_as_many_of_each_label_from_the_training_part_alone() -> None:
    dataset = gallery()
    draws = fitting.bootstrap(dataset, seed=3)
    drawn: Counter[str] = Counter()
    for example, times in zip(dataset.examples, draws, strict=True):
        assert example.part is Part.TRAIN or not times
        drawn[example.label] += int(times)
    assert drawn == {"A": 20, "B": 5, OTHER: 10, PHOTOGRAPH: 3}
    assert draws.max() > 1
    assert np.array_equal(draws, fitting.bootstrap(dataset, seed=3))
    assert not np.array_equal(draws, fitting.bootstrap(dataset, seed=4))


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        pytest.param(
            RECIPES["cnn"], {("A", "a"): 16 / 25, ("A", "b"): 4 / 25, ("B", "c"): 5 / 25}, id="every picture alike"
        ),
        pytest.param(BALANCED, {("A", "a"): 0.4, ("A", "b"): 0.1, ("B", "c"): 0.5}, id="styles alike"),
        pytest.param(
            replace(BALANCED, artist_power=0.5),
            {("A", "a"): 0.5 * 4 / 6, ("A", "b"): 0.5 * 2 / 6, ("B", "c"): 0.5},
            id="artists by the root of their pictures",
        ),
        pytest.param(
            replace(BALANCED, artist_power=0.0),
            {("A", "a"): 0.25, ("A", "b"): 0.25, ("B", "c"): 0.5},
            id="artists alike",
        ),
        pytest.param(
            replace(OPEN, style_weights=(("B", 3.0),)),
            {
                ("A", "a"): 0.7 / 4 * 0.8,
                ("A", "b"): 0.7 / 4 * 0.2,
                ("B", "c"): 0.7 * 3 / 4,
                (OTHER, "d"): 0.3 * 0.8 * 0.9,
                (OTHER, "e"): 0.3 * 0.8 * 0.1,
                (PHOTOGRAPH, ""): 0.3 * 0.2,
            },
            id="none of the styles, and one style more often",
        ),
    ],
)
def test_pictures_are_drawn_by_style_and_artist(recipe: Recipe, expected: dict[tuple[str, str], float]) -> None:
    dataset = gallery()
    weights = fitting.sampling_weights(dataset, recipe)
    assert shares(dataset, weights) == pytest.approx({(*key, Part.TRAIN): share for key, share in expected.items()})


def test_pictures_that_a_bootstrap_left_out_are_not_drawn() -> None:
    dataset = gallery()
    draws = fitting.bootstrap(dataset, seed=3)
    for recipe in (RECIPES["cnn"], OPEN):
        weights = fitting.sampling_weights(dataset, recipe, draws)
        assert weights.sum() == pytest.approx(1)
        assert not weights[draws == 0].any()


def pictures(dataset: Dataset) -> np.ndarray:
    """A picture ``[1, 1, 3]`` for each example and two views of each, which tell it and the view apart."""
    numbers = np.arange(3 * len(dataset.examples), dtype=np.float32)
    return np.repeat(numbers, 3).reshape(3, len(dataset.examples), 1, 1, 3)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(replace(RECIPES["cnn"], batch=8), id="each picture once an epoch"),
        pytest.param(replace(OPEN, mixup=0.2), id="balanced, mixed up"),
        pytest.param(replace(OPEN, cutmix=1.0), id="balanced, cut and mixed"),
    ],
)
def test_a_batch_depends_on_seed_epoch_and_number_alone(recipe: Recipe) -> None:
    dataset = gallery()

    def epoch(number: int, seed: int = 1) -> list[np.ndarray]:
        batches = fitting.Batches(pictures(dataset), dataset, recipe, seed)
        batches.epoch = number
        # Last first: what came before must not matter.
        return [np.concatenate([array.ravel() for array in batches[batch]]) for batch in reversed(range(len(batches)))]

    def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
        return all(map(np.array_equal, one, other))

    unbroken = fitting.Batches(pictures(dataset), dataset, recipe, seed=1)
    unbroken.on_epoch_end()
    later = [np.concatenate([array.ravel() for array in unbroken[batch]]) for batch in range(len(unbroken))]
    assert same(epoch(1), later[::-1])
    assert not same(epoch(1), epoch(2))
    assert not same(epoch(1), epoch(1, seed=2))
    first, *others = later
    assert not any(np.array_equal(first, other) for other in others)


def test_an_epoch_shows_each_training_picture_of_a_style_once_with_its_label() -> None:
    dataset = gallery()
    batches = fitting.Batches(pictures(dataset)[:1], dataset, replace(RECIPES["cnn"], batch=8), seed=1)
    x, y = (np.concatenate(arrays) for arrays in zip(*map(batches.__getitem__, range(len(batches))), strict=True))
    shown = x[:, 0, 0, 0].astype(int)
    assert sorted(shown) == list(range(25))
    assert np.array_equal(y, np.eye(2)[dataset.labels[shown]])


def test_the_linear_probe_is_the_logistic_regression_of_scikit_learn() -> None:
    dataset = gallery()
    generator = np.random.default_rng(0)
    features = (generator.normal(3, 2, (len(dataset.examples), 5)) + dataset.labels[:, None]).astype(np.float32)
    inputs = keras.Input((5,))
    network = keras.Model(inputs, keras.layers.Dense(3, name="head")(inputs))
    recipe = replace(OPEN, probe_penalty=0.1)
    fitting.linear_probe(network, features, dataset, recipe)

    weights = fitting.sampling_weights(dataset, recipe)
    train = np.flatnonzero(weights)
    standard = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    probe = LogisticRegression(C=1 / (0.1 * len(train)))
    probe.fit(standard[train], dataset.labels[train], weights[train] * len(train))
    kernel, bias = network.get_layer("head").get_weights()
    expected = probe.predict_proba(standard)
    np.testing.assert_allclose(np.asarray(keras.ops.softmax(features @ kernel + bias)), expected, atol=0.01)


@pytest.mark.parametrize(("start", "end", "share"), [(1.0, -1.0, 0.0), (-1.0, 1.0, 1.0), (0.0, 1.0, 1.0)])
def test_of_fine_tuning_that_much_is_kept_which_validation_asks_for(start: float, end: float, share: float) -> None:
    dataset = gallery()
    features = np.eye(2, dtype=np.float32)[np.minimum(dataset.labels, 1)]
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(inputs))
    model.set_weights([end * np.eye(2)])  # 1 gives each picture its style, -1 the other
    found = fitting.average_with_start(model, [start * np.eye(2)], features[None], dataset)
    assert found == share
    np.testing.assert_allclose(model.get_weights()[0], max(start, end) * np.eye(2))


def test_a_probe_that_sees_views_too_does_not_trust_what_they_lack() -> None:
    """One feature tells the styles apart, but not in the views; a weaker one does in both."""
    dataset = gallery()
    generator = np.random.default_rng(0)
    side = np.where(dataset.labels == 0, 1.0, -1.0)
    noise = generator.normal(0, 1, (2, len(side)))
    plain = np.stack([3 * side + noise[0], side + noise[1]], axis=1)
    view = np.stack([noise[0], side + noise[1]], axis=1)

    def trust(clean_share: float, *views: np.ndarray) -> float:
        """In the fragile feature, as a share of all."""
        recipe = replace(OPEN, probe_penalty=0.01, clean_share=clean_share)
        kernel, _ = fitting.fit_probe(np.stack([plain, *views]).astype(np.float32), dataset, recipe)
        fragile, robust = np.abs(kernel[:, 0] - kernel[:, 1])
        return float(fragile / (fragile + robust))

    assert trust(0.2, view) < trust(0.8, view) < trust(1.0)
    assert trust(0.2, view, view) == pytest.approx(trust(0.2, view), abs=0.01)
