"""What the files of a bundle answer to the reference pictures, for `bundle.reference`."""

from __future__ import annotations

import os
from pathlib import Path

import bundle
from bundle import runtimes
from bundle.folder import MANIFEST_NAME
from bundle.reference import Reference, reference_pictures
from export.loading import load


def answers(model: runtimes.Runtime, size: int) -> Reference:
    """The answers of a file that was loaded on this machine's CPU; `size` is that of its input."""
    # One by one, as a kiosk asks.
    outputs = runtimes.run_in_batches(model, reference_pictures(size), ("probabilities", "known"), batch=1)
    return Reference.of(outputs["probabilities"], outputs["known"])


def add_to(folder: Path) -> bundle.Manifest:
    """Write into the manifest of an existing bundle what its files answer on this machine's CPU, which is taken
    to be right; all else stays as it is. A signature of the bundle no longer holds and must be made anew.

    Raises `BundleError` or `CannotLoad`; the manifest is then as it was.
    """
    verified = bundle.load(folder)
    manifest = verified.manifest
    files = []
    for file in manifest.files:
        model = load(verified.contents[file.path], file.format)
        files.append(file.model_copy(update={"reference": answers(model, manifest.input_size)}))
    manifest = manifest.model_copy(update={"files": tuple(files)})
    new = folder / f".{MANIFEST_NAME}.new"
    # Without what an older export did not know of.
    new.write_text(manifest.model_dump_json(indent=2, exclude_unset=True) + "\n", encoding="utf-8")
    os.replace(new, folder / MANIFEST_NAME)
    return manifest
