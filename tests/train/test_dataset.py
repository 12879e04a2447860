from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

import bundle
from tests.paintings import write_paintings
from train.dataset import OTHER, PHOTOGRAPH, DatasetError, HoldOut, Part, assemble, relabel
from train.recipes import STYLES

REAL = [Path(folder) for folder in os.environ.get("DATA", "").split() if (Path(folder) / "artists.csv").exists()]


def made(folders: list[Path], hold_out: str = "", seed: int = 1, photographs: dict[Path, str] | None = None):
    catalogues = [bundle.read_catalogue([folder]) for folder in folders]
    return assemble(folders, catalogues, photographs or {}, STYLES, HoldOut.parse(hold_out), seed)


@pytest.mark.parametrize(
    ("genres", "label"),
    [
        pytest.param(("Cubism",), "Cubism", id="a single style is the label"),
        pytest.param(("Baroque",), OTHER, id="a single genre that is no style is none of them"),
        pytest.param(("Baroque", "Mannerism"), OTHER, id="so are several of which none is a style"),
        pytest.param(("Cubism", "Baroque"), None, id="several of which one is a style are neither"),
    ],
)
def test_relabel(genres: tuple[str, ...], label: str | None) -> None:
    assert relabel(genres, STYLES) == label


def test_the_published_split_is_seeded_and_does_not_depend_on_names(tmp_path: Path) -> None:
    one = made([write_paintings(tmp_path / "a", 20)])
    parts = {example.sha256: example.part for example in one.examples}
    for path in (tmp_path / "a" / "images" / "images").rglob("*.png"):
        path.rename(path.with_name("renamed_" + path.name[::-1].removeprefix("gnp.") + ".png"))
    again = made([tmp_path / "a"])
    assert {example.sha256: example.part for example in again.examples} == parts
    other = made([tmp_path / "a"], seed=2)
    assert {example.sha256: example.part for example in other.examples} != parts
    counts = Counter((example.label, example.part) for example in one.examples)
    assert [counts[STYLES[0], part] for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)] == [16, 2, 2]
    assert counts[OTHER, Part.TEST] == 0


def test_an_artist_who_is_not_split_by_picture_is_in_one_part(tmp_path: Path) -> None:
    dataset = made([write_paintings(tmp_path / "a")])
    parts = {example.artist: set() for example in dataset.examples if not example.published}
    for example in dataset.examples:
        if not example.published:
            parts[example.artist].add(example.part)
    assert all(len(of) == 1 for of in parts.values())
    assert {Part.TRAIN, Part.VALIDATION} <= {part for of in parts.values() for part in of}


def test_an_artist_of_two_styles_is_left_out(tmp_path: Path) -> None:
    assert "Two Styles" not in {example.artist for example in made([write_paintings(tmp_path / "a")]).examples}


def test_hold_out_groups_are_disjoint_and_cover_everyone(tmp_path: Path) -> None:
    folder = write_paintings(tmp_path / "a")
    groups = [
        {example.artist for example in made([folder], f"{k}/2").examples if example.part is Part.UNSEEN} for k in (1, 2)
    ]
    assert not groups[0] & groups[1]
    assert groups[0] | groups[1] == {f"Stranger {number}" for number in range(4)}


def test_named_artists_are_held_out_whole(tmp_path: Path) -> None:
    dataset = made([write_paintings(tmp_path / "a")], "Painter Cubism, Stranger 1")
    unseen = {example.artist for example in dataset.examples if example.part is Part.UNSEEN}
    assert unseen == {"Painter Cubism", "Stranger 1"}
    assert {e.part for e in dataset.examples if e.artist in unseen} == {Part.UNSEEN}


def test_photographs_are_split_by_content(tmp_path: Path) -> None:
    contents = {tmp_path / f"{share}.jpg": f"{share}" * 64 for share in "048c"}
    dataset = made([write_paintings(tmp_path / "a")], photographs=contents)
    parts = {e.sha256[0]: e.part for e in dataset.examples if e.label == PHOTOGRAPH}
    assert parts == {"0": Part.TRAIN, "4": Part.TRAIN, "8": Part.VALIDATION, "c": Part.UNSEEN}


@pytest.mark.parametrize("hold_out", ["0/4", "5/4", "1/1", "Nobody"])
def test_a_hold_out_that_makes_no_sense_is_refused(tmp_path: Path, hold_out: str) -> None:
    with pytest.raises(DatasetError, match="hold-out-artists"):
        made([write_paintings(tmp_path / "a", 4)], hold_out)


@pytest.mark.skipif(not REAL, reason="real paintings: DATA names no folder with them")
def test_the_published_set_has_the_published_test_counts() -> None:
    dataset = made(REAL[:1], seed=2021)
    counts = Counter(example.label for example in dataset.examples if example.part is Part.TEST)
    assert [counts[style] for style in STYLES] == [137, 44, 19, 18, 10, 2]
