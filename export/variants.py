"""Every file that is made of a network, in one table's order: ONNX, then TFLite; float, then integer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

import bundle
from bundle.manifest import Precision
from export import graph, runtimes
from export.bounding import BOUND, bounded
from export.equalisation import equalise
from export.lite import LiteConverter, LiteQuantizer
from export.network import OPSET, Core, Head, convert, half_precision, head_of, with_scale
from export.qat import Trained
from export.quantization import METHODS, Method, Quantizer
from export.search import Budget, Fit, search
from export.targets import DEFAULT, TARGETS, Target
from train.calibration import Calibration
from train.dataset import Dataset, Part
from train.networks import BACKBONE_FEATURES
from train.progress import console
from train.recipes import Recipe

_TRAINED = "weights trained to lose least by the rounding"


@dataclass(frozen=True)
class Variant:
    """One file to be: `finish` gives its bytes for a calibration; for None with all logits as the one
    output ``outputs``, to calibrate on."""

    path: str
    format: runtimes.Format
    precision: Precision
    finish: Callable[[Calibration | None], bytes]
    head: Head
    target: str | None = None
    threads: int | None = None
    opset: int | None = None
    quantization: bundle.Quantization | None = None


@dataclass(frozen=True)
class Judges:
    """The pictures by which files are calibrated, chosen and judged, and what the Keras network says of them."""

    dataset: Dataset
    pixels: npt.NDArray[np.uint8]
    """``[n, size, size, 3]``, in the order of `dataset`."""
    test: npt.NDArray[np.int64]
    """Rows of the published split's test pictures."""
    test_reference: npt.NDArray[np.float32]
    """The Keras network's logits of the styles for them."""
    validation: Dataset
    validation_rows: npt.NDArray[np.int64]
    validation_reference: npt.NDArray[np.float32]
    """The Keras network's logits of the styles for the validation pictures."""
    training: npt.NDArray[np.uint8]
    """Training pictures, to find ranges by."""

    @classmethod
    def of(cls, network: Any, dataset: Dataset, pixels: npt.NDArray[np.uint8], training: npt.NDArray[np.uint8]) -> Self:
        """`dataset` and `pixels` hold the test part, the validation part and whatever else is measured."""
        test = dataset.where(lambda example: example.part is Part.TEST)
        rows = dataset.where(lambda example: example.part is Part.VALIDATION)
        both = np.concatenate([test, rows])
        logits = network.predict(pixels[both].astype(np.float32), batch_size=32, verbose=0)[:, : len(dataset.styles)]
        validation = Dataset(dataset.styles, tuple(dataset.examples[row] for row in rows))
        return cls(dataset, pixels, test, logits[: len(test)], validation, rows, logits[len(test) :], training)

    def raw(self, content: bytes, format: runtimes.Format) -> npt.NDArray[np.float32]:
        """All logits of a file for the validation pictures."""
        model = runtimes.load(content, format)
        return runtimes.run_in_batches(model, self.pixels[self.validation_rows], ["outputs"])["outputs"]

    def fit(self, content: bytes, format: runtimes.Format) -> Fit:
        """How a file does on the validation pictures of the styles against the Keras network."""
        styles = len(self.dataset.styles)
        of_styles = self.validation.labels < styles
        outputs = self.raw(content, format)[of_styles, :styles]
        published = np.array([example.published for example in self.validation.examples])
        reference, labels = self.validation_reference[of_styles], self.validation.labels[of_styles]
        return Fit.of(outputs, reference, labels, published[of_styles])


def onnx_variants(
    network: Any,
    recipe: Recipe,
    judges: Judges,
    targets: Sequence[Target],
    budget: Budget,
    train_for_int8: Callable[[], Trained] | None = None,
) -> Iterator[Variant]:
    """ONNX: fp32, fp16, int8 for each target, and int8 after quantization-aware training for the first."""
    console.print("ONNX: converting")
    core = convert(network, BACKBONE_FEATURES.get(recipe.network))

    def variant(path: str, precision: Precision, core: Core, **more: Any) -> Variant:
        return Variant(path, "onnx", precision, lambda calibration: _onnx(core, calibration), core.head, **more)

    yield variant("model.fp32.onnx", "fp32", core, opset=OPSET)
    yield variant("model.fp16.onnx", "fp16", half_precision(core), opset=OPSET)
    for target in targets:
        console.print(f"ONNX: int8 for {target.name}")
        quantized, quantization = _quantize_onnx(network, recipe, core, judges, target, budget)
        # The default target's file has the plain name, which the kiosk looks for.
        suffix = "" if target.name == DEFAULT else f".{target.name}"
        yield variant(
            f"model.int8{suffix}.onnx",
            "int8",
            quantized,
            opset=OPSET,
            target=target.name,
            threads=target.threads,
            quantization=quantization,
        )
    if train_for_int8 is not None:
        target = targets[0]
        console.print(f"ONNX: quantization-aware training, int8 for {target.name}")
        trained = train_for_int8()
        trained_network = trained.network(network)
        core = convert(trained_network, BACKBONE_FEATURES.get(recipe.network))
        quantizer = Quantizer(core, judges.training, target, trained.ranges())
        # Weights by channel, as they were trained; the method finds the few ranges that were not learnt.
        quantized = quantizer.quantize("min-max", per_channel=True)
        fit = judges.fit(_onnx(quantized, None), "onnx")
        console.print(f"  {fit}")
        yield variant(
            "model.int8-qat.onnx",
            "int8-qat",
            quantized,
            opset=OPSET,
            target=target.name,
            threads=target.threads,
            quantization=bundle.Quantization(
                activations=target.activations,
                weights=target.weights,
                per_channel=True,
                reduce_range=target.reduce_range,
                reason=f"{_TRAINED}; {target.reason}",
                calibration_pictures=trained.pictures,
                calibration_method="quantization-aware training on the whole training part",
                tried={"quantization-aware training": str(fit)},
            ),
        )


def _onnx(core: Core, calibration: Calibration | None) -> bytes:
    model = graph.with_raw_outputs(core) if calibration is None else graph.with_named_outputs(core, calibration)
    return bytes(model.SerializeToString())


def _quantize_onnx(
    network: Any, recipe: Recipe, core: Core, judges: Judges, target: Target, budget: Budget
) -> tuple[Core, bundle.Quantization]:
    """Of the methods of calibration and granularities within the budget, the one whose logits on validation are
    nearest to the float network's; where none is, the same with bounded activations, then with channels made
    even; and if that is not enough, with the most sensitive layers in float."""
    quantizer = Quantizer(core, judges.training, target)
    tried: dict[str, str] = {}
    fits: dict[tuple[Quantizer, Method, bool], Fit] = {}

    def make(choice: tuple[Quantizer, Method, bool], float_layers: Sequence[str]) -> tuple[Core, Fit]:
        by, method, per_channel = choice
        quantized = by.quantize(method, per_channel, float_layers)
        return quantized, judges.fit(_onnx(quantized, None), "onnx")

    def attempt(label: str, choice: tuple[Quantizer, Method, bool]) -> None:
        _, fits[choice] = make(choice, ())
        tried[label] = str(fits[choice])
        console.print(f"  {label}: {tried[label]}")

    def best() -> tuple[Quantizer, Method, bool]:
        if fitting := [choice for choice in fits if fits[choice].within(budget)]:
            return min(fitting, key=lambda choice: fits[choice].difference)
        return max(fits, key=lambda choice: fits[choice].agreement)

    for method in METHODS:
        for per_channel in (True, False) if target.per_channel is None else (target.per_channel,):
            attempt(f"{method}, {_granularity(per_channel)}", (quantizer, method, per_channel))
    bounded_quantizer = None
    if not fits[best()].within(budget) and (within_bounds := bounded(network)) is not None:
        bounded_core = convert(within_bounds, BACKBONE_FEATURES.get(recipe.network))
        bounded_quantizer = Quantizer(bounded_core, judges.training, target)
        for per_channel in (True, False) if target.per_channel is None else (target.per_channel,):
            attempt(f"min-max, {_granularity(per_channel)}, bounded", (bounded_quantizer, "min-max", per_channel))
    if not fits[best()].within(budget) and (even := equalise(network, judges.training)) is not None:
        even_network, scale = even
        even_core = convert(even_network, BACKBONE_FEATURES.get(recipe.network))
        even_quantizer = Quantizer(Core(even_core.model, with_scale(even_core.head, scale)), judges.training, target)
        _, method, per_channel = best()
        attempt(f"{method}, {_granularity(per_channel)}, equalised", (even_quantizer, method, per_channel))
    chosen = best()
    found = search(lambda layers: make(chosen, layers), chosen[0].layers, budget, console.print)
    return found.variant, bundle.Quantization(
        activations=target.activations,
        weights=target.weights,
        per_channel=chosen[2],
        equalised=chosen[0] not in (quantizer, bounded_quantizer),
        bound=BOUND if chosen[0] is bounded_quantizer else None,
        reduce_range=target.reduce_range,
        reason=target.reason,
        float_layers=found.float_layers,
        calibration_pictures=len(judges.training),
        calibration_method=f"{chosen[1]} over training pictures, as many of each label",
        tried=tried,
    )


def _granularity(per_channel: bool) -> str:
    return "per channel" if per_channel else "per tensor"


def lite_variants(
    network: Any, recipe: Recipe, judges: Judges, budget: Budget, train_for_int8: Callable[[], Trained] | None = None
) -> Iterator[Variant]:
    """TFLite: fp32, fp16, weights in int8 alone, int8, and int8 after quantization-aware training."""
    console.print("TFLite: converting")
    head = head_of(network, BACKBONE_FEATURES.get(recipe.network))
    convert_float = LiteConverter(network, head).convert
    quantizer = LiteQuantizer(judges.training)

    def variant(path: str, precision: Precision, then: Callable[[bytes], bytes], **more: Any) -> Variant:
        return Variant(path, "tflite", precision, lambda calibration: then(convert_float(calibration)), head, **more)

    yield variant("model.fp32.tflite", "fp32", lambda model: model)
    yield variant("model.fp16.tflite", "fp16", quantizer.float16)
    yield variant("model.dynamic.tflite", "dynamic", quantizer.dynamic)
    console.print("TFLite: int8")
    convert_int8 = convert_float
    bound: float | None = None
    plain = convert_float(None)
    fit = judges.fit(quantizer.int8(plain), "tflite")
    tried = {"per channel": str(fit)}
    if not fit.within(budget) and (within_bounds := bounded(network)) is not None:
        console.print(f"  {fit}; again, with bounded activations")
        convert_int8, bound = LiteConverter(within_bounds, head).convert, BOUND
        quantizer, plain = LiteQuantizer(judges.training), convert_int8(None)

    def make(float_layers: Sequence[str]) -> tuple[bytes, Fit]:
        quantized = quantizer.int8(plain, float_layers)
        return quantized, judges.fit(quantized, "tflite")

    found = search(make, lambda _: _sensitive_layers(network, recipe, judges), budget, console.print)
    console.print(f"  {found.fit}")
    yield Variant(
        "model.int8.tflite",
        "tflite",
        "int8",
        lambda calibration: quantizer.int8(convert_int8(calibration), found.float_layers),
        head,
        quantization=bundle.Quantization(
            activations="int8",
            weights="int8",
            per_channel=True,
            reason="what LiteRT's integer kernels (XNNPACK, and the delegates of phones and boards) take",
            bound=bound,
            float_layers=found.float_layers,
            calibration_pictures=len(judges.training),
            calibration_method="moving average of the least and the greatest value over training pictures",
            tried=tried | {"as it is": str(found.fit)},
        ),
    )
    if train_for_int8 is not None:
        console.print("TFLite: quantization-aware training")
        trained = train_for_int8()
        fit = judges.fit(trained.convert(None), "tflite")
        console.print(f"  {fit}")
        yield Variant(
            "model.int8-qat.tflite",
            "tflite",
            "int8-qat",
            trained.convert,
            head,
            quantization=bundle.Quantization(
                activations="int8",
                weights="int8",
                per_channel=True,
                reason=_TRAINED,
                calibration_pictures=trained.pictures,
                calibration_method="quantization-aware training on the whole training part",
                tried={"quantization-aware training": str(fit)},
            ),
        )


def _sensitive_layers(network: Any, recipe: Recipe, judges: Judges) -> list[str]:
    """All layers, the most sensitive to int8 first, by the network in ONNX: the names are those of Keras."""
    core = convert(network, BACKBONE_FEATURES.get(recipe.network))
    quantizer = Quantizer(core, judges.training, TARGETS[DEFAULT])
    return quantizer.layers(quantizer.quantize("min-max", per_channel=True))
