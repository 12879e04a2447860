"""Charts of a survey. Each is written twice, for light and for dark pages: NAME.png and NAME-dark.png."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from train.exploration.survey import HUES, LEVELS, Survey

# Inches. On a phone 360 px wide a point of the text is then a pixel, so 10-point text can be read there.
WIDTH = 5.0
_DPI = 160  # sharp on screens of two device pixels to one

Heights = np.ndarray
"""Means and upper ends of the bands of a small chart, in per cent, ``[2, bins]``."""

_INK = {"light": ("white", "#1c1a17"), "dark": ("#1a1815", "#e9e3d8")}
"""Background and text by colour scheme; the same as in page.html."""

BAND = (10, 90)
"""Percentiles between which the spread bands lie: four of five pictures are in there."""

MAX_ARTISTS = 100
"""Bars of a chart by artist; more cannot be read."""


def pictures_by_style(path: Path, survey: Survey) -> None:
    """Bars of the number of pictures by label, one for each folder."""
    labels, folders = survey.labels, survey.folders

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        height = 0.8 / len(folders)
        for number, folder in enumerate(folders):
            counts = [len(survey.where(label, folder)) for label in labels]
            places = np.arange(len(labels)) + (number - (len(folders) - 1) / 2) * height
            bars = axes.barh(places, counts, height * 0.92, label=folder, color=f"C{number}")
            axes.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=3, fontsize=9)
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set(xlabel="pictures")
        _clear(axes)
        if len(folders) > 1:
            figure.legend(loc="outside upper left", ncols=2, fontsize=9, frameon=False)

    _write(path, draw, 0.9 + len(labels) * (0.2 + 0.22 * len(folders)))


def pictures_by_artist(path: Path, survey: Survey, folder: str) -> None:
    """Bars of the number of pictures by artist of one folder, by style and falling; at most `MAX_ARTISTS`."""
    labels = survey.labels
    counts = Counter(
        (labels.index(picture.label), picture.painting.artist)
        for picture in survey.pictures
        if picture.folder == folder
    )
    chosen = {key for key, _ in counts.most_common(MAX_ARTISTS)}
    rows = sorted(chosen, key=lambda key: (key[0], -counts[key], key[1]))
    colours = matplotlib.color_sequences["tab10" if len(labels) <= 10 else "tab20"] * (1 + len(labels) // 20)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for index, label in enumerate(labels):
            places = [place for place, (of, _) in enumerate(rows) if of == index]
            if places:
                bars = axes.barh(places, [counts[rows[place]] for place in places], color=colours[index], label=label)
                axes.bar_label(bars, padding=3, fontsize=8)
        axes.set_yticks(range(len(rows)), [artist for _, artist in rows], fontsize=8)
        axes.set(xlabel="pictures", ylim=(len(rows) - 0.4, -0.6))
        axes.margins(x=0.1)
        _clear(axes)
        figure.legend(loc="outside upper left", ncols=2, fontsize=8, frameon=False)

    _write(path, draw, 1.3 + 0.17 * len(rows))


def grey_levels(path: Path, survey: Survey, labels: Sequence[str]) -> None:
    """Mean grey-level histogram by label, with the band of four of five pictures."""
    levels = (np.arange(LEVELS) + 0.5) * 256 / LEVELS

    def draw(axes: Axes, rows: np.ndarray) -> Heights:
        axes.set(xlim=(0, 255), xticks=(0, 64, 128, 192, 255))
        return _band(axes, levels, survey.grey[rows], "C0")

    _small_multiples(path, survey, labels, draw, "grey level")


def colour_levels(path: Path, survey: Survey, labels: Sequence[str]) -> None:
    """Mean histograms of red, green and blue by label, with their bands."""
    levels = (np.arange(LEVELS) + 0.5) * 256 / LEVELS

    def draw(axes: Axes, rows: np.ndarray) -> Heights:
        axes.set(xlim=(0, 255), xticks=(0, 64, 128, 192, 255))
        bands = [
            _band(axes, levels, survey.rgb[rows, channel], colour, alpha=0.13)
            for channel, colour in enumerate(("tab:red", "tab:green", "tab:blue"))
        ]
        return np.concatenate(bands, axis=1)

    _small_multiples(path, survey, labels, draw, "level of red, green and blue")


def hues(path: Path, survey: Survey, labels: Sequence[str]) -> None:
    """Mean share of each hue by label, in its own colour, with the band as a line."""
    width = 360 / HUES
    degrees = (np.arange(HUES) + 0.5) * width
    colours = matplotlib.colors.hsv_to_rgb(np.stack([degrees / 360, np.full(HUES, 0.75), np.full(HUES, 0.85)], axis=1))

    def draw(axes: Axes, rows: np.ndarray) -> Heights:
        mean, low, high = _spread(survey.hue[rows])
        axes.bar(degrees, mean, width, color=colours)
        axes.vlines(degrees, low, high, color="grey", linewidth=0.8)
        axes.set(xlim=(0, 360), xticks=(0, 120, 240, 360))
        return np.stack([mean, high])

    _small_multiples(path, survey, labels, draw, "hue in degrees")


def saturations(path: Path, survey: Survey, labels: Sequence[str]) -> None:
    """Mean saturation histogram by label, with the band of four of five pictures."""
    percent = (np.arange(HUES) + 0.5) * 100 / HUES

    def draw(axes: Axes, rows: np.ndarray) -> Heights:
        axes.set(xlim=(0, 100))
        return _band(axes, percent, survey.saturation[rows], "C4")

    _small_multiples(path, survey, labels, draw, "saturation in %")


def intensity(path: Path, pixels: np.ndarray) -> None:
    """One picture in grey, uint8 ``[height, width]``, and the histogram of its 256 levels."""

    def draw(figure: Figure) -> None:
        picture, histogram = figure.subplots(2, 1, height_ratios=(3, 2))
        picture.imshow(pixels, cmap="gray", vmin=0, vmax=255)
        picture.set_axis_off()
        histogram.bar(np.arange(256), np.bincount(pixels.ravel(), minlength=256), width=1, color="grey")
        histogram.axvline(pixels.mean(), color="C1", label=f"mean {pixels.mean():.0f}")
        histogram.set(xlabel="pixel intensity", ylabel="pixels", xlim=(0, 255), xticks=(0, 64, 128, 192, 255))
        histogram.legend(fontsize=9, frameon=False)
        _clear(histogram)

    _write(path, draw, 6.0)


def sizes(path: Path, survey: Survey) -> None:
    """Width by height; the area of a disc is the number of pictures of that size."""
    most = Counter((picture.width, picture.height) for picture in survey.pictures).most_common(1)[0][1]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, folder in enumerate(survey.folders):
            counts = Counter((p.width, p.height) for p in survey.pictures if p.folder == folder)
            places = np.array(list(counts)).reshape(-1, 2)
            # 4 square points can be seen; the root keeps a size of one picture in sight beside one of thousands.
            areas = 4 + 400 * np.sqrt(np.array(list(counts.values())) / most)
            axes.scatter(*places.T, s=areas, alpha=0.45, color=f"C{number}", linewidths=0, label=folder)
        axes.set(xlabel="width in pixels", ylabel="height in pixels")
        axes.margins(0.12)
        _clear(axes)
        handles = figure.legend(loc="outside upper left", ncols=2, fontsize=9, frameon=False).legend_handles
        for handle in handles:
            handle.set_sizes([40])

    _write(path, draw, 4.4)


def aspects(path: Path, survey: Survey, labels: Sequence[str]) -> None:
    """Width by height by label, on a logarithmic axis, so that 2:1 and 1:2 are as far from the square."""
    ratios = np.array([picture.aspect for picture in survey.pictures])
    farthest = max(1.6, float(np.abs(np.log2(ratios)).max()) + 0.1) if len(ratios) else 1.6
    # An odd number of bins, so that the square has one of its own in the middle.
    edges = 2 ** np.linspace(-min(farthest, 3), min(farthest, 3), 34)

    def draw(axes: Axes, rows: np.ndarray) -> None:
        counts, _ = np.histogram(np.clip(ratios[rows], edges[0], edges[-1]), edges)
        axes.bar(edges[:-1], 100 * counts / len(rows), np.diff(edges), align="edge", color="C0")
        axes.set_xscale("log", base=2)
        axes.set_xticks((0.5, 1, 2), ("1:2", "1:1", "2:1"))
        # Most pictures of many folders are square; on a plain axis one would not see the others.
        axes.set_yscale("log")
        axes.set_yticks((0.1, 1, 10, 100), ("0.1", "1", "10", "100"))
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0.05, 120))

    _small_multiples(path, survey, labels, draw, "width : height", "% of pictures")


def _small_multiples(
    path: Path,
    survey: Survey,
    labels: Sequence[str],
    draw: Callable[[Axes, np.ndarray], Heights | None],
    across: str,
    up: str = "% of pixels",
) -> None:
    """One small chart for each label with the same axes, in two columns.

    `draw` returns the heights that the vertical axis is to show, or None where it sets the axis itself.
    """
    lines = -(-len(labels) // 2)

    def draw_all(figure: Figure) -> None:
        grid = figure.subplots(lines, 2, sharex=True, sharey=True, squeeze=False)
        heights = []
        for axes, label in zip(grid.flat, labels, strict=False):
            rows = survey.where(label)
            heights.append(draw(axes, rows))
            axes.set_title(f"{label} ({len(rows):,})", fontsize=9)
            axes.tick_params(labelsize=8)
            _clear(axes)
        for axes in grid.flat[len(labels) :]:
            axes.set_axis_off()
            grid[lines - 2, 1].tick_params(labelbottom=True)
        if heights[0] is not None:
            means, highs = np.concatenate(heights, axis=1)
            # A style with many white grounds has a peak at one end; it must not flatten all the rest.
            grid[0, 0].set_ylim(0, 1.04 * max(means.max(), np.quantile(highs, 0.98)) or 1)
        figure.supxlabel(across, fontsize=9)
        figure.supylabel(up, fontsize=9)

    _write(path, draw_all, 0.5 + 1.35 * lines)


def _band(axes: Axes, places: np.ndarray, shares: np.ndarray, colour: str, alpha: float = 0.25) -> Heights:
    """The mean of `shares` ``[n, bins]`` as a line in the band of `BAND`, in per cent."""
    mean, low, high = _spread(shares)
    axes.fill_between(places, low, high, color=colour, alpha=alpha, linewidth=0)
    axes.plot(places, mean, color=colour, linewidth=1.4)
    return np.stack([mean, high])


def _spread(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and both ends of the band, in per cent, each ``[bins]``, of `shares` ``[n, bins]``."""
    low, high = 100 * np.percentile(shares, BAND, axis=0)
    return 100 * shares.mean(axis=0), low, high


def _clear(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _write(path: Path, draw: Callable[[Figure], None], height: float) -> None:
    """Draw in both colour schemes; `path` is the light one."""
    for scheme, (ground, ink) in _INK.items():
        colours = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink)
        grounds = {"figure.facecolor": ground, "axes.facecolor": ground}
        # Names of artists are no formulae: a dollar sign in one is a dollar sign.
        with plt.rc_context({**colours, **grounds, "text.parse_math": False}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that the font lacks
            figure = plt.figure(figsize=(WIDTH, height), layout="constrained")
            draw(figure)
            figure.savefig(path if scheme == "light" else path.with_stem(f"{path.stem}-dark"), dpi=_DPI)
            plt.close(figure)
