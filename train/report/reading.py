"""Finished runs from disk, checked, without needing the paintings."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train.calibration import Calibration
from train.dataset import Dataset, DatasetError
from train.recipes import STYLES
from train.run import Run, RunError


class ReportError(ValueError):
    """No report can be made; the message is one line with the way out."""


class LeftOut(ValueError):
    """One run cannot be used; the message says why, in a few words."""


@dataclass(frozen=True)
class FinishedRun:
    """A run with all that the report needs."""

    name: str
    facts: dict[str, Any]
    dataset: Dataset
    outputs: np.ndarray
    """Raw logits of every example, float ``[n, styles]`` or ``[n, styles + 1]``."""
    calibration: Calibration
    history: tuple[dict[str, float | None], ...]
    """``log.csv`` by epoch; empty where there is none."""

    @property
    def recipe(self) -> str:
        return self.facts["recipe"]["name"]

    @property
    def kind(self) -> str:
        """``cross-validation``, ``unseen artists`` (some are held out) or ``published split``."""
        if self.facts.get("fold"):
            return "cross-validation"
        hold_out = self.facts.get("hold_out") or {}
        return "unseen artists" if hold_out.get("groups") or hold_out.get("names") else "published split"


def read_runs(folder: Path) -> tuple[list[FinishedRun], list[dict[str, str | None]]]:
    """All usable runs in `folder` by name, and those left out as ``{run, recipe, reason}``.

    Raises `ReportError` where there is no such folder.
    """
    if not folder.is_dir():
        raise ReportError(f"{folder}: no such folder; `make train` makes runs, --runs names another folder")
    usable, left_out = [], []
    for facts_path in sorted(folder.glob("*/run.json")):
        try:
            usable.append(read_run(facts_path.parent))
        except LeftOut as reason:
            recipe = _recipe_name(facts_path)
            left_out.append({"run": facts_path.parent.name, "recipe": recipe, "reason": str(reason)})
    # Figures of different styles cannot stand in one table: the published six go before merged ones.
    reference = next((run for run in usable if run.dataset.styles == STYLES), usable[0] if usable else None)
    for run in usable:
        if run.dataset.styles != reference.dataset.styles:
            reason = f"its styles are not those of {reference.name}"
            left_out.append({"run": run.name, "recipe": run.recipe, "reason": reason})
    usable = [run for run in usable if run.dataset.styles == reference.dataset.styles]
    return usable, sorted(left_out, key=lambda run: str(run["run"]))


def read_run(folder: Path) -> FinishedRun:
    """One run; raises `LeftOut`."""
    run = Run(folder)
    try:
        facts = run.facts
        if facts.get("state") != "finished":
            raise LeftOut("not finished")
        styles = tuple(facts["styles"])
        str(facts["recipe"]["name"])
    except (RunError, KeyError, TypeError, AttributeError) as error:
        raise LeftOut("run.json is not readable") from error
    dataset = read_split(run.split_path, styles)
    outputs = _read_outputs(folder / "outputs.npy", len(dataset.examples), len(styles))
    return FinishedRun(
        folder.name, facts, dataset, outputs, _read_calibration(run.calibration_path), read_history(folder / "log.csv")
    )


def read_ablation(path: Path) -> dict[str, Any] | None:
    """What ``python -m train ablate`` wrote; None where it did not run. Raises `ReportError`."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ReportError(f"{path}: not readable ({error}); delete it, or run python -m train ablate again") from error


def read_split(path: Path, styles: tuple[str, ...]) -> Dataset:
    """A ``split.csv`` whose pictures may be gone: labels and parts are enough here. Raises `LeftOut`."""
    if not path.is_file():
        raise LeftOut("no split.csv")
    try:
        return Dataset.from_split(path, styles, pictures_needed=False)
    except DatasetError as error:
        raise LeftOut("split.csv is not readable") from error


def read_history(path: Path) -> tuple[dict[str, float | None], ...]:
    """``log.csv`` as one dict an epoch; a run that was resumed may hold an epoch twice: the later counts."""
    epochs: dict[int, dict[str, float | None]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                values = {name: _number(row.get(name)) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
                epochs[int(float(row["epoch"]))] = {"epoch": int(float(row["epoch"])) + 1, **values}
    except (OSError, KeyError, ValueError, TypeError, csv.Error):
        return ()
    return tuple(epochs[number] for number in sorted(epochs))


def _read_outputs(path: Path, examples: int, styles: int) -> np.ndarray:
    if not path.is_file():
        raise LeftOut("no outputs.npy (made by an older version of train/; train it again)")
    try:
        outputs = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise LeftOut("outputs.npy is not readable") from error
    if outputs.ndim != 2 or outputs.shape[0] != examples or outputs.shape[1] not in (styles, styles + 1):
        shape = "x".join(map(str, outputs.shape))
        raise LeftOut(f"outputs.npy is {shape}, and split.csv has {examples} pictures of {styles} styles")
    if not np.isfinite(outputs).all():
        raise LeftOut("outputs.npy holds values that are no numbers: the training diverged")
    return outputs.astype(np.float64)


def _read_calibration(path: Path) -> Calibration:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        # Fields that a later version adds do not concern the report.
        return Calibration(**{field.name: record[field.name] for field in dataclasses.fields(Calibration)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeftOut("no readable calibration.json") from error


def _recipe_name(facts_path: Path) -> str | None:
    try:
        return str(json.loads(facts_path.read_text(encoding="utf-8"))["recipe"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
