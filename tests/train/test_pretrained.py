"""``--weights FILE`` through the command line: a network that starts from a file of ImageNet weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.paintings import write_paintings  # noqa: E402
from train import networks  # noqa: E402

# Of Keras, where it saves weights that TensorFlow holds.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

ROOT = Path(__file__).parents[2]
CLOSED = "http://127.0.0.1:9"


def train(home: Path, recipe: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """One epoch on the paintings of `home`, in a process that can download nothing."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), CLOSED)
    command = ["--recipe", recipe, "--data", home / "paintings", "--runs", home / "runs", "--epochs", 1, *arguments]
    return subprocess.run(
        [sys.executable, "-m", "train", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **proxies, "no_proxy": "", "NO_PROXY": "", "KERAS_HOME": str(home / "keras")},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_paintings(home / "paintings", each=3)
    return home


def weights_of(run: Path) -> dict[str, list[np.ndarray]]:
    """By layer."""
    network = networks.keras_resnet50(200, 6)
    network.load_weights(run / "weights.weights.h5")
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def changed(before: dict[str, list[np.ndarray]], after: dict[str, list[np.ndarray]]) -> set[str]:
    return {name for name in before if not all(map(np.array_equal, before[name], after[name]))}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_resnet50_from_a_file_gets_a_head_and_then_its_last_stage_is_tuned(home: Path) -> None:
    published = keras.applications.ResNet50(include_top=False, weights=None)
    published.save_weights(home / "resnet50.weights.h5")
    done = train(home, "resnet50_pretrained", "--weights", home / "resnet50.weights.h5")
    assert done.returncode == 0, done.stderr
    probed = weights_of(home / "runs" / "resnet50_pretrained")
    kernel, bias = probed.pop("head")
    file = {layer.name: layer.get_weights() for layer in published.layers if layer.weights}
    assert probed.keys() == file.keys()
    assert changed(probed, file) == set()
    assert np.abs(bias).max() > 0  # it was initialised with zeros

    done = train(home, "resnet50_fine_tuned")
    assert done.returncode == 0, done.stderr
    tuned = weights_of(home / "runs" / "resnet50_fine_tuned")
    stage = {name for name in file if name.startswith("conv5_") and name.endswith("_conv")}
    assert changed(probed | {"head": [kernel, bias]}, tuned) == stage | {"head"}
    # It went on from the head of the first run, which so slow a rate hardly moves; a new one would be unlike it.
    assert np.corrcoef(tuned["head"][0].ravel(), kernel.ravel())[0, 1] > 0.9


def test_without_file_and_network_both_ways_out_are_named(home: Path) -> None:
    done = train(home, "resnet50_pretrained", "--name", "nothing")
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert "Connect this machine to the network" in line
    assert "--weights FILE" in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", ["text", "weights of another network"])
def test_a_file_that_holds_other_weights_is_refused(home: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.weights.h5"
    if content == "text":
        file.write_text(content)
    else:
        networks.cnn(64, 6).save_weights(file)
    done = train(home, "resnet50_pretrained", "--weights", file, "--name", content)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert f"--weights {file}: not the weights of keras.applications.ResNet50 without its top" in line
    assert "Traceback" not in done.stderr
