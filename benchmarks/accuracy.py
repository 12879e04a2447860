"""What the files of a bundle get right, all on the same pictures and by the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import f1_score

import bundle
from benchmarks import BenchmarkError
from benchmarks.division import Division, Photographs
from benchmarks.figures import Difference, Figure
from benchmarks.machine import usable_cores
from bundle.metrics import score_open_set, score_styles

# Pictures at a time: enough for all cores, and 10 MB at 320 pixels.
BATCH = 32


class AccuracyError(BenchmarkError):
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
    macro_f1: float | None = None
    """Unweighted mean of the F1 scores of the styles that have pictures; None where a manifest does not tell it."""

    @classmethod
    def of(cls, metrics: bundle.StyleMetrics, macro_f1: float | None = None) -> StyleFigures:
        """The figures of measured metrics."""
        return cls(
            pictures=metrics.pictures,
            accuracy=Figure.share(metrics.accuracy),
            recall={style: Figure.share(count) for style, count in metrics.recall.items()},
            mean_recall=Figure.mean_share(metrics.recall.values()),
            ece=None if np.isnan(metrics.ece) else metrics.ece,
            macro_f1=macro_f1,
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
    agreement: Figure | None = None
    """Answers that are the float network's, of all pictures of the styles; None for that network itself."""
    logits_max_difference: float | None = None
    """From the float network's, of the same pictures."""
    difference_to_fp32: dict[str, Difference] = {}
    """By figure (``published_test.accuracy``); empty for the float network and where there is none."""

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
    known: npt.NDArray[np.float32] | None
    """``[n]``; None where the network has no such output."""
    logits: npt.NDArray[np.float32] | None
    """``[n, styles]``; None likewise."""


@dataclass(frozen=True)
class _Set:
    paths: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    """Index of the style; -1 for pictures of none."""


@dataclass(frozen=True)
class Sets:
    """All pictures that a bundle's files are scored on, set by set, in one order."""

    by_name: dict[str, _Set]

    @classmethod
    def of(cls, division: Division | None, photographs: Photographs | None) -> Sets:
        """Those of folders; sets without pictures are left out."""
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
        return cls({name: pictures for name, pictures in sets.items() if pictures.paths})

    @property
    def count(self) -> int:
        """Pictures in all."""
        return sum(len(pictures.paths) for pictures in self.by_name.values())

    def write(self, size: int, target: Path, progress: Callable[[int, int], None]) -> None:
        """Store all pictures as a network's input, uint8 RGB ``[n, size, size, 3]`` in a ``.npy`` file.

        `progress` is called with (pictures done, pictures in all). Raises `AccuracyError` where one has become
        unreadable.
        """
        paths = [path for pictures in self.by_name.values() for path in pictures.paths]
        write_pixels(paths, size, target, progress)

    def read(self, answers: Path, styles: int) -> dict[str, Outputs]:
        """By set, the outputs that a worker wrote for those pictures; raises `AccuracyError` where they are not of so
        many pictures and `styles`."""
        with np.load(answers) as stored:
            values = {name: stored[name] for name in stored.files}
        shapes = {"probabilities": (self.count, styles), "known": (self.count,), "logits": (self.count, styles)}
        for name, shape in shapes.items():
            if name in values and values[name].shape != shape:
                raise AccuracyError(f"{name} is {list(values[name].shape)} where {list(shape)} belongs")
        found, start = {}, 0
        for name, pictures in self.by_name.items():
            part = slice(start, start + len(pictures.paths))
            found[name] = Outputs(
                values["probabilities"][part],
                values["known"][part] if "known" in values else None,
                values["logits"][part] if "logits" in values else None,
            )
            start = part.stop
        return found


def write_pixels(paths: Sequence[Path], size: int, target: Path, progress: Callable[[int, int], None]) -> None:
    """See `Sets.write`."""

    def prepare(path: Path) -> bundle.picture.Pixels:
        try:
            return bundle.prepare(bundle.read(path), size)
        except bundle.PictureError as error:
            raise AccuracyError(f"{path}: {error}; it could be read a moment ago") from error

    pixels = np.lib.format.open_memmap(target, "w+", np.uint8, (len(paths), size, size, 3))
    with ThreadPoolExecutor(usable_cores()) as pool:
        for number, picture in enumerate(pool.map(prepare, paths)):
            pixels[number] = picture
            progress(number + 1, len(paths))
    pixels.flush()


def _foreign(paths: Sequence[Path]) -> _Set:
    return _Set(tuple(paths), np.full(len(paths), -1, np.int64))


def key(file: str, runtime: str) -> str:
    """Under which a report has what a file gets right in a runtime."""
    return f"{file} | {runtime}"


@dataclass(frozen=True)
class Judged:
    """What a file said, in one runtime, and from where on `known` counts."""

    outputs: Mapping[str, Outputs]
    threshold: float


def score(
    sets: Sets, judged: Mapping[str, Judged], reference: str | None, styles: Sequence[str]
) -> dict[str, FileAccuracy]:
    """The figures of all that was `judged`, by the same keys; `reference` is the key of the float network."""
    result = {key: _score(sets.by_name, found.outputs, styles, found.threshold) for key, found in judged.items()}
    if reference is None or reference not in judged:
        return result
    for key, found in judged.items():
        if key == reference:
            continue
        differences = _differences(sets.by_name, found, judged[reference])
        differences |= _figure_differences(result[key], result[reference])
        result[key] = result[key].model_copy(
            update={"difference_to_fp32": differences} | _parity(sets.by_name, found.outputs, judged[reference].outputs)
        )
    return result


def _parity(
    sets: Mapping[str, _Set], mine: Mapping[str, Outputs], theirs: Mapping[str, Outputs]
) -> dict[str, Figure | float | None]:
    """Of all pictures of the styles."""
    names = [name for name in ("published_test", "unseen_artists") if name in sets]
    same = [mine[name].probabilities.argmax(axis=1) == theirs[name].probabilities.argmax(axis=1) for name in names]
    if not same:
        return {}
    equal = np.concatenate(same)
    furthest = None
    if all(mine[name].logits is not None and theirs[name].logits is not None for name in names):
        furthest = max(float(np.abs(mine[name].logits - theirs[name].logits).max()) for name in names)  # type: ignore[operator]
    return {
        "agreement": Figure.share(bundle.Count(correct=int(equal.sum()), total=len(equal))),
        "logits_max_difference": furthest,
    }


def _score(
    sets: Mapping[str, _Set], outputs: Mapping[str, Outputs], styles: Sequence[str], threshold: float
) -> FileAccuracy:
    def styles_of(name: str, pictures: str) -> StyleFigures | None:
        if name not in sets:
            return None
        probabilities, labels = outputs[name].probabilities, sets[name].labels
        present = np.unique(labels)
        macro_f1 = f1_score(labels, probabilities.argmax(axis=1), labels=present, average="macro", zero_division=0)
        return StyleFigures.of(score_styles(pictures, probabilities, labels, styles), float(macro_f1))

    nothing = np.empty(0, np.float32)
    by = "unseen_artists" if "unseen_artists" in sets else "published_test"
    reference = _known(outputs[by]) if by in outputs else nothing
    against = {"unseen_artists": "the styles by unseen artists", "published_test": "published test pictures"}

    def open_set_of(names: Sequence[str], pictures: str) -> OpenSetFigures | None:
        foreign = [known for name in names if name in outputs and (known := outputs[name].known) is not None]
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


def _known(outputs: Outputs) -> npt.NDArray[np.float32]:
    return outputs.known if outputs.known is not None else np.empty(0, np.float32)


def _differences(sets: Mapping[str, _Set], judged: Judged, reference: Judged) -> dict[str, Difference]:
    """Of shares, picture by picture."""
    quantity = {
        "published_test": "accuracy",
        "unseen_artists": "accuracy",
        "other_styles": "refused",
        "photographs": "called_a_style",
    }

    def is_counted(found: Judged, name: str) -> npt.NDArray[np.bool_] | None:
        outputs = found.outputs[name]
        if quantity[name] == "accuracy":
            return np.asarray(outputs.probabilities.argmax(axis=1) == sets[name].labels, np.bool_)
        if outputs.known is None:
            return None
        called = outputs.known > found.threshold
        return np.asarray(~called if quantity[name] == "refused" else called, np.bool_)

    differences = {}
    for name in sets:
        if name not in quantity:
            continue
        mine, theirs = is_counted(judged, name), is_counted(reference, name)
        if mine is not None and theirs is not None:
            differences[f"{name}.{quantity[name]}"] = Difference.paired(mine, theirs)
    return differences


def _figure_differences(file: FileAccuracy, reference: FileAccuracy) -> dict[str, Difference]:
    """Of figures that are no share of pictures."""
    differences = {}
    for name in ("published_test", "unseen_artists"):
        mine, theirs = getattr(file, name), getattr(reference, name)
        if mine is not None and theirs is not None:
            differences[f"{name}.mean_recall"] = Difference.of(mine.mean_recall, theirs.mean_recall)
    for name in ("other_styles", "photographs"):
        mine, theirs = getattr(file, name), getattr(reference, name)
        if mine is not None and theirs is not None:
            differences[f"{name}.auroc"] = Difference.of(mine.auroc, theirs.auroc)
    return differences
