"""LiteRT, TFLite files' own runtime, with XNNPACK as it comes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

import bundle
from benchmarks.machine import usable_cores
from benchmarks.runtimes import Loaded, Model, Outputs, Pixels, one_by_one


@dataclass
class _Interpreter:
    model: Model
    threads: int

    def __post_init__(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._interpreter = Interpreter(str(self.model.path), num_threads=self.threads or usable_cores())
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        # A file without a signature has one output, which is the first of those that are asked for.
        signatures = self._interpreter.get_signature_list()
        if signatures:
            (name,) = signatures
            runner = self._interpreter.get_signature_runner(name)
            places = runner.get_output_details()
            self._input = runner.get_input_details()[bundle.INPUT]["index"]
            self._outputs = {output: places[output] for output in self.model.outputs if output in places}
        else:
            self._outputs = {self.model.outputs[0]: self._interpreter.get_output_details()[0]}

    def predict(self, pixels: Pixels) -> Outputs:
        return one_by_one([self._one(picture[np.newaxis]) for picture in pixels])

    def _one(self, pixels: Pixels) -> Outputs:
        self._interpreter.set_tensor(self._input, pixels)
        self._interpreter.invoke()
        return {
            name: _in_float(self._interpreter.get_tensor(place["index"]), place["quantization"])
            for name, place in self._outputs.items()
        }

    def describe(self) -> dict[str, str]:
        return {"delegate": "XNNPACK, LiteRT's default"}


def _in_float(values: Pixels, quantization: tuple[float, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    scale, zero = quantization
    if values.dtype == np.float32 or not scale:
        return values.astype(np.float32, copy=False)
    return (scale * (values.astype(np.float32) - zero)).astype(np.float32)


class LiteRT:
    """The interpreter, one picture at a time."""

    name = "LiteRT"
    packages = ("ai-edge-litert",)
    formats = ("tflite",)
    precisions = ()
    sets_threads = True

    def unusable(self) -> str | None:
        """See `Runtime`."""
        return None

    def load(self, model: Model, threads: int) -> Loaded:
        """See `Runtime`."""
        return _Interpreter(model, threads)


RUNTIMES = (LiteRT(),)
