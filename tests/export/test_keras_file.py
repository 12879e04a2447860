"""The network as a file that plain Keras loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import bundle  # noqa: E402
from bundle import runtimes  # noqa: E402
from export import graph  # noqa: E402
from export.gates import check_interface, check_values  # noqa: E402
from export.keras_file import keras_file  # noqa: E402
from export.loading import load  # noqa: E402
from export.network import convert, head_of  # noqa: E402
from tests.commands import run  # noqa: E402
from train.calibration import ENERGY, MAXIMUM_LOGIT, MAXIMUM_SOFTMAX, ODDS, Calibration  # noqa: E402
from train.networks import merged  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SIZE, STYLES = 16, 3
PICTURES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
# As a program does that has nothing of ours: from the file alone, in a folder of its own.
ELSEWHERE = """\
import sys, keras, numpy
outputs = keras.models.load_model("model.keras").predict(numpy.load("pictures.npy"), verbose=0)
assert not {"train", "export", "bundle"} & set(sys.modules)
numpy.savez("outputs.npz", **outputs)
"""


def network(outputs: int, pooled: bool = True) -> keras.Model:
    keras.utils.set_random_seed(1)
    x = pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 255, name="scaling")(x)
    x = keras.layers.ReLU()(keras.layers.Conv2D(8, 3, 2)(x))
    if pooled:
        x = keras.layers.Identity(name="embedding")(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    else:
        x = keras.layers.Dense(8, name="embedding")(keras.layers.Flatten()(x))
    made = keras.Model(pixels, keras.layers.Dense(outputs, name="head")(x))
    kernel, _ = made.get_layer("head").get_weights()
    made.get_layer("head").set_weights([kernel * 5, np.linspace(-1, 1, outputs, dtype=np.float32)])
    return made


@pytest.mark.parametrize(
    ("made", "score"),
    [
        *(pytest.param(lambda: network(STYLES + 1), score, id=score) for score in (ODDS, ENERGY, MAXIMUM_LOGIT)),
        pytest.param(lambda: network(STYLES), MAXIMUM_SOFTMAX, id="no output for none of the styles"),
        pytest.param(lambda: merged(network(6), (0, 0, 1, 2, 2, 3)), ODDS, id="several outputs a class"),
        pytest.param(lambda: network(STYLES + 1, pooled=False), ODDS, id="no map"),
    ],
)
def test_it_answers_as_the_onnx_file(made: Callable[[], keras.Model], score: str) -> None:
    net = made()
    calibration = Calibration(STYLES, 1.7, 0.8, -0.3, 0.5, score)
    head = head_of(net, embedding=4)
    model = load(keras_file(net, head, calibration), "keras")
    check_interface(model, "keras", SIZE, STYLES, head.pooled)
    found = runtimes.run_in_batches(model, PICTURES, model.interface.outputs, batch=2)
    check_values(found, head.evidence_bias(STYLES))
    theirs = load(graph.with_named_outputs(convert(net, 4), calibration).SerializeToString(), "onnx")
    expected = theirs.run(PICTURES, theirs.interface.outputs)
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)


def test_without_a_calibration_it_gives_all_logits() -> None:
    net = network(STYLES + 1)
    found = load(keras_file(net, head_of(net), None), "keras").run(PICTURES, ["outputs"])["outputs"]
    np.testing.assert_allclose(found, net.predict(PICTURES.astype(np.float32), verbose=0), atol=1e-5)


def test_a_broken_file_is_refused_in_one_line() -> None:
    with pytest.raises(runtimes.CannotLoad, match="keras file does not load") as refusal:
        load(b"no archive", "keras")
    assert len(str(refusal.value).splitlines()) == 1


def test_the_kiosks_rooms_do_not_run_it() -> None:
    with pytest.raises(runtimes.CannotLoad, match="not run here"):
        runtimes.load(b"", "keras")


@pytest.mark.slow
def test_a_bundle_holds_one_where_it_is_asked_for(cnn_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "cnn"
    done = run("export", cnn_run, "--out", target, "--formats", "keras", "--calibration-pictures", 16)
    assert done.returncode == 0, done.stderr
    loaded = bundle.load(target)
    (file,) = loaded.files
    assert (file.path, file.format, file.precision) == ("model.fp32.keras", "keras", "fp32")
    assert file.parity["logits_max_difference"] < 1e-4 and file.parity["top1_agreement"] == 1
    assert file.operators["Conv2D"] == 4 and file.reference is not None
    done = run("export", "verify", target)
    assert done.returncode == 0 and "model.fp32.keras: right" in done.stdout, done.stderr

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "model.keras").write_bytes(loaded.contents[file.path])
    size = loaded.manifest.input_size
    pictures = np.random.default_rng(1).integers(0, 256, (3, size, size, 3), np.uint8)
    np.save(elsewhere / "pictures.npy", pictures)
    subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=elsewhere, check=True, capture_output=True)
    outputs = np.load(elsewhere / "outputs.npz")
    assert set(outputs) == set(bundle.OUTPUTS) - {"evidence"}  # the published CNN has a flattening head
    ours = load(loaded.contents[file.path], "keras").run(pictures, ["known"])
    np.testing.assert_allclose(outputs["known"], ours["known"], atol=1e-5)


def test_two_exports_are_the_same() -> None:
    def content() -> bytes:
        keras.backend.clear_session()  # as in another process, where layers without a name are numbered anew
        net = merged(network(6), (0, 0, 1, 2, 2, 3))
        return keras_file(net, head_of(net), Calibration(STYLES, 1.7, 0.8, -0.3, 0.5, ODDS))

    assert content() == content()
