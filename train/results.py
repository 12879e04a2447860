"""What a run leaves behind: logits, metrics, calibration, plots, and the same on the console."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter

import numpy as np

import bundle
from train import evaluation, plots
from train.calibration import Calibration
from train.dataset import OTHER, PHOTOGRAPH, Dataset, Part
from train.progress import console
from train.run import Run, write_json


def record(
    run: Run,
    dataset: Dataset,
    logits: dict[str, np.ndarray],
    embeddings: np.ndarray,
    photographed: np.ndarray | None = None,
) -> None:
    """Measure each of `logits`, ``[n, outputs]`` by name, with a calibration of its own, and write all that a
    report needs. The last one is the trained network's: its logits and its calibration are kept.

    `embeddings` ``[n, d]`` are what the exported model will give beside its answer. `photographed` are the trained
    network's logits of the pictures as a camera gives them, for recipes that are for these too.
    """
    metrics = {}
    network = list(logits)[-1]
    for name, outputs in logits.items():
        calibration = Calibration.fit(dataset, outputs, photographed if name == network else None)
        measured = evaluation.measure_logits(dataset, outputs, calibration)
        metrics[name] = measured.model_dump()
        show_metrics(name.replace("_", " "), measured)
    if photographed is not None:
        measured = evaluation.measure_logits(dataset, photographed, calibration)
        metrics["photographed"] = measured.model_dump()
        show_metrics("the same, photographed", measured)
    write_json(run.metrics_path, metrics)
    write_json(run.calibration_path, dataclasses.asdict(calibration))
    temporary = run.outputs_path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, outputs.astype(np.float32))
    os.replace(temporary, run.outputs_path)
    comparison = evaluation.compare_known_scores(dataset, outputs, embeddings)
    write_json(run.folder / "open-set.json", comparison)
    _show_open_set(comparison)
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
    if (run.folder / "log.csv").exists():
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


def show_dataset(dataset: Dataset) -> None:
    """Print the number of pictures of each label and part."""
    counts = Counter((example.label, example.part) for example in dataset.examples)
    for label in (*dataset.styles, OTHER, PHOTOGRAPH):
        row = ", ".join(f"{part.value} {counts[label, part]}" for part in Part if counts[label, part])
        if row:
            console.print(f"  {label:24} {row}", highlight=False)


def _show_open_set(comparison: dict[str, dict[str, dict[str, float]]]) -> None:
    for part, scores in comparison.items():
        row = ", ".join(f"{name} {figures['auroc']:.3f}" for name, figures in scores.items())
        if row:
            console.print(f"  telling styles from none of them, AUROC on {part} pictures: {row}", highlight=False)
