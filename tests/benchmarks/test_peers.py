"""What a user would take instead, made on this machine and kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peers import PeerError, Source
from benchmarks.runtimes import Model
from benchmarks.runtimes.litert import LiteRT
from benchmarks.runtimes.openvino import OpenVINO, read_model
from tests.stand_in import BLUE, GREEN, RED, SIZE, STYLES, encoded, painting

COLOURS = (RED, GREEN, BLUE)


@pytest.fixture(scope="module")
def source(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Of the stand-in, with a dozen paintings whose style is their colour."""
    folder = tmp_path_factory.mktemp("paintings")
    paintings = []
    for number in range(12):
        style = number % len(COLOURS)
        path = folder / f"{number}.png"
        path.write_bytes(encoded(painting(COLOURS[style], 64, 48, seed=number), "PNG"))
        paintings.append((path, style))
    return Source(bundle_folder / "model.fp32.onnx", STYLES, SIZE, tuple(paintings))


def shown() -> np.ndarray:
    return np.stack([painting(colour, SIZE, SIZE, seed=99) for colour in COLOURS])


def test_nncf_makes_a_file_once_that_answers_as_the_float_one(source: Source, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    said: list[str] = []
    path, made = peers.made("nncf", source, tmp_path, said.append)
    assert (made.format, made.precision, made.size, made.network) == ("openvino", "int8", SIZE, "")
    assert made.accuracy and "12 paintings" in made.note
    assert made.size_bytes == path.stat().st_size + path.with_suffix(".bin").stat().st_size
    (taken,) = read_model(path).inputs
    assert taken.element_type.get_type_name() == "u8"
    answers = OpenVINO().load(Model(path, made.format, made.precision, made.size, made.outputs), 1).predict(shown())
    assert set(answers) == {"probabilities", "known", "logits", "evidence", "embedding"}
    assert answers["probabilities"].argmax(axis=1).tolist() == [0, 1, 2]

    assert peers.made("nncf", source, tmp_path, said.append) == (path, made)
    assert len(said) == 1 and "NNCF" in said[0]
    assert [folder.name for folder in tmp_path.iterdir()] == [path.parent.name]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda source, _: replace(source, paintings=()), "name a folder of paintings", id="no paintings"),
        pytest.param(
            lambda source, folder: replace(source, paintings=((_broken(folder), 0),)), "picture", id="no picture"
        ),
        pytest.param(lambda source, folder: replace(source, fp32=folder / "gone"), "No such file", id="no file"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    source: Source, tmp_path: Path, change: Callable[[Source, Path], Source], reason: str
) -> None:
    pytest.importorskip("nncf")
    with pytest.raises(PeerError, match=reason) as refusal:
        peers.made("nncf", change(source, tmp_path), tmp_path / "cache", lambda _: None)
    assert len(str(refusal.value).splitlines()) == 1
    assert not list((tmp_path / "cache").glob("*")), "nothing is left of it"


def _broken(folder: Path) -> Path:
    path = folder / "broken.png"
    path.write_bytes(b"no picture")
    return path


def test_a_peer_whose_packages_are_missing_says_so(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.peers.installed_version", lambda package: None)
    with pytest.raises(PeerError, match=r"NNCF int8: not installed \(pip install nncf openvino\)"):
        peers.made("nncf", source, tmp_path, lambda _: None)


def test_a_name_that_is_no_peer_says_which_there_are(source: Source, tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="there are mobilenet, nncf"):
        peers.made("resnet", source, tmp_path, lambda _: None)


def test_a_process_that_dies_is_one_line(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nncf")
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\necho out of memory >&2\nexit 9\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pytest.raises(PeerError, match="ended with exit code 9: out of memory"):
        peers.made("nncf", source, tmp_path / "cache", lambda _: None)


@pytest.mark.parametrize(
    ("named", "expected"),
    [("/var/cache", "/var/cache/vernissage/peers"), ("", "/home/me/.cache/vernissage/peers"), ("here", None)],
)
def test_peers_are_kept_in_the_users_cache(named: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    monkeypatch.setenv("HOME", "/home/me")
    assert peers.default_cache() == Path(expected or "/home/me/.cache/vernissage/peers")


def test_paintings_are_taken_from_all_styles() -> None:
    paintings = tuple((Path(str(number)), number // 100) for number in range(600))
    taken = peers.evenly(paintings, 300)
    assert len(set(taken)) == 300 and {style for _, style in taken} == set(range(6))
    assert peers.evenly(paintings[:5], 300) == paintings[:5]
    assert peers.evenly((), 300) == ()


@pytest.mark.slow
def test_mobilenet_without_weights_is_for_latency_alone(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow")
    _keep_keras_offline(tmp_path, monkeypatch)
    said: list[str] = []
    for _ in range(2):  # and is made anew: perhaps the weights are there next time
        path, made = peers.made("mobilenet", source, tmp_path / "cache", said.append)
    assert len(said) == 2
    assert not made.accuracy and "random weights" in made.note
    assert 500_000 < path.stat().st_size == made.size_bytes < 1_000_000
    _check_mobilenet(path, made)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mobilenet_is_trained_on_the_paintings(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = pytest.importorskip("keras")
    h5py = pytest.importorskip("h5py")
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    models = _keep_keras_offline(tmp_path, monkeypatch)
    # In place of the published weights, in their format and under their name.
    keras.utils.set_random_seed(3)
    network = keras.applications.MobileNetV2((224, 224, 3), alpha=0.35, include_top=False, weights=None)
    with h5py.File(models / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5", "w") as file:
        save_weights_to_hdf5_group(file, network)
    path, made = peers.made("mobilenet", source, tmp_path / "cache", lambda _: None)
    assert made.accuracy and "trained on 10 paintings" in made.note
    _check_mobilenet(path, made)


def _keep_keras_offline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of Keras's own in `folder`, and no way out of the machine; gives where weights are kept."""
    models = folder / "keras" / "models"
    models.mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(models.parent))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return models


def _check_mobilenet(path: Path, made: peers.Made) -> None:
    assert (made.format, made.precision, made.size, made.outputs) == ("tflite", "int8", 224, ("probabilities",))
    assert "MobileNetV2 0.35" in made.network
    pictures = np.stack([painting(colour, made.size, made.size) for colour in COLOURS])
    loaded = LiteRT().load(Model(path, made.format, made.precision, made.size, made.outputs), 1)
    answers = loaded.predict(pictures)["probabilities"]
    assert answers.shape == (len(COLOURS), len(STYLES))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=0.03)
