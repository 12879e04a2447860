"""ONNX Runtime, on each execution provider that it has here, with the very sessions of the kiosk."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import bundle
from benchmarks.machine import usable_cores
from benchmarks.runtimes import Loaded, Model, Outputs, Pixels
from kiosk import providers

_TOLD = ("session.intra_op.allow_spinning", "session.intra_op.spin_duration_us", "session.force_spinning_stop")


@dataclass
class _Session:
    """A session of the kiosk: its settings, one provider and no other behind it."""

    model: Model
    provider: str
    threads: int

    def __post_init__(self) -> None:
        content = self.model.path.read_bytes()
        wanted = providers.Model(
            content=content,
            sha256="0" * 64,  # names a folder of TensorRT's, which is a fresh one here
            size=self.model.size,
            outputs=self.model.outputs,
            threads=self.threads or usable_cores(),
            reference=None,
        )
        self._session = providers.create_session(wanted, self.provider)
        running = self._session.get_providers()[0]
        if running != self.provider:
            raise RuntimeError(f"it would run on {providers.short_name(running)}")

    def predict(self, pixels: Pixels) -> Outputs:
        values = self._session.run(self.model.outputs, {bundle.INPUT: pixels})
        return dict(zip(self.model.outputs, values, strict=True))

    def describe(self) -> dict[str, str]:
        # Of the kiosk's own; a key that it leaves to onnxruntime is left out here too.
        options = providers.session_options(self.threads or usable_cores())
        found = {}
        for key in _TOLD:
            with contextlib.suppress(RuntimeError):
                found[key] = options.get_session_config_entry(key)
        return found


@dataclass(frozen=True)
class OnnxRuntime:
    """One execution provider."""

    provider: str
    packages = ()
    """The provider's own distribution is one of several that hold the same module."""
    formats = ("onnx",)
    precisions = ()

    @property
    def name(self) -> str:
        """See `Runtime`."""
        return f"onnxruntime {providers.short_name(self.provider)}"

    @property
    def sets_threads(self) -> bool:
        """Threads are the processor's."""
        return self.provider in (providers.CPU, "OpenVINOExecutionProvider")

    def unusable(self) -> str | None:
        """See `Runtime`."""
        return None if self.provider in providers.available() else "this build of onnxruntime does not have it"

    def load(self, model: Model, threads: int) -> Loaded:
        """See `Runtime`."""
        return _Session(model, self.provider, threads)


RUNTIMES = tuple(OnnxRuntime(provider) for provider in reversed(providers.PREFERENCE))
