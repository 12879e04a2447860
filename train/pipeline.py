"""One training run from folders to a finished ``runs/NAME/``."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import bundle
from bundle.catalogue import fingerprint
from train import evaluation, fitting, networks, plots
from train.augmentation import PartlyAugmented
from train.calibration import Calibration
from train.dataset import OTHER, PHOTOGRAPH, Dataset, HoldOut, Part, assemble
from train.recipes import STYLES, Recipe
from train.run import Run, RunError, sha256_of, write_json
from train.views import open_views

console = Console(width=None if sys.stdout.isatty() else 130)


def train(
    run: Run,
    recipe: Recipe,
    folders: Sequence[Path],
    photographs: Path | None,
    hold_out: HoldOut,
    seed: int,
    views_folder: Path,
) -> None:
    """Train `recipe` into `run`, or continue it where it stopped.

    Raises `CatalogueError`, `DatasetError`, `WeightsError` or `RunError`, each with a one-line message.
    """
    started = time.monotonic()
    settings = {
        "recipe": dataclasses.asdict(recipe),
        "styles": list(STYLES),
        "data": [str(folder) for folder in folders],
        "photographs": str(photographs) if photographs else None,
        "hold_out": {**dataclasses.asdict(hold_out), "names": sorted(hold_out.names)},
        "seed": seed,
    }
    _check_same(run, settings)
    if run.finished:
        console.print(f"{run.folder} is finished already; give another --name, or delete it to train anew")
        return
    dataset = _read(folders, photographs, hold_out, seed)
    run.folder.mkdir(parents=True, exist_ok=True)
    run.record(**settings, state="training", versions=_versions(), fingerprint=dataset_fingerprint(dataset))
    dataset.write(run.split_path)
    _show(dataset)

    keras.utils.set_random_seed(seed)
    network = build(recipe)
    probes: dict[str, np.ndarray] = {}
    if recipe.frozen_until:
        networks.freeze(network, recipe.frozen_until)
        with _progress("pictures through the frozen part") as progress:
            sources = open_views(views_folder, dataset, recipe, network, seed, progress)
        upper = networks.upper_part(network, recipe.frozen_until)
        console.print("linear probes on the frozen features ...")
        embed = networks.upper_part(network, recipe.frozen_until, "embedding")
        features = embed.predict(sources[0], batch_size=128, verbose=0)
        plain = features[:, : networks.BACKBONE_FEATURES[recipe.network]]
        probes["baseline_probe"] = fitting.baseline_probe(plain, dataset, recipe)
        fitting.linear_probe(network, features, dataset, recipe)
        kernel, bias = network.get_layer("head").get_weights()
        probes["linear_probe"] = features @ kernel + bias
        start = upper.get_weights()
        trained = fitting.fit(upper, sources, dataset, recipe, seed, run.folder)
        share = fitting.average_with_start(trained, start, sources, dataset)
        run.record(share_of_fine_tuned_weights=share)
        outputs = trained.predict(sources[0], batch_size=128, verbose=0)
        console.print(f"share of the fine-tuned weights in the average, by validation loss: {share}")
        for layer in trained.layers:
            if layer.weights:
                network.get_layer(layer.name).set_weights(layer.get_weights())
    else:
        with _progress("pictures") as progress:
            sources = dataset.pixels(recipe.size, progress)[None]
        pixels = keras.Input(network.input.shape[1:], name="pixels")
        augmented = PartlyAugmented(recipe.augmentation, recipe.augmented_share, seed)(pixels)
        trained = keras.Model(pixels, network(augmented))
        trained = fitting.fit(trained, sources, dataset, recipe, seed, run.folder)
        network.set_weights(trained.get_layer(network.name).get_weights())
        outputs = network.predict(sources[0], batch_size=128, verbose=0)
    network.save_weights(run.weights_path)
    _report(run, dataset, {**probes, "network": outputs})
    seconds = round(time.monotonic() - started) + run.facts.get("seconds", 0)
    run.record(state="finished", seconds=seconds, weights_sha256=sha256_of(run.weights_path))
    shutil.rmtree(run.folder / "checkpoint", ignore_errors=True)
    console.print(f"finished in {seconds} s: {run.folder}; next: make export RUN={run.folder.name}")


def check(folders: Sequence[Path], photographs: Path | None, hold_out: HoldOut, seed: int) -> None:
    """Read the folders and print what training would make of them; raises as `train` does."""
    _show(_read(folders, photographs, hold_out, seed))


def build(recipe: Recipe) -> keras.Model:
    """The untrained network of a recipe for the published styles."""
    return networks.NETWORKS[recipe.network](recipe.size, len(STYLES) + recipe.other_output)


def rebuild(run: Run) -> keras.Model:
    """The trained network of a finished run, checked against the hash of its weights."""
    run.check_weights()
    network = build(run.recipe)
    network.load_weights(run.weights_path)
    return network


def dataset_fingerprint(dataset: Dataset) -> str:
    """SHA-256 over the contents and artists that training and validation saw."""
    return fingerprint(
        bundle.Painting(example.path, example.artist, (), example.sha256)
        for example in dataset.examples
        if example.part in (Part.TRAIN, Part.VALIDATION)
    )


def _read(folders: Sequence[Path], photographs: Path | None, hold_out: HoldOut, seed: int) -> Dataset:
    catalogues = []
    for folder in folders:
        with _progress(f"reading {folder}") as progress:
            catalogues.append(bundle.read_catalogue([folder], progress))
    for catalogue in catalogues:
        for skipped in catalogue.skipped:
            console.print(f"left out: {skipped}", style="yellow")
    photograph_hashes = {}
    for path in sorted(photographs.rglob("*")) if photographs else ():
        if path.suffix.lower() in bundle.catalogue.PICTURE_SUFFIXES:
            try:
                bundle.read(path)
                photograph_hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            except bundle.PictureError as error:
                console.print(f"left out: {path}: {error}", style="yellow")
    if photographs and not photograph_hashes:
        raise RunError(f"{photographs}: no pictures here; PHOTOS must name a folder of photographs")
    return assemble(folders, catalogues, photograph_hashes, STYLES, hold_out, seed)


def _report(run: Run, dataset: Dataset, logits: dict[str, np.ndarray]) -> None:
    """Measure the network, and the probes that it started from, each with a calibration of its own."""
    record = {}
    for name, outputs in logits.items():
        calibration = Calibration.fit(dataset, outputs)
        metrics = evaluation.measure_logits(dataset, outputs, calibration)
        record[name] = metrics.model_dump()
        show_metrics(name.replace("_", " "), metrics)
    write_json(run.metrics_path, record)
    write_json(run.calibration_path, dataclasses.asdict(calibration))
    _plot(run, dataset, outputs, calibration)


def _plot(run: Run, dataset: Dataset, outputs: np.ndarray, calibration: Calibration) -> None:
    probabilities = calibration.probabilities(outputs)
    answers = np.where(
        calibration.known(outputs) > calibration.threshold, probabilities.argmax(axis=1), len(dataset.styles)
    )
    names = [*dataset.styles, "none of these"]
    test = dataset.where(lambda example: example.part is Part.TEST)
    unseen = dataset.where(lambda example: example.part is Part.UNSEEN and example.label != PHOTOGRAPH)
    for name, title, where in (
        ("published-test", "published split", test),
        ("unseen-artists", "artists held out", unseen),
    ):
        if len(where):
            plots.confusion_matrix(
                run.folder / "plots" / f"confusion-{name}.png", title, dataset.labels[where], answers[where], names
            )
        styled = where[dataset.labels[where] < len(dataset.styles)]
        if len(styled):
            ece = bundle.metrics.expected_calibration_error(probabilities[styled], dataset.labels[styled])
            plots.reliability(
                run.folder / "plots" / f"reliability-{name}.png",
                title,
                probabilities[styled],
                dataset.labels[styled],
                ece,
            )
    plots.learning_curve(run.folder / "plots" / "learning-curve.png", run.folder / "log.csv")


def show_metrics(title: str, metrics: bundle.Metrics) -> None:
    """Print every set, per style, with counts and intervals."""
    console.print(f"\n[bold]{title}[/bold]")
    for scores in (metrics.published_test, metrics.unseen_artists):
        if scores:
            console.print(
                f"  {scores.pictures}: {scores.accuracy}; mean recall {scores.mean_recall:.1%}, ECE {scores.ece:.1%}"
            )
            for style, count in scores.recall.items():
                console.print(f"    {style:24} {count}", highlight=False)
    for rejected in (metrics.other_styles, metrics.not_paintings):
        if rejected:
            console.print(
                f"  {rejected.pictures}: AUROC {rejected.auroc:.3f}, FPR95 {rejected.fpr95:.1%},"
                f" refused {rejected.refused}; of the styles accepted {rejected.accepted}"
            )


def _show(dataset: Dataset) -> None:
    counts = Counter((example.label, example.part) for example in dataset.examples)
    for label in (*dataset.styles, OTHER, PHOTOGRAPH):
        row = ", ".join(f"{part.value} {counts[label, part]}" for part in Part if counts[label, part])
        if row:
            console.print(f"  {label:24} {row}", highlight=False)


def _check_same(run: Run, settings: dict[str, object]) -> None:
    """A run that was begun with other settings cannot be continued with these."""
    if not run.facts_path.exists():
        return
    facts = run.facts
    for key, value in settings.items():
        if facts.get(key) != value:
            raise RunError(f"{run.folder} was begun with another {key}; give another --name, or delete it")


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


class _progress:
    """A progress bar as a context that gives ``progress(done, in_all)``."""

    def __init__(self, title: str):
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        )
        self.title = title

    def __enter__(self):
        self.bar.start()
        task = self.bar.add_task(self.title, total=None)
        return lambda done, total: self.bar.update(task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
