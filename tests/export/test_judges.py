"""The pictures by which variants are judged, on a small network and pictures of noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from bundle import runtimes  # noqa: E402
from export import gates, graph  # noqa: E402
from export.judges import Judges  # noqa: E402
from export.network import Core, convert, with_less_bias  # noqa: E402
from export.search import Budget  # noqa: E402
from export.targets import TARGETS  # noqa: E402
from export.variants import lite_variants, onnx_variants  # noqa: E402
from train import networks  # noqa: E402
from train.calibration import Calibration  # noqa: E402
from train.dataset import Dataset, Example, Part  # noqa: E402
from train.recipes import RECIPES, STYLES  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZE = 20
PICTURES = np.random.default_rng(0).integers(0, 256, (20, SIZE, SIZE, 3), np.uint8)
ANYTHING = Budget(accuracy=1, agreement=0)
SHIFT = np.linspace(-1, 1, len(STYLES), dtype=np.float32)


@pytest.fixture(scope="module", params=["an output for each style", "two for the first"])
def network(request: pytest.FixtureRequest) -> keras.Model:
    """With a head as most have, and with one whose outputs are merged."""
    classes = [*range(len(STYLES)), *([0] if request.param == "two for the first" else [])]
    keras.utils.set_random_seed(1)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(8, 3, 2, activation="relu", name="first")(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    network = keras.Model(pixels, keras.layers.Dense(len(classes), name="head")(x))
    return networks.merged(network, classes) if len(classes) > len(STYLES) else network


@pytest.fixture(scope="module")
def judges(network: keras.Model) -> Judges:
    """Four test pictures, and six for validation, two of them by other artists."""
    parts = [Part.TEST] * 4 + [Part.VALIDATION] * 6
    dataset = Dataset(
        STYLES,
        tuple(
            Example(Path("none.png"), "An Artist", STYLES[0], "0" * 64, published=number < 8, part=part)
            for number, part in enumerate(parts)
        ),
    )
    return Judges.of(network, dataset, PICTURES[:10], PICTURES[:16])


def content(core: Core) -> bytes:
    return graph.with_raw_outputs(core).SerializeToString()


def test_each_published_validation_picture_has_five_views(judges: Judges) -> None:
    assert judges.views.shape == (4 * 5, SIZE, SIZE, 3)
    np.testing.assert_array_equal(judges.views[:4], PICTURES[4:8, :, ::-1])
    # Cut out of the first one's upper left corner, and made larger again.
    cut = judges.views[4].mean(axis=(0, 1))
    np.testing.assert_allclose(cut, PICTURES[4, : SIZE * 9 // 10, : SIZE * 9 // 10].mean(axis=(0, 1)), rtol=0.03)


def test_the_network_itself_fits_wholly(network: keras.Model, judges: Judges) -> None:
    fit, shift = judges.fit_without_shift(content(convert(network)), "onnx")
    assert fit.agreement == 1
    assert fit.lost == 0
    assert fit.difference < 1e-5
    np.testing.assert_allclose(shift, 0, atol=1e-5)


def test_a_shift_of_all_logits_is_found_and_taken_back(network: keras.Model, judges: Judges) -> None:
    core = convert(network)
    shifted = replace(core, head=with_less_bias(core.head, -SHIFT))
    fit, found = judges.fit_without_shift(content(shifted), "onnx")
    np.testing.assert_allclose(found, SHIFT, atol=1e-5)
    assert fit.difference < 1e-5
    _, left = judges.fit_without_shift(content(replace(core, head=with_less_bias(shifted.head, found))), "onnx")
    np.testing.assert_allclose(left, 0, atol=1e-5)


@pytest.mark.parametrize("name", ["model.int8.onnx", "model.int8.tflite"])
def test_the_evidence_map_of_int8_averages_to_its_logits(network: keras.Model, judges: Judges, name: str) -> None:
    planned = (
        onnx_variants(network, RECIPES["cnn"], judges, [TARGETS["x86-vnni"]], ANYTHING)
        if name.endswith("onnx")
        else lite_variants(network, RECIPES["cnn"], judges, ANYTHING)
    )
    variant = planned[name]()
    calibration = judges.calibrate(variant.finish(None), variant.format)
    model = runtimes.load(variant.finish(calibration), variant.format)
    outputs = runtimes.run_in_batches(model, PICTURES, model.interface.outputs)
    gates.check_values(outputs, variant.head.evidence_bias(len(STYLES)))


def test_where_a_recipe_is_for_a_camera_too_its_views_are_calibrated_on(network: keras.Model, judges: Judges) -> None:
    raw = content(convert(network))
    logits = runtimes.run_in_batches(runtimes.load(raw, "onnx"), PICTURES, ["outputs"])["outputs"]
    files, views = logits[judges.validation_rows], logits[-6:]
    assert judges.calibrate(raw, "onnx") == Calibration.fit(judges.validation, files)
    both = replace(judges, photographed=PICTURES[-6:])
    assert both.calibrate(raw, "onnx") == Calibration.fit(judges.validation, files, views)
