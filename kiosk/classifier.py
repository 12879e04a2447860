"""The network: an ONNX Runtime session over the verified bytes of a bundle, on hardware that computes it right."""

from __future__ import annotations

import math
import os
import threading
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

import bundle
from kiosk import providers

# The outputs that the kiosk reads, and one more where the bundle has it. All come out of the same run.
_READ = ("probabilities", "known", "embedding")
_EVIDENCE = "evidence"

# Runs before the first visitor: the first pays for memory and weight packing, the second proves it.
_WARM_UP_RUNS = 2


class ClassifierError(ValueError):
    """The model file does not keep the bundle's contract, or this machine computes it wrongly; the message is one
    line."""


@dataclass(frozen=True)
class Scores:
    """What the network says of one picture."""

    probabilities: npt.NDArray[np.float32]
    """``[styles]``, calibrated, over the styles alone."""
    known: float
    """Calibrated probability that the picture shows one of the styles at all."""
    embedding: npt.NDArray[np.float32]
    """``[d]``, not normalised."""
    evidence: npt.NDArray[np.float32] | None = None
    """The class-activation map ``[h, w, styles]``, see `kiosk.evidence`; None where the bundle has none."""

    def with_odds(self, factor: float) -> Scores:
        """The same where the odds of seeing a known style were `factor` times what they were when `known` was
        calibrated; what is no number stays none."""
        odds = factor * self.known
        return replace(self, known=odds / (odds + 1 - self.known))

    @property
    def is_finite(self) -> bool:
        """False where anything that decides is NaN or infinite: then it says nothing."""
        return bool(
            np.isfinite(self.probabilities).all() and math.isfinite(self.known) and np.isfinite(self.embedding).all()
        )


class Classifier:
    """One model, ready for any number of threads, which take turns: a run has all cores, and two at a time would take
    twice the memory, which ONNX Runtime never gives back."""

    def __init__(self, verified: bundle.Bundle, precision: str, threads: int | None = None) -> None:
        """Load the ONNX file of `precision`. `threads` is the number of intra-op threads; None takes
        `default_threads`.

        Runs on the first execution provider that computes right here, see `kiosk.providers`.

        Raises `bundle.BundleError` where the bundle has no such file, and `ClassifierError` where the
        file is no model, does not have the contract's input and outputs, or is computed wrongly here.
        """
        self.file = verified.file(precision)
        self.styles = verified.manifest.styles
        self.input_size = verified.manifest.input_size
        where = f"{verified.folder}: {self.file.path}"
        try:
            self.choice = providers.choose(model(verified, precision, threads))
        except providers.CannotUse as error:
            if error.trial.session is None:
                raise ClassifierError(f"{where} cannot be used by ONNX Runtime: {error}") from error
            raise ClassifierError(
                f"{where} answers wrongly on this machine: {error}; try another --precision, or a bundle that was"
                " exported for this machine"
            ) from error
        self._session = self.choice.session
        self._running = threading.Lock()
        self._outputs = _outputs(verified)

    @property
    def provider(self) -> str:
        """The execution provider in use, by its short name: ``CPU``, ``CUDA``."""
        return self.choice.used

    @property
    def refused(self) -> dict[str, str]:
        """The execution providers that failed to load or answer otherwise than the reference, with the reason."""
        return self.choice.refused

    def warm_up(self) -> None:
        """Run the network on nothing; raises `ClassifierError` where it fails or answers in other
        shapes than the manifest says."""
        blank = np.zeros((self.input_size, self.input_size, 3), np.uint8)
        try:
            for _ in range(_WARM_UP_RUNS):
                scores = self.classify(blank)
        except Exception as error:
            reason = providers.first_line(error)
            raise ClassifierError(f"{self.file.path} fails on a blank picture: {reason}") from error
        if scores.probabilities.shape != (len(self.styles),):
            raise ClassifierError(
                f"{self.file.path} gives {scores.probabilities.size} probabilities"
                f" for the {len(self.styles)} styles of the manifest"
            )
        if scores.evidence is not None and (
            scores.evidence.ndim != 3 or not scores.evidence.size or scores.evidence.shape[2] != len(self.styles)
        ):
            raise ClassifierError(
                f"{self.file.path} gives evidence of the shape {list(scores.evidence.shape)}"
                f" for the {len(self.styles)} styles of the manifest"
            )

    def classify(self, prepared: bundle.picture.Pixels) -> Scores:
        """Scores of one picture that `bundle.prepare` has brought to ``[size, size, 3]`` uint8 RGB."""
        with self._running:
            answers = self._session.run(self._outputs, {bundle.INPUT: prepared[np.newaxis]})
        probabilities, known, embedding, *more = answers
        return Scores(
            probabilities=np.asarray(probabilities[0], np.float32),
            known=float(known[0]),
            embedding=np.asarray(embedding[0], np.float32).ravel(),
            evidence=np.asarray(more[0][0], np.float32) if more else None,
        )


def _outputs(verified: bundle.Bundle) -> list[str]:
    return [*_READ, _EVIDENCE] if verified.manifest.evidence else list(_READ)


def model(verified: bundle.Bundle, precision: str, threads: int | None = None) -> providers.Model:
    """What there is to run in the bundle; raises `bundle.BundleError` where it has no file of that precision."""
    file = verified.file(precision)
    return providers.Model(
        content=verified.contents[file.path],
        sha256=file.sha256,
        size=verified.manifest.input_size,
        outputs=tuple(_outputs(verified)),
        threads=threads or default_threads(),
        reference=file.reference,
    )


def default_threads() -> int:
    """As many as this process may use cores, but four at most: beyond that a network this small gains
    nothing, and capture, encoding and the web server want their share."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 4)
