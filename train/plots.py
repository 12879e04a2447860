"""Plots of a run's numbers; no picture can be seen in them."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def confusion_matrix(path: Path, title: str, labels: np.ndarray, predicted: np.ndarray, names: list[str]) -> None:
    """Counts of `labels` ``[n]`` (rows) by `predicted` ``[n]``; shade is the share of the row."""
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (labels, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(7.5, 6.5), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="answer", ylabel="truth", title=title)
    _save(figure, path)


def reliability(path: Path, title: str, probabilities: np.ndarray, labels: np.ndarray, ece: float) -> None:
    """How often an answer of a given confidence is right, with the number of answers below."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, 11)
    index = np.clip(np.digitize(confidence, edges) - 1, 0, 9)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(5.5, 6.5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    above.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="perfect")
    filled = [b for b in range(10) if (index == b).any()]
    above.plot(
        [confidence[index == b].mean() for b in filled],
        [right[index == b].mean() for b in filled],
        marker="o",
        label=f"measured (ECE {ece:.1%})",
    )
    above.set(ylabel="share that is right", title=title, xlim=(0, 1), ylim=(0, 1.02))
    above.legend(loc="upper left")
    below.hist(confidence, bins=edges, color="tab:blue")
    below.set(xlabel="confidence", ylabel="pictures")
    _save(figure, path)


def learning_curve(path: Path, log: Path) -> None:
    """Loss and accuracy by epoch from the run's ``log.csv``."""
    with log.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for plot, key in zip(axes, ("loss", "accuracy"), strict=True):
        plot.plot(epochs, [float(row[key]) for row in rows], marker=".", label="training")
        plot.plot(epochs, [float(row[f"val_{key}"]) for row in rows], marker=".", label="validation")
        plot.set(xlabel="epoch", ylabel=key)
        plot.legend()
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
