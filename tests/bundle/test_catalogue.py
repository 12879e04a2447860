from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bundle
from tests.paintings import write_paintings
from tests.stand_in import encoded, painting


def test_every_painting_is_read_with_its_artist_and_genres(tmp_path: Path) -> None:
    catalogue = bundle.read_catalogue([write_paintings(tmp_path / "p", each=2)])
    assert len(catalogue.paintings) == 11 * 2
    assert catalogue.skipped == ()
    two = next(painting for painting in catalogue.paintings if painting.artist == "Two Styles")
    assert two.genres == ("Cubism", "Baroque")


def test_a_semicolon_csv_is_read(tmp_path: Path) -> None:
    assert len(bundle.read_catalogue([write_paintings(tmp_path / "p", 1, ";")]).paintings) == 11


def test_what_cannot_be_used_is_skipped_with_its_reason(tmp_path: Path) -> None:
    folder = write_paintings(tmp_path / "p", each=2)
    images = folder / "images" / "images"
    first = images / "Painter_Cubism" / "Painter_Cubism_0.png"
    (images / "Painter_Cubism" / "copy.png").write_bytes(first.read_bytes())
    (images / "Painter_Cubism" / "text.jpg").write_text("not a picture")
    (images / "Painter_Cubism" / "short.png").write_bytes(first.read_bytes()[:200])
    (images / "Nobody_Knows").mkdir()
    (images / "Painter_Pop_Art" / "notes.txt").write_text("left alone: no picture's name")
    Image.new("CMYK", (9, 9)).save(images / "Painter_Cubism" / "print.jpg")
    catalogue = bundle.read_catalogue([folder])
    reasons = {skipped.path.name: skipped.reason for skipped in catalogue.skipped}
    assert set(reasons) == {"copy.png", "text.jpg", "short.png", "Nobody_Knows"}
    assert "same content as Painter_Cubism_0.png" in reasons["copy.png"]
    assert "not in artists.csv" in reasons["Nobody_Knows"]
    assert len(catalogue.paintings) == 11 * 2 + 1


GREY = Image.new("L", (40, 30), 130)
FRAMES = [Image.new("P", (40, 30), shade) for shade in (1, 2, 3)]


def save_16_bit_colours(path: Path) -> None:
    # Pillow cannot write 16-bit colours; OpenCV does, in the order BGR.
    import cv2

    assert cv2.imwrite(str(path), np.full((30, 40, 3), (30 * 257, 90 * 257, 200 * 257), np.uint16))


@pytest.mark.parametrize(
    ("name", "save", "middle"),
    [
        pytest.param("a.jpg", Image.new("CMYK", (40, 30), (0, 255, 255, 0)).save, (254, 0, 0), id="CMYK"),
        pytest.param(
            "a.png", Image.fromarray(np.full((30, 40), 257 * 130, np.uint16)).save, (130,) * 3, id="16-bit grey"
        ),
        pytest.param("a.png", save_16_bit_colours, (200, 90, 30), id="16-bit colours"),
        pytest.param("a.tif", GREY.save, (130,) * 3, id="TIFF"),
        pytest.param("a.JPEG", GREY.save, (130,) * 3, id="upper-case suffix"),
        pytest.param("a.jpg", lambda path: GREY.save(path, "PNG"), (130,) * 3, id="PNG that is called JPEG"),
    ],
)
def test_odd_pictures_are_read(
    tmp_path: Path, name: str, save: Callable[[Path], None], middle: tuple[int, int, int]
) -> None:
    folder = write_paintings(tmp_path / "p", 1)
    path = folder / "images" / "images" / "Painter_Cubism" / name
    save(path)
    assert path in {painting.path for painting in bundle.read_catalogue([folder]).paintings}
    assert np.abs(bundle.read(path)[15, 20].astype(int) - middle).max() <= 3


JPEG = encoded(painting((90, 120, 60)))


@pytest.mark.parametrize(
    ("name", "save", "reason"),
    [
        pytest.param("a.jpg", lambda path: path.write_bytes(JPEG[: len(JPEG) // 2]), "damaged or cut short", id="cut"),
        pytest.param("a.jpg", lambda path: path.write_bytes(JPEG[:40]), "not a picture", id="cut in its header"),
        pytest.param("a.jpg", lambda path: path.write_bytes(b""), "not a picture", id="empty"),
        pytest.param("a.jpg", lambda path: path.write_text("<html>404</html>"), "not a picture", id="text"),
        pytest.param("a.jpg", lambda path: path.mkdir(), "directory", id="folder"),
        pytest.param("a.jpg", lambda path: path.symlink_to("nowhere"), "No such file", id="link to nowhere"),
        pytest.param(
            "a.gif",
            lambda path: FRAMES[0].save(path, save_all=True, append_images=FRAMES[1:]),
            "GIF is not one of",
            id="animation",
        ),
    ],
)
def test_bad_files_are_left_out_and_the_rest_is_read(
    tmp_path: Path, name: str, save: Callable[[Path], object], reason: str
) -> None:
    folder = write_paintings(tmp_path / "p", 1)
    save(folder / "images" / "images" / "Painter_Cubism" / name)
    catalogue = bundle.read_catalogue([folder])
    assert len(catalogue.paintings) == 11
    (skipped,) = catalogue.skipped
    assert skipped.path.name == name
    assert reason in skipped.reason
    assert "\n" not in str(skipped)


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    folder = write_paintings(tmp_path / "p", 1)
    (folder / "images" / "images" / "Painter_Cubism" / "Painter_Cubism_0.png").chmod(0)
    assert [skipped.reason for skipped in bundle.read_catalogue([folder]).skipped] == ["Permission denied"]


def test_artists_and_folders_that_do_not_match_are_named(tmp_path: Path) -> None:
    folder = write_paintings(tmp_path / "p", 1)
    images = folder / "images" / "images"
    (images / "Empty_Folder").mkdir()
    (images / "Not_Listed").mkdir()
    Image.new("RGB", (9, 9)).save(images / "Not_Listed" / "a.png")
    with (folder / "artists.csv").open("a", encoding="utf-8") as file:
        file.write("90,Empty Folder,Cubism\n91,No Folder,Cubism\n92,,\n")
    catalogue = bundle.read_catalogue([folder])
    assert len(catalogue.paintings) == 11
    assert {skipped.path.name: skipped.reason for skipped in catalogue.skipped} == {
        "Empty_Folder": "folder holds no pictures",
        "Not_Listed": "artist is not in artists.csv, or has no genre there",
        "No_Folder": "artist of artists.csv without a folder of pictures",
    }


def test_paintings_have_a_perceptual_hash(tmp_path: Path) -> None:
    folder = write_paintings(tmp_path / "p", 1)
    Image.new("RGB", (99, 99), "red").save(folder / "images" / "images" / "Painter_Cubism" / "flat.png")
    hashes = {painting.path.name: painting.perceptual_hash for painting in bundle.read_catalogue([folder]).paintings}
    assert hashes.pop("flat.png") == b""
    assert {len(perceptual_hash) for perceptual_hash in hashes.values()} == {32}
    assert len(set(hashes.values())) == 11


def test_photographs_are_read_from_all_folders_each_content_once(tmp_path: Path) -> None:
    (tmp_path / "street").mkdir()
    (tmp_path / "street" / "bus.jpg").write_bytes(JPEG)
    (tmp_path / "zz copy.jpg").write_bytes(JPEG)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "README.md").write_text("left alone")
    done: list[tuple[int, int]] = []
    photographs, skipped = bundle.read_photographs(tmp_path, lambda *progress: done.append(progress))
    assert [path.name for path in photographs] == ["bus.jpg"]
    assert {len(sha256) for sha256 in photographs.values()} == {64}
    assert {left_out.path.name: left_out.reason for left_out in skipped} == {
        "zz copy.jpg": "same content as bus.jpg",
        "text.png": "not a picture that can be read",
    }
    assert done == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("name", "says"), [(".", "no readable pictures here; name a folder"), ("nowhere", "no such folder; name a folder")]
)
def test_a_folder_without_photographs_is_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(bundle.CatalogueError, match=says):
        bundle.read_photographs(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(None, "artists.csv", id="no artists.csv"),
        pytest.param("id,artist\n", "no column genre and name", id="other columns"),
        pytest.param("name,genre\n", "no folder images", id="no pictures"),
        pytest.param("name;genre\nPablo Picasso;Cubism\n", "no folder images", id="semicolons"),
        pytest.param("", "no column genre and name", id="empty"),
    ],
)
def test_a_folder_in_another_layout_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "artists.csv").write_text(text)
    with pytest.raises(bundle.CatalogueError, match=says):
        bundle.read_catalogue([tmp_path])
