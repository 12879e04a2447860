"""Integer TFLite files: what stays in float, and how ranges are found."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from bundle import runtimes  # noqa: E402
from export.lite import LiteConverter, LiteMethod, LiteQuantizer  # noqa: E402
from export.network import head_of  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZE = 16
PICTURES = np.random.default_rng(0).integers(0, 40, (16, SIZE, SIZE, 3), np.uint8)
PICTURES[0] = 255  # one picture far beyond the others


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Two convolutions with batch normalisation, which the converter makes one operator of two names each."""
    keras.utils.set_random_seed(1)
    x = pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 255, name="scaling")(x)
    for name in ("first", "second"):
        x = keras.layers.Conv2D(16, 3, use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.ReLU(name=f"{name}_relu")(keras.layers.BatchNormalization(name=f"{name}_norm")(x))
    x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(pixels, keras.layers.Dense(3, name="head")(x))


@pytest.mark.parametrize(("layer", "weights"), [("first_conv", 3 * 3 * 3 * 16), ("second_conv", 3 * 3 * 16 * 16)])
def test_a_layer_left_in_float_keeps_its_weights_in_float(network: keras.Model, layer: str, weights: int) -> None:
    plain = LiteConverter(network, head_of(network)).convert(None)
    quantizer = LiteQuantizer(PICTURES)
    larger = len(quantizer.int8(plain, float_layers=[layer])) - len(quantizer.int8(plain))
    assert larger == pytest.approx(3 * weights, abs=1000)  # four bytes a weight for one, and the rest of the file


def test_a_mean_of_ranges_leaves_a_picture_far_beyond_the_others_out(network: keras.Model) -> None:
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    plain = LiteConverter(network, head_of(network)).convert(None)
    quantizer = LiteQuantizer(PICTURES[::-1])

    def errors(method: LiteMethod) -> np.ndarray:
        model = runtimes.load(quantizer.int8(plain, method), "tflite")
        return np.abs(runtimes.run_in_batches(model, PICTURES, ["outputs"])["outputs"] - expected).mean(axis=1)

    assert errors("min-max")[0] < errors("moving average")[0] / 2
    assert errors("min-max")[1:].mean() > errors("moving average")[1:].mean()
