"""What a file is made of, and whether it answers alike in a process of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import bundle
from bundle import runtimes
from export.loading import load


def operators(content: bytes, format: runtimes.Format) -> dict[str, int]:
    """How often each operator occurs in a file, by the runtime's own names."""
    if format == "onnx":
        names = [node.op_type for node in onnx.load_from_string(content).graph.node]
    elif format == "keras":
        from export.keras_file import KerasRuntime

        names = list(KerasRuntime(content).operators().elements())
    else:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        plain = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        names = [operator["op_name"] for operator in plain._get_ops_details()]
    return dict(sorted(Counter(names).items()))


def answers_on_noise(model: runtimes.Runtime) -> dict[str, str]:
    """SHA-256 of each output for one fixed picture of noise; the same file gives the same on one machine."""
    size = model.interface.inputs[bundle.INPUT][1][1]
    picture = np.random.default_rng(0).integers(0, 256, (1, size or 0, size or 0, 3), np.uint8)
    outputs = model.run(picture, model.interface.outputs)
    return {name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest() for name, value in outputs.items()}


def check_in_fresh_process(content: bytes, format: runtimes.Format) -> None:
    """Load the file in a new process, where nothing of the converter is left, and hold its answers against
    those of this process. Raises `bundle.runtimes.CannotLoad`."""
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        path = Path(folder) / f"model.{format}"
        path.write_bytes(content)
        done = subprocess.run([sys.executable, "-m", __name__, format, path], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise runtimes.CannotLoad(f"{format} file does not load in a fresh process: {reason}")
    if json.loads(done.stdout.splitlines()[-1]) != answers_on_noise(load(content, format, threads=1)):
        raise runtimes.CannotLoad(f"{format} file answers otherwise in a fresh process")


def _main(arguments: Sequence[Any]) -> None:
    format, path = arguments
    print(json.dumps(answers_on_noise(load(Path(path).read_bytes(), format, threads=1))))


if __name__ == "__main__":
    _main(sys.argv[1:])
