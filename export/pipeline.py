"""From a finished run to a published bundle."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

import bundle
from bundle.folder import CARD_NAME, MANIFEST_NAME
from bundle.manifest import Precision
from export import card, gates, graph
from export.network import Core, convert
from export.quantization import quantize
from train import evaluation
from train.calibration import Calibration
from train.dataset import PHOTOGRAPHS_SEEN, Dataset, Example, Part
from train.networks import BACKBONE_FEATURES
from train.pipeline import dataset_fingerprint, rebuild
from train.publishing import replacing
from train.run import Run, RunError

console = Console(width=None if sys.stdout.isatty() else 130)


def export(
    run: Run, target: Path, name: str, hold_outs: Sequence[Run] = (), calibration_pictures: int = 256
) -> bundle.Manifest:
    """Write the bundle of `run` to `target`, fp32 and int8 ONNX.

    `hold_outs` are runs of the same recipe with other artists left out, each exported to its folder
    ``bundle/``; their pooled figures go into the manifest.

    Raises `RunError`, `DatasetError` or a `gates.GateError`; `target` is then as it was.
    """
    console.print(f"rebuilding the network of {run.folder}")
    network = rebuild(run)
    dataset = run.dataset()
    pooled = _pool(hold_outs)
    judged = dataset.where(lambda example: example.part is not Part.TRAIN)
    dataset_judged = Dataset(dataset.styles, tuple(dataset.examples[i] for i in judged))
    console.print(f"reading {len(judged)} pictures to judge by")
    pixels = dataset_judged.pixels(run.recipe.size)
    test = dataset_judged.where(lambda example: example.part is Part.TEST)
    if not len(test):
        raise RunError(f"{run.folder}: the run has no test pictures; train it on the published set")
    styles = len(dataset.styles)
    reference = network.predict(pixels[test].astype(np.float32), batch_size=64, verbose=0)[:, :styles]

    console.print("converting to ONNX")
    float_core = convert(network, BACKBONE_FEATURES.get(run.recipe.network))
    console.print("quantizing")
    int8_core, quantization = _quantize(
        float_core, dataset, dataset_judged, pixels, run.recipe.size, calibration_pictures
    )

    with replacing(target) as folder:
        files: list[bundle.ModelFile] = []
        cores: dict[Precision, Core] = {"fp32": float_core, "int8": int8_core}
        for precision, core in cores.items():
            files.append(
                _write(
                    folder,
                    precision,
                    core,
                    dataset_judged,
                    pixels,
                    test,
                    reference,
                    quantization if precision == "int8" else None,
                )
            )
        gates.check_accuracy(files[1].metrics, files[0].metrics)
        manifest = _manifest(run, name, dataset, files, pooled, float_core.head.pooled)
        (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
        (folder / CARD_NAME).write_text(card.model_card(manifest), encoding="utf-8")
        bundle.load(folder)
    _show(manifest)
    return manifest


def _quantize(
    core: Core,
    dataset: Dataset,
    judged: Dataset,
    pixels: npt.NDArray[np.uint8],
    size: int,
    count: int,
) -> tuple[Core, bundle.Quantization]:
    """Both kinds of weight ranges; the one whose answers on validation are nearer to the float network's."""
    chosen = _calibration_examples(dataset, count)
    calibration = Dataset(dataset.styles, chosen).pixels(size)
    validation = judged.where(lambda example: example.part is Part.VALIDATION)
    float_outputs = _raw(core, pixels[validation])
    variants: dict[str, tuple[float, Core]] = {}
    for label, per_channel in (("per channel", True), ("per tensor", False)):
        variant = quantize(core, calibration, per_channel=per_channel)
        outputs = _raw(variant, pixels[validation])
        variants[label] = (float(np.abs(outputs - float_outputs).mean()), variant)
        console.print(f"  {label}: logits differ by {variants[label][0]:.3f} on average on validation")
    best = min(variants, key=lambda label: variants[label][0])
    return variants[best][1], bundle.Quantization(
        activations="uint8",
        weights="int8",
        per_channel=best == "per channel",
        calibration_pictures=len(calibration),
        calibration_method="min-max over training pictures, as many of each label",
        tried={label: f"mean difference of logits {error:.4f}" for label, (error, _) in variants.items()},
    )


def _calibration_examples(dataset: Dataset, count: int) -> tuple[Example, ...]:
    """Training examples, as many of each label as possible, chosen by content and so the same each time."""
    train = sorted(
        (example for example in dataset.examples if example.part is Part.TRAIN), key=lambda example: example.sha256
    )
    labels = sorted({example.label for example in train})
    share = -(-count // len(labels))
    return tuple(example for label in labels for example in [e for e in train if e.label == label][:share])


def _raw(core: Core, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    model = gates.session(graph.with_raw_outputs(core).SerializeToString())
    return gates.run(model, pixels, ["outputs"])["outputs"]


def _write(
    folder: Path,
    precision: Precision,
    core: Core,
    judged: Dataset,
    pixels: npt.NDArray[np.uint8],
    test: npt.NDArray[np.int64],
    reference: npt.NDArray[np.float32],
    quantization: bundle.Quantization | None,
) -> bundle.ModelFile:
    """Calibrate one file on its own logits, check it, measure it and write it."""
    styles = len(judged.styles)
    calibration = Calibration.fit(judged, _raw(core, pixels))
    content = graph.with_named_outputs(core, calibration).SerializeToString()
    model = gates.session(content)
    gates.check_interface(model, pixels.shape[1], styles, core.head.pooled)
    names = [name for name in bundle.OUTPUTS if core.head.pooled or name != "evidence"]
    outputs = gates.run(model, pixels, names)
    gates.check_values(outputs, core.head.evidence_bias(styles))
    parity = gates.compare(outputs["logits"][test], reference)
    gates.check_parity(precision, parity)
    metrics = evaluation.measure(judged, outputs["probabilities"], outputs["known"], calibration.threshold)
    path = folder / f"model.{precision}.onnx"
    path.write_bytes(content)
    return bundle.ModelFile(
        path=path.name,
        format="onnx",
        precision=precision,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=max(entry.version for entry in core.model.opset_import if entry.domain == ""),
        temperature=calibration.temperature,
        known=bundle.KnownRule(method=calibration.method, threshold=calibration.threshold),
        parity=parity,
        quantization=quantization,
        metrics=metrics,
    )


def _pool(hold_outs: Sequence[Run]) -> dict[str, bundle.Metrics]:
    """Pooled figures of the hold-out runs' exported files by precision, and of their linear probes."""
    by_name: dict[str, list[bundle.Metrics]] = {}
    for run in hold_outs:
        manifest = bundle.load(run.folder / "bundle").manifest
        for file in manifest.files:
            by_name.setdefault(file.precision, []).append(file.metrics)
        measured = json.loads(run.metrics_path.read_text(encoding="utf-8"))
        for probe in ("baseline_probe", "linear_probe"):
            if probe in measured:
                by_name.setdefault(probe, []).append(bundle.Metrics(**measured[probe]))
    return {name: evaluation.pool(metrics) for name, metrics in by_name.items()}


def _manifest(
    run: Run,
    name: str,
    dataset: Dataset,
    files: Sequence[bundle.ModelFile],
    hold_outs: dict[str, bundle.Metrics],
    evidence: bool,
) -> bundle.Manifest:
    seen = [example for example in dataset.examples if example.part in (Part.TRAIN, Part.VALIDATION)]
    trained = [example for example in dataset.examples if example.part is Part.TRAIN]
    return bundle.Manifest(
        name=name,
        created=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        styles=dataset.styles,
        input_size=run.recipe.size,
        evidence=evidence,
        recipe=run.recipe.name,
        recipe_settings=dataclasses.asdict(run.recipe) | {"seed": run.facts["seed"]},
        run=run.folder.name,
        dataset=bundle.Dataset(
            fingerprint=dataset_fingerprint(dataset),
            pictures=dict(Counter(example.label for example in seen)),
            artists=tuple(sorted({example.artist for example in trained if example.artist})),
            test_sha256=tuple(sorted(example.sha256 for example in dataset.examples if example.part is Part.TEST)),
            photographs_seen_share=PHOTOGRAPHS_SEEN if run.facts["photographs"] else 0.0,
        ),
        files=tuple(files),
        hold_outs=hold_outs,
    )


def _show(manifest: bundle.Manifest) -> None:
    table = Table(title=f"{manifest.name}: {manifest.recipe}, {manifest.input_size} px")
    for column in ("file", "MB", "parity, max logit", "agreement", "published test", "unseen artists", "AUROC", "T"):
        table.add_column(column, justify="left" if column == "file" else "right")
    for file in manifest.files:
        test, unseen, others = file.metrics.published_test, file.metrics.unseen_artists, file.metrics.other_styles
        table.add_row(
            file.path,
            f"{file.size_bytes / 1e6:.1f}",
            f"{file.parity['logits_max_difference']:.2g}",
            f"{file.parity['top1_agreement']:.1%}",
            f"{test.accuracy.rate:.1%}" if test else "-",
            f"{unseen.mean_recall:.1%}" if unseen else "-",
            f"{others.auroc:.3f}" if others else "-",
            f"{file.temperature:.2f}",
        )
    console.print(table)
