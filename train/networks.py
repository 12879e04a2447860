"""The networks. Each takes pixels 0-255, float ``[batch, size, size, 3]``, and gives logits.

Layers with these names are the contract with `export`: ``embedding`` (``[batch, d]``), ``head`` (the
last dense layer, ``[batch, outputs]``) and, where a class-activation map exists, ``pool`` (global
average pooling straight before the head, whose input is the last feature map).
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from train import efficientnet_lite


def cnn(size: int, outputs: int) -> keras.Model:
    """The published CNN: convolution, ReLU and max-pool with 32, 64, 128 and 128 filters, dense 128,
    dropout 0.4. The published text names 128 once; the author's code has it twice, and so have we."""
    pixels = keras.Input((size, size, 3), name="pixels")
    x = layers.Rescaling(1 / 255, name="scaling")(pixels)
    for stage, filters in enumerate((32, 64, 128, 128)):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"stage_{stage}_conv")(x)
        x = layers.MaxPooling2D(name=f"stage_{stage}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="embedding")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    return keras.Model(pixels, layers.Dense(outputs, name="head")(x), name="cnn")


def efficientnet_lite0(size: int, outputs: int) -> keras.Model:
    """EfficientNet-Lite0 with its ImageNet weights and a new head that reads three of its layers.

    Style is in brushwork and colour as much as in things, and the last layers of an ImageNet network
    keep things. So the last feature map is joined by two wide ones of the blocks before, brought to the
    same places; measured on artists held out, the same linear head gains about five points of mean
    recall by it. The joined map is pooled just before the head, so the evidence map stays exact.
    """
    network = efficientnet_lite.backbone(size)
    efficientnet_lite.load_imagenet(network)
    middle = network.get_layer("block_11_expand_relu").output
    middle = layers.AveragePooling2D(2, name="block_11_pool")(middle)
    late = network.get_layer("block_13_expand_relu").output
    x = layers.Concatenate(name="levels")([network.output, middle, late])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Identity(name="embedding")(x)
    return keras.Model(network.input, layers.Dense(outputs, name="head")(x), name="efficientnet_lite0")


# The first so many of an embedding are the backbone's own last features: what the plain linear probe, the
# baseline of every transfer recipe, is fitted on, and what an exported model gives as its embedding.
BACKBONE_FEATURES = {"efficientnet_lite0": 1280}

NETWORKS: dict[str, Callable[[int, int], keras.Model]] = {
    "cnn": cnn,
    "efficientnet_lite0": efficientnet_lite0,
}


def freeze(network: keras.Model, last_frozen: str) -> None:
    """Freeze all layers up to `last_frozen`, and batch normalisation behind it too: its ImageNet
    statistics are better than those of small batches of few painters."""
    frozen = True
    for layer in network.layers:
        layer.trainable = not frozen and not isinstance(layer, layers.BatchNormalization)
        if layer.name == last_frozen:
            frozen = False
    if frozen:
        raise ValueError(f"no layer {last_frozen} in {network.name}")


def lower_part(network: keras.Model, last: str) -> keras.Model:
    """The network from its input to the layer named `last`; the weights are shared."""
    return keras.Model(network.input, network.get_layer(last).output, name="lower_part")


def upper_part(network: keras.Model, last_below: str, output: str = "head") -> keras.Model:
    """The network from behind `last_below` to the layer `output`; the weights are shared."""
    return keras.Model(network.get_layer(last_below).output, network.get_layer(output).output, name="upper_part")
