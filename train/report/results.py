"""Every figure of the report, from finished runs to one dict that is plain JSON.

Nothing in it depends on the day or the folder it was made in, so the same runs give the same file.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t
from sklearn.metrics import confusion_matrix, f1_score

import bundle
from bundle.metrics import expected_calibration_error
from train import evaluation
from train.calibration import Calibration
from train.dataset import Part
from train.report import published
from train.report.comparisons import CROSS_VALIDATION, PUBLISHED_SPLIT, PictureSets, compare
from train.report.reading import FinishedRun

SCHEMA_VERSION = 1

RELIABILITY_BINS = 10
MISTAKES_SHOWN = 8
DECIMALS = 6  # of every float in the file: more is noise of the last bits, which differs by machine

_UNSEEN = "unseen artists"

# What two runs have in common that are one training done twice.
_SAME_TRAINING = ("recipe", "bagging", "seed", "fingerprint", "device", "versions", "weights_from")

# Facts of a run that are quoted as they are, where the run has them.
_QUOTED = (
    "seed",
    "device",
    "seconds",
    "energy_joules",
    "epochs_run",
    "stopped_early",
    "started_from",
    "weights_from",
    "share_of_fine_tuned_weights",
    "weights_sha256",
    "versions",
    "fold",
)


def compute(
    runs: Sequence[FinishedRun], left_out: Sequence[Mapping[str, str | None]], notes: Mapping[str, str]
) -> dict[str, Any]:
    """All figures of `runs`; `notes` say, by recipe, why one is missing or what is peculiar to it."""
    by_recipe: dict[str, list[FinishedRun]] = {}
    for run in runs:
        by_recipe.setdefault(run.recipe, []).append(run)
    known = [*published.TITLES, *notes, *(str(run["recipe"]) for run in left_out if run["recipe"])]
    pictures = PictureSets()
    order = in_order(by_recipe.keys() | set(known))
    recipes = [_recipe(name, by_recipe.get(name, []), notes.get(name), pictures) for name in order]
    headlines = {recipe["headline"] for recipe in recipes}
    records = [_run(run, run.name in headlines, pictures) for run in runs]
    results = {
        "schema_version": SCHEMA_VERSION,
        "published": published.as_json(),
        "styles": list(runs[0].dataset.styles) if runs else list(published.TEST_PICTURES),
        "recipes": recipes,
        "runs": records,
        "comparisons": compare(recipes, records, pictures),
        "picture_sets": dict(sorted(pictures.table.items())),
        "left_out": [dict(run) for run in left_out],
    }
    return jsonable(results)


def in_order(recipes: Iterable[str]) -> list[str]:
    """Names of recipes as the report has them: those with a title, and then others by name."""
    return list(dict.fromkeys([*published.TITLES, *sorted(recipes)]))


def count(correct: int, total: int) -> dict[str, Any]:
    """So many of so many with the 95 % Wilson interval; rate and interval are None where total is 0."""
    counted = bundle.Count(correct=int(correct), total=int(total))
    low, high = counted.interval if counted.total else (None, None)
    rate = counted.rate if counted.total else None
    return {"correct": counted.correct, "total": counted.total, "rate": rate, "low": low, "high": high}


def scores_of_confusion(confusion: np.ndarray, styles: Sequence[str]) -> dict[str, Any]:
    """Accuracy, recall and their means from counts ``[styles, styles]``, truth in rows.

    Macro-F1 and balanced accuracy (the mean recall) are over the styles that have pictures.
    """
    truth = np.repeat(np.arange(len(styles)), confusion.sum(axis=1))
    answers = np.concatenate([np.repeat(np.arange(len(styles)), row) for row in confusion])
    present = np.flatnonzero(confusion.sum(axis=1))
    return {
        "pictures": len(truth),
        "accuracy": count(np.trace(confusion), len(truth)),
        "recall": {style: count(confusion[i, i], confusion[i].sum()) for i, style in enumerate(styles)},
        "macro_f1": f1_score(truth, answers, labels=present, average="macro", zero_division=0.0)
        if len(present)
        else None,
        "balanced_accuracy": np.mean([confusion[i, i] / confusion[i].sum() for i in present]) if len(present) else None,
        "confusion": confusion,
    }


def mean_over(values: Sequence[float]) -> dict[str, Any]:
    """Mean of shares over folds or groups, with spread and, from two on, the 95 % interval of Student's t,
    cut off at 0 and 1."""
    n = len(values)
    mean = float(np.mean(values))
    spread = float(np.std(values, ddof=1)) if n > 1 else None
    half = float(t.ppf(0.975, n - 1)) * spread / math.sqrt(n) if spread is not None else None
    return {
        "n": n,
        "mean": mean,
        "standard_deviation": spread,
        "low": None if half is None else max(0.0, mean - half),
        "high": None if half is None else min(1.0, mean + half),
        "minimum": min(values),
        "maximum": max(values),
    }


class _Scored:
    """One set of pictures of the styles, as one run answers it."""

    def __init__(self, run: FinishedRun, part: Part):
        styles = run.dataset.styles
        labels = run.dataset.labels
        parts = np.array([example.part for example in run.dataset.examples])
        where = np.flatnonzero((parts == part) & (labels < len(styles)))
        self.styles = styles
        self.examples = [run.dataset.examples[index] for index in where]
        self.labels = labels[where]
        logits = run.outputs[where][:, : len(styles)]
        self.before = _uncalibrated(run.calibration).probabilities(logits)
        self.after = run.calibration.probabilities(logits)
        # Dividing by a temperature changes no answer.
        self.answers = self.after.argmax(axis=1) if len(where) else np.empty(0, int)

    @property
    def confusion(self) -> np.ndarray:
        return confusion_matrix(self.labels, self.answers, labels=range(len(self.styles)))

    @property
    def right(self) -> dict[str, bool]:
        """Whether the answer is right, by content hash of the picture."""
        return {
            example.sha256: bool(label == answer)
            for example, label, answer in zip(self.examples, self.labels, self.answers, strict=True)
        }


def _uncalibrated(calibration: Calibration) -> Calibration:
    return Calibration(calibration.styles, 1.0, calibration.known_scale, calibration.known_offset, 0.5)


def _score(sets: Sequence[_Scored], detailed: bool = True) -> dict[str, Any] | None:
    """The figures of one set of pictures, or of several disjoint ones taken together."""
    sets = [scored for scored in sets if scored.examples]
    if not sets:
        return None
    labels = np.concatenate([scored.labels for scored in sets])
    before = np.concatenate([scored.before for scored in sets])
    after = np.concatenate([scored.after for scored in sets])
    result = scores_of_confusion(sum(scored.confusion for scored in sets), sets[0].styles)
    result["ece_before"] = expected_calibration_error(before, labels)
    result["ece_after"] = expected_calibration_error(after, labels)
    if detailed:
        result["reliability"] = {"before": _reliability(before, labels), "after": _reliability(after, labels)}
    return result


def _reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """Confidence and share that is right of the answers, by bin of confidence; empty bins are left out."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    return [
        {"pictures": (index == b).sum(), "confidence": confidence[index == b].mean(), "right": right[index == b].mean()}
        for b in range(RELIABILITY_BINS)
        if (index == b).any()
    ]


def _mistakes(scored: _Scored) -> list[dict[str, Any]]:
    """The wrong answers with the highest calibrated confidence; files by name alone."""
    confidence = scored.after.max(axis=1)
    wrong = np.flatnonzero(scored.answers != scored.labels)
    wrong = sorted(wrong, key=lambda index: (-round(confidence[index], DECIMALS), scored.examples[index].path.name))
    return [
        {
            "file": scored.examples[index].path.name,
            "sha256": scored.examples[index].sha256,
            "truth": scored.styles[scored.labels[index]],
            "answer": scored.styles[scored.answers[index]],
            "confidence": confidence[index],
        }
        for index in wrong[:MISTAKES_SHOWN]
    ]


def _run(run: FinishedRun, detailed: bool, pictures: PictureSets) -> dict[str, Any]:
    """One run; `detailed` adds what only plots, comparisons and lists of single pictures need."""
    test = _Scored(run, Part.TEST)
    sets = {"test": _score([test], detailed), "unseen_artists": _score([_Scored(run, Part.UNSEEN)], detailed=False)}
    hold_out = run.facts.get("hold_out") or {}
    record = {
        "run": run.name,
        "recipe": run.recipe,
        "kind": run.kind,
        "split": "fold of a cross-validation" if run.kind == CROSS_VALIDATION else PUBLISHED_SPLIT,
        "held_out": {key: hold_out.get(key) for key in ("names", "group", "groups")} if hold_out else None,
        # The names of the folders say which sets these are; where they lay says only whose machine it was.
        "data": [Path(folder).name for folder in run.facts.get("data") or ()],
        "trained_on": _trained_on(run),
        **{key: run.facts[key] for key in _QUOTED if run.facts.get(key) is not None},
        "temperature": run.calibration.temperature,
        "sets": {name: scores for name, scores in sets.items() if scores},
        "open_set": _open_set([run]),
    }
    if detailed:
        record["history"] = list(run.history)
        record["mistakes"] = _mistakes(test)
        record["answers"] = pictures.record(test.right)
    return record


def _trained_on(run: FinishedRun) -> dict[str, int]:
    """Pictures in the training part, by kind: which runs had more than the published set to learn from."""
    counts: Counter[str] = Counter()
    for example, label in zip(run.dataset.examples, run.dataset.labels, strict=True):
        if example.part is Part.TRAIN:
            kind = "published" if example.published else "further" if label < len(run.dataset.styles) else "none"
            counts[kind] += 1
    return {kind: counts[kind] for kind in ("published", "further", "none")}


def _open_set(runs: Sequence[FinishedRun]) -> dict[str, Any] | None:
    """How pictures of none of the styles are told apart, pooled over `runs` as the model card does it."""
    metrics = evaluation.pool([evaluation.measure_logits(run.dataset, run.outputs, run.calibration) for run in runs])
    found = {}
    for name in ("other_styles", "not_paintings"):
        scores = getattr(metrics, name)
        if scores is not None and math.isfinite(scores.auroc):  # else there is nothing to tell them from
            found[name] = {
                "pictures": scores.pictures,
                "refused": count(scores.refused.correct, scores.refused.total),
                "accepted": count(scores.accepted.correct, scores.accepted.total),
                "auroc": scores.auroc,
                "fpr95": scores.fpr95,
            }
    return found or None


def _recipe(name: str, runs: Sequence[FinishedRun], note: str | None, pictures: PictureSets) -> dict[str, Any]:
    """One recipe: which of its runs stands in the table, and what several of them give together."""
    plain = _preferred(name, [run for run in runs if run.kind == PUBLISHED_SPLIT])
    groups, groups_left = _members(
        name, [run for run in runs if run.kind == _UNSEEN and run.facts["hold_out"].get("groups")], _group_of
    )
    folds, folds_left = _members(name, [run for run in runs if run.kind == CROSS_VALIDATION], _fold_of)
    by_name = [run.name for run in runs if run.kind == _UNSEEN and not run.facts["hold_out"].get("groups")]
    return {
        "recipe": name,
        "title": (published.TITLES | published.FUTURE_TITLES).get(name, name),
        "summary": runs[0].facts["recipe"].get("summary") if runs else None,
        "note": note,
        "headline": plain[0].name if plain else None,
        "repeats": [_repeat(plain[0], run) for run in plain[1:] if _same_but_name(plain[0], run)],
        "further": sorted([run.name for run in plain[1:]] + by_name + groups_left + folds_left),
        "unseen_artists": _pooled_groups(groups),
        "cross_validation": _pooled_folds(folds, pictures),
    }


def _same_but_name(run: FinishedRun, other: FinishedRun) -> bool:
    """Whether two runs were the same training, seed, split and machine included."""
    return all(run.facts.get(key) == other.facts.get(key) for key in _SAME_TRAINING)


def _repeat(run: FinishedRun, again: FinishedRun) -> dict[str, Any]:
    """How far `again` came out as `run`, whose training it repeats."""
    first, second = _Scored(run, Part.TEST), _Scored(again, Part.TEST)
    return {
        "run": again.name,
        "accuracy": count(sum(second.right.values()), len(second.examples)),
        "answers_that_differ": int((first.answers != second.answers).sum()),
        "largest_difference_of_probability": float(np.abs(first.after - second.after).max()),
    }


def _preferred(name: str, runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """The run that bears the recipe's name first: it is what the documented command makes."""
    return sorted(runs, key=lambda run: (run.name != name, run.name))


def _group_of(run: FinishedRun) -> tuple[int, int]:
    return run.facts["hold_out"]["groups"], run.facts["hold_out"]["group"]


def _fold_of(run: FinishedRun) -> tuple[int, int]:
    return run.facts["fold"]["folds"], run.facts["fold"]["number"]


def _members(
    name: str, runs: Sequence[FinishedRun], position: Callable[[FinishedRun], tuple[int, int]]
) -> tuple[list[FinishedRun], list[str]]:
    """One run for each group or fold of the division that most runs follow, and the names of the rest."""
    divisions = Counter(position(run)[0] for run in runs)
    if not divisions:
        return [], []
    division = max(divisions, key=lambda parts: (divisions[parts], parts))
    chosen: dict[int, FinishedRun] = {}
    for run in sorted(runs, key=lambda run: (not run.name.startswith(name), run.name)):
        if position(run)[0] == division:
            chosen.setdefault(position(run)[1], run)
    kept = [chosen[number] for number in sorted(chosen)]
    return kept, [run.name for run in runs if run not in kept]


def _pooled_groups(runs: Sequence[FinishedRun]) -> dict[str, Any] | None:
    """Artists held out, group by group: every picture judged by the run that never saw its artist."""
    unseen = [_Scored(run, Part.UNSEEN) for run in runs]
    pooled = _score(unseen)
    if pooled is None:
        return None
    each = [_score([scored], detailed=False) for scored in unseen if scored.examples]
    artists = {bundle.artist_key(example.artist) for scored in unseen for example in scored.examples}
    return {
        "runs": [run.name for run in runs],
        "groups": _group_of(runs[0])[0],
        "artists": len(artists),
        "pooled": pooled,
        "over_groups": _means(each),
        "test_of_same_runs": _mean_of_networks([_Scored(run, Part.TEST) for run in runs]),
        "open_set": _open_set(runs),
        "seconds": _seconds(runs),
        "devices": _devices(runs),
    }


def _mean_of_networks(sets: Sequence[_Scored]) -> dict[str, Any] | None:
    """What the average of several networks gets right of the same pictures, in whole pictures.

    It is what the step to unseen artists is measured from. Adding up would count each picture as often
    as there are networks, and make the intervals too narrow.
    """
    sets = [scored for scored in sets if scored.examples]
    pictures = {example.sha256 for scored in sets for example in scored.examples}
    if not pictures:
        return None
    confusion = sum(scored.confusion for scored in sets)
    repeats = confusion.sum() / len(pictures)
    recall = {
        style: count(round(confusion[i, i] / repeats), round(confusion[i].sum() / repeats))
        for i, style in enumerate(sets[0].styles)
    }
    return {
        "pictures": len(pictures),
        "networks": len(sets),
        "accuracy": count(round(np.trace(confusion) / repeats), len(pictures)),
        "recall": recall,
        "balanced_accuracy": scores_of_confusion(confusion, sets[0].styles)["balanced_accuracy"],
    }


def _pooled_folds(runs: Sequence[FinishedRun], pictures: PictureSets) -> dict[str, Any] | None:
    tests = [_Scored(run, Part.TEST) for run in runs]
    pooled = _score(tests)
    if pooled is None:
        return None
    each = [_score([scored], detailed=False) for scored in tests if scored.examples]
    right = {picture: is_right for scored in tests for picture, is_right in scored.right.items()}
    return {
        "runs": [run.name for run in runs],
        "folds": _fold_of(runs[0])[0],
        "pooled": pooled,
        "over_folds": _means(each),
        "answers": pictures.record(right),
        "seconds": _seconds(runs),
        "devices": _devices(runs),
    }


def _means(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over folds or groups; a style counts where a fold has pictures of it."""
    recall = {}
    for style in each[0]["recall"]:
        rates = [scores["recall"][style]["rate"] for scores in each if scores["recall"][style]["total"]]
        recall[style] = mean_over(rates) if rates else None
    return {
        "accuracy": mean_over([scores["accuracy"]["rate"] for scores in each]),
        "recall": recall,
        **{
            name: mean_over([scores[name] for scores in each])
            for name in ("macro_f1", "balanced_accuracy", "ece_before", "ece_after")
        },
    }


def _seconds(runs: Sequence[FinishedRun]) -> float | None:
    seconds = [run.facts.get("seconds") for run in runs]
    return sum(seconds) if all(value is not None for value in seconds) else None


def _devices(runs: Sequence[FinishedRun]) -> list[str]:
    return sorted({str(run.facts["device"]) for run in runs if run.facts.get("device")})


def jsonable(value: Any) -> Any:
    """NumPy's types as Python's, floats rounded, and what is not a number as None."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), DECIMALS) if math.isfinite(value) else None
    return value
