"""What the frozen part of a network makes of each picture, computed once and kept.

A frozen layer gives the same for the same picture in every epoch. So the frozen part sees each picture
as it is and in some views, augmented or photographed, and what it gives is kept on disk as float16; an
epoch of fine-tuning then costs only the part that is trained. The store depends on pictures, recipe and
seed, not on the split: the runs of all hold-outs share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from train import networks
from train.augmentation import AUGMENTATIONS
from train.dataset import Dataset
from train.photography import PHOTOGRAPHY, photographs
from train.recipes import Recipe


class Augmented(keras.layers.Layer):
    """Augments in inference too, so that `Model.predict` compiles it on every backend."""

    def __init__(self, augmentation: keras.Model):
        super().__init__()
        self.augmentation = augmentation

    def call(self, pixels):
        return keras.ops.clip(self.augmentation(pixels, training=True), 0, 255)


def open_views(
    folder: Path,
    dataset: Dataset,
    recipe: Recipe,
    network: keras.Model,
    seed: int,
    progress: Callable[[int, int], None],
) -> np.ndarray:
    """The store as a read-only memory map, float16 ``[1 + views, n, h, w, c]``; view 0 is the picture
    as it is. What is missing is computed; a store that was broken off is continued view by view.

    `progress` is called with (pictures done, pictures in all).
    """
    assert recipe.frozen_until is not None
    lower = networks.lower_part(network, recipe.frozen_until)
    count = len(dataset.examples)
    shape = (1 + recipe.views, count, *lower.output.shape[1:])
    path = folder / f"views-{_key(dataset, recipe, seed)}.npy"
    done_path = path.with_suffix(".done")
    folder.mkdir(parents=True, exist_ok=True)
    done = int(done_path.read_text()) if path.exists() and done_path.exists() else 0
    if done < shape[0]:
        store = (
            np.lib.format.open_memmap(path, "r+") if done else np.lib.format.open_memmap(path, "w+", np.float16, shape)
        )
        pixels = dataset.pixels(recipe.size)
        inputs = keras.Input(lower.input.shape[1:], dtype="uint8")
        for view in range(done, shape[0]):
            x = keras.ops.cast(inputs, "float32")
            photographed = view > 0 and recipe.augmentation in PHOTOGRAPHY
            if view and not photographed:
                # A seed of its own for each view, so that a continued store equals an unbroken one.
                x = Augmented(AUGMENTATIONS[recipe.augmentation](seed + 1000 * view))(x)
            model = keras.Model(inputs, lower(x))
            for start in range(0, count, 512):
                seen = pixels[start : start + 512]
                if photographed:
                    examples = dataset.examples[start : start + 512]
                    seen = photographs(examples, recipe.augmentation, recipe.size, seed, view)
                store[view, start : start + 512] = model.predict(seen, batch_size=64, verbose=0)
                progress(view * count + min(start + 512, count), shape[0] * count)
            store.flush()
            done_path.write_text(str(view + 1))
    return np.lib.format.open_memmap(path, "r")


def _key(dataset: Dataset, recipe: Recipe, seed: int) -> str:
    facts = [
        [example.sha256 for example in dataset.examples],
        [recipe.network, recipe.size, recipe.frozen_until, recipe.views, recipe.augmentation, seed],
        [recipe.adapted_epochs],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
