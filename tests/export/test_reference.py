from __future__ import annotations

import json
from pathlib import Path

import pytest

import bundle
from export import gates
from export.reference import add_to
from export.verification import verify
from tests.stand_in import write_bundle


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A bundle from before there were reference answers, and before there was `hold_outs`."""
    folder = write_bundle(tmp_path / "b", precisions=("int8", "fp32"))
    manifest = json.loads((folder / "bundle.json").read_text())
    del manifest["hold_outs"]
    for file in manifest["files"]:
        del file["reference"]
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def test_an_older_bundle_is_given_its_answers_and_nothing_else_changes(older: Path) -> None:
    before = json.loads((older / "bundle.json").read_text())
    assert add_to(older) == bundle.load(older).manifest
    after = json.loads((older / "bundle.json").read_text())
    for file in after["files"]:
        assert len(file.pop("reference")["known"]) == 4
    assert after == before
    assert sorted(path.name for path in older.iterdir()) == ["bundle.json", "model.fp32.onnx", "model.int8.onnx"]


def test_verify_compares_with_them(older: Path) -> None:
    add_to(older)
    manifest = json.loads((older / "bundle.json").read_text())
    manifest["files"][1]["reference"]["known"][0] = 0.0001
    (older / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(gates.ParityLost, match=r"model\.fp32\.onnx: computed on this machine, .* differs"):
        verify(older)
