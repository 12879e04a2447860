"""What a user would take in place of a bundle's files, made on this machine: one small module each.

A module of this package has one ``make(source, folder) -> Made``, and ``NAME``, ``PACKAGES`` and ``REASON``; to add a
peer is to add a module. `make` runs in a process of its own (``python -m benchmarks.peers NAME FOLDER``), once for each
source: what it made is kept in a cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from benchmarks import BenchmarkError
from benchmarks.latency import worker_environment
from benchmarks.runtimes import installed_version

_MADE_NAME = "made.json"
_KEY_DIGITS = 16


# A day.
_RETRIED_AFTER_S = 86_400.0


class PeerError(BenchmarkError):
    """A peer cannot be had; the message is one line."""


@dataclass(frozen=True)
class Source:
    """What a peer may be made of."""

    fp32: Path
    """The bundle's float ONNX file."""
    styles: tuple[str, ...]
    size: int
    """Pixels of a side of the network's input."""
    paintings: tuple[tuple[Path, int], ...]
    """Pictures that are judged by no set, each with the index of its style."""


class Made(BaseModel):
    """The file of a peer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """Its name in the folder."""
    format: str
    precision: str
    size: int
    """Pixels of a side of its input."""
    outputs: tuple[str, ...]
    network: str
    """Empty where it is the bundle's own; else what it is instead."""
    note: str
    """What a reader must know: how it was made, and what it lacks. Empty where nothing."""
    accuracy: bool = True
    """Whether its accuracy is a figure; else it was made for latency and size alone."""
    size_bytes: int = 0
    """Of all that belongs to it: OpenVINO's own are two files. `made` fills it in."""


class Peer(Protocol):
    """A module of this package."""

    NAME: str
    """As a report has it: ``NNCF int8``."""
    PACKAGES: tuple[str, ...]
    """The distributions that making one takes."""
    REASON: str
    """Why a user would take it."""

    def make(self, source: Source, folder: Path) -> Made:
        """Write the peer's file to `folder`; raises whatever its library raises."""
        ...


def all_peers() -> dict[str, Peer]:
    """The modules of this package, by their own name."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: import_module(f"{__name__}.{name}") for name in modules}


def default_cache() -> Path:
    """Where peers are kept: ``$XDG_CACHE_HOME/vernissage/peers``, or below ``~/.cache``."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # As the XDG specification has it, a path that is not absolute counts as none.
    return (named if named.is_absolute() else Path.home() / ".cache") / "vernissage" / "peers"


def made(name: str, source: Source, cache: Path, progress: Callable[[str], None]) -> tuple[Path, Made]:
    """The file of the peer `name` for `source`, made in a process of its own where `cache` does not hold it.

    It is kept by what it was made of: the bytes of `source.fp32`, the paths and sizes of the paintings, and the
    module and packages that made it. One without accuracy is kept for a day: perhaps what it lacked is there then.
    `progress` is called with a line before it is made, which may take minutes. Raises `PeerError`.
    """
    try:
        peer = all_peers()[name]
    except KeyError:
        raise PeerError(f"{name}: no such peer (there are {', '.join(all_peers())})") from None
    absent = [package for package in peer.PACKAGES if installed_version(package) is None]
    if absent:
        raise PeerError(f"{peer.NAME}: not installed (pip install {' '.join(absent)})")
    try:
        folder = cache / f"{name}-{_key(name, peer, source)[:_KEY_DIGITS]}"
        found = _kept(folder)
        if found is None:
            progress(f"{peer.NAME}: making it of {len(source.paintings)} paintings")
            found = _make(name, peer, source, folder)
    except OSError as error:
        raise PeerError(f"{peer.NAME}: {error}") from error
    return folder / found.file, found


def evenly(paintings: tuple[tuple[Path, int], ...], at_most: int) -> tuple[tuple[Path, int], ...]:
    """So many of all, from the first to the last: they come style by style."""
    count = min(at_most, len(paintings))
    return tuple(paintings[number * len(paintings) // count] for number in range(count))


def _key(name: str, peer: Peer, source: Source) -> str:
    """SHA-256 over what a peer is made of and by."""
    module = sys.modules[f"{__name__}.{name}"].__file__
    assert module is not None
    described = {
        "module": [name, hashlib.sha256(Path(module).read_bytes()).hexdigest()],
        "packages": {package: installed_version(package) for package in peer.PACKAGES},
        "fp32": hashlib.sha256(source.fp32.read_bytes()).hexdigest(),
        "styles": source.styles,
        "size": source.size,
        "paintings": [(str(path.absolute()), path.stat().st_size, style) for path, style in source.paintings],
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _kept(folder: Path) -> Made | None:
    """What `folder` holds; None where it is not there, or not whole."""
    try:
        found = Made.model_validate_json((folder / _MADE_NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    file = folder / found.file
    if not file.is_file() or (not found.accuracy and time.time() - file.stat().st_mtime > _RETRIED_AFTER_S):
        return None
    return found


def _make(name: str, peer: Peer, source: Source, folder: Path) -> Made:
    """Make it beside `folder`, and put it in its place in one step."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as work:
        new = Path(work) / "new"
        new.mkdir()
        found = _run(name, peer, source, new)
        size_bytes = sum(path.stat().st_size for path in new.iterdir())
        found = found.model_copy(update={"size_bytes": size_bytes})
        (new / _MADE_NAME).write_text(found.model_dump_json(), encoding="utf-8")
        if folder.exists():  # an earlier one, or that of another process
            shutil.move(folder, Path(work) / "old")
        os.replace(new, folder)
    return found


def _run(name: str, peer: Peer, source: Source, folder: Path) -> Made:
    done = subprocess.run(
        [sys.executable, "-m", __name__, name, str(folder)],
        input=TypeAdapter(Source).dump_json(source).decode() + "\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=worker_environment(),
    )
    try:
        reply = json.loads(done.stdout)
        if "error" in reply:
            raise PeerError(f"{peer.NAME}: {reply['error']}")
        return Made.model_validate(reply)
    except (json.JSONDecodeError, ValidationError) as error:
        said = done.stderr.strip().splitlines()
        last = f": {said[-1]}" if said else ""
        raise PeerError(f"{peer.NAME}: its process ended with exit code {done.returncode}{last}") from error
