"""The exploration through its command line, on drawn paintings."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import bundle
from tests.paintings import write_paintings
from train.exploration import main

# Three of the six are as good, and drawn in half the time.
STYLES = ("Impressionism", "Cubism", "Pop Art")


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn paintings, one of them twice, one broken, one of an artist whom nobody lists."""
    folder = write_paintings(tmp_path_factory.mktemp("data") / "paintings", each=5)
    cubism = folder / "images" / "images" / "Painter_Cubism"
    first = cubism / "Painter_Cubism_0.png"
    shutil.copy(first, cubism / "zz_<b>copy_$x$.png")
    (cubism / "zz_broken.png").write_bytes(first.read_bytes()[:200])
    unlisted = folder / "images" / "images" / "Nobody_Knows"
    unlisted.mkdir()
    shutil.copy(first, unlisted / "a.png")
    return folder


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another folder with one wide picture of one style, its artist's name in another script and with a dollar."""
    folder = tmp_path_factory.mktemp("data") / "second"
    pictures = folder / "images" / "A_Painter"
    pictures.mkdir(parents=True)
    (folder / "artists.csv").write_text("name,genre\nA $Painter$ 画家,Pop Art\n", encoding="utf-8")
    ramp = np.tile(np.linspace(0, 255, 120, dtype=np.uint8)[None, :, None], (40, 1, 3))
    Image.fromarray(ramp).save(pictures / "ramp.png")
    return folder


@pytest.fixture(scope="module")
def explored(paintings: Path, second: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "explore"
    arguments = ["--data", paintings, second, "--out", out, "--styles", *STYLES, "--networks", "cnn", "--seed", 1]
    assert main(list(map(str, arguments))) == 0
    return out


@pytest.fixture(scope="module")
def page(explored: Path) -> str:
    return (explored / "index.html").read_text("utf-8")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r'"data:[^"]*"', "", page)))


def test_every_chart_and_sheet_is_a_picture_that_fits_a_screen(explored: Path) -> None:
    names = {path.name for path in explored.iterdir()}
    charts = {"styles", "artists-1", "artists-2", "grey", "rgb", "hue", "saturation", "intensity", "sizes", "aspects"}
    sheets = {"sample-1-impressionism", "duplicates-exact", "augmentation-published", "augmentation-camera"}
    assert names >= {f"{name}.png" for name in charts | sheets} | {f"{name}-dark.png" for name in charts}
    for path in explored.glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert 300 <= image.width <= 2000, path.name
            assert image.height <= 6000, path.name
            low, high = image.convert("L").getextrema()
            assert high - low > 100, f"{path.name} is empty"


def test_the_page_needs_no_other_file(page: str) -> None:
    sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert "<script" not in page
    assert "url(" not in page
    images = [source for source in sources if source.startswith("data:")]
    assert len(images) > 20
    for source in images:
        Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2]))).verify()
    assert all(f'id="{source[1:]}"' in page for source in sources if source.startswith("#"))


def test_the_page_says_what_the_numbers_are(page: str) -> None:
    text = text_of(page)
    # Three styles of five pictures; five of one artist of several styles; one file is a copy, one is broken.
    assert "56 pictures, 16 of them of the 3 styles, by 4 artists." in text
    assert "paintings: always answering Impressionism would be right for 33 % of the 15 pictures" in text
    assert "second: always answering Pop Art would be right for 100 % of the 1 picture" in text
    assert "one artist alone stands for Impressionism (Painter Impressionism)" in text
    assert "5 pictures are by artists of several genres" in text
    assert "second: all pictures are 120 x 40 pixels." in text
    assert "1 file has the content of another, byte for byte, and is left out." in text


def test_the_page_warns_of_committing_it(page: str) -> None:
    assert "other people's pictures" in text_of(page)
    assert "do not commit" in text_of(page)


def test_names_of_files_are_text_and_never_markup(page: str) -> None:
    assert "<b>copy" not in page
    assert "Painter_Cubism: Painter_Cubism_0.png = zz_&lt;b&gt;copy_$x$.png" in page


def test_what_is_left_out_is_listed_with_its_reason(page: str) -> None:
    text = text_of(page)
    assert re.search(r"zz_broken\.png: damaged or cut short", text)
    assert "Nobody_Knows: artist is not in artists.csv" in text


def test_the_same_seed_draws_the_same_pictures(explored: Path, paintings: Path, second: Path, tmp_path: Path) -> None:
    from train.exploration import chapters, survey

    folders = (paintings, second)
    measured = survey.measure(bundle.read_catalogue(folders), folders, STYLES, lambda done, total: None)
    for chapter in (chapters._sampled(tmp_path, measured, 1), chapters._augmentations(tmp_path, measured, 1)):
        for image in chapter.images:
            assert image.path.read_bytes() == (explored / image.path.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--data", "nowhere"], "nowhere", id="no such folder"),
        pytest.param(["--data", "DATA", "--styles", "Rococo"], "the genres of artists.csv are", id="no such style"),
        pytest.param(
            ["--data", "DATA", "--networks", "vgg99"], "no network vgg99; there are cnn", id="no such network"
        ),
        pytest.param(["--data", "DATA", "--out", "FILE"], "is a file", id="a file in the way"),
        pytest.param(["--data", "DATA", "--out", "DATA"], "something else", id="a folder of ours in the way"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    arguments: list[str], says: str, paintings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("precious")
    places = {"DATA": str(paintings), "FILE": str(tmp_path / "file")}
    given = [places.get(argument, argument) for argument in arguments]
    before = sorted(paintings.rglob("*"))
    assert main(["--out", str(tmp_path / "out"), *given]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert len(error.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert sorted(paintings.rglob("*")) == before


@pytest.mark.parametrize(
    ("raised", "code"), [pytest.param(KeyboardInterrupt, 130, id="stopped"), pytest.param(OSError(28, "full"), 2)]
)
def test_an_exploration_that_is_broken_off_leaves_the_last_one(
    raised: BaseException, code: int, paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "explore"
    out.mkdir()
    page = "<!doctype html>\n<!-- written by python -m train explore -->\n"
    (out / "index.html").write_text(page)

    def broken_off(*_: object) -> None:
        raise raised

    monkeypatch.setattr("train.exploration.chapters.write", broken_off)
    assert main(["--data", str(paintings), "--out", str(out)]) == code
    assert [path.name for path in tmp_path.iterdir()] == ["explore"]
    assert (out / "index.html").read_text() == page


def test_help_says_where_it_writes_and_that_it_stays_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert "runs/explore" in text
    assert "do not commit" in text


def test_histograms_are_shares_of_the_pixels_of_their_colour() -> None:
    from train.exploration.survey import HUES, LEVELS, _measured

    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[:128] = (255, 0, 0)  # the upper half red, the lower black
    grey, rgb, hue, saturation, brightness, _, colourfulness = _measured(pixels)
    level = int(cv2.cvtColor(pixels[:1, :1], cv2.COLOR_RGB2GRAY)[0, 0])
    assert grey[0] == grey[level * LEVELS // 256] == 0.5
    assert rgb[0, 0] == rgb[0, -1] == 0.5
    assert rgb[1, 0] == rgb[2, 0] == 1
    assert hue[0] == 0.5
    assert hue[1:].sum() == 0, "black has no hue"
    assert saturation[0] == saturation[HUES - 1] == 0.5
    assert brightness == pytest.approx(level / 2)
    assert colourfulness == pytest.approx(0.5)


def test_a_large_network_is_drawn_by_stage_and_stays_the_same() -> None:
    import keras

    from train.exploration import drawings

    pixels = x = keras.Input((16, 16, 3), name="pixels")
    for block in range(12):
        branch = keras.layers.Conv2D(3, 3, padding="same", name=f"block_{block:02d}_conv")(x)
        x = keras.layers.Add(name=f"block_{block:02d}_add")([x, branch])
    x = keras.layers.Concatenate(name="levels")([x, pixels[..., :1]])  # a bare operation, that skips all blocks
    network = keras.Model(pixels, keras.layers.GlobalAveragePooling2D(name="pool")(x))
    stages = drawings.stages(network)
    assert [stage.name for stage in stages if "block" in stage.name] == [f"block_{block:02d}" for block in range(12)]
    assert sum(stage.parameters for stage in stages) == network.count_params()
    batch = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(drawings.by_stage(network)(batch), network(batch), rtol=1e-6)


def test_a_network_of_nameless_layers_is_cut_where_branches_meet() -> None:
    import keras

    from train.exploration import drawings

    pixels = x = keras.Input((8, 8, 2), name="pixels")
    for number in range(25):
        branches = [keras.layers.Activation("relu", name=f"layer{number}{letter}")(x) for letter in "xy"]
        x = keras.layers.Add(name=f"meet{number}")(branches) if number % 5 == 4 else sum(branches)
    stages = drawings.stages(keras.Model(pixels, x))
    assert len(stages) < 40
    assert stages[0].name == "pixels"


def test_without_graphviz_the_page_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from train.exploration import drawings
    from train.networks import cnn

    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "apt install graphviz" in (drawings.draw(cnn(64, 6), tmp_path / "cnn.png") or "")
    assert not list(tmp_path.iterdir())
