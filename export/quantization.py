"""Static quantization of a network to int8, as QDQ, with the activations' ranges from pictures.

Activations are uint8 and weights int8 ("U8S8"): on x86 onnxruntime's other pairs are 4-10 times slower.
Weights use seven bits on machines without VNNI only (`reduce_range`), which this slice does not make.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

import bundle
from export.network import Core


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Pictures ``[n, size, size, 3]`` in batches, each once."""

    def __init__(self, pixels: npt.NDArray[np.uint8]):
        self.batches: Iterator[npt.NDArray[np.uint8]] = iter(np.array_split(pixels, max(1, len(pixels) // 16)))

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        batch = next(self.batches, None)
        return None if batch is None else {bundle.INPUT: batch}


def quantize(core: Core, pixels: npt.NDArray[np.uint8], *, per_channel: bool) -> Core:
    """An int8 variant of `core`; ranges are the least and the greatest value seen on `pixels`, uint8
    ``[n, size, size, 3]``, which must be training pictures."""
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        source, target = (Path(folder) / name for name in ("float.onnx", "int8.onnx"))
        onnx.save(core.model, source)
        quantize_static(
            source,
            target,
            _Pictures(pixels),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
            calibrate_method=CalibrationMethod.MinMax,
            # Clip and Relu must be named: only then are they taken up into the range of the convolution
            # before them. Left out, ReLU6 stays in float between two quantizations of an unclipped range,
            # and the answers agree with the float network's on 89 % of the pictures in place of 98 %.
            op_types_to_quantize=["Conv", "Clip", "Relu", "Add", "Gemm", "MatMul", "MaxPool"],
            # The scaling of the pixels stays in float: it is one pass over the input.
            nodes_to_exclude=_scaling_nodes(core.model),
        )
        return Core(onnx.load(target), core.head)


def _scaling_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the elementwise nodes between the input and the first convolution."""
    names, reached = [], {bundle.INPUT}
    for node in model.graph.node:
        if node.op_type != "Conv" and reached & set(node.input):
            names.append(node.name)
            reached |= set(node.output)
        elif node.op_type == "Conv":
            break
    return names
