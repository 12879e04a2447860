"""The profile by operator: all nodes are in it, and the shares are of their sum."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import profile


def test_time_is_told_by_operator(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = min(bundle_folder.glob("*.onnx"))
    assert profile.main([str(bundle_folder), file.name, "--runs", "5", "--top", "2"]) == 0
    told = capsys.readouterr().out
    found = profile.nodes(file.read_bytes(), threads=1, runs=5)
    assert {node.operator for node in found} <= set(re.findall(r"\w+", told))
    assert all(node.median_us >= 0 for node in found)
    shares = [float(share) for share in re.findall(r"([\d.]+)%", told.split("node")[1])]
    assert sum(shares) == pytest.approx(100, abs=1)
