"""Model files in the runtimes that users run them in, behind one interface: onnxruntime and LiteRT.

LiteRT is imported where a TFLite file is loaded: a kiosk does not carry it. Keras, which is not light, stays in the
rooms that have it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime

import bundle
from bundle.manifest import Format as Format

Outputs = dict[str, npt.NDArray[np.float32]]


class CannotLoad(ValueError):
    """A runtime refuses a file, or answers otherwise than it should."""


@dataclass(frozen=True)
class Interface:
    """What a file says of itself."""

    inputs: dict[str, tuple[str, list[int | None]]]
    """Type and shape by name; None is a free dimension."""
    outputs: tuple[str, ...]


class Runtime(Protocol):
    """One loaded file."""

    interface: Interface

    def run(self, pixels: npt.NDArray[np.uint8], names: Sequence[str]) -> Outputs:
        """Outputs by name for uint8 ``[n, size, size, 3]``."""
        ...


class OnnxRuntime:
    """A file in onnxruntime, on the CPU; `threads` 0 takes all cores."""

    def __init__(self, content: bytes, threads: int = 0):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors; warnings are about the graph
        # Files take turns; the threads of one that waits must leave the cores to the others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.interface = Interface(
            {
                value.name: (
                    value.type.removeprefix("tensor(").removesuffix(")"),
                    [size if isinstance(size, int) else None for size in value.shape],
                )
                for value in self._session.get_inputs()
            },
            tuple(value.name for value in self._session.get_outputs()),
        )

    def run(self, pixels: npt.NDArray[np.uint8], names: Sequence[str]) -> Outputs:
        """See `Runtime`."""
        values = self._session.run(list(names), {bundle.INPUT: pixels})
        return dict(zip(names, values, strict=True))


class LiteRuntime:
    """A file in LiteRT, with XNNPACK; it takes one picture at a time. `threads` 0 takes all cores."""

    def __init__(self, content: bytes, threads: int = 0):
        from ai_edge_litert.interpreter import Interpreter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._interpreter = Interpreter(model_content=content, num_threads=threads or os.cpu_count())
        self._run = self._interpreter.get_signature_runner()
        self.interface = Interface(
            {
                name: (np.dtype(details["dtype"]).name, [int(size) for size in details["shape"]])
                for name, details in self._run.get_input_details().items()
            },
            tuple(self._run.get_output_details()),
        )

    def run(self, pixels: npt.NDArray[np.uint8], names: Sequence[str]) -> Outputs:
        """See `Runtime`."""
        answers = [self._run(**{bundle.INPUT: picture[None]}) for picture in pixels]
        return {name: np.concatenate([answer[name] for answer in answers]) for name in names}


def load(content: bytes, format: Format, threads: int = 0) -> Runtime:
    """Load an ONNX or TFLite file; raises `CannotLoad`."""
    loaders: dict[Format, Callable[[bytes, int], Runtime]] = {"onnx": OnnxRuntime, "tflite": LiteRuntime}
    if format not in loaders:
        raise CannotLoad(f"{format} files are not run here")
    try:
        return loaders[format](content, threads)
    except Exception as error:  # each runtime has errors of its own, without a common class
        raise CannotLoad(f"{format} file does not load: {str(error).splitlines()[0]}") from error


def run_in_batches(
    model: Runtime,
    pixels: npt.NDArray[np.uint8],
    names: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
    batch: int = 32,
) -> Outputs:
    """Outputs by name for all `pixels` ``[n, size, size, 3]``."""
    parts = []
    for start in range(0, len(pixels), batch):
        parts.append(model.run(pixels[start : start + batch], names))
        if progress is not None:
            progress(min(start + batch, len(pixels)), len(pixels))
    return {name: np.concatenate([part[name] for part in parts]) for name in names}
