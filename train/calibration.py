"""From a network's scores to probabilities that can be shown to a visitor.

Everything here is fitted on validation examples: pictures that were not trained on, where there are
enough of them by artists who were not trained on either, as at the kiosk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp
from sklearn.linear_model import LogisticRegression

from bundle.metrics import auroc
from train.dataset import OTHER, PHOTOGRAPH, Dataset, Part

ODDS = "the odds of the styles against none of them"
ENERGY = "the energy"
MAXIMUM_LOGIT = "the maximum logit"
MAXIMUM_SOFTMAX = "the maximum softmax probability"

# At most this share of the validation pictures that show no painting may be called a style: a kiosk
# that names the style of a fire extinguisher is a joke, one that hesitates at a painting is careful.
MAX_PHOTOGRAPHS_ACCEPTED = 0.05

# With fewer validation pictures by unseen artists than this, those by trained artists are taken in.
_ENOUGH = 60


@dataclass(frozen=True)
class Calibration:
    """How the logits of one file become its outputs `probabilities` and `known`."""

    styles: int
    temperature: float
    """The style logits are divided by it before the softmax (Guo et al. 2017, arXiv 1706.04599)."""
    known_scale: float
    known_offset: float
    """``known = sigmoid(scale * score + offset)`` (Platt 1999), `score` as `known_score` has it."""
    threshold: float
    """A picture shows one of the styles where ``known > threshold``."""
    score: str = ODDS
    """Key of `known_scores`: of those, the one that told the validation part's styles from none best."""

    @property
    def method(self) -> str:
        """What `known` is made from, in words, for the manifest."""
        return f"Platt scaling of {self.score}"

    @classmethod
    def fit(cls, dataset: Dataset, outputs: np.ndarray, photographed: np.ndarray | None = None) -> Self:
        """Fit on the validation part. `outputs` are all logits ``[n, styles]`` or ``[n, styles + 1]``;
        `photographed` are those of the same pictures as a camera gives them, where paintings then count as much:
        what a visitor reads is about such a picture, what a curator reads about the file of one. Photographs that
        show no painting are a camera's already."""
        styles = len(dataset.styles)
        labels = dataset.labels
        validation = np.array([example.part is Part.VALIDATION for example in dataset.examples])
        kinds = np.array([example.label for example in dataset.examples])
        familiar = familiar_validation(dataset)
        if photographed is not None:
            outputs, labels = np.concatenate([outputs, photographed]), np.tile(labels, 2)
            validation = np.concatenate([validation, validation & (kinds != PHOTOGRAPH)])
            kinds, familiar = np.tile(kinds, 2), np.tile(familiar, 2)
        temperature = fit_temperature(outputs[familiar][:, :styles], labels[familiar])
        scores = known_scores(outputs, styles)
        name = next(iter(scores))
        if (paintings := validation & (kinds == OTHER)).any():
            name = max(scores, key=lambda key: auroc(scores[key][familiar], scores[key][paintings]))
        foreign = validation & np.isin(kinds, [OTHER, PHOTOGRAPH])
        scale, offset = _fit_platt(scores[name][familiar], scores[name][foreign])
        known = expit(scale * scores[name] + offset)
        threshold = _threshold(known[validation & (kinds == PHOTOGRAPH)])
        return cls(styles, temperature, scale, offset, threshold, name)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of the styles, ``[n, styles]``."""
        logits = outputs[:, : self.styles] / self.temperature
        return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))

    def known(self, outputs: np.ndarray) -> np.ndarray:
        """Calibrated probability that the picture shows one of the styles, ``[n]``; the two answers are
        taken to be equally likely beforehand."""
        return expit(self.known_scale * known_scores(outputs, self.styles)[self.score] + self.known_offset)


def familiar_validation(dataset: Dataset) -> np.ndarray:
    """Which validation pictures of the styles, bool ``[n]``, stand for what a kiosk will meet.

    It meets painters whom nobody trained on, and of those a network is less sure: pictures by trained
    artists would make the temperature too low and the threshold too high. They serve where there are too
    few others.
    """
    validation = np.array([example.part is Part.VALIDATION for example in dataset.examples])
    familiar = validation & (dataset.labels < len(dataset.styles))
    by_unseen = familiar & ~np.array([example.published for example in dataset.examples])
    return by_unseen if by_unseen.sum() >= _ENOUGH else familiar


def known_scores(outputs: np.ndarray, styles: int) -> dict[str, np.ndarray]:
    """Scores ``[n]`` by name, higher for pictures of the styles; `export.graph` has the same in ONNX.

    The log-odds of the styles together against the output for none of them, where the network has one;
    the energy (Liu et al. 2020, arXiv 2010.03759), the same sum without it; the maximum logit (Hendrycks
    et al. 2019, arXiv 1911.11132); the logarithm of the maximum softmax probability (Hendrycks and Gimpel
    2017, arXiv 1610.02136).
    """
    logits = outputs[:, :styles]
    energy, highest = logsumexp(logits, axis=1), logits.max(axis=1)
    odds = {ODDS: energy - outputs[:, styles]} if outputs.shape[1] > styles else {}
    return odds | {ENERGY: energy, MAXIMUM_LOGIT: highest, MAXIMUM_SOFTMAX: highest - energy}


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the smallest negative log-likelihood, in 0.05 to 20."""

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[np.arange(len(labels)), labels]))

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def _fit_platt(familiar: np.ndarray, foreign: np.ndarray) -> tuple[float, float]:
    if not len(foreign):
        # Nothing to compare with: centre on what is familiar, so that all but its tail is accepted.
        spread = float(familiar.std()) or 1.0
        return 1.0 / spread, -float(np.quantile(familiar, 0.05)) / spread
    scores = np.concatenate([familiar, foreign])[:, None]
    truth = np.concatenate([np.ones(len(familiar)), np.zeros(len(foreign))])
    model = LogisticRegression(class_weight="balanced", C=1e6).fit(scores, truth)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _threshold(photographs: np.ndarray) -> float:
    """Even odds: `known` is calibrated for two answers that are equally likely beforehand. A threshold
    fitted to the few artists of a validation part was tried, and fell anywhere between 0.5 and 0.96.
    It is raised where more than `MAX_PHOTOGRAPHS_ACCEPTED` of the `photographs` would get in."""
    if not len(photographs):
        return 0.5
    allowed = int(MAX_PHOTOGRAPHS_ACCEPTED * len(photographs))
    return min(max(0.5, float(np.sort(photographs)[-1 - allowed])), 0.99)
