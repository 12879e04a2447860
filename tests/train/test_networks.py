from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from train import networks  # noqa: E402
from train.augmentation import AUGMENTATIONS  # noqa: E402
from train.efficientnet_lite import backbone, imagenet_classifier, load_imagenet  # noqa: E402


def test_the_published_cnn_has_its_layers() -> None:
    network = networks.cnn(200, 6)
    filters = [layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert filters == [32, 64, 128, 128]
    assert network.get_layer("embedding").units == 128
    assert network.get_layer("dropout").rate == 0.4
    assert network.output.shape == (None, 6)


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
