"""Libraries that run model files, one small module each, behind one interface.

A module of this package lists in ``RUNTIMES`` what it has: to add a library is to add a module. Libraries are imported
where a file is loaded, in a process of its own, so one that is not installed hinders no other.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Outputs = dict[str, npt.NDArray[np.float32]]

ALL_CORES = 0
"""For `threads`: as many as this process may use."""


@dataclass(frozen=True)
class Model:
    """A model file that is to be run."""

    path: Path
    """The file itself, checked against its manifest."""
    format: str
    """``onnx``, ``tflite``, ``keras``; ``openvino`` for OpenVINO's own."""
    precision: str
    """As a manifest has it: ``fp32``, ``fp16``, ``int8``."""
    size: int
    """Pixels of a side of its input, uint8 RGB ``[n, size, size, 3]``."""
    outputs: tuple[str, ...]
    """Names of those that are asked for."""


class Loaded(Protocol):
    """One model file, ready in one library."""

    def predict(self, pixels: Pixels) -> Outputs:
        """The outputs by name for uint8 RGB ``[n, size, size, 3]``."""
        ...

    def describe(self) -> dict[str, str]:
        """What is behind the figures, for the report: device, arithmetic, settings that are not the default."""
        ...


class Runtime(Protocol):
    """One library, in one of the ways that it can be used."""

    name: str
    """As a report has it: ``onnxruntime CPU``."""
    packages: tuple[str, ...]
    """The distributions that it comes with, the one whose version counts first."""
    formats: tuple[str, ...]
    """Of the files that it reads."""
    precisions: tuple[str, ...]
    """Of the files that it is tried with; none: all."""
    sets_threads: bool
    """Whether it is timed with one thread too; else with its own default alone."""

    def unusable(self) -> str | None:
        """Why it cannot be used on this machine though it is installed; None where it can."""
        ...

    def load(self, model: Model, threads: int) -> Loaded:
        """Load a file; raises whatever the library raises."""
        ...


def all_runtimes() -> tuple[Runtime, ...]:
    """Those of all modules of this package, by name of the module."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(runtime for name in modules for runtime in import_module(f"{__name__}.{name}").RUNTIMES)


def missing(runtime: Runtime) -> str | None:
    """Why a runtime cannot be used here, with the way out; None where it can."""
    absent = [package for package in runtime.packages if installed_version(package) is None]
    if absent:
        return f"not installed (pip install {' '.join(absent)})"
    return runtime.unusable()


def installed_version(package: str) -> str | None:
    """Of a distribution; None where it is not installed. Nothing is imported."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def one_by_one(answers: Sequence[Outputs]) -> Outputs:
    """The outputs of single pictures as those of a batch."""
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}
