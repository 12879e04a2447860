"""What stays of an earlier report: the figures whose runs are not here.

A recipe has three parts, each with runs of its own: its run on the published split, its groups of artists
held out, and its folds. A part that was made here replaces the earlier one; the others stay, with their runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from train.report.comparisons import CROSS_VALIDATION, PUBLISHED_SPLIT, PictureSets, compare
from train.report.reading import ReportError
from train.report.results import in_order, jsonable

PARTS = {"headline": PUBLISHED_SPLIT, "unseen_artists": "unseen artists", "cross_validation": CROSS_VALIDATION}
"""What each part of a recipe is called for people."""


def keep(found: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The results `found` here, with what only `earlier` ones have. Raises `ReportError`."""
    if found["styles"] != earlier["styles"]:
        raise ReportError("--keep: the earlier report is of other styles than the runs here: leave --keep out")
    here = {recipe["recipe"]: recipe for recipe in found["recipes"]}
    before = {recipe["recipe"]: recipe for recipe in earlier["recipes"]}
    names_here = {run["run"] for run in found["runs"]}
    trained_here = {run["recipe"] for run in found["runs"]}
    recipes = [
        _merged(here[name], before[name], name in trained_here, names_here)
        if name in here and name in before
        else here.get(name) or before[name]
        for name in in_order(here.keys() | before.keys())
    ]
    kept = kept_parts(found, earlier)
    runs = _with_kept_runs(found["runs"], earlier["runs"], _runs_of(kept, recipes, here))
    pictures = PictureSets(earlier.get("picture_sets", {}) | found["picture_sets"])
    still_true = [
        comparison
        for comparison in earlier["comparisons"]
        if all(comparison["on"] in _splits(kept.get(comparison[side], ())) for side in ("a", "b"))
    ]
    return jsonable(
        {
            **found,
            "recipes": recipes,
            "runs": runs,
            "comparisons": compare(recipes, runs, pictures, still_true),
            "picture_sets": pictures.used_by(_records(recipes, runs)),
        }
    )


def kept_parts(found: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, list[str]]:
    """By recipe, the parts that are in `earlier` results and not among those `found` here."""
    here = {recipe["recipe"]: recipe for recipe in found["recipes"]}
    kept = {
        before["recipe"]: [part for part in PARTS if before[part] and not here.get(before["recipe"], {}).get(part)]
        for before in earlier["recipes"]
    }
    return {name: parts for name, parts in kept.items() if parts}


def _splits(parts: Sequence[str]) -> set[str]:
    return {PARTS[part] for part in parts}


def _merged(
    here: Mapping[str, Any], before: Mapping[str, Any], trained_here: bool, names_here: set[str]
) -> dict[str, Any]:
    """One recipe of both reports."""
    merged = dict(here)
    for part in ("unseen_artists", "cross_validation"):
        merged[part] = here[part] or before[part]
    merged["summary"] = here["summary"] or before["summary"]
    if here["headline"]:
        return merged
    # Repeats and further runs are told beside the run in the table, and go where it goes.
    merged["headline"] = before["headline"]
    merged["repeats"] = before.get("repeats", [])
    merged["further"] = sorted({*here["further"], *(set(before["further"]) - names_here)})
    # The earlier note may say why there is no run: with one here that would be wrong.
    if before["headline"] or not trained_here:
        merged["note"] = here["note"] or before["note"]
    return merged


def _runs_of(
    kept: Mapping[str, Sequence[str]], recipes: Sequence[Mapping[str, Any]], here: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """Names of the earlier runs that the merged `recipes` rest on."""
    names: set[str] = set()
    for recipe in recipes:
        of_here = here.get(recipe["recipe"], {})
        if not of_here.get("headline"):
            names |= {recipe["headline"], *(repeat["run"] for repeat in recipe.get("repeats", ()))} - {None}
            names |= set(recipe["further"]) - set(of_here.get("further", ()))
        for part in kept.get(recipe["recipe"], ()):
            if part != "headline":
                names |= set(recipe[part]["runs"])
    return names


def _with_kept_runs(
    here: Sequence[Mapping[str, Any]], earlier: Sequence[Mapping[str, Any]], wanted: set[str]
) -> list[Mapping[str, Any]]:
    """The runs of here and those `wanted` of the earlier ones, by name."""
    if taken := sorted({run["run"] for run in here} & wanted):
        raise ReportError(
            f"--keep: {taken[0]} is a run here and another one in the earlier report: rename the folder here"
        )
    return sorted([*here, *(run for run in earlier if run["run"] in wanted)], key=lambda run: run["run"])


def _records(recipes: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, str]]:
    """Every record of answers in the results."""
    for holder in [*runs, *(recipe["cross_validation"] or {} for recipe in recipes)]:
        if holder.get("answers"):
            yield holder["answers"]
