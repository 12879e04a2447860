"""Accuracy-aware quantization on a stand-in whose answers are counted out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from export.search import Budget, Fit, search

LAYERS = [f"layer {number}" for number in range(10)]


def stand_in(needed: int, otherwise: float = 0.9) -> list[int]:
    """How many layers each attempt of the search left in float, where `needed` are enough; what has some in
    float, and too few, agrees with the float network on the share `otherwise`."""
    attempts = []

    def make(float_layers: Sequence[str]) -> tuple[str, Fit]:
        assert list(float_layers) == LAYERS[: len(float_layers)], "the most sensitive come first"
        attempts.append(len(float_layers))
        agreement = 0.995 if len(float_layers) >= needed else otherwise if float_layers else 0.9
        return f"{len(float_layers)} in float", Fit(agreement, 0, 0.1, 200)

    found = search(make(()), make, lambda _: LAYERS, Budget(), lambda _: None)
    assert found.variant == f"{len(found.float_layers)} in float"
    return [*attempts, len(found.float_layers)]


@pytest.mark.parametrize(
    ("needed", "left"),
    [
        pytest.param(0, 0, id="all in int8 where that fits"),
        pytest.param(1, 1, id="one layer"),
        pytest.param(4, 4, id="no more than needed"),
        pytest.param(5, 5, id="half of all"),
    ],
)
def test_the_fewest_layers_are_left_in_float(needed: int, left: int) -> None:
    assert stand_in(needed)[-1] == left


@pytest.mark.parametrize(
    ("otherwise", "left"),
    [
        pytest.param(0.95, 5, id="half of all is better than nothing"),
        pytest.param(0.85, 0, id="all in int8 where layers in float only do harm"),
    ],
)
def test_where_nothing_fits_the_gates_get_what_agrees_most(otherwise: float, left: int) -> None:
    assert stand_in(8, otherwise)[-1] == left


NO_VIEWS = np.empty((0, 2), np.float32)


def test_pictures_by_other_artists_count_for_accuracy_alone() -> None:
    reference, labels = np.array([[1, 0], [0, 1], [1, 0]], np.float32), np.array([0, 1, 0])
    outputs = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    fit = Fit.of(outputs, reference, labels, np.array([True, True, False]), NO_VIEWS, NO_VIEWS)
    assert fit.agreement == 1
    assert fit.lost == 1


def test_views_count_for_agreement_alone() -> None:
    reference, labels, published = np.eye(2, dtype=np.float32), np.array([0, 1]), np.ones(2, bool)
    fit = Fit.of(reference, reference, labels, published, views=reference[::-1], views_reference=reference)
    assert fit.agreement == 0.5
    assert fit.lost == 0


@pytest.mark.parametrize(
    ("outputs", "agreement", "lost", "fits"),
    [
        pytest.param([[1, 0], [0, 1], [1, 0]], 1.0, 0, True, id="the same answers"),
        pytest.param([[1, 0], [1, 0], [1, 0]], 2 / 3, 1, False, id="one answer turned wrong"),
        pytest.param([[1, 0], [0, 1], [0, 1]], 2 / 3, -1, False, id="one answer turned right is a difference too"),
    ],
)
def test_a_fit_counts_answers_against_the_float_network(
    outputs: list[list[float]], agreement: float, lost: int, fits: bool
) -> None:
    reference = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    labels, published = np.array([0, 1, 1]), np.ones(3, bool)
    fit = Fit.of(np.array(outputs, np.float32), reference, labels, published, NO_VIEWS, NO_VIEWS)
    assert fit.agreement == pytest.approx(agreement)
    assert fit.lost == lost
    assert fit.within(Budget()) is fits
