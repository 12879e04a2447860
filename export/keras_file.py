"""The trained network as a ``.keras`` file that plain Keras loads: the float reference of all other files.

It has the inputs and outputs of the contract, by layers and operations of Keras's own alone, so that whoever opens it
needs nothing of ours.
"""

from __future__ import annotations

import collections
import io
import itertools
import json
import re
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import bundle
from bundle.runtimes import Interface, Outputs
from export.network import Head, feature_map
from train.calibration import ENERGY, MAXIMUM_LOGIT, MAXIMUM_SOFTMAX, ODDS, Calibration

_MADE = "made by python -m export"
"""In place of the time: two exports of one run are the same."""
_SHARED = re.compile(rb'("shared_object_id": )(\d+)')
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP archive can have."""


class KerasRuntime:
    """A ``.keras`` file in Keras, by `predict`."""

    def __init__(self, content: bytes):
        import keras

        with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(content)
            self._network = keras.models.load_model(path, compile=False)
        self.interface = Interface(
            {tensor.name: (tensor.dtype, list(tensor.shape)) for tensor in self._network.inputs},
            tuple(self._network.output),
        )

    def run(self, pixels: npt.NDArray[np.uint8], names: Sequence[str]) -> Outputs:
        """See `bundle.runtimes.Runtime`."""
        values = self._network.predict(pixels, verbose=0)
        return {name: values[name] for name in names}

    def operators(self) -> collections.Counter[str]:
        """How often each layer and operation occurs."""
        return _operators(self._network)


def _operators(network: Any) -> collections.Counter[str]:
    counted: collections.Counter[str] = collections.Counter()
    for operation in network.operations:
        counted.update(_operators(operation) if hasattr(operation, "operations") else [type(operation).__name__])
    return counted


def keras_file(network: Any, head: Head, calibration: Calibration | None) -> bytes:
    """The file with the outputs of `bundle.OUTPUTS`, ``evidence`` where the head is pooled; without a calibration with
    the one output ``outputs`` ``[n, styles (+ 1)]``, all logits, to calibrate on."""
    made = with_outputs(network, head, calibration)
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.keras"
        made.save(path)
        return _without_chance(path.read_bytes())


def with_outputs(network: Any, head: Head, calibration: Calibration | None) -> Any:
    """The Keras model of `keras_file`; `export.graph` has the same in ONNX."""
    import keras
    from keras import layers, ops

    from train.networks import Merged

    features = feature_map(network)
    body = keras.Model(network.input, features, name="network")
    pixels = keras.Input(body.input.shape[1:], dtype="uint8", name=bundle.INPUT)
    features = body(ops.cast(pixels, "float32"))
    pooled = layers.GlobalAveragePooling2D(name="pool")(features) if head.pooled else features
    of_head = layers.Dense(head.bias.size, name="head")
    logits = outputs_of_head = of_head(pooled)
    of_head.set_weights([head.kernel, head.bias])
    if head.merged:
        # The call, not the layer: operations of Keras's own are in the file, and no class of ours.
        logits = Merged(head.classes).call(outputs_of_head)  # type: ignore[no-untyped-call]
    if calibration is None:
        return keras.Model(pixels, {"outputs": logits})
    styles = calibration.styles
    of_styles = logits[:, :styles]
    energy, highest = ops.logsumexp(of_styles, axis=1), ops.max(of_styles, axis=1)
    score = {
        ODDS: lambda: energy - logits[:, styles],
        ENERGY: lambda: energy,
        MAXIMUM_LOGIT: lambda: highest,
        MAXIMUM_SOFTMAX: lambda: highest - energy,
    }[calibration.score]()
    outputs = {
        "probabilities": ops.softmax(of_styles / calibration.temperature, axis=1),
        "known": ops.sigmoid(score * calibration.known_scale + calibration.known_offset),
        "logits": of_styles,
        "embedding": pooled[:, : head.embedding],
    }
    if head.pooled:
        # The head once more, at each place of the feature map: it averages to the logits less the bias.
        evidence = _product(features, head.kernel, "evidence_of_outputs")
        if head.merged:
            evidence = _merge_evidence(evidence, outputs_of_head, logits, head.classes)
        outputs["evidence"] = evidence[:, :, :, :styles]
    return keras.Model(pixels, outputs)


def _product(values: Any, kernel: npt.NDArray[np.floating], name: str) -> Any:
    from keras import layers

    layer = layers.Dense(kernel.shape[1], use_bias=False, name=name)
    products = layer(values)
    layer.set_weights([kernel])
    return products


def _merge_evidence(evidence: Any, outputs_of_head: Any, logits: Any, classes: Sequence[int]) -> Any:
    """The maps of a class's outputs by their shares; see `export.graph`."""
    from keras import ops

    def everywhere(values: Any) -> Any:
        return ops.expand_dims(values, [1, 2])

    shares = ops.exp(outputs_of_head - ops.take(logits, list(classes), axis=1))
    membership = np.eye(len(set(classes)), dtype=np.float32)[list(classes)]
    shared = _product(evidence * everywhere(shares), membership, "evidence_of_classes")
    return shared + everywhere(logits - ops.mean(shared, axis=[1, 2]))


def _without_chance(content: bytes) -> bytes:
    """The archive without the times at which it was made, and the places in memory by which Keras knows what layers
    share: these are numbered."""
    numbers: dict[bytes, int] = collections.defaultdict(itertools.count().__next__)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "metadata.json":
                part = json.dumps(json.loads(part) | {"date_saved": _MADE}).encode()
            elif name == "config.json":
                part = _SHARED.sub(lambda found: b"%s%d" % (found[1], numbers[found[2]]), part)
            target.writestr(zipfile.ZipInfo(name, _EPOCH), part)
    return stream.getvalue()
