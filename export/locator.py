"""``python -m export locator``: quantize a trained locator, measure it, and put it into a bundle."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

import bundle
from bundle import runtimes
from bundle.folder import CARD_NAME, MANIFEST_NAME
from bundle.signature import SIGNATURE_NAME
from export import card, gates, inspection, reference
from export.network import OPSET, to_onnx
from export.quantization import METHODS, Method, Quantizer
from export.silence import native_silence
from export.targets import DEFAULT, TARGETS

FILE_NAME = "locator.int8.onnx"
OUTPUTS = ("score", "corners", "sides", "sureness")

EXAMPLES = """\
examples:
  python -m export locator locator --bundle models/default
  python -m export locator runs/locator-try --bundle models/NAME

The bundle gets locator.int8.onnx beside its model files, with what it was measured to do on drawn scenes; a
locator that it has is replaced, a signature goes. The folders that the run was trained on must be where they were.
"""

# Scenes that ranges of activations are found by (training paintings), and that files are judged by (others).
_CALIBRATION, _JUDGED = 128, 1536

# Intersection over union from which a canvas counts as found: the kiosk's bar.
_FOUND = 0.85

# What int8 may find less of the canvases than float, as a share. Some 500 canvases tell no smaller difference.
_BUDGET = 0.02

# Scenes without a painting in which the first look may report one, as a share: the score's threshold is chosen by it.
# A second look denies most of them.
_REPORTED = 0.03

# Scores that a threshold may be; lower ones would follow from few scenes without a painting alone.
_THRESHOLDS = np.arange(0.4, 0.71, 0.02)


class LocatorLost(gates.GateError):
    """The locator in int8 finds less than the budget allows."""

    way_out = "train longer, or with another --seed"


def main(arguments: Sequence[str]) -> int:
    """Export; every expected failure is one line and exit code 2."""
    options = _parse(arguments)
    with native_silence():
        import tensorflow as tf

        tf.config.list_physical_devices()

    from train.dataset import DatasetError
    from train.publishing import CannotPublish
    from train.run import RunError, find_run

    try:
        add(find_run(options.run, options.runs), options.bundle)
    except (
        gates.GateError,
        runtimes.CannotLoad,
        bundle.BundleError,
        bundle.CatalogueError,
        bundle.PictureError,
        CannotPublish,
        DatasetError,
        RunError,
    ) as error:
        print(f"export locator: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"export locator: {error}; nothing was published", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("export locator: stopped; nothing was published", file=sys.stderr)
        return 130
    return 0


def add(run: Any, target: Path) -> bundle.LocatorFile:
    """Put the locator of `run` (a `train.run.Run`) into the bundle in `target`, the whole of it or nothing.

    Raises `RunError`, `bundle.BundleError`, `CannotPublish` or a `gates.GateError`.
    """
    from train.locator.training import rebuild
    from train.progress import console
    from train.publishing import replacing

    manifest = bundle.load(target).manifest
    network = rebuild(run)
    with replacing(target) as folder:
        scenes = _Scenes.draw(run)
        content, entry = _file(run, network, scenes)
        for path in target.iterdir():
            if path.name not in {SIGNATURE_NAME, manifest.locator.path if manifest.locator else ""}:
                shutil.copy2(path, folder / path.name)
        (folder / entry.path).write_bytes(content)
        manifest = manifest.model_copy(update={"locator": entry})
        (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
        if any(file.reference is None for file in manifest.files):  # as older exports left it
            manifest = reference.add_to(folder)
        (folder / CARD_NAME).write_text(card.model_card(manifest), encoding="utf-8")
        bundle.load(folder)
    assert entry.metrics is not None
    console.print(
        f"published {target / entry.path}: {entry.size_bytes / 1e6:.1f} MB, {entry.metrics.found} of the canvases"
        f" with an overlap of {_FOUND}, {entry.metrics.reported} of scenes without one reported,"
        f" threshold {entry.threshold:.2f}",
        markup=False,
    )
    return entry


@dataclasses.dataclass(frozen=True)
class _Scenes:
    """Drawn scenes to find ranges by, and to judge by."""

    calibration: npt.NDArray[np.uint8]
    judged: npt.NDArray[np.uint8]
    truths: list[Any]
    """A `train.locator.scenes.Scene` for each of `judged`."""

    @classmethod
    def draw(cls, run: Any) -> _Scenes:
        from train.locator.scenes import draw
        from train.locator.targets import inputs
        from train.locator.training import stocks
        from train.progress import progress
        from train.reading import Sources, read

        facts = run.facts
        seed = facts["seed"]
        photographs = Path(facts["photographs"]) if facts["photographs"] else None
        seen, others = stocks(read(Sources(tuple(map(Path, facts["data"])), seed, photographs)), seed)

        def drawn(stock: Any, part: int, count: int, title: str) -> list[Any]:
            with progress(title) as step:
                scenes = []
                for number in range(count):
                    scenes.append(draw(np.random.default_rng((seed, part, number)), stock))
                    step(number + 1, count)
                return scenes

        calibration = drawn(seen, 2, _CALIBRATION, "drawing scenes to calibrate on")
        truths = drawn(others, 3, _JUDGED, "drawing scenes to judge by")
        return cls(np.stack([inputs(scene) for scene in calibration]), np.stack([inputs(s) for s in truths]), truths)


def _file(run: Any, network: Any, scenes: _Scenes) -> tuple[bytes, bundle.LocatorFile]:
    """The int8 file that loses least of what the float network finds, and its entry in the manifest."""
    from train.locator.scenes import MARGIN
    from train.progress import console

    model = _converted(network)
    exact = model.SerializeToString()
    threshold, exact_metrics = _judge(_answers(exact, scenes.judged), scenes.truths)
    console.print(f"fp32: {_in_words(exact_metrics)}, threshold {threshold:.2f}", markup=False)
    target = TARGETS[DEFAULT]
    quantizer = Quantizer(model, scenes.calibration, target)
    # The maps themselves stay in float: a corner is known to less than a 256th of the picture.
    heads = ["centre", "corners", "sides"]
    tried: dict[str, str] = {}
    best: tuple[float, str, Method, bytes, float, bundle.LocatorMetrics] | None = None
    for method in METHODS:
        name = f"{method}, per channel"
        content = quantizer.quantize(method, per_channel=True, float_layers=heads).SerializeToString()
        level, metrics = _judge(_answers(content, scenes.judged), scenes.truths)
        tried[name] = _in_words(metrics)
        console.print(f"int8, {name}: {tried[name]}", markup=False)
        if best is None or metrics.found.correct > best[0]:
            best = (metrics.found.correct, name, method, content, level, metrics)
    assert best is not None
    _, name, method, content, level, metrics = best
    if metrics.found.rate < exact_metrics.found.rate - _BUDGET:
        raise LocatorLost(f"int8 finds {metrics.found}, the float network {exact_metrics.found}; {LocatorLost.way_out}")
    check_interface(content, network.input.shape[1])
    inspection.check_in_fresh_process(content, "onnx")
    facts = run.facts
    return content, bundle.LocatorFile(
        path=FILE_NAME,
        precision="int8",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=OPSET,
        input_size=network.input.shape[1],
        margin=MARGIN,
        threshold=level,
        operators=inspection.operators(content, "onnx"),
        recipe_settings=facts["recipe"] | {"seed": facts["seed"]},
        run=run.folder.name,
        weights_from=facts["weights_from"],
        dataset_fingerprint=facts["dataset"],
        quantization=bundle.Quantization(
            activations=target.activations,
            weights=target.weights,
            per_channel=True,
            reason=target.reason,
            float_layers=tuple(heads),
            calibration_pictures=len(scenes.calibration),
            calibration_method=f"{method} over drawn scenes",
            tried={"float": _in_words(exact_metrics)} | tried,
            chosen=name,
            asked=f"at most {100 * _BUDGET:g} points fewer found than in float",
        ),
        metrics=metrics,
    )


def _in_words(metrics: bundle.LocatorMetrics) -> str:
    return (
        f"{metrics.found} found, {metrics.reported} reported, median overlap {metrics.median_iou:.3f},"
        f" sides off by {metrics.side_error:.2%}"
    )


def _converted(network: Any) -> onnx.ModelProto:
    from train.locator.network import decode

    def serve(pixels: Any) -> dict[str, Any]:
        return decode(network(pixels, training=False))

    return to_onnx(network, serve)


def _answers(content: bytes, pixels: npt.NDArray[np.uint8]) -> runtimes.Outputs:
    model = runtimes.load(content, "onnx")
    answers = runtimes.run_in_batches(model, pixels, OUTPUTS)
    for name, value in answers.items():
        if not np.isfinite(value).all():
            raise gates.NotFinite(f"output {name} holds NaN or infinity")
    return answers


def _judge(answers: runtimes.Outputs, truths: Sequence[Any]) -> tuple[float, bundle.LocatorMetrics]:
    """The threshold of the score, and what a single look at each scene finds with it."""
    from train.locator.training import overlap, side_error

    scores = answers["score"].reshape(len(truths), -1)
    quads = answers["corners"].reshape(len(truths), -1, 4, 2)
    best = scores.argmax(axis=1)
    tops = scores.max(axis=1)
    has_canvas = np.array([len(truth.canvases) > 0 for truth in truths])
    empty = np.array([not len(truth.canvases) and not len(truth.doubtful) for truth in truths])
    # The threshold is chosen on one half, and what it gives is told of the other.
    choosing = np.arange(len(truths)) % 2 == 0
    overlaps = np.array(
        [
            max((overlap(quads[number, best[number]], canvas) for canvas in truth.canvases), default=0.0)
            for number, truth in enumerate(truths)
        ]
    )
    quiet = [level for level in _THRESHOLDS if (tops[empty & choosing] > level).mean() <= _REPORTED]
    threshold = round(float(quiet[0] if quiet else _THRESHOLDS[-1]), 2)
    found = np.where(tops > threshold, overlaps, 0.0)[has_canvas & ~choosing]
    silent = empty & ~choosing
    return threshold, bundle.LocatorMetrics(
        scenes="drawn scenes, frames and close-ups, easy and hard, one look each",
        found=bundle.Count(correct=int((found >= _FOUND).sum()), total=len(found)),
        median_iou=round(float(np.median(found)), 4),
        reported=bundle.Count(correct=int((tops[silent] > threshold).sum()), total=int(silent.sum())),
        side_error=round(side_error(answers["sides"], truths), 5),
    )


def check_interface(content: bytes, size: int) -> None:
    """Raise `gates.WrongOutputs` unless inputs and outputs are a locator's, or `gates.NotFinite`."""
    interface = runtimes.load(content, "onnx").interface
    if interface.inputs != {bundle.INPUT: ("uint8", [None, size, size, 3])} or set(interface.outputs) != set(OUTPUTS):
        raise gates.WrongOutputs(f"a locator takes {bundle.INPUT!r} and gives {OUTPUTS}; this one: {interface}")
    _answers(content, np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(
        prog="python -m export locator",
        description="Quantize the locator of a run and put it into a bundle.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="name or folder of a run of `python -m train locator`")
    parser.add_argument("--bundle", type=Path, required=True, metavar="FOLDER", help="the bundle that gets it")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    return parser.parse_args(arguments)
