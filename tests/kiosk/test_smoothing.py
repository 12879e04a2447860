from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

import bundle
from kiosk.answer import Answer, Status
from kiosk.classifier import Scores
from kiosk.judge import Finding
from kiosk.smoothing import CONFIRM_FRAMES, Smoother

STYLES = ("Cubism", "Pop Art", "Byzantine Art")
RULE = bundle.KnownRule(method="test", threshold=0.5)
STEP_S = 1 / 12
HERE, ELSEWHERE = (1.0, 0.0), (0.0, 1.0)


def seen(*probabilities: float, known: float = 0.95, embedding: tuple[float, float] = HERE) -> Finding:
    return Finding(None, Scores(np.array(probabilities, np.float32), known, np.array(embedding, np.float32)), {})


def fault(status: Status) -> Finding:
    return Finding(status, None, {})


CUBISM, POP, NEITHER = seen(0.8, 0.1, 0.1), seen(0.1, 0.8, 0.1), seen(0.4, 0.3, 0.3, known=0.1)
OTHER_POP = seen(0.1, 0.8, 0.1, embedding=ELSEWHERE)
NAN = seen(math.nan, 0.5, 0.5)


def watch(findings: list[Finding]) -> list[Answer]:
    smoother = Smoother(STYLES, RULE)
    return [smoother.update(finding, index * STEP_S) for index, finding in enumerate(findings)]


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param([CUBISM] * 3, "Cubism", id="a style is shown when three frames say so"),
        pytest.param([CUBISM] * 2, "no_painting", id="two frames are not enough"),
        pytest.param([CUBISM] * 12 + [POP], "Cubism", id="one frame that says something else is no change"),
        pytest.param([CUBISM] * 12 + [OTHER_POP, CUBISM], "Cubism", id="nor is one of another view"),
        pytest.param([CUBISM] * 12 + [POP] * 20, "Pop Art", id="many frames are"),
        pytest.param([CUBISM] * 60 + [OTHER_POP] * 3, "Pop Art", id="another view is answered after three"),
        pytest.param([CUBISM] * 12 + [NEITHER], "Cubism", id="one strange frame is no refusal"),
        pytest.param([CUBISM] * 12 + [NEITHER] * 12, "unknown_style", id="a second of them is"),
        pytest.param([fault(Status.TOO_DARK)] * 3, "too_dark", id="dark for three frames"),
        pytest.param([CUBISM] * 12 + [fault(Status.TOO_BLURRED)] * 2, "Cubism", id="a short shake is passed over"),
        pytest.param([CUBISM] * 12 + [fault(Status.TOO_BLURRED)] * 3, "too_blurred", id="a longer one is not"),
        pytest.param([CUBISM] * 12 + [NAN] * 2, "Cubism", id="two frames without numbers are passed over"),
        pytest.param([NAN] * 3, "unknown_style", id="a network without numbers knows nothing"),
        pytest.param([CUBISM, NAN] * 9, "no_painting", id="every second frame without numbers confirms nothing"),
    ],
)
def test_what_is_shown_at_last(findings: list[Finding], expected: str) -> None:
    last = watch(findings)[-1]
    assert (last.style or last.status) == expected


def test_frames_that_waver_do_not_flicker() -> None:
    rng = np.random.default_rng(5)
    wavering = [seen(0.45 + d, 0.45 - d, 0.1) for d in rng.normal(0, 0.05, 400)]
    labels = [answer.style for answer in watch([CUBISM] * 12 + wavering)]
    raw = [int(np.argmax(f.scores.probabilities)) for f in wavering if f.scores]
    assert sum(a != b for a, b in pairwise(raw)) > 100, "the test must waver"
    assert sum(a != b for a, b in pairwise(labels[12:])) == 0


@pytest.mark.parametrize("level", [0.46, 0.5, 0.54])
def test_known_around_the_threshold_does_not_flicker(level: float) -> None:
    rng = np.random.default_rng(6)
    frames = [seen(0.8, 0.1, 0.1, known=k) for k in np.clip(rng.normal(level, 0.08, 600), 0, 1)]
    labels = [answer.status for answer in watch(frames)][CONFIRM_FRAMES:]
    assert sum(a != b for a, b in pairwise(labels)) <= 2


def test_a_style_never_borrows_the_rest_that_another_view_earned() -> None:
    """0.45 keeps a style that was recognised in this view, and recognises none in another."""
    faint_here, faint_there = (
        seen(0.8, 0.1, 0.1, known=0.45),
        seen(0.8, 0.1, 0.1, known=0.45, embedding=ELSEWHERE),
    )
    assert watch([CUBISM] * 12 + [faint_here] * 40)[-1].status is Status.RECOGNISED
    assert watch([CUBISM] * 12 + [faint_there] * 40)[-1].status is Status.UNKNOWN_STYLE


def test_each_answer_is_of_one_piece() -> None:
    for answer in watch([CUBISM] * 12 + [OTHER_POP] * 12 + [NEITHER] * 12):
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        if answer.style is not None:
            assert answer.confidence == answer.probabilities[answer.style] > 1 / len(STYLES)


def test_reset_forgets() -> None:
    smoother = Smoother(STYLES, RULE)
    for index in range(12):
        smoother.update(CUBISM, index * STEP_S)
    smoother.reset()
    assert smoother.update(CUBISM, 1.0).status is Status.NO_PAINTING
