"""Augmentations, as Keras layers, so that they run on the device of any backend.

Each takes pixels 0-255, float ``[batch, size, size, 3]``, and gives the same. They are data of a
recipe: a recipe names one of `AUGMENTATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="vernissage")
class RandomAffine(layers.Layer):
    """Rotation, zoom, shear and shift of each picture of a batch, drawn anew, in one resampling.

    Keras has a layer for each, but four resamplings one after another cost four times as much and
    blur the brushwork that the style is to be told by.

    Rotation in degrees, shear as a slope and shifts as a share of the side are drawn evenly from
    ``-limit`` to ``limit``; each axis's zoom, the length that a length becomes, from `zoom`.
    """

    def __init__(
        self,
        rotation: float,
        zoom: tuple[float, float],
        shear: float,
        shift: float,
        fill_mode: str,
        seed: int,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "rotation": rotation,
            "zoom": tuple(zoom),
            "shear": shear,
            "shift": shift,
            "fill_mode": fill_mode,
            "seed": seed,
        }
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, pixels, training: bool = False):
        if not training:
            return pixels
        batch, size = ops.shape(pixels)[0], pixels.shape[1]

        def draw(low: float, high: float):
            return keras.random.uniform((batch,), low, high, seed=self.generator)

        limits = self.settings
        angle = draw(-limits["rotation"], limits["rotation"]) * (np.pi / 180)
        # The transform maps places of the result to places of the source: a zoom by z looks at 1/z of it.
        scale_x, scale_y = 1 / draw(*limits["zoom"]), 1 / draw(*limits["zoom"])
        shear_x, shear_y = draw(-limits["shear"], limits["shear"]), draw(-limits["shear"], limits["shear"])
        shift_x, shift_y = (draw(-limits["shift"], limits["shift"]) * size for _ in range(2))
        cosine, sine = ops.cos(angle), ops.sin(angle)
        a, b = scale_x * cosine, scale_x * (shear_x - sine)
        c, d = scale_y * (shear_y + sine), scale_y * cosine
        middle = (size - 1) / 2
        nothing = ops.zeros((batch,))
        x = middle - a * middle - b * middle + shift_x
        y = middle - c * middle - d * middle + shift_y
        transform = ops.stack([a, b, x, c, d, y, nothing, nothing], axis=1)
        return ops.image.affine_transform(pixels, transform, "bilinear", limits["fill_mode"])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.settings


def published(seed: int) -> keras.Sequential:
    """The published work's: rotation to 40 degrees, flip, zoom, shifts, shear, brightness, nearest fill.

    The published text gives ranges for the rotation alone; the others are the 20 % that its Keras
    code used as a rule.
    """
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", seed=seed + 1),
            RandomAffine(rotation=40, zoom=(0.8, 1.2), shear=0.2, shift=0.2, fill_mode="nearest", seed=seed),
            layers.RandomBrightness(0.2, value_range=(0, 255), seed=seed + 5),
        ],
        name="published_augmentation",
    )


def camera(seed: int) -> keras.Sequential:
    """What a kiosk's camera does to a painting, and no more: the style must survive it.

    Details and crops with free aspect (the pictures of one source are squashed, those of another
    cropped: aspect must tell nothing), a view from the side, other light and white balance, a lens
    that is not quite sharp.
    """
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", seed=seed),
            RandomAffine(rotation=5, zoom=(0.95, 2.0), shear=0.08, shift=0.15, fill_mode="reflect", seed=seed + 1),
            layers.RandomColorJitter(
                value_range=(0, 255),
                brightness_factor=0.15,
                contrast_factor=0.3,
                saturation_factor=(0.35, 0.65),
                hue_factor=0.03,
                seed=seed + 5,
            ),
            layers.RandomGaussianBlur(0.3, kernel_size=5, sigma=1.0, value_range=(0, 255), seed=seed + 6),
        ],
        name="camera_augmentation",
    )


AUGMENTATIONS: dict[str, Callable[[int], keras.Sequential]] = {"published": published, "camera": camera}


@keras.saving.register_keras_serializable(package="vernissage")
class PartlyAugmented(layers.Layer):
    """In training, augments each picture of a batch with probability `share`; otherwise does nothing."""

    def __init__(self, augmentation: str, share: float, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.settings = {"augmentation": augmentation, "share": share, "seed": seed}
        self.augmentation = AUGMENTATIONS[augmentation](seed)
        self.share = share
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        self.augmentation.build(input_shape)
        super().build(input_shape)

    def call(self, pixels, training=False):
        if not training:
            return pixels
        augmented = ops.clip(self.augmentation(pixels, training=True), 0, 255)
        draw = keras.random.uniform((ops.shape(pixels)[0], 1, 1, 1), seed=self.generator)
        return ops.where(draw < self.share, augmented, pixels)

    def get_config(self):
        return super().get_config() | self.settings
