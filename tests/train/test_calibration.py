from __future__ import annotations

import numpy as np
import pytest

from train.calibration import fit_temperature, known_score


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (probabilities.cumsum(axis=1) > generator.random((len(logits), 1))).argmax(axis=1)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_the_score_is_the_log_odds_against_none() -> None:
    outputs = np.log(np.array([[0.2, 0.3, 0.5], [0.45, 0.45, 0.1]]))
    assert known_score(outputs, 2) == pytest.approx(np.log([1.0, 9.0]))


def test_without_an_output_for_none_the_score_is_the_energy() -> None:
    assert known_score(np.log(np.array([[2.0, 3.0]])), 2) == pytest.approx(np.log([5.0]))
