"""The profile by operator: all nodes are in it, and the shares are of their sum."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import profile
from benchmarks.__main__ import main


def test_time_is_told_by_operator(make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_bundle()
    assert main(["profile", str(folder), "--runs", "5", "--top", "2"]) == 0
    told = capsys.readouterr().out
    found = profile.nodes((folder / "model.int8.onnx").read_bytes(), threads=1, runs=5)
    assert {node.operator for node in found} <= set(re.findall(r"\w+", told))
    assert all(node.median_us >= 0 for node in found)
    shares = [float(share) for share in re.findall(r"([\d.]+)%", told.split("The nodes")[0])]
    assert sum(shares) == pytest.approx(100, abs=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--file", "model.fp32.onnx"], "no ONNX file model.fp32.onnx (it holds model.int8.onnx)"),
        (["--runs", "0"], "not a whole number"),
    ],
)
def test_bad_input_is_one_line(
    make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    try:
        code = main(["profile", str(make_bundle()), *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2 and words in line
