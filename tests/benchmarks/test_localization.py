from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bundle
from benchmarks import localization
from benchmarks.__main__ import main
from benchmarks.localization import corner_error
from benchmarks.scenes import Painting
from bundle.picture import Pixels
from kiosk.locator import Candidate
from tests.benchmarks.conftest import Museum
from tests.stand_in import BLUE, GREEN, RED, painting

SCENES = 4


class Oracle:
    """Knows the truth of the scenes that the bench renders with this seed."""

    name = "classical"

    def __init__(self, hung: tuple[Painting, ...], move: float = 0.0, on_bare: bool = False) -> None:
        self._truth = {shown.picture.tobytes(): shown for _, _, shown in localization._scenes(hung, SCENES, seed=1)}
        self._move, self._on_bare = move, on_bare

    def locate(self, picture: Pixels) -> list[Candidate]:
        shown = self._truth[picture.tobytes()]
        far = Candidate(np.array([[0, 0], [40, 0], [40, 40], [0, 40]], np.float32), 1.0)
        if shown.nearest is None:
            return [far] if self._on_bare else []
        found = [Candidate(quad + np.float32(self._move), 0.5) for quad in shown.canvases]
        return [far, *found]


@pytest.fixture(scope="module")
def hung() -> tuple[Painting, ...]:
    return tuple(
        Painting(painting(colour, 128, 128, seed=label), label) for label, colour in enumerate((RED, GREEN, BLUE))
    )


@pytest.mark.parametrize(
    ("sentence", "move", "on_bare", "found", "silent"),
    [
        ("the truth itself is found in every scene, though something else has the higher score", 0, False, 1.0, 1.0),
        ("what lies far from it is not", 150, False, 0.0, 1.0),
        ("what is reported on a bare wall is counted", 0, True, 1.0, 0.0),
    ],
)
def test_scenes_are_counted(
    bundle_folder: Path,
    hung: tuple[Painting, ...],
    sentence: str,
    move: float,
    on_bare: bool,
    found: float,
    silent: float,
) -> None:
    tried = Oracle(hung, move, on_bare)
    (figures,), accuracy, file = localization.measure(bundle.load(bundle_folder), [tried], hung, SCENES, 1)
    for of in (figures.plain, figures.hard):
        assert (of.found.value, of.missed.value, of.scenes) == (found, 0.0, SCENES), sentence
        assert of.by_attribute and all(part.total <= SCENES for part in of.by_attribute.values())
    assert figures.bare.silent.value == silent
    assert 0 < figures.locate_p50_ms <= figures.locate_p99_ms
    assert file == "model.int8.onnx"
    assert accuracy["both"].cut_out.total == 2 * SCENES
    if not move:
        assert figures.plain.iou_median == pytest.approx(1, abs=1e-4)
        assert figures.plain.corner_error_p90 == pytest.approx(0, abs=1e-3)
        located = accuracy["both"].located["classical"]
        assert located == accuracy["both"].true_corners, "rectified by the same corners"


def test_a_locator_that_finds_nothing_is_judged_by_the_centre_square(
    bundle_folder: Path, hung: tuple[Painting, ...]
) -> None:
    class Blind:
        name = "blind"

        def locate(self, picture: Pixels) -> list[Candidate]:
            return []

    (figures,), accuracy, _ = localization.measure(bundle.load(bundle_folder), [Blind()], hung, SCENES, 1)
    assert (figures.plain.missed.value, figures.plain.iou_median) == (1.0, 0.0)
    assert figures.plain.corner_error_median is None
    assert accuracy["both"].located["blind"] == accuracy["both"].centre_square
    assert accuracy["both"].cut_out.value == 1.0, "the stand-in knows flat colours"


SQUARE = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)


@pytest.mark.parametrize(
    ("sentence", "found", "expected"),
    [
        ("no error", SQUARE, 0.0),
        ("one corner 3 pixels to the right and 4 down", np.array([[3, 4], [100, 0], [100, 100], [0, 100]]), 0.05),
        ("the same corners, begun elsewhere", np.roll(SQUARE, 1, axis=0), 0.0),
    ],
)
def test_corner_error_is_the_largest_distance(sentence: str, found: np.ndarray, expected: float) -> None:
    assert corner_error(SQUARE, found.astype(np.float32)) == pytest.approx(expected), sentence


def report_of(tmp_path: Path, *arguments: object) -> tuple[int, dict[str, Any]]:
    target = tmp_path / "locate.json"
    code = main(["locate", *map(str, arguments), "--json", str(target), "--scenes", "2", "--locator", "classical"])
    return code, json.loads(target.read_text()) if target.is_file() else {}


def test_the_command_hangs_test_pictures_alone(
    make_bundle: Any, museum: Museum, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = report_of(tmp_path, make_bundle(), "--data", museum.data, "--show", tmp_path / "wrong")
    assert code == 0
    assert report["paintings"]["which"] == "published test pictures"
    assert (report["paintings"]["paintings"], report["paintings"]["labelled"]) == (2, 2)
    assert report["locators"][0]["plain"]["scenes"] == 2
    assert report["accuracy"]["plain"]["cut_out"]["total"] == 2
    out = capsys.readouterr().out
    assert "bar" in out and "rectified by the true corners" in out and "locate.json" in out


def test_without_folders_canvases_are_drawn(
    make_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(localization, "_DRAWN", 4)
    code, report = report_of(tmp_path, make_bundle())
    assert code == 0
    assert report["paintings"] | {"folders": ()} == {
        "folders": (),
        "paintings": 4,
        "labelled": 0,
        "which": "drawn by the bench",
    }
    assert report["accuracy"] == {}
    assert "No accuracy" in capsys.readouterr().out


def test_where_no_test_picture_is_found_strangers_hang(make_bundle: Any, museum: Museum) -> None:
    manifest = bundle.load(make_bundle(dataset={
        "fingerprint": "0" * 64, "pictures": {}, "artists": ["Tina Trained"], "test_sha256": []
    })).manifest  # fmt: skip
    hung, facts = localization.paintings([museum.data], manifest, 1, False)
    assert facts.which == "paintings by artists not trained on" and len(hung) == 6
    _, facts = localization.paintings([museum.data], manifest, 1, True)
    assert facts.paintings > 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no bundle here"),
        (["BUNDLE", "--locator", "network"], "has no locator network"),
        (["BUNDLE", "--show", str(Path(__file__).parent / "pictures")], "lies in the checkout"),
        (["BUNDLE", "--data", "nowhere"], "artists.csv"),
        (["BUNDLE", "--scenes", "0"], "not a whole number"),
    ],
)
def test_bad_input_is_one_line(
    make_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    folder = str(make_bundle())
    target = tmp_path / "locate.json"
    given = [folder if argument == "BUNDLE" else argument for argument in arguments]
    if "--scenes" not in given:
        given += ["--scenes", "1"]
    try:
        code = main(["locate", *given, "--json", str(target)])
    except SystemExit as stop:
        code = int(stop.code or 0)
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2 and line.startswith("benchmarks:") and words in line
    assert not target.exists()


def test_conditions_are_in_the_name_of_the_file(
    make_bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(localization, "_DRAWN", 2)
    folder = make_bundle()
    monkeypatch.chdir(tmp_path)
    assert main(["locate", str(folder), "--scenes", "1", "--seed", "5", "--locator", "classical"]) == 0
    (path,) = (tmp_path / "reports").iterdir()
    assert path.name.startswith("locate-stand_in-classical-drawn-1x3-seed5-")
    assert math.isfinite(json.loads(path.read_text())["locators"][0]["locate_p50_ms"])
