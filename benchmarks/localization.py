"""Where locators find the paintings of synthetic scenes, and what that is worth to the classifier.

Of the candidates that a locator returns, the one nearest to the frame's centre is judged, as in the kiosk,
against the canvas nearest to the centre. Locators are timed in one thread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict
from rich.console import Console

import bundle
from benchmarks import BenchmarkError
from benchmarks.division import Division
from benchmarks.facts import BundleFacts
from benchmarks.figures import Difference, Figure, Quantiles
from benchmarks.machine import Machine
from benchmarks.scenes import KINDS, Attributes, Kind, Painting, Scene, drawn, scene
from benchmarks.tables import new_table
from bundle.picture import Pixels
from kiosk.classifier import Classifier
from kiosk.eye import upright
from kiosk.locator import Candidate, Locator
from kiosk.locator.classical import ClassicalLocator
from kiosk.locator.network import LocatorError, NetworkLocator
from kiosk.locator.quad import Quad, centre, corner_distance, iou
from kiosk.locator.tracker import Sight, View

# Intersection over union from which on a painting counts as found: its style is then told as well as that
# of the cut-out painting.
FOUND_IOU = 0.85

# What the locator that ships must reach: share of the scenes with IoU >= 0.85, or with nothing reported.
BARS: Mapping[Kind, float] = {"plain": 0.92, "hard": 0.80, "bare": 0.99}

# Points of accuracy that localisation may cost, compared with the cut-out paintings.
MOST_LOST_POINTS = 2.0

# Canvases that are drawn where no folder is given.
_DRAWN = 60

# Pictures written for each locator and kind with ``--show``.
_SHOWN = 40


class LocalizationError(BenchmarkError):
    """Localisation cannot be measured; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KindFigures(_Part):
    """One locator on the scenes of one kind that show paintings."""

    scenes: int
    found: Figure
    """IoU at least `FOUND_IOU`."""
    missed: Figure
    """Nothing reported at all."""
    iou_median: float
    """A missed painting counts as 0."""
    corner_error_median: float | None
    """Largest distance of a corner, per cent of the square root of the canvas's area; of the scenes where
    something was reported. None where there is none."""
    corner_error_p90: float | None
    reported: float
    """Candidates in a scene, on average."""
    by_attribute: dict[str, Figure]
    """`found` of parts of the scenes."""


class BareFigures(_Part):
    """One locator on the scenes without a painting."""

    scenes: int
    silent: Figure
    """Nothing was reported."""
    by_attribute: dict[str, Figure]


class LocatorFigures(_Part):
    """One locator."""

    locator: str
    plain: KindFigures
    hard: KindFigures
    bare: BareFigures
    locate_p50_ms: float
    """Of all scenes, 1280 x 720, in one thread."""
    locate_p99_ms: float


class AccuracyFigures(_Part):
    """Top-1 accuracy of the bundle's classifier on the scenes of one kind whose painting has a label."""

    cut_out: Figure
    """The file of the painting itself."""
    whole_frame: Figure
    centre_square: Figure
    true_corners: Figure
    """Cut out of the scene and rectified by the truth: what a perfect locator would give."""
    located: dict[str, Figure]
    """By locator: rectified by what it found, and the centre square where it found nothing."""
    located_to_cut_out: dict[str, Difference]
    """By locator: points gained or lost. Not all of them are the locator's: a picture of 256 pixels that was
    photographed from a wall is no longer as sharp."""
    located_to_true_corners: dict[str, Difference]
    """By locator: what its errors cost, and nothing else."""


class PaintingFacts(_Part):
    """What hung in the frames."""

    folders: tuple[str, ...]
    """Empty where canvases were drawn."""
    paintings: int
    labelled: int
    which: str


class Report(_Part):
    """All that one run found. Shares are 0-1."""

    schema_version: Literal[1] = 1
    machine: Machine
    bundle: BundleFacts
    seed: int
    scenes: int
    """Of each kind."""
    found_iou: float = FOUND_IOU
    paintings: PaintingFacts
    locators: tuple[LocatorFigures, ...]
    accuracy: dict[str, AccuracyFigures]
    """By kind, and ``both`` of them; empty where no painting has a label."""
    classifier: str | None
    """Name of the model file that was asked."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Outcome:
    """What one locator said of one scene."""

    reported: int
    iou: float
    corner_error: float
    """Share of the square root of the canvas's area; infinite where nothing was reported."""
    took_ms: float
    chosen: Candidate | None

    @property
    def found(self) -> bool:
        return self.iou >= FOUND_IOU


def locators(
    verified: bundle.Bundle, wanted: Literal["classical", "network", "both"]
) -> tuple[tuple[Locator, ...], tuple[str, ...]]:
    """The locators that are asked for, and notes on those that cannot be had.

    Raises `LocalizationError` where there is none.
    """
    found: list[Locator] = []
    notes: list[str] = []
    if wanted in ("classical", "both"):
        found.append(ClassicalLocator())
    if wanted in ("network", "both"):
        if verified.manifest.locator is None:
            notes.append(f"{verified.folder}: the bundle has no locator network")
        else:
            try:
                found.append(NetworkLocator(verified))
            except LocatorError as error:
                notes.append(str(error))
    if not found:
        raise LocalizationError(notes[0])
    return tuple(found), tuple(notes)


def paintings(
    folders: Sequence[Path],
    manifest: bundle.Manifest,
    seed: int,
    everything: bool,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Painting, ...], PaintingFacts]:
    """What hangs in the scenes: the manifest's test pictures of `folders`, or where they hold none the
    paintings of the styles by artists not trained on; with `everything` all paintings; drawn canvases where
    there are no folders.

    Raises `bundle.CatalogueError` where a folder cannot be read and `LocalizationError` where none of its
    paintings may be used.
    """
    if not folders:
        canvases = drawn(_DRAWN, seed)
        facts = PaintingFacts(folders=(), paintings=len(canvases), labelled=0, which="drawn by the bench")
        return canvases, facts
    catalogue = bundle.read_catalogue(folders, progress)
    division = Division.of(catalogue.paintings, manifest)
    if everything:
        index = {style: number for number, style in enumerate(manifest.styles)}
        which = "all paintings, also those that were trained on"
        chosen = [(work, index.get(work.genres[0]) if len(work.genres) == 1 else None) for work in catalogue.paintings]
    elif division.test:
        which, chosen = "published test pictures", list(division.test)
    else:
        which, chosen = "paintings by artists not trained on", list(division.unseen)
    if not chosen:
        raise LocalizationError(
            f"{', '.join(map(str, folders))}: all paintings were trained on; name others with --data,"
            " or hang these all the same with --everything"
        )
    hung = tuple(Painting(bundle.read(work.path), label) for work, label in chosen)
    return hung, PaintingFacts(
        folders=tuple(map(str, folders)),
        paintings=len(hung),
        labelled=sum(painting.label is not None for painting in hung),
        which=which,
    )


def measure(
    verified: bundle.Bundle,
    tried: Sequence[Locator],
    hung: Sequence[Painting],
    count: int,
    seed: int,
    show: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[LocatorFigures, ...], dict[str, AccuracyFigures], str | None]:
    """Try the locators on `count` scenes of each kind. Returns their figures, the accuracy by kind, and the
    name of the classifier's file where it was asked.

    With `show`, scenes that went wrong are written there. `progress` is called with (scenes done, scenes in
    all).
    """
    labelled = any(painting.label is not None for painting in hung)
    judge = _Judge(_classifier(verified), hung) if labelled else None
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        attributes: dict[Kind, list[Attributes]] = {kind: [] for kind in KINDS}
        outcomes: dict[str, dict[Kind, list[_Outcome]]] = {each.name: {kind: [] for kind in KINDS} for each in tried}
        for done, (kind, number, shown) in enumerate(_scenes(hung, count, seed)):
            attributes[kind].append(shown.attributes)
            chosen: dict[str, Candidate | None] = {}
            for each in tried:
                if done == 0:
                    each.locate(shown.picture)  # the first one pays for what is made once
                outcome = _try(each, shown)
                outcomes[each.name][kind].append(outcome)
                chosen[each.name] = outcome.chosen
                if show is not None:
                    _write(show, each.name, number, shown, outcome)
            if judge is not None and shown.nearest is not None:
                judge.look(kind, shown, chosen)
            if progress is not None:
                progress(done + 1, count * len(KINDS))
    finally:
        cv2.setNumThreads(threads)
    figures = tuple(_figures(each.name, outcomes[each.name], attributes) for each in tried)
    if judge is None:
        return figures, {}, None
    return figures, judge.figures(), judge.file


def _scenes(hung: Sequence[Painting], count: int, seed: int) -> Iterator[tuple[Kind, int, Scene]]:
    # Kind by kind in turns, so that a run that is looked at early has seen all of them.
    for number in range(count):
        for index, kind in enumerate(KINDS):
            yield kind, number, scene(np.random.default_rng([seed, index, number]), hung, kind)


def _try(locator: Locator, shown: Scene) -> _Outcome:
    started = time.perf_counter()
    candidates = locator.locate(shown.picture)
    took_ms = 1000 * (time.perf_counter() - started)
    height, width = shown.picture.shape[:2]

    def away(candidate: Candidate) -> float:
        x, y = centre(candidate.corners)
        return math.hypot(x - width / 2, y - height / 2)

    chosen = min(candidates, key=away, default=None)
    if chosen is None or shown.nearest is None:
        return _Outcome(len(candidates), 0.0, math.inf, took_ms, chosen)
    truth = shown.canvases[shown.nearest]
    return _Outcome(len(candidates), iou(truth, chosen.corners), corner_error(truth, chosen.corners), took_ms, chosen)


def corner_error(truth: Quad, found: Quad) -> float:
    """Largest distance of a corner of `found`, whichever it is called the first, as a share of the square
    root of the area of `truth`."""
    return min(corner_distance(truth, np.roll(found, turn, axis=0)) for turn in range(4))


def _attribute_parts(attributes: Attributes) -> Iterator[str]:
    """The parts of the scenes to which this one belongs."""
    for low, high in ((0, 10), (10, 20), (20, 30), (30, 60)):
        if low <= attributes.angle < high:
            yield f"angle {low}-{high} degrees" if high < 60 else f"angle above {low} degrees"
    if attributes.size:
        for least, most in ((0.0, 0.4), (0.4, 0.6), (0.6, 2.0)):
            if least <= attributes.size < most:
                yield {0.0: "size below 40 %", 0.4: "size 40-60 %", 0.6: "size above 60 %"}[least]
    if attributes.focus_blur > 1.15:
        yield "out of focus"
    if attributes.motion_blur:
        yield "motion blur"
    if attributes.covered > 0.01:
        yield "partly covered"
    for name in ("people", "several", "glare", "hard_shadow", "low_light", "busy", "portrait", "mat"):
        if getattr(attributes, name):
            yield name.replace("_", " ")
    if not attributes.busy and not attributes.people:
        yield "little else in view"
    if attributes.barrel > 0.03:
        yield "barrel distortion"
    if abs(attributes.roll) > 5:
        yield "roll above 5 degrees"
    if attributes.frame:
        yield f"frame: {attributes.frame}"
    yield f"wall: {attributes.wall}"


def _by_attribute(right: Sequence[bool], attributes: Sequence[Attributes]) -> dict[str, Figure]:
    counts: dict[str, list[bool]] = {}
    for each, of in zip(right, attributes, strict=True):
        for part in _attribute_parts(of):
            counts.setdefault(part, []).append(each)
    return {part: _share(counts[part]) for part in sorted(counts)}


def _share(right: Sequence[bool]) -> Figure:
    return Figure.share(bundle.Count(correct=sum(right), total=len(right)))


def _figures(
    name: str, outcomes: Mapping[Kind, Sequence[_Outcome]], attributes: Mapping[Kind, Sequence[Attributes]]
) -> LocatorFigures:
    def of(kind: Kind) -> KindFigures:
        mine = outcomes[kind]
        errors = [100 * outcome.corner_error for outcome in mine if outcome.chosen is not None]
        return KindFigures(
            scenes=len(mine),
            found=_share([outcome.found for outcome in mine]),
            missed=_share([outcome.chosen is None for outcome in mine]),
            iou_median=float(np.median([outcome.iou for outcome in mine])),
            corner_error_median=float(np.median(errors)) if errors else None,
            corner_error_p90=float(np.percentile(errors, 90)) if errors else None,
            reported=float(np.mean([outcome.reported for outcome in mine])),
            by_attribute=_by_attribute([outcome.found for outcome in mine], attributes[kind]),
        )

    silent = [outcome.chosen is None for outcome in outcomes["bare"]]
    took_ms = [outcome.took_ms for kind in KINDS for outcome in outcomes[kind]]
    took = Quantiles.of(took_ms)
    return LocatorFigures(
        locator=name,
        plain=of("plain"),
        hard=of("hard"),
        bare=BareFigures(
            scenes=len(silent), silent=_share(silent), by_attribute=_by_attribute(silent, attributes["bare"])
        ),
        locate_p50_ms=took.p50_ms,
        locate_p99_ms=took.p99_ms,
    )


def _classifier(verified: bundle.Bundle) -> Classifier:
    """The one that the kiosk takes: int8 where there is one."""
    precisions = [file.precision for file in verified.files if file.format == "onnx"]
    if not precisions:
        raise LocalizationError(f"{verified.folder}: the bundle holds no ONNX file")
    classifier = Classifier(verified, "int8" if "int8" in precisions else precisions[0], threads=1)
    classifier.warm_up()
    return classifier


class _Judge:
    """The classifier, asked of every way to cut out the painting."""

    def __init__(self, classifier: Classifier, hung: Sequence[Painting]) -> None:
        self._classifier = classifier
        self._hung = hung
        self._cut_out: dict[int, bool] = {}
        self._right: dict[str, dict[str, list[bool]]] = {}

    @property
    def file(self) -> str:
        return self._classifier.file.path

    def look(self, kind: str, shown: Scene, chosen: Mapping[str, Candidate | None]) -> None:
        """Classify the nearest painting of a scene, if it has a label."""
        assert shown.nearest is not None
        index = shown.shown[shown.nearest]
        label = self._hung[index].label
        if label is None:
            return
        if index not in self._cut_out:
            self._cut_out[index] = self._is_right(self._hung[index].pixels, label)
        height, width = shown.picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = self._is_right(shown.picture[top : top + side, left : left + side], label)
        right = {
            "cut_out": self._cut_out[index],
            "whole_frame": self._is_right(shown.picture, label),
            "centre_square": square,
            "true_corners": self._is_right(self._rectified(shown.picture, shown.canvases[shown.nearest]), label),
        }
        for name, candidate in chosen.items():
            found = None if candidate is None else self._rectified(shown.picture, candidate.corners)
            right[f"located {name}"] = square if found is None else self._is_right(found, label)
        for way, value in right.items():
            for part in (kind, "both"):
                self._right.setdefault(part, {}).setdefault(way, []).append(value)

    def figures(self) -> dict[str, AccuracyFigures]:
        """By kind, and of both."""
        return {part: self._of(self._right[part]) for part in ("plain", "hard", "both") if part in self._right}

    def _of(self, right: Mapping[str, Sequence[bool]]) -> AccuracyFigures:
        located = {way.removeprefix("located "): way for way in right if way.startswith("located ")}
        judged = {way: np.array(values, np.bool_) for way, values in right.items()}

        def to(reference: str) -> dict[str, Difference]:
            return {name: Difference.paired(judged[way], judged[reference]) for name, way in located.items()}

        return AccuracyFigures(
            **{way: _share(right[way]) for way in ("cut_out", "whole_frame", "centre_square", "true_corners")},
            located={name: _share(right[way]) for name, way in located.items()},
            located_to_cut_out=to("cut_out"),
            located_to_true_corners=to("true_corners"),
        )

    def _rectified(self, picture: Pixels, corners: Quad) -> Pixels:
        return upright(picture, Sight(View.PAINTING, corners), self._classifier.input_size)

    def _is_right(self, picture: Pixels, label: int) -> bool:
        prepared = bundle.prepare(np.ascontiguousarray(picture), self._classifier.input_size)
        return int(np.argmax(self._classifier.classify(prepared).probabilities)) == label


def check_show(folder: Path) -> None:
    """Raise `LocalizationError` unless scenes may be written to `folder`: never into the checkout, for they
    show pictures of the data set."""
    checkout = Path(__file__).resolve().parent.parent
    if folder.resolve().is_relative_to(checkout):
        raise LocalizationError(f"{folder}: lies in the checkout; --show names a folder outside it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalizationError(f"{folder}: cannot be made ({error.strerror})") from error


def _write(folder: Path, name: str, number: int, shown: Scene, outcome: _Outcome) -> None:
    """A scene that went wrong, with the truth in green and what was found in red."""
    wrong = outcome.chosen is not None if shown.nearest is None else not outcome.found
    if not wrong or len(list(folder.glob(f"{name}-{shown.kind}-*.jpg"))) >= _SHOWN:
        return
    picture = cv2.cvtColor(shown.picture, cv2.COLOR_RGB2BGR)
    for corners in shown.canvases:
        cv2.polylines(picture, [np.round(corners).astype(np.int32)], True, (0, 220, 0), 2, cv2.LINE_AA)
    if outcome.chosen is not None:
        corners = np.round(outcome.chosen.corners).astype(np.int32)
        cv2.polylines(picture, [corners], True, (0, 0, 255), 2, cv2.LINE_AA)
    cv2.imwrite(str(folder / f"{name}-{shown.kind}-{number:04d}-iou{100 * outcome.iou:03.0f}.jpg"), picture)


def show(report: Report, console: Console) -> None:
    """Print the tables."""
    hung = report.paintings
    console.print(
        f"{report.scenes} scenes of each kind, seed {report.seed}; {hung.paintings} paintings: {hung.which}.",
        highlight=False,
        markup=False,
    )
    _show_kinds(report, console)
    _show_attributes(report, console)
    _show_accuracy(report, console)
    for note in report.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False, soft_wrap=True)


def _verdict(figure: Figure, bar: float) -> str:
    return "-" if figure.value is None else "met" if figure.value >= bar else "MISSED"


def _show_kinds(report: Report, console: Console) -> None:
    table = new_table(
        f"Localisation (found: IoU at least {report.found_iou}; bare: nothing reported)",
        *("locator", "kind", "found / silent", "bar", "", "missed", "IoU p50"),
        *("corners p50 %", "p90 %", "ms p50", "p99"),
    )
    for each in report.locators:
        for kind in KINDS:
            times = (f"{each.locate_p50_ms:.1f}", f"{each.locate_p99_ms:.1f}") if kind == "plain" else ("", "")
            bar = f"{BARS[kind]:.0%}"
            if kind == "bare":
                silent = each.bare.silent
                table.add_row(each.locator, kind, str(silent), bar, _verdict(silent, BARS[kind]), *("",) * 4, *times)
                continue
            of: KindFigures = getattr(each, kind)
            missed = "-" if of.missed.value is None else f"{of.missed.value:.1%}"
            errors = [
                "-" if value is None else f"{value:.1f}" for value in (of.corner_error_median, of.corner_error_p90)
            ]
            verdict = _verdict(of.found, BARS[kind])
            table.add_row(
                each.locator, kind, str(of.found), bar, verdict, missed, f"{of.iou_median:.3f}", *errors, *times
            )
        table.add_section()
    console.print(table)


def _show_attributes(report: Report, console: Console) -> None:
    columns = [(each, kind) for each in report.locators for kind in KINDS]
    table = new_table("By attribute: share (count)", "", *(f"{each.locator} {kind}" for each, kind in columns))
    parts = sorted({part for each, kind in columns for part in getattr(each, kind).by_attribute})
    for part in parts:
        figures = [getattr(each, kind).by_attribute.get(part) for each, kind in columns]
        shares = ["" if figure is None else f"{figure.value:.0%} ({figure.total})" for figure in figures]
        table.add_row(part, *shares)
    console.print(table)


def _show_accuracy(report: Report, console: Console) -> None:
    if not report.accuracy:
        console.print("No accuracy: the paintings have no labels; name folders of paintings with --data.")
        return
    table = new_table(f"Top-1 accuracy of {report.classifier}", "", *report.accuracy)
    for name, label in (
        ("cut_out", "the painting, cut out"),
        ("whole_frame", "whole frame"),
        ("centre_square", "centre square"),
        ("true_corners", "rectified by the true corners"),
    ):
        table.add_row(label, *(str(getattr(of, name)) for of in report.accuracy.values()))
    for each in report.locators:
        table.add_section()
        name = each.locator
        table.add_row(f"located by {name}", *(str(of.located[name]) for of in report.accuracy.values()))
        differences = [of.located_to_cut_out[name] for of in report.accuracy.values()]
        table.add_row(f"{name} - cut out, points (bar -{MOST_LOST_POINTS:g})", *map(str, differences))
        differences = [of.located_to_true_corners[name] for of in report.accuracy.values()]
        table.add_row(f"{name} - true corners, points", *map(str, differences))
    console.print(table)


def conditions(report: Report) -> tuple[str, ...]:
    """Words for the name of the report's file."""
    names = "+".join(each.locator for each in report.locators)
    source = "data" if report.paintings.folders else "drawn"
    return (names, source, f"{report.scenes}x{len(KINDS)}", f"seed{report.seed}")
