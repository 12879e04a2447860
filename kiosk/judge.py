"""One look at one picture: quality first, then the network, each step timed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import bundle
from kiosk import quality
from kiosk.answer import Answer, Status
from kiosk.classifier import Classifier, Scores
from kiosk.metrics import Metrics


@dataclass(frozen=True)
class Finding:
    """What one look gave: either a `fault` that spared the network the look, or its `scores`."""

    fault: Status | None
    scores: Scores | None
    timing_ms: dict[str, float]
    """Milliseconds by step: ``quality``, ``prepare``, ``classify``; steps not taken are left out."""


class Judge:
    """The classifier with everything before and after it that a single picture needs."""

    def __init__(self, classifier: Classifier, metrics: Metrics) -> None:
        self.classifier = classifier
        self._metrics = metrics

    @property
    def styles(self) -> tuple[str, ...]:
        """Display names in the order of the network's output."""
        return self.classifier.styles

    @property
    def rule(self) -> bundle.KnownRule:
        """When a picture counts as one of the styles."""
        return self.classifier.file.known

    def look(self, picture: bundle.picture.Pixels) -> Finding:
        """Look at an RGB picture ``[height, width, 3]`` of any size."""
        timing_ms: dict[str, float] = {}
        started = time.perf_counter()

        def lap(step: str) -> None:
            nonlocal started
            now = time.perf_counter()
            timing_ms[step] = 1000 * (now - started)
            started = now

        fault = quality.fault(picture)
        lap("quality")
        if fault is not None:
            return Finding(fault, None, timing_ms)
        prepared = bundle.prepare(picture, self.classifier.input_size)
        lap("prepare")
        scores = self.classifier.classify(prepared)
        lap("classify")
        self._metrics.inference_seconds.observe(timing_ms["classify"] / 1000)
        return Finding(None, scores, timing_ms)

    def answer(self, finding: Finding) -> Answer:
        """The answer to a single look, without regard to what was seen before."""
        if finding.scores is None:
            return Answer.refused(finding.fault or Status.NO_PAINTING, self.styles)
        scores = finding.scores
        return Answer.decided(scores.probabilities, scores.known, self.styles, self.rule)
