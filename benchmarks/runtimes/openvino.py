"""OpenVINO, on the processor, with its default settings: ONNX files as they are, and its own files."""

from __future__ import annotations

from dataclasses import dataclass

import bundle
from benchmarks.runtimes import Loaded, Model, Outputs, Pixels


@dataclass
class _Compiled:
    model: Model
    threads: int

    def __post_init__(self) -> None:
        import openvino

        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": self.threads} if self.threads else {}
        # The default hint is for latency, and the default arithmetic of float files is the processor's quickest.
        self._compiled = core.compile_model(core.read_model(self.model.path), "CPU", settings)
        self._request = self._compiled.create_infer_request()

    def predict(self, pixels: Pixels) -> Outputs:
        self._request.infer({bundle.INPUT: pixels}, share_inputs=True)
        return {name: self._request.get_tensor(name).data.copy() for name in self.model.outputs}

    def describe(self) -> dict[str, str]:
        names = ("INFERENCE_PRECISION_HINT", "INFERENCE_NUM_THREADS", "NUM_STREAMS")
        return {name.lower(): str(self._compiled.get_property(name)) for name in names}


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
