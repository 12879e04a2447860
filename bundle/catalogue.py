"""Folders of paintings in the layout of the Kaggle set "Best Artworks of All Time".

``artists.csv`` has (at least) the columns ``name`` and ``genre``; the pictures of *First Last* are
``images/images/First_Last/*``, or ``images/First_Last/*``. Training and benchmarks read the same
folders, so the layout is part of the contract.
"""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bundle.picture import PictureError, decode

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})


class CatalogueError(ValueError):
    """A folder cannot be read as a catalogue; the message is one line with the way out."""


@dataclass(frozen=True)
class Painting:
    """One readable picture of one artist."""

    path: Path
    artist: str
    genres: tuple[str, ...]
    """The artist's styles as ``artists.csv`` has them; more than one where the artist had several."""
    sha256: str
    """Of the file's bytes."""


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was left out, and why, on one line."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Catalogue:
    """All readable paintings of some folders, each content once, in a stable order."""

    paintings: tuple[Painting, ...]
    skipped: tuple[Skipped, ...]


def read_catalogue(folders: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Catalogue:
    """Read one or more folders of paintings.

    Every file is decoded once: pictures that are unreadable or cut short, that have the content of an
    earlier one, or that belong to an artist who is not in ``artists.csv`` are skipped with a reason.
    `progress` is called with (files done, files in all).

    Raises `CatalogueError` where a folder has no pictures or no usable ``artists.csv``.
    """
    listed: list[tuple[Path, str, tuple[str, ...]]] = []
    skipped: list[Skipped] = []
    for folder in folders:
        genres = _read_artists(folder / "artists.csv")
        for artist_folder in _artist_folders(folder):
            artist = genres.get(_folder_key(artist_folder.name))
            files = sorted(path for path in artist_folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
            if artist is None:
                skipped.append(Skipped(artist_folder, "artist is not in artists.csv"))
            elif not files:
                skipped.append(Skipped(artist_folder, "folder holds no pictures"))
            else:
                listed += [(path, *artist) for path in files]
    paintings: list[Painting] = []
    seen: dict[str, Path] = {}
    for index, (path, name, artist_genres) in enumerate(listed):
        if progress is not None:
            progress(index, len(listed))
        try:
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 in seen:
                skipped.append(Skipped(path, f"same content as {seen[sha256].name}"))
                continue
            decode(content)
        except OSError as error:
            skipped.append(Skipped(path, error.strerror or "cannot be opened"))
            continue
        except PictureError as error:
            skipped.append(Skipped(path, str(error)))
            continue
        seen[sha256] = path
        paintings.append(Painting(path, name, artist_genres, sha256))
    if progress is not None:
        progress(len(listed), len(listed))
    if not paintings:
        raise CatalogueError(f"no readable pictures in {', '.join(map(str, folders))}")
    return Catalogue(tuple(paintings), tuple(skipped))


def fingerprint(paintings: Iterable[Painting]) -> str:
    """SHA-256 over the content hashes and artists of the paintings, whatever their order and place."""
    rows = sorted(f"{painting.sha256} {painting.artist}" for painting in paintings)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def artist_key(artist: str) -> str:
    """The same for one artist in several folders ("Other Henri Matisse" is Henri Matisse)."""
    return artist.removeprefix("Other ").casefold()


def _read_artists(path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Key of an artist's folder -> (name, genres)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CatalogueError(
            f"{path}: {error.strerror}; DATA must name a folder with artists.csv and images/"
        ) from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: not UTF-8; save it as UTF-8 CSV") from error
    header = text.partition("\n")[0]
    # Spreadsheets of many countries write CSV with semicolons.
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    missing = {"name", "genre"} - set(reader.fieldnames or ())
    if missing:
        raise CatalogueError(f"{path}: no column {' and '.join(sorted(missing))} in its first line")
    artists = {}
    for row in reader:
        name = (row["name"] or "").strip()
        genres = tuple(part.strip() for part in (row["genre"] or "").split(",") if part.strip())
        if name and genres:
            artists[_folder_key(name)] = (name, genres)
    return artists


def _artist_folders(folder: Path) -> list[Path]:
    for images in (folder / "images" / "images", folder / "images"):
        if images.is_dir():
            return sorted(path for path in images.iterdir() if path.is_dir())
    raise CatalogueError(f"{folder}: no folder images/ beside artists.csv")


def _folder_key(name: str) -> str:
    """Folders write underscores for blanks, and some copies of the set break accents."""
    plain = unicodedata.normalize("NFKD", name.replace("_", " "))
    return "".join(character for character in plain.lower() if character.isascii() and character.isalnum())
