"""Outputs of their own for painters of whom there are many pictures.

A style that is learnt from few painters is learnt as those painters: their subjects, their pictures of
other years. So where a recipe asks for it each painter of the first folder has an output of their own
beside the style's general one, and the score of the style is the log-sum-exp of its outputs, as in a
mixture of discriminants (Hastie and Tibshirani 1996). What is peculiar to a painter is learnt in the
painter's output, and the general one stays with what painters of the style share: measured, more of the
published split *and* more of painters never seen are named right than with one output for each style.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from train.dataset import Dataset


@dataclass(frozen=True)
class Outputs:
    """The outputs of a head, before they are merged by class."""

    classes: tuple[int, ...]
    """Class of each output: a style, or the one behind the styles for none of them."""
    painters: tuple[str, ...]
    """Painter of each output; empty for a general one."""
    of_examples: np.ndarray
    """The output ``[n]`` that each example teaches; -1 for examples that teach none."""

    @property
    def own(self) -> np.ndarray:
        """Which outputs, ``[outputs]``, are a painter's own."""
        return np.array([bool(painter) for painter in self.painters])

    def merge(self, values: np.ndarray) -> np.ndarray:
        """Logits of the classes, ``[n, classes]``, from outputs ``[n, outputs]``."""
        of = np.array(self.classes)
        return np.stack([logsumexp(values[:, of == label], axis=1) for label in sorted(set(self.classes))], axis=1)


def one_each(dataset: Dataset, classes: int) -> Outputs:
    """One output for each class, as everybody has it."""
    return Outputs(tuple(range(classes)), ("",) * classes, np.where(dataset.labels < classes, dataset.labels, -1))


def with_painters(dataset: Dataset, trained: np.ndarray, classes: int) -> Outputs:
    """A general output for each class, and one for each painter of the first folder among the examples that
    are `trained` ``[n]`` on. A class all of whose pictures are by such painters has no general output."""
    taught = [
        (int(label), example.artist if example.published else "")
        for label, example in zip(dataset.labels, dataset.examples, strict=True)
    ]
    outputs = sorted({taught[index] for index in np.flatnonzero(trained) if taught[index][0] < classes})
    number = {output: position for position, output in enumerate(outputs)}
    return Outputs(
        tuple(label for label, _ in outputs),
        tuple(painter for _, painter in outputs),
        np.array([number.get(output, -1) for output in taught]),
    )
