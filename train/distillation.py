"""Pre-training a network without ImageNet: it learns to give another network's features.

The student sees the same augmented view as the teacher and is asked for the teacher's features; a
teacher that is patient and consistent in this way teaches best (Beyer et al. 2022, arXiv 2106.05237).
It is asked for them place by place, and halfway up too (hints, Romero et al. 2015, arXiv 1412.6550):
few pictures then teach much. No label is used, so all pictures serve that are not kept for a test:
those of none of the styles too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from keras import layers, ops

from train import machine, networks
from train.augmentation import PartlyAugmented
from train.dataset import Dataset, Part
from train.fitting import Checkpoint, Draws, Notice, cosine
from train.progress import console, progress
from train.recipes import Recipe

BATCH = 32
# Pixels along the side that the teacher sees: as many as it was made for.
TEACHER_SIZE = 224
# Layer of the student, a ResNet50 -> layers of the teacher, an EfficientNet-Lite0, whose maps it is asked
# for: as fine as its own or finer. The last is what the embedding is pooled from, on both sides.
HINTS = (
    ("stage_3_block_4_relu", ("block_05_expand_relu",)),
    ("stage_4_block_6_relu", ("block_08_expand_relu", "block_11_expand_relu")),
    ("stage_5_block_3_relu", ("levels",)),
)
# From which batch normalisation's means are measured anew in the end.
_SETTLING_BATCHES = 20
# Of AdamW at its peak, in the first stage and in the later ones, which only get used to larger pictures;
# warm-up and cosine within each.
LEARNING_RATE = 2e-3
LATER_LEARNING_RATE = 5e-4


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
    learnt_from = dataset.where(lambda example: example.part in (Part.TRAIN, Part.VALIDATION))
    with machine.mixed_precision():
        teacher = networks.NETWORKS[recipe.distilled_from](TEACHER_SIZE, 1)
        networks.load_pretrained(teacher, recipe.distilled_from, None)
        maps = _Maps.of(teacher, pixels[learnt_from])
    outputs = network.output.shape[-1]
    before: keras.Model | None = None
    for number, (size, epochs) in enumerate(recipe.distillation):
        with machine.mixed_precision():
            student = networks.NETWORKS[recipe.network](size, outputs)
            student.set_weights(network.get_weights())
            lesson = _lesson(student, maps, recipe.size, seed + number)
        if before is not None:
            _copy(before, lesson, ["student", *(f"projection_{hint}" for hint in range(len(HINTS)))])
        console.print(f"distillation, stage {number + 1}: {size} pixels, {epochs} epochs")
        rate = LATER_LEARNING_RATE if number else LEARNING_RATE
        before = _fit(lesson, pixels, learnt_from, epochs, rate, seed + number, folder / f"stage_{number}", after_epoch)
    if before is not None:
        _copy(before.get_layer("student"), network, [layer.name for layer in before.get_layer("student").layers])
    _settle_normalization(network, pixels, learnt_from, seed)


def _copy(source: keras.Model, target: keras.Model, layers: Sequence[str]) -> None:
    for name in layers:
        target.get_layer(name).set_weights(source.get_layer(name).get_weights())


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


@dataclass(frozen=True)
class _Maps:
    """The teacher's maps, from pixels, one for each of `HINTS`; and of each channel its mean over pictures and
    places, its standard deviation over both, and that of its mean over the places of a picture."""

    model: keras.Model
    means: tuple[np.ndarray, ...]
    spreads: tuple[np.ndarray, ...]
    spreads_of_means: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, teacher: keras.Model, pixels: np.ndarray) -> Self:
        teacher.trainable = False
        maps = [ops.concatenate([teacher.get_layer(name).output for name in names], axis=-1) for _, names in HINTS]
        inputs = keras.Input(pixels.shape[1:], name="pixels")
        maps = keras.Model(teacher.input, maps)(Resized(TEACHER_SIZE)(inputs))
        moments = [ops.mean(ops.cast(x, "float32") ** power, axis=(1, 2)) for x in maps for power in (1, 2)]
        with progress("pictures through the teacher") as step:
            found = predict(keras.Model(inputs, ops.concatenate(moments, axis=-1)), pixels, step)
        ends = np.cumsum([x.shape[-1] for x in moments])[:-1]
        first, second = (np.split(found, ends, axis=1)[half::2] for half in (0, 1))
        return cls(
            keras.Model(inputs, maps),
            tuple(mean.mean(axis=0) for mean in first),
            tuple(
                np.sqrt(square.mean(axis=0) - mean.mean(axis=0) ** 2)
                for mean, square in zip(first, second, strict=True)
            ),
            tuple(mean.std(axis=0) for mean in first),
        )


def _lesson(student: keras.Model, maps: _Maps, size: int, seed: int) -> keras.Model:
    """From pixels to the squared error of the student, ``[batch]``; the student is its layer ``student``."""
    pixels = keras.Input((size, size, 3), name="pixels")
    views = PartlyAugmented("camera", 1.0, seed)(pixels)
    pupil = keras.Model(student.input, [student.get_layer(name).output for name, _ in HINTS], name="student")
    errors = []
    for number, (given, asked) in enumerate(
        zip(pupil(Resized(pupil.input.shape[1])(views)), maps.model(views), strict=True)
    ):
        # Each channel is to count alike. Some are nearly always zero: the floor keeps their rare peaks small.
        spread = maps.spreads[number] + 0.05
        target = (ops.cast(ops.stop_gradient(asked), "float32") - maps.means[number]) / spread
        target = ops.image.resize(ops.clip(target, -3.0, 3.0), given.shape[1:3], antialias=True)
        projected = layers.Conv2D(target.shape[-1], 1, dtype="float32", name=f"projection_{number}")(given)
        error = projected - target
        errors.append(ops.mean(ops.square(error), axis=(1, 2, 3)))
    # The last one's mean over the places is the embedding's error: in units of how embeddings differ.
    of_mean = ops.mean(error, axis=(1, 2)) * (spread / (maps.spreads_of_means[-1] + 0.02))
    return keras.Model(pixels, sum(errors) + ops.mean(ops.square(of_mean), axis=-1))


def _fit(
    lesson: keras.Model,
    pixels: np.ndarray,
    learnt_from: np.ndarray,
    epochs: int,
    learning_rate: float,
    seed: int,
    folder: Path,
    after_epoch: Callable[[], None],
) -> keras.Model:
    """Teach one stage, or what is left of it."""
    folder.mkdir(parents=True, exist_ok=True)
    batches = _Lessons(pixels, learnt_from, seed)
    checkpoint = Checkpoint(folder)
    if checkpoint.last.exists():
        lesson = keras.models.load_model(checkpoint.last)
        batches.epoch = int(lesson.optimizer.iterations) // len(batches)
    else:
        rate = cosine(learning_rate, epochs * len(batches))
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
