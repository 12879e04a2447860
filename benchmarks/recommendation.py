"""What to deploy: the quickest file that the kiosk can run and that costs no accuracy."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.figures import Ratio
from benchmarks.latency import Row
from benchmarks.report import Recommendation, Report

# Points of accuracy on the published test that a file may have less than float: what an export lets rounding cost.
ACCEPTED_POINTS = 1.0

# Points within which two files count as equally accurate: one picture of the 230.
EQUAL_POINTS = 0.5

# More threads take cores from the camera and the page: they must be quicker by more than this share.
_WORTH_A_THREAD = 0.10


def points_under_float(report: Report, row: Row, claims: Mapping[str, float]) -> float | None:
    """How many points of accuracy a row's file has less than the float one (negative: more): as measured in the same
    run, else as `claims` has it by file; None where nobody knows."""
    if not report.file(row.file).accuracy_counts:
        return None
    found = report.accuracy_of(row)
    if found is not None and found.published_test is not None:
        difference = found.difference_to_fp32.get("published_test.accuracy")
        return -difference.points if difference is not None and difference.points is not None else 0.0
    return claims.get(row.file)


def rows_within(report: Report, points: float, claims: Mapping[str, float]) -> list[Row]:
    """Rows that have at most so many `points` of accuracy less than float, as far as is known, the quickest by p90
    first."""
    rows = [
        row for row in report.rows if (less := points_under_float(report, row, claims)) is not None and less <= points
    ]
    return sorted(rows, key=lambda row: row.single_stream.p90_ms)


def recommend(report: Report, runnable: frozenset[str], claims: Mapping[str, float]) -> Recommendation | None:
    """The best of the rows whose file is in `runnable` and whose runtime is onnxruntime; None where no accuracy is
    known. `claims` are `points_under_float` of manifests, by file."""
    ours = [
        row
        for row in rows_within(report, ACCEPTED_POINTS, claims)
        if row.file in runnable and row.runtime.startswith("onnxruntime")
    ]
    if not ours:
        return None
    # By turns, which noise disturbs less than percentiles; and a thread more must be worth it beyond doubt.
    ours.sort(key=lambda row: row.threads)
    chosen = ours[0]
    for row in ours[1:]:
        times = Ratio.of_turns(row.single_stream.turns_p50_ms, chosen.single_stream.turns_p50_ms)
        if times.interval[1] < (1.0 if row.threads == chosen.threads else 1 - _WORTH_A_THREAD):
            chosen = row
    return Recommendation(
        file=chosen.file,
        runtime=chosen.runtime,
        precision=report.file(chosen.file).precision,
        threads=chosen.threads,
        sentence=_sentence(report, chosen, claims),
    )


def _sentence(report: Report, chosen: Row, claims: Mapping[str, float]) -> str:
    points = points_under_float(report, chosen, claims) or 0.0
    accuracy = f"{abs(points):.1f} points {'under' if points > 0 else 'over'} float"
    if round(points, 1) == 0:
        accuracy = "as accurate as float"
    p90_ms = chosen.single_stream.p90_ms
    if report.accuracy_of(chosen) is None:
        accuracy += " by its manifest"
    sentence = f"Deploy {chosen.file}{_threads(chosen)} ({chosen.runtime}): {p90_ms:.1f} ms at p90, {accuracy}"
    quickest = rows_within(report, points + EQUAL_POINTS, claims)[0]
    if quickest.key == chosen.key:
        return f"{sentence}; nothing that was measured is quicker at that accuracy."
    theirs_ms = quickest.single_stream.p90_ms
    other = f"{quickest.file} in {quickest.runtime}{_threads(quickest)}"
    return (
        f"{sentence}; the quickest at that accuracy, {other}, takes {theirs_ms:.1f} ms"
        f" (ours {p90_ms / theirs_ms:.2f} times that)."
    )


def _threads(row: Row) -> str:
    return f" with {row.threads} thread{'s' * (row.threads > 1)}" if row.threads else ""
