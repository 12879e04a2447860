"""Activations held within a bound: nothing changes but what reaches beyond it."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from export.bounding import BOUND, bounded  # noqa: E402


def network(activation: keras.layers.Layer) -> keras.Model:
    pixels = keras.Input((4, 4, 3))
    return keras.Model(pixels, activation(keras.layers.Conv2D(3, 1, use_bias=False, name="conv")(pixels)))


@pytest.mark.parametrize("open_relu", [keras.layers.ReLU(), keras.layers.Activation("relu")])
def test_only_what_reaches_beyond_the_bound_is_cut(open_relu: keras.layers.Layer) -> None:
    before = network(open_relu)
    before.get_layer("conv").set_weights([np.eye(3, dtype=np.float32)[None, None]])
    after = bounded(before)
    assert after is not None
    values = np.linspace(-10, 30, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    np.testing.assert_allclose(after(values), np.clip(values, 0, BOUND))
    np.testing.assert_allclose(before(values), np.maximum(values, 0), err_msg="the network itself stays as it is")


def test_a_network_that_is_bounded_already_is_left_alone() -> None:
    assert bounded(network(keras.layers.ReLU(6.0))) is None
