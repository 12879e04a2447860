"""From a finished run to a published bundle."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.table import Table

import bundle
from bundle import runtimes
from bundle.folder import CARD_NAME, MANIFEST_NAME
from export import card, gates, inspection, reference, report
from export.judges import Judges
from export.loading import load
from export.qat import Trained
from export.search import Budget
from export.targets import Target
from export.variants import Planned, Variant, keras_variants, lite_variants, onnx_variants
from train import evaluation
from train.dataset import PHOTOGRAPHS_SEEN, Dataset, Example, Part
from train.fitting import sampling_weights
from train.photography import photographs
from train.pipeline import dataset_fingerprint, rebuild
from train.progress import console, progress
from train.publishing import check_replaceable, replacing
from train.run import Run, RunError

REPORT_NAME = "report.html"
# Those whose versions decide what a file is.
_PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "litert-quantizer", "ai-edge-litert")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the user chose."""

    name: str
    """Of the model, in the manifest."""
    formats: tuple[runtimes.Format, ...]
    targets: tuple[Target, ...]
    calibration_pictures: int
    budget: Budget
    without: tuple[str, ...] = ()
    """Names of files that are not made."""
    qat_epochs: int = 0
    """Epochs of quantization-aware training; 0 leaves it out."""


def export(run: Run, target: Path, settings: Settings, hold_outs: Sequence[Run] = ()) -> bundle.Manifest:
    """Write the bundle of `run` to the folder `target`.

    `hold_outs` are runs of the same recipe with other artists left out, each exported to its folder
    ``bundle/``; their pooled figures go into the manifest.

    Raises `CannotPublish`, `RunError`, `DatasetError` or a `gates.GateError`; `target` is then as it was.
    """
    began = time.monotonic()
    check_replaceable(target, "a bundle", lambda folder: (folder / MANIFEST_NAME).is_file())
    console.print(f"rebuilding the network of {run.folder}", markup=False)
    network = rebuild(run)
    dataset = run.dataset()
    pooled = _pool(hold_outs)
    published = {example.part for example in dataset.examples if example.published}
    for part in (Part.TEST, Part.VALIDATION):
        if part not in published:
            raise RunError(f"{run.folder}: the run has no {part} pictures; train it on the published set")

    with replacing(target) as folder, tempfile.TemporaryDirectory(prefix="vernissage-") as work:
        judges = _judges(network, dataset, run, settings.calibration_pictures)

        @functools.cache  # once for all formats
        def trained() -> Trained:
            return Trained.train(run, Path(work), settings.qat_epochs)

        train_for_int8 = trained if settings.qat_epochs else None

        files: list[bundle.ModelFile] = []
        evidence = False
        for format in settings.formats:
            planned: Planned
            if format == "onnx":
                planned = onnx_variants(network, run.recipe, judges, settings.targets, settings.budget, train_for_int8)
            elif format == "tflite":
                planned = lite_variants(network, run.recipe, judges, settings.budget, train_for_int8)
            else:
                planned = keras_variants(network, run.recipe)
            for path, make in planned.items():
                if path in settings.without:
                    continue
                with gates.of_file(path):
                    variant = make()
                    files.append(_write(folder / path, variant, judges))
                    gates.check_accuracy(files[-1], files[0], settings.budget)
                evidence = variant.head.pooled
        manifest = _manifest(run, settings.name, dataset, files, pooled, evidence)
        (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
        (folder / CARD_NAME).write_text(card.model_card(manifest), encoding="utf-8")
        (folder / REPORT_NAME).write_text(report.page(manifest), encoding="utf-8")
        bundle.load(folder)
    _show(manifest)
    console.print(
        f"published {target} in {time.monotonic() - began:.0f} s; its speed here: make bench BUNDLE={target}",
        markup=False,
    )
    return manifest


def _judges(network: Any, dataset: Dataset, run: Run, calibration_pictures: int) -> Judges:
    size = run.recipe.size
    chosen = dataset.where(lambda example: example.part is not Part.TRAIN)
    judged = Dataset(dataset.styles, tuple(dataset.examples[i] for i in chosen))
    calibration = Dataset(dataset.styles, _calibration_examples(dataset, calibration_pictures))
    with progress("reading the pictures to judge by") as step:
        pixels = judged.pixels(size, step)
    with progress("reading the pictures to calibrate on") as step:
        training = calibration.pixels(size, step)
    photographed = None
    if run.recipe.clean_share < 1:
        # In the order of the validation rows; views of the kind that the probe was fitted on, of other pictures.
        validation = [example for example in judged.examples if example.part is Part.VALIDATION]
        photographed = photographs(validation, run.recipe.augmentation, size, run.facts["seed"], view=1)
    return Judges.of(network, judged, pixels, training, photographed)


def _calibration_examples(dataset: Dataset, count: int) -> tuple[Example, ...]:
    """Training examples, as many of each label as possible, chosen by content and so the same each time."""
    train = sorted(
        (example for example in dataset.examples if example.part is Part.TRAIN), key=lambda example: example.sha256
    )
    by_label: dict[str, list[Example]] = {}
    for example in train:
        by_label.setdefault(example.label, []).append(example)
    ranked = sorted(
        ((rank, label, example) for label, examples in by_label.items() for rank, example in enumerate(examples)),
        key=lambda entry: entry[:2],
    )
    # A multiple of sixteen: so many are looked at at once.
    chosen = min(count, len(ranked)) // 16 * 16
    if not chosen:
        raise RunError(f"{len(ranked)} training pictures are too few to find ranges by; it takes 16")
    return tuple(example for _, _, example in ranked[:chosen])


def _write(path: Path, variant: Variant, judges: Judges) -> bundle.ModelFile:
    """Calibrate one file on its own logits, check it, measure it and write it."""
    calibration = judges.calibrate(variant.finish(None), variant.format)
    content = variant.finish(calibration)
    model = load(content, variant.format)
    styles = len(judges.dataset.styles)
    gates.check_interface(model, variant.format, judges.pixels.shape[1], styles, variant.head.pooled)
    with progress(f"measuring {path.name}") as step:
        outputs = runtimes.run_in_batches(model, judges.pixels, model.interface.outputs, step)
    gates.check_values(outputs, variant.head.evidence_bias(styles))
    parity = gates.compare(outputs["logits"][judges.test], judges.test_reference)
    gates.check_parity(variant.precision, parity)
    inspection.check_in_fresh_process(content, variant.format)
    metrics = evaluation.measure(judges.dataset, outputs["probabilities"], outputs["known"], calibration.threshold)
    path.write_bytes(content)
    return bundle.ModelFile(
        path=path.name,
        format=variant.format,
        precision=variant.precision,
        target=variant.target,
        threads=variant.threads,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=variant.opset,
        operators=inspection.operators(content, variant.format),
        temperature=calibration.temperature,
        known=bundle.KnownRule(method=calibration.method, threshold=calibration.threshold),
        parity=parity,
        quantization=variant.quantization,
        reference=reference.answers(model, judges.pixels.shape[1]),
        metrics=metrics,
    )


def _pool(hold_outs: Sequence[Run]) -> dict[str, bundle.Metrics]:
    """Pooled figures of the hold-out runs' exported ONNX files by precision, and of their linear probes."""
    by_name: dict[str, list[bundle.Metrics]] = {}
    for run in hold_outs:
        files = [file for file in bundle.load(run.folder / "bundle").manifest.files if file.format == "onnx"]
        for precision in dict.fromkeys(file.precision for file in files):
            first = next(file for file in files if file.precision == precision)
            by_name.setdefault(precision, []).append(first.metrics)
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
    weights = sampling_weights(dataset, run.recipe)
    labelled = [example for example, weight in zip(dataset.examples, weights, strict=True) if weight]
    return bundle.Manifest(
        name=name,
        created=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        varies=("created",),
        styles=dataset.styles,
        input_size=run.recipe.size,
        evidence=evidence,
        recipe=run.recipe.name,
        recipe_settings=dataclasses.asdict(run.recipe) | {"seed": run.facts["seed"]},
        run=run.folder.name,
        weights_from=run.facts.get("weights_from"),
        dataset=bundle.Dataset(
            fingerprint=dataset_fingerprint(dataset),
            pictures=dict(Counter(example.label for example in seen)),
            artists=tuple(sorted({example.artist for example in trained if example.artist})),
            labelled=dict(Counter(example.label for example in labelled)),
            labelled_artists=len({example.artist for example in labelled if example.artist}),
            test_sha256=tuple(sorted(example.sha256 for example in dataset.examples if example.part is Part.TEST)),
            photographs_seen_share=PHOTOGRAPHS_SEEN if run.facts["photographs"] else 0.0,
        ),
        files=tuple(files),
        versions={package: metadata.version(package) for package in _PACKAGES},
        hold_outs=hold_outs,
    )


def _show(manifest: bundle.Manifest) -> None:
    table = Table(title=f"{manifest.name}: {manifest.recipe}, {manifest.input_size} px")
    columns = (
        "file",
        "MB",
        "max logit difference",
        "agreement",
        "test",
        "ECE",
        "AUROC, none of these",
        "accepted",
        "T",
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "file" else "right")
    for file in manifest.files:
        test, others = file.metrics.published_test, file.metrics.other_styles
        table.add_row(
            file.path,
            f"{file.size_bytes / 1e6:.1f}",
            f"{file.parity['logits_max_difference']:.2g}",
            f"{file.parity['top1_agreement']:.1%}",
            f"{test.accuracy.rate:.1%}" if test else "-",
            f"{test.ece:.1%}" if test else "-",
            f"{others.auroc:.3f}" if others else "-",
            f"{others.accepted.rate:.1%}" if others else "-",
            f"{file.temperature:.2f}",
        )
    console.print(table)
