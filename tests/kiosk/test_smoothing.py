from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pytest

import bundle
from kiosk.answer import Answer, Status
from kiosk.classifier import Scores
from kiosk.judge import Finding
from kiosk.smoothing import CONFIRM_LOOKS, HOLD_S, LONGEST_S, Smoother

STYLES = ("Cubism", "Pop Art", "Byzantine Art")
RULE = bundle.KnownRule(method="test", threshold=0.5)
LOOKS_PER_S = 12
STEP_S = 1 / LOOKS_PER_S
HELD = round(HOLD_S * LOOKS_PER_S)
TEN_MINUTES = 600 * LOOKS_PER_S
HERE, ELSEWHERE = (1.0, 0.0), (0.0, 1.0)


def seen(*probabilities: float, known: float = 0.95, embedding: tuple[float, float] = HERE) -> Finding:
    return Finding(None, Scores(np.array(probabilities, np.float32), known, np.array(embedding, np.float32)), {})


def fault(status: Status) -> Finding:
    return Finding(status, None, {})


CUBISM, POP, NEITHER = seen(0.8, 0.1, 0.1), seen(0.09, 0.9, 0.01), seen(0.4, 0.3, 0.3, known=0.1)
OTHER_POP = seen(0.1, 0.8, 0.1, embedding=ELSEWHERE)
OTHER_NEITHER = seen(0.4, 0.3, 0.3, known=0.1, embedding=ELSEWHERE)
NAN = seen(math.nan, 0.5, 0.5)
DARK, BLURRED, NOTHING = fault(Status.TOO_DARK), fault(Status.TOO_BLURRED), fault(Status.NO_PAINTING)


def watch(findings: Iterable[Finding], new_at: int = -1) -> list[Answer]:
    smoother = Smoother(STYLES, RULE)
    return [smoother.update(finding, index * STEP_S, is_new=index == new_at) for index, finding in enumerate(findings)]


def said(answer: Answer) -> str:
    return answer.style or answer.status.value


def changes(answers: list[Answer]) -> int:
    """After the first answer."""
    told = [said(answer) for answer in answers]
    first = next(index for index, label in enumerate(told) if label != Status.NO_PAINTING)
    return sum(a != b for a, b in pairwise(told[first:]))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param([CUBISM] * 3, "Cubism", id="a style is shown when three looks say so"),
        pytest.param([CUBISM] * 2, "no_painting", id="two looks are not enough"),
        pytest.param([CUBISM] * 12 + [POP], "Cubism", id="one look that says something else is no change"),
        pytest.param([CUBISM] * 12 + [OTHER_POP, CUBISM], "Cubism", id="nor is one of another view"),
        pytest.param([CUBISM] * 300 + [POP] * 12, "Pop Art", id="another painting that looks alike, in a second"),
        pytest.param([CUBISM] * 300 + [NEITHER] * 12, "unknown_style", id="and one of no style that looks alike"),
        pytest.param([NEITHER] * 300 + [CUBISM] * 12, "Cubism", id="and one of a style after one of none"),
        pytest.param([CUBISM] * 600 + [OTHER_POP] * 3, "Pop Art", id="another view is answered after three"),
        pytest.param([CUBISM] * 600 + [OTHER_NEITHER] * 3, "Cubism", id="without a style it may be a shoulder"),
        pytest.param([CUBISM] * 600 + [OTHER_NEITHER] * 5, "unknown_style", id="that lasts, and so is a painting"),
        pytest.param([OTHER_NEITHER] * 99 + [CUBISM] * 3, "Cubism", id="a style after none, in another view"),
        pytest.param([CUBISM] * 300 + [OTHER_POP] * 20 + [CUBISM] * 3, "Cubism", id="back to the first after three"),
        pytest.param([CUBISM] * 12 + [NEITHER], "Cubism", id="one strange look is no refusal"),
        pytest.param([DARK] * 3, "too_dark", id="dark for three looks"),
        pytest.param([CUBISM] * 12 + [BLURRED] * (HELD - 1), "Cubism", id="a shake is passed over"),
        pytest.param([CUBISM] * 12 + [BLURRED] * (HELD + 1), "too_blurred", id="a longer one is not"),
        pytest.param([CUBISM] * 12 + [NOTHING] * (HELD - 1), "Cubism", id="whoever walks by is passed over"),
        pytest.param([CUBISM] * 12 + [NOTHING] * (HELD + 1), "no_painting", id="whoever stays is not"),
        pytest.param([CUBISM] * 12 + [DARK, BLURRED] * HELD, "too_dark", id="faults in turn let go as well"),
        pytest.param([NEITHER] * 12 + [BLURRED] * (HELD - 1), "unknown_style", id="a refusal is held like a style"),
        pytest.param([CUBISM] * 12 + [NAN] * (HELD - 1), "Cubism", id="looks without numbers are passed over"),
        pytest.param([CUBISM] * 12 + [NAN] * (HELD + 1), "model_fault", id="but not for ever"),
        pytest.param([NAN] * 3, "model_fault", id="a network without numbers is broken"),
        pytest.param([seen(math.inf, 0, 0)] * 3, "model_fault", id="nor one with infinite ones"),
        pytest.param([seen(1, 0, 0, known=math.inf)] * 3, "model_fault", id="nor one that is infinitely sure"),
        pytest.param([CUBISM, NAN] * 9, "no_painting", id="every second look without numbers confirms nothing"),
        pytest.param([CUBISM] * 12 + [OTHER_POP, NAN] * 9, "no_painting", id="and bears out no old answer"),
    ],
)
def test_what_is_shown_at_last(findings: list[Finding], expected: str) -> None:
    assert said(watch(findings)[-1]) == expected


@pytest.mark.parametrize("standing_s", [1, 60, 600])
@pytest.mark.parametrize(
    ("new", "announced", "expected"),
    [
        pytest.param(OTHER_POP, False, "Pop Art", id="seen by the embedding"),
        pytest.param(OTHER_POP, True, "Pop Art", id="seen by both"),
        pytest.param(OTHER_NEITHER, False, "unknown_style", id="of no style, seen by the embedding"),
        pytest.param(OTHER_NEITHER, True, "unknown_style", id="of no style, seen by both"),
        pytest.param(
            seen(0.1, 0.8, 0.1, embedding=(0.75, 0.66)), True, "Pop Art", id="rather alike, seen by the tracker"
        ),
    ],
)
def test_another_painting_is_named_within_half_a_second(
    standing_s: int, new: Finding, announced: bool, expected: str
) -> None:
    """However long the last one stood; the first look may come a whole step after the painting."""
    before = standing_s * LOOKS_PER_S
    answers = watch([CUBISM] * before + [new] * 12, new_at=before if announced else -1)
    late = next(index for index, answer in enumerate(answers[before:]) if said(answer) == expected)
    assert (late + 1) * STEP_S <= 0.5
    assert [said(answer) for answer in answers[before:]] == ["Cubism"] * late + [expected] * (12 - late)


def test_even_an_undecided_painting_gets_an_answer_in_half_a_second() -> None:
    """Looks that pull to and fro about the threshold: no two averages in a row agree."""
    logits = [1] + [-2, 2] * 3
    answers = watch(seen(0.8, 0.1, 0.1, known=1 / (1 + math.exp(-logit))) for logit in logits)
    first = next(index for index, answer in enumerate(answers) if said(answer) != "no_painting")
    assert (first + 1) * STEP_S < 0.5


def test_the_trackers_word_does_not_make_a_new_painting_of_the_same() -> None:
    """Corners jump on one painting too; it keeps its average and its answer."""
    faint = seen(0.45, 0.48, 0.07)
    assert said(watch([CUBISM] * 240 + [faint] * 40, new_at=240)[-1]) == "Cubism"


def test_whoever_stands_before_a_painting_does_not_undo_what_was_learnt() -> None:
    """A painting between two styles keeps its answer over a dozen passers-by."""
    border, passer_by = seen(0.46, 0.48, 0.06), seen(0.3, 0.3, 0.4, known=0.2, embedding=ELSEWHERE)
    answers = watch([CUBISM] * 3 + ([border] * 240 + [passer_by] * 4 + [DARK] * 6) * 12)
    assert {said(answer) for answer in answers[CONFIRM_LOOKS:]} == {"Cubism"}


def wandering(rng: np.random.Generator, deviation: float, time_constant_s: float, looks: int) -> np.ndarray:
    """Noise ``[looks]`` whose correlation falls to 1/e in `time_constant_s`."""
    kept = math.exp(-STEP_S / time_constant_s)
    values, value = np.empty(looks), rng.normal()
    for index in range(looks):
        value = kept * value + math.sqrt(1 - kept**2) * rng.normal()
        values[index] = deviation * value
    return values


def video(gap: float, known_logit: float, waver: float, wander: float, wander_s: float, seed: int) -> list[Finding]:
    """Ten minutes before one painting whose two likeliest styles differ by `gap` in logarithm; noise of deviation
    `waver` from look to look, and `wander` over `wander_s` seconds."""
    rng = np.random.default_rng(seed)
    ratio, logit = (
        mean + rng.normal(0, waver, TEN_MINUTES) + wandering(rng, wander, wander_s, TEN_MINUTES)
        for mean in (gap, known_logit)
    )
    weights = np.exp(np.stack([ratio / 2, -ratio / 2, np.full(TEN_MINUTES, -2.0)], axis=1))
    shares, known = weights / weights.sum(axis=1, keepdims=True), 1 / (1 + np.exp(-logit))
    return [seen(*share, known=float(score)) for share, score in zip(shares, known, strict=True)]


def raw_changes(findings: list[Finding]) -> int:
    told = [
        (int(np.argmax(finding.scores.probabilities)), finding.scores.known > 0.5)
        for finding in findings
        if finding.scores
    ]
    return sum(a != b for a, b in pairwise(told))


@pytest.mark.parametrize(
    ("gap", "known_logit"),
    [
        pytest.param(0.0, 3.0, id="between two styles"),
        pytest.param(2.0, 0.0, id="at the threshold of what is known"),
        pytest.param(0.0, 0.0, id="both"),
    ],
)
@pytest.mark.parametrize(
    ("waver", "wander", "wander_s"),
    [
        pytest.param(0.25, 0.1, 2, id="as measured"),
        pytest.param(0.5, 0.5, 2, id="twice that, half of it over 2 s"),
        pytest.param(0.25, 0.5, 30, id="light that wanders over half a minute"),
    ],
)
def test_in_ten_minutes_before_one_painting_the_label_changes_once_at_most(
    gap: float, known_logit: float, waver: float, wander: float, wander_s: float
) -> None:
    findings = video(gap, known_logit, waver, wander, wander_s, seed=1)
    assert raw_changes(findings) > 800, "the video must waver"
    assert changes(watch(findings)) <= 1


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(lambda i: -i * STEP_S, id="runs backwards"),
        pytest.param(lambda i: 7.0, id="stands still"),
        pytest.param(lambda i: 1e9 * (i % 2), id="leaps to and fro"),
        pytest.param(lambda i: i * 3600.0, id="leaps an hour each look"),
        pytest.param(lambda i: math.nan if i == 20 else i * STEP_S, id="has no number once"),
        pytest.param(lambda i: math.inf if i > 20 else i * STEP_S, id="ends"),
        pytest.param(lambda i: i * STEP_S - (500.0 if i > 20 else 0.0), id="is set back once"),
    ],
)
def test_a_clock_that_jumps_neither_freezes_nor_spoils_the_label(times: Callable[[int], float]) -> None:
    findings = [CUBISM] * 60 + [OTHER_POP] * 60 + [NOTHING] * 60
    smoother = Smoother(STYLES, RULE)
    told = [said(smoother.update(finding, times(index))) for index, finding in enumerate(findings)]
    assert [told[index] for index in (59, 119, 179)] == ["Cubism", "Pop Art", "no_painting"]
    assert changes([smoother.update(CUBISM, times(180 + index)) for index in range(60)]) == 0


def test_a_style_never_borrows_the_right_that_another_view_earned() -> None:
    """0.45 keeps a style that was recognised in this view, and recognises none in another."""
    faint_here = seen(0.8, 0.1, 0.1, known=0.45)
    faint_there = seen(0.8, 0.1, 0.1, known=0.45, embedding=ELSEWHERE)
    assert watch([CUBISM] * 12 + [faint_here] * 40)[-1].status is Status.RECOGNISED
    assert watch([CUBISM] * 12 + [faint_there] * 40)[-1].status is Status.UNKNOWN_STYLE


def test_a_first_answer_that_was_wrong_is_mended() -> None:
    """Three poor looks (the autofocus still at work) do not decide for the rest of the visit."""
    answers = watch([seen(0.5, 0.4, 0.1, known=0.4)] * 3 + [seen(0.2, 0.7, 0.1, known=0.9)] * 24)
    assert said(answers[CONFIRM_LOOKS - 1]) == "unknown_style"
    assert said(answers[-1]) == "Pop Art"
    assert changes(answers) == 1


def test_what_is_shown_grows_calm() -> None:
    """The numbers beside the label waver less the longer a painting stands."""
    answers = watch(video(gap=1.0, known_logit=3.0, waver=0.5, wander=0.0, wander_s=1, seed=3)[: 4 * 30 * 12])
    shares = np.array([answer.probabilities["Cubism"] for answer in answers[CONFIRM_LOOKS:]])
    settled = round(LONGEST_S * LOOKS_PER_S)
    assert shares[settled:].std() < 0.3 * shares[:60].std() + 0.01


def test_each_answer_is_of_one_piece() -> None:
    for answer in watch([CUBISM] * 12 + [OTHER_POP] * 12 + [NEITHER] * 12 + [NAN] * 20):
        assert all(map(math.isfinite, (*answer.probabilities.values(), answer.confidence)))
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        if answer.style is not None:
            assert answer.confidence == answer.probabilities[answer.style] > 1 / len(STYLES)


def test_reset_forgets() -> None:
    smoother = Smoother(STYLES, RULE)
    for index in range(12):
        smoother.update(CUBISM, index * STEP_S)
    smoother.reset()
    assert smoother.update(CUBISM, 1.0).status is Status.NO_PAINTING
