"""Training through its command line, on drawn paintings."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bundle
from tests.commands import ROOT, run


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
