"""``python -m train download``: fetch the published paintings, and see whether a folder holds all of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

import bundle
from train.progress import console, progress

KAGGLE_SET = "ikarus777/best-artworks-of-all-time"

# Different contents by artists of this style alone, in the published set.
PUBLISHED_STYLES = {
    "Impressionism": 1370,
    "Cubism": 439,
    "Expressionism": 193,
    "Pop Art": 181,
    "Byzantine Art": 99,
    "Abstract Expressionism": 24,
}

_BY_HAND = f"unpack https://www.kaggle.com/datasets/{KAGGLE_SET} yourself and name that folder: DATA=FOLDER"
_TOKEN = "put a token from https://www.kaggle.com/settings into KAGGLE_API_TOKEN or ~/.kaggle/kaggle.json and try again"

EXAMPLES = """\
examples:
  python -m train download                     # into kagglehub's cache (KAGGLEHUB_CACHE moves it); 2 GB
  python -m train download --folder paintings  # verify a folder that is there already

Exit code 0: the folder holds the published set. 1: it does not, and the table says where.
2: nothing could be fetched or read.
"""


class DownloadError(RuntimeError):
    """The set cannot be fetched; the message is one line with the ways out."""


@dataclass(frozen=True)
class Shortfall:
    """An artist or style of whom other than the published number of pictures is here."""

    name: str
    found: int
    published: int

    def __str__(self) -> str:
        if not self.found:
            return "none is here"
        missing = self.published - self.found
        return f"{missing} missing" if missing > 0 else f"{-missing} too many"


@dataclass(frozen=True)
class Verification:
    """What a folder holds, beside what was published."""

    artists: int
    """Artists in its ``artists.csv``."""
    pictures: int
    """Different readable pictures."""
    published_pictures: int
    """As ``artists.csv`` announces them."""
    styles: dict[str, int]
    """Pictures of each published style."""
    differing_artists: tuple[Shortfall, ...]
    unannounced: tuple[str, ...]
    """Artists of whom ``artists.csv`` does not say how many pictures there are."""
    skipped: tuple[bundle.Skipped, ...]

    @property
    def differing_styles(self) -> tuple[Shortfall, ...]:
        """Styles with another number of pictures than published."""
        return tuple(
            Shortfall(style, self.styles[style], published)
            for style, published in PUBLISHED_STYLES.items()
            if self.styles[style] != published
        )

    @property
    def complete(self) -> bool:
        """Whether the folder holds the published set, no less and no more."""
        return not self.differing_artists and not self.differing_styles and not self.unannounced

    @property
    def verdict(self) -> str:
        """One sentence, and what it means for training."""
        here = f"{self.pictures:,} of {self.published_pictures:,} pictures"
        if self.complete:
            return f"this is the published set: {self.artists} artists, {self.pictures:,} pictures"
        if self.differing_styles:
            names = ", ".join(shortfall.name for shortfall in self.differing_styles)
            return f"not the published set ({here}): {names} differ, and so will the published split and its figures"
        if self.differing_artists:
            kind = "a reduced" if self.pictures < self.published_pictures else "another"
            return (
                f"{kind} copy ({here}): the six styles are complete, {sum(self.styles.values()):,} pictures, and the"
                f" published split with them; {len(self.differing_artists)} of {self.artists} artists differ, so what"
                " is none of the styles is learnt from other pictures, and further styles are too"
            )
        return (
            f"the six styles are complete, but artists.csv does not say how many pictures there are of"
            f" {len(self.unannounced)} artists: no telling whether all are here"
        )


def fetch() -> Path:
    """Download the published set, or find it in kagglehub's cache; raises `DownloadError`."""
    try:
        import kagglehub
    except ImportError as error:
        raise DownloadError(
            f"kagglehub is not installed: pip install kagglehub and try again, or {_BY_HAND}"
        ) from error
    try:
        return Path(kagglehub.dataset_download(KAGGLE_SET))
    except Exception as error:  # kagglehub lets through what requests, zipfile and the disk raise, beside its own
        raise DownloadError(f"Kaggle gave nothing ({_first_line(error)}): {_TOKEN}, or {_BY_HAND}") from error


def verify(folder: Path, step: Callable[[int, int], None] | None = None) -> Verification:
    """Count the different readable pictures of each artist and style in `folder`.

    `step` is called with (files done, files in all). Raises `bundle.CatalogueError`.
    """
    artists = bundle.read_artists(folder)
    catalogue = bundle.read_catalogue([folder], step)
    found = Counter(painting.artist for painting in catalogue.paintings)
    styles = Counter(painting.genres[0] for painting in catalogue.paintings if len(painting.genres) == 1)
    return Verification(
        artists=len(artists),
        pictures=len(catalogue.paintings),
        published_pictures=sum(artist.paintings or 0 for artist in artists),
        styles={style: styles[style] for style in PUBLISHED_STYLES},
        differing_artists=tuple(
            Shortfall(artist.name, found[artist.name], artist.paintings)
            for artist in artists
            if artist.paintings is not None and found[artist.name] != artist.paintings
        ),
        unannounced=tuple(artist.name for artist in artists if artist.paintings is None),
        skipped=catalogue.skipped,
    )


def show(verification: Verification) -> None:
    """Print the styles, the artists that differ, what was left out, and the verdict."""
    table = Table("style", "here", "published", "", title="styles")
    differing = {shortfall.name: shortfall for shortfall in verification.differing_styles}
    for style, found in verification.styles.items():
        table.add_row(style, str(found), str(PUBLISHED_STYLES[style]), str(differing.get(style, "complete")))
    console.print(table)
    if verification.differing_artists:
        table = Table("artist", "here", "published", "", title="artists that differ")
        for shortfall in verification.differing_artists:
            table.add_row(shortfall.name, str(shortfall.found), str(shortfall.published), str(shortfall))
        console.print(table)
    for skipped in verification.skipped:
        console.print(f"left out: {skipped}", style="yellow", markup=False)
    console.print(verification.verdict, markup=False, highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Fetch and verify; turn every expected failure into one line and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m train download",
        description=f"Download {KAGGLE_SET} from Kaggle (no account needed) and verify it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="verify this folder and download nothing")
    options = parser.parse_args(arguments)
    try:
        folder = options.folder or fetch()
        with progress(f"reading {folder}") as step:
            verification = verify(folder, step)
    except (DownloadError, bundle.CatalogueError) as error:
        print(f"train download: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ntrain download: stopped; the same command starts again", file=sys.stderr)
        return 130
    show(verification)
    if not options.folder and not verification.differing_styles:
        console.print(f'next: make train DATA="{folder}"', markup=False, highlight=False, soft_wrap=True)
    return 0 if verification.complete else 1


def _first_line(error: Exception) -> str:
    """The kind of an error and the first line that it says, which may be a page of HTML."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}"[:200] if lines else type(error).__name__
