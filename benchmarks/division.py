"""Which pictures of a folder a bundle may be judged by, and in which set each one counts.

Pictures that the network was trained on prove nothing; the manifest says which they are, by content
(published test pictures, photographs) and by artist (all others).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
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


NONE_OF_THE_STYLES, NOT_A_PAINTING = "none of the styles", "not a painting"
"""Labels of a split that are no style."""

PARTS = ("test", "validation", "train")
"""Of a split that can be judged by; with the test go artists and photographs that were never seen."""


def read_split(path: Path, part: str, manifest: bundle.Manifest) -> tuple[Division, Photographs | None]:
    """The pictures of one part of a run's ``split.csv``; `path` is that file, or the folder of the run.

    Raises `DivisionError` where it cannot be read, or names pictures that are not there.
    """
    path = path / "split.csv" if path.is_dir() else path
    index = {style: number for number, style in enumerate(manifest.styles)}
    wanted = {part, "unseen"} if part == "test" else {part}
    test, unseen, others, trained, photographs = [], [], [], [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            label = row["label"]
            painting = bundle.Painting(Path(row["path"]), row["artist"], (label,), row["sha256"])
            if row["part"] in wanted:
                if not painting.path.is_file():
                    raise DivisionError(
                        f"{path}: {painting.path} is not there; paths are those of where the run was trained"
                    )
                if label == NOT_A_PAINTING:
                    photographs.append(Photograph(painting.path, seen=False))
                elif label == NONE_OF_THE_STYLES:
                    others.append(painting)
                elif row["published"] == "1":
                    test.append((painting, index[label]))
                else:
                    unseen.append((painting, index[label]))
            elif row["part"] == "train" and label in index and painting.path.is_file():
                trained.append((painting, index[label]))
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise DivisionError(f"{path}: no split of a run with the styles of {manifest.name} ({reason})") from error
    if not test and not unseen:
        raise DivisionError(f"{path}: no picture of a style in the part {part!r}")
    listed = len(manifest.dataset.test_sha256)
    division = Division(tuple(test), tuple(unseen), tuple(others), listed, len(trained), tuple(trained), 0)
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
