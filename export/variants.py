"""Every file that is made of a network, in one table's order: ONNX, TFLite, Keras; float, then integer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnx

import bundle
from bundle import runtimes
from bundle.manifest import Precision
from export import graph
from export.bounding import BOUND, bounded
from export.equalisation import equalise
from export.gates import NothingFits
from export.judges import Judges
from export.keras_file import keras_file
from export.lite import LITE_METHODS, LiteConverter, LiteMethod, LiteQuantizer
from export.network import (
    OPSET,
    Core,
    Head,
    convert,
    half_precision,
    head_of,
    with_half_kernel,
    with_less_bias,
    with_scale,
)
from export.qat import Trained
from export.quantization import METHODS, Method, Quantizer
from export.search import Budget, Fit, Found, nearest, search
from export.targets import DEFAULT, TARGETS, Target
from train.calibration import Calibration
from train.networks import BACKBONE_FEATURES
from train.progress import console
from train.recipes import Recipe

_TRAINED = "weights trained to lose least by the rounding"


@dataclass(frozen=True)
class Variant:
    """One file to be: `finish` gives its bytes for a calibration; for None with all logits as the one
    output ``outputs``, to calibrate on."""

    format: runtimes.Format
    precision: Precision
    finish: Callable[[Calibration | None], bytes]
    head: Head
    target: str | None = None
    threads: int | None = None
    opset: int | None = None
    quantization: bundle.Quantization | None = None


# Files to be, by name, in the order of the manifest: what is called makes one, which may take minutes.
Planned = dict[str, Callable[[], Variant]]


def onnx_variants(
    network: Any,
    recipe: Recipe,
    judges: Judges,
    targets: Sequence[Target],
    budget: Budget,
    train_for_int8: Callable[[], Trained] | None = None,
) -> Planned:
    """ONNX: fp32, fp16, int8 for each target, and int8 after quantization-aware training for the first."""
    console.print("ONNX: converting")
    core = convert(network, BACKBONE_FEATURES.get(recipe.network))

    def variant(precision: Precision, core: Core, **more: Any) -> Variant:
        return Variant("onnx", precision, lambda calibration: _onnx(core, calibration), core.head, opset=OPSET, **more)

    def rounded(target: Target) -> Variant:
        console.print(f"ONNX: int8 for {target.name}")
        quantized, quantization = _quantize_onnx(network, recipe, core, judges, target, budget)
        return variant("int8", quantized, target=target.name, threads=target.threads, quantization=quantization)

    def learnt(train_for_int8: Callable[[], Trained], target: Target) -> Variant:
        console.print(f"ONNX: quantization-aware training, int8 for {target.name}")
        trained = train_for_int8()
        trained_core = convert(trained.network(network), BACKBONE_FEATURES.get(recipe.network))
        quantizer = Quantizer(trained_core.model, judges.training, target, trained.ranges())
        # Weights by channel, as they were trained; the method finds the few ranges that were not learnt.
        quantized, fit = _without_shift(
            _rounded(trained_core.head, quantizer.quantize("min-max", per_channel=True)), judges
        )
        console.print(f"  {fit}")
        how = _learnt(
            trained,
            fit,
            activations=target.activations,
            weights=target.weights,
            reduce_range=target.reduce_range,
            reason=f"{_TRAINED}; {target.reason}",
        )
        return variant("int8-qat", quantized, target=target.name, threads=target.threads, quantization=how)

    planned: Planned = {
        "model.fp32.onnx": lambda: variant("fp32", core),
        "model.fp16.onnx": lambda: variant("fp16", half_precision(core)),
    }
    for target in targets:
        # The default target's file has the plain name.
        path = "model.int8.onnx" if target.name == DEFAULT else f"model.int8.{target.name}.onnx"
        planned[path] = partial(rounded, target)
    if train_for_int8 is not None:
        planned["model.int8-qat.onnx"] = partial(learnt, train_for_int8, targets[0])
    return planned


def _learnt(trained: Trained, fit: Fit, **more: Any) -> bundle.Quantization:
    """How a file of a network that was trained for int8 was made."""
    return bundle.Quantization(
        per_channel=True,
        calibration_pictures=trained.pictures,
        calibration_method="quantization-aware training on the whole training part",
        tried={"quantization-aware training": str(fit)},
        **more,
    )


def _onnx(core: Core, calibration: Calibration | None) -> bytes:
    model = graph.with_raw_outputs(core) if calibration is None else graph.with_named_outputs(core, calibration)
    return bytes(model.SerializeToString())


def _quantize_onnx(
    network: Any, recipe: Recipe, core: Core, judges: Judges, target: Target, budget: Budget
) -> tuple[Core, bundle.Quantization]:
    """Of the methods of calibration, granularities and numbers of pictures within the budget, those whose logits on
    validation are nearest to the float network's; where none is, the same with bounded activations, then with
    channels made even; and if that is not enough, with the most sensitive layers in float."""
    made: dict[_Attempt, tuple[Core, Fit]] = {}

    def make(attempt: _Attempt, float_layers: Sequence[str] = ()) -> tuple[Core, Fit]:
        quantized = attempt.quantizer.quantize(attempt.method, attempt.per_channel, float_layers)
        return _without_shift(_rounded(attempt.head, quantized), judges)

    def try_(attempt: _Attempt) -> None:
        console.print(f"  {attempt} ...", end=" ")
        made[attempt] = make(attempt)
        console.print(str(made[attempt][1]))

    def best() -> _Attempt:
        return nearest({attempt: fit for attempt, (_, fit) in made.items()}, budget)

    def over_budget() -> bool:
        return not made[best()][1].within(budget)

    granularities = (True, False) if target.per_channel is None else (target.per_channel,)
    quantizer = Quantizer(core.model, judges.training, target)
    for method in METHODS:
        for per_channel in granularities:
            try_(_Attempt(core.head, quantizer, method, per_channel))
    for pictures in judges.calibrations[1:]:
        try_(replace(best(), quantizer=Quantizer(core.model, pictures, target)))
    if over_budget() and (within_bounds := bounded(network)) is not None:
        bounded_core = convert(within_bounds, BACKBONE_FEATURES.get(recipe.network))
        quantizer = Quantizer(bounded_core.model, judges.training, target)
        for per_channel in granularities:
            try_(_Attempt(bounded_core.head, quantizer, "min-max", per_channel, bound=BOUND))
    if over_budget() and (even := equalise(network, judges.training)) is not None:
        even_network, scale = even
        even_core = convert(even_network, BACKBONE_FEATURES.get(recipe.network))
        quantizer = Quantizer(even_core.model, judges.training, target)
        head = with_scale(even_core.head, scale)
        try_(_Attempt(head, quantizer, best().method, best().per_channel, equalised=True))
    chosen = best()
    found = search(
        made[chosen],
        lambda layers: make(chosen, layers),
        lambda made: chosen.quantizer.layers(made.model),
        budget,
        console.print,
    )
    tried = {str(attempt): str(fit) for attempt, (_, fit) in made.items()}
    taken = _check_found(found, budget, str(chosen), tried)
    return found.variant, bundle.Quantization(
        activations=target.activations,
        weights=target.weights,
        per_channel=chosen.per_channel,
        equalised=chosen.equalised,
        bound=chosen.bound,
        reduce_range=target.reduce_range,
        reason=target.reason,
        float_layers=found.float_layers,
        calibration_pictures=len(chosen.quantizer.pixels),
        calibration_method=f"{chosen.method} over training pictures, as many of each label",
        tried=tried,
        chosen=taken,
        asked=str(budget),
    )


def _rounded(head: Head, quantized: onnx.ModelProto) -> Core:
    return Core(quantized, with_half_kernel(head))


def _without_shift(quantized: Core, judges: Judges) -> tuple[Core, Fit]:
    """The network with its shift taken from its head, and how it does."""
    fit, shift = judges.fit_without_shift(_onnx(quantized, None), "onnx")
    return replace(quantized, head=with_less_bias(quantized.head, shift)), fit


def _check_found(found: Found[Any], budget: Budget, name: str, tried: dict[str, str]) -> str:
    """Add what the search of layers gave to `tried`, and say which of all was taken; raise `NothingFits` where even
    that is over the budget."""
    if found.float_layers:
        name = f"{name}, {len(found.float_layers)} layers in float"
        tried[name] = str(found.fit)
    if not found.fit.within(budget):
        raise NothingFits(
            f"no variant is within the budget on validation ({budget}); the nearest, {name}, has {found.fit}"
        )
    console.print(f"  taken: {name}")
    return name


@dataclass(frozen=True)
class _Attempt:
    """One way to round a network to int8."""

    head: Head
    quantizer: Quantizer
    method: Method
    per_channel: bool
    bound: float | None = None
    equalised: bool = False

    def __str__(self) -> str:
        changed = ", bounded" if self.bound else ", equalised" if self.equalised else ""
        scales = "per channel" if self.per_channel else "per tensor"
        return f"{self.method}, {scales}, {len(self.quantizer.pixels)} pictures{changed}"


def lite_variants(
    network: Any, recipe: Recipe, judges: Judges, budget: Budget, train_for_int8: Callable[[], Trained] | None = None
) -> Planned:
    """TFLite: fp32, fp16, weights in int8 alone, int8, and int8 after quantization-aware training."""
    console.print("TFLite: converting")
    head = head_of(network, BACKBONE_FEATURES.get(recipe.network))
    converter = LiteConverter(network, head)
    convert_float = converter.convert
    quantizer = LiteQuantizer(judges.training)

    def variant(precision: Precision, finish: Callable[[Calibration | None], bytes], **more: Any) -> Variant:
        return Variant("tflite", precision, finish, head, **more)

    def rounded() -> Variant:
        console.print("TFLite: int8")
        return _quantize_lite(recipe, converter, judges, budget)

    def learnt(train_for_int8: Callable[[], Trained]) -> Variant:
        console.print("TFLite: quantization-aware training")
        trained = train_for_int8()
        fit, shift = judges.fit_without_shift(trained.convert(None), "tflite")
        console.print(f"  {fit}")
        how = _learnt(trained, fit, activations="int8", weights="int8", reason=_TRAINED)
        finish = partial(trained.convert, shift=shift)
        return Variant("tflite", "int8-qat", finish, with_less_bias(head, shift), quantization=how)

    planned: Planned = {
        "model.fp32.tflite": lambda: variant("fp32", convert_float),
        "model.fp16.tflite": lambda: variant("fp16", lambda made_for: quantizer.float16(convert_float(made_for))),
        "model.dynamic.tflite": lambda: variant("dynamic", lambda made_for: quantizer.dynamic(convert_float(made_for))),
        "model.int8.tflite": rounded,
    }
    if train_for_int8 is not None:
        planned["model.int8-qat.tflite"] = partial(learnt, train_for_int8)
    return planned


def keras_variants(network: Any, recipe: Recipe) -> Planned:
    """Keras: fp32."""

    def plain() -> Variant:
        console.print("Keras: saving")
        head = head_of(network, BACKBONE_FEATURES.get(recipe.network))
        return Variant("keras", "fp32", partial(keras_file, network, head), head)

    return {"model.fp32.keras": plain}


def _quantize_lite(recipe: Recipe, converter: LiteConverter, judges: Judges, budget: Budget) -> Variant:
    """As `_quantize_onnx`, of what LiteRT's quantizer can do: two methods, and scales by channel."""
    network = converter.network
    attempts: dict[str, _LiteInt8] = {}

    def try_(
        method: LiteMethod, quantizer: LiteQuantizer, converter: LiteConverter, plain: bytes, more: str = ""
    ) -> None:
        name = f"{method}, per channel, {len(quantizer.pixels)} pictures{more}"
        console.print(f"  {name} ...", end=" ")
        attempts[name] = _LiteInt8.of(method, converter, plain, quantizer, judges)
        console.print(str(attempts[name].fit))

    plain = converter.convert(None)
    for pictures in judges.calibrations:
        quantizer = LiteQuantizer(pictures)
        for method in LITE_METHODS:
            try_(method, quantizer, converter, plain)
    over_budget = not any(attempt.fit.within(budget) for attempt in attempts.values())
    if over_budget and (within_bounds := bounded(network)) is not None:
        bounded_converter = replace(converter, network=within_bounds)
        quantizer = LiteQuantizer(judges.training)
        try_("min-max", quantizer, bounded_converter, bounded_converter.convert(None), ", bounded")
    name = nearest({name: attempt.fit for name, attempt in attempts.items()}, budget)
    chosen = attempts[name]
    found = search(
        (chosen.shift, chosen.fit),
        chosen.make,
        lambda _: _sensitive_layers(network, recipe, judges),
        budget,
        console.print,
    )
    tried = {name: str(attempt.fit) for name, attempt in attempts.items()}
    taken = _check_found(found, budget, name, tried)
    head = with_less_bias(converter.head, found.variant)
    convert = replace(chosen.converter, head=head).convert
    return Variant(
        "tflite",
        "int8",
        lambda calibration: chosen.quantizer.int8(convert(calibration), chosen.method, found.float_layers),
        head,
        quantization=bundle.Quantization(
            activations="int8",
            weights="int8",
            per_channel=True,
            reason="what LiteRT's integer kernels (XNNPACK, and the delegates of phones and boards) take",
            bound=None if chosen.converter is converter else BOUND,
            float_layers=found.float_layers,
            calibration_pictures=len(chosen.quantizer.pixels),
            calibration_method=f"{chosen.method} over training pictures, as many of each label",
            tried=tried,
            chosen=taken,
            asked=str(budget),
        ),
    )


@dataclass(frozen=True)
class _LiteInt8:
    """A network in TFLite, all of it rounded to int8."""

    method: LiteMethod
    converter: LiteConverter
    plain: bytes
    """The converter's float file, which `make` rounds."""
    quantizer: LiteQuantizer
    judges: Judges
    shift: npt.NDArray[np.float32]
    """See `Judges.fit_without_shift`."""
    fit: Fit

    @classmethod
    def of(
        cls, method: LiteMethod, converter: LiteConverter, plain: bytes, quantizer: LiteQuantizer, judges: Judges
    ) -> Self:
        fit, shift = judges.fit_without_shift(quantizer.int8(plain, method), "tflite")
        return cls(method, converter, plain, quantizer, judges, shift, fit)

    def make(self, float_layers: Sequence[str]) -> tuple[npt.NDArray[np.float32], Fit]:
        """Shift and fit of the same with `float_layers` left in float."""
        content = self.quantizer.int8(self.plain, self.method, float_layers)
        fit, shift = self.judges.fit_without_shift(content, "tflite")
        return shift, fit


def _sensitive_layers(network: Any, recipe: Recipe, judges: Judges) -> list[str]:
    """All layers, the most sensitive to int8 first, by the network in ONNX: the names are those of Keras."""
    core = convert(network, BACKBONE_FEATURES.get(recipe.network))
    quantizer = Quantizer(core.model, judges.training, TARGETS[DEFAULT])
    return quantizer.layers(quantizer.quantize("min-max", per_channel=True))
