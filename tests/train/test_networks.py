from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from train import networks  # noqa: E402
from train.augmentation import AUGMENTATIONS  # noqa: E402
from train.efficientnet_lite import backbone, imagenet_classifier, load_imagenet  # noqa: E402
from train.recipes import RECIPES  # noqa: E402


def test_the_published_cnn_has_its_layers() -> None:
    network = networks.cnn(200, 6)
    filters = [layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert filters == [32, 64, 128, 128]
    assert network.get_layer("embedding").units == 128
    assert network.get_layer("dropout").rate == 0.4
    assert network.output.shape == (None, 6)


def convolutions(network: keras.Model) -> list[keras.layers.Conv2D]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]


def test_our_resnet50_is_the_one_of_the_paper() -> None:
    network = networks.resnet50(200, 6)
    assert len(convolutions(network)) == 53
    # Blocks end in an addition; those of a stage have as many channels.
    blocks = Counter(layer.output.shape[-1] for layer in network.layers if isinstance(layer, keras.layers.Add))
    assert blocks == {256: 3, 512: 4, 1024: 6, 2048: 3}
    # That of Keras has biases too, which the normalisation behind them cancels.
    theirs = keras.applications.ResNet50(weights=None, include_top=False)
    without_biases = theirs.count_params() - sum(layer.bias.shape[0] for layer in convolutions(theirs))
    assert without_biases == 23_561_152
    assert network.count_params() == without_biases + 2048 * 6 + 6


@pytest.mark.parametrize(("network", "size"), sorted({(recipe.network, recipe.size) for recipe in RECIPES.values()}))
def test_a_network_keeps_the_contract_with_export(network: str, size: int) -> None:
    built = networks.NETWORKS[network](size, 7)
    embedding, head = built.get_layer("embedding"), built.get_layer("head")
    assert built.input.shape == (None, size, size, 3)
    assert built.output.shape == head.output.shape == (None, 7)
    assert embedding.output.shape == (None, head.kernel.shape[0])
    # The published CNN alone has no class-activation map: it flattens.
    if network != "cnn":
        pool = built.get_layer("pool")
        assert isinstance(pool, keras.layers.GlobalAveragePooling2D)
        assert pool.input.shape[-1] == head.kernel.shape[0]


@pytest.mark.parametrize(("network", "prefix"), [("resnet50", "stage_5_"), ("keras_resnet50", "conv5_")])
def test_the_last_fifth_of_resnet50_is_its_last_stage(network: str, prefix: str) -> None:
    built = networks.NETWORKS[network](200, 6)
    networks.freeze_but_last(built, 0.2)
    trained = {layer.name for layer in built.layers if layer.trainable_weights}
    assert trained == {layer.name for layer in convolutions(built) if layer.name.startswith(prefix)} | {"head"}
    networks.freeze_but_last(built, 0.0)
    assert [layer.name for layer in built.layers if layer.trainable_weights] == ["head"]


def test_efficientnet_knows_an_imagenet_picture() -> None:
    """The weights are in their places: scikit-learn's photograph of a flower is a daisy or its like."""
    from sklearn.datasets import load_sample_image

    import bundle

    network = backbone(224)
    load_imagenet(network)
    picture = bundle.prepare(np.asarray(load_sample_image("flower.jpg"))[:, 60:487], 224)
    features = network.predict(picture[None].astype(np.float32), verbose=0).mean(axis=(1, 2))
    kernel, bias = imagenet_classifier()
    best = np.argsort(-(features @ kernel + bias)[0])[:5]
    # ImageNet classes: 985 daisy, 308/309 fly/bee, 580 greenhouse, 723 pinwheel, 738 pot ... flowers are few.
    assert 985 in best or 723 in best, best


def test_efficientnet_has_the_published_number_of_parameters() -> None:
    # 4,652,008 of the whole ImageNet network less its classifier of 1280 x 1000 + 1000.
    network = backbone(224)
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trainable == 4_652_008 - 1_281_000


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_an_augmentation_keeps_shape_and_range_and_changes_the_picture(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3)).astype(np.float32)
    augmented = np.asarray(AUGMENTATIONS[name](0)(pixels, training=True))
    assert augmented.shape == pixels.shape
    assert np.isfinite(augmented).all()
    assert np.abs(augmented - pixels).mean() > 5
