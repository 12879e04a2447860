"""The network: an ONNX Runtime session over the verified bytes of a bundle."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

import bundle

# The outputs that the kiosk reads today; unread ones (evidence) cost nothing if not asked for.
_READ = ("probabilities", "known", "embedding")

# The level of ONNX Runtime's log from which on it says something.
_ORT_ERRORS = 3

# Runs before the first visitor: the first pays for memory and weight packing, the second proves it.
_WARM_UP_RUNS = 2


class ClassifierError(ValueError):
    """The model file does not keep the bundle's contract; the message is one line."""


@dataclass(frozen=True)
class Scores:
    """What the network says of one picture."""

    probabilities: npt.NDArray[np.float32]
    """``[styles]``, calibrated, over the styles alone."""
    known: float
    """Calibrated probability that the picture shows one of the styles at all."""
    embedding: npt.NDArray[np.float32]
    """``[d]``, not normalised."""


class Classifier:
    """One model, ready for any number of threads at a time (ONNX Runtime's `run` is thread-safe)."""

    def __init__(self, verified: bundle.Bundle, precision: str, threads: int | None = None) -> None:
        """Load the ONNX file of `precision`. `threads` is the number of intra-op threads; None takes
        `default_threads`.

        Raises `bundle.BundleError` where the bundle has no such file, and `ClassifierError` where the
        file is no model or does not have the contract's input and outputs.
        """
        self.file = verified.file(precision)
        self.styles = verified.manifest.styles
        self.input_size = verified.manifest.input_size
        # Its warnings are about the graph, and nothing that a museum can do about.
        ort.set_default_logger_severity(_ORT_ERRORS)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or default_threads()
        options.inter_op_num_threads = 1
        # Idle threads that spin keep a core at 100 % between two frames (onnxruntime #11841).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        where = f"{verified.folder}: {self.file.path}"
        try:
            self._session = ort.InferenceSession(
                verified.contents[self.file.path], options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exception classes have no common base but this
            reason = str(error).strip().splitlines()[0]
            raise ClassifierError(f"{where} cannot be loaded by ONNX Runtime: {reason}") from error
        inputs = {entry.name: entry.type for entry in self._session.get_inputs()}
        if inputs != {bundle.INPUT: "tensor(uint8)"}:
            raise ClassifierError(f"{where} must have one input, uint8 {bundle.INPUT!r}; it has {inputs}")
        missing = sorted(set(_READ) - {entry.name for entry in self._session.get_outputs()})
        if missing:
            raise ClassifierError(f"{where} has no output {' or '.join(missing)}")

    def warm_up(self) -> None:
        """Run the network on nothing; raises `ClassifierError` where it fails or answers in other
        shapes than the manifest says."""
        blank = np.zeros((self.input_size, self.input_size, 3), np.uint8)
        try:
            for _ in range(_WARM_UP_RUNS):
                scores = self.classify(blank)
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            raise ClassifierError(f"{self.file.path} fails on a blank picture: {reason}") from error
        if scores.probabilities.shape != (len(self.styles),):
            raise ClassifierError(
                f"{self.file.path} gives {scores.probabilities.size} probabilities"
                f" for the {len(self.styles)} styles of the manifest"
            )

    def classify(self, prepared: bundle.picture.Pixels) -> Scores:
        """Scores of one picture that `bundle.prepare` has brought to ``[size, size, 3]`` uint8 RGB."""
        probabilities, known, embedding = self._session.run(list(_READ), {bundle.INPUT: prepared[np.newaxis]})
        return Scores(
            probabilities=np.asarray(probabilities[0], np.float32),
            known=float(known[0]),
            embedding=np.asarray(embedding[0], np.float32).ravel(),
        )


def default_threads() -> int:
    """As many as this process may use cores, but four at most: beyond that a network this small gains
    nothing, and capture, encoding and the web server want their share."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 4)
