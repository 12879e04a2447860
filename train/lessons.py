"""What `train.adaptation` teaches with: pictures and parts of them, photographed; drawn in a process of its own, so
without Keras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import bundle
from bundle.picture import Pixels
from train.dataset import Example
from train.photography import PHOTOGRAPHY

BATCH = 32

# Of each picture the whole, and so many parts of it: few pictures then teach as much as many.
PARTS = 3

# Sides of a part, as shares of the picture's.
_LEAST_SIDE = 0.55

# Share of the inputs that are not photographed: what it gives of files is not to change.
_AS_IT_IS = 0.25


def part(examples: Sequence[Example], index: int) -> Pixels:
    """A picture, or a part of it; half of the parts are mirrored."""
    example, number = examples[index // (1 + PARTS)], index % (1 + PARTS)
    picture = bundle.read(example.path)
    if not number:
        return picture
    rng = np.random.default_rng((number, int(example.sha256[:8], 16)))
    height, width = picture.shape[:2]
    h, w = (max(1, int(side * rng.uniform(_LEAST_SIDE, 1))) for side in (height, width))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    part = picture[y : y + h, x : x + w]
    return part[:, ::-1] if number % 2 else part


def draw_lesson(
    photography: str, size: int, seed: int, stock: tuple[Sequence[Example], np.ndarray], number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Batch `number` of all; every picture and part once an epoch, in another order and seen otherwise each time."""
    examples, targets = stock
    epoch, batch = divmod(number, len(targets) // BATCH)
    order = np.random.default_rng((seed, epoch)).permutation(len(targets))
    chosen = order[batch * BATCH : (batch + 1) * BATCH]
    pixels = np.empty((BATCH, size, size, 3), np.float32)
    for row, index in enumerate(chosen.tolist()):
        rng = np.random.default_rng((seed, epoch, index))
        picture = part(examples, index)
        is_sharp = rng.random() < _AS_IT_IS
        pixels[row] = bundle.prepare(picture, size) if is_sharp else PHOTOGRAPHY[photography](rng, picture, size)
    return pixels, targets[chosen].astype(np.float32)
