"""Contact sheets: some pictures side by side on a dark ground, each with a line below it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import bundle

# Inches and dots per inch: those of the charts, so that captions are as large as the text there.
_WIDTH, _DPI = 5.0, 160
# A light table turned off: pictures show best on it, and it suits light and dark pages alike.
_GROUND, _INK, _LINE = "#26231f", "#d9d2c5", "#8f8677"
_THUMBNAIL = 320  # more than any sheet shows of one picture

Group = Sequence[tuple[np.ndarray, str]]
"""Pictures, uint8 ``[height, width, 3]``, with their captions."""


def sheet(path: Path, groups: Sequence[Group], columns: int) -> None:
    """Write `groups` of pictures, side by side as they come; no group is broken over two rows.

    A group has at most `columns` pictures. A frame is drawn around groups of several: they belong together.
    """
    rows = _in_rows(groups, columns)
    side, text = _WIDTH / columns, 0.24
    height, share = 1 / len(rows), text / (side + text)
    figure = plt.figure(figsize=(_WIDTH, len(rows) * (side + text)), facecolor=_GROUND)
    with plt.rc_context({"text.parse_math": False, "text.color": _INK}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that the font lacks
        for line, row in enumerate(rows):
            bottom, column = 1 - (line + 1) * height, 0
            for group in row:
                if len(group) > 1:
                    corner = column / columns + 0.005, bottom + 0.03 * height
                    size = len(group) / columns - 0.01, 0.97 * height
                    figure.add_artist(plt.Rectangle(corner, *size, fill=False, edgecolor=_LINE, linewidth=0.7))
                for pixels, caption in group:
                    left, middle = (column + 0.06) / columns, (column + 0.5) / columns
                    box = left, bottom + height * share, 0.88 / columns, height * (1 - share) * 0.94
                    axes = figure.add_axes(box)
                    axes.imshow(pixels, interpolation="antialiased")
                    axes.set_anchor("S")
                    axes.set_axis_off()
                    place = bottom + height * share * 0.55
                    figure.text(middle, place, _shortened(caption, columns), ha="center", va="center", fontsize=7)
                    column += 1
        figure.savefig(path, dpi=_DPI)
        plt.close(figure)


def _in_rows(groups: Sequence[Group], columns: int) -> list[list[Group]]:
    rows: list[list[Group]] = [[]]
    for group in groups:
        if sum(map(len, rows[-1])) + len(group) > columns:
            rows.append([])
        rows[-1].append(group)
    return rows


def thumbnail(path: Path) -> np.ndarray:
    """A picture with its own aspect, its longer side at most `_THUMBNAIL` pixels."""
    pixels = bundle.read(path)
    height, width = pixels.shape[:2]
    scale = min(1.0, _THUMBNAIL / max(height, width))
    return cv2.resize(
        pixels, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )


def _shortened(caption: str, columns: int) -> str:
    """The caption in one line of its column; 7-point letters are about 0.064 inches wide."""
    letters = int(_WIDTH / columns / 0.064)
    if len(caption) <= letters:
        return caption
    # The end of a file name tells more than its middle.
    return caption[: letters // 2 - 1] + "…" + caption[-(letters - letters // 2) :]
