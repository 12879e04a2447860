from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import bundle
from kiosk.classifier import Classifier, ClassifierError, Scores
from tests.stand_in import BLUE, GREEN, GREY, RED, SIZE, STYLES, painting, write_bundle


@pytest.mark.parametrize(
    ("colour", "style", "is_known"),
    [
        pytest.param(RED, 0, True, id="red is the first style"),
        pytest.param(GREEN, 1, True, id="green the second"),
        pytest.param(BLUE, 2, True, id="blue the third"),
        pytest.param(GREY, None, False, id="grey is none"),
    ],
)
def test_outputs_are_bound_by_name(
    bundle_folder: Path, colour: tuple[int, int, int], style: int | None, is_known: bool
) -> None:
    """The stand-in lists its outputs in another order than the contract."""
    scores = Classifier(bundle.load(bundle_folder), "int8", threads=1).classify(painting(colour, SIZE, SIZE))
    assert scores.probabilities.shape == (len(STYLES),)
    assert scores.probabilities.sum() == pytest.approx(1)
    assert scores.embedding.shape == (3,)
    assert (scores.known > 0.5) is is_known
    assert style is None or int(np.argmax(scores.probabilities)) == style


@pytest.mark.parametrize(
    ("settings", "precision", "reason"),
    [
        pytest.param({}, "fp32", "no onnx file of precision fp32", id="a precision that it has not"),
        pytest.param({"outputs": ("probabilities", "known")}, "int8", "no output embedding", id="an output less"),
        pytest.param({"styles": STYLES[:4]}, "int8", "6 probabilities for the 4 styles", id="styles that are not"),
    ],
)
def test_a_bundle_that_breaks_the_contract_is_refused(
    tmp_path: Path, settings: dict[str, object], precision: str, reason: str
) -> None:
    folder = write_bundle(tmp_path / "b", **settings)  # type: ignore[arg-type]
    with pytest.raises((ClassifierError, bundle.BundleError), match=reason) as caught:
        Classifier(bundle.load(folder), precision, threads=1).warm_up()
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_model_are_refused_in_one_line(tmp_path: Path) -> None:
    verified = bundle.load(write_bundle(tmp_path / "b"))
    verified.contents[verified.file("int8").path] = b"no model"
    with pytest.raises(ClassifierError, match="cannot be used by ONNX Runtime") as caught:
        Classifier(verified, "int8", threads=1)
    assert "\n" not in str(caught.value)


def test_it_says_what_it_runs_on(bundle_folder: Path) -> None:
    classifier = Classifier(bundle.load(bundle_folder), "int8", threads=1)
    assert (classifier.provider, classifier.refused) == ("CPU", {})
    assert 0 < classifier.choice.latency_ms < 1000


@pytest.mark.parametrize(
    ("probability", "known", "embedding", "finite"),
    [
        pytest.param(0.5, 0.5, 1.0, True, id="numbers"),
        pytest.param(math.nan, 0.5, 1.0, False, id="no probability"),
        pytest.param(0.5, math.inf, 1.0, False, id="known beyond all bounds"),
        pytest.param(0.5, 0.5, math.nan, False, id="no embedding"),
    ],
)
def test_scores_say_whether_they_are_numbers(probability: float, known: float, embedding: float, finite: bool) -> None:
    scores = Scores(np.array([probability, 0.5], np.float32), known, np.array([embedding], np.float32))
    assert scores.is_finite is finite


@pytest.mark.parametrize(
    ("known", "factor", "expected"),
    [
        pytest.param(0.5, 1.0, 0.5, id="the same odds"),
        pytest.param(0.5, 0.25, 0.2, id="a quarter of even odds"),
        pytest.param(0.0, 0.25, 0.0, id="never stays never"),
        pytest.param(1.0, 0.25, 1.0, id="always stays always"),
        pytest.param(float("nan"), 0.25, float("nan"), id="no number stays none"),
    ],
)
def test_other_odds(known: float, factor: float, expected: float) -> None:
    scores = Scores(np.ones(3, np.float32), known, np.ones(2, np.float32))
    assert scores.with_odds(factor).known == pytest.approx(expected, nan_ok=True)
