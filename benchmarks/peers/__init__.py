"""What a user would take in place of a bundle's files, made on this machine: one small module each.

A module of this package has one ``make(source, folder) -> Made``, and ``NAME``, ``PACKAGES`` and ``REASON``; to add a
peer is to add a module. `make` runs in a process of its own (``python -m benchmarks.peers NAME``), once for each
source: what it made is kept in a cache.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict


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
    return {name: import_module(f"{__name__}.{name}") for name in modules}  # type: ignore[misc]
