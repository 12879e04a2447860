"""Pre-training a network without ImageNet: it learns to give another network's embedding.

The student sees the same augmented view as the teacher and is asked for the teacher's features; a
teacher that is patient and consistent in this way teaches best (Beyer et al. 2022, arXiv 2106.05237).
No label is used, so all pictures serve that are not kept for a test: those of none of the styles too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from train import networks
from train.augmentation import PartlyAugmented
from train.dataset import Dataset, Part
from train.fitting import Checkpoint, Draws, Notice
from train.progress import console, progress
from train.recipes import Recipe

BATCH = 32
# From which batch normalisation's means are measured anew in the end.
_SETTLING_BATCHES = 20
# Of AdamW at its peak, at the start of each stage; warm-up and cosine within it.
LEARNING_RATE = 2e-3


@keras.saving.register_keras_serializable(package="vernissage")
class Resized(layers.Layer):
    """Pictures at another size."""

    def __init__(self, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size

    def call(self, pixels):
        return ops.image.resize(pixels, (self.size, self.size), interpolation="bilinear", antialias=True)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size}


def distil(
    network: keras.Model,
    recipe: Recipe,
    dataset: Dataset,
    pixels: np.ndarray,
    seed: int,
    folder: Path,
    after_epoch: Callable[[], None],
) -> None:
    """Teach `network` its teacher's embedding, stage by stage, in place; continues where it was stopped.

    `pixels` are all pictures, uint8 ``[n, size, size, 3]``. Most is learnt from small pictures at a
    fraction of the cost (progressive resizing); each stage of the recipe is (pixels along the side, epochs).
    """
    assert recipe.distilled_from is not None
    teacher = networks.NETWORKS[recipe.distilled_from](recipe.size, 0)
    networks.load_pretrained(teacher, recipe.distilled_from, None)
    learnt_from = dataset.where(lambda example: example.part in (Part.TRAIN, Part.VALIDATION))
    with progress("pictures through the teacher") as step:
        features = predict(teacher, pixels[learnt_from], step)
    outputs = network.output.shape[-1]
    for number, (size, epochs) in enumerate(recipe.distillation):
        student = networks.NETWORKS[recipe.network](size, outputs)
        student.set_weights(network.get_weights())
        lesson = _lesson(student, teacher, features, recipe.size, seed + number)
        done = folder / f"stage_{number}.weights.h5"
        if done.exists():
            student.load_weights(done)
        else:
            console.print(f"distillation, stage {number + 1}: {size} pixels, {epochs} epochs")
            lesson = _fit(lesson, pixels, learnt_from, epochs, seed + number, folder / f"stage_{number}", after_epoch)
            student = lesson.get_layer("student")
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / "writing.weights.h5"
            network.set_weights([*student.get_weights(), *network.get_layer("head").get_weights()])
            network.save_weights(temporary)
            os.replace(temporary, done)
        network.load_weights(done)
    _settle_normalization(network, pixels, learnt_from, seed)


def _settle_normalization(network: keras.Model, pixels: np.ndarray, learnt_from: np.ndarray, seed: int) -> None:
    """Measure anew, at the size of `pixels`, what batch normalisation keeps of its inputs (precise-BN, Wu and
    Johnson 2021, arXiv 2105.07576): the running means of a short training on small pictures lag behind its
    weights and are wrong at another size. Here that made embeddings seventy times too large."""
    normalizations = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in normalizations]
    order = np.random.default_rng(seed).permutation(learnt_from)[: _SETTLING_BATCHES * BATCH]
    for number in range(-(-len(order) // BATCH)):
        for layer in normalizations:
            layer.momentum = number / (number + 1)  # the plain mean of all batches so far
        network(pixels[order[number * BATCH : (number + 1) * BATCH]].astype(np.float32), training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum


def predict(model: keras.Model, pixels: np.ndarray, step: Callable[[int, int], None]) -> np.ndarray:
    """Outputs of `model` for ``uint8 [n, size, size, 3]``, with progress."""
    parts = []
    for start in range(0, len(pixels), 512):
        parts.append(model.predict(pixels[start : start + 512], batch_size=64, verbose=0))
        step(min(start + 512, len(pixels)), len(pixels))
    return np.concatenate(parts)


def _lesson(student: keras.Model, teacher: keras.Model, features: np.ndarray, size: int, seed: int) -> keras.Model:
    """From pixels to the squared error of the student, ``[batch]``; the student is its layer ``student``."""
    pixels = keras.Input((size, size, 3), name="pixels")
    views = PartlyAugmented("camera", 1.0, seed)(pixels)
    teacher.trainable = False
    # Each feature is to count alike. Most are nearly always zero: the floor keeps their rare peaks small.
    mean, spread = features.mean(axis=0), features.std(axis=0) + 0.05
    target = layers.Normalization(mean=mean, variance=spread**2, name="standard")(teacher(views))
    target = ops.clip(ops.stop_gradient(target), -3.0, 3.0)
    pupil = keras.Model(student.input, student.get_layer("embedding").output, name="student")
    given = layers.Dense(len(mean), name="projection")(pupil(Resized(pupil.input.shape[1])(views)))
    return keras.Model(pixels, ops.mean(ops.square(given - target), axis=-1))


def _fit(
    lesson: keras.Model,
    pixels: np.ndarray,
    learnt_from: np.ndarray,
    epochs: int,
    seed: int,
    folder: Path,
    after_epoch: Callable[[], None],
) -> keras.Model:
    folder.mkdir(parents=True, exist_ok=True)
    batches = _Lessons(pixels, learnt_from, seed)
    checkpoint = Checkpoint(folder)
    if checkpoint.last.exists():
        lesson = keras.models.load_model(checkpoint.last)
        batches.epoch = int(lesson.optimizer.iterations) // len(batches)
    else:
        steps = epochs * len(batches)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - steps // 10, alpha=0.02, warmup_target=LEARNING_RATE, warmup_steps=max(1, steps // 10)
        )
        # The output is the error already, and not negative: its distance to nought is the loss.
        lesson.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4), "mean_absolute_error")
    checkpoint.resume(batches.epoch)
    log = keras.callbacks.CSVLogger(str(checkpoint.log), append=True)
    lesson.fit(
        batches,
        epochs=epochs,
        initial_epoch=batches.epoch,
        shuffle=False,
        callbacks=[Draws(seed), log, checkpoint, Notice(lambda _: after_epoch())],
    )
    return lesson


class _Lessons(keras.utils.PyDataset):
    """Each picture once an epoch, in an order that depends on (seed, epoch) alone."""

    def __init__(self, pixels: np.ndarray, learnt_from: np.ndarray, seed: int):
        super().__init__()
        self.pixels, self.learnt_from, self.seed = pixels, learnt_from, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.learnt_from) // BATCH

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.learnt_from)
        chosen = order[batch * BATCH : (batch + 1) * BATCH]
        return self.pixels[chosen].astype(np.float32), np.zeros(len(chosen), np.float32)

    def on_epoch_end(self) -> None:
        self.epoch += 1
