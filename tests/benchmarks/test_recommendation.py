"""Which file a report recommends, and what it says of it."""

from __future__ import annotations

import pytest

from benchmarks.recommendation import recommend
from benchmarks.report import Report
from tests.benchmarks.reports import FP16, FP32, INT8, ORT, figures, report, row, rows

RUNNABLE = frozenset({FP32, FP16, INT8})


def with_rows(**slower: float) -> Report:
    return report(rows=rows(**slower))


def losing(points: float) -> Report:
    """The int8 file has so many points less than float, in both runtimes."""
    found = report()
    right = round(220 - 2.3 * points)
    changed = {key: figures(right) for key in found.accuracy if key.startswith(INT8)}
    return found.model_copy(update={"accuracy": found.accuracy | changed})


@pytest.mark.parametrize(
    ("sentence", "found", "file", "threads", "words"),
    [
        ("the quickest that is accurate enough", report(), INT8, 2, "0.9 points under float"),
        ("one picture more would be too many to lose", losing(1.3), FP32, 2, "as accurate as float"),
        ("a quicker one that the kiosk cannot run is told", report(), INT8, 2, "in OpenVINO"),
        ("nothing is quicker", with_rows(openvino=2, peer=2), INT8, 2, "nothing that was measured is quicker"),
    ],
)
def test_recommendation(sentence: str, found: Report, file: str, threads: int, words: str) -> None:
    chosen = recommend(found, RUNNABLE, {})
    assert chosen is not None, sentence
    assert (chosen.file, chosen.threads) == (file, threads), sentence
    assert words in chosen.sentence


def test_a_thread_more_must_be_worth_it() -> None:
    # Two threads take 0.95 of the time of one, in each turn.
    even = tuple(row(INT8, ORT, threads, p50_ms, seed=1) for threads, p50_ms in ((1, 4.0), (2, 3.8)))
    chosen = recommend(report(rows=even), RUNNABLE, {})
    assert chosen is not None and chosen.threads == 1


def test_without_pictures_the_manifest_is_believed() -> None:
    silent = report(accuracy={})
    assert recommend(silent, RUNNABLE, {}) is None
    chosen = recommend(silent, RUNNABLE, {INT8: 0.9, FP32: 0.0})
    assert chosen is not None and chosen.file == INT8


def test_only_what_the_kiosk_would_take_is_recommended() -> None:
    chosen = recommend(report(), frozenset({FP32}), {})
    assert chosen is not None and chosen.file == FP32
