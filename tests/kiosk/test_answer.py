from __future__ import annotations

import json
import math

import numpy as np
import pytest

import bundle
from kiosk.answer import Answer, Status

STYLES = ("Cubism", "Pop Art", "Byzantine Art")
RULE = bundle.KnownRule(method="test", threshold=0.4)
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("probabilities", "known", "status", "style", "confidence"),
    [
        pytest.param([0.2, 0.7, 0.1], 0.9, "recognised", "Pop Art", 0.7, id="the likeliest style is named"),
        pytest.param([0.2, 0.7, 0.1], 0.3, "unknown_style", None, 0.3, id="below the threshold none is"),
        pytest.param([0.2, 0.7, 0.1], 0.4, "unknown_style", None, 0.4, id="at the threshold none is"),
        pytest.param([0.2, 0.7, 0.1], NAN, "model_fault", None, 0, id="known is no number"),
        pytest.param([0.2, 0.7, 0.1], INF, "model_fault", None, 0, id="known is infinite"),
        pytest.param([NAN, 0.7, 0.1], 0.9, "model_fault", None, 0, id="one probability is no number"),
        pytest.param([INF, 0.7, 0.1], 0.9, "model_fault", None, 0, id="one probability is infinite"),
        pytest.param([0.0, 0.0, 0.0], 0.9, "model_fault", None, 0, id="all probabilities are zero"),
        pytest.param([0.4, 1.4, 0.2], 0.9, "recognised", "Pop Art", 0.7, id="a sum of 2 is scaled to 1"),
        pytest.param([0.2, 0.7, 0.1], -0.1, "unknown_style", None, 0, id="known below 0 is confidence 0"),
    ],
)
def test_decided(probabilities: list[float], known: float, status: str, style: str | None, confidence: float) -> None:
    answer = Answer.decided(np.array(probabilities, np.float32), known, STYLES, RULE)
    body = answer.to_json()
    assert (body["status"], body["style"]) == (status, style)
    assert body["confidence"] == pytest.approx(confidence, abs=1e-6)
    assert list(body["probabilities"]) == list(STYLES)
    assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    json.dumps(body, allow_nan=False)


def test_rounding_keeps_the_sum_and_the_confidence_is_the_printed_probability() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        shares = rng.dirichlet(np.full(3, 0.2))
        body = Answer.decided(shares, 0.9, STYLES, RULE).to_json()
        assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-9)
        assert body["confidence"] == body["probabilities"][body["style"]] == max(body["probabilities"].values())


def test_a_refusal_favours_no_style() -> None:
    body = Answer.refused(Status.TOO_DARK, STYLES).to_json()
    assert (body["status"], body["style"], body["confidence"]) == ("too_dark", None, 0)
    assert max(body["probabilities"].values()) - min(body["probabilities"].values()) < 1e-5
