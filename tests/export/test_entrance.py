"""How an integer network takes pixels in: nothing but its speed changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

keras = pytest.importorskip("keras")

from bundle import runtimes  # noqa: E402
from export import graph, quantization  # noqa: E402
from export.network import Core, convert  # noqa: E402
from export.quantization import Quantizer  # noqa: E402
from export.targets import TARGETS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FOLDED = {"Cast", "Mul"}


def network(
    size: int = 16,
    kernel: int = 3,
    strides: int | tuple[int, int] = 2,
    padding: str = "same",
    scaling: tuple[float, float | list[float]] = (1 / 127.5, -1.0),
    bias: bool = True,
) -> keras.Model:
    keras.utils.set_random_seed(1)
    pixels = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(scaling[0], scaling[1], name="scaling")(pixels)
    x = keras.layers.Conv2D(8, kernel, strides, padding=padding, use_bias=bias, name="first")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="second")(keras.layers.ReLU(6.0)(x))
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(pixels, keras.layers.Dense(3, name="head")(x))


def pictures(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (16, size, size, 3), np.uint8)


def rounded(model: keras.Model, target: str = "x86-vnni", float_layers: tuple[str, ...] = ()) -> onnx.ModelProto:
    core = convert(model)
    quantizer = Quantizer(core.model, pictures(model.input.shape[1]), TARGETS[target])
    integers = quantizer.quantize("min-max", per_channel=True, float_layers=float_layers)
    return graph.with_raw_outputs(Core(integers, core.head))


def outputs(model: onnx.ModelProto) -> np.ndarray:
    size = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    loaded = runtimes.load(model.SerializeToString(), "onnx")
    return runtimes.run_in_batches(loaded, pictures(size), ["outputs"])["outputs"]


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(
    ("kernel", "padding", "size"),
    [(3, "same", 16), (7, "same", 16), (7, "same", 24), (5, "valid", 16), (2, "valid", 16), (1, "same", 16)],
)
@pytest.mark.parametrize("bias", [True, False])
def test_four_columns_at_a_time_give_the_same_to_the_bit(
    kernel: int, padding: str, size: int, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(size, kernel, padding=padding, bias=bias)
    found = rounded(model)
    assert kinds(found).count("Reshape") == 2
    monkeypatch.setattr(quantization, "take_four_columns", lambda model: None)
    plain = rounded(model)
    assert "Reshape" not in kinds(plain)
    np.testing.assert_array_equal(outputs(found), outputs(plain))


@pytest.mark.parametrize("scaling", [(1 / 127.5, -1.0), (1 / 128, -127 / 128), (1 / 255, 0.0)])
def test_bytes_are_as_near_to_the_float_network_as_rounded_pixels(
    scaling: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(scaling=scaling)
    expected = model.predict(pictures(16).astype(np.float32), verbose=0)
    found = rounded(model)
    assert not FOLDED & set(kinds(found))
    monkeypatch.setattr(quantization, "take_bytes", lambda model: None)
    passes = rounded(model)
    assert set(kinds(passes)) >= FOLDED
    assert "Reshape" not in kinds(passes), "only bytes are taken by fours"
    assert np.abs(outputs(found) - expected).mean() <= 1.1 * np.abs(outputs(passes) - expected).mean()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"strides": 1}, id="a stride of one"),
        pytest.param({"padding": "valid"}, id="an odd number of columns"),
        pytest.param({"size": 18}, id="a width that four does not divide"),
        pytest.param({"strides": (1, 2)}, id="two strides"),
    ],
)
def test_other_first_layers_take_bytes_column_by_column(settings: dict[str, Any]) -> None:
    model = network(**settings)
    found = rounded(model)
    assert not FOLDED & set(kinds(found))
    assert "Reshape" not in kinds(found)
    size = model.input.shape[1]
    expected = model.predict(pictures(size).astype(np.float32), verbose=0)
    np.testing.assert_allclose(outputs(found), expected, atol=0.05 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("scaling", "target", "float_layers"),
    [
        pytest.param((1.0, [-103.9, -116.8, -123.7]), "x86-vnni", (), id="an offset for each channel"),
        pytest.param((1 / 128, 0.5), "x86-vnni", (), id="an offset that no byte is"),
        pytest.param((-1 / 128, 1.0), "x86-vnni", (), id="the other way round"),
        pytest.param((1 / 128, -1.0), "arm-dotprod", (), id="signed activations"),
        pytest.param((1 / 128, -1.0), "x86-vnni", ("first",), id="a first layer in float"),
    ],
)
def test_where_pixels_are_no_bytes_to_the_network_they_are_scaled(
    scaling: tuple[float, float | list[float]], target: str, float_layers: tuple[str, ...]
) -> None:
    model = network(scaling=scaling)
    found = rounded(model, target, float_layers)
    assert "Cast" in kinds(found)
    assert "Reshape" not in kinds(found)
    expected = model.predict(pictures(16).astype(np.float32), verbose=0)
    np.testing.assert_allclose(outputs(found), expected, atol=0.05 * np.abs(expected).max())
