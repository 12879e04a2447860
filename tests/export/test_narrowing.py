"""Ranges of what is added to a shortcut: as wide as can matter, in ONNX and in TFLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from bundle import runtimes  # noqa: E402
from export import graph, lite, quantization  # noqa: E402
from export.lite import LiteConverter, LiteQuantizer  # noqa: E402
from export.narrowing import Addition, Range, narrowed  # noqa: E402
from export.network import Core, convert, head_of  # noqa: E402
from export.quantization import Quantizer  # noqa: E402
from export.targets import TARGETS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZE = 16
PICTURES = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3), np.uint8)


@pytest.mark.parametrize(
    ("addend", "shortcut", "given", "expected"),
    [
        pytest.param((-20, 20), (0, 6), (0, 6), (-6, 6), id="a ReLU6 on both sides"),
        pytest.param((-20, 20), (0, 3), (0, 8), (-3, 8), id="plain ReLUs, by the values that were met"),
        pytest.param((-2, 20), (0, 6), (0, 6), (-2, 6), id="one end that is near enough"),
        pytest.param((-2, 5), (0, 6), (0, 6), None, id="nothing to gain"),
        pytest.param((7, 9), (0, 6), (0, 6), None, id="a sum that is always cut leaves nothing to narrow to"),
    ],
)
def test_a_range_ends_where_the_sum_is_cut(addend: Range, shortcut: Range, given: Range, expected: Range) -> None:
    ranges = {"addend": addend, "shortcut": shortcut, "given": given}
    found = narrowed([Addition("addend", "shortcut", "given")], ranges)
    assert found.get("addend") == expected


def block(
    bound: float | None = 6.0,
    *,
    sum_read_twice: bool = False,
    addend_read_twice: bool = False,
    shortcut_cut: bool = True,
    addend_cut: bool = False,
    swapped: bool = False,
) -> keras.Model:
    """One residual block, whose convolution has a channel that reaches far beyond what the ReLU behind the addition
    lets through."""
    keras.utils.set_random_seed(1)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(8, 3, 2, name="first")(keras.layers.Rescaling(1 / 32, name="scaling")(pixels))
    cut = keras.layers.ReLU(bound)(x)
    shortcut = cut if shortcut_cut else x
    addend = keras.layers.Conv2D(8, 3, padding="same", name="second")(cut)
    if addend_cut:
        addend = keras.layers.ReLU(bound)(addend)
    both = keras.layers.Add()([shortcut, addend] if swapped else [addend, shortcut])
    x = keras.layers.Conv2D(8, 3, name="third")(keras.layers.ReLU(bound)(both))
    features = [x]
    if sum_read_twice:
        features.append(keras.layers.Conv2D(8, 3, name="fourth")(both))
    if addend_read_twice:
        features.append(keras.layers.Conv2D(8, 3, name="fourth")(addend))
    x = keras.layers.Concatenate()(features) if len(features) > 1 else x
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    result = keras.Model(pixels, keras.layers.Dense(3, name="head")(x))
    kernel, bias = result.get_layer("second").get_weights()
    kernel[..., 0] *= 60
    result.get_layer("second").set_weights([kernel, bias])
    return result


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        pytest.param({}, 1, id="ReLU6"),
        pytest.param({"bound": None}, 1, id="plain ReLU"),
        pytest.param({"swapped": True}, 1, id="the shortcut first"),
        pytest.param({"sum_read_twice": True}, 0, id="a sum that something reads before the ReLU"),
        pytest.param({"addend_read_twice": True}, 0, id="an addend that something else reads"),
        pytest.param({"shortcut_cut": False}, 0, id="a shortcut that no ReLU gives"),
        pytest.param({"addend_cut": True}, 0, id="an addend that a ReLU gives"),
    ],
)
def test_both_formats_find_the_additions_where_it_holds(settings: dict[str, Any], count: int) -> None:
    network = block(**settings)
    assert len(quantization._additions(convert(network).model)) == count
    assert len(lite._additions(LiteConverter(network, head_of(network)).convert(None))) == count


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return block()


def by_onnx(network: keras.Model) -> np.ndarray:
    core = convert(network)
    rounded = Quantizer(core.model, PICTURES, TARGETS["x86-vnni"]).quantize("min-max", per_channel=True)
    model = runtimes.load(graph.with_raw_outputs(Core(rounded, core.head)).SerializeToString(), "onnx")
    return runtimes.run_in_batches(model, PICTURES, ["outputs"])["outputs"]


def by_tflite(network: keras.Model) -> np.ndarray:
    content = LiteQuantizer(PICTURES).int8(LiteConverter(network, head_of(network)).convert(None))
    return runtimes.run_in_batches(runtimes.load(content, "tflite"), PICTURES, ["outputs"])["outputs"]


@pytest.mark.parametrize(("answer", "module"), [(by_onnx, quantization), (by_tflite, lite)])
def test_narrow_ranges_bring_int8_nearer_to_float(
    network: keras.Model,
    answer: Callable[[keras.Model], np.ndarray],
    module: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    narrow = np.abs(answer(network) - expected).mean()
    monkeypatch.setattr(module, "narrowed", lambda additions, ranges: {})
    wide = np.abs(answer(network) - expected).mean()
    assert narrow < 0.6 * wide


def test_what_narrow_ends_cut_off_is_not_taken_for_noise(network: keras.Model) -> None:
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    core = convert(network)
    quantizer = Quantizer(core.model, PICTURES, TARGETS["x86-vnni"])

    def difference(*float_layers: str) -> float:
        rounded = quantizer.quantize("min-max", per_channel=True, float_layers=float_layers)
        content = graph.with_raw_outputs(Core(rounded, core.head)).SerializeToString()
        outputs = runtimes.run_in_batches(runtimes.load(content, "onnx"), PICTURES, ["outputs"])["outputs"]
        return float(np.abs(outputs - expected).mean())

    ranking = quantizer.layers(quantizer.quantize("min-max", per_channel=True))
    assert ranking[0] == min(ranking, key=difference)
