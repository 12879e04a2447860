"""One training run from folders to a finished ``runs/NAME/``."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import bundle
from bundle.catalogue import fingerprint
from train import adaptation, distillation, fitting, machine, networks, reading, results
from train.augmentation import PartlyAugmented
from train.dataset import Dataset, Part
from train.progress import console, progress
from train.reading import Sources
from train.recipes import Recipe
from train.run import Run, RunError, find_run, sha256_of
from train.views import open_views


def train(run: Run, recipe: Recipe, sources: Sources, weights: Path | None = None, members: int = 1) -> None:
    """Train `recipe` into `run`, or continue it where it stopped.

    `weights` is a file of ImageNet weights for networks whose weights Keras would download. With `members`
    above 1 so many networks are trained, each on a bootstrap of the training part, and their weights
    averaged into the one that is kept (bagging; model soup, Wortsman et al. 2022, arXiv 2203.05482).

    Raises `CatalogueError`, `DatasetError`, `WeightsError` or `RunError`, each with a one-line message.
    """
    settings = json.loads(json.dumps({"recipe": dataclasses.asdict(recipe), "bagging": members, **sources.describe()}))
    _check_same(run, settings)
    if run.finished:
        console.print(
            f"{run.folder} is finished already; give another --name, or delete it to train anew", markup=False
        )
        return
    if members > 1 and not recipe.frozen_until:
        raise RunError(f"--bagging: weights trained from scratch cannot be averaged; not for {recipe.name}")
    start = _start_of(run, recipe)
    dataset = reading.read(sources)
    if run.facts_path.exists() and run.facts["fingerprint"] != dataset_fingerprint(dataset):
        raise RunError(f"{run.folder} was begun with other pictures in DATA; give another --name, or delete it")
    run.folder.mkdir(parents=True, exist_ok=True)
    run.record(
        **settings,
        styles=list(dataset.styles),
        state="training",
        versions=machine.versions(),
        device=machine.device(),
        mixed_precision=machine.use_mixed_precision(),
        fingerprint=dataset_fingerprint(dataset),
    )
    dataset.write(run.split_path)
    results.show_dataset(dataset)

    cost = _Cost(run)
    keras.utils.set_random_seed(sources.seed)
    outputs = fitting.outputs_of(dataset, recipe)
    run.record(outputs=[list(output) for output in zip(outputs.classes, outputs.painters, strict=True)])
    network = build(recipe, outputs.classes)
    if start is not None:
        network.load_weights(start.weights_path)
        run.record(started_from=start.folder.name, weights_from=start.facts.get("weights_from"))
    elif recipe.pretrained:
        run.record(weights_from=networks.load_pretrained(network, recipe.network, weights))
    photographed = None
    if recipe.frozen_until:
        views = run.folder.parent / "views"
        logits, embeddings, photographed = _probe_and_fine_tune(
            run, recipe, dataset, network, sources.seed, views, members, cost
        )
    else:
        logits, embeddings = _train_whole(run, recipe, dataset, network, sources.seed, cost)
    network.save_weights(run.weights_path)
    # The backbone's own features are what an exported model gives as its embedding.
    backbone = networks.BACKBONE_FEATURES.get(recipe.network)
    results.record(run, dataset, logits, embeddings[:, :backbone], photographed)
    cost.record()
    run.record(state="finished", weights_sha256=sha256_of(run.weights_path))
    for leftover in ("checkpoint", "members", "distillation"):
        shutil.rmtree(run.folder / leftover, ignore_errors=True)
    console.print(
        f"finished in {run.facts['seconds']:.0f} s: {run.folder}; next: make export RUN={run.folder.name}", markup=False
    )


def check(sources: Sources) -> None:
    """Read the folders and print what training would make of them; raises as `train` does."""
    results.show_dataset(reading.read(sources))


def build(recipe: Recipe, classes: Sequence[int]) -> keras.Model:
    """The untrained network of a recipe. `classes` is the class of each output of its head."""
    network = networks.NETWORKS[recipe.network](recipe.size, len(classes))
    return network if len(classes) == len(set(classes)) else networks.merged(network, classes)


def rebuild(run: Run) -> keras.Model:
    """The trained network of a finished run, checked against the hash of its weights."""
    run.check_weights()
    if "outputs" not in run.facts:
        raise RunError(f"{run.folder}: made by another version of train/; train it again")
    if run.recipe.network not in networks.NETWORKS:
        raise RunError(f"{run.folder}: its network {run.recipe.network} is none of train/networks.py any more")
    network = build(run.recipe, [label for label, _ in run.facts["outputs"]])
    network.load_weights(run.weights_path)
    return network


def dataset_fingerprint(dataset: Dataset) -> str:
    """SHA-256 over the contents and artists that training and validation saw."""
    return fingerprint(
        bundle.Painting(example.path, example.artist, (), example.sha256)
        for example in dataset.examples
        if example.part in (Part.TRAIN, Part.VALIDATION)
    )


def _probe_and_fine_tune(
    run: Run,
    recipe: Recipe,
    dataset: Dataset,
    network: keras.Model,
    seed: int,
    views: Path,
    members: int,
    cost: _Cost,
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
    """Linear probe on the frozen features, then the upper part fine-tuned and averaged with that start.
    Gives logits by name, the network's last, the embeddings of all pictures, and the network's logits of the
    pictures photographed, where the probe was fitted on such views."""
    assert recipe.frozen_until is not None
    if recipe.adapted_epochs:
        adaptation.adapt(network, recipe, dataset, seed, views)
    networks.freeze(network, recipe.frozen_until)
    with progress("pictures through the frozen part") as step:
        sources = open_views(views, dataset, recipe, network, seed, step)
    upper = networks.upper_part(network, recipe.frozen_until)
    console.print("linear probes on the frozen features ...")
    features = _embeddings(network, recipe.frozen_until, sources[0])
    # The probe's own views are embeddings: the recipe says so by freezing all up to them.
    probed = sources if recipe.clean_share < 1 else features
    plain = features[:, : networks.BACKBONE_FEATURES.get(recipe.network)]
    logits = {"baseline_probe": fitting.baseline_probe(plain, dataset, recipe)}
    beginning = upper.get_weights()
    soup: list[np.ndarray] = []
    for member in range(members):
        upper.set_weights(beginning)
        draws = fitting.bootstrap(dataset, seed + member) if members > 1 else None
        fitting.linear_probe(network, probed, dataset, recipe, draws)
        if not member and recipe.epochs:
            logits["linear_probe"] = _head(network).predict(features, batch_size=512, verbose=0)
        trained = upper
        if recipe.epochs:
            start = upper.get_weights()
            folder = run.folder if members == 1 else run.folder / "members" / str(member)
            folder.mkdir(parents=True, exist_ok=True)
            trained = fitting.fit(upper, sources, dataset, recipe, seed + member, folder, draws, _callbacks(run, cost))
            _average(run, trained, start, sources, dataset)
        soup = (
            [*trained.get_weights()] if not soup else [a + b for a, b in zip(soup, trained.get_weights(), strict=True)]
        )
    upper.set_weights([total / members for total in soup])
    logits["network"] = upper.predict(sources[0], batch_size=128, verbose=0)
    photographed = upper.predict(sources[1], batch_size=128, verbose=0) if recipe.clean_share < 1 else None
    return logits, _embeddings(network, recipe.frozen_until, sources[0]), photographed


def _embeddings(network: keras.Model, last_frozen: str, frozen: np.ndarray) -> np.ndarray:
    """Embeddings ``[n, d]`` from what the frozen part gives, which may be the embeddings themselves."""
    if last_frozen == "embedding":
        return frozen.astype(np.float32)
    return networks.upper_part(network, last_frozen, "embedding").predict(frozen, batch_size=128, verbose=0)


def _train_whole(
    run: Run, recipe: Recipe, dataset: Dataset, network: keras.Model, seed: int, cost: _Cost
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Epochs over augmented pictures. Gives the logits, by name, and the embeddings of all pictures."""
    with progress("pictures") as step:
        pixels = dataset.pixels(recipe.size, step)
    embed = keras.Model(network.input, network.get_layer("embedding").output)
    logits = {}
    if recipe.distilled_from:
        distillation.distil(network, recipe, dataset, pixels, seed, run.folder / "distillation", cost.record)
        with progress("pictures through the distilled network") as step:
            features = distillation.predict(embed, pixels, step)
        fitting.linear_probe(network, features, dataset, recipe)
        logits["linear_probe"] = _head(network).predict(features, batch_size=512, verbose=0)
    if recipe.trained_share < 1.0:
        networks.freeze_but_last(network, recipe.trained_share)
    inputs = keras.Input(network.input.shape[1:], name="pixels")
    augmented = PartlyAugmented(recipe.augmentation, recipe.augmented_share, seed)(inputs)
    trained = keras.Model(inputs, network(augmented))
    start = trained.get_weights()
    trained = fitting.fit(trained, pixels[None], dataset, recipe, seed, run.folder, None, _callbacks(run, cost))
    if recipe.distilled_from:
        _average(run, trained, start, pixels[None], dataset)
    network.set_weights(trained.get_layer(network.name).get_weights())
    with progress("pictures through the trained network") as step:
        features = distillation.predict(embed, pixels, step)
    return logits | {"network": _head(network).predict(features, batch_size=512, verbose=0)}, features


def _average(run: Run, trained: keras.Model, start: list[np.ndarray], sources: np.ndarray, dataset: Dataset) -> None:
    """Keep of the fine-tuned weights the share that validation asks for; the rest is their start's."""
    share = fitting.average_with_start(trained, start, sources, dataset)
    run.record(share_of_fine_tuned_weights=share)
    console.print(f"share of the fine-tuned weights in the average, by validation loss: {share}")


def _head(network: keras.Model) -> keras.Model:
    """From embeddings to logits."""
    return networks.upper_part(network, "embedding")


class _Cost:
    """Adds up what a run costs over all the sessions that it took; what a kill interrupts is not counted
    beyond the last epoch."""

    def __init__(self, run: Run):
        self.run, self.meter = run, machine.Meter()
        self.before = {key: run.facts.get(key, 0.0) for key in ("seconds", "energy_joules")}

    def record(self) -> None:
        self.run.record(**{key: self.before[key] + value for key, value in self.meter.read().items()})


def _callbacks(run: Run, cost: _Cost) -> list[keras.callbacks.Callback]:
    def tell(epochs: int) -> None:
        cost.record()
        run.record(epochs_run=epochs)

    callbacks: list[keras.callbacks.Callback] = [fitting.Notice(tell)]
    # Keras writes TensorBoard's files through TensorFlow alone, and TensorFlow through its package.
    if keras.backend.backend() == "tensorflow" and importlib.util.find_spec("tensorboard"):
        board = keras.callbacks.TensorBoard(str(run.folder / "tensorboard"), write_graph=False)
        callbacks.append(board)
    return callbacks


def _start_of(run: Run, recipe: Recipe) -> Run | None:
    """The finished run that the recipe starts from, beside `run`; of the same fold, where there are folds."""
    if recipe.starts_from is None:
        return None
    name = run.folder.name.replace(recipe.name, recipe.starts_from, 1)
    try:
        start = find_run(name, run.folder.parent)
        start.check_weights()
    except RunError as error:
        raise RunError(
            f"{recipe.name} starts from the run {name}: train it first"
            f" (make train RECIPE={recipe.starts_from}); {error}"
        ) from error
    return start


def _check_same(run: Run, settings: dict[str, Any]) -> None:
    """A run that was begun with other settings cannot be continued with these."""
    if not run.facts_path.exists():
        return
    facts = run.facts
    for key, value in settings.items():
        if facts.get(key) != value:
            raise RunError(f"{run.folder} was begun with another {key}; give another --name, or delete it")
