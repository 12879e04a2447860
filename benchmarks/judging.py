"""What the files of bundles get right: pictures in, answers of the workers out, and what the manifests claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bundle
from benchmarks import Stages, accuracy
from benchmarks.division import Division, DivisionError, Photographs, read_split
from benchmarks.latency import Candidate, Scoring
from benchmarks.report import PhotographCounts, Pictures, find_contradictions
from benchmarks.subjects import Subject

# The runtime that a format is made for: the one in which a file is held to its manifest.
OWN_RUNTIME = {"onnx": "onnxruntime CPU", "tflite": "LiteRT", "keras": "Keras predict"}


@dataclass(frozen=True)
class Source:
    """Where pictures to judge by come from."""

    data: tuple[Path, ...] = ()
    """Folders of paintings."""
    photos: Path | None = None
    """A folder of photographs that show no painting."""
    split: Path | None = None
    """Of a run, in place of both."""


def read_pictures(
    source: Source, subjects: Sequence[Subject], stages: Stages, notes: list[str]
) -> tuple[dict[str, Pictures], Photographs | None, PhotographCounts | None]:
    """Divide the pictures for each bundle by what its network was trained on."""
    photographs = folder = None
    skipped: tuple[bundle.Skipped, ...] = ()
    if source.split is not None:
        folder = f"what {source.split} left out of training"
        folders: tuple[str, ...] = (folder,)
        for subject in subjects:
            subject.division, photographs = read_split(source.split, subject.manifest)
    else:
        folders = tuple(map(str, source.data))
        if source.photos is not None and not source.photos.is_dir():
            raise DivisionError(f"{source.photos}: no such folder; --photos names a folder of photographs")
        if source.data:
            catalogue = bundle.read_catalogue(list(source.data), stages("reading paintings"))
            skipped = catalogue.skipped
            for subject in subjects:
                subject.division = Division.of(catalogue.paintings, subject.manifest)
        else:
            notes.append("no accuracy on paintings: name folders of paintings with --data")
        if source.photos is not None:
            # Of several bundles, photographs count as seen where any has seen them.
            share = max(subject.manifest.dataset.photographs_seen_share for subject in subjects)
            photographs = Photographs.read(source.photos, share, stages("reading photographs"))
            folder = str(source.photos)
    pictures = {
        subject.name: _pictures(subject.division, folders, skipped, notes)
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


def write_pictures(
    candidates: Sequence[Candidate], subjects: Sequence[Subject], folder: Path, stages: Stages
) -> dict[Candidate, Scoring]:
    """Store the pictures in `folder`, and say what each file has to score: once in each runtime, with the most threads
    that it is timed with."""
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


def score(
    subjects: Sequence[Subject], scorings: dict[Candidate, Scoring], refused: dict[str, str]
) -> dict[str, accuracy.FileAccuracy]:
    """The figures of all that was scored, by ``FILE | RUNTIME``; answers that are none are told in `refused`."""
    scored: dict[str, accuracy.FileAccuracy] = {}
    for subject in subjects:
        thresholds = {f"{subject.prefix}{file.path}": file.known.threshold for file in subject.verified.files}
        # A peer of the same network is judged as the float file is.
        floats = [file for file in subject.verified.files if file.precision == "fp32"]
        float_threshold = (floats or list(subject.verified.files))[0].known.threshold
        judged = {}
        for candidate, scoring in scorings.items():
            key = accuracy.key(candidate.file, candidate.runtime.name)
            if candidate.file not in subject.models or not scoring.answers.exists():
                continue
            try:
                outputs = subject.sets.read(scoring.answers, len(subject.manifest.styles))
            except accuracy.AccuracyError as error:
                refused[f"accuracy of {key}"] = str(error)
            else:
                judged[key] = accuracy.Judged(outputs, thresholds.get(candidate.file, float_threshold))
        scored |= accuracy.score(subject.sets, judged, _float_key(subject, judged), subject.manifest.styles)
    return scored


def _float_key(subject: Subject, judged: dict[str, accuracy.Judged]) -> str | None:
    """Keras where it was run, for it is what was trained; else the fp32 ONNX file in onnxruntime."""
    for format in ("keras", "onnx"):
        for name, model in subject.models.items():
            key = accuracy.key(name, OWN_RUNTIME[format])
            if (model.format, model.precision) == (format, "fp32") and key in judged:
                return key
    return None


def contradictions_of(
    subjects: Sequence[Subject], scored: dict[str, accuracy.FileAccuracy], notes: list[str]
) -> list[str]:
    """Where a file of a bundle, in the runtime that its format is made for, is not as accurate as its manifest claims;
    what is no more than rounding, or cannot be compared, is a note."""
    contradictions = []
    for subject in subjects:
        own = {
            file.path: (runtime, scored[key])
            for file in subject.verified.files
            if (key := accuracy.key(f"{subject.prefix}{file.path}", (runtime := OWN_RUNTIME[file.format]))) in scored
        }
        wrong, more = find_contradictions(subject.manifest, own)
        contradictions += [f"{subject.prefix}{line}" for line in wrong]
        notes += [f"{subject.prefix}{line}" for line in more]
    return contradictions
