"""A run, ``runs/NAME/``: everything that export, reports and a second look need.

========================  ==========================================================================
``run.json``              recipe, settings, seed, data, versions, state, seconds, hash of the weights
``split.csv``             every picture with its content hash, label and part
``weights.weights.h5``    the trained network (Keras); rebuilt with the recipe
``calibration.json``      temperature, Platt scaling and threshold of the float network
``outputs.npy``           its logits for every picture of ``split.csv``, float32 ``[n, outputs]``
``metrics.json``          each set apart, per style, with counts; beside it the linear probe's, and those of the
                          pictures as a camera gives them, where the recipe is for these
``open-set.json``         several scores that tell the styles from none of them, compared
``log.csv``               loss and accuracy by epoch
``tensorboard/``          the same for TensorBoard, where TensorFlow is the backend
``plots/``                confusion matrix, reliability diagram, learning curve
``checkpoint/``           the last whole epoch, while the run is not finished
========================  ==========================================================================
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.dataset import Dataset
from train.recipes import RECIPES, Recipe


class RunError(ValueError):
    """A run cannot be used; the message is one line with the way out."""


@dataclass(frozen=True)
class Run:
    """Paths and records of one run."""

    folder: Path

    @property
    def facts_path(self) -> Path:
        return self.folder / "run.json"

    @property
    def split_path(self) -> Path:
        return self.folder / "split.csv"

    @property
    def weights_path(self) -> Path:
        return self.folder / "weights.weights.h5"

    @property
    def calibration_path(self) -> Path:
        return self.folder / "calibration.json"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def outputs_path(self) -> Path:
        return self.folder / "outputs.npy"

    @property
    def facts(self) -> dict[str, Any]:
        """``run.json``; raises `RunError` where there is none."""
        try:
            facts: dict[str, Any] = json.loads(self.facts_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.folder}: no run here; `make train` makes one") from error
        return facts

    @property
    def recipe(self) -> Recipe:
        """The recipe as it was when the run began."""
        settings = self.facts["recipe"]
        try:
            return Recipe(**settings)
        except TypeError as error:
            raise RunError(f"{self.folder}: made by another version of train/; train it again") from error

    @property
    def styles(self) -> tuple[str, ...]:
        return tuple(self.facts["styles"])

    @property
    def finished(self) -> bool:
        return self.facts_path.exists() and self.facts.get("state") == "finished"

    def dataset(self) -> Dataset:
        """The pictures and their parts; raises `DatasetError`."""
        return Dataset.from_split(self.split_path, self.styles)

    def check_weights(self) -> None:
        """Raise `RunError` unless the run is finished and its weights are those that it was measured with."""
        if not self.finished:
            raise RunError(f"{self.folder}: not finished; run the same `make train` again to resume it")
        if sha256_of(self.weights_path) != self.facts["weights_sha256"]:
            raise RunError(f"{self.weights_path}: altered since the run was measured; train it again")

    def record(self, **facts: Any) -> None:
        """Add to ``run.json``."""
        known = self.facts if self.facts_path.exists() else {}
        write_json(self.facts_path, known | facts)


def find_run(name_or_path: str, runs: Path) -> Run:
    """A run by name in `runs` or by path; raises `RunError`."""
    for folder in (Path(name_or_path), runs / name_or_path):
        if (folder / "run.json").exists():
            return Run(folder)
    held = ", ".join(sorted(path.parent.name for path in runs.glob("*/run.json"))) or "none yet"
    raise RunError(
        f"no run {name_or_path}, by name or as a path (runs in {runs}: {held}; recipes: {', '.join(RECIPES)})"
    )


def write_json(path: Path, value: Any) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content; raises `RunError` where it is missing."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from error
