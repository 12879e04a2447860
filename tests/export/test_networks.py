"""Every network of `train` can be exported: converted, rounded and run, whatever its weights are."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from bundle import runtimes  # noqa: E402
from export import graph  # noqa: E402
from export.lite import LiteConverter, LiteQuantizer  # noqa: E402
from export.network import convert, half_precision, head_of  # noqa: E402
from export.quantization import Quantizer  # noqa: E402
from export.targets import TARGETS  # noqa: E402
from train import networks  # noqa: E402

# Small, so that the structure is what costs; InceptionV3 takes no less than 75 pixels.
SIZE = 96
PICTURES = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3), np.uint8)


def logits(content: bytes, format: runtimes.Format) -> np.ndarray:
    return runtimes.run_in_batches(runtimes.load(content, format), PICTURES, ["outputs"])["outputs"]


def likeness(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Correlation of what makes one picture's logits differ from another's."""
    return float(np.corrcoef((ours - ours.mean(axis=0)).ravel(), (theirs - theirs.mean(axis=0)).ravel())[0, 1])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    [
        "cnn",
        "resnet50",
        "resnet50_relu6",
        "keras_resnet50",
        "vgg16",
        "inception_v3",
        "efficientnet_v2_b0",
        "efficientnet_lite0",
    ],
)
def test_a_network_answers_alike_in_every_format(name: str) -> None:
    keras.utils.set_random_seed(1)
    network = networks.NETWORKS[name](SIZE, 6)
    if name == "efficientnet_lite0":
        # Random weights fade to nothing in its linear bottlenecks; its own come as a package.
        networks.load_pretrained(network, name, None)
    kernel, bias = network.get_layer("head").get_weights()
    network.get_layer("head").set_weights([kernel * 10, bias])  # logits that differ enough to compare
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        core = convert(network)
        layers = {node.name for node in core.model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")}
        assert layers <= {layer.name for layer in network.layers}, "by these names they are left in float"
        quantizer = Quantizer(core.model, PICTURES, TARGETS["x86-vnni"])
        rounded = replace(core, model=quantizer.quantize("min-max", per_channel=True))
        lite = LiteConverter(network, head_of(network)).convert(None)
        contents: dict[str, tuple[bytes, runtimes.Format]] = {
            "fp32 ONNX": (graph.with_raw_outputs(core).SerializeToString(), "onnx"),
            "fp16 ONNX": (graph.with_raw_outputs(half_precision(core)).SerializeToString(), "onnx"),
            "int8 ONNX": (graph.with_raw_outputs(rounded).SerializeToString(), "onnx"),
            "fp32 TFLite": (lite, "tflite"),
            "int8 TFLite": (LiteQuantizer(PICTURES).int8(lite), "tflite"),
        }
    largest = max(1.0, float(np.abs(expected).max()))
    for label, (content, format) in contents.items():
        found = logits(content, format)
        if label.startswith("fp32"):
            np.testing.assert_allclose(found, expected, atol=1e-4 * largest, err_msg=label)
        else:
            assert likeness(found, expected) > (0.99 if label.startswith("fp16") else 0.8), label
        if label.startswith("int8"):
            assert len(content) < 0.4 * len(contents["fp32 ONNX"][0]), label
