"""Two recipes on the same pictures, from a record of which pictures each had wrong.

The record stands in the results, so recipes are compared also where their runs are on two machines.
Pictures are named by the beginning of their content hash, and a set of them is written down once, however
many recipes were tested on it: the file stays small, and whole sets are single lines of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from scipy.stats import binomtest

PUBLISHED_SPLIT, CROSS_VALIDATION = "published split", "cross-validation"

HASH_DIGITS = 12
"""Of a picture's SHA-256: among some thousands of pictures, two alike by chance are one in ten million."""


class PictureSets:
    """Sets of pictures by fingerprint, as the results hold them: hashes in one string, with spaces."""

    def __init__(self, table: Mapping[str, str] | None = None):
        self.table = dict(table or {})

    def record(self, right: Mapping[str, bool]) -> dict[str, str] | None:
        """What is written down of answers by content hash; None where nothing was answered."""
        if not right:
            return None
        short = {picture[:HASH_DIGITS]: is_right for picture, is_right in right.items()}
        pictures = " ".join(sorted(short))
        fingerprint = hashlib.sha256(pictures.encode()).hexdigest()[:HASH_DIGITS]
        self.table[fingerprint] = pictures
        return {"pictures": fingerprint, "wrong": " ".join(sorted(p for p, is_right in short.items() if not is_right))}

    def right(self, record: Mapping[str, str] | None) -> dict[str, bool] | None:
        """The answers that `record` was made of, by short hash; None where they are not known."""
        if record is None or record["pictures"] not in self.table:
            return None
        wrong = set(record["wrong"].split())
        return {picture: picture not in wrong for picture in self.table[record["pictures"]].split()}

    def used_by(self, records: Iterable[Mapping[str, str]]) -> dict[str, str]:
        """The part of the table that `records` need, in a stable order."""
        needed = sorted({record["pictures"] for record in records} & self.table.keys())
        return {fingerprint: self.table[fingerprint] for fingerprint in needed}


def answers(recipe: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]], on: str) -> Mapping[str, str] | None:
    """The record of the recipe's answers on one of the two splits; None in results of before there were records."""
    if on == CROSS_VALIDATION:
        return (recipe["cross_validation"] or {}).get("answers")
    return runs[recipe["headline"]].get("answers") if recipe["headline"] else None


def compare(
    recipes: Sequence[Mapping[str, Any]],
    runs: Sequence[Mapping[str, Any]],
    pictures: PictureSets,
    known: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """McNemar's exact test of every two recipes on the test pictures that both have answered.

    Where a record is lacking, a comparison in `known` of the same two stands for it.
    """
    by_name = {run["run"]: run for run in runs}
    instead = {(found["on"], frozenset((found["a"], found["b"]))): found for found in known}
    compared = []
    for on in (PUBLISHED_SPLIT, CROSS_VALIDATION):
        right = {recipe["recipe"]: pictures.right(answers(recipe, by_name, on)) for recipe in recipes}
        for a, b in combinations(right, 2):
            earlier = instead.get((on, frozenset((a, b))))
            if right[a] is None or right[b] is None:
                compared += [dict(earlier)] if earlier else []
            elif right[a].keys() & right[b].keys():
                compared.append({"on": on, "a": a, "b": b, **mcnemar(right[a], right[b])})
    return compared


def mcnemar(a: Mapping[str, bool], b: Mapping[str, bool]) -> dict[str, Any]:
    """The exact two-sided test (McNemar 1947) on the pictures that both have, by content."""
    shared = a.keys() & b.keys()
    only_a = sum(a[picture] and not b[picture] for picture in shared)
    only_b = sum(b[picture] and not a[picture] for picture in shared)
    p = float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0
    return {
        "pictures": len(shared),
        "right_a": sum(a[picture] for picture in shared),
        "right_b": sum(b[picture] for picture in shared),
        "only_a": only_a,
        "only_b": only_b,
        "p": p,
    }
