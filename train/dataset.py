"""Paintings with a style and a part to play: relabelling, negatives, and the split.

The first folder of ``DATA`` is split as the published work splits its set: its paintings of the
styles are divided by picture, 81 % / 9 % / 10 %, stratified and seeded. All else is divided by artist,
because a kiosk meets painters whom nobody trained on: paintings of the further folders, and everywhere
the paintings of artists of none of the styles, the *negatives*. Some of these artists are kept for
validation (calibration and thresholds), some can be held out altogether (`unseen`).
"""

from __future__ import annotations

import csv
import enum
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import bundle

OTHER = "none of the styles"
PHOTOGRAPH = "not a painting"

# Published shares; the rest, 81 %, is trained on.
TEST_SHARE = 0.10
VALIDATION_SHARE = 0.09

# Photographs that show no painting, by content: half are trained on, a tenth validates, the rest tests.
PHOTOGRAPHS_TRAINED = 0.5
PHOTOGRAPHS_SEEN = 0.6

# An artist who alone makes up more than this share of a style's further pictures is too precious to
# be kept for validation.
_MAX_VALIDATION_ARTIST_SHARE = 0.25


class DatasetError(ValueError):
    """The pictures do not make a training set; the message is one line with the way out."""


class Part(enum.StrEnum):
    """What a picture is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    """The published split's fixed test pictures, 10 % of each style."""
    UNSEEN = "unseen"
    """By artists held out of training and validation."""


@dataclass(frozen=True)
class Example:
    """One picture, its label and its part. `label` is a style's display name, `OTHER` or `PHOTOGRAPH`."""

    path: Path
    artist: str
    label: str
    sha256: str
    published: bool
    """Whether it is a painting of a style from the first folder, split by picture."""
    part: Part


@dataclass(frozen=True)
class Dataset:
    """All examples of a run, in a stable order."""

    styles: tuple[str, ...]
    examples: tuple[Example, ...]

    @property
    def labels(self) -> np.ndarray:
        """Index of the style, or ``len(styles)`` for pictures of none, int64 ``[n]``."""
        index = {style: i for i, style in enumerate(self.styles)}
        return np.array([index.get(example.label, len(self.styles)) for example in self.examples])

    def where(self, keep: Callable[[Example], bool]) -> np.ndarray:
        """Indices of the examples that `keep` says yes to."""
        return np.array([i for i, example in enumerate(self.examples) if keep(example)], dtype=np.int64)

    def pixels(self, size: int, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """All pictures as uint8 ``[n, size, size, 3]``, by the same preparation as at the kiosk."""
        pixels = np.empty((len(self.examples), size, size, 3), np.uint8)
        for index, example in enumerate(self.examples):
            pixels[index] = bundle.prepare(bundle.read(example.path), size)
            if progress is not None:
                progress(index + 1, len(self.examples))
        return pixels

    def write(self, path: Path) -> None:
        """Write ``split.csv``."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["sha256", "artist", "label", "published", "part", "path"])
            for example in self.examples:
                writer.writerow(
                    [example.sha256, example.artist, example.label, int(example.published), example.part, example.path]
                )

    @classmethod
    def from_split(cls, path: Path, styles: Sequence[str]) -> Dataset:
        """Read a ``split.csv``; raises `DatasetError` where it, or a picture that it names, is gone."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                examples = tuple(
                    Example(
                        Path(row["path"]),
                        row["artist"],
                        row["label"],
                        row["sha256"],
                        row["published"] == "1",
                        Part(row["part"]),
                    )
                    for row in csv.DictReader(file)
                )
        except (OSError, KeyError, ValueError) as error:
            raise DatasetError(f"{path}: no readable split ({error})") from error
        for example in examples:
            if not example.path.is_file():
                raise DatasetError(f"{example.path}: a picture of the run is gone; train again with DATA=...")
        return cls(tuple(styles), examples)


@dataclass(frozen=True)
class HoldOut:
    """Which artists are left out of training altogether: some by name, or one group of several.

    `parse` reads ``2/4``, the second of four disjoint groups, or names separated by commas.
    """

    names: frozenset[str] = frozenset()
    group: int = 0
    groups: int = 0

    @classmethod
    def parse(cls, text: str) -> HoldOut:
        if match := re.fullmatch(r"(\d+)/(\d+)", text.strip()):
            group, groups = int(match[1]), int(match[2])
            if not 1 <= group <= groups or groups < 2:
                raise DatasetError(f"--hold-out-artists {text}: the group must be 1 to {max(groups, 2)}")
            return cls(group=group, groups=groups)
        return cls(names=frozenset(name.strip() for name in text.split(",") if name.strip()))


def assemble(
    folders: Sequence[Path],
    catalogues: Sequence[bundle.Catalogue],
    photographs: Mapping[Path, str],
    styles: Sequence[str],
    hold_out: HoldOut,
    seed: int,
) -> Dataset:
    """Label all paintings and give each its part.

    `photographs` maps pictures that show no painting to their content hashes.

    Artists with several genres of which one is a style are dropped: they are neither that style nor
    none of the styles. So is a second copy of a content in a later folder. Raises `DatasetError`.
    """
    seen: set[str] = set()
    labelled: list[tuple[bundle.Painting, str, bool]] = []
    for number, catalogue in enumerate(catalogues):
        for painting in catalogue.paintings:
            label = relabel(painting.genres, styles)
            if label is not None and painting.sha256 not in seen:
                labelled.append((painting, label, number == 0 and label != OTHER))
                seen.add(painting.sha256)
    _check_styles(labelled, styles, folders)
    published = {painting.sha256: label for painting, label, by_picture in labelled if by_picture}
    parts = _split_pictures(published, seed)
    artists = _group_artists(
        [(bundle.artist_key(painting.artist), label) for painting, label, by_picture in labelled if not by_picture]
    )
    unseen = _held_out(artists, hold_out, {painting.artist for painting, *_ in labelled}, seed)
    validation = _validation_artists(artists, unseen, seed)
    examples = []
    for painting, label, by_picture in labelled:
        key = bundle.artist_key(painting.artist)
        if key in unseen:
            part = Part.UNSEEN
        elif by_picture:
            part = parts[painting.sha256]
        else:
            part = Part.VALIDATION if key in validation else Part.TRAIN
        examples.append(Example(painting.path, painting.artist, label, painting.sha256, by_picture, part))
    for path, sha256 in photographs.items():
        if sha256 not in seen:
            seen.add(sha256)
            examples.append(Example(path, "", PHOTOGRAPH, sha256, False, _photograph_part(sha256)))
    return Dataset(tuple(styles), tuple(examples))


def relabel(genres: Collection[str], styles: Collection[str]) -> str | None:
    """The label of an artist's pictures: a style, `OTHER`, or None for those who are neither."""
    if len(genres) == 1:
        (genre,) = genres
        return genre if genre in styles else OTHER
    return None if set(genres) & set(styles) else OTHER


def _check_styles(
    labelled: list[tuple[bundle.Painting, str, bool]], styles: Sequence[str], folders: Sequence[Path]
) -> None:
    counts = Counter(label for _, label, _ in labelled)
    missing = [style for style in styles if counts[style] < 3]
    if missing:
        raise DatasetError(
            f"fewer than 3 pictures of {', '.join(missing)} in {', '.join(map(str, folders))}:"
            " is DATA the right folder, and is the genre in its artists.csv?"
        )


def _split_pictures(published: Mapping[str, str], seed: int) -> dict[str, Part]:
    """81/9/10 within each label; depends on the contents and the seed alone, not on names or order."""
    parts = {}
    for label in sorted(set(published.values())):
        contents = sorted(sha256 for sha256, of in published.items() if of == label)
        order = np.random.default_rng(seed).permutation(len(contents))
        test = max(1, round(len(contents) * TEST_SHARE))
        validation = max(1, round(len(contents) * VALIDATION_SHARE))
        for rank, index in enumerate(order):
            parts[contents[index]] = (
                Part.TEST if rank < test else Part.VALIDATION if rank < test + validation else Part.TRAIN
            )
    return parts


def _group_artists(rows: Sequence[tuple[str, str]]) -> dict[str, tuple[str, int]]:
    """Key of each artist who is split whole -> (label, number of pictures)."""
    counts = Counter(rows)
    return {key: (label, n) for (key, label), n in sorted(counts.items(), key=lambda item: item[1])}


def _held_out(artists: Mapping[str, tuple[str, int]], hold_out: HoldOut, names: Collection[str], seed: int) -> set[str]:
    if hold_out.groups:
        return _disjoint_groups(artists, hold_out.groups, seed)[hold_out.group - 1]
    keys = {bundle.artist_key(name) for name in names}
    wanted = {bundle.artist_key(name) for name in hold_out.names}
    if unknown := wanted - keys:
        raise DatasetError(f"--hold-out-artists: no artist named {', '.join(sorted(unknown))} in DATA")
    return wanted


def _disjoint_groups(artists: Mapping[str, tuple[str, int]], groups: int, seed: int) -> list[set[str]]:
    """Artists dealt out so that each style's pictures are spread evenly: the largest first, each to the
    group that has fewest pictures of the style."""
    generator = np.random.default_rng(seed)
    result: list[set[str]] = [set() for _ in range(groups)]
    for label in sorted({label for label, _ in artists.values()}):
        members = [(key, n) for key, (of, n) in artists.items() if of == label]
        order = generator.permutation(len(members))
        members = sorted((members[i] for i in order), key=lambda member: -member[1])
        load = list(generator.permutation(groups) * 1e-6)  # ties fall to another group in each style
        for key, n in members:
            group = int(np.argmin(load))
            result[group].add(key)
            load[group] += n
    return result


def _validation_artists(artists: Mapping[str, tuple[str, int]], unseen: Collection[str], seed: int) -> set[str]:
    generator = np.random.default_rng(seed + 1)
    chosen: set[str] = set()
    for label in sorted({label for label, _ in artists.values()}):
        members = [(key, n) for key, (of, n) in artists.items() if of == label and key not in unseen]
        total = sum(n for _, n in members)
        small = [(key, n) for key, n in members if n <= _MAX_VALIDATION_ARTIST_SHARE * total]
        wanted = math.ceil(total * VALIDATION_SHARE)
        for index in generator.permutation(len(small)):
            if wanted <= 0:
                break
            key, n = small[index]
            chosen.add(key)
            wanted -= n
    return chosen


def _photograph_part(sha256: str) -> Part:
    position = bundle.photograph_position(sha256)
    if position < PHOTOGRAPHS_TRAINED:
        return Part.TRAIN
    return Part.VALIDATION if position < PHOTOGRAPHS_SEEN else Part.UNSEEN
