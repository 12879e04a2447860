"""A bundle on disk: loading it, and refusing one that is not what its manifest says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bundle.hardware import targets_here
from bundle.manifest import LocatorFile, Manifest, ManifestError, ModelFile
from bundle.onnx_file import NotOnnx, has_external_data

MANIFEST_NAME = "bundle.json"
CARD_NAME = "MODEL_CARD.md"

# A manifest is some tens of kilobytes; more than this is a mistake or an attack.
MAX_MANIFEST_BYTES = 8_000_000


class BundleError(ValueError):
    """A folder is no usable bundle; the message is one line that names the folder and the fault."""


class FileMissing(BundleError):
    """The manifest names a file that is not there."""


class FileAltered(BundleError):
    """A file's size or SHA-256 is not the manifest's."""


class FileOutside(BundleError):
    """A file is a link, or lies outside the bundle's folder."""


class ExternalData(BundleError):
    """An ONNX file keeps weights in other files, which the manifest's hash would not cover."""


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. `contents` holds the very bytes that were hashed, so that what is verified is
    what runs, whatever happens to the folder afterwards."""

    folder: Path
    manifest: Manifest
    contents: dict[str, bytes]

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The files that were loaded, in the manifest's order."""
        return tuple(file for file in self.manifest.files if file.path in self.contents)

    def file(self, precision: str, format: str = "onnx") -> ModelFile:
        """The loaded file of that precision; where there are several, the one made for a machine like this.
        Raises `BundleError` if there is none."""
        found = [file for file in self.files if (file.precision, file.format) == (precision, format)]
        if found:
            best = targets_here()
            return min(found, key=lambda file: best.index(file.target) if file.target in best else len(best))
        held = ", ".join(f"{file.format} {file.precision}" for file in self.manifest.files)
        raise BundleError(f"{self.folder}: no {format} file of precision {precision} (it holds {held})")


def load(folder: Path, wanted: Callable[[ModelFile], bool] = lambda file: True) -> Bundle:
    """Read and verify the bundle in `folder`.

    `wanted` says which model files are read and verified: a kiosk needs one of them, and fp32 files are large. The
    locator, where there is one, always is.

    Raises `BundleError`: `FileMissing`, `FileAltered`, `FileOutside`, `ExternalData`, or the class
    itself for a folder without a manifest or with one that breaks the schema.
    """
    manifest_path = folder / MANIFEST_NAME
    if manifest_path.is_symlink():
        raise FileOutside(f"{folder}: {MANIFEST_NAME} is a link")
    try:
        if manifest_path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{folder}: {MANIFEST_NAME} is over {MAX_MANIFEST_BYTES:,} bytes")
        manifest = Manifest.from_json(manifest_path.read_bytes())
    except OSError as error:
        raise BundleError(f"{folder}: no bundle here ({MANIFEST_NAME}: {error.strerror})") from error
    except ManifestError as error:
        raise BundleError(f"{folder}: {MANIFEST_NAME} is not valid: {error}") from error
    files: list[ModelFile | LocatorFile] = [file for file in manifest.files if wanted(file)]
    if manifest.locator:
        files.append(manifest.locator)
    return Bundle(folder, manifest, {file.path: _verified(folder, file) for file in files})


def _verified(folder: Path, file: ModelFile | LocatorFile) -> bytes:
    path = folder / file.path
    if path.is_symlink() or path.resolve().parent != folder.resolve():
        raise FileOutside(f"{folder}: {file.path} is a link or lies outside the folder")
    try:
        if path.stat().st_size != file.size_bytes:
            raise FileAltered(f"{folder}: {file.path} has another size than the manifest says")
        content = path.read_bytes()
    except OSError as error:
        raise FileMissing(f"{folder}: {file.path} is missing ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise FileAltered(f"{folder}: {file.path} has another SHA-256 than the manifest says")
    if file.format == "onnx":
        try:
            if has_external_data(content):
                raise ExternalData(f"{folder}: {file.path} keeps weights outside the file")
        except NotOnnx as error:
            raise FileAltered(f"{folder}: {file.path} is no ONNX file") from error
    return content
