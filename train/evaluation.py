"""What a network is worth: the sets are always reported apart."""

from __future__ import annotations

import numpy as np

import bundle
from bundle.metrics import score_open_set, score_styles
from train.calibration import Calibration
from train.dataset import OTHER, PHOTOGRAPH, Dataset, Part


def measure(dataset: Dataset, probabilities: np.ndarray, known: np.ndarray, threshold: float) -> bundle.Metrics:
    """Score outputs on all examples, ``[n, styles]`` and ``[n]``, set by set.

    *Unseen artists* are those held out of the run or, where none were, the artists of its validation
    part: never trained on either, but the calibration was fitted on them.
    """
    parts = np.array([example.part for example in dataset.examples])
    kinds = np.array([example.label for example in dataset.examples])
    published = np.array([example.published for example in dataset.examples])
    artists = np.array([example.artist for example in dataset.examples])
    labels = dataset.labels
    is_style = labels < len(dataset.styles)
    test = published & (parts == Part.TEST)
    held_out = parts == Part.UNSEEN
    if (held_out & is_style).any():
        by_unseen, kind = held_out, "held out of training"
    else:
        by_unseen, kind = (parts == Part.VALIDATION) & ~published, "not trained on, but calibrated on"
    unseen = by_unseen & is_style
    others = by_unseen & (kinds == OTHER)
    photographs = held_out & (kinds == PHOTOGRAPH)
    reference = unseen if unseen.any() else test

    def styles_on(where: np.ndarray, pictures: str) -> bundle.StyleMetrics | None:
        return score_styles(pictures, probabilities[where], labels[where], dataset.styles) if where.any() else None

    def open_set_on(where: np.ndarray, pictures: str) -> bundle.OpenSetMetrics | None:
        return score_open_set(pictures, known[reference], known[where], threshold) if where.any() else None

    def painters(where: np.ndarray) -> str:
        return f"paintings by {len(set(artists[where]))} artists {kind}"

    return bundle.Metrics(
        published_test=styles_on(test, "fixed test pictures of the published split"),
        unseen_artists=styles_on(unseen, painters(unseen)),
        other_styles=open_set_on(others, f"{painters(others)}, of none of the styles"),
        not_paintings=open_set_on(photographs, "photographs that show no painting, not trained on"),
    )


def measure_logits(dataset: Dataset, outputs: np.ndarray, calibration: Calibration) -> bundle.Metrics:
    """`measure` for raw logits ``[n, outputs]``."""
    return measure(dataset, calibration.probabilities(outputs), calibration.known(outputs), calibration.threshold)


def pool(metrics: list[bundle.Metrics]) -> bundle.Metrics:
    """Several disjoint hold-outs as one: counts are added, the open-set curves averaged by pictures."""
    return bundle.Metrics(
        published_test=_pool_styles([m.published_test for m in metrics if m.published_test]),
        unseen_artists=_pool_styles([m.unseen_artists for m in metrics if m.unseen_artists]),
        other_styles=_pool_open_set([m.other_styles for m in metrics if m.other_styles]),
        not_paintings=_pool_open_set([m.not_paintings for m in metrics if m.not_paintings]),
    )


def _add(counts: list[bundle.Count]) -> bundle.Count:
    return bundle.Count(correct=sum(c.correct for c in counts), total=sum(c.total for c in counts))


def _mean(values: list[tuple[float, int]]) -> float:
    return float(np.average([value for value, _ in values], weights=[weight for _, weight in values]))


def _pool_styles(metrics: list[bundle.StyleMetrics]) -> bundle.StyleMetrics | None:
    if not metrics:
        return None
    recall = {style: _add([m.recall[style] for m in metrics]) for style in metrics[0].recall}
    return bundle.StyleMetrics(
        pictures=f"{len(metrics)} hold-outs: {metrics[0].pictures}",
        accuracy=_add([m.accuracy for m in metrics]),
        recall=recall,
        mean_recall=float(np.mean([count.rate for count in recall.values() if count.total])),
        ece=_mean([(m.ece, m.accuracy.total) for m in metrics]),
    )


def _pool_open_set(metrics: list[bundle.OpenSetMetrics]) -> bundle.OpenSetMetrics | None:
    if not metrics:
        return None
    return bundle.OpenSetMetrics(
        pictures=f"{len(metrics)} hold-outs: {metrics[0].pictures}",
        refused=_add([m.refused for m in metrics]),
        accepted=_add([m.accepted for m in metrics]),
        auroc=_mean([(m.auroc, m.refused.total) for m in metrics]),
        fpr95=_mean([(m.fpr95, m.refused.total) for m in metrics]),
    )
