"""Each library answers as onnxruntime does, to one picture and to several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, version_converter

import bundle
from benchmarks import runtimes
from benchmarks.runtimes import Model, Outputs, Runtime
from benchmarks.runtimes.keras import Keras
from benchmarks.runtimes.litert import LiteRT
from benchmarks.runtimes.openvino import OpenVINO
from benchmarks.runtimes.pytorch import PyTorch
from tests.stand_in import BLUE, GREEN, GREY, RED, SIZE, painting

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PICTURES = np.stack([painting(colour, SIZE, SIZE) for colour in (RED, GREEN, BLUE, GREY)])
STYLES = 3


@pytest.fixture(scope="module")
def stand_in(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The stand-in in the opset of an export: onnx2torch reads no later one."""
    path = tmp_path_factory.mktemp("stand-in") / "model.fp32.onnx"
    onnx.save(version_converter.convert_version(onnx.load(bundle_folder / path.name), 17), path)
    return Model(path, "onnx", "fp32", SIZE, bundle.OUTPUTS)


def onnxruntime() -> Runtime:
    return next(runtime for runtime in runtimes.all_runtimes() if runtime.name == "onnxruntime CPU")


def usable(runtime: Runtime) -> Runtime:
    if why := runtimes.missing(runtime):
        pytest.skip(f"{runtime.name}: {why}")
    return runtime


def check(runtime: Runtime, model: Model, expected: Outputs, tolerance: float, threads: int = 1) -> None:
    loaded = usable(runtime).load(model, threads)
    together = loaded.predict(PICTURES)
    one_by_one = runtimes.one_by_one([loaded.predict(picture[None]) for picture in PICTURES])
    for found in (together, one_by_one):
        assert set(found) == set(model.outputs)
        for name in model.outputs:
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(found[name], expected[name], atol=tolerance, err_msg=name)
    assert all(loaded.describe().values())


@pytest.mark.parametrize(
    ("runtime", "tolerance"),
    [
        pytest.param(onnxruntime(), 1e-4, id="onnxruntime"),
        # Its default arithmetic is the processor's quickest: bfloat16 where there is AMX.
        pytest.param(OpenVINO(), 0.03, id="OpenVINO"),
        pytest.param(PyTorch(compiled=False), 1e-3, id="PyTorch"),
        pytest.param(PyTorch(compiled=True), 1e-3, id="PyTorch compiled", marks=pytest.mark.slow),
    ],
)
def test_an_onnx_file_answers_alike(runtime: Runtime, tolerance: float, stand_in: Model) -> None:
    expected = onnxruntime().load(stand_in, runtimes.ALL_CORES).predict(PICTURES)
    check(runtime, stand_in, expected, tolerance)


@pytest.mark.parametrize("runtime", [OpenVINO(), PyTorch(compiled=False)], ids=lambda runtime: runtime.name)
def test_only_the_outputs_that_are_asked_for_are_given(runtime: Runtime, stand_in: Model) -> None:
    model = Model(stand_in.path, "onnx", "fp32", SIZE, ("known",))
    assert set(usable(runtime).load(model, 1).predict(PICTURES)) == {"known"}


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("runtime", [OpenVINO(), PyTorch(compiled=False)], ids=lambda runtime: runtime.name)
def test_a_log_sum_exp_is_along_its_own_axes(runtime: Runtime, keep: int, tmp_path: Path) -> None:
    """OpenVINO 2026.4 alone takes the sum of the whole batch (openvino #38238)."""
    shape: list[str | int] = ["batch", 1] if keep else ["batch"]
    nodes = [
        helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["colour"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceLogSumExp", ["colour"], ["known"], axes=[1], keepdims=keep),
    ]
    graph = helper.make_graph(
        nodes,
        "energy",
        [helper.make_tensor_value_info("input", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("known", TensorProto.FLOAT, shape)],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    model = Model(path, "onnx", "fp32", SIZE, ("known",))
    expected = onnxruntime().load(model, 1).predict(PICTURES)
    assert np.ptp(expected["known"]) > 50
    check(runtime, model, expected, tolerance=1)


@pytest.fixture(scope="module")
def network():  # type: ignore[no-untyped-def]
    """A small Keras network with two outputs by name."""
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    pixels = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="input")
    x = keras.layers.Rescaling(1 / 255)(keras.ops.cast(pixels, "float32"))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, 2, activation="relu")(x))
    logits = keras.layers.Dense(STYLES)(x)
    return keras.Model(pixels, {"probabilities": keras.ops.softmax(logits), "logits": logits})


@pytest.fixture(scope="module")
def expected(network) -> Outputs:  # type: ignore[no-untyped-def]
    answers: Outputs = network.predict(PICTURES, verbose=0)
    return answers


def test_a_keras_file_answers_alike(network, expected: Outputs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    network.save(tmp_path / "model.keras")
    model = Model(tmp_path / "model.keras", "keras", "fp32", SIZE, ("probabilities", "logits"))
    check(Keras(), model, expected, 1e-5)


@pytest.fixture(scope="module")
def lite(network, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """Makes TFLite files of the network: float, or uint8 from end to end as frigate's are; with names or without."""
    tf = pytest.importorskip("tensorflow")
    from tensorflow.lite.tools import flatbuffer_utils

    def make(outputs: tuple[str, ...], integer: bool = False, signature: bool = True) -> Path:
        folder = tmp_path_factory.mktemp("lite")
        kind = tf.float32 if integer else tf.uint8

        @tf.function(input_signature=[tf.TensorSpec([1, SIZE, SIZE, 3], kind, name="pixels")])  # type: ignore[untyped-decorator]
        def serve(pixels):  # type: ignore[no-untyped-def]
            answers = network(pixels, training=False)
            return {name: answers[name] for name in outputs}

        module = tf.Module()
        module.serve, module.weights = serve, [variable.value for variable in network.variables]
        tf.saved_model.save(module, str(folder / "saved"), signatures={"serving_default": serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
        if integer:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([p[None].astype(np.float32)] for p in PICTURES)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.uint8
        content = converter.convert()
        if not signature:
            read = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
            read.signatureDefs = None
            content = flatbuffer_utils.convert_object_to_bytearray(read)
        path = folder / "model.tflite"
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize(
    ("outputs", "integer", "signature", "tolerance"),
    [
        pytest.param(("probabilities", "logits"), False, True, 1e-5, id="float"),
        pytest.param(("probabilities",), True, True, 0.02, id="uint8"),
        pytest.param(("probabilities",), True, False, 0.02, id="uint8, no names"),
    ],
)
def test_a_tflite_file_answers_alike(  # type: ignore[no-untyped-def]
    lite, expected: Outputs, outputs: tuple[str, ...], integer: bool, signature: bool, tolerance: float
) -> None:
    path = lite(outputs, integer, signature)
    check(LiteRT(), Model(path, "tflite", "int8" if integer else "fp32", SIZE, outputs), expected, tolerance)


def test_a_library_that_is_not_installed_says_how_to_get_it() -> None:
    class Unheard(OpenVINO):
        packages = ("a-package-that-nobody-has",)

    assert runtimes.missing(Unheard()) == "not installed (pip install a-package-that-nobody-has)"


def test_every_runtime_has_a_name_of_its_own() -> None:
    names = [runtime.name for runtime in runtimes.all_runtimes()]
    assert len(set(names)) == len(names) > 5
