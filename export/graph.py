"""Head, calibration and the named outputs, appended to a network in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.network import OPSET, Core
from train.calibration import ENERGY, MAXIMUM_LOGIT, MAXIMUM_SOFTMAX, ODDS, Calibration

# Added to a logit, it leaves nothing of it in a sum of exponentials.
_NOUGHT = np.float32(-1e9)


def with_raw_outputs(core: Core) -> onnx.ModelProto:
    """The network with one output ``outputs`` ``[batch, styles (+ 1)]``: all logits, to calibrate on."""
    builder = _Builder(core)
    builder.add_head(core)
    builder.output("outputs", ["batch", len(set(core.head.classes))])
    return builder.finish()


def with_named_outputs(core: Core, calibration: Calibration) -> onnx.ModelProto:
    """The network with the outputs of `bundle.OUTPUTS`; without ``evidence`` where the head is not pooled.

    ``probabilities`` is the softmax of the style logits over the temperature, ``known`` the Platt-scaled
    score that the calibration chose; both in float, in the graph.
    """
    builder = _Builder(core)
    builder.add_head(core)
    styles = calibration.styles
    builder.slice("outputs", "logits", 0, styles)
    builder.node("Div", ["logits", builder.constant(calibration.temperature)], "scaled_logits")
    builder.node("Softmax", ["scaled_logits"], "probabilities", axis=1)
    builder.add_score(calibration.score, styles)
    builder.node("Mul", ["score", builder.constant(calibration.known_scale)], "scaled_score")
    builder.node("Add", ["scaled_score", builder.constant(calibration.known_offset)], "log_odds")
    builder.node("Sigmoid", ["log_odds"], "known")
    builder.output("probabilities", ["batch", styles])
    builder.output("known", ["batch"])
    builder.output("logits", ["batch", styles])
    if core.head.pooled:
        builder.slice("evidence_all", "evidence", 0, styles, axis=3)
        height, width = core.model.graph.output[0].type.tensor_type.shape.dim[1:3]
        builder.output("evidence", ["batch", height.dim_value or "h", width.dim_value or "w", styles])
    builder.add_embedding(core)
    builder.output("embedding", ["batch", core.head.embedding])
    return builder.finish()


class _Builder:
    """Appends nodes to a copy of a network's graph."""

    def __init__(self, core: Core):
        self.model = onnx.ModelProto()
        self.model.CopyFrom(core.model)
        self.graph = self.model.graph
        del self.graph.output[:]

    def add_head(self, core: Core) -> None:
        """``outputs``; with pooling also ``evidence_all`` ``[batch, h, w, outputs]``.

        With pooling the logits are made from the evidence map, so that it averages to them exactly, also
        where the network before it is quantized: a 1x1 convolution is a product over the last axis.
        """
        kernel, bias = self.tensor(core.head.kernel), self.tensor(core.head.bias)
        if core.head.kernel.dtype != np.float32:
            self.node("Cast", [kernel], "kernel", to=TensorProto.FLOAT)
            kernel = "kernel"
        merged = core.head.merged
        if core.head.pooled:
            evidence = "evidence_of_outputs" if merged else "evidence_all"
            self.node("MatMul", ["features", kernel], evidence)
            self.node("ReduceMean", [evidence], "products", axes=[1, 2], keepdims=0)
        else:
            self.node("MatMul", ["features", kernel], "products")
        self.node("Add", ["products", bias], "outputs_of_head" if merged else "outputs")
        if merged:
            self._merge(core.head.classes)
            if core.head.pooled:
                self._merge_evidence(core.head.classes)

    def add_embedding(self, core: Core) -> None:
        """``embedding`` ``[batch, Head.embedding]``."""
        head = core.head
        own, pooled = "own_features", "embedding" if head.scale is None else "divided_embedding"
        if head.pooled:
            self.slice("features", own, 0, head.embedding, axis=3)
            self.mean(own, pooled, core)
        else:
            self.slice("features", pooled, 0, head.embedding)
        if head.scale is not None:
            self.node("Mul", [pooled, self.tensor(head.scale[: head.embedding])], "embedding")

    def mean(self, source: str, output: str, core: Core) -> None:
        """The mean over the places of a map like the features, as a product: onnxruntime takes three times as long
        for ``ReduceMean`` along axes that others follow."""
        places = int(np.prod([dim.dim_value for dim in core.model.graph.output[0].type.tensor_type.shape.dim[1:3]]))
        if not places:
            self.node("ReduceMean", [source], output, axes=[1, 2], keepdims=0)
            return
        channels = core.head.embedding
        rows, shares, sums = (
            f"{output}/places",
            self.tensor(np.full((1, places), 1 / places, np.float32)),
            f"{output}/row",
        )
        self.node("Reshape", [source, self.integers([0, places, channels])], rows)
        self.node("MatMul", [shares, rows], sums)
        self.node("Reshape", [sums, self.integers([0, channels])], output)

    def _merge(self, classes: Sequence[int]) -> None:
        """``outputs``: for each class the log-sum-exp of its own among ``outputs_of_head``."""
        others = np.arange(max(classes) + 1)[:, None] != np.array(classes)
        self.node("Unsqueeze", ["outputs_of_head", self.integers([1])], "outputs_for_each_class")
        self.node("Add", ["outputs_for_each_class", self.tensor(others * _NOUGHT)], "outputs_of_each_class")
        self.log_sum_exp("outputs_of_each_class", "outputs", axis=2)

    def _merge_evidence(self, classes: Sequence[int]) -> None:
        """``evidence_all``: the maps of a class's outputs, each by its share in the class's sum (that is the
        gradient of the log-sum-exp), raised evenly so that the whole averages to the logit."""
        self.node("Gather", ["outputs", self.integers(classes)], "logits_of_outputs", axis=1)
        self.node("Sub", ["outputs_of_head", "logits_of_outputs"], "log_shares")
        self.node("Exp", ["log_shares"], "flat_shares")
        self.node("Unsqueeze", ["flat_shares", self.integers([1, 2])], "shares")
        self.node("Mul", ["evidence_of_outputs", "shares"], "shared_evidence")
        membership = np.eye(len(set(classes)), dtype=np.float32)[list(classes)]
        self.node("MatMul", ["shared_evidence", self.tensor(membership)], "evidence_of_classes")
        self.node("ReduceMean", ["evidence_of_classes"], "mean_evidence", axes=[1, 2], keepdims=0)
        self.node("Sub", ["outputs", "mean_evidence"], "flat_rest")
        self.node("Unsqueeze", ["flat_rest", self.integers([1, 2])], "rest")
        self.node("Add", ["evidence_of_classes", "rest"], "evidence_all")

    def add_score(self, name: str, styles: int) -> None:
        """``score`` ``[batch]``: the one of `train.calibration.known_scores`."""
        self.log_sum_exp("logits", "energy", axis=1)
        self.node("ReduceMax", ["logits"], "highest", axes=[1], keepdims=0)
        if name == ODDS:
            self.slice("outputs", "other_column", styles, styles + 1)
            self.node("Squeeze", ["other_column", self.integers([1])], "other")
            self.node("Sub", ["energy", "other"], "score")
        elif name == MAXIMUM_SOFTMAX:
            self.node("Sub", ["highest", "energy"], "score")
        else:
            self.node("Identity", [{ENERGY: "energy", MAXIMUM_LOGIT: "highest"}[name]], "score")

    def log_sum_exp(self, source: str, output: str, axis: int) -> None:
        """By what the greatest value lacks in the logarithm of its share: OpenVINO 2026.4 takes the sum of
        ``ReduceLogSumExp`` along all axes (openvino #38238)."""
        highest, log_shares, rest = (f"{output}/{name}" for name in ("highest", "log_shares", "rest"))
        self.node("ReduceMax", [source], highest, axes=[axis], keepdims=0)
        self.node("LogSoftmax", [source], log_shares, axis=axis)
        self.node("ReduceMax", [log_shares], rest, axes=[axis], keepdims=0)
        self.node("Sub", [highest, rest], output)

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.graph.node.append(helper.make_node(operator, inputs, [output], name=f"vernissage/{output}", **attributes))

    def slice(self, source: str, output: str, start: int, end: int, axis: int = 1) -> None:
        bounds = [self.integers([value]) for value in (start, end, axis)]
        self.node("Slice", [source, *bounds], output)

    def constant(self, value: float) -> str:
        return self.tensor(np.array(value, np.float32))

    def integers(self, values: Sequence[int]) -> str:
        return self.tensor(np.array(values, np.int64))

    def tensor(self, values: np.ndarray) -> str:
        name = f"vernissage/constant_{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def output(self, name: str, shape: Sequence[str | int]) -> None:
        self.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def finish(self) -> onnx.ModelProto:
        self.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
        self.graph.name = "vernissage"
        self.model.producer_name = "vernissage"
        self.model.doc_string = ""
        # Shapes on the way: every runtime finds them itself, and those of the converters have names by chance.
        del self.graph.value_info[:]
        del self.model.metadata_props[:]
        opsets = {entry.domain: entry.version for entry in self.model.opset_import}
        assert opsets[""] == OPSET, opsets
        onnx.checker.check_model(self.model, full_check=True)
        return self.model
