"""Export through its command line: from a run to a bundle, and what stops it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import openvino
import pytest

import bundle
from bundle import runtimes
from kiosk.classifier import Classifier
from tests.commands import ROOT, run

FILES = [
    "model.fp32.onnx",
    "model.fp16.onnx",
    "model.int8.onnx",
    "model.fp32.tflite",
    "model.fp16.tflite",
    "model.dynamic.tflite",
    "model.int8.tflite",
]
QUICK = ("--calibration-pictures", 16)


@pytest.fixture(scope="module")
def exported(cnn_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the CNN; one for all tests, which leave it as it is."""
    target = tmp_path_factory.mktemp("models") / "cnn"
    done = run("export", cnn_run, "--out", target, *QUICK)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "cnn")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private key and its public one."""
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "private.pem", folder / "public.pem"
    make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private]
    subprocess.run(make, check=True)
    subprocess.run(["openssl", "ec", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def test_a_bundle_holds_every_format_with_its_figures(exported: Path) -> None:
    loaded = bundle.load(exported)
    assert [file.path for file in loaded.files] == FILES
    assert loaded.manifest.evidence is False  # the published CNN has a flattening head
    for file in loaded.files:
        assert file.parity["logits_max_difference"] < (1e-4 if file.precision == "fp32" else 5)
        assert file.metrics.published_test is not None
        assert sum(file.operators.values()) > 5
    assert loaded.file("int8").size_bytes < 0.3 * loaded.file("fp32").size_bytes
    assert loaded.file("int8").target == "x86-vnni"
    assert loaded.file("int8").quantization.reason
    assert "Limits" in (exported / "MODEL_CARD.md").read_text()
    assert (exported / "report.html").read_text().count("<svg") == 1
    assert {path.name for path in exported.iterdir()} == {*FILES, "bundle.json", "MODEL_CARD.md", "report.html"}


def test_every_file_answers_as_the_float_one(exported: Path, cnn_run: Path) -> None:
    loaded = bundle.load(exported)
    rows = (cnn_run / "split.csv").read_text().splitlines()[1::8]
    paths = [next(Path(cell) for cell in row.split(",") if cell.endswith((".png", ".jpg"))) for row in rows]
    size = loaded.manifest.input_size
    pictures = np.stack([bundle.prepare(bundle.read(path), size) for path in paths])
    answers = {}
    for file in loaded.files:
        model = runtimes.load(loaded.contents[file.path], file.format)
        answers[file.path] = runtimes.run_in_batches(model, pictures, ["probabilities"])["probabilities"]
    for path, probabilities in answers.items():
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
        assert (probabilities.argmax(1) == answers[FILES[0]].argmax(1)).mean() > 0.9, path


def test_the_kiosk_classifies_with_it(exported: Path) -> None:
    loaded = bundle.load(exported)
    size = loaded.manifest.input_size
    for precision in ("fp32", "int8"):
        scores = Classifier(loaded, precision, threads=1).classify(np.full((size, size, 3), 128, np.uint8))
        assert scores.probabilities.sum() == pytest.approx(1, abs=1e-4)
        assert 0 <= scores.known <= 1


@pytest.mark.slow  # half a minute
def test_the_benchmarks_measure_the_accuracy_that_the_manifest_claims(
    exported: Path, paintings: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    flags = ("--threads", 1, "--length", "quick", "--runtimes", "onnxruntime", "LiteRT", "--no-peers", "--no-kiosk")
    done = run("benchmarks", "run", exported, "--data", paintings, "--json", report, *flags)
    assert done.returncode == 0, done.stdout + done.stderr  # 1 where a claim is wrong
    measured = json.loads(report.read_text())["accuracy"]
    for file in bundle.load(exported).files:
        runtime = {"onnx": "onnxruntime CPU", "tflite": "LiteRT"}[file.format]
        found = measured[f"{file.path} | {runtime}"]["published_test"]["accuracy"]
        claimed = file.metrics.published_test.accuracy
        assert (found["correct"], found["total"]) == (claimed.correct, claimed.total), file.path


@pytest.mark.parametrize("name", ["model.fp32.onnx", "model.int8.onnx"])
def test_openvino_reads_the_files_as_they_are(exported: Path, name: str) -> None:
    manifest = bundle.load(exported).manifest
    picture = np.random.default_rng(1).integers(0, 256, (1, manifest.input_size, manifest.input_size, 3), np.uint8)
    model = openvino.Core().compile_model(exported / name, "CPU")
    theirs = model(picture)["probabilities"]
    ours = runtimes.load((exported / name).read_bytes(), "onnx").run(picture, ["probabilities"])["probabilities"]
    np.testing.assert_allclose(theirs, ours, atol=0.02)


@pytest.mark.slow
def test_two_exports_of_a_run_differ_in_nothing_but_what_the_manifest_names(
    exported: Path, cnn_run: Path, tmp_path: Path
) -> None:
    assert run("export", cnn_run, "--out", tmp_path / "cnn", *QUICK).returncode == 0
    first, second = (json.loads((folder / "bundle.json").read_text()) for folder in (exported, tmp_path / "cnn"))
    for field in first["varies"]:
        del first[field], second[field]
    assert first == second


@pytest.mark.slow
def test_for_all_targets_there_is_an_int8_file_each(cnn_run: Path, tmp_path: Path) -> None:
    done = run("export", cnn_run, "--out", tmp_path / "cnn", "--formats", "onnx", "--target", "all", *QUICK)
    assert done.returncode == 0, done.stderr
    made = {file.target: file for file in bundle.load(tmp_path / "cnn").files if file.precision == "int8"}
    assert set(made) == {"x86-vnni", "x86-avx2", "arm-dotprod", "cuda"}
    assert made["x86-avx2"].quantization.reduce_range
    assert made["arm-dotprod"].quantization.activations == "int8"
    # Those for Arm and for TensorRT may come out the same.
    assert len({file.sha256 for file in made.values()}) >= 3


@pytest.mark.slow
def test_training_for_int8_keeps_the_logits_near(exported: Path, cnn_run: Path, tmp_path: Path) -> None:
    done = run("export", cnn_run, "--out", tmp_path / "cnn", "--qat", 2, *QUICK)
    assert done.returncode == 0, done.stderr
    manifest = bundle.load(tmp_path / "cnn").manifest
    differences = {file.path: file.parity["logits_mean_difference"] for file in manifest.files}
    largest = manifest.files[0].parity["logits_max"]
    # The same weights and ranges, in two runtimes' arithmetic. Plain int8 is nearer still: its ranges are chosen
    # among several, and this network needs no more.
    for path in ("model.int8-qat.onnx", "model.int8-qat.tflite"):
        assert differences[path] < 0.005 * largest, path
    again = run("export", cnn_run, "--out", tmp_path / "again", "--qat", 2, *QUICK)
    assert again.returncode == 0, again.stderr
    assert [file.sha256 for file in bundle.load(tmp_path / "again").files] == [file.sha256 for file in manifest.files]


def test_the_best_resnet50_is_taken_where_none_is_named(cnn_run: Path) -> None:
    done = run("export", "--runs", cnn_run.parent)
    assert done.returncode == 2
    assert "no finished ResNet50 run to export" in done.stderr


def test_a_run_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run("export", "nothing", "--out", tmp_path / "models" / "cnn")
    assert done.returncode == 2
    assert "no run nothing" in done.stderr
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.slow
def test_files_can_be_left_out(cnn_run: Path, tmp_path: Path) -> None:
    left_out = ("model.fp16.onnx", "model.int8.onnx", "model.int8.tflite", "model.dynamic.tflite")
    done = run("export", cnn_run, "--out", tmp_path / "cnn", "--without", *left_out, *QUICK)
    assert done.returncode == 0, done.stderr
    made = [file.path for file in bundle.load(tmp_path / "cnn").files]
    assert made == [path for path in FILES if path not in left_out]
    for wrong in ("int8", "model.fp32.onnx"):
        assert run("export", cnn_run, "--out", tmp_path / "other", "--without", wrong).returncode == 2
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_no_bundle_is_not_replaced(cnn_run: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("a photograph")
    done = run("export", cnn_run, "--out", tmp_path)
    assert done.returncode == 2
    assert "holds something else than a bundle" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_an_export_that_is_stopped_leaves_nothing(cnn_run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "export", cnn_run, "--out", tmp_path / "models" / "cnn"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        written = tmp_path / "models" / ".cnn.new" / FILES[0]
        while not written.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 143
    assert b"stopped; nothing was published" in said
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_fills_up_is_one_line_and_leaves_the_old_bundle(cnn_run: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    try:
        (disk / "cnn").mkdir()
        (disk / "cnn" / "bundle.json").write_text("the old one")
        done = run("export", cnn_run, "--out", disk / "cnn", *QUICK)
        assert done.returncode == 2
        assert "No space left on device" in done.stderr and "nothing was published" in done.stderr
        assert f"MB free in {disk / 'cnn'}" in done.stderr
        assert "Traceback" not in done.stderr
        assert [path.relative_to(disk).as_posix() for path in sorted(disk.rglob("*"))] == ["cnn", "cnn/bundle.json"]
        assert (disk / "cnn" / "bundle.json").read_text() == "the old one"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_export_that_is_killed_is_cleared_away_by_the_next(cnn_run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "export", cnn_run, "--out", tmp_path / "models" / "cnn", *map(str, QUICK)]
    half_written = tmp_path / "models" / ".cnn.new"
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (half_written / FILES[0]).exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert [path.name for path in half_written.parent.iterdir()] == [".cnn.new"]
    done = run("export", cnn_run, "--out", tmp_path / "models" / "cnn", "--formats", "onnx", *QUICK)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in half_written.parent.iterdir()] == ["cnn"]


def test_a_run_without_test_pictures_is_refused(cnn_run: Path, tmp_path: Path) -> None:
    untested = shutil.copytree(cnn_run, tmp_path / "runs" / "cnn")
    rows = (untested / "split.csv").read_text().splitlines(keepends=True)
    (untested / "split.csv").write_text("".join(row for row in rows if ",test," not in row))
    done = run("export", untested, "--out", tmp_path / "models" / "cnn")
    assert done.returncode == 2
    assert "no test pictures" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "runs"]


def test_verify_passes_a_whole_bundle_and_names_what_is_wrong_with_a_broken_one(exported: Path, copy: Path) -> None:
    done = run("export", "verify", exported)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [*FILES, str(exported)]
    content = bytearray((copy / FILES[-1]).read_bytes())
    content[-1] ^= 1
    (copy / FILES[-1]).write_bytes(content)
    done = run("export", "verify", copy)
    assert done.returncode == 2
    assert "model.int8.tflite has another SHA-256" in done.stderr


def test_a_signed_bundle_is_held_to_its_last_byte(copy: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    unsigned = run("kiosk", "--bundle", copy, "--key", public, "--source", "demo", "--port", 0)
    assert unsigned.returncode == 2 and "not signed" in unsigned.stderr
    assert run("export", "sign", copy, "--key", private).returncode == 0
    # Signed again: the new signature takes the old one's place.
    assert run("export", "sign", copy, "--key", private).returncode == 0
    done = run("export", "verify", copy, "--key", public)
    assert done.returncode == 0, done.stderr
    assert "signed with the key" in done.stdout
    with (copy / "MODEL_CARD.md").open("a") as card:
        card.write("better than it is\n")
    for command in (["export", "verify", copy], ["kiosk", "--bundle", copy, "--source", "demo", "--port", 0]):
        done = run(*command, "--key", public)
        assert done.returncode == 2
        assert "signature does not hold" in done.stderr
        assert "Traceback" not in done.stderr
    assert run("export", "verify", copy, "--key", ROOT / "README.md").returncode == 2
