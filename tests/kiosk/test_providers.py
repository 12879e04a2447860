"""Which execution provider runs the network. GPUs are played by the CPU, with answers that a test spoils."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bundle
from kiosk import providers
from kiosk.classifier import Classifier, ClassifierError
from kiosk.settings import Settings
from kiosk.station import Station
from tests.scripted import showing
from tests.stand_in import GREEN, SIZE, STYLES, painting, until, write_bundle

TENSORRT, CUDA, CPU = "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"
Spoil = Callable[[str, Any], Any]


class Played:
    """A session of the CPU under another provider's name."""

    def __init__(self, session: providers.Session, provider: str, spoil: Spoil, takes_s: float) -> None:
        self._session, self._provider, self._spoil, self._takes_s = session, provider, spoil, takes_s

    def run(self, names: Sequence[str], feed: dict[str, Any]) -> list[Any]:
        time.sleep(self._takes_s)
        values = self._session.run(names, feed)
        return [self._spoil(name, value) for name, value in zip(names, values, strict=True)]

    def get_providers(self) -> list[str]:
        return [self._provider, CPU]

    def get_inputs(self) -> list[Any]:
        return self._session.get_inputs()

    def get_outputs(self) -> list[Any]:
        return self._session.get_outputs()


class Machine:
    """ONNX Runtime with the providers that a test gives it. Its CPU takes 5 ms, so that a GPU can be faster."""

    def __init__(self) -> None:
        self._real = providers.create_session
        self._played: dict[str, tuple[Spoil, float]] = {}
        self._failing: dict[str, str] = {}
        self.set(CPU, takes_s=0.005)

    @property
    def listed(self) -> list[str]:
        return [*self._played, *self._failing, "AzureExecutionProvider"]

    def set(self, provider: str, spoil: Spoil = lambda name, value: value, takes_s: float = 0.0) -> None:
        self._played[provider] = spoil, takes_s

    def fail(self, provider: str, reason: str) -> None:
        self._failing[provider] = reason

    def create_session(self, model: providers.Model, provider: str) -> providers.Session:
        if provider in self._failing:
            raise RuntimeError(self._failing[provider])
        return Played(self._real(model, CPU), provider, *self._played[provider])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine()
    monkeypatch.setattr("kiosk.providers.ort.get_available_providers", lambda: machine.listed)
    monkeypatch.setattr("kiosk.providers.create_session", machine.create_session)
    yield machine


def loaded(folder: Path) -> Classifier:
    classifier = Classifier(bundle.load(folder), "int8", threads=1)
    classifier.warm_up()
    return classifier


def without_reference(folder: Path) -> Path:
    """An older bundle."""
    return changed(folder, lambda file: file.pop("reference"))


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    manifest = json.loads((folder / "bundle.json").read_text())
    change(manifest["files"][0])
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def off_by(amount: float) -> Spoil:
    return lambda name, value: value + np.float32(amount) if name == "known" else value


def in_another_order(name: str, value: Any) -> Any:
    return value[:, ::-1] if name == "probabilities" else value


def without_numbers(name: str, value: Any) -> Any:
    return value * np.float32("nan")


@pytest.mark.parametrize("is_older", [False, True], ids=["stored answers", "an older bundle: the CPU's"])
@pytest.mark.parametrize(
    ("spoil", "used", "reason"),
    [
        pytest.param(off_by(0), "CUDA", "", id="one that computes the same"),
        pytest.param(off_by(-0.01), "CUDA", "", id="one that rounds otherwise"),
        pytest.param(off_by(-0.3), "CPU", "differs by 0.300 from the reference (at most 0.05)", id="another number"),
        pytest.param(in_another_order, "CPU", "differs by", id="another style"),
        pytest.param(without_numbers, "CPU", "NaN or infinity", id="no numbers"),
    ],
)
def test_a_provider_that_disagrees_is_not_used_and_the_log_says_so(
    tmp_path: Path,
    machine: Machine,
    caplog: pytest.LogCaptureFixture,
    is_older: bool,
    spoil: Spoil,
    used: str,
    reason: str,
) -> None:
    folder = write_bundle(tmp_path / "b")
    machine.set(CUDA, spoil)
    classifier = loaded(without_reference(folder) if is_older else folder)
    assert classifier.provider == used
    assert list(classifier.refused) == ([] if used == "CUDA" else ["CUDA"])
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == (used == "CPU")
    for line in warnings:
        assert line.startswith("CUDA is not used: ")
        assert reason in line
        assert "\n" not in line
    scores = classifier.classify(painting(GREEN, SIZE, SIZE))
    assert STYLES[int(scores.probabilities.argmax())] == "Cubism"


def test_the_first_by_preference_is_taken(bundle_folder: Path, machine: Machine) -> None:
    machine.set(CUDA)
    machine.set(TENSORRT)
    assert loaded(bundle_folder).provider == "Tensorrt"


def test_after_one_that_fails_comes_the_next(bundle_folder: Path, machine: Machine) -> None:
    where = "/onnxruntime_src/python/state.cc:729 void ort::Register(Options&, const Options&)"
    machine.fail(TENSORRT, f"{where} Please install TensorRT libraries.\nand a trace")
    machine.set(CUDA)
    classifier = loaded(bundle_folder)
    assert classifier.provider == "CUDA"
    assert classifier.refused == {"Tensorrt": "Please install TensorRT libraries."}


def test_one_that_is_slower_than_the_cpu_is_right_but_not_used(
    bundle_folder: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.set(CUDA, takes_s=0.03)
    classifier = loaded(bundle_folder)
    assert (classifier.provider, classifier.refused) == ("CPU", {})
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_session_that_runs_on_the_cpu_under_another_name_is_refused(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a CUDA package does on a machine without a GPU."""
    real = providers.create_session
    monkeypatch.setattr("kiosk.providers.ort.get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr("kiosk.providers.create_session", lambda model, provider: real(model, CPU))
    classifier = loaded(bundle_folder)
    assert classifier.provider == "CPU"
    assert "would run on CPU under its name" in classifier.refused["CUDA"]


def test_a_cpu_that_computes_wrongly_is_refused_with_the_way_out(tmp_path: Path, machine: Machine) -> None:
    folder = write_bundle(tmp_path / "b")
    machine.set(CPU, off_by(-0.3))
    with pytest.raises(ClassifierError, match=r"answers wrongly on this machine: .* 0\.300 .* --precision") as caught:
        loaded(folder)
    assert "\n" not in str(caught.value)


def test_a_gpu_that_computes_right_is_used_where_the_cpu_does_not(tmp_path: Path, machine: Machine) -> None:
    machine.set(CPU, off_by(-0.3), takes_s=0.005)
    machine.set(CUDA)
    assert loaded(write_bundle(tmp_path / "b")).provider == "CUDA"


def test_an_older_bundle_runs_on_the_cpu_compared_with_nothing(tmp_path: Path) -> None:
    classifier = loaded(without_reference(write_bundle(tmp_path / "b")))
    assert (classifier.provider, classifier.refused) == ("CPU", {})


@pytest.mark.parametrize("spoil", [in_another_order, without_numbers], ids=["another style", "no numbers"])
def test_the_kiosk_names_the_right_style_with_a_wrong_gpu(bundle_folder: Path, machine: Machine, spoil: Spoil) -> None:
    machine.set(CUDA, spoil)
    station = Station(bundle.load(bundle_folder), Settings(threads=1), showing(painting(GREEN)))
    station.open()
    try:
        station.load()
        until(lambda: station.state()["style"] == "Cubism")
        assert station.judge is not None
        assert station.judge.classifier.provider == "CPU"
    finally:
        station.close()


def test_the_real_cpu_agrees_with_the_export(bundle_folder: Path) -> None:
    verified = bundle.load(bundle_folder)
    file = verified.file("int8")
    model = providers.Model(verified.contents[file.path], file.sha256, SIZE, ("known",), 1, file.reference)
    trial = providers.try_all(model)[-1]
    assert (trial.name, trial.fault) == ("CPU", None)
    assert trial.difference is not None
    assert trial.difference < 1e-4
    assert 0 < trial.latency_ms < 1000
