"""What can be trained: one entry of `RECIPES` each."""

from __future__ import annotations

from dataclasses import dataclass

STYLES = (
    "Impressionism",
    "Cubism",
    "Expressionism",
    "Pop Art",
    "Byzantine Art",
    "Abstract Expressionism",
)
"""The published six, by display name, in output order."""


@dataclass(frozen=True)
class Recipe:
    """How one model is trained. Rates are those of the optimiser at its peak."""

    name: str
    summary: str
    network: str
    """Key of `train.networks.NETWORKS`."""
    size: int
    """Pixels along the side of the square input."""
    epochs: int
    batch: int
    learning_rate: float
    augmentation: str
    """Key of `train.augmentation.AUGMENTATIONS`."""
    other_output: bool
    """Whether one more output, not a style, is trained on pictures of none of the styles."""
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    """Alpha of the Beta distribution of mixup (arXiv 1710.09412); 0 is none."""
    augmented_share: float = 1.0
    """Share of the training pictures that is augmented."""
    steps_per_epoch: int | None = None
    """None: each training picture once an epoch; else so many balanced batches."""
    frozen_until: str | None = None
    """Name of the last frozen layer. The frozen part sees `views` augmented views of each picture
    once; what it gives is kept, so that an epoch costs only the part that is trained."""
    views: int = 0
    other_share: float = 0.0
    """Share of pictures of none of the styles in a balanced batch."""
    artist_power: float = 1.0
    """An artist with n pictures is drawn in proportion to n ** artist_power, so that no painter
    dominates a style: 1 is every picture alike, 0 every artist alike."""


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="cnn",
            summary="the published plain CNN: four convolution stages, a dense layer, from scratch",
            network="cnn",
            size=200,
            epochs=25,
            batch=32,
            learning_rate=1e-3,
            augmentation="published",
            augmented_share=0.75,
            other_output=False,
        ),
        Recipe(
            name="efficientnet_lite0",
            summary="EfficientNet-Lite0 from ImageNet: linear probe, its last part fine-tuned, the two averaged",
            network="efficientnet_lite0",
            size=256,
            epochs=2,
            batch=64,
            steps_per_epoch=60,
            learning_rate=2e-5,
            weight_decay=0.05,
            label_smoothing=0.1,
            mixup=0.2,
            augmentation="camera",
            other_output=True,
            other_share=0.3,
            artist_power=0.5,
            frozen_until="block_10_add",
            views=2,
        ),
    )
}
