"""Accuracy-aware quantization: what fits the budget with the fewest layers left in float."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Variant = TypeVar("Variant")
Name = TypeVar("Name")

# More layers than this share in float, and the file is no longer worth being called int8.
_MOST = 0.5


@dataclass(frozen=True)
class Budget:
    """What quantization may cost."""

    accuracy: float = 0.01
    """Loss of accuracy. On validation, where variants are chosen, as a share of what the float network has right
    (so that 99 % of it stays, as MLPerf asks); in the gates, on the test pictures, in points. One picture is
    always allowed."""
    agreement: float = 0.99
    """The least share of the published split's validation pictures, and views of them, with the float network's
    answer. The gates ask 98 % of its test pictures: what had just that here would fail there half the time."""

    def __str__(self) -> str:
        return f"agreement {self.agreement:.1%}, and {1 - self.accuracy:.1%} of what the float network has right"


@dataclass(frozen=True)
class Fit:
    """How one variant does against the float network."""

    agreement: float
    """Share of the published split's pictures and views of them with the float network's answer: what the gates
    ask of its test pictures. Pictures by other artists are harder, and their answers turn more easily."""
    lost: int
    """Fewer right answers than the float network has, on all pictures."""
    difference: float
    """Mean absolute difference of the logits."""
    right: int
    """Right answers of the float network."""

    @classmethod
    def of(
        cls,
        outputs: npt.NDArray[np.float32],
        reference: npt.NDArray[np.float32],
        labels: npt.NDArray[np.integer],
        published: npt.NDArray[np.bool_],
        views: npt.NDArray[np.float32],
        views_reference: npt.NDArray[np.float32],
    ) -> Fit:
        """From logits of the styles ``[n, styles]`` of a variant and of the float network, the right answers
        ``[n]``, which pictures are of the published split ``[n]``, and logits ``[m, styles]`` of views of these."""
        ours, theirs = outputs.argmax(axis=1), reference.argmax(axis=1)
        right = int((theirs == labels).sum())
        of_views = views.argmax(axis=1) == views_reference.argmax(axis=1)
        return cls(
            agreement=float(np.concatenate([(ours == theirs)[published], of_views]).mean()),
            lost=right - int((ours == labels).sum()),
            difference=float(np.abs(outputs - reference).mean()),
            right=right,
        )

    def within(self, budget: Budget) -> bool:
        """True where the variant costs no more than the budget allows."""
        return self.lost <= max(1.0, budget.accuracy * self.right) and self.agreement >= budget.agreement

    def __str__(self) -> str:
        return (
            f"agreement {self.agreement:.1%}, {self.right - self.lost} right (float {self.right}),"
            f" logits differ by {self.difference:.3f}"
        )


def nearest(fits: Mapping[Name, Fit], budget: Budget) -> Name:
    """Of the variants within the budget the one with the nearest logits; where none is, that which agrees most."""
    if fitting := [name for name in fits if fits[name].within(budget)]:
        return min(fitting, key=lambda name: fits[name].difference)
    return max(fits, key=lambda name: fits[name].agreement)


@dataclass(frozen=True)
class Found(Generic[Variant]):
    """The variant that was chosen."""

    variant: Variant
    fit: Fit
    float_layers: tuple[str, ...]


def search(
    first: tuple[Variant, Fit],
    make: Callable[[Sequence[str]], tuple[Variant, Fit]],
    layers: Callable[[Variant], Sequence[str]],
    budget: Budget,
    say: Callable[[str], None],
) -> Found[Variant]:
    """All layers in int8 if that fits `budget`; else the fewest layers in float, the most sensitive first.

    `first` has all in int8, `make` gives a variant with the given layers in float, `layers` all layers of one,
    the most sensitive first. The number is found by halving: more layers in float are taken to be no worse.
    Where even half of all does not fit, that variant or the first comes back, whichever agrees more, for the
    gates to judge.
    """
    variant, fit = first
    best = Found(variant, fit, ())
    if fit.within(budget):
        return best
    ranking = list(layers(variant))
    say(f"  over the budget ({fit}): leaving the most sensitive of {len(ranking)} layers in float")
    too_few, enough = 0, int(len(ranking) * _MOST)
    variant, fit = make(ranking[:enough])
    say(f"  {enough} layers in float: {fit}")
    # What is left in float between rounded layers can do harm.
    if fit.within(budget) or fit.agreement > best.fit.agreement:
        best = Found(variant, fit, tuple(ranking[:enough]))
    while fit.within(budget) and enough - too_few > 1:
        middle = (too_few + enough) // 2
        variant, attempt = make(ranking[:middle])
        say(f"  {middle} layers in float: {attempt}")
        if attempt.within(budget):
            enough, best = middle, Found(variant, attempt, tuple(ranking[:middle]))
        else:
            too_few = middle
    return best
