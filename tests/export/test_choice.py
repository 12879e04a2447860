"""Which run is exported where none is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from export.choice import best_resnet50
from train.dataset import Dataset, Example, Part
from train.recipes import RECIPES, STYLES
from train.run import Run, RunError


def finished(folder: Path, recipe: str, right: int, **facts: object) -> Run:
    """A run of `recipe` that names `right` of its ten validation pictures right."""
    run = Run(folder)
    picture = folder.with_suffix(".png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(b"")
    example = Example(picture, "An Artist", STYLES[0], "0" * 64, published=True, part=Part.VALIDATION)
    dataset = Dataset(STYLES, (example,) * 10)
    run.record(state="finished", styles=STYLES, recipe=dataclasses.asdict(RECIPES[recipe]), **facts)
    dataset.write(run.split_path)
    outputs = np.zeros((10, len(STYLES)), np.float32)
    outputs[np.arange(10), [0] * right + [1] * (10 - right)] = 1
    np.save(run.outputs_path, outputs)
    return run


def test_the_best_on_validation_is_taken_whatever_kind_of_resnet50_it_is(tmp_path: Path) -> None:
    runs = [
        finished(tmp_path / "resnet50", "resnet50", 6),
        finished(tmp_path / "resnet50_fine_tuned", "resnet50_fine_tuned", 9),
        finished(tmp_path / "resnet50_distilled", "resnet50_distilled", 7),
        finished(tmp_path / "efficientnet_lite0", "efficientnet_lite0", 10),
        finished(tmp_path / "resnet50-fold-1-of-10", "resnet50", 10, fold={"number": 1, "folds": 10}),
        finished(tmp_path / "resnet50-1-of-4", "resnet50", 10, hold_out={"group": 1, "groups": 4}),
    ]
    best, compared = best_resnet50(runs, pytest.fail)
    assert best.folder.name == "resnet50_fine_tuned"
    assert [(run.folder.name, count.correct) for run, count in compared] == [
        ("resnet50_fine_tuned", 9),
        ("resnet50_distilled", 7),
        ("resnet50", 6),
    ]


def test_without_one_there_is_nothing_to_take(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no finished ResNet50 run"):
        best_resnet50([finished(tmp_path / "cnn", "cnn", 9)], pytest.fail)


def test_runs_that_cannot_be_read_are_named_and_left_out(tmp_path: Path) -> None:
    good, without_outputs, of_another_version = (
        finished(tmp_path / name, "resnet50", 9) for name in ("good", "without_outputs", "of_another_version")
    )
    without_outputs.outputs_path.unlink()
    of_another_version.record(recipe={"a setting that is gone": 1})
    told: list[str] = []
    best, compared = best_resnet50([without_outputs, of_another_version, good], told.append)
    assert best.folder == good.folder and len(compared) == 1
    assert "outputs.npy cannot be read" in told[0] and "another version" in told[1]
