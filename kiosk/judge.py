"""One look at one picture that holds a painting and nothing else: quality first, then the network, each step timed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import bundle
from kiosk import quality
from kiosk.answer import Answer, Status
from kiosk.classifier import Classifier, Scores
from kiosk.metrics import Metrics
from kiosk.quality import Quality


@dataclass(frozen=True)
class Finding:
    """What one look gave: either a `fault` that spared the network the look, or its `scores`."""

    fault: Status | None
    scores: Scores | None
    timing_ms: dict[str, float]
    """Milliseconds by step: ``quality``, ``classify``; steps not taken are left out."""
    quality: Quality | None = None
    """Light, blur and glare, where they were measured."""


class Judge:
    """The classifier with what comes before and after it for a single picture."""

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

    @property
    def size(self) -> int:
        """Pixels of a side of what `look` takes: enough for the network, and to measure the quality by."""
        return max(self.classifier.input_size, quality.SIDE)

    def look(self, picture: bundle.picture.Pixels) -> Finding:
        """Look at an RGB picture ``[size, size, 3]``."""
        started = time.perf_counter()
        measured = quality.assess(picture)
        assessed = time.perf_counter()
        timing_ms = {"quality": 1000 * (assessed - started)}
        if measured.fault is not None:
            return Finding(measured.fault, None, timing_ms, measured)
        scores = self.classifier.classify(bundle.prepare(picture, self.classifier.input_size))
        timing_ms["classify"] = 1000 * (time.perf_counter() - assessed)
        self._metrics.inference_seconds.observe(timing_ms["classify"] / 1000)
        return Finding(None, scores, timing_ms, measured)

    def answer(self, finding: Finding) -> Answer:
        """The answer to a single look, without regard to what was seen before."""
        if finding.scores is None:
            return Answer.refused(finding.fault or Status.NO_PAINTING, self.styles)
        scores = finding.scores
        return Answer.decided(scores.probabilities, scores.known, self.styles, self.rule, scores.evidence)
