"""What one benchmark found, as it is written to disk."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

import bundle
from benchmarks.accuracy import FileAccuracy
from benchmarks.latency import FileLatency
from benchmarks.machine import Machine

SCHEMA_VERSION = 1


class ReportError(ValueError):
    """A report cannot be written; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BundleFile(_Part):
    """One model file."""

    path: str
    precision: str
    size_bytes: int
    sha256: str


class BundleFacts(_Part):
    """Which bundle was measured."""

    name: str
    folder: str
    recipe: str
    created: str
    input_size: int
    styles: tuple[str, ...]
    files: tuple[BundleFile, ...]

    @classmethod
    def of(cls, verified: bundle.Bundle) -> BundleFacts:
        """The facts of a bundle and its files."""
        manifest = verified.manifest
        return cls(
            name=manifest.name,
            folder=str(verified.folder),
            recipe=manifest.recipe,
            created=manifest.created.isoformat(),
            input_size=manifest.input_size,
            styles=manifest.styles,
            files=tuple(
                BundleFile(path=file.path, precision=file.precision, size_bytes=file.size_bytes, sha256=file.sha256)
                for file in verified.files
            ),
        )


class Pictures(_Part):
    """How the pictures of the folders were divided; counts of readable pictures, each content once."""

    folders: tuple[str, ...]
    published_test: int
    published_test_listed: int
    """In the manifest, found or not."""
    unseen_artists: int
    other_styles: int
    trained_not_scored: int
    """By artists trained on, and no test pictures."""
    ambiguous_not_scored: int
    """By artists of several styles of which one is a style of the bundle."""
    skipped: tuple[str, ...]
    """Files and folders that could not be used, with the reason."""


class PhotographCounts(_Part):
    """How the photographs were divided."""

    folder: str
    unseen: int
    seen: int
    """Met in training or calibration, by the manifest's ``photographs_seen_share``."""
    skipped: tuple[str, ...]


class Report(_Part):
    """All that one run of the benchmarks found. Times are milliseconds, sizes bytes, shares 0-1."""

    schema_version: Literal[1] = 1
    machine: Machine
    bundle: BundleFacts
    allow_spinning: bool = False
    """``session.intra_op.allow_spinning``: off, as in the kiosk."""
    rounds: int
    latency: tuple[FileLatency, ...]
    pictures: Pictures | None
    photographs: PhotographCounts | None
    accuracy: dict[str, FileAccuracy]
    """By file name, measured now; empty where there were no pictures."""
    recorded_hold_outs: dict[str, FileAccuracy]
    """From the manifest, not measured now: by precision, and for the linear probes."""
    notes: tuple[str, ...]
    """What could not be measured, on one line each."""
    contradictions: tuple[str, ...]
    """Where the manifest claims another published-test accuracy than was measured."""

    def write(self, path: Path) -> None:
        """Write JSON to `path`, whole or not at all; raises `ReportError`."""
        write(self, path)


def write(report: BaseModel, path: Path) -> None:
    """Write any report as JSON to `path`, whole or not at all; raises `ReportError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(report.model_dump_json(indent=2) + "\n")
            Path(name).chmod(0o644)  # mkstemp's file is for the owner alone
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ReportError(f"{path}: the report cannot be written ({error.strerror or error})") from error


def default_path(name: str, machine: Machine, what: str = "bench", conditions: tuple[str, ...] = ()) -> Path:
    """``reports/WHAT-BUNDLE-CONDITIONS-CPU-DATE.json``; DATE has seconds, so that no report replaces another."""
    words = (name, *conditions, machine.cpu, machine.date.strftime("%Y%m%dT%H%M%SZ"))
    slug = "-".join(re.sub(r"[^A-Za-z0-9._]+", "_", word).strip("_.") for word in words)
    return Path("reports") / f"{what}-{slug}.json"


def check_writable(path: Path) -> None:
    """Raise `ReportError` now rather than after minutes of measuring."""
    if path.is_dir():
        raise ReportError(f"{path}: is a folder; --json names a file")
    parent = path.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise ReportError(f"{path}: {parent} is no folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ReportError(f"{path}: no right to write in {parent}")


def find_contradictions(manifest: bundle.Manifest, accuracy: dict[str, FileAccuracy]) -> tuple[list[str], list[str]]:
    """Compare the published-test accuracy of each file with the manifest's claim.

    Returns (contradictions, notes); counts must be equal, and only the whole set can be compared.
    """
    contradictions, notes = [], []
    for file in manifest.files:
        claim = file.metrics.published_test
        measured = accuracy[file.path].published_test if file.path in accuracy else None
        if claim is None or measured is None:
            continue
        found = bundle.Count(correct=measured.accuracy.correct or 0, total=measured.accuracy.total)
        if found.total < claim.accuracy.total:
            notes.append(
                f"{file.path}: the manifest's published-test accuracy is not compared:"
                f" {found.total} of its {claim.accuracy.total} pictures were found"
            )
        elif found != claim.accuracy:
            contradictions.append(
                f"{file.path}: measured {found} on the published test, but the manifest claims {claim.accuracy}"
            )
    return contradictions, notes
