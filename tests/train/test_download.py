from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.stand_in import painting
from train import download
from train.download import KAGGLE_SET, PUBLISHED_STYLES, DownloadError, Shortfall, fetch, main, verify

REAL = [Path(folder) for folder in os.environ.get("DATA", "").split() if (Path(folder) / "artists.csv").exists()]

# As small as three artists of two styles, and one of none, can be.
STYLES = {"Cubism": 3, "Pop Art": 2}
ARTISTS = {"Cora Cubist": ("Cubism", 3), "Paul Popper": ("Pop Art", 2), "Bea Both": ('"Cubism,Baroque"', 2)}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of a published set."""
    monkeypatch.setattr(download, "PUBLISHED_STYLES", STYLES)
    lines = ["name,genre,paintings", *(f"{name},{genre},{count}" for name, (genre, count) in ARTISTS.items())]
    folder = tmp_path / "set"
    for seed, (name, (_, count)) in enumerate(ARTISTS.items()):
        pictures = folder / "images" / "images" / name.replace(" ", "_")
        pictures.mkdir(parents=True)
        for number in range(count):
            picture = painting((90, 90, 90), 32, 32, seed=10 * seed + number)
            Image.fromarray(picture).save(pictures / f"{number}.png")
    (folder / "artists.csv").write_text("\n".join(lines))
    return folder


def pictures_of(folder: Path, name: str) -> list[Path]:
    return sorted((folder / "images" / "images" / name).iterdir())


def a_picture_less(folder: Path) -> None:
    pictures_of(folder, "Cora_Cubist")[0].unlink()


def a_picture_cut_short(folder: Path) -> None:
    path = pictures_of(folder, "Cora_Cubist")[0]
    path.write_bytes(path.read_bytes()[:60])


def the_same_picture_twice(folder: Path) -> None:
    one, other, *_ = pictures_of(folder, "Cora_Cubist")
    one.write_bytes(other.read_bytes())


def a_picture_more(folder: Path) -> None:
    Image.fromarray(painting((9, 9, 90), 32, 32)).save(folder / "images" / "images" / "Cora_Cubist" / "more.png")


def an_artist_less(folder: Path) -> None:
    for path in pictures_of(folder, "Cora_Cubist"):
        path.unlink()


def test_the_whole_set_is_complete(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verification = verify(published)
    assert verification.complete
    assert verification.styles == STYLES
    assert main(["--folder", str(published)]) == 0
    assert "this is the published set: 3 artists, 7 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "difference", "says"),
    [
        pytest.param(a_picture_less, (2, 3), "1 missing", id="a picture less"),
        pytest.param(a_picture_cut_short, (2, 3), "1 missing", id="a picture cut short"),
        pytest.param(the_same_picture_twice, (2, 3), "1 missing", id="a content counts once"),
        pytest.param(a_picture_more, (4, 3), "1 too many", id="a picture more"),
        pytest.param(an_artist_less, (0, 3), "none is here", id="an artist without pictures"),
    ],
)
def test_a_style_that_differs_is_told(
    published: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    difference: tuple[int, int],
    says: str,
) -> None:
    change(published)
    verification = verify(published)
    assert verification.differing_artists == (Shortfall("Cora Cubist", *difference),)
    assert verification.differing_styles == (Shortfall("Cubism", *difference),)
    assert main(["--folder", str(published)]) == 1
    out = capsys.readouterr().out
    assert says in out
    assert "not the published set" in out


def test_a_reduced_copy_with_whole_styles_is_called_so(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures_of(published, "Bea_Both")[0].unlink()
    assert main(["--folder", str(published)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Bea Both │ 1 │ 2 │ 1 missing" in out
    assert "a reduced copy (6 of 7 pictures): the six styles are complete" in out


def test_without_announced_counts_there_is_no_telling(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (published / "artists.csv").read_text()
    (published / "artists.csv").write_text(text.replace("paintings", "remarks"))
    assert main(["--folder", str(published)]) == 1
    assert "no telling whether all are here" in " ".join(capsys.readouterr().out.split())


def test_what_is_left_out_is_listed(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (published / "images" / "images" / "Nobody [red]").mkdir()
    main(["--folder", str(published)])
    assert "Nobody [red]: artist is not in artists.csv" in " ".join(capsys.readouterr().out.split())


def test_the_set_is_fetched_and_verified(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def dataset_download(handle: str) -> str:
        asked.append(handle)
        return str(published)

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=dataset_download))
    assert main([]) == 0
    assert asked == [KAGGLE_SET] == ["ikarus777/best-artworks-of-all-time"]
    assert f'make train DATA="{published}"' in capsys.readouterr().out


def refuse(error: Exception) -> SimpleNamespace:
    def dataset_download(handle: str) -> str:
        raise error

    return SimpleNamespace(dataset_download=dataset_download)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        pytest.param(None, ["pip install kagglehub"], id="no kagglehub"),
        pytest.param(
            refuse(ConnectionError("Max retries exceeded")), ["Max retries", "KAGGLE_API_TOKEN"], id="no network"
        ),
        pytest.param(
            refuse(PermissionError("\n\n403 Client Error.\n\nYou don't have permission")),
            ["403 Client Error", "KAGGLE_API_TOKEN"],
            id="refused",
        ),
        pytest.param(refuse(OSError(28, "No space left on device")), ["No space left"], id="disk full"),
        pytest.param(refuse(ValueError()), ["ValueError"], id="an error without words"),
        pytest.param(refuse(RuntimeError("<html>" * 99)), ["RuntimeError"], id="an error of too many words"),
    ],
)
def test_nothing_fetched_is_one_line_with_the_ways_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: SimpleNamespace | None, says: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    with pytest.raises(DownloadError):
        fetch()
    assert main([]) == 2
    line = capsys.readouterr().err
    assert line.startswith("train download: ")
    assert line.count("\n") == 1
    assert len(line) < 700
    assert all(part in line for part in (*says, "DATA=FOLDER"))


def test_a_folder_in_another_layout_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "artists.csv" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(not REAL, reason="real paintings: DATA names no folder with them")
def test_the_published_styles_are_complete() -> None:
    verification = verify(REAL[0])
    assert verification.styles == PUBLISHED_STYLES
    assert verification.differing_styles == ()
