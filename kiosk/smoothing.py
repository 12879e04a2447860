"""From one answer a frame to one that a visitor can read: averaged, confirmed, quick to change and slow to waver.

What was seen is kept by view, and a view is one painting as it stands before the camera:

- A jump of the embedding, or the tracker's word, begins a new view. Its average starts afresh, so that
  the last painting does not colour the answer to this one, and three looks decide.
- The longer a view lasts, the longer its average and the larger the lead that another answer needs: the
  variance falls with time, and a painting between two styles keeps the answer that it was given first.
- A view is remembered for some seconds. When whoever stood before it has gone, its answer is as it was.
- Looks that say nothing (dark, blurred, no painting, no numbers) hold the answer for a second, no longer.

Frames of one painting in a hand's or a stand's tremble were simulated with the shipped network (noise of the
sensor, corners that move by 3 pixels in 640, light that wanders by 6 %): the logarithm of the ratio of two
styles, and the logit of `known`, waver by 0.25 about their mean (0.5 at most), and consecutive frames are
hardly alike (correlation 0.3). The constants below are chosen for twice that, half of it wandering slowly:
in ten minutes before a painting that lies on the border, 0.1 changes on average and 1 at most, where single
frames change 2,000 to 4,000 times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

import bundle
from kiosk.answer import Answer, Floats, Status
from kiosk.classifier import Scores
from kiosk.evidence import Evidence
from kiosk.judge import Finding

# Looks in a row that must ask for a change before it is shown: a fifth of a second at 15 a second.
CONFIRM_LOOKS = 3

# Looks in a row at a new view after which its average decides, even if the looks do not agree: on the very border
# between two answers they may not for long.
DECIDE_LOOKS = 5

# Seconds for which an answer is held while nothing bears it out: a visitor who walks by, a hand, a shake.
HOLD_S = 1.0

# Seconds that another view without a known style must last: shorter, it is a shoulder in the way. A painting
# of no known style is still told within half a second of its coming.
DOUBT_S = 0.3

# Seconds over which a view is averaged at most: all its looks count alike until then. With 10 in place of 30,
# noise that wanders over 10 s and more changed the label 0.9 to 1.4 times in ten minutes.
LONGEST_S = 30.0

# Lead that another answer needs, at a view's beginning and from `LONGEST_S` on: of the other style in the
# logarithm of probability (1.35 and 2.2 times as likely), of `known` beyond the threshold in logit (a threshold
# of 0.5 is left at 0.43 and 0.31). The first is twice the waver of an average over three looks.
FIRST_LEAD, LAST_LEAD = 0.3, 0.8

# A view whose looks, so many in a row, contradict its answer by so much, each by itself (log ratio or logit,
# eight times the waver), is another painting that looks alike. The average alone would take seconds.
CONTRADICTION, CONTRADICTING_LOOKS = 2.0, 6

# Cosine of the angle between a look's embedding and a view's. Measured with the shipped network: looks of
# one painting 0.95 and more; brighter, darker, a glare or a quarter hidden 0.77 and more (99 %), half hidden 0.56; two
# paintings at most 0.61 (99 %). Where the tracker says that the painting changed, it takes more to gainsay it.
SAME_VIEW_COSINE, SAME_PAINTING_COSINE = 0.65, 0.8

# Views that are remembered, and for how many seconds without a look: who blocks a view, or sways between two.
_REMEMBERED_VIEWS, _REMEMBERED_S = 3, 5.0

# Seconds that one look stands for, where the clock does not tell (it jumped or stands); a longer pause than
# `_LEAP_S` is a jump. After a shorter pause a look still counts for no more than `_HEAVIEST_S`.
_LOOK_S, _HEAVIEST_S, _LEAP_S = 1 / 12, 0.25, 2.0

# Log probabilities and logits are clipped here (e^-9 is about 0.0001), or one frame that is sure beyond
# reason would outweigh a second of others.
_LEAST_LOG = -9.0


class Smoother:
    """The state behind the label. Feed it every finding, in order; not thread-safe."""

    def __init__(self, styles: Sequence[str], rule: bundle.KnownRule) -> None:
        self._styles = tuple(styles)
        self._threshold = _logit(rule.threshold)
        self._nothing = Answer.refused(Status.NO_PAINTING, self._styles)
        self._at_s: float | None = None
        self._now_s = 0.0  # the sum of what passed: a clock without jumps
        self.reset()

    def reset(self) -> None:
        """Forget everything: nothing is in view."""
        self._shown = _Asked(self._nothing, None)
        self._views: list[_View] = []  # the one that was looked at last comes first
        self._is_announced = False  # whether the tracker said that the next look is of another painting
        self._pending: _Asked | None = None
        self._pending_looks = 0
        self._pending_s = 0.0
        self._in_view: _View | None = None  # what the last look was at
        self._in_view_looks = 0  # in a row
        self._unsupported_s = 0.0  # for how long no look has borne out what is shown

    def follow(self, rule: bundle.KnownRule, *, same_network: bool) -> None:
        """Go on by another rule, and with `same_network` false by the scores of another network over the same styles.
        What is shown stays until looks ask for something else. The embeddings of two networks cannot be compared, so
        that what was seen by the old one is forgotten."""
        self._threshold = _logit(rule.threshold)
        if not same_network:
            self._views = []
            self._in_view = self._pending = None

    def update(self, finding: Finding, at_s: float, is_new: bool = False) -> Answer:
        """Take in the finding of a frame and return what to show now.

        `at_s` is when the frame arrived, in seconds of any clock; one that jumps does no harm. `is_new`:
        the tracker says that another painting is in view than in the last finding.
        """
        passed_s = self._passed_s(at_s)
        self._now_s += passed_s
        self._is_announced |= is_new
        if finding.scores is None:
            asked = _Asked(Answer.refused(finding.fault or Status.NO_PAINTING, self._styles), None)
        elif not finding.scores.is_finite:
            asked = _Asked(Answer.refused(Status.MODEL_FAULT, self._styles), None)
        else:
            look = _Look.of(finding.scores)
            view = self._view_of(look)
            view.add(look, min(passed_s, _HEAVIEST_S), self._now_s, self._threshold)
            asked = _Asked(self._decide(view), view)
        self._consider(asked, passed_s)
        return self._shown.answer

    def _passed_s(self, at_s: float) -> float:
        last_s, self._at_s = self._at_s, at_s
        passed_s = math.nan if last_s is None else at_s - last_s
        return passed_s if 0 < passed_s <= _LEAP_S else _LOOK_S

    def _view_of(self, look: _Look) -> _View:
        """The remembered view that `look` is of, or a new one; it comes first from now on."""
        views = [view for view in self._views if self._now_s - view.last_s <= _REMEMBERED_S]
        least = SAME_PAINTING_COSINE if self._is_announced else SAME_VIEW_COSINE
        view = max(views, key=look.cosine, default=None)
        if view is None or not look.cosine(view) > least:
            view = _View(look, self._is_announced)
        self._is_announced = False
        self._views = [view, *(other for other in views if other is not view)][:_REMEMBERED_VIEWS]
        return view

    def _decide(self, view: _View) -> Answer:
        """What `view` says by its average; what was said of it has a right to stay."""
        probabilities = np.exp(view.logs - view.logs.max())
        probabilities /= probabilities.sum()
        shares = dict(zip(self._styles, probabilities.tolist(), strict=True))
        known = 1 / (1 + math.exp(-view.known_logit))
        lead = FIRST_LEAD + (LAST_LEAD - FIRST_LEAD) * view.seen_s / LONGEST_S
        said = view.said
        least = self._threshold
        if said is not None:
            least += lead if said.style is None else -lead
        if not view.known_logit > least:
            return Answer(Status.UNKNOWN_STYLE, None, known, shares)
        style = max(shares, key=shares.__getitem__)
        if said is not None and said.style is not None and math.log(shares[style] / shares[said.style]) < lead:
            style = said.style
        evidence = None
        if view.maps is not None:
            before = said.evidence.where if said is not None and said.style == style and said.evidence else None
            evidence = Evidence.of(view.maps, self._styles.index(style), style, before)
        return Answer(Status.RECOGNISED, style, shares[style], shares, evidence)

    def _consider(self, asked: _Asked, passed_s: float) -> None:
        """Show what a look asks for, once it is confirmed. Until then the last answer stays whole: a style
        with another's numbers would be neither."""
        self._in_view_looks = self._in_view_looks + 1 if asked.view is self._in_view else 1
        self._in_view = asked.view
        if asked.says_the_same_as(self._shown):
            self._pending, self._unsupported_s = None, 0.0
            self._show(asked)
            return
        self._unsupported_s += passed_s
        if self._pending is not None and asked.says_the_same_as(self._pending):
            self._pending_looks += 1
            self._pending_s += passed_s
        else:
            self._pending, self._pending_looks, self._pending_s = asked, 1, 0.0
        if self._is_confirmed(asked):
            self._pending, self._unsupported_s = None, 0.0
            self._show(asked)
        elif self._shown.view is not None and self._unsupported_s >= HOLD_S:
            # Nothing bears the answer out any more, and nothing else is sure.
            self._show(asked if asked.view is None else _Asked(self._nothing, None))

    def _is_confirmed(self, asked: _Asked) -> bool:
        is_undecided = asked.view is not None and asked.view.said is None and self._in_view_looks >= DECIDE_LOOKS
        if self._pending_looks < CONFIRM_LOOKS and not is_undecided:
            return False
        if self._shown.view is None or asked.view is self._shown.view:
            return True  # no answer is lost, or the very view that gave it takes it back
        if asked.view is None:
            return False  # held
        return asked.answer.style is not None or asked.view.is_announced or self._pending_s >= DOUBT_S

    def _show(self, asked: _Asked) -> None:
        self._shown = asked
        # What another view earned gives this one no right before it has been looked at as often.
        if asked.view is not None and asked.view.looks >= CONFIRM_LOOKS:
            asked.view.said = asked.answer


@dataclass(frozen=True)
class _Asked:
    """What one look asks to be shown."""

    answer: Answer
    view: _View | None
    """Whose average gives the answer; None where there was nothing to see, or nothing in numbers."""

    def says_the_same_as(self, other: _Asked) -> bool:
        """Whether both differ in numbers alone, and both come from the network or neither."""
        return (self.answer.status, self.answer.style, self.view is None) == (
            other.answer.status,
            other.answer.style,
            other.view is None,
        )


@dataclass(frozen=True)
class _Look:
    """One look in the numbers that are averaged."""

    logs: Floats
    known_logit: float
    embedding: Floats
    maps: Floats | None
    """The evidence ``[h, w, styles]``; None where there is none, or no numbers."""

    @classmethod
    def of(cls, scores: Scores) -> Self:
        logs = np.log(np.maximum(scores.probabilities.astype(np.float64), math.exp(_LEAST_LOG)))
        maps = scores.evidence
        if maps is not None and not np.isfinite(maps).all():
            maps = None
        return cls(logs, _logit(scores.known), scores.embedding.astype(np.float64), maps)

    def cosine(self, view: _View) -> float:
        """Of the angle between the embeddings; 0 where one of them has no length."""
        length = float(np.linalg.norm(self.embedding) * np.linalg.norm(view.embedding))
        return float(self.embedding @ view.embedding) / length if length > 0 else 0.0


class _View:
    """One painting as it stands before the camera, and the averages of its looks."""

    def __init__(self, look: _Look, is_announced: bool) -> None:
        self.is_announced = is_announced
        """Whether the tracker said that this is another painting."""
        self.embedding = look.embedding
        self.last_s = 0.0
        self._begin(look)

    def _begin(self, look: _Look) -> None:
        self.logs, self.known_logit, self.maps = look.logs, look.known_logit, look.maps
        self.seen_s = 0.0
        """Seconds over which the averages go, `LONGEST_S` at most."""
        self.looks = 0
        self.said: Answer | None = None
        """What was last shown of this view."""
        self._contradicting = 0

    def add(self, look: _Look, passed_s: float, now_s: float, threshold: float) -> None:
        """Take in a look that stands for `passed_s` seconds."""
        self.last_s = now_s
        self._contradicting = self._contradicting + 1 if self._is_contradicted(look, threshold) else 0
        if self._contradicting >= CONTRADICTING_LOOKS:
            self._begin(look)
            self.embedding = look.embedding
        self.looks += 1
        self.seen_s = min(self.seen_s + passed_s, LONGEST_S)
        weight = passed_s / self.seen_s
        self.logs = self.logs + weight * (look.logs - self.logs)
        self.known_logit += weight * (look.known_logit - self.known_logit)
        self.embedding = self.embedding + weight * (look.embedding - self.embedding)
        # The painting is seen straight on, so that a place of the map stays a place of the painting.
        if look.maps is not None:
            self.maps = look.maps if self.maps is None else self.maps + weight * (look.maps - self.maps)

    def _is_contradicted(self, look: _Look, threshold: float) -> bool:
        if self.said is None:
            return False
        if self.said.style is None:
            return look.known_logit - threshold > CONTRADICTION
        ahead = look.logs.max() - look.logs[list(self.said.probabilities).index(self.said.style)]
        return bool(threshold - look.known_logit > CONTRADICTION or ahead > CONTRADICTION)


def _logit(share: float) -> float:
    least = math.exp(_LEAST_LOG)
    clipped = min(max(share, least), 1 - least)
    return math.log(clipped / (1 - clipped))
