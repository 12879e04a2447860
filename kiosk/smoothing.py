"""From one answer a frame to one that a visitor can read: averaged, confirmed, and quick to let go.

Three things keep the label from flickering: probabilities are averaged on the log scale over about
half a second; a style in place is left only for one that is clearly ahead; and a change is shown only
when several frames in a row ask for it. A jump of the embedding says that another painting is in view,
and the average starts afresh, so that the last painting does not colour the answer to this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import bundle
from kiosk.answer import Answer, Floats, Status
from kiosk.classifier import Scores
from kiosk.judge import Finding

# Seconds after which a frame's weight has fallen to 1/e: long beside a frame, short beside a visitor.
TIME_CONSTANT_S = 0.5

# Frames in a row that must ask for a change before it is shown: a quarter of a second at 12 a second.
CONFIRM_FRAMES = 3

# In natural logarithm of probability: another style must be 1.35 times as likely to take the place.
STYLE_LEAD = 0.3

# In logit of `known`: a style that is shown stays until `known` is this far below the threshold (a
# threshold of 0.5 is left at 0.4), one that is not shown must pass the threshold itself.
KNOWN_LEAD = 0.4

# Cosine of the angle between a frame's embedding and their average. Measured with the ImageNet features
# of EfficientNet-Lite0 on 230 paintings: the same painting shifted, brighter and with noise 0.76 and
# more (99 %), half gone from view 0.58 and more; two different paintings at most 0.53 (95 %). A jump that
# goes unseen because two paintings are so alike does no harm.
SAME_VIEW_COSINE = 0.6

# Log probabilities and logits are clipped here (e^-9 is about 0.0001), or one frame that is sure beyond
# reason would outweigh a second of others.
_LEAST_LOG = -9.0


class Smoother:
    """The state behind the label. Feed it every finding, in order; not thread-safe."""

    def __init__(self, styles: Sequence[str], rule: bundle.KnownRule) -> None:
        self._styles = tuple(styles)
        self._rule = rule
        self._shown = self._nothing = Answer.refused(Status.NO_PAINTING, self._styles)
        self._pending: tuple[Status, str | None] | None = None
        self._pending_frames = 0
        # The averages over the view; they mean nothing while `_at_s`, the last frame's time, is None.
        self._at_s: float | None = None
        self._logs: Floats = np.zeros(len(self._styles))
        self._known_logit = 0.0
        self._embedding: Floats = np.zeros(0)
        self._is_new_view = True

    def reset(self) -> None:
        """Forget everything: nothing is in view."""
        self._shown = self._nothing
        self._pending, self._pending_frames = None, 0
        self._at_s = None

    def update(self, finding: Finding, at_s: float) -> Answer:
        """Take in the finding of a frame that arrived at `at_s` (seconds of any steady clock) and
        return what to show now."""
        if finding.scores is None:
            self._at_s = None
            asked = Answer.refused(finding.fault or Status.NO_PAINTING, self._styles)
        elif not _is_finite(finding.scores):
            self._at_s = None
            asked = Answer.refused(Status.UNKNOWN_STYLE, self._styles)
        else:
            self._average(finding.scores, at_s)
            asked = self._decide()
        if self._is_confirmed((asked.status, asked.style)):
            # Until a change is confirmed the last answer stays whole: a style with another's numbers
            # would be neither.
            self._shown, self._is_new_view = asked, False
        return self._shown

    def _average(self, scores: Scores, at_s: float) -> None:
        logs = np.log(np.maximum(scores.probabilities.astype(np.float64), math.exp(_LEAST_LOG)))
        logit = _logit(scores.known)
        embedding = scores.embedding.astype(np.float64)
        if self._at_s is None or not self._is_same_view(embedding):
            self._logs, self._known_logit, self._embedding = logs, logit, embedding
            self._is_new_view = True
        else:
            weight = 1 - math.exp(-max(at_s - self._at_s, 0.0) / TIME_CONSTANT_S)
            self._logs = self._logs + weight * (logs - self._logs)
            self._known_logit += weight * (logit - self._known_logit)
            self._embedding = self._embedding + weight * (embedding - self._embedding)
        self._at_s = at_s

    def _decide(self) -> Answer:
        probabilities = np.exp(self._logs - self._logs.max())
        probabilities /= probabilities.sum()
        shares = dict(zip(self._styles, probabilities.tolist(), strict=True))
        known = 1 / (1 + math.exp(-self._known_logit))
        # Only a style that was said of this very view has a right to stay.
        shown = None if self._is_new_view else self._shown.style
        lead = 0.0 if shown is None else KNOWN_LEAD
        if not (self._known_logit + lead > _logit(self._rule.threshold)):
            return Answer(Status.UNKNOWN_STYLE, None, known, shares)
        style = max(shares, key=shares.__getitem__)
        if shown is not None and math.log(shares[style] / shares[shown]) < STYLE_LEAD:
            style = shown
        return Answer(Status.RECOGNISED, style, shares[style], shares)

    def _is_confirmed(self, asked: tuple[Status, str | None]) -> bool:
        if asked == (self._shown.status, self._shown.style):
            self._pending, self._pending_frames = None, 0
            return True
        self._pending_frames = self._pending_frames + 1 if asked == self._pending else 1
        self._pending = asked
        return self._pending_frames >= CONFIRM_FRAMES

    def _is_same_view(self, embedding: Floats) -> bool:
        length = float(np.linalg.norm(embedding) * np.linalg.norm(self._embedding))
        return length > 0 and float(embedding @ self._embedding) / length > SAME_VIEW_COSINE


def _is_finite(scores: Scores) -> bool:
    return bool(
        np.isfinite(scores.probabilities).all() and np.isfinite(scores.embedding).all() and math.isfinite(scores.known)
    )


def _logit(share: float) -> float:
    least = math.exp(_LEAST_LOG)
    clipped = min(max(share, least), 1 - least)
    return math.log(clipped / (1 - clipped))
