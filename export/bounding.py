"""Activations held within what they reach but for rare pictures.

A network that normalises by running statistics may answer a few pictures with activations many times as large
as all others. Their range leaves the others a few steps of int8. A bound on the ReLUs, that of ReLU6 (Krizhevsky
2010), takes little from the others. Better is to train with it, as recipe `resnet50_distilled` does.
"""

from __future__ import annotations

from typing import Any

BOUND = 6.0


def bounded(network: Any) -> Any | None:
    """A copy of a Keras network whose ReLUs end at `BOUND`; None where none is open."""
    import keras

    found = [layer for layer in network.layers if is_open_relu(layer)]
    if not found:
        return None

    def copy(layer: Any) -> Any:
        if is_open_relu(layer):
            return keras.layers.ReLU(max_value=BOUND, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    result = keras.models.clone_model(network, clone_function=copy)
    result.set_weights(network.get_weights())
    return result


def is_open_relu(layer: Any) -> bool:
    """Whether a Keras layer is a ReLU without a bound, a threshold or a slope."""
    kind = type(layer).__name__
    if kind == "ReLU":
        return layer.max_value is None and not layer.threshold and not layer.negative_slope
    return kind == "Activation" and bool(layer.activation.__name__ == "relu")
