"""What one benchmark found, as it is written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

import bundle
from benchmarks.accuracy import FileAccuracy, key
from benchmarks.facts import BundleFacts
from benchmarks.latency import Length, Row
from benchmarks.limit import Precision
from benchmarks.machine import Machine, State
from benchmarks.pipeline import Steady
from benchmarks.serving import Serving
from benchmarks.storage import ReportError

SCHEMA_VERSION = 2


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pictures(_Part):
    """How the pictures of the folders were divided; counts of readable pictures, each content once."""

    folders: tuple[str, ...]
    published_test: int
    published_test_listed: int
    """In the manifest, found or not."""
    unseen_artists: int
    other_styles: int
    trained_not_scored: int
    """By artists trained on, and no test pictures."""
    ambiguous_not_scored: int
    """By artists of several styles of which one is a style of the bundle."""
    skipped: tuple[str, ...]
    """Files and folders that could not be used, with the reason."""


class PhotographCounts(_Part):
    """How the photographs were divided."""

    folder: str
    unseen: int
    seen: int
    """Met in training or calibration, by the manifest's ``photographs_seen_share``."""
    skipped: tuple[str, ...]


class Measured(_Part):
    """One model file that was run: of a bundle, or a peer."""

    name: str
    """In this report; with several bundles it begins with the bundle's."""
    bundle: str
    """The bundle that it is of, or that it was made from."""
    format: str
    precision: str
    size_bytes: int
    input_size: int
    peer: str = ""
    """What it is, where it is a peer; empty for files of a bundle."""
    note: str = ""
    """What a reader must know of it."""
    multiply_accumulates: int | None = None
    """Of one picture; None where they are not known."""
    accuracy_counts: bool = True
    """False where its accuracy is no figure: see `note`."""


class Floor(_Part):
    """The least time that the machine could take, were it only to multiply."""

    precision: str
    threads: int
    gmacs_per_s: float
    """Measured: 1e9 multiply-accumulates a second of the quickest matrix product."""
    how: str


class Recommendation(_Part):
    """What to deploy in the kiosk."""

    file: str
    runtime: str
    precision: str
    threads: int
    sentence: str
    """With its reason."""


class Report(_Part):
    """All that one run of the benchmarks found. Times are milliseconds, sizes bytes, shares 0-1."""

    schema_version: Literal[2] = 2
    machine: Machine
    before: State
    after: State
    unquiet: tuple[str, ...]
    """Why the figures deserve less trust, on one line each; empty where the machine was quiet."""
    length: Length
    seed: int
    loadgen: str
    """LoadGen's version."""
    seconds: float
    """That the run took."""
    bundles: tuple[BundleFacts, ...]
    files: tuple[Measured, ...]
    rows: tuple[Row, ...]
    reference: str | None
    """The file and runtime that all `Row.ratio` are against, in words; of its rows, the one with as many threads."""
    refused: dict[str, str]
    """What was not timed, and why."""
    floors: tuple[Floor, ...]
    energy: str
    """Where `Row.millijoules` come from, or why there are none."""
    pictures: dict[str, Pictures]
    """By bundle; empty where there were none."""
    photographs: PhotographCounts | None
    accuracy: dict[str, FileAccuracy]
    """By ``FILE | RUNTIME``, measured now; empty where there were no pictures."""
    recorded_hold_outs: dict[str, FileAccuracy]
    """From the manifests, not measured now: by precision, and for the linear probes."""
    pipeline: Steady | None
    """From a frame's arrival to its label, with the kiosk's default file."""
    serving: Serving | None
    """``POST /api/classify`` under load."""
    recommendation: Recommendation | None
    notes: tuple[str, ...]
    """What could not be measured, on one line each."""
    contradictions: tuple[str, ...]
    """Where a manifest claims another published-test accuracy than was measured."""

    def file(self, name: str) -> Measured:
        """The file of that name."""
        return next(file for file in self.files if file.name == name)

    def accuracy_of(self, row: Row) -> FileAccuracy | None:
        """What its file gets right in its runtime; None where that was not measured."""
        return self.accuracy.get(key(row.file, row.runtime))

    def runtime_in_words(self, row: Row) -> str:
        """Its name, and the arithmetic where that is not what the file's precision lets one think."""
        return f"{row.runtime}, in bf16" if arithmetic(row, self.file(row.file).precision) == "bf16" else row.runtime

    def times_the_limit(self, row: Row) -> float | None:
        """p50 of a row over the least time of its multiplications at the measured peak of its arithmetic."""
        file = self.file(row.file)
        # Where a runtime takes its own number of threads, it is held to the peak of all of them.
        threads = row.threads or max((floor.threads for floor in self.floors), default=0)
        for floor in self.floors:
            if (floor.precision, floor.threads) == (arithmetic(row, file.precision), threads):
                if file.multiply_accumulates is None:
                    return None
                return row.single_stream.p50_ms / (file.multiply_accumulates / floor.gmacs_per_s / 1e6)
        return None


def arithmetic(row: Row, precision: str) -> Precision:
    """What a row multiplies in: its file's `precision`, or that which its runtime takes for float files."""
    if precision.startswith(("int8", "dynamic")):
        return "int8"
    # Files of 16 bits are stored in 16 and multiplied in 32, but where a runtime says otherwise.
    return "bf16" if "bf" in row.description.get("inference_precision_hint", "") else "fp32"


def read(path: Path) -> Report:
    """Read a report of `write`; raises `ReportError`."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise ReportError(
            f"{path}: no report of `python -m benchmarks run`, schema {SCHEMA_VERSION} ({where}: {fault['msg']})"
        ) from error


# Answers of other processors and versions are rounded otherwise in the last bit: one of 230 pictures may turn.
ROUNDING_POINTS = 0.5


def find_contradictions(
    manifest: bundle.Manifest, accuracy: Mapping[str, tuple[str, FileAccuracy]]
) -> tuple[list[str], list[str]]:
    """Compare the published-test accuracy of each file with the manifest's claim. `accuracy` has by file name the
    runtime that it was measured in, and the figures.

    Returns (contradictions, notes); only the whole set can be compared.
    """
    contradictions, notes = [], []
    for file in manifest.files:
        claim = file.metrics.published_test
        runtime, figures = accuracy.get(file.path, ("", None))
        measured = figures.published_test if figures is not None else None
        if claim is None or measured is None:
            continue
        found = bundle.Count(correct=measured.accuracy.correct or 0, total=measured.accuracy.total)
        if found.total < claim.accuracy.total:
            notes.append(
                f"{file.path}: the manifest's published-test accuracy is not compared:"
                f" {found.total} of its {claim.accuracy.total} pictures were found"
            )
        elif 100 * abs(found.rate - claim.accuracy.rate) > ROUNDING_POINTS:
            contradictions.append(
                f"{file.path}: measured {found} on the published test in {runtime},"
                f" but the manifest claims {claim.accuracy}"
            )
        elif found != claim.accuracy:
            notes.append(f"{file.path}: {found} on the published test; the manifest claims {claim.accuracy}")
    return contradictions, notes
