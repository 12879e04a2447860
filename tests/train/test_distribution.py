"""Training in several processes."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.paintings import write_paintings
from train.distribution import Share

ROOT = Path(__file__).parents[2]


def start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "train", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_shares_of_all_processes_are_the_batch_in_order_filled_up_with_its_first_rows() -> None:
    batch = np.arange(10)
    shares = [Share(number, processes=2, devices=4).of(batch) for number in range(2)]
    assert [share.tolist() for share in shares] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 0, 1]]
    assert Share().of(batch) is batch


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"KERAS_BACKEND": "tensorflow", "KERAS_DISTRIBUTION_PROCESS_ID": "0"}, "set KERAS_BACKEND=jax"),
        pytest.param(
            {"KERAS_BACKEND": "jax", "KERAS_DISTRIBUTION_PROCESS_ID": "0"},
            "KERAS_DISTRIBUTION_NUM_PROCESSES",
            marks=pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed"),
        ),
    ],
)
def test_a_mistake_in_the_environment_is_one_line(environment: dict[str, str], says: str, tmp_path: Path) -> None:
    _, errors = (process := start(environment, "--recipe", "cnn", "--data", tmp_path)).communicate()
    assert process.returncode == 2
    assert says in errors and "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
def test_two_processes_train_what_one_would(tmp_path: Path) -> None:
    paintings = write_paintings(tmp_path / "paintings")
    arguments = ["--recipe", "cnn", "--data", paintings, "--epochs", 2]
    jax = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo"}
    alone = start(jax, *arguments, "--runs", tmp_path / "alone")
    assert alone.communicate() and alone.returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    jax |= {"KERAS_DISTRIBUTION_JOB_ADDRESSES": address, "KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}
    together = [
        start(jax | {"KERAS_DISTRIBUTION_PROCESS_ID": str(number)}, *arguments, "--runs", tmp_path / "together")
        for number in range(2)
    ]
    for process in together:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    logs = [
        np.loadtxt(folder / "cnn" / "log.csv", delimiter=",", skiprows=1)
        for folder in (tmp_path / "alone", tmp_path / "together", tmp_path / "together" / ".process-1")
    ]
    np.testing.assert_array_equal(logs[1], logs[2])
    np.testing.assert_allclose(logs[1][0], logs[0][0], rtol=1e-4)
