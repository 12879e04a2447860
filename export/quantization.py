"""Static quantization of a network in ONNX, as QDQ, with the activations' ranges from training pictures."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator, save_tensors_data
from onnxruntime.quantization.qdq_loss_debug import (
    collect_activations,
    create_activation_matching,
    modify_model_output_intermediate_tensors,
)

import bundle
from export.entrance import take_bytes, take_four_columns
from export.narrowing import Addition, narrowed
from export.network import layer_scopes
from export.silence import silence
from export.targets import Target

Method = Literal["min-max", "entropy", "percentile"]
METHODS: dict[Method, CalibrationMethod] = {
    "min-max": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
# Clip and Relu must be named: only then are they taken up into the range of the convolution before them.
# Left out, ReLU6 stays in float between two quantizations of an unclipped range, and the answers agree with
# the float network's on 89 % of the pictures in place of 98 %.
_OPERATORS = ["Conv", "Clip", "Relu", "Add", "Concat", "Gemm", "MatMul", "MaxPool", "Resize"]
_RELUS = ("Clip", "Relu")
# What may stand between a layer and the next.
_FOLLOWERS = (*_RELUS, "Add", "MaxPool")
_TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
# Pictures whose activations are held in memory at once; at 256 x 256 each takes some 50 MB.
_AT_ONCE = 16
# Pictures over which the error of each layer is measured.
_SENSITIVITY_PICTURES = 8


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Pictures ``[n, size, size, 3]`` one by one, or a range of them, as onnxruntime asks for it."""

    def __init__(self, pixels: npt.NDArray[np.uint8]):
        self.pixels = pixels
        self.set_range(0, len(pixels))

    def __len__(self) -> int:
        return len(self.pixels)

    def set_range(self, start_index: int, end_index: int) -> None:
        self.left = iter(self.pixels[start_index:end_index])

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        picture = next(self.left, None)
        return None if picture is None else {bundle.INPUT: picture[None]}


@dataclass(eq=False)
class Quantizer:
    """Makes integer variants of one float network. Ranges are collected once for each method."""

    model: onnx.ModelProto
    pixels: npt.NDArray[np.uint8]
    """Training pictures ``[n, size, size, 3]``, n a multiple of 16."""
    target: Target
    learnt: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Ranges of what layers give, by their name in Keras, where training has found them; the others are
    measured on `pixels`."""
    _found: dict[Method, TensorsData] = field(init=False, default_factory=dict)
    """Ranges as they were met on `pixels`."""
    folder: Path = field(init=False)
    """For the intermediate files; goes with the quantizer."""

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vernissage-"))
        weakref.finalize(self, shutil.rmtree, self.folder)

    def quantize(self, method: Method, per_channel: bool, float_layers: Collection[str] = ()) -> onnx.ModelProto:
        """An integer variant of the network; `float_layers` (of `layers`) stay in float."""
        source, result = self.folder / "float.onnx", self.folder / "int8.onnx"
        onnx.save(_with_pools_as_convolutions(self.model), source)
        # The scaling of the pixels stays in float: it is one pass over the input.
        left_out = _scaling_nodes(self.model) + self._nodes_of(float_layers)
        ranges = self.folder / "ranges.json"
        save_tensors_data(self._narrowed(self._ranges(source, method), left_out), ranges)
        with silence():
            quantize_static(
                source,
                result,
                None,
                quant_format=QuantFormat.QDQ,
                activation_type=_TYPES[self.target.activations],
                weight_type=_TYPES[self.target.weights],
                per_channel=per_channel,
                reduce_range=self.target.reduce_range,
                calibrate_method=METHODS[method],
                op_types_to_quantize=_OPERATORS,
                nodes_to_exclude=left_out,
                extra_options={
                    "ActivationSymmetric": self.target.symmetric,
                    "OpTypesToExcludeOutputQuantization": ["Conv", "Gemm", "MatMul"] if self.target.symmetric else [],
                    # A bias is rounded by the runtime as it loads, to what the weights and activations before it give.
                    "QuantizeBias": False,
                    "TensorQuantOverrides": self._overrides(),
                },
                calibration_cache_path=ranges,
            )
        model = onnx.load(result)
        take_bytes(model)
        take_four_columns(model)
        _drop_zero_points_of_weights(model)
        return model

    def _ranges(self, source: Path, method: Method) -> TensorsData:
        """The ranges of all activations of the network in `source`, as they were met."""
        if method not in self._found:
            pictures = _Pictures(self.pixels)
            with silence():
                calibrator = create_calibrator(
                    source,
                    _OPERATORS,
                    augmented_model_path=str(self.folder / "augmented.onnx"),
                    calibrate_method=METHODS[method],
                    extra_options={"symmetric": False},  # where a target asks for it, the quantizer makes them so
                )
                for start in range(0, len(pictures), _AT_ONCE):
                    pictures.set_range(start, start + _AT_ONCE)
                    calibrator.collect_data(pictures)
                self._found[method] = calibrator.compute_data()
        return self._found[method]

    def _narrowed(self, found: TensorsData, left_out: Collection[str]) -> TensorsData:
        """Ranges with those of addends narrowed whose addition is not `left_out`: in float, nothing ends sharply."""
        ranges = {name: (np.min(data.lowest).item(), np.max(data.highest).item()) for name, data in found.data.items()}
        narrow = narrowed(_additions(self.model, left_out), ranges)
        new = {
            name: TensorData(lowest=np.float32(least), highest=np.float32(greatest))
            for name, (least, greatest) in narrow.items()
        }
        return TensorsData(found.calibration_method, found.data | new)

    def layers(self, quantized: onnx.ModelProto) -> list[str]:
        """Convolutions and dense layers, those first that add most to the difference between the activations of
        the integer network and the float one, over a few training pictures."""
        paths = {}
        for name, model in (("float", self.model), ("int8", quantized)):
            plain, paths[name] = (self.folder / f"{name}{end}.onnx" for end in ("", "-all-outputs"))
            onnx.save(model, plain)
            modify_model_output_intermediate_tensors(str(plain), str(paths[name]))
        pictures = self.pixels[:_SENSITIVITY_PICTURES]  # of as many labels
        with silence():  # it warns of tensors that were fused away
            found = {name: collect_activations(str(path), _Pictures(pictures)) for name, path in paths.items()}
            rounded = {name: values["post_qdq"] for name, values in create_activation_matching(found["int8"]).items()}
        noise = _relative_noise(self.model, found["float"], rounded)
        added = {
            node.name: noise[node.output[0]] - noise.get(node.input[0], 0.0)
            for node in self.model.graph.node
            if node.op_type in ("Conv", "Gemm", "MatMul") and node.output[0] in noise
        }
        return sorted(added, key=lambda name: -added[name])

    def _overrides(self) -> dict[str, list[dict[str, Any]]]:
        """The learnt ranges, by the tensors that they are of, as onnxruntime takes them."""
        given: dict[str, str] = {}
        for node in self.model.graph.node:  # in topological order: the last of a layer's is what it gives
            for output in node.output:
                given |= dict.fromkeys(layer_scopes(output), output)
        overrides = {}
        for layer in sorted(self.learnt.keys() & given.keys()):
            least, greatest = self.learnt[layer]
            if self.target.symmetric:
                greatest = max(-least, greatest)
                least = -greatest
            overrides[given[layer]] = [
                {"quant_type": _TYPES[self.target.activations], "rmin": np.float32(least), "rmax": np.float32(greatest)}
            ]
        return overrides

    def _nodes_of(self, layers: Collection[str]) -> list[str]:
        """Layers, and all that works on their outputs before the next layer: an addition in int8 would round
        what comes in to it."""
        names, reached = [], set[str]()
        for node in self.model.graph.node:  # in topological order
            follows = node.op_type in _FOLLOWERS and reached & set(node.input)
            if node.name in layers or follows:
                names.append(node.name)
                reached |= set(node.output)
        return names


def _additions(model: onnx.ModelProto, left_out: Collection[str] = ()) -> list[Addition]:
    """The additions of a convolution to a ReLU's output, before a ReLU, but for nodes that are `left_out`."""
    readers = Counter(name for node in model.graph.node for name in node.input)
    kinds = {output: node.op_type for node in model.graph.node for output in node.output}
    cut = _cut(model)
    return [
        Addition(addend, shortcut, cut[node.output[0]])
        for node in model.graph.node
        if node.op_type == "Add" and node.name not in left_out
        if node.output[0] in cut and readers[node.output[0]] == 1
        for addend, shortcut in (node.input, node.input[::-1])
        if kinds.get(addend) == "Conv" and readers[addend] == 1 and kinds.get(shortcut) in _RELUS
    ]


def _cut(model: onnx.ModelProto) -> dict[str, str]:
    """What the ReLU that reads a tensor gives, by the tensor."""
    return {node.input[0]: node.output[0] for node in model.graph.node if node.op_type in _RELUS}


def _relative_noise(
    model: onnx.ModelProto,
    exact: Mapping[str, Sequence[npt.NDArray[Any]]],
    rounded: Mapping[str, Sequence[npt.NDArray[Any]]],
) -> dict[str, float]:
    """Of each tensor of a float network that an integer one has too, the power of the difference over its own.

    An integer network has no ReLU of its own where ranges are not symmetric: they are cut where the ReLU would
    cut. What a layer gives there is what the ReLU behind it gives in the float network; behind the addition where
    it goes into one, since what is cut off there (see `export.narrowing`) is no noise.
    """
    noise: dict[str, float] = {}
    cut = _cut(model)
    of_layers = {node.output[0] for node in model.graph.node if node.op_type == "Conv"}
    for node in model.graph.node:
        if node.op_type == "Add" and node.output[0] in cut:
            cut |= dict.fromkeys(of_layers & set(node.input), cut[node.output[0]])
    for node in model.graph.node:
        for output in node.output:
            given = cut.get(output, output)
            ours = rounded.get(given, rounded.get(output))
            if ours is not None and given in exact:
                difference = np.stack(ours) - np.stack(exact[given])
                power = float(np.square(np.stack(exact[given])).sum())
                noise[output] = noise[given] = float(np.square(difference).sum()) / max(power, 1e-12)
    return noise


def _with_pools_as_convolutions(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which average pooling without padding is a depthwise convolution: onnxruntime's integer kernel for
    that is quicker than the one for pooling."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    shapes = {value.name: value.type.tensor_type.shape.dim for value in result.graph.value_info}
    for node in result.graph.node:
        if node.op_type != "AveragePool":
            continue
        settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if any(settings.get("pads", ())) or settings.get("ceil_mode") or b"SAME" in settings.get("auto_pad", b""):
            continue
        count, kernel = shapes[node.output[0]][1].dim_value, settings["kernel_shape"]
        mean = numpy_helper.from_array(
            np.full((count, 1, *kernel), 1 / np.prod(kernel), np.float32), f"{node.output[0]}/mean"
        )
        result.graph.initializer.append(mean)
        inputs, outputs = [node.input[0], mean.name], list(node.output)
        node.CopyFrom(
            helper.make_node(
                "Conv", inputs, outputs, node.name, kernel_shape=kernel, strides=settings.get("strides"), group=count
            )
        )
    return result


def _drop_zero_points_of_weights(model: onnx.ModelProto) -> None:
    """Leave out what is nought where nothing is said: one number for each channel."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    for node in model.graph.node:
        is_weight = node.op_type == "DequantizeLinear" and node.input[0] in constants
        if is_weight and not numpy_helper.to_array(constants[node.input[2]]).any():
            del node.input[2]
    used = {name for node in model.graph.node for name in node.input}
    kept = [constant for constant in model.graph.initializer if constant.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _scaling_nodes(model: Any) -> list[str]:
    """Names of the elementwise nodes between the input and the first convolution."""
    names, reached = [], {bundle.INPUT}
    for node in model.graph.node:
        if node.op_type != "Conv" and reached & set(node.input):
            names.append(node.name)
            reached |= set(node.output)
        elif node.op_type == "Conv":
            break
    return names
