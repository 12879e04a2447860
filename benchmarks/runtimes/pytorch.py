"""PyTorch, eager and compiled, on the network that onnx2torch makes of the fp32 ONNX file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.runtimes import Loaded, Model, Outputs, Pixels


@dataclass
class _Module:
    model: Model
    compiled: bool
    threads: int

    def __post_init__(self) -> None:
        import onnx
        import torch
        from onnx2torch import convert

        # onnx2torch's own way to cut a tensor, which PyTorch will give up.
        warnings.filterwarnings("ignore", "Using a non-tuple sequence", UserWarning)
        if self.threads:
            torch.set_num_threads(self.threads)
        content = onnx.load(self.model.path)
        self._names = [output.name for output in content.graph.output]
        module: Any = convert(content).eval()
        self._module = torch.compile(module) if self.compiled else module
        self._torch = torch

    def predict(self, pixels: Pixels) -> Outputs:
        with self._torch.inference_mode():
            # PyTorch shares the memory of what it is given, and takes none that is read-only.
            values = self._module(self._torch.from_numpy(np.require(pixels, requirements=("C", "W"))))
        # Of several outputs a tuple, of one the tensor itself.
        answers = dict(zip(self._names, values if isinstance(values, tuple | list) else (values,), strict=True))
        return {name: answers[name].numpy() for name in self.model.outputs}

    def describe(self) -> dict[str, str]:
        return {"mode": "torch.compile" if self.compiled else "eager", "threads": str(self._torch.get_num_threads())}


@dataclass(frozen=True)
class PyTorch:
    """PyTorch with its own number of threads."""

    compiled: bool
    packages = ("torch", "torchvision", "onnx2torch", "onnx")
    formats = ("onnx",)
    precisions = ("fp32",)
    sets_threads = False

    @property
    def name(self) -> str:
        """See `Runtime`."""
        return "PyTorch compiled" if self.compiled else "PyTorch eager"

    def unusable(self) -> str | None:
        """See `Runtime`."""
        return None

    def load(self, model: Model, threads: int) -> Loaded:
        """See `Runtime`."""
        return _Module(model, self.compiled, threads)


RUNTIMES = (PyTorch(compiled=False), PyTorch(compiled=True))
