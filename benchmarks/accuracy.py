"""What the files of a bundle get right, all on the same pictures and by the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

import bundle
from benchmarks.division import Division, Photographs
from benchmarks.figures import Difference, Figure
from benchmarks.machine import usable_cores
from bundle import runtimes
from bundle.metrics import score_open_set, score_styles

# Pictures at a time: enough for all cores, and 10 MB at 320 pixels.
BATCH = 32


class AccuracyError(ValueError):
    """A file cannot be scored; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StyleFigures(_Part):
    """How well the styles are told apart on one set."""

    pictures: str
    accuracy: Figure
    recall: dict[str, Figure]
    """By display name of the style."""
    mean_recall: Figure
    ece: float | None
    """Expected calibration error of the top-1 probability, 0-1."""

    @classmethod
    def of(cls, metrics: bundle.StyleMetrics) -> StyleFigures:
        """The figures of measured metrics."""
        return cls(
            pictures=metrics.pictures,
            accuracy=Figure.share(metrics.accuracy),
            recall={style: Figure.share(count) for style, count in metrics.recall.items()},
            mean_recall=Figure.mean_share(metrics.recall.values()),
            ece=None if np.isnan(metrics.ece) else metrics.ece,
        )


class OpenSetFigures(_Part):
    """How well pictures of none of the styles are told from those of the styles."""

    pictures: str
    called_a_style: Figure
    """Pictures of none of the styles that were called one."""
    refused: Figure
    """The rest of them."""
    accepted: Figure
    """Pictures of the styles that were not refused."""
    auroc: Figure
    fpr95: float | None
    """Share of foreign pictures let in where 95 % of the styles' are, 0-1."""

    @classmethod
    def of(cls, metrics: bundle.OpenSetMetrics) -> OpenSetFigures:
        """The figures of measured metrics."""
        refused = metrics.refused
        called = bundle.Count(correct=refused.total - refused.correct, total=refused.total)
        return cls(
            pictures=metrics.pictures,
            called_a_style=Figure.share(called),
            refused=Figure.share(refused),
            accepted=Figure.share(metrics.accepted),
            auroc=Figure.auroc(metrics.auroc, metrics.accepted.total, refused.total),
            fpr95=None if np.isnan(metrics.fpr95) else metrics.fpr95,
        )


class FileAccuracy(_Part):
    """All sets of one file; a set without pictures is None."""

    published_test: StyleFigures | None = None
    unseen_artists: StyleFigures | None = None
    other_styles: OpenSetFigures | None = None
    photographs: OpenSetFigures | None = None
    """Those not seen in training or calibration: the figure."""
    photographs_all: OpenSetFigures | None = None
    """Those that were seen too, for comparison."""
    difference_to_fp32: dict[str, Difference] = {}
    """By figure (``published_test.accuracy``); empty for the first fp32 file and where there is none."""

    @classmethod
    def recorded(cls, metrics: bundle.Metrics) -> FileAccuracy:
        """Figures that a manifest quotes, none measured now."""
        return cls(
            published_test=StyleFigures.of(metrics.published_test) if metrics.published_test else None,
            unseen_artists=StyleFigures.of(metrics.unseen_artists) if metrics.unseen_artists else None,
            other_styles=OpenSetFigures.of(metrics.other_styles) if metrics.other_styles else None,
            photographs=OpenSetFigures.of(metrics.not_paintings) if metrics.not_paintings else None,
        )


@dataclass(frozen=True)
class Outputs:
    """What one file says of the pictures of one set."""

    probabilities: npt.NDArray[np.float32]
    """``[n, styles]``."""
    known: npt.NDArray[np.float32]
    """``[n]``."""


@dataclass(frozen=True)
class _Set:
    paths: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    """Index of the style; -1 for pictures of none."""


def check_loadable(verified: bundle.Bundle) -> None:
    """Raise `AccuracyError` now, rather than after minutes of timing, where a file's runtime is missing or refuses
    it."""
    for file in verified.files:
        _load(verified, file)


def measure(
    verified: bundle.Bundle,
    division: Division | None,
    photographs: Photographs | None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, FileAccuracy]:
    """Score every loaded file of the bundle in its own runtime; the keys are file names.

    `progress` is called with (pictures done, pictures in all). Raises `AccuracyError` where a file cannot
    be run, and `bundle.PictureError` where a picture has become unreadable.
    """
    sets = _sets(division, photographs)
    files = verified.files
    models = {file.path: _load(verified, file) for file in files}
    outputs = _run(sets, models, verified.manifest, progress)
    reference = next((file for file in files if file.precision == "fp32"), None)
    result = {
        file.path: _score(sets, outputs[file.path], verified.manifest.styles, file.known.threshold) for file in files
    }
    for file in files:
        if reference is not None and file is not reference:
            differences = _differences(sets, (file, outputs[file.path]), (reference, outputs[reference.path]))
            differences |= _figure_differences(result[file.path], result[reference.path])
            result[file.path] = result[file.path].model_copy(update={"difference_to_fp32": differences})
    return result


def _sets(division: Division | None, photographs: Photographs | None) -> dict[str, _Set]:
    sets = {}
    if division is not None:
        for name, labelled in (("published_test", division.test), ("unseen_artists", division.unseen)):
            sets[name] = _Set(
                tuple(painting.path for painting, _ in labelled),
                np.array([label for _, label in labelled], np.int64),
            )
        sets["other_styles"] = _foreign([painting.path for painting in division.others])
    if photographs is not None:
        both = photographs.photographs
        sets["photographs"] = _foreign([photograph.path for photograph in both if not photograph.seen])
        sets["photographs_seen"] = _foreign([photograph.path for photograph in both if photograph.seen])
    return {name: pictures for name, pictures in sets.items() if pictures.paths}


def _foreign(paths: Sequence[Path]) -> _Set:
    return _Set(tuple(paths), np.full(len(paths), -1, np.int64))


def _load(verified: bundle.Bundle, file: bundle.ModelFile) -> runtimes.Runtime:
    try:
        return runtimes.load(verified.contents[file.path], file.format, usable_cores())
    except runtimes.CannotLoad as error:
        raise AccuracyError(f"{file.path}: {error}") from error


def _run(
    sets: Mapping[str, _Set],
    models: Mapping[str, runtimes.Runtime],
    manifest: bundle.Manifest,
    progress: Callable[[int, int], None] | None,
) -> dict[str, dict[str, Outputs]]:
    """Outputs by file and set. Each picture is decoded once, for all files."""
    rows: dict[str, dict[str, list[Outputs]]] = {path: {name: [] for name in sets} for path in models}
    total, done = sum(len(pictures.paths) for pictures in sets.values()), 0

    def prepare(path: Path) -> bundle.picture.Pixels:
        try:
            return bundle.prepare(bundle.read(path), manifest.input_size)
        except bundle.PictureError as error:
            raise AccuracyError(f"{path}: {error}; it could be read a moment ago") from error

    with ThreadPoolExecutor(usable_cores()) as pool:
        for name, pictures in sets.items():
            for start in range(0, len(pictures.paths), BATCH):
                batch = np.stack(list(pool.map(prepare, pictures.paths[start : start + BATCH])))
                for path, model in models.items():
                    rows[path][name].append(_infer(path, model, batch, len(manifest.styles)))
                done += len(batch)
                if progress is not None:
                    progress(done, total)
    return {
        path: {
            name: Outputs(
                np.concatenate([row.probabilities for row in listed]),
                np.concatenate([row.known for row in listed]),
            )
            for name, listed in by_set.items()
        }
        for path, by_set in rows.items()
    }


def _infer(path: str, model: runtimes.Runtime, batch: bundle.picture.Pixels, styles: int) -> Outputs:
    try:
        outputs = model.run(batch, ("probabilities", "known"))
    except Exception as error:  # each runtime has errors of its own, without a common class
        raise AccuracyError(f"{path} fails: {str(error).strip().splitlines()[0]}") from error
    probabilities, known = outputs["probabilities"], outputs["known"]
    if probabilities.shape != (len(batch), styles) or known.shape != (len(batch),):
        raise AccuracyError(
            f"{path} gives probabilities {list(probabilities.shape)} and known {list(known.shape)}"
            f" for {len(batch)} pictures and {styles} styles"
        )
    return Outputs(probabilities, known)


def _score(
    sets: Mapping[str, _Set], outputs: Mapping[str, Outputs], styles: Sequence[str], threshold: float
) -> FileAccuracy:
    def styles_of(name: str, pictures: str) -> StyleFigures | None:
        if name not in sets:
            return None
        metrics = score_styles(pictures, outputs[name].probabilities, sets[name].labels, styles)
        return StyleFigures.of(metrics)

    nothing = np.empty(0, np.float32)
    by = "unseen_artists" if "unseen_artists" in sets else "published_test"
    reference = outputs[by].known if by in outputs else nothing
    against = {"unseen_artists": "the styles by unseen artists", "published_test": "published test pictures"}

    def open_set_of(names: Sequence[str], pictures: str) -> OpenSetFigures | None:
        foreign = [outputs[name].known for name in names if name in outputs]
        if not foreign:
            return None
        if len(reference):
            pictures += f", against {against[by]}"
        return OpenSetFigures.of(score_open_set(pictures, reference, np.concatenate(foreign), threshold))

    return FileAccuracy(
        published_test=styles_of("published_test", "published test pictures"),
        unseen_artists=styles_of("unseen_artists", "paintings by artists not trained on"),
        other_styles=open_set_of(["other_styles"], "paintings of other styles by artists not trained on"),
        photographs=open_set_of(["photographs"], "photographs not seen in training or calibration"),
        photographs_all=open_set_of(["photographs", "photographs_seen"], "photographs, seen ones too"),
    )


def _differences(
    sets: Mapping[str, _Set],
    judged: tuple[bundle.ModelFile, Mapping[str, Outputs]],
    reference: tuple[bundle.ModelFile, Mapping[str, Outputs]],
) -> dict[str, Difference]:
    """Of shares, picture by picture."""
    quantity = {
        "published_test": "accuracy",
        "unseen_artists": "accuracy",
        "other_styles": "refused",
        "photographs": "called_a_style",
    }

    def is_counted(
        file_and_outputs: tuple[bundle.ModelFile, Mapping[str, Outputs]], name: str
    ) -> npt.NDArray[np.bool_]:
        file, outputs = file_and_outputs
        if quantity[name] == "accuracy":
            right = outputs[name].probabilities.argmax(axis=1) == sets[name].labels
        else:
            right = outputs[name].known > file.known.threshold
            right = ~right if quantity[name] == "refused" else right
        return np.asarray(right, np.bool_)

    return {
        f"{name}.{quantity[name]}": Difference.paired(is_counted(judged, name), is_counted(reference, name))
        for name in sets
        if name in quantity
    }


def _figure_differences(file: FileAccuracy, reference: FileAccuracy) -> dict[str, Difference]:
    """Of figures that are no share of pictures."""
    differences = {}
    for name in ("published_test", "unseen_artists"):
        mine, theirs = getattr(file, name), getattr(reference, name)
        if mine is not None:
            differences[f"{name}.mean_recall"] = Difference.of(mine.mean_recall, theirs.mean_recall)
    for name in ("other_styles", "photographs"):
        mine, theirs = getattr(file, name), getattr(reference, name)
        if mine is not None:
            differences[f"{name}.auroc"] = Difference.of(mine.auroc, theirs.auroc)
    return differences
