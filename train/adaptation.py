"""Teaching a backbone to see through a camera: of a picture photographed it learns to give what it gave of the file.

What a camera leaves of a painting (`train.photography`) moves an ImageNet network's features more than one style
differs from another. So the network is its own teacher: its features of the sharp picture are the target, and its
input is the same picture, hung and photographed, or now and then as it is. No label is used and no new feature is
learnt, so what it knows of painters whom it never saw stays. It learns from the published training pictures alone: a
hold-out of other artists stays one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

import bundle
from train.beside import drawn_beside
from train.dataset import Dataset, Example, Part
from train.distillation import predict
from train.fitting import Checkpoint, Notice, cosine
from train.lessons import BATCH, PARTS, draw_lesson, part
from train.progress import console, progress
from train.recipes import Recipe

# Of Adam at its peak; warm-up and cosine.
_LEARNING_RATE = 3e-4

# Features are told apart in units of how they differ between pictures; the floor keeps those that never do small.
_FLOOR = 0.02


def adapt(network: keras.Model, recipe: Recipe, dataset: Dataset, seed: int, folder: Path) -> None:
    """Teach `network` in place, its features that are the layer ``embedding``.

    The weights are kept in `folder` by what they depend on, so that the runs of all hold-outs share them; what was
    broken off is continued there.
    """
    examples = [dataset.examples[i] for i in dataset.where(lambda one: one.published and one.part is Part.TRAIN)]
    embed = keras.Model(network.input, network.get_layer("embedding").output, name="embed")
    kept = folder / f"adapted-{_key(examples, recipe, seed)}"
    weights = kept.with_suffix(".weights.h5")
    if not weights.exists():
        console.print(f"{recipe.adapted_epochs} epochs through the camera, on {len(examples)} pictures and their parts")
        _teach(embed, recipe, examples, seed, kept)
        writing = kept / "writing.weights.h5"
        embed.save_weights(writing)
        os.replace(writing, weights)
    embed.load_weights(weights)


def _teach(embed: keras.Model, recipe: Recipe, examples: Sequence[Example], seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    targets = _features(embed, examples, recipe.size)
    mean, spread = targets.mean(axis=0), targets.std(axis=0) + _FLOOR
    targets = ((targets - mean) / spread).astype(np.float16)
    steps = len(targets) // BATCH
    checkpoint = Checkpoint(folder)
    first = 0
    if checkpoint.last.exists():
        pupil = keras.models.load_model(checkpoint.last)
        first = int(pupil.optimizer.iterations) // steps
    else:
        for layer in embed.layers:  # ImageNet's statistics are better than those of small batches
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        standardised = keras.layers.Normalization(mean=mean, variance=spread**2, name="standardised")(embed.output)
        pupil = keras.Model(embed.input, standardised)
        rate = cosine(_LEARNING_RATE, recipe.adapted_epochs * steps, warm_up=0.05)
        pupil.compile(keras.optimizers.Adam(rate), "mean_squared_error")
    checkpoint.resume(first)
    draw = partial(draw_lesson, recipe.augmentation, recipe.size, seed)
    with drawn_beside(draw, (examples, targets), first * steps) as drawn, progress("through the camera") as step:
        pupil.fit(
            drawn,
            epochs=recipe.adapted_epochs,
            initial_epoch=first,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.CSVLogger(str(checkpoint.log), append=True),
                checkpoint,
                Notice(lambda done: step(done, recipe.adapted_epochs)),
            ],
        )
    embed.set_weights(pupil.get_weights())  # the scale of the targets has no weights


def _features(embed: keras.Model, examples: Sequence[Example], size: int) -> np.ndarray:
    """What the backbone gives of each picture and of its parts, ``[n * (1 + parts), d]``."""
    pixels = np.empty((len(examples) * (1 + PARTS), size, size, 3), np.uint8)
    with progress("pictures and parts of them") as step:
        for index in range(len(pixels)):
            pixels[index] = bundle.prepare(part(examples, index), size)
            step(index + 1, len(pixels))
    with progress("through the backbone") as step:
        return predict(embed, pixels, step)


def _key(examples: Sequence[Example], recipe: Recipe, seed: int) -> str:
    facts = [
        [example.sha256 for example in examples],
        [recipe.network, recipe.size, recipe.adapted_epochs, recipe.augmentation, seed],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
