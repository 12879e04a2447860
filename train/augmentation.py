"""Augmentations, as Keras layers, so that they run on the device of any backend.

Each takes pixels 0-255, float ``[batch, size, size, 3]``, and gives the same. They are data of a
recipe: a recipe names one of `AUGMENTATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers


def published(seed: int) -> keras.Sequential:
    """The published work's: rotation to 40 degrees, flip, zoom, shifts, shear, brightness, nearest fill.

    The published text gives ranges for the rotation alone; the others are the 20 % that its Keras
    code used as a rule.
    """
    return keras.Sequential(
        [
            layers.RandomRotation(40 / 360, fill_mode="nearest", seed=seed),
            layers.RandomFlip("horizontal", seed=seed + 1),
            layers.RandomZoom(0.2, fill_mode="nearest", seed=seed + 2),
            layers.RandomTranslation(0.2, 0.2, fill_mode="nearest", seed=seed + 3),
            layers.RandomShear(0.2, 0.2, fill_mode="nearest", seed=seed + 4),
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
            layers.RandomTranslation(0.15, 0.15, fill_mode="reflect", seed=seed + 1),
            layers.RandomZoom((-0.5, 0.05), (-0.5, 0.05), fill_mode="reflect", seed=seed + 2),
            layers.RandomRotation(5 / 360, fill_mode="reflect", seed=seed + 3),
            layers.RandomShear(0.08, 0.08, fill_mode="reflect", seed=seed + 4),
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

    def call(self, pixels, training=False):
        if not training:
            return pixels
        augmented = keras.ops.clip(self.augmentation(pixels, training=True), 0, 255)
        draw = keras.random.uniform((keras.ops.shape(pixels)[0], 1, 1, 1), seed=self.generator)
        return keras.ops.where(draw < self.share, augmented, pixels)

    def get_config(self):
        return super().get_config() | self.settings
