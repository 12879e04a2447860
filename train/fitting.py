"""Fitting a network: batches, linear probe, epochs, checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from train.dataset import OTHER, PHOTOGRAPH, Dataset, Part
from train.recipes import Recipe

# Photographs that show no painting are few; they are this share of the pictures of no style.
_PHOTOGRAPH_SHARE = 0.2

# Strength of the L2 penalty on the probe's weights, for standardised features and a mean loss. Chosen by
# mean recall on artists held out: 0.01 knows the painters that it saw, not the styles.
_PROBE_PENALTY = 0.3

# Shares of the fine-tuned weights that are tried in averaging with the start.
_END_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Batches(keras.utils.PyDataset):
    """Training batches of `sources` ``[views, n, ...]``: balanced if the recipe says so, mixed up.

    Batch b of epoch e depends on (seed, e, b) alone, so that a resumed run sees what an unbroken one
    would have seen.
    """

    def __init__(self, sources: np.ndarray, dataset: Dataset, recipe: Recipe, seed: int):
        super().__init__()
        self.sources, self.recipe, self.seed = sources, recipe, seed
        self.epoch = 0
        self.labels = dataset.labels
        self.outputs = len(dataset.styles) + recipe.other_output
        self.weights = sampling_weights(dataset, recipe)
        self.train = np.flatnonzero(self.weights)

    def __len__(self) -> int:
        return self.recipe.steps_per_epoch or -(-len(self.train) // self.recipe.batch)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng((self.seed, self.epoch, batch))
        chosen = self._choose(generator, batch)
        # View 0 is the picture as it is, kept for evaluation where there are others.
        views = generator.integers(min(1, len(self.sources) - 1), len(self.sources), len(chosen))
        x = np.stack([self.sources[view, index] for view, index in zip(views, chosen, strict=True)])
        x = x.astype(np.float32)
        y = np.eye(self.outputs, dtype=np.float32)[self.labels[chosen]]
        if self.recipe.mixup:
            share = generator.beta(self.recipe.mixup, self.recipe.mixup, len(x)).astype(np.float32)
            share = np.maximum(share, 1 - share)
            partner = generator.permutation(len(x))
            wide = share.reshape(-1, *[1] * (x.ndim - 1))
            x = wide * x + (1 - wide) * x[partner]
            y = share[:, None] * y + (1 - share[:, None]) * y[partner]
        return x, y

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def _choose(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        if self.recipe.steps_per_epoch:
            return generator.choice(len(self.weights), self.recipe.batch, p=self.weights)
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.train)
        return order[batch * self.recipe.batch : (batch + 1) * self.recipe.batch]


def sampling_weights(dataset: Dataset, recipe: Recipe) -> np.ndarray:
    """Probability of each example to be drawn, ``[n]``, summing to 1; 0 outside the training part.

    Styles are drawn equally often; within a style an artist with n pictures in proportion to
    ``n ** artist_power``. Without `steps_per_epoch` all training pictures weigh the same.
    """
    labels = np.array([example.label for example in dataset.examples])
    artists = np.array([example.artist for example in dataset.examples])
    train = np.array([example.part is Part.TRAIN for example in dataset.examples])
    if not recipe.other_output:
        train &= dataset.labels < len(dataset.styles)
    if not recipe.steps_per_epoch:
        return train / train.sum()
    shares = {style: (1 - recipe.other_share) / len(dataset.styles) for style in dataset.styles}
    if recipe.other_output:
        photographs = _PHOTOGRAPH_SHARE if (train & (labels == PHOTOGRAPH)).any() else 0.0
        shares |= {OTHER: recipe.other_share * (1 - photographs), PHOTOGRAPH: recipe.other_share * photographs}
    weights = np.zeros(len(labels))
    for label, share in shares.items():
        indices = np.flatnonzero(train & (labels == label))
        if len(indices):
            _, inverse, counts = np.unique(artists[indices], return_inverse=True, return_counts=True)
            power = counts[inverse] ** (recipe.artist_power - 1.0)
            weights[indices] = share * power / power.sum()
    return weights / weights.sum()


def linear_probe(network: keras.Model, features: np.ndarray, dataset: Dataset, recipe: Recipe) -> None:
    """Fit the head of `network` on frozen embeddings ``[n, d]``, with the weights that fine-tuning draws
    with, and put it in: a good head first, so that fine-tuning does not distort the features to suit a
    random one (Kumar et al. 2022, arXiv 2202.10054)."""
    weights = sampling_weights(dataset, recipe)
    train = np.flatnonzero(weights)
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0) + 1e-6
    probe = LogisticRegression(C=1 / (_PROBE_PENALTY * len(train)), max_iter=300)
    probe.fit((features[train] - mean) / spread, dataset.labels[train], weights[train] * len(train))
    kernel = (probe.coef_ / spread).T
    network.get_layer("head").set_weights([kernel, probe.intercept_ - mean @ kernel])


def baseline_probe(features: np.ndarray, dataset: Dataset, recipe: Recipe) -> np.ndarray:
    """Logits ``[n, outputs]`` of the plain linear probe that any fine-tuning must beat: logistic regression
    on the backbone's last features ``[n, d]``, standardised, classes balanced, and nothing else done."""
    train = np.flatnonzero(sampling_weights(dataset, recipe))
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0) + 1e-6
    standard = (features - mean) / spread
    # 1e-3 is the best of 1e-1 ... 1e-3 on artists held out.
    probe = LogisticRegression(C=1e-3, max_iter=300, class_weight="balanced")
    return probe.fit(standard[train], dataset.labels[train]).decision_function(standard)


def fit(
    model: keras.Model,
    sources: np.ndarray,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    folder: Path,
) -> keras.Model:
    """Train `model` on `sources` ``[views, n, ...]``, continuing from a checkpoint in `folder`.

    Returns the trained model: `model` itself, or the one that the checkpoint held.
    """
    checkpoint = folder / "checkpoint" / "epoch.keras"
    log = folder / "log.csv"
    batches = Batches(sources, dataset, recipe, seed)
    if checkpoint.exists():
        model = keras.models.load_model(checkpoint)
        batches.epoch = int(model.optimizer.iterations) // len(batches)
    else:
        log.unlink(missing_ok=True)
        model.compile(
            _optimizer(recipe, len(batches)),
            keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
            metrics=["accuracy"],
        )
    watched = dataset.where(lambda example: example.part is Part.VALIDATION)
    watched = watched[dataset.labels[watched] < batches.outputs]
    answers = np.eye(batches.outputs, dtype=np.float32)[dataset.labels[watched]]
    model.fit(
        batches,
        epochs=recipe.epochs,
        initial_epoch=batches.epoch,
        validation_data=(sources[0][watched].astype(np.float32), answers),
        callbacks=[_Checkpoint(checkpoint), keras.callbacks.CSVLogger(str(log), append=True)],
    )
    return model


def average_with_start(
    model: keras.Model,
    start: list[np.ndarray],
    sources: np.ndarray,
    dataset: Dataset,
) -> float:
    """Weights between the start of fine-tuning and its end (WiSE-FT, Wortsman et al. 2021, arXiv
    2109.01903): fine-tuning learns the painters that it sees, the start knows more of others. The share
    of the end is the one with the least loss on the validation part, each style counting alike.

    `start` are the model's weights before fine-tuning. Leaves the chosen weights in `model`; returns the
    share.
    """
    end = model.get_weights()
    validation = dataset.where(lambda example: example.part is Part.VALIDATION)
    labels, pictures = dataset.labels[validation], sources[0][validation]
    best_loss, best_share, best_weights = np.inf, 0.0, start
    for share in _END_SHARES:
        weights = [(1 - share) * a + share * b for a, b in zip(start, end, strict=True)]
        model.set_weights(weights)
        outputs = model.predict(pictures, batch_size=128, verbose=0)
        log_probability = outputs - logsumexp(outputs, axis=1, keepdims=True)
        losses = [
            -log_probability[labels == label, label].mean() for label in np.unique(labels) if label < outputs.shape[1]
        ]
        loss = float(np.mean(losses))
        if loss < best_loss:
            best_loss, best_share, best_weights = loss, share, weights
    model.set_weights(best_weights)
    return best_share


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    total = recipe.epochs * steps
    if not recipe.frozen_until:
        return keras.optimizers.Adam(recipe.learning_rate)
    warm_up = max(1, total // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, total - warm_up, alpha=0.02, warmup_target=recipe.learning_rate, warmup_steps=warm_up
    )
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)


class _Checkpoint(keras.callbacks.Callback):
    """Keeps the model with its optimiser after each epoch; written whole or not at all."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name("writing.keras")
        self.model.save(temporary)
        os.replace(temporary, self.path)
