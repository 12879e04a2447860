"""Training and export through their command lines, from drawn paintings to a bundle."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bundle
from kiosk.classifier import Classifier
from tests.paintings import write_paintings

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_paintings(tmp_path_factory.mktemp("data") / "paintings")


@pytest.fixture(scope="module")
def cnn_run(paintings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    done = run("train", "--recipe", "cnn", "--data", paintings, "--runs", runs, "--epochs", 3, "--seed", 1)
    assert done.returncode == 0, done.stderr
    return runs / "cnn"


def test_a_run_holds_all_that_it_promises(cnn_run: Path) -> None:
    names = {path.name for path in cnn_run.iterdir()}
    assert names >= {"run.json", "split.csv", "weights.weights.h5", "calibration.json", "metrics.json", "log.csv"}
    assert "checkpoint" not in names
    facts = json.loads((cnn_run / "run.json").read_text())
    assert facts["state"] == "finished"
    metrics = bundle.Metrics(**json.loads((cnn_run / "metrics.json").read_text())["network"])
    # A tenth of twelve pictures of each of six styles.
    assert metrics.published_test.accuracy.total == 6
    assert (cnn_run / "plots" / "confusion-published-test.png").stat().st_size > 5000
    assert len((cnn_run / "log.csv").read_text().splitlines()) == 1 + 3


def test_a_run_becomes_a_bundle_that_the_kiosk_classifies_with(cnn_run: Path, tmp_path: Path) -> None:
    done = run("export", cnn_run, "--out", tmp_path / "models" / "cnn", "--calibration-pictures", 24)
    assert done.returncode == 0, done.stderr
    loaded = bundle.load(tmp_path / "models" / "cnn")
    assert [file.precision for file in loaded.files] == ["fp32", "int8"]
    assert loaded.files[0].parity["logits_max_difference"] < 1e-3
    assert loaded.manifest.evidence is False  # the published CNN has a flattening head
    assert loaded.files[1].size_bytes < 0.3 * loaded.files[0].size_bytes
    assert "Limits" in (tmp_path / "models" / "cnn" / "MODEL_CARD.md").read_text()
    picture = bundle.read(next((cnn_run / "split.csv").parent.parent.rglob("*.png")))
    for precision in ("fp32", "int8"):
        classifier = Classifier(loaded, precision, threads=1)
        scores = classifier.classify(bundle.prepare(picture, loaded.manifest.input_size))
        assert scores.probabilities.sum() == pytest.approx(1, abs=1e-4)
        assert 0 <= scores.known <= 1


def test_a_failed_export_leaves_the_old_bundle(cnn_run: Path, tmp_path: Path) -> None:
    altered = shutil.copytree(cnn_run, tmp_path / "runs" / "cnn")
    with (altered / "weights.weights.h5").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    old = tmp_path / "models" / "cnn"
    old.mkdir(parents=True)
    (old / "bundle.json").write_text("the old one")
    done = run("export", altered, "--out", old)
    assert done.returncode == 2
    assert "altered since" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["cnn"]
    assert (old / "bundle.json").read_text() == "the old one"


def test_a_run_killed_within_an_epoch_ends_as_one_that_was_not(paintings: Path, cnn_run: Path, tmp_path: Path) -> None:
    command = ["train", "--recipe", "cnn", "--data", paintings, "--runs", tmp_path, "--epochs", "3", "--seed", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as first:
        assert first.stdout is not None
        said = b""
        # Its bar says so when one of the two batches of the second epoch is done.
        while not re.search(rb"Epoch 2/3.*1/2", said, re.DOTALL):
            assert first.poll() is None, "it ended before its second epoch"
            said += os.read(first.stdout.fileno(), 4096)
        first.kill()
    assert first.returncode == -signal.SIGKILL
    done = run(*command)
    assert done.returncode == 0, done.stderr
    # Three epochs in all, each logged once, whichever process did it.
    logged = [line.split(",")[0] for line in (tmp_path / "cnn" / "log.csv").read_text().splitlines()]
    assert logged == ["epoch", "0", "1", "2"]
    outputs = [np.load(folder / "outputs.npy") for folder in (tmp_path / "cnn", cnn_run)]
    np.testing.assert_allclose(*outputs, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["train", "--data", "nowhere"], "nowhere", id="no such folder"),
        pytest.param(["train"], "--data is missing", id="no data"),
        pytest.param(["train", "--recipe", "vgg"], "invalid choice", id="no such recipe"),
        pytest.param(
            ["train", "--recipe", "cnn", "--bagging", "2", "--data", "nowhere"],
            "weights trained from scratch cannot be averaged; not for cnn",
            id="bagging from scratch",
        ),
        pytest.param(
            ["train", "--recipe", "resnet50_fine_tuned", "--data", "nowhere"],
            "train it first (make train RECIPE=resnet50_pretrained)",
            id="no run to start from",
        ),
        pytest.param(["export", "nothing"], "no run nothing", id="no such run"),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = run(*arguments, *(["--runs", tmp_path] if arguments[0] == "train" else []))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_other_settings_do_not_continue_a_run(cnn_run: Path, paintings: Path) -> None:
    done = run("train", "--recipe", "cnn", "--data", paintings, "--runs", cnn_run.parent, "--epochs", 4, "--seed", 1)
    assert done.returncode == 2
    assert "another recipe" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "options"), [("kiosk", []), ("efficientnet_lite0", ["--epochs", 1])])
def test_a_transfer_recipe_goes_from_paintings_to_an_exact_evidence_map(
    recipe: str, options: list[object], paintings: Path, tmp_path: Path
) -> None:
    """That the map averages to the logits is a gate of the export."""
    done = run("train", "--recipe", recipe, "--data", paintings, "--runs", tmp_path / "runs", "--seed", 1, *options)
    assert done.returncode == 0, done.stderr
    done = run("export", recipe, "--runs", tmp_path / "runs", "--out", tmp_path / "m")
    assert done.returncode == 0, done.stderr
    loaded = bundle.load(tmp_path / "m")
    assert loaded.manifest.evidence is True
    assert loaded.file("int8").metrics.published_test.accuracy.rate == 1.0
