"""The bundles that are measured, and the peers that are made of them: files on disk, ready to be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bundle
from benchmarks import Stages, accuracy, limit, peers
from benchmarks.division import Division
from benchmarks.report import Measured
from benchmarks.runtimes import Model

# Format and precision of the file that peers are made of.
_FLOAT = ("onnx", "fp32")


@dataclass
class Subject:
    """One bundle, and what belongs to it."""

    verified: bundle.Bundle
    name: str
    """In the report."""
    prefix: str
    """Of the names of its files in the report: empty where it is the only bundle."""
    division: Division | None = None
    sets: accuracy.Sets = field(default_factory=lambda: accuracy.Sets({}))
    models: dict[str, Model] = field(default_factory=dict)
    """By name of the file in the report."""
    multiply_accumulates: int | None = None
    """Of the network; None where they are not known."""

    @property
    def manifest(self) -> bundle.Manifest:
        """What it says of itself."""
        return self.verified.manifest


def load_subjects(folders: Sequence[Path]) -> list[Subject]:
    """Verified bundles by their names, or by those of their folders where two have one; raises `bundle.BundleError`."""
    verified = [bundle.load(folder) for folder in folders]
    names = [found.manifest.name for found in verified]
    if len(set(names)) < len(names):
        names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise bundle.BundleError(f"{', '.join(map(str, folders))}: two have one name; rename a folder")
    several = len(verified) > 1
    return [Subject(found, name, f"{name}/" if several else "") for found, name in zip(verified, names, strict=True)]


def write_files(subjects: Sequence[Subject], folder: Path, notes: list[str]) -> list[Measured]:
    """The verified bytes, where workers read them: what was verified is what runs."""
    files = []
    for number, subject in enumerate(subjects):
        subject.multiply_accumulates = _multiply_accumulates(subject.verified, notes)
        for file in subject.verified.files:
            name, path = f"{subject.prefix}{file.path}", folder / f"{number}-{file.path}"
            path.write_bytes(subject.verified.contents[file.path])
            outputs = tuple(output for output in bundle.OUTPUTS if output != "evidence" or subject.manifest.evidence)
            subject.models[name] = Model(path, file.format, file.precision, subject.manifest.input_size, outputs)
            files.append(
                Measured(
                    name=name,
                    bundle=subject.name,
                    format=file.format,
                    precision=file.precision,
                    size_bytes=file.size_bytes,
                    input_size=subject.manifest.input_size,
                    multiply_accumulates=subject.multiply_accumulates,
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


def make_peers(subject: Subject, stages: Stages, notes: list[str], refused: dict[str, str]) -> list[Measured]:
    """All peers that can be made of a bundle, among its models then; why others cannot be is in `refused`."""
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
                bundle=subject.name,
                format=made.format,
                precision=made.precision,
                size_bytes=made.size_bytes,
                input_size=made.size,
                peer=made.network or peer.REASON,
                note=made.note,
                multiply_accumulates=subject.multiply_accumulates if own else None,
                accuracy_counts=made.accuracy,
            )
        )
    return files


def _begin(stages: Stages, title: str) -> None:
    stages(title)


def deployable(verified: bundle.Bundle, prefix: str) -> tuple[frozenset[str], dict[str, float]]:
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
