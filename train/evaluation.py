"""What a network is worth: the sets are always reported apart."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf

import bundle
from bundle.metrics import auroc, false_positive_rate, score_open_set, score_styles
from train.calibration import Calibration, familiar_validation, known_scores
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


def compare_known_scores(
    dataset: Dataset, outputs: np.ndarray, embeddings: np.ndarray
) -> dict[str, dict[str, dict[str, float]]]:
    """AUROC and FPR95 of several scores that tell pictures of the styles from paintings of none, on the
    validation part and on artists held out: ``{part: {score: {"auroc": ..., "fpr95": ...}}}``.

    Those of `train.calibration.known_scores`, of logits ``[n, outputs]``, and of embeddings ``[n, d]`` the
    Mahalanobis distance to the nearest style (Lee et al. 2018, arXiv 1807.03888) and ViM (Wang et al. 2022,
    arXiv 2203.10807).
    """
    styles, labels = len(dataset.styles), dataset.labels
    parts = np.array([example.part for example in dataset.examples])
    kinds = np.array([example.label for example in dataset.examples])
    logits = outputs[:, :styles]
    trained = (parts == Part.TRAIN) & (labels < styles)
    scores = known_scores(outputs, styles) | {
        "Mahalanobis distance": -_mahalanobis(embeddings, labels, trained),
        "ViM": logsumexp(logits, axis=1) - _vim(embeddings, logits, trained),
    }
    compared = {}
    for part, familiar in (
        (Part.VALIDATION, familiar_validation(dataset)),
        (Part.UNSEEN, (parts == Part.UNSEEN) & (labels < styles)),
    ):
        foreign = (parts == part) & (kinds == OTHER)
        if familiar.any() and foreign.any():
            compared[part.value] = {
                name: {
                    "auroc": auroc(score[familiar], score[foreign]),
                    "fpr95": false_positive_rate(score[familiar], score[foreign]),
                }
                for name, score in scores.items()
            }
    return compared


def _mahalanobis(embeddings: np.ndarray, labels: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Squared distance ``[n]`` to the nearest style's mean, under the covariance within the styles."""
    means = np.stack([embeddings[trained & (labels == label)].mean(axis=0) for label in np.unique(labels[trained])])
    index = np.searchsorted(np.unique(labels[trained]), labels[trained])
    within = embeddings[trained] - means[index]
    spread = within.std(axis=0) + 1e-6
    # Ledoit and Wolf's shrinkage: there are more features than pictures of some styles.
    precision = LedoitWolf(assume_centered=True).fit(within / spread).precision_
    # The square multiplied out, so that the one product with the wide matrix serves all styles.
    standard, centres = embeddings / spread, means / spread
    projected = standard @ precision
    own = np.einsum("nd,nd->n", projected, standard)
    of_centres = np.einsum("sd,sd->s", centres @ precision, centres)
    return np.min(own[:, None] - 2 * projected @ centres.T + of_centres, axis=1)


def _vim(embeddings: np.ndarray, logits: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """The virtual logit ``[n]``: length of the part of an embedding outside the principal space of the
    training pictures, scaled to the size of their largest logits."""
    mean, spread = embeddings[trained].mean(axis=0), embeddings[trained].std(axis=0) + 1e-6
    standard = (embeddings - mean) / spread
    _, _, axes = np.linalg.svd(standard[trained], full_matrices=False)
    principal = axes[: min(len(axes) // 2, 512)]
    residual = np.linalg.norm(standard - (standard @ principal.T) @ principal, axis=1)
    return residual * logits[trained].max(axis=1).mean() / residual[trained].mean()
