"""How an integer network takes pixels in: as the bytes that they are, and four columns of a picture at a time.

Quantized as any other tensor, pixels are cast, multiplied, shifted and rounded to bytes again: four passes in float
over the largest tensor of all, and a rounding that loses a bit where the scaling is by 127.5. But
``(x - zero) * scale`` is what a byte means in QDQ anyway.

The first convolution reads three channels. onnxruntime's quick kernels read four at a time (a multiple of them); for
any other number it copies the input out, window by window. In a picture ``[height, width, 3]`` four neighbouring
columns are twelve channels of one, without a byte being moved. A convolution with a stride of two gives two columns of
its output for them; these are twice the channels, until the same view the other way round parts them. Added weights
are nought, and the sums in integers are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

import bundle

# Three channels of so many columns are a multiple of four.
_COLUMNS = 4
_TO_CHANNELS_LAST, _TO_CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def take_bytes(model: onnx.ModelProto) -> None:
    """Let the scaling of the pixels be that of their quantization.

    A network is left as it is where its scaling is not one number for all channels, or its pixels do not become uint8.
    """
    graph = _Graph(model)
    name, scaling = bundle.INPUT, []
    scale, offset = 1.0, 0.0
    while (node := graph.reader(name, ("Cast", "Mul", "Add"))) is not None:
        if node.op_type != "Cast":
            number = graph.number(node.input)
            if number is None:
                return
            scale, offset = (scale * number, offset * number) if node.op_type == "Mul" else (scale, offset + number)
        scaling.append(node)
        name = node.output[0]
    found = graph.chain(name, ("Transpose", "QuantizeLinear", "DequantizeLinear", "Conv"))
    if found is None or scale <= 0:
        return
    transpose, quantize, dequantize, convolution = found
    zero = round(-offset / scale)
    if graph.constant(quantize.input[2]).dtype != np.uint8 or not 0 <= zero <= 255:
        return
    # What a byte cannot be less by, the bias is; where the convolution pads, half a step of it is missing at most.
    graph.add_to_bias(convolution, offset + scale * zero)
    transpose.input[0] = bundle.INPUT
    dequantize.input[:] = [
        transpose.output[0],
        graph.add("pixels/scale", np.array(scale, np.float32)),
        graph.add("pixels/zero_point", np.array(zero, np.uint8)),
    ]
    graph.remove([*scaling, quantize])
    graph.forget_types([transpose.output[0]])


def take_four_columns(model: onnx.ModelProto) -> None:
    """Let the first convolution read four columns of a picture as one, where it reads bytes (`take_bytes`) with a
    stride of two, and a picture's sides allow it."""
    graph = _Graph(model)
    found = graph.chain(bundle.INPUT, ("Transpose", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"))
    if found is None:
        return
    transpose, dequantize, convolution, quantize, after = found
    window, weights = _Window.of(convolution), graph.maker(convolution.input[1])
    if window is None or weights is None:
        return
    kernel = graph.constant(weights.input[0])
    height, width = (dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:3])
    height_after, width_after = window.after(height, width, kernel.shape[2:])
    wide, before = _widened(kernel, window.left)
    behind = width_after // 2 - 1 + wide.shape[3] - before - width // _COLUMNS
    if width % _COLUMNS or width_after % 2 or behind < 0:
        return
    transpose.input[0] = "columns"
    # Not the name that it had: what has another shape is another tensor.
    convolution.input[0] = dequantize.output[0] = "columns/dequantized"
    weights.input[:] = [
        graph.add("columns/kernel", wide),
        *(graph.add(f"columns/{name}", _twice(graph.constant(name))) for name in weights.input[1:]),
    ]
    if len(convolution.input) > 2:
        convolution.input[2] = graph.add("columns/bias", _twice(graph.constant(convolution.input[2])))
    del convolution.attribute[:]
    convolution.attribute.extend(
        [
            helper.make_attribute("kernel_shape", wide.shape[2:]),
            helper.make_attribute("strides", [window.stride, 1]),
            helper.make_attribute("pads", [window.top, before, window.bottom, behind]),
        ]
    )
    after.input[0] = "parted"
    graph.forget_types([convolution.output[0], quantize.output[0]])
    together = graph.add("columns/shape", [0, height, width // _COLUMNS, -1])
    parted = graph.add("parted/shape", [0, height_after, width_after, -1])
    graph.insert(transpose, [_node("Reshape", [bundle.INPUT, together], "columns")])
    graph.insert(
        after,
        [
            _node("Transpose", [quantize.output[0]], "columns/last", perm=_TO_CHANNELS_LAST),
            _node("Reshape", ["columns/last", parted], "parted/last"),
            _node("Transpose", ["parted/last"], "parted", perm=_TO_CHANNELS_FIRST),
        ],
    )


@dataclass(frozen=True)
class _Window:
    """How a convolution with a stride of two in both directions goes over a picture."""

    top: int
    left: int
    bottom: int
    right: int

    stride = 2

    @classmethod
    def of(cls, convolution: onnx.NodeProto) -> Self | None:
        """None where it goes otherwise."""
        given = {attribute.name: helper.get_attribute_value(attribute) for attribute in convolution.attribute}
        pads = given.pop("pads", [0, 0, 0, 0])
        given.pop("kernel_shape", None)
        usual = {"group": 1, "dilations": [1, 1], "auto_pad": b"NOTSET"}
        return cls(*pads) if usual | given == usual | {"strides": [cls.stride, cls.stride]} else None

    def after(self, height: int, width: int, kernel: Sequence[int]) -> tuple[int, int]:
        """Height and width of what it gives."""
        rows, columns = kernel
        return (
            (height + self.top + self.bottom - rows) // self.stride + 1,
            (width + self.left + self.right - columns) // self.stride + 1,
        )


def _widened(kernel: npt.NDArray[Any], pad: int) -> tuple[npt.NDArray[Any], int]:
    """Weights ``[outputs, channels, rows, columns]`` for a picture whose columns are taken by fours, as
    ``[2 * outputs, 4 * channels, rows, fours]``, and how many fours they begin before the one that they are for; `pad`
    columns were before the picture."""
    count, channels, rows, columns = kernel.shape
    # Column t of the weights, for the first and second column of the output, meets this column of the picture, counted
    # from the beginning of the four.
    meets = np.array([[_Window.stride * output - pad + t for t in range(columns)] for output in range(2)])
    first, last = meets.min() // _COLUMNS, meets.max() // _COLUMNS
    wide = np.zeros((2, count, _COLUMNS, channels, rows, last - first + 1), kernel.dtype)
    for (output, t), column in np.ndenumerate(meets):
        wide[output, :, column % _COLUMNS, :, :, column // _COLUMNS - first] = kernel[..., t]
    return wide.reshape(2 * count, _COLUMNS * channels, rows, -1), int(-first)


def _twice(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """One number for each channel, for twice the channels; one number for all stays one."""
    return np.tile(values, 2) if values.ndim else values


def _node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], output, **attributes)


class _Graph:
    """A graph to be changed: its nodes by what they read and give."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.constants = {constant.name: constant for constant in model.graph.initializer}

    def reader(self, name: str, operators: Collection[str]) -> onnx.NodeProto | None:
        """What reads a tensor, where that is one node, of one of the `operators`."""
        readers = [node for node in self.graph.node if name in node.input]
        return readers[0] if len(readers) == 1 and readers[0].op_type in operators else None

    def chain(self, name: str, operators: Sequence[str]) -> list[onnx.NodeProto] | None:
        """The nodes that read a tensor one after the other, where they are of these `operators` and nothing else
        reads what is between."""
        nodes: list[onnx.NodeProto] = []
        for operator in operators:
            node = self.reader(name, (operator,))
            if node is None or node.input[0] != name:
                return None
            nodes.append(node)
            name = node.output[0]
        return nodes

    def maker(self, name: str) -> onnx.NodeProto | None:
        """What dequantizes a constant to a tensor."""
        nodes = [node for node in self.graph.node if name in node.output and node.input[0] in self.constants]
        return nodes[0] if nodes and nodes[0].op_type == "DequantizeLinear" else None

    def constant(self, name: str) -> npt.NDArray[Any]:
        return numpy_helper.to_array(self.constants[name])

    def number(self, names: Sequence[str]) -> float | None:
        """The constant among a node's inputs, where it is one number."""
        values = [self.constant(name) for name in names if name in self.constants]
        return float(values[0].item()) if len(values) == 1 and values[0].size == 1 else None

    def add(self, name: str, values: npt.NDArray[Any] | Sequence[int]) -> str:
        """A new constant."""
        self.constants[name] = numpy_helper.from_array(np.asarray(values), name)
        self.graph.initializer.append(self.constants[name])
        return name

    def add_to_bias(self, convolution: onnx.NodeProto, offset: float) -> None:
        """Let a convolution give what it would if all that it reads were greater by `offset`."""
        weights = self.maker(convolution.input[1])
        assert weights is not None
        scale = self.constant(weights.input[1]).astype(np.float64)
        sums = self.constant(weights.input[0]).astype(np.float64).sum((1, 2, 3)) * scale
        bias = self.constant(convolution.input[2]) if len(convolution.input) > 2 else 0.0
        convolution.input[2:] = [self.add("pixels/bias", (bias + offset * sums).astype(np.float32))]

    def insert(self, before: onnx.NodeProto, nodes: Sequence[onnx.NodeProto]) -> None:
        place = list(self.graph.node).index(before)
        for number, node in enumerate(nodes):
            self.graph.node.insert(place + number, node)

    def remove(self, nodes: Sequence[onnx.NodeProto]) -> None:
        for node in nodes:
            self.graph.node.remove(node)

    def forget_types(self, names: Collection[str]) -> None:
        """Runtimes find the types and shapes of tensors that have others now."""
        kept = [value for value in self.graph.value_info if value.name not in names]
        del self.graph.value_info[:]
        self.graph.value_info.extend(kept)
