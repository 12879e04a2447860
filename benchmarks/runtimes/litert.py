"""LiteRT, TFLite files' own runtime, with XNNPACK as it comes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
        signatures = self._interpreter.get_signature_list()
        if signatures:
            # Names are the signature's; tensors are set and read by their places, which is as quick as by its runner.
            runner = self._interpreter.get_signature_runner(next(iter(signatures)))
            (taken,), given = runner.get_input_details().values(), runner.get_output_details()
        else:
            # A file without a signature has one output, which is the first of those that are asked for.
            (taken,) = self._interpreter.get_input_details()
            given = {self.model.outputs[0]: self._interpreter.get_output_details()[0]}
        self._input = taken["index"]
        self._outputs = {name: given[name] for name in self.model.outputs}

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


def _in_float(values: npt.NDArray[Any], quantization: tuple[float, int]) -> npt.NDArray[np.float32]:
    """What a quantised output stands for; a float one as it is."""
    scale, zero = quantization
    if not scale:
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
