"""Options of ``python -m train`` that change what is trained on, for how long, and what is kept."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.special import log_softmax

from tests.paintings import write_paintings
from tests.stand_in import GREEN, STYLES, encoded, painting
from train.__main__ import main

ROOT = Path(__file__).parents[2]


def train(*arguments: object) -> str:
    """What `python -m train` prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "train", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def facts(run: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_paintings(tmp_path_factory.mktemp("data") / "paintings", each=4)


@pytest.mark.slow
def test_folds_test_every_published_picture_once_and_each_can_be_repeated(paintings: Path, tmp_path: Path) -> None:
    command = ["--recipe", "cnn", "--data", paintings, "--runs", tmp_path, "--epochs", 1, "--seed", 5]
    train(*command, "--folds", 2)
    folds = [tmp_path / f"cnn-fold-{number}-of-2" for number in (1, 2)]
    assert [facts(run)["state"] for run in folds] == ["finished", "finished"]
    splits = [rows(run / "split.csv") for run in folds]
    tested = [row["sha256"] for split in splits for row in split if row["part"] == "test"]
    assert sorted(tested) == sorted(row["sha256"] for row in splits[0] if row["published"] == "1")
    assert len(tested) == len(set(tested)) == 4 * len(STYLES)

    # The second fold alone, as another machine would train it.
    train(*command, "--fold", "2/2", "--name", "again")
    again = tmp_path / "again"
    assert (again / "split.csv").read_bytes() == (folds[1] / "split.csv").read_bytes()
    outputs = [np.load(run / "outputs.npy") for run in (again, folds[1])]
    np.testing.assert_allclose(*outputs, atol=1e-4)


@pytest.mark.slow
def test_other_styles_are_trained_on_and_recorded(paintings: Path, tmp_path: Path) -> None:
    merged = ("--combine", "Cubism+Expressionism=Modern")
    train("--recipe", "cnn", "--data", paintings, "--runs", tmp_path, "--epochs", 1, "--styles", "all", *merged)
    run = tmp_path / "cnn"
    # Those with most pictures first; the merged class takes the place of the first of its genres.
    styles = ["Baroque", "Abstract Expressionism", "Byzantine Art", "Modern", "Impressionism", "Pop Art"]
    assert facts(run)["styles"] == styles
    assert {row["artist"]: row["label"] for row in rows(run / "split.csv")} == {
        **{f"Painter {style}": style for style in STYLES if style in styles},
        **dict.fromkeys(("Painter Cubism", "Painter Expressionism"), "Modern"),
        **{f"Stranger {number}": "Baroque" for number in range(4)},
    }
    assert np.load(run / "outputs.npy").shape[1] == len(styles)


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    """The lines that ``--check`` prints."""
    assert main(["--check", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def test_styles_can_be_named(paintings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = check(capsys, "--data", paintings, "--styles", "Pop Art, Baroque")
    labels = [line.split("  ")[1] for line in said if ", validation" in line]
    assert labels == ["Pop Art", "Baroque", "none of the styles"]


def test_a_run_that_learns_no_more_stops_and_keeps_its_best_epoch(paintings: Path, tmp_path: Path) -> None:
    data = shutil.copytree(paintings, tmp_path / "data")
    for number, path in enumerate(sorted(data.rglob("*.png"))):
        # One colour for all painters: there is nothing to learn.
        path.write_bytes(encoded(painting(GREEN, 64, 64, seed=number), "PNG"))
    limits = ("--epochs", 30, "--patience", 2, "--best-epoch")
    train("--recipe", "cnn", "--data", data, "--runs", tmp_path, "--seed", 1, *limits)
    run = tmp_path / "cnn"
    losses = [float(row["val_loss"]) for row in rows(run / "log.csv")]
    best = int(np.argmin(losses))
    assert facts(run)["epochs_run"] == len(losses) == best + 1 + 2 < 30
    # The weights that were kept give the loss of the best epoch.
    split = rows(run / "split.csv")
    watched = [n for n, row in enumerate(split) if row["part"] == "validation" and row["label"] in STYLES]
    labels = [STYLES.index(split[n]["label"]) for n in watched]
    kept = -log_softmax(np.load(run / "outputs.npy")[watched], axis=1)[np.arange(len(watched)), labels].mean()
    assert kept == pytest.approx(losses[best], abs=1e-4)


def cut(path: Path) -> None:
    content = encoded(painting(GREEN))
    path.write_bytes(content[: len(content) // 2])


def animation(path: Path) -> None:
    frames = [Image.new("P", (40, 30), shade) for shade in (1, 2, 3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


ODD: list[tuple[str, Callable[[Path], object], str]] = [
    ("Painter_Cubism/cut.jpg", cut, "damaged or cut short"),
    ("Painter_Cubism/text.jpg", lambda path: path.write_text("no picture"), "not a picture that can be read"),
    ("Painter_Cubism/moving.gif", animation, "GIF is not one of"),
    ("Empty_Folder", Path.mkdir, "folder holds no pictures"),
    ("Not_Listed", Path.mkdir, "artist is not in artists.csv"),
    ("No_Folder", lambda path: None, "without a folder of pictures"),
    ("Painter_Cubism/print.jpg", Image.new("CMYK", (40, 30), (0, 200, 90, 0)).save, ""),
    ("Painter_Cubism/deep.png", lambda path: cv2.imwrite(str(path), np.full((30, 40, 3), 40_000, np.uint16)), ""),
]


def test_a_check_says_one_line_for_each_thing_that_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Long enough that a line would not fit the width of a page.
    folder = write_paintings(tmp_path / "paintings of a folder with a long name, written by hand", 4, delimiter=";")
    with (folder / "artists.csv").open("a", encoding="utf-8") as file:
        file.write("90;Empty Folder;Cubism\n91;No Folder;Cubism\n")
    images = folder / "images" / "images"
    for name, make, _ in ODD:
        make(images / name)
    said = check(capsys, "--data", folder)
    left_out = [line for line in said if line.startswith("left out: ")]
    for name, _, reason in ODD:
        assert [line for line in left_out if f"{images / name}: " in line and reason in line] or not reason, said
    assert len(left_out) == sum(bool(reason) for *_, reason in ODD)
    # The print and the 16-bit picture are read beside the painter's own four.
    (cubism,) = (line for line in said if line.startswith("  Cubism "))
    assert sum(map(int, cubism.replace(",", "").split()[2::2])) == 4 + 2
