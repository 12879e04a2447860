"""PyTorch, eager and compiled, on the network that onnx2torch makes of the fp32 ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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

        if self.threads:
            torch.set_num_threads(self.threads)
        content = onnx.load(self.model.path)
        self._names = [output.name for output in content.graph.output]
        module: Any = convert(content).eval()
        self._module = torch.compile(module) if self.compiled else module
        self._torch = torch

    def predict(self, pixels: Pixels) -> Outputs:
        with self._torch.inference_mode():
            values = self._module(self._torch.from_numpy(pixels))
        answers = dict(zip(self._names, values, strict=True))
        return {name: answers[name].numpy() for name in self.model.outputs}

    def describe(self) -> dict[str, str]:
        return {"mode": "torch.compile" if self.compiled else "eager"}


@dataclass
class PyTorch:
    """PyTorch with its own number of threads."""

    compiled: bool
    packages = ("torch", "onnx2torch")
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
