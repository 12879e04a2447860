from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.calibration import (
    ENERGY,
    MAXIMUM_LOGIT,
    MAXIMUM_SOFTMAX,
    ODDS,
    Calibration,
    fit_temperature,
    known_scores,
)
from train.dataset import OTHER, PHOTOGRAPH, Dataset, Example, Part


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (probabilities.cumsum(axis=1) > generator.random((len(logits), 1))).argmax(axis=1)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_the_first_score_is_the_log_odds_against_none() -> None:
    outputs = np.log(np.array([[0.2, 0.3, 0.5], [0.45, 0.45, 0.1]]))
    name, score = next(iter(known_scores(outputs, 2).items()))
    assert name == ODDS
    assert score == pytest.approx(np.log([1.0, 9.0]))


def test_without_an_output_for_none_the_scores_are_of_the_styles_alone() -> None:
    scores = known_scores(np.log(np.array([[2.0, 3.0]])), 2)
    assert {name: float(score[0]) for name, score in scores.items()} == pytest.approx(
        {ENERGY: np.log(5.0), MAXIMUM_LOGIT: np.log(3.0), MAXIMUM_SOFTMAX: np.log(0.6)}
    )


def of_painters(count: int) -> Dataset:
    """Validation pictures of two styles, and of none, by turns."""
    labels = ("A", "B", OTHER)
    return Dataset(
        ("A", "B"),
        tuple(Example(Path(f"{i}.jpg"), f"{i}", labels[i % 3], f"{i}", False, Part.VALIDATION) for i in range(count)),
    )


def test_pictures_that_a_camera_gave_count_as_much_as_files() -> None:
    dataset = of_painters(3000)
    generator = np.random.default_rng(0)
    truth = np.eye(3)[dataset.labels]
    files = 4 * truth + generator.normal(0, 1, truth.shape)
    photographed = truth + generator.normal(0, 1, truth.shape)
    of_files, of_both, of_photographed = (
        Calibration.fit(dataset, files),
        Calibration.fit(dataset, files, photographed),
        Calibration.fit(dataset, photographed),
    )
    assert of_files.temperature < of_both.temperature < of_photographed.temperature
    swapped = Calibration.fit(dataset, photographed, files)
    assert swapped.temperature == pytest.approx(of_both.temperature)
    # Surer than it may be of what a camera gave, less sure of files: the mean of both is right.
    shown = np.concatenate([of_both.known(files), of_both.known(photographed)])
    of_style = np.tile(dataset.labels < 2, 2)
    assert np.mean(shown[of_style]) == pytest.approx(1 - np.mean(shown[~of_style]), abs=0.02)


def test_a_photograph_of_no_painting_is_judged_by_its_file_alone() -> None:
    """As a framed canvas it is nothing that a kiosk meets: it must not raise the threshold."""
    paintings = of_painters(300)
    photographs = tuple(Example(Path(f"p{i}.jpg"), "", PHOTOGRAPH, f"p{i}", False, Part.VALIDATION) for i in range(40))
    dataset = Dataset(paintings.styles, (*paintings.examples, *photographs))
    truth = np.eye(3)[dataset.labels]
    outputs = 4 * truth + np.random.default_rng(0).normal(0, 1, truth.shape)
    hung = outputs.copy()
    hung[-40:] = (9, 0, 0)
    assert Calibration.fit(dataset, outputs, hung) == Calibration.fit(dataset, outputs, outputs)
    assert Calibration.fit(dataset, outputs, hung).threshold == 0.5
