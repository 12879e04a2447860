"""Every picture measured once: label, size, histograms; and which pictures are there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import bundle
from train.dataset import OTHER, relabel
from train.duplicates import near_duplicates
from train.exploration.errors import ExplorationError

SEVERAL = "of several styles"
"""Label of pictures by artists with several genres of which one is a style: neither that style nor none."""

LEVELS = 64
"""Bins of the grey-level and RGB histograms, 4 of the 256 levels each: fewer hide peaks, more are noise."""
HUES = 32
"""Bins of the hue (11.25 degrees each) and of the saturation."""

# Histograms are taken from pictures of this side, so that a large picture weighs no more than a small one.
_SIDE = 256
# Below this saturation or value (of 255), hue is the noise of the compression, not a colour.
_COLOURED = 40

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """One picture of the survey; `label` is a style's display name, `OTHER` or `SEVERAL`."""

    painting: bundle.Painting
    folder: str
    """Name of the folder of ``--data`` that it came from."""
    label: str
    width: int
    height: int

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.width / self.height


@dataclass(frozen=True)
class Survey:
    """What was found. The histograms are shares of a picture's pixels, float32, one row for each picture."""

    styles: tuple[str, ...]
    folders: tuple[str, ...]
    pictures: tuple[Picture, ...]
    grey: np.ndarray
    """``[n, LEVELS]``"""
    rgb: np.ndarray
    """``[n, 3, LEVELS]``"""
    hue: np.ndarray
    """``[n, HUES]``; of coloured pixels alone, but as shares of all, so a row of a grey picture is 0."""
    saturation: np.ndarray
    """``[n, HUES]``"""
    brightness: np.ndarray
    """Mean grey level, 0-255, ``[n]``"""
    contrast: np.ndarray
    """Standard deviation of the grey level, ``[n]``"""
    colourfulness: np.ndarray
    """Mean saturation, 0-1, ``[n]``"""
    exact: tuple[tuple[Path, Path], ...]
    """(kept, left out) with the same content"""
    near: tuple[tuple[Path, ...], ...]
    """Groups of pictures of other content that look the same"""
    skipped: tuple[bundle.Skipped, ...]
    """What was left out for another reason than the same content"""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that have pictures: the styles in their order, then the rest."""
        present = {picture.label for picture in self.pictures}
        return tuple(label for label in (*self.styles, OTHER, SEVERAL) if label in present)

    def where(self, label: str | None = None, folder: str | None = None) -> np.ndarray:
        """Indices of the pictures of a label, of a folder, or of both."""
        return np.array(
            [
                index
                for index, picture in enumerate(self.pictures)
                if label in (None, picture.label) and folder in (None, picture.folder)
            ],
            dtype=np.int64,
        )

    @property
    def of_styles(self) -> np.ndarray:
        """Indices of the pictures of all styles."""
        return np.flatnonzero([picture.label in self.styles for picture in self.pictures])


def measure(catalogue: bundle.Catalogue, folders: Sequence[Path], styles: Sequence[str], progress: Progress) -> Survey:
    """Measure all pictures of a `catalogue` of `folders`.

    `progress` is called with (pictures done, pictures in all). Raises `ExplorationError` where none of
    the `styles` has a picture.
    """
    paintings = catalogue.paintings
    labels = [relabel(painting.genres, styles) or SEVERAL for painting in paintings]
    if not set(labels) & set(styles):
        genres = sorted({genre for painting in paintings for genre in painting.genres})
        raise ExplorationError(f"no picture of {', '.join(styles)}; the genres of artists.csv are {', '.join(genres)}")
    names = _names(folders)
    pictures, rows = [], []
    for index, (painting, label) in enumerate(zip(paintings, labels, strict=True)):
        progress(index, len(paintings))
        pixels = bundle.read(painting.path)
        height, width = pixels.shape[:2]
        folder = next(names[folder] for folder in folders if folder in painting.path.parents)
        pictures.append(Picture(painting, folder, label, width, height))
        rows.append(_measured(bundle.prepare(pixels, _SIDE)))
    progress(len(paintings), len(paintings))
    exact, skipped = _exact_duplicates(catalogue)
    return Survey(
        tuple(styles),
        tuple(names.values()),
        tuple(pictures),
        *(np.stack(column) for column in zip(*rows, strict=True)),
        exact,
        tuple(tuple(painting.path for painting in group) for group in near_duplicates(paintings)),
        skipped,
    )


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """What each folder is called: its last name, or its whole path where two have the same."""
    last = [folder.resolve().name for folder in folders]
    return {folder: name if last.count(name) == 1 else str(folder) for folder, name in zip(folders, last, strict=True)}


def _exact_duplicates(
    catalogue: bundle.Catalogue,
) -> tuple[tuple[tuple[Path, Path], ...], tuple[bundle.Skipped, ...]]:
    """Tell what was left out for its content from the rest, and find the picture that was kept instead."""
    kept = {painting.sha256: painting.path for painting in catalogue.paintings}
    exact, others = [], []
    for skipped in catalogue.skipped:
        try:
            twin = kept.get(hashlib.sha256(skipped.path.read_bytes()).hexdigest())
        except OSError:  # a folder, or a file that may not be read
            twin = None
        if twin is None:
            others.append(skipped)
        else:
            exact.append((twin, skipped.path))
    return tuple(exact), tuple(others)


def _measured(pixels: bundle.picture.Pixels) -> tuple[np.ndarray, ...]:
    """Histograms and means of one picture, in the order of `Survey`."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL))
    saturation = np.where(value < _COLOURED, 0, saturation)  # of near-black, saturation too is noise
    coloured = saturation >= _COLOURED
    return (
        _shares(grey, LEVELS),
        np.stack([_shares(channel, LEVELS) for channel in cv2.split(pixels)]),
        _shares(hue[coloured], HUES, pixels=grey.size),
        _shares(saturation, HUES),
        grey.mean(),
        grey.std(),
        saturation.mean() / 255,
    )


def _shares(values: np.ndarray, bins: int, pixels: int | None = None) -> np.ndarray:
    """Histogram of uint8 `values` as shares of `pixels` (default: of the values themselves)."""
    counts = np.bincount(values.ravel() // (256 // bins), minlength=bins)
    return (counts / (pixels or values.size)).astype(np.float32)
