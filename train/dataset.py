"""Paintings with a style and a part to play: relabelling, negatives, and the split.

The first folder of ``DATA`` is split as the published work splits its set: its paintings of the
styles are divided by picture, 81 % / 9 % / 10 %, stratified and seeded. All else is divided by artist,
because a kiosk meets painters whom nobody trained on: paintings of the further folders, and everywhere
the paintings of artists of none of the styles, the *negatives*. Some of these artists are kept for
validation (calibration and thresholds), some can be held out altogether (`unseen`).

Pictures that show one work (`train.duplicates`) are never on two sides of a split.
"""

from __future__ import annotations

import csv
import enum
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

import bundle
from train.duplicates import near_duplicates

OTHER = "none of the styles"
PHOTOGRAPH = "not a painting"

# Published shares; the rest, 81 %, is trained on.
TEST_SHARE = 0.10
VALIDATION_SHARE = 0.09

# A style with fewer works cannot be in all three parts.
MIN_WORKS = 3

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
    near_duplicates: tuple[tuple[bundle.Painting, ...], ...] = ()
    """Groups of labelled paintings that show one work, those that were left out among them."""
    left_out: tuple[bundle.Skipped, ...] = ()
    """Copies that would have been trained on beside their like in another part or folder."""

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
    def from_split(cls, path: Path, styles: Sequence[str], pictures_needed: bool = True) -> Dataset:
        """Read a ``split.csv``; raises `DatasetError` where it is gone, or a picture that it names is and
        `pictures_needed`: labels and parts are enough for a report."""
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
        except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
            raise DatasetError(f"{path}: no readable split ({error})") from error
        for example in examples if pictures_needed else ():
            if not example.path.is_file():
                raise DatasetError(
                    f"{example.path}: a picture of the run is not there; paths are those of the folder in which it was"
                    " trained: go there, put the pictures back, or train again with DATA=..."
                )
        return cls(tuple(styles), examples)


@dataclass(frozen=True)
class HoldOut:
    """Which artists are left out of training altogether: some by name, and one group of several of the others.

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


@dataclass(frozen=True)
class Fold:
    """One of several folds of cross-validation: its pictures are tested on, the others trained on.

    `parse` reads ``3/10``, the third of ten.
    """

    number: int
    folds: int

    @classmethod
    def parse(cls, text: str) -> Fold:
        match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if not match:
            raise DatasetError(f"--fold {text}: write it as 3/10, the third of ten folds")
        number, folds = int(match[1]), int(match[2])
        if folds < 2 or not 1 <= number <= folds:
            raise DatasetError(f"--fold {text}: the fold must be 1 to {max(folds, 2)}, of at least 2")
        return cls(number, folds)


def parse_combination(text: str) -> dict[str, str]:
    """Genre -> merged class of ``Cubism+Abstract Expressionism=Modern``; raises `DatasetError`."""
    left, equals, merged = (part.strip() for part in text.rpartition("="))
    genres = [genre.strip() for genre in left.split("+")]
    if not equals or not merged or not all(genres):
        raise DatasetError(f'--combine "{text}": write it as "Cubism+Abstract Expressionism=Modern"')
    if len(set(genres)) < len(genres):
        raise DatasetError(f'--combine "{text}": a genre is named twice')
    if merged in (OTHER, PHOTOGRAPH):
        raise DatasetError(
            f'--combine "{text}": "{merged}" is what pictures of no style are called; choose another name'
        )
    return dict.fromkeys(genres, merged)


def parse_combinations(texts: Iterable[str]) -> dict[str, str]:
    """Several of `parse_combination` as one; raises `DatasetError` where they contradict each other."""
    combine: dict[str, str] = {}
    for text in texts:
        for genre, merged in parse_combination(text).items():
            if combine.setdefault(genre, merged) != merged:
                raise DatasetError(f"--combine: {genre} is merged twice, into {combine[genre]} and into {merged}")
    if chained := sorted(genre for genre in combine if genre in combine.values() and combine[genre] != genre):
        raise DatasetError(f"--combine: {', '.join(chained)} is both merged and a merged class; merge in one step")
    return combine


def single_styles(catalogue: bundle.Catalogue) -> tuple[str, ...]:
    """The genres that some artist has as the only one, those with most pictures first."""
    counts = Counter(painting.genres[0] for painting in catalogue.paintings if len(painting.genres) == 1)
    return tuple(sorted(counts, key=lambda genre: (-counts[genre], genre)))


def assemble(
    folders: Sequence[Path],
    catalogues: Sequence[bundle.Catalogue],
    photographs: Mapping[Path, str],
    styles: Sequence[str],
    hold_out: HoldOut,
    seed: int,
    *,
    combine: Mapping[str, str] | None = None,
    fold: Fold | None = None,
) -> Dataset:
    """Label all paintings and give each its part.

    `photographs` maps pictures that show no painting to their content hashes. `styles` are any genres of
    the folders. `combine` maps genres to a class that they are merged into (`parse_combinations`): it
    takes the place of the first of its genres among `styles`, or comes last where none is. With `fold`
    the test pictures are those of one of several stratified folds, and validation takes `VALIDATION_SHARE`
    of the rest.

    Artists with several genres of which one is a style are dropped: they are neither that style nor
    none of the styles. So is a second copy of a content in a later folder, and of a work that two parts or
    folders share what is trained on (`Dataset.left_out`). Raises `DatasetError`.
    """
    if combine:
        styles, catalogues = _combined(styles, catalogues, combine)
    seen: set[str] = set()
    labelled: list[tuple[bundle.Painting, str, bool]] = []
    folder_of: dict[str, int] = {}
    for number, catalogue in enumerate(catalogues):
        for painting in catalogue.paintings:
            label = relabel(painting.genres, styles)
            if label is not None and painting.sha256 not in seen:
                labelled.append((painting, label, number == 0 and label != OTHER))
                seen.add(painting.sha256)
                folder_of[painting.sha256] = number
    duplicates = near_duplicates([painting for painting, *_ in labelled])
    _check_styles(labelled, _works(duplicates), styles, folders)
    published = {painting.sha256: label for painting, label, by_picture in labelled if by_picture}
    # Not `duplicates`: a copy in a further folder may link two published pictures, and further folders
    # must not change the published split. `_straddling` sees to the link.
    by_picture_duplicates = near_duplicates([painting for painting, _, by_picture in labelled if by_picture])
    parts = _split_pictures(published, _works(by_picture_duplicates), seed, fold)
    artists = _group_artists(
        [(bundle.artist_key(painting.artist), label) for painting, label, by_picture in labelled if not by_picture]
    )
    unseen = _held_out(artists, hold_out, {painting.artist for painting, *_ in labelled}, seed)
    validation = _validation_artists(artists, unseen, seed)
    for painting, _, by_picture in labelled:
        key = bundle.artist_key(painting.artist)
        if key in unseen:
            parts[painting.sha256] = Part.UNSEEN
        elif not by_picture:
            parts[painting.sha256] = Part.VALIDATION if key in validation else Part.TRAIN
    left_out = _straddling(duplicates, parts, folder_of)
    examples = [
        Example(painting.path, painting.artist, label, painting.sha256, by_picture, parts[painting.sha256])
        for painting, label, by_picture in labelled
        if painting.sha256 not in left_out
    ]
    for path, sha256 in photographs.items():
        if sha256 not in seen:
            seen.add(sha256)
            examples.append(Example(path, "", PHOTOGRAPH, sha256, False, _photograph_part(sha256)))
    return Dataset(tuple(styles), tuple(examples), tuple(duplicates), tuple(left_out.values()))


def relabel(genres: Collection[str], styles: Collection[str]) -> str | None:
    """The label of an artist's pictures: a style, `OTHER`, or None for those who are neither."""
    if len(genres) == 1:
        (genre,) = genres
        return genre if genre in styles else OTHER
    return None if set(genres) & set(styles) else OTHER


def _combined(
    styles: Sequence[str], catalogues: Sequence[bundle.Catalogue], combine: Mapping[str, str]
) -> tuple[tuple[str, ...], list[bundle.Catalogue]]:
    """Styles and catalogues with the merged class in the place of its genres."""
    genres = {genre for catalogue in catalogues for painting in catalogue.paintings for genre in painting.genres}
    if unknown := sorted(set(combine) - genres):
        raise DatasetError(
            f"--combine: no genre named {', '.join(unknown)} in DATA; it has {', '.join(sorted(genres))}"
        )

    def merged(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(combine.get(name, name) for name in names))

    return tuple(dict.fromkeys((*merged(styles), *combine.values()))), [
        replace(
            catalogue,
            paintings=tuple(replace(painting, genres=merged(painting.genres)) for painting in catalogue.paintings),
        )
        for catalogue in catalogues
    ]


def _works(duplicates: Iterable[Sequence[bundle.Painting]]) -> dict[str, str]:
    """Content hash of each copy -> content hash that stands for the work."""
    return {painting.sha256: group[0].sha256 for group in duplicates for painting in group}


def _check_styles(
    labelled: list[tuple[bundle.Painting, str, bool]],
    works: Mapping[str, str],
    styles: Sequence[str],
    folders: Sequence[Path],
) -> None:
    different = {(label, works.get(painting.sha256, painting.sha256)) for painting, label, _ in labelled}
    counts = Counter(label for label, _ in different)
    missing = [style for style in styles if counts[style] < MIN_WORKS]
    if missing:
        raise DatasetError(
            f"fewer than {MIN_WORKS} different pictures of {', '.join(missing)} in {', '.join(map(str, folders))}:"
            " is DATA the right folder, and is the genre in its artists.csv?"
        )


def _split_pictures(
    published: Mapping[str, str], works: Mapping[str, str], seed: int, fold: Fold | None
) -> dict[str, Part]:
    """81/9/10 within each label, or by `fold`; copies of one work stay together.

    Depends on the contents and the seed alone, not on names or order.
    """
    copies: dict[str, list[str]] = {}
    for sha256 in sorted(published):
        copies.setdefault(works.get(sha256, sha256), []).append(sha256)
    groups = list(copies.values())
    parts = dict.fromkeys(published, Part.TRAIN)
    totals = Counter(published.values())
    if fold is None:
        test = _draw(groups, published, {label: _share(n, TEST_SHARE) for label, n in totals.items()}, seed)
    else:
        test = _fold_groups(groups, published, fold, seed)
        totals -= Counter(published[sha256] for group in test for sha256 in group)
    tested = {sha256 for group in test for sha256 in group}
    rest = [group for group in groups if group[0] not in tested]
    quotas = {label: _share(n, VALIDATION_SHARE) for label, n in totals.items()}
    for part, drawn in ((Part.TEST, test), (Part.VALIDATION, _draw(rest, published, quotas, seed))):
        parts |= {sha256: part for group in drawn for sha256 in group}
    return parts


def _share(pictures: int, share: float) -> int:
    return max(1, round(pictures * share))


def _draw(
    groups: Sequence[list[str]], labels: Mapping[str, str], quotas: Mapping[str, int], seed: int
) -> list[list[str]]:
    """Whole groups by lot that fill each label's quota exactly, as far as their sizes allow."""
    left = Counter(quotas)
    drawn = []
    for label in sorted(quotas):
        # A group of two labels is drawn with the first of them alone.
        members = [group for group in groups if min(labels[sha256] for sha256 in group) == label]
        members = [members[index] for index in np.random.default_rng(seed).permutation(len(members))]
        fitting = []
        for group in members:
            needed = Counter(labels[sha256] for sha256 in group)
            if needed <= left:
                left -= needed
                fitting.append(group)
        if not fitting and left[label]:
            # All groups are larger than a small quota: too many pictures are better than none.
            fitting = sorted(members, key=len)[:1]
        drawn += fitting
    return drawn


def _fold_groups(groups: Sequence[list[str]], labels: Mapping[str, str], fold: Fold, seed: int) -> list[list[str]]:
    """The groups of one of several folds, in each of which every label has its share."""
    pictures = [sha256 for group in groups for sha256 in group]
    of_pictures = np.array([labels[sha256] for sha256 in pictures])
    of_groups = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    for label in sorted(set(of_pictures.tolist())):
        if (different := len(set(of_groups[of_pictures == label].tolist()))) < fold.folds:
            raise DatasetError(
                f"{label} has {different} different pictures in the first folder: too few for {fold.folds} folds"
            )
    splitter = StratifiedGroupKFold(fold.folds, shuffle=True, random_state=seed)
    tested = [test for _, test in splitter.split(of_pictures, of_pictures, of_groups)][fold.number - 1]
    return [groups[group] for group in sorted(set(of_groups[tested].tolist()))]


def _straddling(
    duplicates: Iterable[Sequence[bundle.Painting]], parts: Mapping[str, Part], folder_of: Mapping[str, int]
) -> dict[str, bundle.Skipped]:
    """By content hash, the copies that must not be trained on, with the reason.

    What tests is kept, whatever it is a copy of. Else the first of a group decides: copies in
    its own part and folder stay (they are one artist's, or were drawn together), the others go.
    """
    left_out = {}
    for group in duplicates:
        tests = [painting for painting in group if parts[painting.sha256] in (Part.TEST, Part.UNSEEN)]
        first = (tests or group)[0]
        side = parts[first.sha256], folder_of[first.sha256]
        for painting in group:
            own = parts[painting.sha256], folder_of[painting.sha256]
            if painting not in tests and own != side:
                reason = f"near duplicate of {first.path.name}, which is in {side[0].value}"
                left_out[painting.sha256] = bundle.Skipped(painting.path, reason)
    return left_out


def _group_artists(rows: Sequence[tuple[str, str]]) -> dict[str, tuple[str, int]]:
    """Key of each artist who is split whole -> (label, number of pictures)."""
    counts = Counter(rows)
    return {key: (label, n) for (key, label), n in sorted(counts.items(), key=lambda item: item[1])}


def _held_out(artists: Mapping[str, tuple[str, int]], hold_out: HoldOut, names: Collection[str], seed: int) -> set[str]:
    keys = {bundle.artist_key(name) for name in names}
    wanted = {bundle.artist_key(name) for name in hold_out.names}
    if unknown := wanted - keys:
        raise DatasetError(f"--hold-out-artists: no artist named {', '.join(sorted(unknown))} in DATA")
    if hold_out.groups:
        # Those held out by name anyway must not change the groups of the others.
        others = {key: row for key, row in artists.items() if key not in wanted}
        wanted |= _disjoint_groups(others, hold_out.groups, seed)[hold_out.group - 1]
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
