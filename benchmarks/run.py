"""Everything that one report holds: files of bundles and their peers in all runtimes, and the kiosk with the default.

In the order of what may go wrong first: bundles, pictures, peers, then clocks; and all clocks of files in turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import bundle
from benchmarks import accuracy, latency, limit, machine, peers, pipeline, report, serving
from benchmarks.division import Division, DivisionError, Photographs, read_split
from benchmarks.energy import EnergyMeter
from benchmarks.facts import BundleFacts
from benchmarks.latency import Candidate, Length, Row, Scoring
from benchmarks.recommendation import recommend
from benchmarks.report import Floor, Measured, PhotographCounts, Pictures, Report
from benchmarks.runtimes import Model, Runtime, all_runtimes, missing
from benchmarks.scenes import drawn
from bundle.reference import reference_pictures
from kiosk.classifier import default_threads

Stages = Callable[[str], Callable[[int, int], None]]

# The runtime that a format is made for: the one in which a file is held to its manifest.
OWN_RUNTIME = {"onnx": "onnxruntime CPU", "tflite": "LiteRT", "keras": "Keras predict"}

_SERVED_USERS = (1, 4)
_PIPELINE_PAINTINGS = 4


@dataclass(frozen=True)
class Options:
    """What is to be measured."""

    bundles: tuple[Path, ...]
    data: tuple[Path, ...] = ()
    photos: Path | None = None
    split: Path | None = None
    """Of a run, in place of `data` and `photos`."""
    part: str = "test"
    """Of the split."""
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


@dataclass
class _Subject:
    """One bundle, and what belongs to it."""

    verified: bundle.Bundle
    prefix: str
    division: Division | None = None
    sets: accuracy.Sets = field(default_factory=lambda: accuracy.Sets({}))
    models: dict[str, Model] = field(default_factory=dict)
    """By name of the file in the report."""

    @property
    def manifest(self) -> bundle.Manifest:
        return self.verified.manifest


def run(options: Options, stages: Stages) -> Report:
    """Measure. `stages` is called with the name of each part, and gives what is told its progress.

    Raises `bundle.BundleError`, `bundle.CatalogueError`, `DivisionError`, `accuracy.AccuracyError` or
    `latency.LatencyError`; what else cannot be measured is a note in the report.
    """
    started = time.monotonic()
    notes: list[str] = []
    before = machine.State.here()
    subjects = _subjects(options.bundles)
    pictures, photographs, photograph_counts = _read_pictures(options, subjects, stages, notes)
    runtimes, refused = _runtimes(options.runtimes)
    with tempfile.TemporaryDirectory(prefix="vernissage-") as temporary:
        folder = Path(temporary)
        files = _write_files(subjects, folder, notes)
        if options.peers:
            for subject in subjects[:1]:
                files += _make_peers(subject, stages, notes, refused)
        candidates = _candidates(subjects, runtimes, options.threads or _one_and_all())
        if not candidates:
            raise latency.LatencyError("no runtime that is installed here takes any of the files")
        reference = _reference(candidates, subjects, options.reference, notes)
        for subject in subjects:
            subject.sets = accuracy.Sets.of(subject.division, photographs)
        figures = {file.name for file in files if file.accuracy_counts}
        scorings = _write_pictures([c for c in candidates if c.file in figures], subjects, folder, stages)
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
        scored = _score(subjects, scorings)
    rows = _with_ratios(rows, reference)
    floors = _floors(rows, files, stages, notes)
    contradictions = _contradictions(subjects, scored, notes)
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
    runnable, claims = _deployable(default, subjects[0].prefix)
    return found.model_copy(update={"recommendation": recommend(found, runnable, claims)})


def _deployable(verified: bundle.Bundle, prefix: str) -> tuple[frozenset[str], dict[str, float]]:
    """The files that a kiosk on this machine would take, one for each precision; and by file, how many points of
    accuracy it has less than float, as the manifest tells."""
    precisions = {file.precision for file in verified.files if file.format == "onnx"}
    tests = {file.path: file.metrics.published_test for file in verified.files}
    exact = next((test for file in verified.files if file.precision == "fp32" and (test := tests[file.path])), None)
    claims = {
        f"{prefix}{path}": 100 * (exact.accuracy.rate - test.accuracy.rate)
        for path, test in tests.items()
        if exact is not None and test is not None
    }
    return frozenset(f"{prefix}{verified.file(precision).path}" for precision in precisions), claims


def _one_and_all() -> tuple[int, ...]:
    return tuple(sorted({1, machine.usable_cores()}))


def _subjects(folders: Sequence[Path]) -> list[_Subject]:
    verified = [bundle.load(folder) for folder in folders]
    names = [found.manifest.name for found in verified]
    if len(set(names)) < len(names):
        raise bundle.BundleError(f"two bundles are named {max(names, key=names.count)}; name each once")
    return [_Subject(found, f"{found.manifest.name}/" if len(verified) > 1 else "") for found in verified]


def _read_pictures(
    options: Options, subjects: Sequence[_Subject], stages: Stages, notes: list[str]
) -> tuple[dict[str, Pictures], Photographs | None, PhotographCounts | None]:
    """Divide the pictures for each bundle by what its network was trained on."""
    photographs = folder = None
    skipped: tuple[bundle.Skipped, ...] = ()
    if options.split is not None:
        folder = f"{options.split}, part {options.part}"
        folders: tuple[str, ...] = (folder,)
        for subject in subjects:
            subject.division, photographs = read_split(options.split, options.part, subject.manifest)
    else:
        folders = tuple(map(str, options.data))
        if options.photos is not None and not options.photos.is_dir():
            raise DivisionError(f"{options.photos}: no such folder; --photos names a folder of photographs")
        if options.data:
            catalogue = bundle.read_catalogue(list(options.data), stages("reading paintings"))
            skipped = catalogue.skipped
            for subject in subjects:
                subject.division = Division.of(catalogue.paintings, subject.manifest)
        else:
            notes.append("no accuracy on paintings: name folders of paintings with --data")
        if options.photos is not None:
            # Of several bundles, photographs count as seen where any has seen them.
            share = max(subject.manifest.dataset.photographs_seen_share for subject in subjects)
            photographs = Photographs.read(options.photos, share, stages("reading photographs"))
            folder = str(options.photos)
    pictures = {
        subject.manifest.name: _pictures(subject.division, folders, skipped, notes)
        for subject in subjects
        if subject.division is not None
    }
    if photographs is None or folder is None:
        return pictures, None, None
    seen = sum(photograph.seen for photograph in photographs.photographs)
    counts = PhotographCounts(
        folder=folder,
        unseen=len(photographs.photographs) - seen,
        seen=seen,
        skipped=tuple(map(str, photographs.skipped)),
    )
    return pictures, photographs, counts


def _pictures(
    division: Division, folders: tuple[str, ...], skipped: Sequence[bundle.Skipped], notes: list[str]
) -> Pictures:
    if division.empty:
        notes.append(
            f"no accuracy: {', '.join(folders)} has none of the {division.test_listed}"
            " published test pictures, and no painting of a style by an artist who was not trained on"
        )
    return Pictures(
        folders=folders,
        published_test=len(division.test),
        published_test_listed=division.test_listed,
        unseen_artists=len(division.unseen),
        other_styles=len(division.others),
        trained_not_scored=division.trained,
        ambiguous_not_scored=division.ambiguous,
        skipped=tuple(map(str, skipped)),
    )


def _runtimes(wanted: Sequence[str]) -> tuple[list[Runtime], dict[str, str]]:
    """Those that can be used here, and why the others cannot."""
    usable, refused = [], {}
    for runtime in all_runtimes():
        if wanted and not runtime.name.lower().startswith(tuple(name.lower() for name in wanted)):
            continue
        reason = missing(runtime)
        if reason is None:
            usable.append(runtime)
        else:
            refused[runtime.name] = reason
    return usable, refused


def _write_files(subjects: Sequence[_Subject], folder: Path, notes: list[str]) -> list[Measured]:
    """The verified bytes, where workers read them: what was verified is what runs."""
    files = []
    for number, subject in enumerate(subjects):
        macs = _multiply_accumulates(subject.verified, notes)
        for file in subject.verified.files:
            name, path = f"{subject.prefix}{file.path}", folder / f"{number}-{file.path}"
            path.write_bytes(subject.verified.contents[file.path])
            outputs = tuple(output for output in bundle.OUTPUTS if output != "evidence" or subject.manifest.evidence)
            subject.models[name] = Model(path, file.format, file.precision, subject.manifest.input_size, outputs)
            files.append(
                Measured(
                    name=name,
                    bundle=subject.manifest.name,
                    format=file.format,
                    precision=file.precision,
                    size_bytes=file.size_bytes,
                    input_size=subject.manifest.input_size,
                    multiply_accumulates=macs,
                )
            )
    return files


def _multiply_accumulates(verified: bundle.Bundle, notes: list[str]) -> int | None:
    """Of the network, by its first ONNX file; all files of a bundle are of one network."""
    for file in verified.files:
        if file.format == "onnx":
            try:
                return limit.count_multiply_accumulates(verified.contents[file.path])
            except limit.LimitError as error:
                notes.append(f"{file.path}: no limit: {error}")
    return None


def _make_peers(subject: _Subject, stages: Stages, notes: list[str], refused: dict[str, str]) -> list[Measured]:
    float_file = next((model for model in subject.models.values() if (model.format, model.precision) == _FLOAT), None)
    if float_file is None:
        notes.append("no peers are made: the bundle has no fp32 ONNX file")
        return []
    paintings = subject.division.trained_styles if subject.division is not None else ()
    source = peers.Source(
        fp32=float_file.path,
        styles=subject.manifest.styles,
        size=subject.manifest.input_size,
        paintings=tuple((painting.path, label) for painting, label in paintings),
    )
    files = []
    macs = _multiply_accumulates(subject.verified, [])
    for module, peer in peers.all_peers().items():
        try:
            path, made = peers.made(module, source, peers.default_cache(), lambda line: _begin(stages, line))
        except peers.PeerError as error:
            refused[peer.NAME] = str(error).removeprefix(f"{peer.NAME}: ")
            continue
        name = f"{subject.prefix}{peer.NAME}"
        subject.models[name] = Model(path, made.format, made.precision, made.size, made.outputs)
        own = not made.network
        files.append(
            Measured(
                name=name,
                bundle=subject.manifest.name,
                format=made.format,
                precision=made.precision,
                size_bytes=made.size_bytes,
                input_size=made.size,
                peer=made.network or peer.REASON,
                note=made.note,
                multiply_accumulates=macs if own else None,
                accuracy_counts=made.accuracy,
            )
        )
    return files


_FLOAT = ("onnx", "fp32")


def _begin(stages: Stages, title: str) -> None:
    stages(title)


def _candidates(subjects: Sequence[_Subject], runtimes: Sequence[Runtime], threads: Sequence[int]) -> list[Candidate]:
    return [
        Candidate(name, model, runtime, number)
        for subject in subjects
        for name, model in subject.models.items()
        for runtime in runtimes
        if model.format in runtime.formats and (not runtime.precisions or model.precision in runtime.precisions)
        for number in (threads if runtime.sets_threads else (0,))
    ]


def _reference(
    candidates: Sequence[Candidate], subjects: Sequence[_Subject], wanted: str, notes: list[str]
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


def _write_pictures(
    candidates: Sequence[Candidate], subjects: Sequence[_Subject], folder: Path, stages: Stages
) -> dict[Candidate, Scoring]:
    """What each file has to score, in each runtime with the most threads that it is timed with."""
    scorings: dict[Candidate, Scoring] = {}
    stored: dict[tuple[int, int], Path] = {}
    chosen: dict[tuple[str, str], Candidate] = {}
    for candidate in candidates:
        key = (candidate.file, candidate.runtime.name)
        if key not in chosen or candidate.threads > chosen[key].threads:
            chosen[key] = candidate
    for number, subject in enumerate(subjects):
        if not subject.sets.count:
            continue
        for candidate in chosen.values():
            if candidate.file not in subject.models:
                continue
            place = (number, candidate.model.size)
            if place not in stored:
                stored[place] = folder / f"scored-{number}-{candidate.model.size}.npy"
                subject.sets.write(candidate.model.size, stored[place], stages("preparing pictures"))
            scorings[candidate] = Scoring(stored[place], folder / f"answers-{len(scorings)}.npz")
    return scorings


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


def _score(subjects: Sequence[_Subject], scorings: dict[Candidate, Scoring]) -> dict[str, accuracy.FileAccuracy]:
    scored: dict[str, accuracy.FileAccuracy] = {}
    for subject in subjects:
        thresholds = {f"{subject.prefix}{file.path}": file.known.threshold for file in subject.verified.files}
        # A peer of the same network is judged as the float file is.
        float_threshold = next(iter(thresholds.values()))
        judged = {
            f"{candidate.file} | {candidate.runtime.name}": accuracy.Judged(
                subject.sets.read(scoring.answers), thresholds.get(candidate.file, float_threshold)
            )
            for candidate, scoring in scorings.items()
            if candidate.file in subject.models and scoring.answers.exists()
        }
        scored |= accuracy.score(subject.sets, judged, _float_key(subject, judged), subject.manifest.styles)
    return scored


def _float_key(subject: _Subject, judged: dict[str, accuracy.Judged]) -> str | None:
    """Keras where it was run, for it is what was trained; else the fp32 ONNX file in onnxruntime."""
    for format in ("keras", "onnx"):
        for name, model in subject.models.items():
            key = f"{name} | {OWN_RUNTIME[format]}"
            if (model.format, model.precision) == (format, "fp32") and key in judged:
                return key
    return None


def _contradictions(
    subjects: Sequence[_Subject], scored: dict[str, accuracy.FileAccuracy], notes: list[str]
) -> list[str]:
    contradictions = []
    for subject in subjects:
        own = {
            file.path: (runtime, scored[key])
            for file in subject.verified.files
            if (key := f"{subject.prefix}{file.path} | {(runtime := OWN_RUNTIME[file.format])}") in scored
        }
        wrong, more = report.find_contradictions(subject.manifest, own)
        contradictions += [f"{subject.prefix}{line}" for line in wrong]
        notes += [f"{subject.prefix}{line}" for line in more]
    return contradictions


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
