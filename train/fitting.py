"""Fitting a network: batches, linear probe, epochs, checkpoints."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

from train import distribution, painters
from train.dataset import OTHER, PHOTOGRAPH, Dataset, Part
from train.painters import Outputs
from train.recipes import Recipe

# Photographs that show no painting are few; they are this share of the pictures of no style.
_PHOTOGRAPH_SHARE = 0.2

# Of L-BFGS; more change the answers of hardly a picture.
_PROBE_STEPS = 100

# Shares of the fine-tuned weights that are tried in averaging with the start.
_END_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Batches(keras.utils.PyDataset):
    """Training batches of `sources` ``[views, n, ...]``: balanced if the recipe says so, mixed up.

    `draws` ``[n]`` is how often a bootstrap drew each example; None is once each. Batch b of epoch e
    depends on (seed, e, b) alone, so that a resumed run sees what an unbroken one would have seen. Of
    several processes that train together each gets its share of every batch.
    """

    def __init__(
        self, sources: np.ndarray, dataset: Dataset, recipe: Recipe, seed: int, draws: np.ndarray | None = None
    ):
        super().__init__()
        self.sources, self.recipe, self.seed = sources, recipe, seed
        self.epoch = 0
        self.labels = dataset.labels
        self.outputs = len(dataset.styles) + recipe.other_output
        self.weights = sampling_weights(dataset, recipe, draws)
        self.train = np.flatnonzero(self.weights)
        if draws is not None:
            self.train = np.repeat(self.train, draws[self.train])

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
            x, y = mix_up(x, y, self.recipe.mixup, generator)
        elif self.recipe.cutmix:
            x, y = cut_mix(x, y, self.recipe.cutmix, generator)
        return distribution.share().of(x), distribution.share().of(y)

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def _choose(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        if self.recipe.steps_per_epoch:
            return generator.choice(len(self.weights), self.recipe.batch, p=self.weights)
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.train)
        return order[batch * self.recipe.batch : (batch + 1) * self.recipe.batch]


def mix_up(x: np.ndarray, y: np.ndarray, alpha: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each picture laid over another of the batch, and their labels alike (Zhang et al. 2017, arXiv
    1710.09412). `x` ``[n, ...]``, `y` ``[n, outputs]``."""
    share = generator.beta(alpha, alpha, len(x)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    partner = generator.permutation(len(x))
    wide = share.reshape(-1, *[1] * (x.ndim - 1))
    return wide * x + (1 - wide) * x[partner], share[:, None] * y + (1 - share[:, None]) * y[partner]


def cut_mix(
    x: np.ndarray, y: np.ndarray, alpha: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A rectangle of another picture of the batch in each, the labels by area (Yun et al. 2019, arXiv
    1905.04899). `x` ``[n, height, width, channels]``."""
    height, width = x.shape[1:3]
    partner = generator.permutation(len(x))
    mixed, shares = x.copy(), np.empty((len(x), 1), np.float32)
    for row, share in enumerate(generator.beta(alpha, alpha, len(x))):
        half_y, half_x = (int(side * np.sqrt(1 - share) / 2) for side in (height, width))
        y_middle, x_middle = generator.integers(height), generator.integers(width)
        top, bottom = max(0, y_middle - half_y), min(height, y_middle + half_y)
        left, right = max(0, x_middle - half_x), min(width, x_middle + half_x)
        mixed[row, top:bottom, left:right] = x[partner[row], top:bottom, left:right]
        shares[row] = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, shares * y + (1 - shares) * y[partner]


def bootstrap(dataset: Dataset, seed: int) -> np.ndarray:
    """How often each example, ``[n]``, is drawn when the training part is drawn anew with replacement,
    label by label, so that a rare style does not vanish."""
    generator = np.random.default_rng(seed)
    labels = np.array([example.label for example in dataset.examples])
    train = np.array([example.part is Part.TRAIN for example in dataset.examples])
    draws = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        indices = np.flatnonzero(train & (labels == label))
        if len(indices):
            np.add.at(draws, generator.choice(indices, len(indices)), 1)
    return draws


def sampling_weights(dataset: Dataset, recipe: Recipe, draws: np.ndarray | None = None) -> np.ndarray:
    """Probability of each example to be drawn, ``[n]``, summing to 1; 0 outside the training part.

    Styles are drawn equally often, but for the recipe's `style_weights`; within a style an artist with n
    pictures in proportion to ``n ** artist_power``, and those with outputs of their own as the recipe's
    `painter_share` has it. Without `steps_per_epoch`, and without an output for none of the styles, all
    training pictures weigh the same. `draws` are those of `bootstrap`.
    """
    labels = np.array([example.label for example in dataset.examples])
    artists = np.array([example.artist for example in dataset.examples])
    published = np.array([example.published for example in dataset.examples])
    train = np.array([example.part is Part.TRAIN for example in dataset.examples])
    if not recipe.other_output:
        train &= dataset.labels < len(dataset.styles)
    if recipe.published_only:
        train &= published
    if not recipe.steps_per_epoch and not recipe.other_output:
        weights = train * (1.0 if draws is None else draws)
        return weights / weights.sum()
    wanted = dict.fromkeys(dataset.styles, 1.0) | {k: v for k, v in recipe.style_weights if k in dataset.styles}
    shares = {style: (1 - recipe.other_share) * weight / sum(wanted.values()) for style, weight in wanted.items()}
    if recipe.other_output:
        photographs = _PHOTOGRAPH_SHARE if (train & (labels == PHOTOGRAPH)).any() else 0.0
        shares |= {OTHER: recipe.other_share * (1 - photographs), PHOTOGRAPH: recipe.other_share * photographs}
    weights = np.zeros(len(labels))
    for label, share in shares.items():
        indices = np.flatnonzero(train & (labels == label))
        own = published[indices] & (recipe.painter_share is not None)
        for group, power, of_share in (
            (indices[own], 1.0, recipe.painter_share if not own.all() else 1.0),
            (indices[~own], recipe.artist_power, 1.0 - (recipe.painter_share or 0.0) if own.any() else 1.0),
        ):
            if len(group):
                _, inverse, counts = np.unique(artists[group], return_inverse=True, return_counts=True)
                weight = counts[inverse] ** (power - 1.0)
                weights[group] = share * of_share * weight / weight.sum()
    if draws is not None:
        weights *= draws
    return weights / weights.sum()


def outputs_of(dataset: Dataset, recipe: Recipe) -> Outputs:
    """The outputs that the head of a recipe's network has for a data set."""
    classes = len(dataset.styles) + recipe.other_output
    if recipe.painter_share is None:
        return painters.one_each(dataset, classes)
    return painters.with_painters(dataset, sampling_weights(dataset, recipe) > 0, classes)


def linear_probe(
    network: keras.Model,
    features: np.ndarray,
    dataset: Dataset,
    recipe: Recipe,
    draws: np.ndarray | None = None,
) -> None:
    """Fit the head of `network` on frozen embeddings, as `fit_probe` has them, with the weights that fine-tuning
    draws with, and put it in: a good head first, so that fine-tuning does not distort the features to suit a
    random one (Kumar et al. 2022, arXiv 2202.10054)."""
    kernel, bias = fit_probe(features, dataset, recipe, draws)
    network.get_layer("head").set_weights([kernel, bias])


def fit_probe(
    features: np.ndarray, dataset: Dataset, recipe: Recipe, draws: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel ``[d, outputs]`` and bias of the head that `linear_probe` fits.

    `features` are ``[n, d]``, or ``[views, n, d]`` with the pictures as they are first: of these the recipe's
    `clean_share` of the weight, and the others alike.
    """
    views = features if features.ndim == 3 else features[None]
    shares = [1.0]
    if len(views) > 1:
        shares = [recipe.clean_share, *[(1 - recipe.clean_share) / (len(views) - 1)] * (len(views) - 1)]
    weights = sampling_weights(dataset, recipe, draws)
    train = np.flatnonzero(weights)
    outputs = outputs_of(dataset, recipe)
    x = np.concatenate([view[train] for view in views]).astype(np.float32)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    x -= mean
    x /= spread
    penalties = np.where(outputs.own, recipe.painter_penalty, recipe.probe_penalty)
    kernel, bias = _multinomial(
        x, np.tile(outputs.of_examples[train], len(views)), np.outer(shares, weights[train]).ravel(), penalties
    )
    kernel /= spread[:, None]
    return kernel, bias - mean @ kernel


def _multinomial(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, penalties: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel ``[d, outputs]`` and bias of logistic regression with an L2 penalty of its own for each output,
    ``[outputs]``, which scikit-learn's does not have. `weights` ``[n]`` sum to 1."""
    x = features.astype(np.float32)
    truth = np.eye(len(penalties), dtype=np.float32)[labels]
    importance, penalty = weights.astype(np.float32)[:, None], penalties.astype(np.float32)

    def loss_and_gradient(values: np.ndarray) -> tuple[float, np.ndarray]:
        weight = values.reshape(-1, len(penalties)).astype(np.float32)
        logits = x @ weight[:-1] + weight[-1]
        log_probability = logits - logsumexp(logits, axis=1, keepdims=True)
        loss = -(importance * truth * log_probability).sum() + (penalty * weight[:-1] ** 2).sum() / 2
        error = importance * (np.exp(log_probability) - truth)
        gradient = np.vstack([x.T @ error + penalty * weight[:-1], error.sum(axis=0)])
        return float(loss), gradient.ravel().astype(np.float64)

    start = np.zeros((x.shape[1] + 1) * len(penalties))
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": _PROBE_STEPS})
    weight = found.x.reshape(-1, len(penalties)).astype(np.float32)
    return weight[:-1], weight[-1]


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
    draws: np.ndarray | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train `model` on `sources` ``[views, n, ...]``, continuing from a checkpoint in `folder`.

    Returns the trained model: `model` itself, or the one that a checkpoint held. Layers that are not
    trainable stay as they are.
    """
    batches = Batches(sources, dataset, recipe, seed, draws)
    checkpoint = Checkpoint(folder, recipe.patience)
    model = distribution.spread(model)
    distribution.check_agreement(checkpoint.last.exists())
    if checkpoint.last.exists():
        model = keras.models.load_model(checkpoint.last)
        batches.epoch = int(model.optimizer.iterations) // len(batches)
    else:
        model.compile(
            optimizer(recipe, recipe.epochs * len(batches)),
            keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
            metrics=["accuracy"],
        )
    distribution.check_agreement(batches.epoch)
    checkpoint.resume(batches.epoch)
    watched = dataset.where(lambda example: example.part is Part.VALIDATION)
    watched = distribution.share().of(watched[dataset.labels[watched] < batches.outputs])
    answers = np.eye(batches.outputs, dtype=np.float32)[dataset.labels[watched]]
    if not checkpoint.exhausted:
        model.fit(
            batches,
            epochs=recipe.epochs,
            initial_epoch=batches.epoch,
            shuffle=False,  # the batches are drawn anew in each epoch; Keras would draw their order from elsewhere
            validation_data=(sources[0][watched].astype(np.float32), answers),
            validation_batch_size=32 * distribution.share().local_devices,
            verbose=0 if distribution.share().number else "auto",
            class_weight=class_weights(dataset) if recipe.class_weights else None,
            callbacks=[
                Draws(seed),
                keras.callbacks.CSVLogger(str(checkpoint.log), append=True),
                checkpoint,
                *callbacks,
            ],
        )
    if recipe.best_epoch and checkpoint.best.exists():
        model = keras.models.load_model(checkpoint.best)
    return distribution.gather(model)


def class_weights(dataset: Dataset) -> dict[int, float]:
    """scikit-learn's ``balanced``: a style with a tenth of the pictures weighs ten times as much."""
    trained = dataset.labels[dataset.where(lambda example: example.part is Part.TRAIN)]
    trained = trained[trained < len(dataset.styles)]
    classes = np.unique(trained)
    weights = compute_class_weight("balanced", classes=classes, y=trained)
    return {int(label): float(weight) for label, weight in zip(classes, weights, strict=True)}


def average_with_start(
    model: keras.Model,
    start: list[np.ndarray],
    sources: np.ndarray,
    dataset: Dataset,
) -> float:
    """Weights between the start of fine-tuning and its end (WiSE-FT, Wortsman et al. 2021, arXiv
    2109.01903): fine-tuning learns the painters that it sees, the start knows more of others. The share
    of the end is the one with the least loss on the validation part.

    `start` are the model's weights before fine-tuning. Leaves the chosen weights in `model`; returns the
    share.
    """
    end = model.get_weights()
    validation = dataset.where(lambda example: example.part is Part.VALIDATION)
    validation = validation[dataset.labels[validation] < model.output_shape[-1]]
    labels, pictures = dataset.labels[validation], sources[0][validation]
    best_loss, best_share, best_weights = np.inf, 0.0, start
    for share in _END_SHARES:
        weights = [(1 - share) * a + share * b for a, b in zip(start, end, strict=True)]
        model.set_weights(weights)
        outputs = model.predict(pictures, batch_size=128, verbose=0)
        log_probability = outputs - logsumexp(outputs, axis=1, keepdims=True)
        loss = float(-log_probability[np.arange(len(labels)), labels].mean())
        if loss < best_loss:
            best_loss, best_share, best_weights = loss, share, weights
    model.set_weights(best_weights)
    return best_share


def cosine(peak: float, steps: int, warm_up: float = 0.1) -> keras.optimizers.schedules.CosineDecay:
    """A learning rate that rises from 0 to `peak` in the share `warm_up` of `steps`, and falls to a fiftieth of it."""
    rising = max(1, int(steps * warm_up))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rising), alpha=0.02, warmup_target=peak, warmup_steps=rising
    )


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimiser, for so many steps in all."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = cosine(recipe.learning_rate, steps)
    average = {"use_ema": True, "ema_momentum": recipe.ema} if recipe.ema else {}
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, **average)
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, **average)
    return keras.optimizers.Adam(rate, **average)


class Checkpoint(keras.callbacks.Callback):
    """Keeps the model with its optimiser after each epoch, and the epoch with the least validation loss;
    each file is written whole or not at all. Stops after `patience` epochs without a smaller loss.

    What it knows it reads from the log, so that a resumed run stops where an unbroken one would have.
    """

    def __init__(self, folder: Path, patience: int | None = None):
        super().__init__()
        self.last = folder / "checkpoint" / "epoch.keras"
        self.best = folder / "checkpoint" / "best.keras"
        self.log = folder / "log.csv"
        self.patience = patience
        self.losses: list[float] = []

    def resume(self, epochs_done: int) -> None:
        """Read the log of the epochs that `last` holds. A kill between log and checkpoint leaves the row of
        an epoch that will be trained again: it goes."""
        if self.log.exists():
            rows = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
            self.log.write_text("".join(rows[: 1 + epochs_done]) if epochs_done else "", encoding="utf-8")
        self.losses = _validation_losses(self.log)

    @property
    def exhausted(self) -> bool:
        """Whether there was no smaller loss for `patience` epochs."""
        return self.patience is not None and len(self.losses) - 1 - int(np.argmin(self.losses or [0])) >= self.patience

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self.losses.append(float((logs or {}).get("val_loss", np.inf)))
        self.last.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.last.with_name("writing.keras")
        self.model.save(temporary)
        if self.losses[-1] <= min(self.losses):
            shutil.copyfile(temporary, self.last.with_name("copying.keras"))
            os.replace(self.last.with_name("copying.keras"), self.best)
        os.replace(temporary, self.last)
        if self.exhausted:
            self.model.stop_training = True


class Draws(keras.callbacks.Callback):
    """Makes what augmentation and dropout draw in an epoch depend on (seed, epoch) alone, as `Batches` are:
    Keras saves no state of its generators, and a resumed run would draw its first epoch's again."""

    def __init__(self, seed: int):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        generator = np.random.default_rng((self.seed, epoch))
        for state in self.model.non_trainable_variables:
            if state.path.endswith("seed_generator_state"):
                state.assign(np.array([generator.integers(2**31), 0], state.dtype))


class Notice(keras.callbacks.Callback):
    """Calls `tell` with the number of epochs that are behind the run."""

    def __init__(self, tell: Callable[[int], None]):
        super().__init__()
        self.tell = tell

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self.tell(epoch + 1)


def _validation_losses(log: Path) -> list[float]:
    if not log.exists():
        return []
    with log.open(encoding="utf-8") as file:
        # Distillation has no validation: its column is missing, or "NA".
        return [np.inf if row.get("val_loss", "NA") == "NA" else float(row["val_loss"]) for row in csv.DictReader(file)]
