"""The plots of the report, from the results alone: numbers only, never a painting."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_OURS, _THEIRS, _GREY = "#0072b2", "#d55e00", "#6b6b6b"
_DPI = 110
_COLOURS = 96  # of a plot's palette: fewer show in the shades of the confusion matrices
_COLUMNS = 3
_SHORT = {"Abstract Expressionism": "Abstract Expr."}


@dataclass(frozen=True)
class Figure:
    """One plot: its file's name and what it shows."""

    file: str
    caption: str


Draw = Callable[[], plt.Figure]


def figures(results: Mapping[str, Any]) -> dict[str, list[Figure]]:
    """What there is to draw, by chapter; the captions are complete without the plot."""
    return {chapter: [figure for figure, _ in drawn] for chapter, drawn in _all(results).items()}


def draw(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw all into `folder`; plots of ours from an earlier report that are not drawn any more go."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        for drawn in _all(results).values():
            for figure, make in drawn:
                _save(make(), folder / figure.file)
                written.append(folder / figure.file)
    for name in NAMES:
        if folder / name not in written:
            (folder / name).unlink(missing_ok=True)
    return written


NAMES = (
    "accuracy.png",
    "confusion-pair.png",
    "confusion-others.png",
    "confusion-folds.png",
    "confusion-unseen.png",
    "learning-accuracy.png",
    "learning-loss.png",
    "reliability.png",
    "unseen-artists.png",
)
"""Every file that `draw` may write."""


def _all(results: Mapping[str, Any]) -> dict[str, list[tuple[Figure, Draw]]]:
    runs = {run["run"]: run for run in results["runs"]}
    styles = results["styles"]
    heads = [
        (recipe["title"], runs[recipe["headline"]], recipe["recipe"])
        for recipe in results["recipes"]
        if recipe["headline"] and "test" in runs[recipe["headline"]]["sets"]
    ]
    tests = {title: run["sets"]["test"] for title, run, _ in heads}
    chapters: dict[str, list[tuple[Figure, Draw]]] = {
        name: [] for name in ("accuracy", "unseen", "confusion", "learning", "reliability")
    }

    def add(chapter: str, file: str, caption: str, make: Draw) -> None:
        chapters[chapter].append((Figure(file, caption), make))

    rows = [row for row in _accuracies(results, tests) if row[1] or row[2]]
    if tests:
        add("accuracy", NAMES[0], "Accuracy with 95 % intervals, published and ours", lambda: _draw_accuracy(rows))
    pair = _pair(heads)
    if pair:
        names = " and ".join(pair)
        add(
            "confusion",
            NAMES[1],
            f"Confusion on the published test: {names}",
            lambda: _draw_confusions({title: tests[title]["confusion"] for title in pair}, styles, 2),
        )
    others = {title: scores["confusion"] for title, scores in tests.items() if title not in pair}
    if others:
        caption = f"Confusion on the published test: {'; '.join(others)}"
        add("confusion", NAMES[2], caption, lambda: _draw_confusions(others, styles, 2))
    for file, key, where in (
        (NAMES[3], "cross_validation", "over all folds"),
        (NAMES[4], "unseen_artists", "on artists never trained on"),
    ):
        pooled = {recipe["title"]: recipe[key]["pooled"]["confusion"] for recipe in results["recipes"] if recipe[key]}
        if pooled:
            caption = f"Confusion {where}: {'; '.join(pooled)}"
            add("confusion", file, caption, lambda pooled=pooled: _draw_confusions(pooled, styles, 2))
    curves = {title: run["history"] for title, run, _ in heads if run.get("history")}
    if curves:
        add("learning", NAMES[5], "Accuracy by epoch", lambda: _draw_curves(curves, "accuracy"))
        add("learning", NAMES[6], "Loss by epoch", lambda: _draw_curves(curves, "loss"))
    if tests:
        caption = "Reliability on the published test, before and after temperature scaling"
        add("reliability", NAMES[7], caption, lambda: _draw_reliability(tests))
    unseen = {recipe["title"]: recipe["unseen_artists"] for recipe in results["recipes"] if recipe["unseen_artists"]}
    if unseen:
        caption = "Recall by style with 95 % intervals: artists of the training, and artists never trained on"
        add("unseen", NAMES[8], caption, lambda: _draw_unseen(unseen, styles))
    return chapters


def _accuracies(results: Mapping[str, Any], tests: Mapping[str, Any]) -> list[tuple[str, float | None, Any]]:
    """Title, published accuracy and our count, recipe by recipe."""
    published = {row["recipe"]: row["accuracy"] for row in results["published"]["rows"]}
    return [
        (
            recipe["title"],
            published.get(recipe["recipe"]),
            tests[recipe["title"]]["accuracy"] if recipe["title"] in tests else None,
        )
        for recipe in results["recipes"]
    ]


def _pair(heads: Sequence[tuple[str, Mapping[str, Any], str]]) -> list[str]:
    """The pre-trained and the fine-tuned ResNet50 where there are both, else the best two (or one)."""
    wanted = [title for title, _, recipe in heads if recipe in ("resnet50_pretrained", "resnet50_fine_tuned")]
    if len(wanted) == 2:
        return wanted
    ranked = sorted(heads, key=lambda head: -head[1]["sets"]["test"]["accuracy"]["rate"])
    return [title for title, *_ in ranked[:2]]


def _panels(n: int, columns: int, width: float, height: float) -> tuple[plt.Figure, list[plt.Axes]]:
    columns = min(n, columns)
    lines = -(-n // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(width * columns, height * lines), layout="constrained", squeeze=False
    )
    for unused in axes.flat[n:]:
        unused.set_visible(False)
    return figure, list(axes.flat[:n])


def _draw_accuracy(rows: Sequence[tuple[str, float | None, Any]]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(7.5, 0.9 + 0.42 * len(rows)), layout="constrained")
    labelled: set[str] = set()

    def label(text: str) -> str | None:
        """Each kind once in the legend, whichever row has it first."""
        new = text not in labelled
        labelled.add(text)
        return text if new else None

    for line, (_, theirs, ours) in enumerate(rows):
        if ours:
            y = line + 0.12
            axes.plot([ours["low"], ours["high"]], [y, y], color=_OURS, linewidth=2.5, solid_capstyle="round")
            axes.plot(ours["rate"], y, "o", color=_OURS, markersize=7, label=label("ours, 95 % interval"))
        if theirs is not None:
            axes.plot(
                theirs,
                line - 0.16,
                "D",
                color=_THEIRS,
                markersize=6,
                markerfacecolor="white",
                markeredgewidth=1.6,
                label=label("published"),
            )
    axes.set_yticks(range(len(rows)), [title if ours else f"{title} (not run)" for title, _, ours in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xlim=(0, 1), xlabel="accuracy on the published test")
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return figure


def _draw_confusions(of: Mapping[str, Any], styles: Sequence[str], columns: int) -> plt.Figure:
    names = [_SHORT.get(style, style) for style in styles]
    figure, panels = _panels(len(of), columns, 4.7, 4.5)
    for axes, (title, confusion) in zip(panels, of.items(), strict=True):
        counts = np.array(confusion)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(counts.shape):
            if counts[row, column]:
                colour = "white" if shares[row, column] > 0.55 else "black"
                axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
        totals = [f"{name} ({total})" for name, total in zip(names, counts.sum(axis=1), strict=True)]
        axes.set_yticks(range(len(names)), totals)
        axes.set(xlabel="answer", ylabel="truth (pictures)", title=title)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return figure


def _draw_curves(curves: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> plt.Figure:
    figure, panels = _panels(len(curves), _COLUMNS, 3.1, 2.5)
    for axes, (title, history) in zip(panels, curves.items(), strict=True):
        epochs = [row["epoch"] for row in history]
        marker = "." if len(epochs) < 40 else None
        for name, colour, line in ((key, _GREY, "--"), (f"val_{key}", _OURS, "-")):
            values = [np.nan if row.get(name) is None else row[name] for row in history]
            axes.plot(epochs, values, line, color=colour, marker=marker, linewidth=1.4)
        axes.set(title=title, xlabel="epoch", xlim=(0.5, max(epochs) + 0.5))
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        if key == "accuracy":
            axes.set_ylim(0, 1.02)
        else:
            axes.set_ylim(bottom=0)
        axes.grid(color="#e5e5e5", linewidth=0.7)
    panels[0].set_ylabel(key)
    lines = panels[0].get_lines()
    figure.legend(lines, ["training", "validation"], loc="outside upper right", ncols=2, frameon=False)
    return figure


def _draw_reliability(tests: Mapping[str, Any]) -> plt.Figure:
    figure, panels = _panels(len(tests), _COLUMNS, 3.1, 3.1)
    for axes, (title, scores) in zip(panels, tests.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="#aaaaaa", linestyle=":", linewidth=1.2)
        for name, colour, filled in (("before", _THEIRS, "white"), ("after", _OURS, _OURS)):
            bins = scores["reliability"][name]
            x, y = [entry["confidence"] for entry in bins], [entry["right"] for entry in bins]
            # The area of a point is its pictures: a wild bin of two must not look like one of two hundred.
            size = [12 + 130 * entry["pictures"] / scores["pictures"] for entry in bins]
            axes.plot(x, y, color=colour, linewidth=1.2, zorder=2)
            axes.scatter(x, y, s=size, color=colour, facecolor=filled, linewidth=1.4, zorder=3)
        axes.set(xlim=(0, 1.04), ylim=(-0.04, 1.06), xlabel="confidence")
        axes.set_aspect("equal")
        axes.set_title(f"{title}\nECE {scores['ece_before']:.1%} → {scores['ece_after']:.1%}", fontsize=9)
    panels[0].set_ylabel("share that is right")
    handles = [
        plt.Line2D([], [], color=_THEIRS, marker="o", markerfacecolor="white", label="before"),
        plt.Line2D([], [], color=_OURS, marker="o", label="after"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False)
    return figure


def _draw_unseen(unseen: Mapping[str, Any], styles: Sequence[str]) -> plt.Figure:
    figure, panels = _panels(len(unseen), 2, 4.9, 2.9)
    for axes, (title, facts) in zip(panels, unseen.items(), strict=True):
        for scores, offset, colour, marker in (
            (facts["test_of_same_runs"], -0.14, _GREY, "D"),
            (facts["pooled"], 0.14, _OURS, "o"),
        ):
            for line, style in enumerate(styles):
                found = scores["recall"][style] if scores else None
                if found and found["total"]:
                    axes.plot([found["low"], found["high"]], [line + offset] * 2, color=colour, linewidth=2)
                    axes.plot(found["rate"], line + offset, marker, color=colour, markersize=5)
        axes.set_yticks(range(len(styles)), [_SHORT.get(style, style) for style in styles])
        axes.set_ylim(len(styles) - 0.5, -0.5)
        axes.set(xlim=(0, 1.02), xlabel="recall", title=title)
        axes.grid(axis="x", color="#dddddd", linewidth=0.8)
        axes.tick_params(axis="y", length=0)
    handles = [
        plt.Line2D([], [], color=_GREY, marker="D", label="published test, same networks"),
        plt.Line2D([], [], color=_OURS, marker="o", label="artists never trained on"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False)
    return figure


def _save(figure: plt.Figure, path: Path) -> None:
    """A small PNG: few colours, and nothing in it that changes from day to day."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI, format="png", metadata={"Software": None})
    plt.close(figure)
    with Image.open(buffer) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
