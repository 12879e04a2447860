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

    def __init__(self, classifier: Classifier, metrics: Metrics, least_known: float | None = None) -> None:
        """`least_known` (0-1) is in place of the bundle's threshold for naming a style."""
        self.classifier = classifier
        self.looks = 0
        """Pictures that the network was asked about."""
        self.faults = 0
        """Those of them to which it gave no numbers, or an error."""
        self._metrics = metrics
        rule = classifier.file.known
        self._rule = rule if least_known is None else rule.model_copy(update={"threshold": least_known})

    @property
    def styles(self) -> tuple[str, ...]:
        """Display names in the order of the network's output."""
        return self.classifier.styles

    @property
    def rule(self) -> bundle.KnownRule:
        """When a picture counts as one of the styles."""
        return self._rule

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
        self.looks += 1
        try:
            scores = self.classifier.classify(bundle.prepare(picture, self.classifier.input_size))
        except Exception:
            self.faults += 1
            raise
        self.faults += not scores.is_finite
        timing_ms["classify"] = 1000 * (time.perf_counter() - assessed)
        self._metrics.inference_seconds.observe(timing_ms["classify"] / 1000)
        return Finding(None, scores, timing_ms, measured)

    def answer(self, finding: Finding) -> Answer:
        """The answer to a single look, without regard to what was seen before."""
        if finding.scores is None:
            return Answer.refused(finding.fault or Status.NO_PAINTING, self.styles)
        scores = finding.scores
        return Answer.decided(scores.probabilities, scores.known, self.styles, self.rule, scores.evidence)
