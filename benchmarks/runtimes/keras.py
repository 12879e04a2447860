"""Keras, by plain ``predict``: the float network as it was trained, and what a user begins with."""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchmarks.runtimes import Loaded, Model, Outputs, Pixels


@dataclass
class _Network:
    model: Model

    def __post_init__(self) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras

        self._network = keras.models.load_model(self.model.path, compile=False)

    def predict(self, pixels: Pixels) -> Outputs:
        values = self._network.predict(pixels, verbose=0)
        return {name: values[name] for name in self.model.outputs}

    def describe(self) -> dict[str, str]:
        import keras

        return {"backend": keras.backend.backend()}


class Keras:
    """Keras on its default backend, TensorFlow, with its own number of threads."""

    name = "Keras predict"
    packages = ("keras", "tensorflow")
    formats = ("keras",)
    precisions = ()
    sets_threads = False

    def unusable(self) -> str | None:
        """See `Runtime`."""
        return None

    def load(self, model: Model, threads: int) -> Loaded:
        """See `Runtime`."""
        return _Network(model)


RUNTIMES = (Keras(),)
