from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bundle
from bundle.picture import WEB_FORMATS
from tests.stand_in import RED, encoded, painting


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def half_black_half_white(mode: str) -> Image.Image:
    image = Image.new(mode, (40, 20))
    white = {"I;16": 65535, "CMYK": (0, 0, 0, 0), "L": 255, "RGB": (255, 255, 255)}[mode]
    black = {"I;16": 0, "CMYK": (0, 0, 0, 255), "L": 0, "RGB": (0, 0, 0)}[mode]
    image.paste(black, (0, 0, 20, 20))
    image.paste(white, (20, 0, 40, 20))
    return image


@pytest.mark.parametrize(
    ("mode", "format"),
    [
        pytest.param("RGB", "PNG", id="the plain case"),
        pytest.param("RGB", "WEBP", id="WebP"),
        pytest.param("L", "JPEG", id="grey becomes three equal channels"),
        pytest.param("CMYK", "JPEG", id="CMYK of print shops is converted, not inverted"),
        pytest.param("I;16", "PNG", id="16 bits are scaled to 8, not clipped to white"),
    ],
)
def test_decode_gives_upright_rgb(mode: str, format: str) -> None:
    picture = bundle.decode(saved(half_black_half_white(mode), format))
    assert picture.shape == (20, 40, 3)
    assert picture.dtype == np.uint8
    assert picture[:, :15].max() < 30
    assert picture[:, 25:].min() > 225


def test_decode_applies_the_exif_orientation() -> None:
    image = half_black_half_white("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    picture = bundle.decode(saved(image, "JPEG", exif=exif))
    assert picture.shape == (40, 20, 3)
    assert picture[:15].max() < 30
    assert picture[25:].min() > 225


def test_decode_lays_transparency_on_white() -> None:
    assert bundle.decode(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG")).min() == 255


def test_decode_takes_the_first_picture_of_an_animation() -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    picture = bundle.decode(saved(first, "GIF", save_all=True, append_images=[second]))
    assert picture[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("data", "options", "error"),
    [
        pytest.param(b"", {}, bundle.UnreadablePicture, id="nothing"),
        pytest.param(b"a text file named .jpg", {}, bundle.UnreadablePicture, id="not a picture"),
        pytest.param(encoded(painting(RED))[:900], {}, bundle.UnreadablePicture, id="cut short"),
        pytest.param(encoded(painting(RED), "BMP"), {"formats": WEB_FORMATS}, bundle.UnsupportedPicture, id="BMP"),
        pytest.param(encoded(painting(RED)), {"max_pixels": 1000}, bundle.TooManyPixels, id="too many pixels"),
    ],
)
def test_decode_refuses(data: bytes, options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        bundle.decode(data, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_read_says_that_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(bundle.UnreadablePicture, match="No such file"):
        bundle.read(tmp_path / "gone.jpg")


@pytest.mark.parametrize("shape", [(10, 400, 3), (64, 64, 3), (500, 30, 3)])
def test_prepare_gives_the_input_size_and_keeps_the_mean(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    prepared = bundle.prepare(picture, 64)
    assert prepared.shape == (64, 64, 3)
    assert prepared.dtype == np.uint8
    assert abs(prepared.mean() - picture.mean()) < 6
