"""The libraries that we stand on tell nobody that they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT


@pytest.mark.parametrize(
    "module",
    ["bundle.runtimes", "kiosk.providers", "kiosk.locator.network", "export.network", "benchmarks.machine"],
)
def test_onnx_runtime_leaves_nothing_in_the_home_of_its_user(module: str, tmp_path: Path, bundle_folder: Path) -> None:
    """It would write an identifier and a queue there, and send them. In CI it stays quiet by itself, so nothing of the
    environment goes along but the path."""
    code = (
        f"import {module}, onnxruntime;"
        f"onnxruntime.InferenceSession({str(bundle_folder / 'model.int8.onnx')!r}, providers=['CPUExecutionProvider'])"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "onnxruntime" in str(path)]
