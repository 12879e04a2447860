from __future__ import annotations

import numpy as np
import pytest

from train.calibration import ENERGY, MAXIMUM_LOGIT, MAXIMUM_SOFTMAX, ODDS, fit_temperature, known_scores


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
