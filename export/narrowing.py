"""Ranges of what is added to a shortcut, narrowed to what can matter.

A residual block ends with an addition and a ReLU. How far below nought the convolution's addend lies makes no
difference once it outweighs the greatest value of the shortcut, which is a ReLU's too; nor does what it has over the
greatest value of the sum. A convolution without a ReLU reaches far beyond both, and steps of int8 that are spent there
are lost: on a ResNet50 whose activations end at 6, half of all the difference to the float network came from this.

Between two convolutions (a block whose shortcut is one) the bounds lie too far out to gain anything by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Range = tuple[float, float]
"""The least and the greatest value of a tensor."""


@dataclass(frozen=True)
class Addition:
    """A sum that nothing but a ReLU reads; all by name."""

    addend: str
    """Read by nothing else."""
    shortcut: str
    """What an earlier ReLU gives."""
    given: str
    """What the ReLU behind the sum gives."""


def narrowed(additions: Iterable[Addition], ranges: Mapping[str, Range]) -> dict[str, Range]:
    """New ranges of those addends whose range becomes narrower.

    Int8 ends `ranges` sharply, those of shortcut and sum too, so the narrower ones change nothing in an integer
    network but the width of its steps.
    """
    found = {}
    for addition in additions:
        least, greatest = ranges[addition.addend]
        shortcut_least, shortcut_greatest = ranges[addition.shortcut]
        sum_least, sum_greatest = ranges[addition.given]
        narrow = max(least, sum_least - shortcut_greatest), min(greatest, sum_greatest - shortcut_least)
        if narrow[0] < narrow[1] and narrow != (least, greatest):
            found[addition.addend] = narrow
    return found
