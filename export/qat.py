"""Quantization-aware training (Jacob et al. 2018, arXiv 1712.05877), in a process of its own.

TensorFlow's model-optimization toolkit works on the old Keras alone (``tf_keras``), which two settings
of the environment put in the new one's place for a whole process. So `Trained` starts this module as a
process, which copies the network layer by layer, trains the copy on the training part to answer as the
float network does, with every number rounded as int8 will round it, and converts it to TFLite.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from train.calibration import Calibration
from train.dataset import Dataset, Part
from train.run import Run, RunError

# A low rate: what is to be found is near.
_LEARNING_RATE = 1e-5
_BATCH = 16
# Pictures from which the ranges of activations start; training moves them.
_RANGE_PICTURES = 128
# Of the copy with fake quantization; of the network's own layers, named LAYER/NUMBER; ranges by layer.
_WEIGHTS = "weights.npz"
_BY_LAYER = "by-layer.npz"
_RANGES = "ranges.npz"
# How the old Keras names the weights of a layer, in the order of the new one.
_NAMES = (("kernel", "bias"), ("depthwise_kernel", "bias"), ("gamma", "beta", "moving_mean", "moving_variance"))


class TrainingFailed(RunError):
    """The process that trains or converts ended with an error."""


@dataclass(frozen=True)
class Trained:
    """A network whose weights were trained for int8."""

    run: Run
    folder: Path
    """Where its weights are kept while the export lasts."""
    pictures: int
    """Training pictures."""

    @classmethod
    def train(cls, run: Run, folder: Path, epochs: int) -> Trained:
        """Train for `epochs`; shows Keras's own progress. Raises `TrainingFailed`."""
        _process(run, folder, "train", "--epochs", str(epochs))
        return cls(run, folder, len(run.dataset().where(lambda example: example.part is Part.TRAIN)))

    def convert(self, calibration: Calibration | None, shift: npt.NDArray[np.float32] | None = None) -> bytes:
        """The int8 TFLite file with logits less by `shift`, and outputs as of `export.lite.LiteConverter`. Raises
        `TrainingFailed`."""
        target = self.folder / "model.tflite"
        given = [] if calibration is None else ["--calibration", json.dumps(dataclasses.asdict(calibration))]
        given += [] if shift is None else ["--shift", json.dumps(shift.tolist())]
        _process(self.run, self.folder, "convert", *given, "--out", str(target))
        return target.read_bytes()

    def network(self, network: Any) -> Any:
        """The Keras network that was trained, with its new weights, for `export.quantization` to round."""
        import keras

        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        with np.load(self.folder / _BY_LAYER) as weights:
            for name in weights.files:
                layer, number = name.rsplit("/", 1)
                copy.get_layer(layer).weights[int(number)].assign(weights[name])
        return copy

    def ranges(self) -> dict[str, tuple[float, float]]:
        """What was learnt of the outputs of layers, by name: the least and the greatest value."""
        with np.load(self.folder / _RANGES) as ranges:
            return {layer: (float(ranges[layer][0]), float(ranges[layer][1])) for layer in ranges.files}


def _process(run: Run, folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", __name__, str(run.folder), str(folder), *arguments]
    environment = os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise TrainingFailed(f"quantization-aware training: {reason}; leave --qat out to export without it")


# From here on: in the process of its own.


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("task", choices=("train", "convert"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--calibration")
    parser.add_argument("--shift")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import tensorflow as tf

    from train.pipeline import rebuild

    # Two exports of one run are to be the same.
    tf.keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    run = Run(options.run)
    network = rebuild(run)
    if options.task == "train":
        quantized = _train(run, network, options.epochs)
        np.savez(options.folder / _WEIGHTS, *(np.asarray(value) for value in quantized.get_weights()))
        np.savez(options.folder / _BY_LAYER, **_by_layer(quantized))
        np.savez(options.folder / _RANGES, **_ranges(quantized))
        return
    with np.load(options.folder / _WEIGHTS) as weights:
        copy = _with_fake_quantization(_copy(network))
        copy.set_weights([weights[name] for name in weights.files])
    calibration = Calibration(**json.loads(options.calibration)) if options.calibration else None
    shift = np.array(json.loads(options.shift), np.float32) if options.shift else None
    options.out.write_bytes(_convert(run, network, copy, calibration, shift))


def _train(run: Run, network: Any, epochs: int) -> Any:
    """The copy with fake quantization, trained to give the float network's logits."""
    import keras
    import tf_keras

    from export.network import head_of

    dataset = run.dataset()
    chosen = dataset.where(lambda example: example.part is Part.TRAIN)
    pixels = Dataset(dataset.styles, tuple(dataset.examples[i] for i in chosen)).pixels(run.recipe.size)
    answers = keras.Model(network.input, network.get_layer("head").output).predict(pixels, batch_size=_BATCH, verbose=0)
    head = head_of(network)
    copy = _copy(network)
    for layer in copy.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.trainable = False  # its statistics are folded into the convolutions
    quantized = _with_fake_quantization(copy)
    scaled = _scaling(network)
    _start_ranges(quantized, copy, scaled(pixels[:: max(1, len(pixels) // _RANGE_PICTURES)]))

    dense = tf_keras.layers.Dense(len(head.bias), name="head", trainable=False)
    features = quantized.output
    student = tf_keras.Model(
        quantized.input, dense(tf_keras.layers.GlobalAveragePooling2D()(features) if head.pooled else features)
    )
    dense.set_weights([head.kernel, head.bias])
    student.compile(tf_keras.optimizers.Adam(_LEARNING_RATE), "mse")

    order = np.random.default_rng(0)
    for epoch in range(epochs):
        print(f"quantization-aware training, epoch {epoch + 1} of {epochs}", flush=True)
        rows = order.permutation(len(pixels))
        progress = tf_keras.utils.Progbar(len(rows) // _BATCH)
        for step in range(len(rows) // _BATCH):
            batch = rows[step * _BATCH : (step + 1) * _BATCH]
            loss = student.train_on_batch(scaled(pixels[batch]), answers[batch])
            progress.update(step + 1, [("mean squared difference of logits", loss)])
    return quantized


def _by_layer(quantized: Any) -> dict[str, Any]:
    """The weights of the wrapped layers, without what the toolkit added."""
    found: dict[str, Any] = {}
    for wrapper in quantized.layers:
        if inner := getattr(wrapper, "layer", None):
            weights = {weight.name.rsplit("/", 1)[-1].partition(":")[0]: weight for weight in wrapper.weights}
            for names in _NAMES:
                if names[0] in weights:
                    present = [name for name in names if name in weights]
                    found |= {f"{inner.name}/{i}": weights[name].numpy() for i, name in enumerate(present)}
    return found


def _ranges(quantized: Any) -> dict[str, Any]:
    """The least and the greatest value of what layers give, by layer."""
    return {
        layer: np.array([variables["min_var"].numpy(), variables["max_var"].numpy()])
        for layer, variables in _range_variables(quantized).items()
    }


def _copy(network: Any) -> Any:
    """The network from behind its scaling to what the head reads, layer by layer in the old Keras."""
    import tf_keras

    from export.network import feature_map

    last = feature_map(network)
    made: dict[int, Any] = {}
    for layer in network.layers:  # in topological order
        kind = type(layer).__name__
        if not made:
            if layer.name == "scaling":
                made[id(layer.output)] = tf_keras.Input(layer.output.shape[1:], name="scaled")
            continue
        given = layer.input
        values = [made[id(tensor)] for tensor in given] if isinstance(given, list) else made[id(given)]
        if kind in ("Identity", "Dropout", "SpatialDropout2D"):  # nothing, outside training
            made[id(layer.output)] = values
        else:
            twin = _layer(getattr(tf_keras.layers, kind), layer)
            made[id(layer.output)] = twin(values)
            twin.set_weights(layer.get_weights())
        if layer.output is last:
            return tf_keras.Model(next(iter(made.values())), made[id(last)])
    raise RunError(f"{network.name}: its layers cannot be copied to the old Keras")


def _layer(kind: Any, layer: Any) -> Any:
    """A layer of the old Keras with the settings of one of the new; how weights begin is no matter."""
    known = {"name", "trainable", *inspect.signature(kind.__init__).parameters}
    settings = {
        name: value
        for name, value in layer.get_config().items()
        if name in known and name != "dtype" and not name.endswith(("_initializer", "_regularizer", "_constraint"))
    }
    return kind(**settings)


def _with_fake_quantization(copy: Any) -> Any:
    """`copy`, its weights and activations rounded to int8; pooling keeps its input's scale, as TFLite asks."""
    import tensorflow_model_optimization as tfmot
    import tf_keras

    quantization = tfmot.quantization.keras

    class Unchanged(quantization.QuantizeConfig):  # type: ignore[misc, name-defined]
        def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
            return []

        def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
            return []

        def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
            """None to set."""

        def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
            """None to set."""

        def get_output_quantizers(self, layer: Any) -> list[Any]:
            return []

        def get_config(self) -> dict[str, Any]:
            return {}

    pools = (tf_keras.layers.AveragePooling2D, tf_keras.layers.MaxPooling2D)

    def annotate(layer: Any) -> Any:
        return quantization.quantize_annotate_layer(layer, Unchanged() if isinstance(layer, pools) else None)

    with tf_keras.utils.custom_object_scope({"Unchanged": Unchanged}):
        return quantization.quantize_apply(tf_keras.models.clone_model(copy, clone_function=annotate))


def _start_ranges(quantized: Any, copy: Any, pictures: npt.NDArray[np.float32]) -> None:
    """Put the ranges of activations where scaled training pictures have them: the toolkit starts all at -6
    to 6 and moves them by a thousandth a step, so that a short training never gets away from there."""
    import tf_keras

    for layer in quantized.layers:
        if type(layer).__name__ == "QuantizeLayer":  # of the input
            _set_range(layer.quantizer_vars, float(pictures.min()), float(pictures.max()))
    ranges = _range_variables(quantized)
    probe = tf_keras.Model(copy.input, [copy.get_layer(name).output for name in ranges])
    low, high = np.full(len(ranges), np.inf), np.full(len(ranges), -np.inf)
    for start in range(0, len(pictures), _BATCH):
        for place, value in enumerate(probe(pictures[start : start + _BATCH], training=False)):
            low[place] = min(low[place], value.numpy().min())
            high[place] = max(high[place], value.numpy().max())
    for name, least, greatest in zip(ranges, low, high, strict=True):
        _set_range(ranges[name], least, greatest)


def _range_variables(quantized: Any) -> dict[str, dict[str, Any]]:
    """The toolkit's variables ``min_var`` and ``max_var`` of what layers give, by layer."""
    ranges: dict[str, dict[str, Any]] = {}
    for layer in quantized.layers:
        if getattr(layer, "_output_quantizers", None):
            ranges[layer.layer.name] = layer._output_quantizer_vars
        for activation in getattr(layer, "_quantize_activations", []):
            for name in ("_pre_activation_vars", "_post_activation_vars"):
                if found := getattr(activation, name, None):
                    ranges.setdefault(layer.layer.name, found)
    return ranges


def _set_range(variables: dict[str, Any], least: float, greatest: float) -> None:
    variables["min_var"].assign(min(least, 0.0))
    variables["max_var"].assign(max(greatest, 1e-3))


def _scaling(network: Any) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
    """From pixels to what stands behind the layer ``scaling``."""
    import keras

    part = keras.Model(network.input, network.get_layer("scaling").output)
    return lambda pixels: np.asarray(part(pixels.astype(np.float32)))


def _convert(
    run: Run, network: Any, copy: Any, calibration: Calibration | None, shift: npt.NDArray[np.float32] | None
) -> bytes:
    import keras
    import tensorflow as tf

    import bundle
    from export.lite import SIGNATURE, outputs_of
    from export.network import head_of, with_less_bias
    from train.networks import BACKBONE_FEATURES

    head = head_of(network, BACKBONE_FEATURES.get(run.recipe.network))
    head = head if shift is None else with_less_bias(head, shift)
    scaling = keras.Model(network.input, network.get_layer("scaling").output)
    size = run.recipe.size
    module = tf.Module()
    module.copy = copy
    module.weights = [*copy.variables, *(variable.value for variable in scaling.variables)]

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([1, size, size, 3], tf.uint8, name=bundle.INPUT)]
    )
    def serve(pixels: Any) -> dict[str, Any]:
        return outputs_of(copy(scaling(tf.cast(pixels, tf.float32)), training=False), head, calibration)

    module.serve = serve
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        tf.saved_model.save(module, folder, signatures={SIGNATURE: serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())


if __name__ == "__main__":
    _main()
