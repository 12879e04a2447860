"""Which pictures of a folder a bundle may be judged by, and in which set each one counts.

Pictures that the network was trained on prove nothing; the manifest says which they are, by content
(published test pictures, photographs) and by artist (all others).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import bundle
from benchmarks import BenchmarkError


class DivisionError(BenchmarkError):
    """A folder has nothing to judge by; the message is one line with the way out."""


@dataclass(frozen=True)
class Division:
    """The paintings to be scored, set by set, and how many are left out."""

    test: tuple[tuple[bundle.Painting, int], ...]
    """Fixed test pictures of the published split, each with the index of its style."""
    unseen: tuple[tuple[bundle.Painting, int], ...]
    """Paintings of the styles by artists not trained on, each with the index of its style."""
    others: tuple[bundle.Painting, ...]
    """By artists of none of the styles, not trained on."""
    test_listed: int
    """Test pictures that the manifest lists, found or not."""
    trained: int
    """Paintings by artists trained on, and no test pictures: not scored."""
    trained_styles: tuple[tuple[bundle.Painting, int], ...]
    """Those of them that are of the styles: what a peer may be made with."""
    ambiguous: int
    """Paintings by artists of several styles of which one is ours: neither, and not scored."""

    @property
    def empty(self) -> bool:
        """Whether there is no painting of a style to judge by."""
        return not self.test and not self.unseen

    @classmethod
    def of(cls, paintings: tuple[bundle.Painting, ...], manifest: bundle.Manifest) -> Division:
        """Divide the paintings of a folder by what the manifest says of the training."""
        index = {style: number for number, style in enumerate(manifest.styles)}
        listed = frozenset(manifest.dataset.test_sha256)
        artists = frozenset(map(bundle.artist_key, manifest.dataset.artists))
        test, unseen, others, trained_styles = [], [], [], []
        trained = ambiguous = 0
        for painting in paintings:
            of_ours = [genre for genre in painting.genres if genre in index]
            if of_ours and len(painting.genres) > 1:
                ambiguous += 1
            elif of_ours and painting.sha256 in listed:
                test.append((painting, index[of_ours[0]]))
            elif bundle.artist_key(painting.artist) in artists:
                trained += 1
                if of_ours:
                    trained_styles.append((painting, index[of_ours[0]]))
            elif of_ours:
                unseen.append((painting, index[of_ours[0]]))
            else:
                others.append(painting)
        return cls(tuple(test), tuple(unseen), tuple(others), len(listed), trained, tuple(trained_styles), ambiguous)


NOT_A_PAINTING = "not a painting"
"""The label that a split gives to photographs."""

# Parts of a split that training never saw.
_JUDGED = ("test", "unseen")


def read_split(path: Path, manifest: bundle.Manifest) -> tuple[Division, Photographs | None]:
    """The pictures of a run's ``split.csv`` that training left out; `path` is that file, or the folder of the run.
    Those that the manifest's own training saw, which may be that of another run, are not scored all the same.

    Raises `DivisionError` where it cannot be read, names pictures that are not there, or has none to judge by.
    """
    path = path / "split.csv" if path.is_dir() else path
    share = manifest.dataset.photographs_seen_share
    paintings, training, photographs = [], [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                painting = bundle.Painting(Path(row["path"]), row["artist"], (row["label"],), row["sha256"])
                if row["part"] == "train":
                    training.append(painting)
                if row["part"] not in _JUDGED:
                    continue
                if not painting.path.is_file():
                    raise DivisionError(f"{path}: {painting.path} is not there; go where the run was trained")
                if row["label"] == NOT_A_PAINTING:
                    seen = bundle.photograph_position(painting.sha256) < share
                    photographs.append(Photograph(painting.path, seen))
                else:
                    paintings.append(painting)
    except (OSError, KeyError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise DivisionError(f"{path}: no split of a run ({reason})") from error
    division = Division.of(tuple(paintings), manifest)
    if division.empty:
        raise DivisionError(
            f"{path}: of {len(paintings)} paintings that its training left out, {manifest.name} was trained on"
            f" {division.trained}, and none of the others is of its styles"
        )
    index = {style: number for number, style in enumerate(manifest.styles)}
    styles = tuple(
        (work, index[work.genres[0]]) for work in training if work.genres[0] in index and work.path.is_file()
    )
    division = replace(division, trained_styles=styles)
    return division, Photographs(tuple(photographs), ()) if photographs else None


@dataclass(frozen=True)
class Photograph:
    """A readable picture that shows no painting."""

    path: Path
    seen: bool
    """Whether the network met it in training or calibration."""


@dataclass(frozen=True)
class Photographs:
    """All readable photographs of a folder, each content once."""

    photographs: tuple[Photograph, ...]
    skipped: tuple[bundle.Skipped, ...]

    @classmethod
    def read(cls, folder: Path, seen_share: float, progress: Callable[[int, int], None] | None = None) -> Photographs:
        """Read `folder` and all folders in it. `seen_share` is the manifest's `photographs_seen_share`:
        contents whose `bundle.photograph_position` lies below it were seen.

        `progress` is called with (files done, files in all). Raises `DivisionError` where there is no
        readable picture.
        """
        try:
            contents, skipped = bundle.read_photographs(folder, progress)
        except bundle.CatalogueError as error:
            raise DivisionError(f"{error} with --photos") from error
        photographs = (
            Photograph(path, bundle.photograph_position(sha256) < seen_share) for path, sha256 in contents.items()
        )
        return cls(tuple(photographs), skipped)
