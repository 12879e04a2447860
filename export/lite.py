"""The trained Keras network as TFLite for LiteRT: float, and quantized by LiteRT's own quantizer.

A TFLite file takes one picture at a time (``[1, size, size, 3]``, uint8): LiteRT plans its memory for
fixed shapes. Its outputs are bound by their names in the signature.
"""

from __future__ import annotations

import functools
import re
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

import bundle
from export.narrowing import Addition, narrowed
from export.network import Head, feature_map
from export.silence import silence
from train.calibration import ENERGY, MAXIMUM_LOGIT, MAXIMUM_SOFTMAX, ODDS, Calibration

SIGNATURE = "serving_default"
# Operators of the network proper carry it in their names, those of the head do not: the head stays in
# float, as in ONNX, so that the evidence map averages to the logits exactly.
_SCOPE = "network"


LiteMethod = Literal["min-max", "moving average"]
LITE_METHODS: tuple[LiteMethod, ...] = get_args(LiteMethod)
"""How a range is made of those of all pictures: the widest, or the mean of the latest, which one picture far beyond the
others does not widen."""


@dataclass
class LiteConverter:
    """Makes float TFLite files of one network, one for each calibration."""

    network: Any
    """The Keras network; see `train.networks` for its named layers."""
    head: Head

    def __post_init__(self) -> None:
        import keras

        features = feature_map(self.network)
        self._body = keras.Model(self.network.input, features, name=_SCOPE)
        self._size: int = self.network.input.shape[1]

    def convert(self, calibration: Calibration | None) -> bytes:
        """A float file with the outputs of `bundle.OUTPUTS`; without a calibration with the one output
        ``outputs`` ``[1, styles (+ 1)]``, all logits, to calibrate on."""
        import tensorflow as tf

        signature = [tf.TensorSpec([1, self._size, self._size, 3], tf.uint8, name=bundle.INPUT)]

        @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
        def serve(pixels: Any) -> dict[str, Any]:
            features = self._body(tf.cast(pixels, tf.float32), training=False)
            return outputs_of(features, self.head, calibration)

        module = tf.Module()
        module.serve = serve
        module.weights = [variable.value for variable in self._body.variables]
        with tempfile.TemporaryDirectory(prefix="vernissage-") as folder, silence():
            try:
                tf.saved_model.save(module, folder, signatures={SIGNATURE: serve})
            except tf.errors.OpError as error:  # a full disk, in TensorFlow's words
                raise OSError(error.message) from error
            return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def outputs_of(features: Any, head: Head, calibration: Calibration | None) -> dict[str, Any]:
    """The outputs by name, in TensorFlow, from features ``[1, h, w, d]`` or ``[1, d]``; `export.graph` has
    the same in ONNX, and the gates hold both against the Keras network."""
    import tensorflow as tf

    products = tf.linalg.matmul(features, head.kernel)
    places = [1, 2]
    of_head = (tf.reduce_mean(products, places) if head.pooled else products) + head.bias
    logits = of_head
    evidence = products
    if head.merged:
        columns = []
        for label in sorted(set(head.classes)):
            own = [output for output, of in enumerate(head.classes) if of == label]
            columns.append(_log_sum_exp(tf.gather(of_head, own, axis=1)))
        logits = tf.concat(columns, 1)
        if head.pooled:
            shares = tf.exp(of_head - tf.gather(logits, head.classes, axis=1))
            membership = np.eye(len(columns), dtype=np.float32)[list(head.classes)]
            shared = tf.linalg.matmul(products * shares[:, None, None, :], membership)
            evidence = shared + (logits - tf.reduce_mean(shared, places))[:, None, None, :]
    if calibration is None:
        return {"outputs": logits}
    styles = calibration.styles
    of_styles = logits[:, :styles]
    energy, highest = _log_sum_exp(of_styles)[:, 0], tf.reduce_max(of_styles, axis=1)
    score = {
        ODDS: lambda: energy - logits[:, styles],
        ENERGY: lambda: energy,
        MAXIMUM_LOGIT: lambda: highest,
        MAXIMUM_SOFTMAX: lambda: highest - energy,
    }[calibration.score]()
    pooled = tf.reduce_mean(features, places) if head.pooled else features
    if head.scale is not None:
        pooled = pooled * head.scale
    outputs = {
        "probabilities": tf.nn.softmax(of_styles / calibration.temperature),
        "known": tf.sigmoid(score * calibration.known_scale + calibration.known_offset),
        "logits": tf.identity(of_styles),
        "embedding": pooled[:, : head.embedding],
    }
    if head.pooled:
        outputs["evidence"] = evidence[..., :styles]
    return outputs


def _log_sum_exp(values: Any) -> Any:
    """Over the last axis, which is kept; TensorFlow's own guards against infinity take ten operators."""
    import tensorflow as tf

    highest = tf.reduce_max(values, axis=-1, keepdims=True)
    return tf.math.log(tf.reduce_sum(tf.exp(values - highest), axis=-1, keepdims=True)) + highest


@dataclass
class LiteQuantizer:
    """Makes variants of float TFLite files. The ranges of activations are collected once."""

    pixels: npt.NDArray[np.uint8]
    """Training pictures ``[n, size, size, 3]``."""
    _met: list[dict[str, Any]] = field(init=False, default_factory=list)
    """By picture, the range of each activation."""

    def float16(self, model: bytes) -> bytes:
        """Weights in half precision; they are widened once, when the file is loaded."""
        from litert_quantizer import qtyping, quantizer
        from litert_quantizer.algorithm_manager import AlgorithmName

        half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
        work = quantizer.Quantizer(model)
        work.update_quantization_recipe(
            ".*",
            qtyping.TFLOperationName.ALL_SUPPORTED,
            op_config=qtyping.OpQuantizationConfig(
                weight_tensor_config=half,
                compute_precision=qtyping.ComputePrecision.FLOAT,
                explicit_dequantize=True,
            ),
            algorithm_key=AlgorithmName.FLOAT_CASTING,
        )
        return _finish(work, None)

    def dynamic(self, model: bytes) -> bytes:
        """Weights in int8; activations are quantized while it runs, by the range of each picture."""
        from litert_quantizer import qtyping, quantizer

        work = quantizer.Quantizer(model)
        work.add_dynamic_config(_scope(()), qtyping.TFLOperationName.ALL_SUPPORTED, 8)
        return _finish(work, None)

    def int8(self, model: bytes, method: LiteMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """Weights, by channel, and activations in int8, but for the Keras layers `float_layers`."""
        from litert_quantizer import qtyping, quantizer

        work = quantizer.Quantizer(model)
        work.add_static_config(_scope(float_layers), qtyping.TFLOperationName.ALL_SUPPORTED, 8, 8)
        return _finish(work, self._ranges(model, method))

    def _ranges(self, model: bytes, method: LiteMethod) -> dict[str, Any]:
        from litert_quantizer import qtyping, quantizer
        from litert_quantizer.utils import qsv_utils

        if not self._met:
            # All layers, whatever stays in float this time.
            everything = quantizer.Quantizer(model)
            everything.add_static_config(_scope(()), qtyping.TFLOperationName.ALL_SUPPORTED, 8, 8)
            with silence():
                for picture in self.pixels:
                    samples = {SIGNATURE: [{bundle.INPUT: picture[None]}]}
                    self._met.append(everything.calibrate(samples, num_threads=2))
        update = {"min-max": qsv_utils.min_max_update, "moving average": qsv_utils.moving_average_update}[method]
        ranges: dict[str, Any] = {
            name: functools.reduce(update, (met[name] for met in self._met)) for name in self._met[0]
        }
        _narrow(ranges, model)
        return ranges


def _scope(float_layers: Collection[str]) -> str:
    """A regular expression for names of operators of the network, but not of its scaling and of `float_layers`."""
    left_out = "|".join(map(re.escape, ["scaling", *float_layers]))
    # From the first character on: the name of one operator may be those of several layers, after a semicolon each.
    return rf"^(?!.*/({left_out})(_\d+)?/).*{_SCOPE}(_\d+)?/.*"


def _narrow(ranges: dict[str, Any], model: bytes) -> None:
    """Narrow the ranges of what is added to shortcuts, in place; see `export.narrowing`."""
    found = {name: (np.min(qsv["min"]).item(), np.max(qsv["max"]).item()) for name, qsv in ranges.items() if qsv}
    for name, (least, greatest) in narrowed(_additions(model), found).items():
        ranges[name]["min"] = np.full_like(ranges[name]["min"], least)
        ranges[name]["max"] = np.full_like(ranges[name]["max"], greatest)


def _additions(model: bytes) -> list[Addition]:
    """The additions of a convolution to a ReLU's output, with a ReLU of their own."""
    from litert_quantizer.qtyping import ActivationFunctionType, BuiltinOperator
    from litert_quantizer.utils.tfl_flatbuffer_utils import get_tensor_name, read_model

    read = read_model(model)
    (graph,) = read.subgraphs
    names = [get_tensor_name(tensor) for tensor in graph.tensors]
    readers = Counter(names[index] for operator in graph.operators for index in operator.inputs if index >= 0)
    kinds, cut, additions = {}, set(), []
    for operator in graph.operators:  # in topological order
        kind, given = read.operatorCodes[operator.opcodeIndex].builtinCode, names[operator.outputs[0]]
        kinds[given] = kind
        activation = getattr(operator.builtinOptions, "fusedActivationFunction", None)
        if activation not in (ActivationFunctionType.RELU, ActivationFunctionType.RELU6):
            continue
        cut.add(given)
        if kind == BuiltinOperator.ADD:
            for addend, shortcut in ([names[i] for i in operator.inputs], [names[i] for i in operator.inputs[::-1]]):
                is_convolution = kinds.get(addend) == BuiltinOperator.CONV_2D and addend not in cut
                if is_convolution and readers[addend] == 1 and shortcut in cut:
                    additions.append(Addition(addend, shortcut, given))
    return additions


def _finish(work: Any, ranges: dict[str, Any] | None) -> bytes:
    with silence():
        return bytes(work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False).quantized_model)
