"""The trained Keras network as ONNX, up to its last feature map."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from onnxruntime.quantization.shape_inference import quant_pre_process

import bundle
from export.silence import silence

# onnxruntime 1.17 and later, OpenVINO 2023 and later and TensorRT 8.6 and later all read it.
OPSET = 17
# What Keras puts before all names of a model that has none; the number counts the models of a process.
_MODEL_SCOPE = re.compile(r"^functional(_\d+)*/")
# The number that tf2onnx ends its own names with, perhaps before the number of an output.
_MADE_BY_TF2ONNX = re.compile(r"__\d+(:\d+)?$")


@dataclass(frozen=True, eq=False)
class Head:
    """The last dense layer; it stays in float in every file: under 0.2 % of the multiplications."""

    kernel: npt.NDArray[np.floating]
    """``[d, outputs]``, in as many bits as files keep of it; it is multiplied by in float32."""
    bias: npt.NDArray[np.float32]
    pooled: bool
    """Whether global average pooling comes before it, which makes the evidence map exact."""
    classes: tuple[int, ...]
    """Class of each output; where several are of one class, its logit is their log-sum-exp."""
    embedding: int
    """The first so many features are the output ``embedding``: the network's own last ones, which tell
    pictures apart better than those of the layers that the head reads besides."""

    scale: npt.NDArray[np.float32] | None = None
    """Factors ``[d]`` by which features were divided on the way (`export.equalisation`); the embedding is
    multiplied by them again. The kernel has them already."""

    @property
    def merged(self) -> bool:
        """Whether some class has several outputs."""
        return len(set(self.classes)) < len(self.classes)

    def evidence_bias(self, styles: int) -> npt.NDArray[np.float32]:
        """What the average of the evidence map lacks to be the logits of the `styles`, ``[styles]``: where
        outputs are merged it lacks nothing."""
        return np.zeros(styles, np.float32) if self.merged else self.bias[:styles]


@dataclass(frozen=True)
class Core:
    """A network without its head: `model` maps ``input`` uint8 ``[batch, size, size, 3]`` to ``features``,
    ``[batch, h, w, d]`` where `head` is pooled, else ``[batch, d]``."""

    model: onnx.ModelProto
    head: Head


def convert(network: Any, embedding: int | None = None) -> Core:
    """Convert a Keras network (see `train.networks` for its named layers) through tf2onnx, and fold
    batch normalisation and constants. `embedding` is `Head.embedding`; None takes all features."""
    import keras

    body = keras.Model(network.input, feature_map(network))
    return Core(to_onnx(body, lambda pixels: {"features": body(pixels, training=False)}), head_of(network, embedding))


def to_onnx(body: Any, serve: Callable[[Any], dict[str, Any]]) -> onnx.ModelProto:
    """ONNX with the outputs that `serve` gives by name, for pixels as float32 tensor; the file's input is uint8.
    `body` is the Keras network that `serve` calls: layers keep its names."""
    import tensorflow as tf
    import tf2onnx

    size = body.input.shape[1]

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([None, size, size, 3], tf.uint8, name=bundle.INPUT)]
    )
    def called(pixels: Any) -> Any:
        return serve(tf.cast(pixels, tf.float32))

    model, _ = tf2onnx.convert.from_function(called, input_signature=called.input_signature, opset=OPSET)
    # What is made of them, by name: tf2onnx keeps the order of a dictionary's sorted keys.
    _rename_outputs(model, sorted(called.get_concrete_function().structured_outputs))
    _say_how_to_enlarge(model)
    model = _fold(model)
    _drop_model_scope(model)
    _name_constants(model)
    _name_layers(model, [layer.name for layer in body.layers if hasattr(layer, "kernel")])
    _number_what_tf2onnx_made(model)
    return model


def feature_map(network: Any) -> Any:
    """What the head of a Keras network reads: the last feature map, or its embedding where that is not pooled."""
    names = {layer.name for layer in network.layers}
    return network.get_layer("pool").input if "pool" in names else network.get_layer("embedding").output


def head_of(network: Any, embedding: int | None = None) -> Head:
    """The head of a Keras network; `embedding` is `Head.embedding`, None takes all features."""
    names = {layer.name for layer in network.layers}
    kernel, bias = network.get_layer("head").get_weights()
    classes = network.get_layer("merged").classes if "merged" in names else tuple(range(bias.size))
    return Head(kernel, bias, "pool" in names, classes, embedding or len(kernel))


def with_scale(head: Head, scale: npt.NDArray[np.float32]) -> Head:
    """The head for features that are divided by `scale` ``[d]``."""
    return replace(head, kernel=head.kernel * scale[:, None], scale=scale)


def with_less_bias(head: Head, shift: npt.NDArray[np.float32]) -> Head:
    """The head with logits that are less by `shift`, ``[classes]``."""
    return replace(head, bias=head.bias - shift[list(head.classes)])


def with_half_kernel(head: Head) -> Head:
    """The head with its kernel kept in 16 bits: as near as the network before it is, in half the bytes."""
    return replace(head, kernel=head.kernel.astype(np.float16))


def half_precision(core: Core) -> Core:
    """The network with weights and arithmetic in fp16; the arithmetic of its head stays in fp32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.ModelProto()
    model.CopyFrom(core.model)
    with silence():  # it warns of each weight too small for fp16; the gates judge the result
        return Core(convert_float_to_float16(model, keep_io_types=True), with_half_kernel(core.head))


def _fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """onnxruntime's own preparation: shapes, constants, and batch normalisation into every convolution;
    tf2onnx leaves that of depthwise ones as a multiplication and an addition."""
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        source, target = Path(folder) / "source.onnx", Path(folder) / "folded.onnx"
        onnx.save(model, source)
        # Its own inference of shapes gives up where a picture is enlarged; ONNX's knows all that is asked for.
        quant_pre_process(
            source, target, skip_symbolic_shape=any(node.op_type == "Resize" for node in model.graph.node)
        )
        return onnx.load(target)


def _say_how_to_enlarge(model: onnx.ModelProto) -> None:
    """tf2onnx's own word for the nearest neighbour has gone out of ONNX; doubled, all conventions are the same."""
    for node in model.graph.node:
        if node.op_type == "Resize":
            del node.attribute[:]
            node.attribute.extend(
                helper.make_attribute(name, value)
                for name, value in (
                    ("mode", "nearest"),
                    ("coordinate_transformation_mode", "asymmetric"),
                    ("nearest_mode", "floor"),
                )
            )


def _drop_model_scope(model: onnx.ModelProto) -> None:
    tensors = {name for node in model.graph.node for name in (*node.input, *node.output)}
    _rename_tensors(model, {name: _MODEL_SCOPE.sub("", name) for name in tensors})
    for node in model.graph.node:
        node.name = _MODEL_SCOPE.sub("", node.name)


def _name_layers(model: onnx.ModelProto, layers: Sequence[str]) -> None:
    """Give the convolutions and dense layers their names in Keras; folding has left numbers of some."""
    # What comes in from the layer before carries that one's name.
    constants = {constant.name for constant in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            own = [node.name, *node.output, *(name for name in node.input if name in constants)]
            scopes = {scope for text in own for scope in layer_scopes(text)}
            node.name = next((layer for layer in layers if layer in scopes), node.name)


def layer_scopes(name: str) -> set[str]:
    """What may be a layer's name in that of a node or tensor. Keras calls a layer NAME_1 where the network is
    called a second time."""
    return {scope for part in name.split("/") for scope in (part, part.removesuffix("_1"))}


def _name_constants(model: onnx.ModelProto) -> None:
    """Number the constants in the order of their use: which of several equal ones tf2onnx keeps is chance."""
    by_name = {constant.name: constant for constant in model.graph.initializer}
    used = Counter(name for node in model.graph.node for name in node.input if name in by_name)
    # The readable part of a name says of which layer a weight is; what a converter numbered says nothing, nor what
    # several layers share, as the bounds of ReLU6: it has the name of any of them.
    names = {}
    for number, name in enumerate(used):
        if "/" not in name or used[name] > 1:
            names[name] = f"constant_{number}"
        elif _MADE_BY_TF2ONNX.search(name):
            names[name] = _MADE_BY_TF2ONNX.sub(f"_{number}", name)
        else:
            names[name] = name
    _rename_tensors(model, names)
    del model.graph.initializer[:]
    model.graph.initializer.extend(by_name[name] for name in used)


def _number_what_tf2onnx_made(model: onnx.ModelProto) -> None:
    """Name the nodes that tf2onnx put in by their place: its own numbers (``Transpose__52``) are not the same
    in every run."""
    names: dict[str, str] = {}
    for place, node in enumerate(model.graph.node):
        if _MADE_BY_TF2ONNX.search(node.name):
            node.name = f"{node.op_type}_{place}"
        for output in node.output:
            if _MADE_BY_TF2ONNX.search(output):
                names[output] = f"{node.op_type}_{place}:0"
    _rename_tensors(model, names)


def _rename_outputs(model: onnx.ModelProto, names: Sequence[str]) -> None:
    _rename_tensors(model, {output.name: name for output, name in zip(model.graph.output, names, strict=True)})
    for output, name in zip(model.graph.output, names, strict=True):
        output.name = name
        output.type.tensor_type.shape.dim[0].dim_param = "batch"


def _rename_tensors(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """Give what nodes give and take the names that `names` has for them."""
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    declared: list[Any] = [*model.graph.initializer, *model.graph.value_info]
    for named in declared:
        named.name = names.get(named.name, named.name)
