"""The locator's network: where in a picture are canvases, as a map of their centres and of their corners; and where
exactly the sides of the one in the middle are, if it fills the picture.

Objects as points (Zhou et al. 2019, arXiv 1904.07850): each cell of a coarse grid says whether a canvas has its centre
there, and where its four corners are. Sides are told row by row and column by column (after Qin et al. 2020, arXiv
2004.11757), so that a visitor who hides a part of one does not hide the line. The backbone is EfficientNet-Lite0 up to
its stage of 192 channels, joined over three scales from coarse to fine (Lin et al. 2017, arXiv 1612.03144).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from train.efficientnet_lite import backbone, load_imagenet
from train.locator.targets import FINE, SIZE, UNIT, middles

# Channels of the joined scales.
_WIDTH = 96

# The last layer of each scale of the backbone: strides 8, 16 and 32.
_SCALES = ("block_04_add", "block_10_add", "block_14_add")

# The last layer of stride 4, and channels of what is made of it.
_EDGES, _EDGE_WIDTH = "block_02_add", 40

# Weights of corners and sides in the loss, beside the centres'.
_CORNERS, _SIDES = 4.0, 0.15


def network(*, pretrained: bool) -> keras.Model:
    """uint8-range pixels ``[batch, SIZE, SIZE, 3]`` to two outputs:

    - ``maps`` ``[batch, GRID, GRID, 9]``: logit of a centre, offsets of the corners from the cell's middle, in units,
      x before y, clockwise from top left;
    - ``sides`` ``[batch, FINE, FINE, 4]``: of the canvas in the middle of a close-up, logits of where in each column
      its top and bottom are and in each row its right and left.
    """
    base = backbone(SIZE)
    if pretrained:
        load_imagenet(base)
    fine, middle, coarse = (base.get_layer(name).output for name in _SCALES)
    x = _pointwise(coarse, "coarse")
    x = _separable(x, "coarse_context")
    x = layers.Add(name="middle_sum")([_doubled(x), _pointwise(middle, "middle")])
    x = _separable(x, "middle_context")
    x = layers.Add(name="fine_sum")([_doubled(x), _pointwise(fine, "fine")])
    x = _separable(_separable(x, "fine_context"), "fine_context_2")
    # A centre is rare: the bias says so, or the first steps are spent on learning it.
    rare = keras.initializers.Constant(-3.0)
    centre = layers.Conv2D(1, 1, bias_initializer=rare, dtype="float32", name="centre")(
        _separable(x, "centre_features")
    )
    corners = layers.Conv2D(8, 1, dtype="float32", name="corners")(_separable(x, "corner_features"))
    # The first layers know exactly where an edge is, the later ones whether it is a canvas's.
    edges = _pointwise(base.get_layer(_EDGES).output, "edge", _EDGE_WIDTH)
    y = layers.Add(name="edge_sum")([_doubled(_pointwise(x, "meaning", _EDGE_WIDTH)), edges])
    y = _separable(_separable(y, "edge_context", _EDGE_WIDTH), "edge_context_2", _EDGE_WIDTH)
    sides = layers.Conv2D(4, 1, dtype="float32", name="sides")(y)
    maps = layers.Concatenate(dtype="float32", name="maps")([centre, corners])
    return keras.Model(base.input, {"maps": maps, "sides": sides}, name="locator")


def decode(given) -> dict:
    """The network's outputs as an exported model gives them: ``score`` ``[batch, GRID, GRID]`` in 0-1, ``corners``
    ``[batch, GRID, GRID, 8]``; ``sides`` ``[batch, 4, FINE]``, y of the top and bottom in each column and x of the
    right and left in each row, in the order of the corners; all as shares of the picture's width and height; and
    ``sureness`` ``[batch, 4, FINE]``, how narrowly each of those is known, in 0-1."""
    maps = given["maps"]
    cells = ops.convert_to_tensor(np.tile(middles(), 4) / SIZE)
    chances = [ops.softmax(logits, axis=1) for logits in _lines(given["sides"])]
    along = ops.convert_to_tensor(((np.arange(FINE, dtype=np.float32) + 0.5) / FINE)[None, :, None])
    return {
        "score": ops.sigmoid(maps[..., 0]),
        "corners": cells + maps[..., 1:] * (UNIT / SIZE),
        "sides": ops.stack([ops.sum(chance * along, axis=1) for chance in chances], axis=1),
        "sureness": ops.stack([ops.sum(chance * chance, axis=1) for chance in chances], axis=1),
    }


def _lines(sides) -> list:
    """Logits ``[batch, FINE, FINE]`` of each side; what they are to be normalised over comes first."""
    return [ops.transpose(sides[..., number], (0, 2, 1)) if number % 2 else sides[..., number] for number in range(4)]


def loss_of_sides(wanted, given):
    """Cross entropy of where a side is, shared between the two nearest cells so that their mean is exact (the
    distribution focal loss of arXiv 2006.04388 without its focus), over the rows and columns that it passes."""
    total, count = 0.0, 1e-6
    for number, logits in enumerate(_lines(given)):
        at = wanted[:, number, :, 0] * FINE - 0.5
        weight = wanted[:, number, :, 1]
        cells = ops.reshape(ops.arange(FINE, dtype="float32"), (1, FINE, 1))
        near = ops.maximum(1 - ops.abs(cells - ops.clip(at, 0.0, FINE - 1.0)[:, None, :]), 0.0)
        total += ops.sum(weight * -ops.sum(near * ops.log_softmax(logits, axis=1), axis=1), axis=1)
        count += ops.sum(weight, axis=1)
    return _SIDES * total / count


def loss(wanted, given):
    """Penalty-reduced focal loss of the centres (arXiv 1904.07850, equation 1), and the corners' distance by the
    canvas's size."""
    centre, weight, corners, share = wanted[..., 0], wanted[..., 1], wanted[..., 2:10], wanted[..., 10]
    logit = given[..., 0]
    here = ops.cast(centre > 0.999, "float32")
    chance = ops.sigmoid(logit)
    right = here * (1 - chance) ** 2 * ops.softplus(-logit)
    wrong = (1 - here) * (1 - centre) ** 4 * chance**2 * ops.softplus(logit)
    count = ops.maximum(ops.sum(here, (1, 2)), 1.0)
    focal = ops.sum(weight * (right + wrong), (1, 2)) / count
    distance = ops.mean(ops.abs(given[..., 1:] - corners), axis=-1)
    return focal + _CORNERS * ops.sum(share * distance, (1, 2)) / count


def _doubled(x):
    # Not UpSampling2D: its repetitions become dozens of nodes in ONNX, this one.
    return ops.image.resize(x, (2 * x.shape[1], 2 * x.shape[2]), interpolation="nearest")


def _pointwise(x, name: str, width: int = _WIDTH):
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def _separable(x, name: str, width: int = _WIDTH):
    x = layers.DepthwiseConv2D(5, padding="same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_depthwise_norm")(x)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
