"""Which run is exported where none is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bundle import Count
from train.dataset import DatasetError, Part
from train.run import Run, RunError


def best_resnet50(runs: list[Run], left_out: Callable[[str], None]) -> tuple[Run, list[tuple[Run, Count]]]:
    """The finished ResNet50 run with the highest accuracy on its validation pictures of the styles, and
    all that were compared, best first. Runs of folds and hold-outs are no candidates.

    `left_out` is told of each run that cannot be read. Raises `RunError` where there is no candidate.
    """
    compared = []
    for run in runs:
        try:
            if run.finished and "resnet50" in run.recipe.network and not _is_part(run):
                compared.append((run, validation_accuracy(run)))
        except (RunError, DatasetError) as error:
            left_out(str(error))
    if not compared:
        raise RunError(
            "no finished ResNet50 run to export: train one (make train RECIPE=resnet50_pretrained DATA=...),"
            " or name another run (make export RUN=NAME)"
        )
    compared.sort(key=lambda entry: entry[1].rate, reverse=True)
    return compared[0][0], compared


def validation_accuracy(run: Run) -> Count:
    """Of a run's own network, on the validation pictures of the published split."""
    dataset = run.dataset()
    # Of the published split alone, which all runs share: some have further validation pictures, harder ones.
    rows = dataset.where(lambda example: example.part is Part.VALIDATION and example.published)
    rows = rows[dataset.labels[rows] < len(dataset.styles)]
    try:
        logits = np.load(run.outputs_path)[rows, : len(dataset.styles)]
    except (OSError, ValueError, IndexError) as error:
        raise RunError(f"{run.folder}: its {run.outputs_path.name} cannot be read; train it again") from error
    return Count(correct=int((logits.argmax(axis=1) == dataset.labels[rows]).sum()), total=len(rows))


def _is_part(run: Run) -> bool:
    """Whether the run leaves pictures out on purpose, to be judged by."""
    return bool(run.facts.get("fold") or (run.facts.get("hold_out") or {}).get("groups"))
