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

import cv2
import numpy as np

from bundle.picture import WEB_FORMATS, PictureError, Pixels, decode

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

# What folders may hold, by Pillow's names: what the kiosk takes, and two that scanners write. GIF is not
# among them: the kiosk never meets its 256 colours, and of an animation one frame would stand for all.
FOLDER_FORMATS = WEB_FORMATS | {"BMP", "TIFF"}

# Side of the grey thumbnail, and of its lowest frequencies, that `perceptual_hash` looks at. 16 x 16
# frequencies, not the customary 8 x 8: in 64 bits the copies and the strangers of 6,133 paintings overlap
# (`train.duplicates` says how far apart they are in 256).
_THUMBNAIL_SIDE = 32
_FREQUENCIES_SIDE = 16

# Grey levels (orthonormal DCT). Where the median frequency is weaker, the signs are those of rounding and
# of JPEG's blocks, and two flat pictures would pass for copies. Of 6,133 paintings eight are so flat
# (minimalists and colour fields); the weakest of all copies found has 9.
_FLAT = 2.0


class CatalogueError(ValueError):
    """A folder cannot be read as a catalogue; the message is one line with the way out."""


@dataclass(frozen=True)
class Artist:
    """One line of ``artists.csv``."""

    name: str
    genres: tuple[str, ...]
    """Never empty: artists without a genre are not listed."""
    paintings: int | None
    """How many pictures the file announces; None where it does not say."""


@dataclass(frozen=True)
class Painting:
    """One readable picture of one artist."""

    path: Path
    artist: str
    genres: tuple[str, ...]
    """The artist's styles as ``artists.csv`` has them; more than one where the artist had several."""
    sha256: str
    """Of the file's bytes."""
    perceptual_hash: bytes = b""
    """Of its pixels, as `perceptual_hash` gives it; empty where it is too flat to be told from others."""


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
    listed: dict[Path, Artist] = {}
    skipped: list[Skipped] = []
    for folder in folders:
        artists = {_folder_key(artist.name): artist for artist in read_artists(folder)}
        images = _images_folder(folder)
        artist_folders = sorted(path for path in images.iterdir() if path.is_dir())
        for artist_folder in artist_folders:
            found = artists.get(_folder_key(artist_folder.name))
            files = _pictures(artist_folder.iterdir())
            if found is None:
                skipped.append(Skipped(artist_folder, "artist is not in artists.csv, or has no genre there"))
            elif not files:
                skipped.append(Skipped(artist_folder, "folder holds no pictures"))
            else:
                listed |= dict.fromkeys(files, found)
        present = {_folder_key(artist_folder.name) for artist_folder in artist_folders}
        for key, artist in artists.items():
            if key not in present:
                reason = "artist of artists.csv without a folder of pictures"
                skipped.append(Skipped(images / artist.name.replace(" ", "_"), reason))
    contents, unreadable = _read_contents(list(listed), progress)
    if not contents:
        raise CatalogueError(f"no readable pictures in {', '.join(map(str, folders))}")
    paintings = (Painting(path, listed[path].name, listed[path].genres, *content) for path, content in contents.items())
    return Catalogue(tuple(paintings), (*skipped, *unreadable))


def read_artists(folder: Path) -> tuple[Artist, ...]:
    """The artists of ``artists.csv`` in `folder`, with commas, semicolons or tabs between its columns.

    Raises `CatalogueError` where it cannot be read or has not the columns ``name`` and ``genre``.
    """
    path = folder / "artists.csv"
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
    artists = []
    for row in reader:
        name = (row["name"] or "").strip()
        genres = tuple(part.strip() for part in (row["genre"] or "").split(",") if part.strip())
        paintings = (row.get("paintings") or "").strip()
        if name and genres:
            artists.append(Artist(name, genres, int(paintings) if paintings.isdecimal() else None))
    return tuple(artists)


def read_photographs(
    folder: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[dict[Path, str], tuple[Skipped, ...]]:
    """Read the pictures of `folder` and of all folders in it, which show no painting.

    Gives the SHA-256 of each readable content, by path, in a stable order, and what was left out.
    `progress` is called with (files done, files in all).

    Raises `CatalogueError` where there is no readable picture.
    """
    if not folder.is_dir():
        raise CatalogueError(f"{folder}: no such folder; name a folder of photographs")
    contents, skipped = _read_contents(_pictures(folder.rglob("*")), progress)
    if not contents:
        raise CatalogueError(f"{folder}: no readable pictures here; name a folder of photographs")
    return {path: sha256 for path, (sha256, _) in contents.items()}, skipped


def perceptual_hash(picture: Pixels) -> bytes:
    """256 bits that hardly change when a picture is scaled, compressed or recoloured a little.

    Takes RGB ``[height, width, 3]``. Each bit says whether one of the 16 x 16 lowest frequencies of the
    grey thumbnail is above their median (Zauner, "Implementation and Benchmarking of Perceptual Image Hash
    Functions", 2010, section 3.2.1). Empty where the picture is too flat for that to mean anything.
    """
    side = (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)
    thumbnail = cv2.resize(picture, side, interpolation=cv2.INTER_AREA)
    frequencies = cv2.dct(cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY).astype(np.float32))
    lowest = np.asarray(frequencies)[:_FREQUENCIES_SIDE, :_FREQUENCIES_SIDE]
    if np.median(np.abs(lowest)) < _FLAT:
        return b""
    return np.packbits(lowest > np.median(lowest)).tobytes()


def fingerprint(paintings: Iterable[Painting]) -> str:
    """SHA-256 over the content hashes and artists of the paintings, whatever their order and place."""
    rows = sorted(f"{painting.sha256} {painting.artist}" for painting in paintings)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def artist_key(artist: str) -> str:
    """The same for one artist in several folders ("Other Henri Matisse" is Henri Matisse)."""
    return artist.removeprefix("Other ").casefold()


def _images_folder(folder: Path) -> Path:
    for images in (folder / "images" / "images", folder / "images"):
        if images.is_dir():
            return images
    raise CatalogueError(f"{folder}: no folder images/ beside artists.csv")


def _folder_key(name: str) -> str:
    """Folders write underscores for blanks, and some copies of the set break accents."""
    plain = unicodedata.normalize("NFKD", name.replace("_", " "))
    return "".join(character for character in plain.lower() if character.isascii() and character.isalnum())


def _pictures(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES)


def _read_contents(
    paths: Sequence[Path], progress: Callable[[int, int], None] | None
) -> tuple[dict[Path, tuple[str, bytes]], tuple[Skipped, ...]]:
    """SHA-256 and perceptual hash of each readable content, by path, and what was left out."""
    contents: dict[Path, tuple[str, bytes]] = {}
    skipped: list[Skipped] = []
    seen: dict[str, Path] = {}
    for number, path in enumerate(paths):
        if progress is not None:
            progress(number, len(paths))
        try:
            data = path.read_bytes()
            sha256 = hashlib.sha256(data).hexdigest()
            if sha256 in seen:
                skipped.append(Skipped(path, f"same content as {seen[sha256].name}"))
                continue
            contents[path] = sha256, perceptual_hash(decode(data, formats=FOLDER_FORMATS))
            seen[sha256] = path
        except OSError as error:
            skipped.append(Skipped(path, error.strerror or "cannot be opened"))
        except PictureError as error:
            skipped.append(Skipped(path, str(error)))
    if progress is not None:
        progress(len(paths), len(paths))
    return contents, tuple(skipped)
