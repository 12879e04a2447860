"""OpenVINO, on the processor, with its default settings: ONNX files as they are, and its own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bundle
from benchmarks.loadgen import OFFLINE_BATCH, SAMPLES_PER_QUERY
from benchmarks.runtimes import Loaded, Model, Outputs, Pixels, one_by_one

# Pictures at a time that the scenarios ask for.
_BATCHES = (1, SAMPLES_PER_QUERY, OFFLINE_BATCH)


def read_model(path: Path) -> Any:
    """An ``openvino.Model`` of an ONNX file or of one of OpenVINO's own; raises what OpenVINO raises."""
    import openvino
    from openvino.frontend.onnx import ConversionExtension

    core = openvino.Core()
    core.add_extension(ConversionExtension("ReduceLogSumExp", _log_sum_exp))
    return core.read_model(path)


def _log_sum_exp(node: Any) -> Any:
    """OpenVINO 2026.4 does not see along which axes, where the file has an opset of 13 to 17, and sums along all: the
    shipped files do not load, others answer wrongly for several pictures (openvino #38238)."""
    from openvino import opset13 as ops

    values = node.get_input(0)
    axes = node.get_attribute("axes") if node.get_input_size() == 1 else None
    along = node.get_input(1) if axes is None else ops.constant(np.array(axes, np.int64))
    highest = ops.reduce_max(values, along, keep_dims=True)
    summed = ops.reduce_sum(ops.exp(ops.subtract(values, highest)), along, keep_dims=True)
    kept = ops.add(ops.log(summed), highest)
    return (kept if node.get_attribute("keepdims", 1) else ops.squeeze(kept, along)).outputs()


@dataclass
class _Compiled:
    """The network for so many pictures at a time.

    Compiled for any number OpenVINO lays it out worse (some of our files take twice the time), so who wants it quick
    gives it the shape. Other numbers than `_BATCHES` go one by one.
    """

    model: Model
    threads: int

    def __post_init__(self) -> None:
        self._requests: dict[int, Any] = {}
        self._request_for(1)

    def predict(self, pixels: Pixels) -> Outputs:
        if len(pixels) not in _BATCHES:
            return one_by_one([self.predict(picture[np.newaxis]) for picture in pixels])
        request = self._request_for(len(pixels))
        request.infer({bundle.INPUT: pixels}, share_inputs=True)
        return {name: request.get_tensor(name).data.copy() for name in self.model.outputs}

    def _request_for(self, pictures: int) -> Any:
        import openvino

        if pictures not in self._requests:
            model = read_model(self.model.path)
            model.reshape({bundle.INPUT: [pictures, self.model.size, self.model.size, 3]})
            settings = {"INFERENCE_NUM_THREADS": self.threads} if self.threads else {}
            # The default hint is for latency, and the default arithmetic of float files is the processor's quickest.
            self._compiled = openvino.Core().compile_model(model, "CPU", settings)
            self._requests[pictures] = self._compiled.create_infer_request()
        return self._requests[pictures]

    def describe(self) -> dict[str, str]:
        # Its name alone: <Type: 'bfloat16'>.
        hint = str(self._compiled.get_property("INFERENCE_PRECISION_HINT")).removeprefix("<Type: '").removesuffix("'>")
        described = {"inference_precision_hint": hint, "num_streams": str(self._compiled.get_property("NUM_STREAMS"))}
        if self.model.format == "onnx":
            described["ReduceLogSumExp"] = "converted by this benchmark (openvino #38238)"
        return described | {"shape": "fixed, for each number of pictures"}


class OpenVINO:
    """The processor's plugin."""

    name = "OpenVINO"
    packages = ("openvino",)
    formats = ("onnx", "openvino")
    precisions = ()
    sets_threads = True

    def unusable(self) -> str | None:
        """See `Runtime`."""
        return None

    def load(self, model: Model, threads: int) -> Loaded:
        """See `Runtime`."""
        return _Compiled(model, threads)


RUNTIMES = (OpenVINO(),)
