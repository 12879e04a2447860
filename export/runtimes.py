"""Model files in the runtimes that users run them in, behind one interface: onnxruntime and LiteRT."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

import bundle

Format = Literal["onnx", "tflite"]
Outputs = dict[str, npt.NDArray[np.float32]]


class CannotLoad(ValueError):
    """A runtime refuses a file, or answers otherwise in a fresh process."""


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
        options.log_severity_level = 3
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
    """A file in LiteRT, with XNNPACK; it takes one picture at a time. `threads` 0 takes its default."""

    def __init__(self, content: bytes, threads: int = 0):
        from ai_edge_litert.interpreter import Interpreter

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._interpreter = Interpreter(model_content=content, num_threads=threads or None)
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
    """Load a file; raises `CannotLoad`."""
    try:
        return OnnxRuntime(content, threads) if format == "onnx" else LiteRuntime(content, threads)
    except Exception as error:  # each runtime has errors of its own, without a common class
        raise CannotLoad(f"{format} file does not load: {str(error).splitlines()[0]}") from error


def operators(content: bytes, format: Format) -> dict[str, int]:
    """How often each operator occurs in a file, by the runtime's own names."""
    if format == "onnx":
        names = [node.op_type for node in onnx.load_from_string(content).graph.node]
    else:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        plain = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        names = [operator["op_name"] for operator in plain._get_ops_details()]
    return dict(sorted(Counter(names).items()))


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


def answers_on_noise(model: Runtime) -> dict[str, str]:
    """SHA-256 of each output for one fixed picture of noise; the same file gives the same on one machine."""
    size = model.interface.inputs[bundle.INPUT][1][1]
    picture = np.random.default_rng(0).integers(0, 256, (1, size or 0, size or 0, 3), np.uint8)
    outputs = model.run(picture, model.interface.outputs)
    return {name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest() for name, value in outputs.items()}


def check_in_fresh_process(content: bytes, format: Format) -> None:
    """Load the file in a new process, where nothing of the converter is left, and hold its answers against
    those of this process. Raises `CannotLoad`."""
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        path = Path(folder) / f"model.{format}"
        path.write_bytes(content)
        done = subprocess.run([sys.executable, "-m", __name__, format, path], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise CannotLoad(f"{format} file does not load in a fresh process: {reason}")
    if json.loads(done.stdout.splitlines()[-1]) != answers_on_noise(load(content, format, threads=1)):
        raise CannotLoad(f"{format} file answers otherwise in a fresh process")


def _main(arguments: Sequence[Any]) -> None:
    format, path = arguments
    print(json.dumps(answers_on_noise(load(Path(path).read_bytes(), format, threads=1))))


if __name__ == "__main__":
    _main(sys.argv[1:])
