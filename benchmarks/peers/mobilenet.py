"""A small network as frigate trains one for its user's own classes, in integers from end to end.

frigate (github.com/blakeblackshear/frigate, ``frigate/util/classification.py``) puts a head on a frozen MobileNetV2
of 0.35 times the width, pixels in 0 to 1, trains it for 50 epochs, and finds the ranges on training pictures. So is it
here; features are computed once, since what is frozen gives the same in every epoch.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import bundle
from benchmarks.peers import Made, Source, evenly

NAME = "MobileNetV2 0.35 int8"
PACKAGES = ("tensorflow", "keras")
REASON = "what frigate trains for its user's own classes"

# All of frigate's.
SIZE, WIDTH = 224, 0.35
HIDDEN, DROPOUT = 128, 0.3
EPOCHS, BATCH, LEARNING_RATE = 50, 16, 1e-3
SHARE_TRAINED = 0.8
"""Of the pictures; frigate puts the others aside, and does not look at them either."""
PICTURES = 300
"""To find ranges on."""

FILE = "mobilenet.int8.tflite"


def make(source: Source, folder: Path) -> Made:
    """Write the TFLite file, uint8 ``[1, 224, 224, 3]`` to uint8 ``probabilities`` ``[1, styles]``.

    ImageNet weights are those of Keras, from its cache (``~/.keras`` or ``KERAS_HOME``) or its download. Without them,
    or without paintings, the file is made for latency and size alone, and `Made.accuracy` is false. Raises
    `bundle.PictureError` for a painting that cannot be read.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(0)
    backbone, lacking = _backbone()
    pixels = keras.Input((SIZE, SIZE, 3), name="pixels")
    features = keras.layers.GlobalAveragePooling2D()(backbone(pixels, training=False))
    body = keras.Model(pixels, features)
    head = keras.Sequential(
        [
            keras.Input((features.shape[1],)),
            keras.layers.Dense(HIDDEN, activation="relu"),
            keras.layers.Dropout(DROPOUT),
            keras.layers.Dense(len(source.styles), activation="softmax"),
        ]
    )
    if lacking is None and not source.paintings:
        lacking = "no paintings to train it on (DATA=FOLDER)"
    if lacking is None:
        trained = _train(body, head, source)
        note = f"trained on {trained} paintings for {EPOCHS} epochs"
    else:
        note = f"for latency and size alone: {lacking}; its accuracy is no figure"
    (folder / FILE).write_bytes(_in_integers(body, head, evenly(source.paintings, PICTURES)))
    return Made(
        file=FILE,
        format="tflite",
        precision="int8",
        size=SIZE,
        outputs=("probabilities",),
        network=f"MobileNetV2 {WIDTH}, {SIZE} px",
        note=note,
        accuracy=lacking is None,
    )


def _backbone() -> tuple[Any, str | None]:
    """MobileNetV2, frozen, and why its weights are random; None where they are ImageNet's."""
    import keras

    def network(weights: str | None) -> Any:
        made = keras.applications.MobileNetV2((SIZE, SIZE, 3), alpha=WIDTH, include_top=False, weights=weights)
        made.trainable = False
        return made

    try:
        return network("imagenet"), None
    except Exception:  # Keras raises whatever its download or HDF5 raised
        return network(None), "random weights, since Keras can neither find nor download those of ImageNet here"


def _train(body: Any, head: Any, source: Source) -> int:
    """Train `head` on the features of `body`; returns on how many pictures."""
    import keras

    order = np.random.default_rng(0).permutation(len(source.paintings))
    chosen = [source.paintings[i] for i in order[: max(1, round(SHARE_TRAINED * len(order)))]]
    features = np.concatenate(
        [
            body.predict(np.stack([_picture(path) for path, _ in chosen[start : start + 64]]), verbose=0)
            for start in range(0, len(chosen), 64)
        ]
    )
    head.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy")
    head.fit(features, np.array([style for _, style in chosen]), BATCH, EPOCHS, verbose=0)
    return len(chosen)


def _picture(path: Path) -> npt.NDArray[np.float32]:
    return (bundle.prepare(bundle.read(path), SIZE) / 255).astype(np.float32)


def _in_integers(body: Any, head: Any, paintings: tuple[tuple[Path, int], ...]) -> bytes:
    """TFLite of both, with ranges found on `paintings`, or on noise where there are none."""
    import tensorflow as tf

    def pictures() -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        generator = np.random.default_rng(0)
        noise = (generator.random((SIZE, SIZE, 3), np.float32) for _ in range(16))
        for picture in map(_picture, (path for path, _ in paintings)) if paintings else noise:
            yield {bundle.INPUT: picture[None]}

    @tf.function(input_signature=[tf.TensorSpec([1, SIZE, SIZE, 3], tf.float32, name=bundle.INPUT)])  # type: ignore[untyped-decorator]
    def serve(pixels: Any) -> dict[str, Any]:
        return {"probabilities": head(body(pixels, training=False), training=False)}

    module = tf.Module()
    module.serve = serve
    module.weights = [variable.value for variable in (*body.variables, *head.variables)]
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = pictures
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return bytes(converter.convert())
