"""Cross-layer equalisation (Nagel et al. 2019, arXiv 1906.04721, section 4.1), by the ranges of activations.

Int8 gives one step to a whole activation tensor. Where one channel reaches a hundred times as far as the
others, those are left with a few steps. But a ReLU, a pooling and an addition commute with a positive
factor for each channel, so a channel can be made smaller where it is produced, and the weights that read
it larger, without changing what the network computes. Not through a ReLU6: its bound is not moved along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from export.bounding import is_open_relu
from export.network import feature_map

# A channel is not raised to more than so many times its size by its own silence.
_LEAST_SHARE = 1e-3


@dataclass
class _Channels:
    """Tensors whose channels must have the same factors, and the layers that write and read them."""

    tensors: list[Any] = field(default_factory=list)
    writers: list[Any] = field(default_factory=list)
    readers: list[Any] = field(default_factory=list)
    fixed: bool = False
    """Whether something writes or reads them that cannot take a factor."""
    features: bool = False
    """Whether the head reads them."""


def equalise(network: Any, pixels: npt.NDArray[np.uint8]) -> tuple[Any, npt.NDArray[np.float32]] | None:
    """A Keras network that computes the same with evener channels, by the ranges on `pixels` ``[n, size, size,
    3]``, and the factors ``[d]`` by which its feature map must be multiplied; None where nothing can be moved."""
    import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    features = feature_map(copy)
    groups = [group for group in _groups(copy, features) if not group.fixed and group.writers]
    if not groups:
        return None
    of_features = np.ones(features.shape[-1], np.float32)
    tensors = [tensor for group in groups for tensor in group.tensors]
    greatest = _greatest(keras.Model(copy.input, tensors), pixels)
    for group in groups:
        ranges = np.max([greatest.pop(0) for _ in group.tensors], axis=0)
        ranges = np.maximum(ranges, _LEAST_SHARE * max(float(ranges.max()), 1e-6))
        factors = ranges / np.exp(np.log(ranges).mean())
        for layer in group.writers:
            _divide_output(layer, factors)
        for layer in group.readers:
            _multiply_input(layer, factors)
        if group.features:
            of_features = factors.astype(np.float32)
    return copy, of_features


def _groups(network: Any, features: Any) -> list[_Channels]:
    """The tensors of a network in groups. Normalisations, convolutions and dense layers write and read;
    what commutes with factors joins its inputs and outputs; all else is fixed."""
    by_tensor: dict[int, _Channels] = {}

    def of(tensor: Any) -> _Channels:
        if id(tensor) not in by_tensor:
            by_tensor[id(tensor)] = _Channels([tensor])
        return by_tensor[id(tensor)]

    def join(first: _Channels, second: _Channels) -> None:
        if first is not second:
            first.tensors += second.tensors
            first.writers += second.writers
            first.readers += second.readers
            first.fixed |= second.fixed
            for tensor in second.tensors:
                by_tensor[id(tensor)] = first

    for layer in network.layers:
        if layer.output is None or isinstance(layer.output, list):
            continue
        kind = type(layer).__name__
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        if kind == "InputLayer":
            of(layer.output).fixed = True
        elif _commutes(layer):
            for tensor in inputs:
                join(of(layer.output), of(tensor))
        else:
            can_read = kind in ("Conv2D", "Dense")
            can_write = can_read or (kind == "BatchNormalization" and layer.scale)
            for tensor in inputs:
                group = of(tensor)
                if can_read:
                    group.readers.append(layer)
                else:
                    group.fixed = True
            activation = getattr(layer, "activation", None)
            if can_write and getattr(activation, "__name__", "linear") in ("linear", "relu"):
                of(layer.output).writers.append(layer)
            else:
                of(layer.output).fixed = True
        if layer.output is features:
            of(features).features = True
            break
    return list({id(group): group for group in by_tensor.values()}.values())


def _commutes(layer: Any) -> bool:
    """Whether a factor for each channel passes through the layer."""
    passing = ("MaxPooling2D", "AveragePooling2D", "Add", "ZeroPadding2D", "Dropout", "Identity")
    return is_open_relu(layer) or type(layer).__name__ in passing


def _greatest(model: Any, pixels: npt.NDArray[np.uint8], batch: int = 16) -> list[npt.NDArray[np.float32]]:
    """The greatest size of each channel of each output of `model`."""
    greatest: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(pixels), batch):
        values = model(pixels[start : start + batch].astype(np.float32), training=False)
        values = values if isinstance(values, list) else [values]
        sizes = [np.abs(np.asarray(value)).reshape(-1, value.shape[-1]).max(axis=0) for value in values]
        greatest = [np.maximum(*pair) for pair in zip(greatest, sizes, strict=True)] if greatest else sizes
    return greatest


def _divide_output(layer: Any, factors: npt.NDArray[np.floating]) -> None:
    if type(layer).__name__ == "BatchNormalization":
        for weight in (layer.gamma, layer.beta):
            if weight is not None:
                weight.assign(weight / factors)
    else:
        kernel, *bias = layer.get_weights()
        layer.set_weights([kernel / factors, *(value / factors for value in bias)])


def _multiply_input(layer: Any, factors: npt.NDArray[np.floating]) -> None:
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel * factors[:, None], *bias])
