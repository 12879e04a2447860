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

from train.dataset import OTHER, PHOTOGRAPH, Dataset, Part

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

    @property
    def method(self) -> str:
        """What `known` is made from, in words, for the manifest."""
        return "Platt scaling of log-sum-exp of the style logits less the logit of `none of the styles`"

    @classmethod
    def fit(cls, dataset: Dataset, outputs: np.ndarray) -> Self:
        """Fit on the validation part. `outputs` are all logits ``[n, styles]`` or ``[n, styles + 1]``."""
        styles = len(dataset.styles)
        labels = dataset.labels
        validation = np.array([example.part is Part.VALIDATION for example in dataset.examples])
        kinds = np.array([example.label for example in dataset.examples])
        familiar = validation & (labels < styles)
        # A kiosk meets painters whom nobody trained on, and of those a network is less sure: pictures by
        # trained artists would make the temperature too low and the threshold too high.
        by_unseen = familiar & ~np.array([example.published for example in dataset.examples])
        if by_unseen.sum() >= _ENOUGH:
            familiar = by_unseen
        temperature = fit_temperature(outputs[familiar][:, :styles], labels[familiar])
        score = known_score(outputs, styles)
        foreign = validation & np.isin(kinds, [OTHER, PHOTOGRAPH])
        scale, offset = _fit_platt(score[familiar], score[foreign])
        known = expit(scale * score + offset)
        photographs = known[validation & (kinds == PHOTOGRAPH)]
        threshold = _threshold(photographs)
        return cls(styles, temperature, scale, offset, threshold)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of the styles, ``[n, styles]``."""
        logits = outputs[:, : self.styles] / self.temperature
        return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))

    def known(self, outputs: np.ndarray) -> np.ndarray:
        """Calibrated probability that the picture shows one of the styles, ``[n]``; the two answers are
        taken to be equally likely beforehand."""
        return expit(self.known_scale * known_score(outputs, self.styles) + self.known_offset)


def known_score(outputs: np.ndarray, styles: int) -> np.ndarray:
    """Score ``[n]``, higher for pictures of the styles.

    The log-odds of the styles together against the output for none of them, where the network has
    one; else the energy (Liu et al. 2020, arXiv 2010.03759), the same sum without it.
    """
    energy = logsumexp(outputs[:, :styles], axis=1)
    return energy - outputs[:, styles] if outputs.shape[1] > styles else energy


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
