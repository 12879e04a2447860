"""What two reports differ by beyond noise: of one machine at two times, or of two machines.

On one quiet machine times are judged. Where the machines differ, or one was not quiet, the ratios to the reference row
are, which was timed in turns with every other: what slows all alike is then no change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, computed_field

from benchmarks import BenchmarkError
from benchmarks.accuracy import FileAccuracy, OpenSetFigures, StyleFigures
from benchmarks.figures import Figure, Ratio
from benchmarks.latency import Row, SingleStream
from benchmarks.machine import Machine
from benchmarks.report import ROUNDING_POINTS, Report

# Shares that a change must exceed, however narrow its interval: a process that is started anew lies otherwise in
# memory, and no interval within one run knows of that.
LEAST_TIME = 0.05
LEAST_MEMORY = 0.05
# Of ratios where a machine was not quiet: not all files mind others' work alike.
LEAST_UNQUIET = 0.10
# Of the usable cores, that other processes kept busy all the while: from here on, which file they took them from is
# chance, and two runs of the same differ by a factor of two.
MOST_OTHERS_SHARE = 0.25
# The tail is what else the machine did, more than the median.
LEAST_P90 = 0.10
# LoadGen's or the peak's, without turns that an interval could be made of.
LEAST_UNMEASURED = 0.10
# Of what is done once in a run and has no interval: half as long again, and so much more that somebody would notice.
LEAST_ONCE, LEAST_ONCE_MS = 0.50, 20.0
# A few bytes of metadata are no larger file.
LEAST_SIZE = 0.01
# Below, the allocator's steps.
_LEAST_MEMORY_BYTES = 5e6

_RESAMPLES = 2000

Verdict = Literal["worse", "better", "same", "told"]
"""``told``: it differs, and whether that is good or bad does not count here."""


Judged = Literal["times", "ratios", "nothing"]


class ComparisonError(BenchmarkError):
    """Two reports have nothing in common; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(_Part):
    """One figure in both reports."""

    quantity: str
    before: float
    after: float
    unit: str
    interval: tuple[float, float] | None
    """95 %: of `after` over `before`, and for ``%`` of their difference in points; None where nothing gives one."""
    verdict: Verdict

    @property
    def times(self) -> float:
        """`after` over `before`."""
        return self.after / self.before if self.before else math.inf if self.after else 1.0

    def __str__(self) -> str:
        if self.unit == "%":
            text = f"{self.before:.1f} to {self.after:.1f} %, {self.after - self.before:+.1f} points"
            between = "({:+.1f} to {:+.1f})"
        else:
            unit = f" {self.unit}" if self.unit else ""
            text = f"{_short(self.before)} to {_short(self.after)}{unit}, {self.times:.2f} times"
            between = "({:.2f} to {:.2f})"
        if self.interval is not None:
            text += f" {between.format(*self.interval)}"
        return f"{self.quantity} {text}"


class Compared(_Part):
    """What is in both reports under one key."""

    key: str
    changes: tuple[Change, ...]

    def change(self, quantity: str) -> Change | None:
        """That of a quantity; None where one of the reports does not have it."""
        return next((change for change in self.changes if change.quantity == quantity), None)


class Comparison(_Part):
    """All that two reports differ by."""

    schema_version: Literal[1] = 1
    before: str
    """Which report: bundle, machine and date."""
    after: str
    conditions: tuple[str, ...]
    """What is not the same in both and not a result: to be read first."""
    judged: Judged
    """What of latency counts."""
    ratios_first: bool
    """Whether milliseconds mislead: the machines or the versions differ, or one machine was not quiet."""
    rows: tuple[Compared, ...]
    accuracy: tuple[Compared, ...]
    """By ``FILE | RUNTIME``."""
    not_compared: tuple[str, ...]
    came: tuple[str, ...]
    """Keys of rows that only the later report has."""
    went: tuple[str, ...]
    lost: dict[str, str]
    """Those of `went` that were tried and refused, with the reason."""
    contradictions: tuple[str, ...]
    """That only the later report has."""
    recommendation: str | None
    """How it changed; None where it did not."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def worse(self) -> list[str]:
        """What got worse beyond noise, a sentence each."""
        lines = self._of("worse")
        lines += [f"{key}: could not be timed any more: {reason}" for key, reason in self.lost.items()]
        return lines + [f"a claim is wrong that was right: {line}" for line in self.contradictions]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def better(self) -> list[str]:
        """What got better beyond noise."""
        return self._of("better")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def told(self) -> list[str]:
        """What differs and does not count."""
        return self._of("told")

    def _of(self, verdict: Verdict) -> list[str]:
        return [
            f"{compared.key}: {change}"
            for compared in (*self.rows, *self.accuracy)
            for change in compared.changes
            if change.verdict == verdict
        ]


def compare(before: Report, after: Report) -> Comparison:
    """What changed; raises `ComparisonError` where the two have no row in common."""
    earlier, later = {row.key: row for row in before.rows}, {row.key: row for row in after.rows}
    common = [key for key in earlier if key in later]
    if not common:
        raise ComparisonError(
            "the reports have no row in common: no file was timed in the same runtime with as many threads in both"
        )
    same_machine = not _machine_differences(before.machine, after.machine)
    quiet = not before.unquiet and not after.unquiet
    reference = _reference(before)
    has_reference = reference is not None and reference == _reference(after)
    judged: Judged = "ratios" if has_reference else "nothing"
    if same_machine and (quiet or not has_reference):
        judged = "times"
    if max(_others_share(before), _others_share(after)) > MOST_OTHERS_SHARE:
        judged = "nothing"
    rows = []
    for key in common:
        changes = _row_changes(before, after, earlier[key], later[key], judged, same_machine and quiet)
        rows.append(Compared(key=key, changes=tuple(changes)))
    accuracy, not_compared = _accuracy_changes(before, after)
    went = tuple(key for key in earlier if key not in later)
    return Comparison(
        before=_name(before),
        after=_name(after),
        conditions=tuple(_conditions(before, after, judged, has_reference)),
        judged=judged,
        ratios_first=has_reference and (judged == "ratios" or _versions(before.machine) != _versions(after.machine)),
        rows=tuple(rows),
        accuracy=tuple(accuracy),
        not_compared=tuple(not_compared),
        came=tuple(key for key in later if key not in earlier),
        went=went,
        lost={key: reason for key in went if (reason := _refusal(after, earlier[key]))},
        contradictions=tuple(line for line in after.contradictions if line not in before.contradictions),
        recommendation=_recommendation(before, after),
    )


# --- what is not a result -------------------------------------------------------------------------


def _others_share(report: Report) -> float:
    """Of the usable cores, that other processes kept busy from the first to the last moment."""
    return report.after.ticks.others_cores(report.before.ticks) / report.machine.usable_cores


def _name(report: Report) -> str:
    bundles = ", ".join(facts.name for facts in report.bundles)
    return f"{bundles} on {report.machine.cpu}, {report.machine.date:%Y-%m-%d %H:%M:%S} UTC"


def _machine_differences(before: Machine, after: Machine) -> list[str]:
    pairs = {
        "processor": (before.cpu, after.cpu),
        "architecture": (before.architecture, after.architecture),
        "cores": (str(before.cores), str(after.cores)),
        "usable cores": (str(before.usable_cores), str(after.usable_cores)),
    }
    return [f"{name} {old}, then {new}" for name, (old, new) in pairs.items() if old != new]


def _versions(machine: Machine) -> dict[str, str]:
    return {"Python": machine.python, **machine.versions}


def _conditions(before: Report, after: Report, judged: str, has_reference: bool) -> list[str]:
    lines = []
    bundles = [", ".join(facts.name for facts in report.bundles) for report in (before, after)]
    if bundles[0] != bundles[1]:
        lines.append(f"bundles differ: {bundles[0]}, then {bundles[1]}")
    machines = _machine_differences(before.machine, after.machine)
    if machines:
        lines.append(f"these are two machines ({'; '.join(machines)})")
    old, new = _versions(before.machine), _versions(after.machine)
    changed = [
        f"{name} {old.get(name, 'not installed')}, then {new.get(name, 'not installed')}"
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]
    if changed:
        lines.append(f"versions changed: {'; '.join(changed)}")
    if before.machine.system != after.machine.system and not machines:
        lines.append(f"the system changed: {before.machine.system}, then {after.machine.system}")
    for which, report in (("first", before), ("second", after)):
        lines += [f"not quiet in the {which} report: {line}" for line in report.unquiet]
    if before.length != after.length:
        lines.append(f"lengths differ: {before.length.name}, then {after.length.name}")
    hashes = _hashes(before), _hashes(after)
    other = [name for name, sha256 in hashes[0].items() if hashes[1].get(name, sha256) != sha256]
    if other:
        lines.append(f"other bytes under the same name: {', '.join(other)}")
    if judged == "ratios":
        lines.append("so milliseconds do not count; the ratios to the reference do, which is the same row in both")
    elif max(_others_share(before), _others_share(after)) > MOST_OTHERS_SHARE:
        most = max((before, after), key=_others_share)
        lines.append(
            f"other processes kept {_others_share(most):.0%} of the cores busy throughout: no latency is judged; end"
            " them and measure again"
        )
    elif judged == "nothing":
        lines.append("so milliseconds do not count, and there is no common reference: no latency is judged")
    elif not has_reference and (before.unquiet or after.unquiet):
        lines.append("there is no common reference: milliseconds are judged all the same, and may be noise")
    return lines


def _hashes(report: Report) -> dict[str, str]:
    """By name of the file in the report."""
    found = {(facts.name, file.path): file.sha256 for facts in report.bundles for file in facts.files}
    hashes = {}
    for file in report.files:
        path = file.name.removeprefix(f"{file.bundle}/")
        if not file.peer and (file.bundle, path) in found:
            hashes[file.name] = found[file.bundle, path]
    return hashes


def _reference(report: Report) -> tuple[str, str] | None:
    """File and runtime that ratios are against: the rows that have none themselves."""
    if report.reference is None:
        return None
    return next(((row.file, row.runtime) for row in report.rows if row.ratio is None), None)


def _refusal(report: Report, row: Row) -> str | None:
    """Why a row is not there, where it was tried."""
    threads = f", {row.threads} thread{'s' * (row.threads > 1)}" if row.threads else ""
    tried = (f"{row.file} in {row.runtime}{threads}", row.file, row.runtime)
    return next((report.refused[what] for what in tried if what in report.refused), None)


def _recommendation(before: Report, after: Report) -> str | None:
    def told(report: Report) -> str:
        chosen = report.recommendation
        if chosen is None:
            return "nothing"
        threads = f" with {chosen.threads} thread{'s' * (chosen.threads > 1)}" if chosen.threads else ""
        return f"{chosen.file} in {chosen.runtime}{threads}"

    old, new = told(before), told(after)
    return f"{old} was recommended, now {new}" if old != new else None


# --- rows -----------------------------------------------------------------------------------------


def _row_changes(before: Report, after: Report, old: Row, new: Row, judged: str, times_count: bool) -> list[Change]:
    """`times_count`: whether what was measured once may be held against the later report."""
    changes = []
    if old.ratio is not None and new.ratio is not None and _reference(before) == _reference(after):
        changes.append(
            _judge(
                "ratio",
                old.ratio.value,
                new.ratio.value,
                "",
                _of_ratios(old.ratio, new.ratio),
                LEAST_UNQUIET if before.unquiet or after.unquiet else LEAST_TIME,
                judged == "ratios",
            )
        )
    p50 = _of_turns(old.single_stream.turns_p50_ms, new.single_stream.turns_p50_ms)
    counts = judged == "times"
    single = old.single_stream, new.single_stream
    changes.append(_judge("p50", single[0].p50_ms, single[1].p50_ms, "ms", p50, LEAST_TIME, counts))
    p90 = _of_p90(*single, p50)
    changes.append(_judge("p90", single[0].p90_ms, single[1].p90_ms, "ms", p90, LEAST_P90, counts and p90 is not None))
    if old.offline is not None and new.offline is not None:
        rates = _of_turns(old.offline.tests, new.offline.tests)
        changes.append(
            _judge(
                "offline",
                old.offline.samples_per_s,
                new.offline.samples_per_s,
                "a second",
                rates,
                LEAST_UNMEASURED,
                counts,
                more_is_better=True,
            )
        )
    changes.append(_judge_once("load", old.load_ms, new.load_ms, times_count))
    changes.append(_judge_once("first picture", old.first_inference_ms, new.first_inference_ms, times_count))
    same_machine = not _machine_differences(before.machine, after.machine)
    for quantity, bytes_before, bytes_after in (
        ("peak memory", old.peak_rss_bytes, new.peak_rss_bytes),
        ("memory at the end", old.end_rss_bytes, new.end_rss_bytes),
    ):
        least = LEAST_MEMORY if abs(bytes_after - bytes_before) > _LEAST_MEMORY_BYTES else math.inf
        changes.append(_judge(quantity, bytes_before / 1e6, bytes_after / 1e6, "MB", None, least, same_machine))
    sizes = before.file(old.file).size_bytes / 1e6, after.file(new.file).size_bytes / 1e6
    changes.append(_judge("size", *sizes, "MB", None, LEAST_SIZE, True))
    limits = before.times_the_limit(old), after.times_the_limit(new)
    if limits[0] is not None and limits[1] is not None:
        # It changes with the machine's peak, too, which is no fault of the file.
        changes.append(_judge("times the limit", limits[0], limits[1], "", None, LEAST_UNMEASURED, False))
    if old.millijoules is not None and new.millijoules is not None:
        changes.append(_judge("energy", old.millijoules, new.millijoules, "mJ", None, LEAST_UNMEASURED, times_count))
    return changes


def _judge(
    quantity: str,
    before: float,
    after: float,
    unit: str,
    interval: tuple[float, float] | None,
    least: float,
    counts: bool,
    *,
    more_is_better: bool = False,
) -> Change:
    """A change is one where the interval excludes 1, if there is one, and the share exceeds `least`."""
    changed = before > 0 and after > 0 and abs(math.log(after / before)) > math.log1p(least)
    if changed and interval is not None:
        changed = interval[0] > 1 or interval[1] < 1
    verdict: Verdict = "same"
    if changed:
        verdict = "told" if not counts else "better" if (after > before) == more_is_better else "worse"
    return Change(quantity=quantity, before=before, after=after, unit=unit, interval=interval, verdict=verdict)


def _judge_once(quantity: str, before_ms: float, after_ms: float, counts: bool) -> Change:
    least = LEAST_ONCE if abs(after_ms - before_ms) > LEAST_ONCE_MS else math.inf
    return _judge(quantity, before_ms, after_ms, "ms", None, least, counts)


def _of_turns(before: Sequence[float], after: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the ratio of medians, by the bootstrap over turns of each; None for too few."""
    if min(len(before), len(after)) < 3:
        return None
    rng = np.random.default_rng(0)
    medians = [np.median(rng.choice(np.asarray(turns), (_RESAMPLES, len(turns))), axis=1) for turns in (before, after)]
    low, high = np.percentile(medians[1] / medians[0], (2.5, 97.5)).tolist()
    return low, high


def _of_p90(before: SingleStream, after: SingleStream, p50: tuple[float, float] | None) -> tuple[float, float] | None:
    """Turns have no 90th percentiles. That of all varies with the turns as the median does, and within them as far as
    LoadGen's early stopping says: both together, as independent (squares add up). None where either is not there."""
    stopped = before.p90_early_stopping_ms, after.p90_early_stopping_ms
    if p50 is None or stopped[0] is None or stopped[1] is None:
        return None
    spreads = (
        math.log(p50[1] / p50[0]) / 2,
        math.log(max(stopped[0] / before.p90_ms, 1.0)),
        math.log(max(stopped[1] / after.p90_ms, 1.0)),
    )
    spread = math.exp(math.hypot(*spreads))
    times = after.p90_ms / before.p90_ms
    return times / spread, times * spread


def _of_ratios(before: Ratio, after: Ratio) -> tuple[float, float]:
    """95 % interval of one ratio over the other, from both intervals (MOVER for a ratio, on logarithms: Donner and Zou
    2012, Statistical Methods in Medical Research 21:347)."""
    times = math.log(after.value / before.value)
    down = math.hypot(math.log(after.value / after.interval[0]), math.log(before.interval[1] / before.value))
    up = math.hypot(math.log(after.interval[1] / after.value), math.log(before.value / before.interval[0]))
    return math.exp(times - down), math.exp(times + up)


# --- accuracy -------------------------------------------------------------------------------------


# Of a machine, what differs from run to run.
_PASSING = {"date": None, "load_average": None, "memory_bytes": 0, "system": ""}


def _accuracy_changes(before: Report, after: Report) -> tuple[list[Compared], list[str]]:
    """Changes, and what cannot be compared."""
    if not before.accuracy or not after.accuracy:
        if before.accuracy or after.accuracy:
            return [], [f"accuracy: only the {'first' if before.accuracy else 'second'} report has any"]
        return [], []
    hashes = _hashes(before), _hashes(after)
    compared: list[Compared] = []
    notes: dict[str, None] = {}
    alike = before.machine.model_copy(update=_PASSING) == after.machine.model_copy(update=_PASSING)
    for key, old in before.accuracy.items():
        new = after.accuracy.get(key)
        file = key.rpartition(" | ")[0]
        if new is None or not (before.file(file).accuracy_counts and after.file(file).accuracy_counts):
            continue
        exact = alike and file in hashes[0] and hashes[0][file] == hashes[1].get(file)
        changes = []
        for quantity, (mine, theirs, more_is_better) in _figures(old, new).items():
            if mine.total != theirs.total:
                notes[f"{quantity}: the sets differ, {mine.total} pictures, then {theirs.total}"] = None
            elif (change := _judge_share(quantity, mine, theirs, exact, more_is_better)) is not None:
                changes.append(change)
        compared.append(Compared(key=key, changes=tuple(changes)))
    return compared, list(notes)


def _figures(old: FileAccuracy, new: FileAccuracy) -> dict[str, tuple[Figure, Figure, bool]]:
    """Of the sets that both have: the two figures, and whether more is better."""
    found = {}
    for name, words in (("published_test", "published test"), ("unseen_artists", "unseen artists")):
        mine, theirs = getattr(old, name), getattr(new, name)
        if isinstance(mine, StyleFigures) and isinstance(theirs, StyleFigures):
            found[f"{words}, top-1"] = (mine.accuracy, theirs.accuracy, True)
            found[f"{words}, mean recall"] = (mine.mean_recall, theirs.mean_recall, True)
    for name, words in (("other_styles", "other styles"), ("photographs", "photographs")):
        mine, theirs = getattr(old, name), getattr(new, name)
        if isinstance(mine, OpenSetFigures) and isinstance(theirs, OpenSetFigures):
            found[f"{words}, AUROC"] = (mine.auroc, theirs.auroc, True)
            found[f"{words}, called a style"] = (mine.called_a_style, theirs.called_a_style, False)
    return found


def _judge_share(quantity: str, before: Figure, after: Figure, exact: bool, more_is_better: bool) -> Change | None:
    """`exact`: the same bytes on the same machine by the same versions, which answer the same pictures alike, so that a
    share that differs has changed. All else is noise within the interval, which takes the two as independent (MOVER; of
    shares that is Newcombe 1998, Statistics in Medicine 17:873, method 10) and so is wider than one of pairs."""
    if before.value is None or after.value is None or before.interval is None or after.interval is None:
        return None
    points = 100 * (after.value - before.value)
    down = 100 * math.hypot(after.value - after.interval[0], before.interval[1] - before.value)
    up = 100 * math.hypot(after.interval[1] - after.value, before.value - before.interval[0])
    interval = (points - down, points + up)
    least = ROUNDING_POINTS
    if before.correct is not None:
        least = max(least, 100 / before.total)  # one picture is the least that can turn
    verdict: Verdict = "same"
    if abs(points) > least + 1e-9:
        if (exact and before.correct is not None) or interval[0] > 0 or interval[1] < 0:
            verdict = "better" if (points > 0) == more_is_better else "worse"
        else:
            verdict = "told"
    return Change(
        quantity=quantity,
        before=100 * before.value,
        after=100 * after.value,
        unit="%",
        interval=interval,
        verdict=verdict,
    )


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
