"""Rounding a network to int8: which layer is to blame, and what becomes of pooling."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from bundle import runtimes  # noqa: E402
from export import graph  # noqa: E402
from export.network import Core, convert  # noqa: E402
from export.quantization import Quantizer  # noqa: E402
from export.targets import TARGETS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZE = 16
PICTURES = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Three convolutions, two of which the head reads, one of them through pooling. One weight of the second is
    eighty times as large as the others: rounded with all its tensor, it leaves them two steps."""
    keras.utils.set_random_seed(1)
    pixels = keras.Input((SIZE, SIZE, 3))
    first = keras.layers.Conv2D(8, 3, 2, activation="relu", name="first")(keras.layers.Rescaling(1 / 255)(pixels))
    second = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="second")(first)
    third = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="third")(second)
    small = [keras.layers.AveragePooling2D(2)(x) for x in (first, third)]
    features = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Concatenate()(small))
    result = keras.Model(pixels, keras.layers.Dense(3, name="head")(keras.layers.Identity(name="embedding")(features)))
    kernel, bias = result.get_layer("second").get_weights()
    kernel[0, 0, 0, 0] = 80 * np.abs(kernel).max()
    result.get_layer("second").set_weights([kernel, bias])
    return result


def outputs(content: bytes) -> np.ndarray:
    return runtimes.run_in_batches(runtimes.load(content, "onnx"), PICTURES, ["outputs"])["outputs"]


@pytest.mark.parametrize("target", TARGETS)
def test_the_layer_that_loses_most_by_rounding_is_named_first(network: keras.Model, target: str) -> None:
    quantizer = Quantizer(convert(network).model, PICTURES, TARGETS[target])
    ranking = quantizer.layers(quantizer.quantize("min-max", per_channel=False))
    assert ranking[0] == "second"
    assert sorted(ranking) == ["first", "second", "third"]


def test_a_layer_left_in_float_is_rounded_no_more(network: keras.Model) -> None:
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    core = convert(network)
    quantizer = Quantizer(core.model, PICTURES, TARGETS["x86-vnni"])

    def difference(*float_layers: str) -> float:
        rounded = quantizer.quantize("min-max", per_channel=False, float_layers=float_layers)
        return float(
            np.abs(outputs(graph.with_raw_outputs(Core(rounded, core.head)).SerializeToString()) - expected).mean()
        )

    assert difference("second") < difference() / 2


@pytest.mark.parametrize("target", TARGETS)
def test_no_relu_stands_between_two_roundings(network: keras.Model, target: str) -> None:
    rounded = Quantizer(convert(network).model, PICTURES, TARGETS[target]).quantize("min-max", per_channel=True)
    before = {output: node.op_type for node in rounded.graph.node for output in node.output}
    for node in rounded.graph.node:
        assert node.op_type not in ("Relu", "Clip") or before[node.input[0]] != "DequantizeLinear"


def test_what_several_layers_share_has_the_name_of_none() -> None:
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.ReLU(6.0, name="one")(keras.layers.Conv2D(4, 3, name="first")(pixels))
    x = keras.layers.ReLU(6.0, name="other")(keras.layers.Conv2D(4, 3, name="second")(x))
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    nodes = convert(keras.Model(pixels, keras.layers.Dense(2, name="head")(x))).model.graph.node
    bounds = [node.input[1:] for node in nodes if node.op_type == "Clip"]
    assert len(bounds) == 2 and bounds[0] == bounds[1]
    assert all(name.startswith("constant_") for name in bounds[0]), "which of the two tf2onnx keeps is chance"


def test_pooling_is_rounded_with_the_layers_around_it(network: keras.Model) -> None:
    core = convert(network)
    assert [node.op_type for node in core.model.graph.node].count("AveragePool") == 2
    rounded = Quantizer(core.model, PICTURES, TARGETS["x86-vnni"]).quantize("min-max", per_channel=True)
    kinds = [node.op_type for node in rounded.graph.node]
    assert "AveragePool" not in kinds
    assert kinds.count("Conv") == 5
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    found = outputs(graph.with_raw_outputs(Core(rounded, core.head)).SerializeToString())
    np.testing.assert_allclose(found, expected, atol=0.04 * np.abs(expected).max())
