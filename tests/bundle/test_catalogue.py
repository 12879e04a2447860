from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import bundle
from tests.paintings import write_paintings


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(None, "artists.csv", id="no artists.csv"),
        pytest.param("id,artist\n", "no column genre and name", id="other columns"),
        pytest.param("name,genre\n", "no folder images", id="no pictures"),
    ],
)
def test_a_folder_in_another_layout_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "artists.csv").write_text(text)
    with pytest.raises(bundle.CatalogueError, match=says):
        bundle.read_catalogue([tmp_path])
