"""Everything that one report holds: files of bundles and their peers in all runtimes, and the kiosk with the default.

In the order of what may go wrong first: bundles, pictures, peers, then clocks; and all clocks of files in turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import bundle
from benchmarks import Stages, accuracy, latency, limit, machine, pipeline, report, serving
from benchmarks.energy import EnergyMeter
from benchmarks.facts import BundleFacts
from benchmarks.judging import OWN_RUNTIME, Source, contradictions_of, read_pictures, score, write_pictures
from benchmarks.latency import Candidate, Length, Row
from benchmarks.recommendation import recommend
from benchmarks.report import Floor, Measured, Report
from benchmarks.runtimes import Runtime, all_runtimes, missing
from benchmarks.scenes import drawn
from benchmarks.subjects import Subject, deployable, load_subjects, make_peers, write_files
from bundle.reference import reference_pictures
from kiosk.classifier import default_threads

_SERVED_USERS = (1, 4)
_PIPELINE_PAINTINGS = 4


@dataclass(frozen=True)
class Options:
    """What is to be measured."""

    bundles: tuple[Path, ...]
    pictures: Source = field(default_factory=Source)
    length: Length = latency.LENGTHS["test"]
    threads: tuple[int, ...] = ()
    """Empty: one and all."""
    runtimes: tuple[str, ...] = ()
    """Beginnings of their names; empty: all that can be used."""
    peers: bool = True
    kiosk: bool = True
    """Also the kiosk as a whole: pipeline and API."""
    reference: str = "model.fp32.onnx"
    """File in onnxruntime on the processor that all times are compared with."""
    seed: int = 1


def run(options: Options, stages: Stages) -> Report:
    """Measure. `stages` is called with the name of each part, and gives what is told its progress.

    Raises `bundle.BundleError`, `bundle.CatalogueError`, `DivisionError`, `accuracy.AccuracyError` or
    `latency.LatencyError`; what else cannot be measured is a note in the report.
    """
    started = time.monotonic()
    notes: list[str] = []
    before = machine.State.here()
    subjects = load_subjects(options.bundles)
    runtimes, refused = _runtimes(options.runtimes, {file.format for s in subjects for file in s.verified.files})
    pictures, photographs, photograph_counts = read_pictures(options.pictures, subjects, stages, notes)
    with tempfile.TemporaryDirectory(prefix="vernissage-") as temporary:
        folder = Path(temporary)
        files = write_files(subjects, folder, notes)
        if options.peers:
            files += make_peers(subjects[0], stages, notes, refused)
        candidates = _candidates(subjects, runtimes, options.threads or _one_and_all())
        if not candidates:
            raise latency.LatencyError("no runtime that is installed here takes any of the files")
        reference = _reference(candidates, subjects, options.reference, notes)
        for subject in subjects:
            subject.sets = accuracy.Sets.of(subject.division, photographs)
        figures = {file.name for file in files if file.accuracy_counts}
        scorings = write_pictures([c for c in candidates if c.file in figures], subjects, folder, stages)
        meter, energy = _meter()
        rows, not_loaded = latency.measure(
            candidates,
            _timed_pictures(candidates, folder),
            options.length,
            options.seed,
            scorings=scorings.get,
            meter=meter,
            stages=stages,
        )
        refused |= not_loaded
        scored = score(subjects, scorings, refused)
    rows = _with_ratios(rows, reference)
    floors = _floors(rows, files, stages, notes)
    contradictions = contradictions_of(subjects, scored, notes)
    default = subjects[0].verified
    watched = served = None
    if options.kiosk:
        watched, served = _kiosk(default, options, stages, notes)
    after = machine.State.here()
    found = Report(
        machine=machine.Machine.here(),
        before=before,
        after=after,
        unquiet=machine.warnings(before, after),
        length=options.length,
        seed=options.seed,
        loadgen=machine.versions().get("mlcommons-loadgen", ""),
        seconds=time.monotonic() - started,
        bundles=tuple(BundleFacts.of(subject.verified) for subject in subjects),
        files=tuple(files),
        rows=tuple(rows),
        reference=f"{reference.file} in {reference.runtime.name}" if reference is not None else None,
        refused=refused,
        floors=tuple(floors),
        energy=energy,
        pictures=pictures,
        photographs=photograph_counts,
        accuracy=scored,
        recorded_hold_outs={
            name: accuracy.FileAccuracy.recorded(metrics) for name, metrics in default.manifest.hold_outs.items()
        },
        pipeline=watched,
        serving=served,
        recommendation=None,
        notes=tuple(notes),
        contradictions=tuple(contradictions),
    )
    runnable, claims = deployable(default, subjects[0].prefix)
    # What is not what its manifest says is not deployed before somebody knows why.
    runnable -= {name for name in runnable if any(line.startswith(f"{name}:") for line in contradictions)}
    return found.model_copy(update={"recommendation": recommend(found, runnable, claims)})


def _one_and_all() -> tuple[int, ...]:
    return tuple(sorted({1, machine.usable_cores()}))


def _runtimes(wanted: Sequence[str], formats: set[str]) -> tuple[list[Runtime], dict[str, str]]:
    """Those that can be used here, and why the others cannot. Raises `latency.LatencyError` for a name that is none."""
    every = all_runtimes()
    for name in wanted:
        if not any(runtime.name.lower().startswith(name.lower()) for runtime in every):
            known = ", ".join(runtime.name for runtime in every)
            raise latency.LatencyError(f"--runtimes {name}: no such runtime; there are {known}")
    usable, refused = [], {}
    for runtime in every:
        if wanted and not runtime.name.lower().startswith(tuple(name.lower() for name in wanted)):
            continue
        reason = missing(runtime)
        if reason is None and not formats & set(runtime.formats):
            reason = f"takes {' and '.join(runtime.formats)} files, and there is none"
            if "keras" in runtime.formats:
                reason += ' (make export RUN=... ARGS="--formats onnx tflite keras")'
        if reason is None:
            usable.append(runtime)
        else:
            refused[runtime.name] = reason
    if not usable:
        raise latency.LatencyError("; ".join(f"{name}: {reason}" for name, reason in refused.items()))
    return usable, refused


def _candidates(subjects: Sequence[Subject], runtimes: Sequence[Runtime], threads: Sequence[int]) -> list[Candidate]:
    return [
        Candidate(name, model, runtime, number)
        for subject in subjects
        for name, model in subject.models.items()
        for runtime in runtimes
        if model.format in runtime.formats and (not runtime.precisions or model.precision in runtime.precisions)
        for number in (threads if runtime.sets_threads else (0,))
    ]


def _reference(
    candidates: Sequence[Candidate], subjects: Sequence[Subject], wanted: str, notes: list[str]
) -> Candidate | None:
    """The named file in onnxruntime, with the fewest threads."""
    names = (wanted, f"{subjects[0].prefix}{wanted}")
    found = [c for c in candidates if c.file in names and c.runtime.name == OWN_RUNTIME["onnx"]]
    if not found:
        notes.append(f"no ratios: {wanted} is not among the ONNX files that were timed")
        return None
    return min(found, key=lambda candidate: candidate.threads)


def _with_ratios(rows: Sequence[Row], reference: Candidate | None) -> list[Row]:
    """Each row against the reference with as many threads; those that choose for themselves, against the most."""
    if reference is None:
        return list(rows)
    references = {
        row.threads: row for row in rows if (row.file, row.runtime) == (reference.file, reference.runtime.name)
    }
    if not references:
        return list(rows)
    most = references[max(references)]
    return [
        row
        if row is (theirs := references.get(row.threads, most))
        else row.model_copy(update={"ratio": latency.ratio(row, theirs)})
        for row in rows
    ]


def _timed_pictures(candidates: Sequence[Candidate], folder: Path) -> dict[int, Path]:
    """Drawn ones, the same on every machine, by size."""
    paths = {}
    for size in {candidate.model.size for candidate in candidates}:
        paths[size] = folder / f"timed-{size}.npy"
        np.save(paths[size], reference_pictures(size))
    return paths


def _floors(rows: Sequence[Row], files: Sequence[Measured], stages: Stages, notes: list[str]) -> list[Floor]:
    """The machine's peak in each arithmetic, and with each number of threads, that some row was timed in."""
    precisions = {file.name: file.precision for file in files}
    all_cores = max(row.threads for row in rows) or machine.usable_cores()
    wanted = sorted({(report.arithmetic(row, precisions[row.file]), row.threads or all_cores) for row in rows})
    progress = stages("measuring the machine's peak")
    floors = []
    for number, (precision, count) in enumerate(wanted):
        try:
            peak = limit.measure_peak(precision, count)
        except limit.LimitError as error:
            notes.append(f"no limit for {precision} with {count} threads: {error}")
        else:
            if peak is not None:
                floors.append(Floor(precision=precision, threads=count, gmacs_per_s=peak.gmacs_per_s, how=peak.how))
        progress(number + 1, len(wanted))
    return floors


def _meter() -> tuple[EnergyMeter | None, str]:
    meter = EnergyMeter.find()
    return meter, meter.source if meter is not None else EnergyMeter.absence()


def _kiosk(
    verified: bundle.Bundle, options: Options, stages: Stages, notes: list[str]
) -> tuple[pipeline.Steady | None, serving.Serving | None]:
    """The kiosk itself, with the file and the threads that it takes by default."""
    precision = "int8" if any(file.precision == "int8" and file.format == "onnx" for file in verified.files) else "fp32"
    seconds = 5.0 if options.length.name != "full" else 60.0
    watched = served = None
    try:
        watched = pipeline.measure_steady(
            verified,
            precision,
            drawn(_PIPELINE_PAINTINGS, options.seed),
            threads=None,
            seconds=seconds,
            seed=options.seed,
            progress=stages("the kiosk before a camera"),
        )
    except pipeline.PipelineError as error:
        notes.append(f"the kiosk's pipeline was not measured: {error}")
    try:
        served = serving.measure(
            verified.folder,
            precision=precision,
            threads=default_threads(),
            users=_SERVED_USERS,
            seconds=seconds / 2,
            progress=stages("the kiosk's API under load"),
        )
    except serving.ServingError as error:
        notes.append(f"the kiosk's API was not measured: {error}")
    return watched, served
