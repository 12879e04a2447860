"""What to deploy: the quickest file that the kiosk can run and that costs no accuracy."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.latency import Row
from benchmarks.report import Recommendation, Report

# Points of accuracy on the published test that a file may have less than float and still counts as equal.
EQUAL_POINTS = 0.5

# More threads take cores from the camera and the page: they must be quicker by more than this share.
_WORTH_A_THREAD = 0.10


def points_under_float(report: Report, row: Row, claims: Mapping[str, float]) -> float | None:
    """How many points of accuracy a row's file has less than the float one (negative: more): as measured in the same
    run, else as `claims` has it by file; None where nobody knows."""
    if not report.file(row.file).accuracy_counts:
        return None
    found = report.accuracy.get(f"{row.file} | {row.runtime}")
    if found is not None and found.published_test is not None:
        difference = found.difference_to_fp32.get("published_test.accuracy")
        return -difference.points if difference is not None and difference.points is not None else 0.0
    return claims.get(row.file)


def equal_rows(report: Report, claims: Mapping[str, float]) -> list[Row]:
    """Rows whose accuracy is that of float, as far as is known, the quickest by p90 first."""
    equal = [
        row
        for row in report.rows
        if (points := points_under_float(report, row, claims)) is not None and points <= EQUAL_POINTS
    ]
    return sorted(equal, key=lambda row: row.single_stream.p90_ms)


def recommend(report: Report, runnable: frozenset[str], claims: Mapping[str, float]) -> Recommendation | None:
    """The best of the rows whose file is in `runnable` and whose runtime is onnxruntime; None where no accuracy is
    known. `claims` are `points_under_float` of manifests, by file."""
    equal = equal_rows(report, claims)
    ours = [row for row in equal if row.file in runnable and row.runtime.startswith("onnxruntime")]
    if not ours:
        return None
    chosen = ours[0]
    for row in ours:
        slower = row.single_stream.p90_ms / ours[0].single_stream.p90_ms - 1
        if 0 < row.threads < (chosen.threads or 1_000) and slower <= _WORTH_A_THREAD:
            chosen = row
    threads = f" with {chosen.threads} thread{'s' * (chosen.threads > 1)}" if chosen.threads else ""
    points = points_under_float(report, chosen, claims) or 0.0
    accuracy = "as accurate as float" if round(points, 1) == 0 else f"{abs(points):.1f} points {_side(points)} float"
    sentence = (
        f"Deploy {chosen.file}{threads} ({chosen.runtime}): {chosen.single_stream.p90_ms:.1f} ms at p90, {accuracy}"
    )
    if equal[0].runtime != chosen.runtime:
        times = chosen.single_stream.p90_ms / equal[0].single_stream.p90_ms
        fastest = f"{equal[0].file} in {equal[0].runtime}"
        sentence += f"; the quickest of all at that accuracy, {fastest}, takes {equal[0].single_stream.p90_ms:.1f} ms"
        sentence += f" ({times:.2f} times as quick)" if times > 1 else ""
    file = report.file(chosen.file)
    return Recommendation(
        file=chosen.file,
        runtime=chosen.runtime,
        precision=file.precision,
        threads=chosen.threads,
        sentence=f"{sentence}.",
    )


def _side(points: float) -> str:
    return "under" if points > 0 else "over"
