"""Reports on disk: whole or not at all, under names that carry their conditions."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from pydantic import BaseModel

from benchmarks import BenchmarkError
from benchmarks.machine import Machine


class ReportError(BenchmarkError):
    """A report cannot be written; the message is one line."""


def write(report: BaseModel, path: Path) -> None:
    """Write any report as JSON to `path`, whole or not at all; raises `ReportError`."""
    write_text(report.model_dump_json(indent=2) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write `text` to `path`, whole or not at all; raises `ReportError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
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
