from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bundle
from kiosk.classifier import Classifier, ClassifierError
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
