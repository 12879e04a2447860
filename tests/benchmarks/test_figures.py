"""Intervals and differences, as equations."""

from __future__ import annotations

import numpy as np
import pytest

import bundle
from benchmarks.figures import Difference, Figure, Quantiles, Ratio


def count(correct: int, total: int) -> bundle.Count:
    return bundle.Count(correct=correct, total=total)


@pytest.mark.parametrize(
    ("sentence", "counts", "value"),
    [
        ("one style alone is its share", [(3, 4)], 0.75),
        ("styles weigh alike, whatever their size", [(1, 2), (100, 100)], 0.75),
        ("a style without pictures is left out", [(1, 2), (0, 0)], 0.5),
        ("none at all is no figure", [(0, 0)], None),
    ],
)
def test_mean_share(sentence: str, counts: list[tuple[int, int]], value: float | None) -> None:
    figure = Figure.mean_share(count(*pair) for pair in counts)
    assert figure.value == value, sentence
    assert figure.total == sum(total for _, total in counts)


def test_the_mean_of_one_share_has_its_wilson_interval() -> None:
    assert Figure.mean_share([count(3, 4)]).interval == pytest.approx(count(3, 4).interval)


def test_the_mean_of_perfect_shares_is_still_uncertain() -> None:
    interval = Figure.mean_share([count(9, 9), count(9, 9)]).interval
    assert interval is not None and interval[0] < 0.9 and interval[1] == 1


@pytest.mark.parametrize("value", [0.5, 0.85, 0.999, 1.0])
def test_auroc_has_an_interval_that_narrows(value: float) -> None:
    few, many = (Figure.auroc(value, n, n).interval for n in (10, 1000))
    assert few is not None and many is not None
    assert few[0] < many[0] <= value <= many[1] <= few[1] <= 1


def test_auroc_of_nothing_is_no_figure() -> None:
    assert Figure.auroc(float("nan"), 0, 5).value is None


@pytest.mark.parametrize(
    ("sentence", "counted", "reference", "points", "gained", "lost"),
    [
        ("the same answers", [1, 0, 1, 1], [1, 0, 1, 1], 0.0, 0, 0),
        ("one of four lost", [0, 0, 1, 1], [1, 0, 1, 1], -25.0, 0, 1),
        ("one gained, one lost", [0, 1, 1, 1], [1, 0, 1, 1], 0.0, 1, 1),
    ],
)
def test_difference(
    sentence: str, counted: list[int], reference: list[int], points: float, gained: int, lost: int
) -> None:
    difference = Difference.paired(np.array(counted, bool), np.array(reference, bool))
    assert (difference.points, difference.gained, difference.lost) == (points, gained, lost), sentence
    assert difference.interval is not None and difference.interval[0] <= points <= difference.interval[1]


def test_quantiles() -> None:
    quantiles = Quantiles.of(list(range(101)))
    assert (quantiles.samples, quantiles.p50_ms, quantiles.p90_ms, quantiles.p99_ms) == (101, 50, 90, 99)


@pytest.mark.parametrize(
    ("sentence", "mine_ms", "reference_ms", "value"),
    [
        ("twice as long in each turn, however the machine's speed goes", [2, 4, 8, 2], [1, 2, 4, 1], 2.0),
        ("one turn in which something else ran changes little", [1, 1, 9, 1, 1], [1, 1, 1, 1, 1], 1.0),
        ("half as long", [1, 1, 1], [2, 2, 2], 0.5),
    ],
)
def test_ratio_of_turns(sentence: str, mine_ms: list[float], reference_ms: list[float], value: float) -> None:
    ratio = Ratio.of_turns(mine_ms, reference_ms)
    assert ratio.value == value, sentence
    assert ratio.interval[0] <= value <= ratio.interval[1]
