from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bundle.metrics import Count, auroc, expected_calibration_error, score_open_set, score_styles


def test_wilson_interval_of_the_published_fine_tuned_model() -> None:
    low, high = Count(correct=203, total=230).interval
    # Computed with statsmodels 0.14, proportion_confint(203, 230, method="wilson").
    assert (round(low, 4), round(high, 4)) == (0.8346, 0.9181)


def test_nothing_counted_has_no_rate() -> None:
    assert math.isnan(Count(correct=0, total=0).rate)
    assert str(Count(correct=0, total=0)) == "none measured"


def test_auroc_is_scikit_learns_ties_included() -> None:
    generator = np.random.default_rng(0)
    positive, negative = generator.integers(3, 9, 80) * 1.0, generator.integers(0, 7, 50) * 1.0
    expected = roc_auc_score([1] * 80 + [0] * 50, np.concatenate([positive, negative]))
    assert auroc(positive, negative) == pytest.approx(expected)


def test_ece_by_hand() -> None:
    # Four answers of confidence 0.9 of which half are right: off by 0.4.
    probabilities = np.array([[0.9, 0.1]] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 1, 1])) == pytest.approx(0.4)


def test_scores_by_style() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    scores = score_styles("three", probabilities, np.array([0, 1, 1]), ["A", "B"])
    assert (scores.recall["A"].correct, scores.recall["A"].total) == (1, 1)
    assert (scores.recall["B"].correct, scores.recall["B"].total) == (1, 2)
    assert scores.mean_recall == 0.75


def test_nan_is_refused_not_accepted() -> None:
    scores = score_open_set("x", np.array([0.9, 0.2]), np.array([np.nan, 0.1, 0.8]), 0.5)
    assert (scores.refused.correct, scores.refused.total) == (2, 3)
    assert (scores.accepted.correct, scores.accepted.total) == (1, 2)
