from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bundle.manifest import Manifest, ManifestError
from bundle.reference import TOLERANCE, Reference, reference_pictures
from tests.stand_in import write_bundle

PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.4, 0.36, 0.24]], np.float32)
KNOWN = np.array([0.9, 0.2], np.float32)
STORED = Reference.of(PROBABILITIES, KNOWN)


def shifted(*shift: list[float]) -> np.ndarray:
    return np.add(PROBABILITIES, shift)


@pytest.mark.parametrize(
    ("size", "sha256"),
    [
        (32, "ee42950f510c304c7c1d016a7fefc5c9791018496ec73cf478e5cd8e81af5a07"),
        (200, "fc991563b0de27f33429baa1dc900a8ca2ec277dc9f4676feecc38456563e118"),
        (256, "8cc91724c55d69311d1d6c7dd4e1022bbafcdbcba3570aa6283673fc57d5aac2"),
    ],
)
def test_the_pictures_are_the_same_for_ever(size: int, sha256: str) -> None:
    """The answers that are stored in bundles belong to these very pixels."""
    pictures = reference_pictures(size)
    assert (pictures.shape, pictures.dtype) == ((4, size, size, 3), np.uint8)
    assert hashlib.sha256(pictures.tobytes()).hexdigest() == sha256


@pytest.mark.parametrize("size", [32, 224, 1024])
def test_the_pictures_are_varied(size: int) -> None:
    for picture in reference_pictures(size):
        assert len(np.unique(picture.astype(np.int64) @ [65_536, 256, 1])) >= 6
        assert picture.std() > 20


@pytest.mark.parametrize(
    ("probabilities", "known", "reason"),
    [
        pytest.param(PROBABILITIES, KNOWN, None, id="the same"),
        pytest.param(shifted([-0.04, 0.04, 0]), KNOWN + 0.04, None, id="a little different"),
        pytest.param(shifted([0, 0, 0], [-0.03, 0.03, 0]), KNOWN, None, id="two that were even, exchanged"),
        pytest.param(shifted([-0.06, 0.06, 0]), KNOWN, "differs by 0.060", id="too different"),
        pytest.param(PROBABILITIES, np.add(KNOWN, [0, 0.3]), "differs by 0.300", id="known too different"),
        pytest.param(PROBABILITIES[:, ::-1], KNOWN, "differs by 0.700", id="styles in another order"),
        pytest.param(PROBABILITIES * np.nan, KNOWN, "NaN", id="no numbers"),
        pytest.param(PROBABILITIES, KNOWN * np.inf, "infinity", id="infinite ones"),
        pytest.param(PROBABILITIES[:1], KNOWN[:1], "shapes", id="a picture less"),
        pytest.param(PROBABILITIES[:, :2], KNOWN, "shapes", id="a style less"),
        pytest.param(PROBABILITIES, KNOWN[:, None], "shapes", id="known in a column"),
    ],
)
def test_answers_are_compared(probabilities: np.ndarray, known: np.ndarray, reason: str | None) -> None:
    said = STORED.disagreement(probabilities, known)
    assert said == reason if reason is None else reason in (said or "")
    assert (STORED.difference(probabilities, known) <= TOLERANCE) is (said is None)


def test_another_style_is_a_disagreement_even_within_the_tolerance() -> None:
    """0.06 ahead, and then 0.03 behind: no probability is off by more than 0.045."""
    stored = Reference.of(np.array([[0.53, 0.47]]), np.array([0.5]))
    assert "another style" in (stored.disagreement(np.array([[0.485, 0.515]]), np.array([0.5])) or "")


def test_the_manifest_keeps_the_answers(tmp_path: Path) -> None:
    text = (write_bundle(tmp_path / "b") / "bundle.json").read_text()
    file = Manifest.from_json(text).files[0]
    assert file.reference is not None
    assert Manifest.from_json(Manifest.from_json(text).to_json()).files[0].reference == file.reference


def test_an_older_manifest_has_none(tmp_path: Path) -> None:
    manifest = Manifest.from_json((write_bundle(tmp_path / "b") / "bundle.json").read_text())
    older = manifest.model_dump(mode="json")
    del older["files"][0]["reference"]
    assert Manifest.model_validate(older).files[0].reference is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"known":[0.9,0.2]', '"known":[0.9]', id="one answer less"),
        pytest.param('"known":[0.9,0.2]', '"known":[0.9,7]', id="no probability"),
        pytest.param('"known":[0.9,0.2]', '"known":[0.9,NaN]', id="no number"),
        pytest.param("0.36,0.24]", "0.36]", id="a style less for one picture"),
    ],
)
def test_a_broken_reference_is_refused(tmp_path: Path, old: str, new: str) -> None:
    manifest = Manifest.from_json((write_bundle(tmp_path / "b") / "bundle.json").read_text())
    file = manifest.files[0].model_copy(update={"reference": STORED})
    text = manifest.model_copy(update={"files": (file,)}).model_dump_json()
    assert text.count(old) == 1
    with pytest.raises(ManifestError, match="reference"):
        Manifest.from_json(text.replace(old, new))
