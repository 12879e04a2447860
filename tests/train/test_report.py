"""The report through its command line, from synthetic runs whose answers are known."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from train.calibration import ENERGY
from train.recipes import STYLES
from train.report import published
from train.report.command import main
from train.report.comparisons import mcnemar
from train.report.results import mean_over, scores_of_confusion

SIZES = published.TEST_PICTURES
WEIGHTED = published.PUBLISHED[1]


def answers_of(correct: Mapping[str, int], wrong: Mapping[str, str] | None = None, sizes: Mapping[str, int] = SIZES):
    """Truth and answer of every test picture: the first `correct` of a style are right, the rest go to
    ``wrong[style]`` or the next style."""
    pairs = []
    for style in STYLES:
        other = (wrong or {}).get(style) or STYLES[(STYLES.index(style) + 1) % len(STYLES)]
        pairs += [(style, style if rank < correct[style] else other) for rank in range(sizes[style])]
    return pairs


def row(recipe: str) -> dict[str, int]:
    """The published counts of a recipe."""
    (correct,) = (row.correct for row in published.PUBLISHED if row.recipe == recipe)
    return dict(zip(SIZES, correct, strict=True))


def content_hash(picture: str) -> str:
    return hashlib.sha256(picture.encode()).hexdigest()


def write_run(
    runs: Path,
    name: str,
    test: Sequence[tuple[str, str]],
    recipe: str | None = None,
    unseen: Sequence[tuple[str, str]] = (),
    prefix: str = "test",
    temperature: float = 2.0,
    **facts: Any,
) -> Path:
    """A finished run that gives the known answers, with logits of 4 (answer) and 0, slightly jittered."""
    folder = runs / name
    folder.mkdir(parents=True)
    rows, logits = [], []
    generator = np.random.default_rng(len(test))

    def add(number: int, kind: str, artist: str, truth: str, answer: str | None, by_picture: int, part: str) -> None:
        sha256 = content_hash(f"{kind}-{number}")
        rows.append([sha256, artist, truth, by_picture, part, f"gone/{artist}_{number}.jpg"])
        values = np.zeros(len(STYLES)) if answer is None else 4.0 * (np.array(STYLES) == answer)
        logits.append(values + generator.normal(0, 0.01, len(STYLES)))

    for number, (truth, answer) in enumerate(test):
        add(number, prefix, "Known_Painter", truth, answer, 1, "test")
    for number, (truth, answer) in enumerate(unseen):
        add(number, f"{name}-unseen", f"New_{number % 3}_{name}", truth, answer, 0, "unseen")
    for number in range(6):
        add(number, "other", "Nobody", "none of the styles", None, 0, "unseen" if unseen else "validation")
        add(number, "train", "Known_Painter", STYLES[number], STYLES[number], 1, "train")
    with (folder / "split.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["sha256", "artist", "label", "published", "part", "path"], *rows])
    np.save(folder / "outputs.npy", np.array(logits, np.float32))
    calibration = {"styles": 6, "temperature": temperature, "known_scale": 1.0, "known_offset": -2.5, "threshold": 0.5}
    calibration |= {"score": ENERGY}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    (folder / "log.csv").write_text(
        "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.4,1.5,0.4,1.6\n1,0.6,1.1,nan,1.3\n1,0.7,1.0,0.5,1.2\n"
    )
    record = {
        "recipe": {"name": recipe or name, "summary": f"summary of {recipe or name}", "epochs": 2},
        "styles": STYLES,
        "state": "finished",
        "seconds": 3700,
        "device": "a processor <of> two cores",
        "epochs_run": 2,
        "seed": 2021,
        "data": ["../somewhere/paintings"],
        "hold_out": {"names": [], "group": 0, "groups": 0},
        "fold": None,
        "weights_sha256": "0" * 64,
        "versions": {"python": "3.11"},
    }
    (folder / "run.json").write_text(json.dumps(record | facts))
    return folder


class Report:
    """One call of the command, with its files."""

    def __init__(self, runs: Path, *arguments: str):
        self.out = runs.parent / "docs"
        self.html_path = runs / "report" / "index.html"
        self.code = main(["--runs", str(runs), "--out", str(self.out), "--html", str(self.html_path), *arguments])

    @property
    def results(self) -> dict[str, Any]:
        return json.loads((self.out / "results" / "reproduction.json").read_text())

    @property
    def text(self) -> str:
        return (self.out / "reproduction.md").read_text()

    @property
    def words(self) -> str:
        """The text on one line, as wrapping may fall anywhere."""
        return " ".join(self.text.split())

    def recipe(self, name: str) -> dict[str, Any]:
        return next(recipe for recipe in self.results["recipes"] if recipe["recipe"] == name)

    def test(self, name: str) -> dict[str, Any]:
        return next(run for run in self.results["runs"] if run["run"] == name)["sets"]["test"]

    def verdict(self, question: str) -> str:
        return re.search(rf"\| {re.escape(question)} \| (.*) \|", self.text)[1]


@pytest.fixture
def real_plots() -> None:
    """Asked for by the tests that look at plots."""


@pytest.fixture(autouse=True)
def few_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take most of the time, so only tests that ask for them draw them; others get a white point."""
    if "real_plots" in request.fixturenames:
        return

    def blank(results: Mapping[str, Any], folder: Path) -> None:
        from train.report.figures import figures

        folder.mkdir(parents=True, exist_ok=True)
        for of in figures(results).values():
            for figure in of:
                Image.new("1", (1, 1)).save(folder / figure.file)

    monkeypatch.setattr("train.report.figures.draw", blank)


def test_published_counts_are_the_published_decimals() -> None:
    printed = {
        "cnn": (0.8889, 0.8248, 0.6364, 0.6316, 0.5, 0.4),
        "cnn_weighted": (0.5, 0.6423, 0.5682, 0.5789, 0.5, 0.5),
        "resnet50": (0.8889, 0.5474, 0.5682, 0.4211, 0.0, 0.0),
        "resnet50_pretrained": (0.9444, 0.9197, 0.8636, 0.5263, 0.0, 0.8),
        "resnet50_fine_tuned": (0.8889, 0.9270, 0.8636, 0.6842, 0.0, 0.9),
    }
    for recipe, decimals in printed.items():
        shares = [right / of for right, of in zip(row(recipe).values(), SIZES.values(), strict=True)]
        assert [round(share, 4) for share in shares] == list(decimals), recipe
    assert [sum(row(recipe).values()) for recipe in ("cnn", "resnet50_pretrained", "resnet50_fine_tuned")] == [
        174,
        199,
        203,
    ]


def test_scores_by_hand() -> None:
    # Recalls 8/10 and 1/2; precisions 8/9 and 1/3; the third style has no picture and does not count.
    scores = scores_of_confusion(np.array([[8, 2, 0], [1, 1, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert scores["accuracy"]["correct"] == 9 and scores["accuracy"]["total"] == 12
    assert scores["balanced_accuracy"] == pytest.approx((0.8 + 0.5) / 2)
    f1 = [2 * 0.8 * (8 / 9) / (0.8 + 8 / 9), 2 * 0.5 * (1 / 3) / (0.5 + 1 / 3)]
    assert scores["macro_f1"] == pytest.approx(sum(f1) / 2)
    assert scores["recall"]["c"] == {"correct": 0, "total": 0, "rate": None, "low": None, "high": None}


def test_wilson_by_hand(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "cnn", answers_of(row("cnn")))
    accuracy = Report(tmp_path / "runs").test("cnn")["accuracy"]
    n, p, z = 230, 174 / 230, 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert accuracy["low"] == pytest.approx(centre - half, abs=1e-6)
    assert accuracy["high"] == pytest.approx(centre + half, abs=1e-6)


def test_mean_over_folds_by_hand() -> None:
    over = mean_over([0.8, 0.9, 0.7])
    # t(0.975, 2) = 4.302653; the interval is cut off at 1.
    assert over["mean"] == pytest.approx(0.8) and over["standard_deviation"] == pytest.approx(0.1)
    assert over["low"] == pytest.approx(0.8 - 4.302653 * 0.1 / math.sqrt(3), abs=1e-6)
    assert over["high"] == 1.0
    assert mean_over([0.5])["low"] is None


def test_mcnemar_by_hand() -> None:
    a = {"1": True, "2": True, "3": True, "4": True, "5": True, "6": False, "7": True, "only a": True}
    b = {"1": False, "2": False, "3": False, "4": False, "5": False, "6": True, "7": True}
    # Five against one: 2 * (C(6,0) + C(6,1)) / 2**6.
    assert mcnemar(a, b) | {"p": round(mcnemar(a, b)["p"], 6)} == {
        "pictures": 7,
        "right_a": 6,
        "right_b": 2,
        "only_a": 5,
        "only_b": 1,
        "p": 0.21875,
    }
    assert mcnemar(b, b)["p"] == 1.0


def test_a_repeated_table_agrees_with_the_published_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for recipe in ("cnn", "cnn_weighted", "resnet50", "resnet50_pretrained", "resnet50_fine_tuned"):
        write_run(tmp_path / "runs", recipe, answers_of(row(recipe)))
    report = Report(tmp_path / "runs")
    assert report.code == 0
    assert report.test("resnet50_fine_tuned")["recall"]["Byzantine Art"]["correct"] == 9
    assert report.test("cnn")["confusion"][0] == [113, 24, 0, 0, 0, 0]
    assert report.verdict("Are the published accuracies reproduced?") == "of 5 repeated: 5 as published"
    assert "| CNN | 75.7% (table, 174/230) | 71.4% | 174/230 = 75.7% (69.7% to 80.7%) |" in report.text
    assert "| ResNet50 with class weights | 12.0% (author's notes, approximate) | 66.2% | not run: no" in report.text
    assert 'the 128 twice. Ours, in the words of the recipe: "summary of cnn".' in report.words
    assert "the row adds up to 139/230 = 60.4%, stated are 62.0% (text)" in report.words
    # ResNet50 answers Abstract Expressionism and Byzantine Art never, and 124 of 230 is less than always Impressionism.
    better = report.verdict("Is every network better than always giving the same answer?")
    assert better == "no: 2 of 5 are not shown to be"
    assert "ResNet50 is not shown to be better than always answering Impressionism (59.6%)" in report.words
    assert report.verdict("Which recipe is best on the published split?") == "ResNet50 fine-tuned, not alone"
    assert "5 runs of 5 recipes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("plain", "weighted", "verdict", "sentence"),
    [
        ("cnn", "cnn_weighted", "yes", "the weights hurt"),
        ("cnn_weighted", "cnn", "no, they help", "the weights help"),
        ("cnn", "cnn", "no difference is shown", "a difference is not shown"),
    ],
)
def test_class_weights_in_all_directions(
    tmp_path: Path, plain: str, weighted: str, verdict: str, sentence: str
) -> None:
    write_run(tmp_path / "runs", "cnn", answers_of(row(plain)))
    write_run(tmp_path / "runs", "cnn_weighted", answers_of(row(weighted)))
    report = Report(tmp_path / "runs")
    assert report.verdict("Do class weights hurt?") == verdict
    assert f"): {sentence}." in report.words
    assert "For ResNet50 it cannot be said here, because there is no run of ResNet50 and ResNet50 with" in report.words
    assert report.verdict("Does fine-tuning beat the frozen backbone?") == "cannot be said here"


@pytest.mark.parametrize(
    ("frozen", "tuned", "verdict", "overlap"),
    [
        ("resnet50_pretrained", "resnet50_fine_tuned", "no difference is shown", "overlap"),
        ("resnet50", "resnet50_fine_tuned", "yes", "do not overlap"),
        ("resnet50_fine_tuned", "resnet50", "no, it is worse", "do not overlap"),
    ],
)
def test_fine_tuning_in_all_directions(tmp_path: Path, frozen: str, tuned: str, verdict: str, overlap: str) -> None:
    write_run(tmp_path / "runs", "resnet50_pretrained", answers_of(row(frozen)))
    write_run(tmp_path / "runs", "resnet50_fine_tuned", answers_of(row(tuned)))
    report = Report(tmp_path / "runs")
    assert report.verdict("Does fine-tuning beat the frozen backbone?") == verdict
    assert f"Their intervals {overlap}:" in report.words
    assert "The published difference is 4 of 230 pictures." in report.words


def test_no_comparison_without_shared_pictures(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "cnn", answers_of(row("cnn")))
    write_run(tmp_path / "runs", "cnn_weighted", answers_of(row("cnn")), prefix="elsewhere")
    report = Report(tmp_path / "runs")
    assert report.results["comparisons"] == []
    assert report.verdict("Do class weights hurt?") == "cannot be said here"
    assert "CNN and CNN with class weights were tested on different pictures on the published split" in report.words
    assert report.verdict("Which recipe is best on the published split?") == "CNN, of those compared"
    assert "Tested on other pictures, and not compared with it: CNN with class weights." in report.words


def test_fine_tuning_cannot_be_said_of_different_pictures_or_splits(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "resnet50_pretrained", answers_of(row("resnet50_pretrained")))
    write_run(tmp_path / "runs", "resnet50_fine_tuned", answers_of(row("cnn")), prefix="elsewhere")
    fold(tmp_path / "runs", 1, "Cubism", right=3, recipe="cnn")
    write_run(tmp_path / "runs", "cnn_weighted", answers_of(row("cnn")))
    report = Report(tmp_path / "runs")
    assert report.code == 0
    assert report.verdict("Does fine-tuning beat the frozen backbone?") == "cannot be said here"
    assert "ResNet50 pre-trained and ResNet50 fine-tuned were tested on different pictures" in report.words
    assert "because CNN and CNN with class weights were not tested on one split." in report.words


def fold(runs: Path, number: int, abstract: str, right: int, recipe: str = "cnn") -> None:
    sizes = dict.fromkeys(STYLES, 10)
    correct = sizes | {"Abstract Expressionism": right}
    test = answers_of(correct, {"Abstract Expressionism": abstract}, sizes)
    facts = {"fold": {"number": number, "folds": 3}}
    write_run(runs, f"{recipe}-fold-{number}", test, recipe, prefix=f"fold-{number}", **facts)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (("Cubism", "Impressionism", "Cubism"), "yes"),
        (("Cubism", "Cubism", "Cubism"), "for one of the two"),
        (("Pop Art", "Pop Art", "Cubism"), "no"),
    ],
)
def test_folds_are_pooled_and_say_where_abstract_paintings_go(
    tmp_path: Path, answers: tuple[str, ...], verdict: str
) -> None:
    for number, answer in enumerate(answers, 1):
        fold(tmp_path / "runs", number, answer, right=2 + number)
    report = Report(tmp_path / "runs")
    folds = report.recipe("cnn")["cross_validation"]
    assert report.recipe("cnn")["headline"] is None
    assert folds["pooled"]["accuracy"] | {"rate": 0, "low": 0, "high": 0} == {
        "correct": 150 + 3 + 4 + 5,
        "total": 180,
        "rate": 0,
        "low": 0,
        "high": 0,
    }
    over = folds["over_folds"]
    assert over["accuracy"]["mean"] == pytest.approx((53 + 54 + 55) / 180, abs=1e-6)
    assert over["recall"]["Abstract Expressionism"]["mean"] == pytest.approx(0.4)
    assert over["recall"]["Cubism"]["standard_deviation"] == 0
    assert folds["seconds"] == 3 * 3700
    assert report.verdict("Is Abstract Expressionism taken for Cubism and Impressionism?") == verdict
    assert "| CNN | 3 of 3 | 162/180 = 90.0%" in report.text
    assert "single folds from 88.3% to 91.7%" in report.words
    assert "only with artists held out or in folds" in report.text


def test_two_recipes_in_folds_are_compared_on_all_pictures(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        fold(tmp_path / "runs", number, "Cubism", right=9)
        fold(tmp_path / "runs", number, "Cubism", right=2, recipe="cnn_weighted")
    report = Report(tmp_path / "runs")
    (found,) = report.results["comparisons"]
    assert (found["on"], found["pictures"], found["only_a"], found["only_b"]) == ("cross-validation", 180, 21, 0)
    assert report.verdict("Do class weights hurt?") == "yes"


@pytest.mark.parametrize(
    ("right", "verdict"),
    [((2, 4), "yes, in part"), ((13, 15), "not shown"), ((20, 20), "no")],
)
def test_unseen_artists_are_pooled_over_groups(tmp_path: Path, right: tuple[int, int], verdict: str) -> None:
    sizes = dict.fromkeys(STYLES, 20)
    for group, correct in enumerate(right, 1):
        unseen = answers_of(dict.fromkeys(STYLES, correct), None, sizes)
        hold_out = {"hold_out": {"names": [], "group": group, "groups": 2}}
        write_run(tmp_path / "runs", f"kiosk-{group}-of-2", answers_of(row("cnn")), "kiosk", unseen, **hold_out)
    report = Report(tmp_path / "runs")
    unseen = report.recipe("kiosk")["unseen_artists"]
    assert unseen["pooled"]["accuracy"]["correct"] == 6 * sum(right)
    assert unseen["pooled"]["accuracy"]["total"] == 240
    assert unseen["artists"] == 6
    over = unseen["over_groups"]["accuracy"]
    assert over["mean"] == pytest.approx(sum(right) / 40)
    assert over["standard_deviation"] == pytest.approx(abs(right[1] - right[0]) / 20 / math.sqrt(2), abs=1e-6)
    # Flat logits of pictures of no style have the lowest log-sum-exp: told apart without fault.
    assert unseen["open_set"]["other_styles"]["auroc"] == 1.0
    assert unseen["open_set"]["other_styles"]["refused"]["total"] == 12
    assert report.verdict("Is the published score the recognition of artists?") == verdict


def test_calibration_before_and_after(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "cnn", answers_of(row("cnn")), temperature=2.0)
    test = Report(tmp_path / "runs").test("cnn")
    # All answers are about as sure as softmax of (4, 0, 0, 0, 0, 0), at temperature 2 of (2, 0, ...); 75.7 % are right.
    assert test["ece_before"] == pytest.approx(abs(math.exp(4) / (math.exp(4) + 5) - 174 / 230), abs=0.01)
    assert test["ece_after"] == pytest.approx(abs(math.exp(2) / (math.exp(2) + 5) - 174 / 230), abs=0.01)
    assert sum(entry["pictures"] for entry in test["reliability"]["after"]) == 230


def test_runs_that_cannot_be_used_are_named_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "cnn", answers_of(row("cnn")))
    (write_run(runs, "old", answers_of(row("cnn")), "resnet50") / "outputs.npy").unlink()
    write_run(runs, "busy", answers_of(row("cnn")), "kiosk", state="training")
    diverged = write_run(runs, "diverged", answers_of(row("cnn")))
    np.save(diverged / "outputs.npy", np.full_like(np.load(diverged / "outputs.npy"), np.nan))
    short = write_run(runs, "short", answers_of(row("cnn")))
    np.save(short / "outputs.npy", np.zeros((3, 6), np.float32))
    (write_run(runs, "uncalibrated", answers_of(row("cnn"))) / "calibration.json").write_text("{}")
    (write_run(runs, "broken", answers_of(row("cnn"))) / "run.json").write_text("{")
    (write_run(runs, "odd", answers_of(row("cnn"))) / "split.csv").write_text("sha256\nx\n")
    write_run(runs, "a-merged-set", answers_of(row("cnn")), styles=list(reversed(STYLES)))
    (runs / "views").mkdir()
    report = Report(runs)
    assert report.code == 0
    assert [run["run"] for run in report.results["runs"]] == ["cnn"]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "left out: a-merged-set: its styles are not those of cnn",
        "left out: broken: run.json is not readable",
        "left out: busy: not finished",
        "left out: diverged: outputs.npy holds values that are no numbers: the training diverged",
        "left out: odd: split.csv is not readable",
        "left out: old: no outputs.npy (made by an older version of train/; train it again)",
        "left out: short: outputs.npy is 3x6, and split.csv has 242 pictures of 6 styles",
        "left out: uncalibrated: no readable calibration.json",
    ]
    assert "| ResNet50 | 53.0% (text, approximate) | 63.6% | not run: `old` is left out, no outputs.npy" in report.text


def test_the_run_that_bears_the_recipe_s_name_stands_in_the_table(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "a-second-try", answers_of(row("cnn_weighted")), "cnn")
    write_run(tmp_path / "runs", "cnn", answers_of(row("cnn")))
    write_run(tmp_path / "runs", "new_recipe", answers_of(row("cnn")), stopped_early="no gain in 5 epochs")
    report = Report(tmp_path / "runs")
    assert report.recipe("cnn")["headline"] == "cnn"
    assert report.recipe("cnn")["further"] == ["a-second-try"]
    assert "| `a-second-try` | published split | 139/230 = 60.4%" in report.text
    assert "| **new_recipe, ours** |" in report.text
    assert "`new_recipe` stopped early: no gain in 5 epochs" in report.text
    assert "1:01:40" in report.text
    assert "<of>" not in report.text and "&lt;of>" in report.text
    assert "somewhere/" not in json.dumps(report.results) + report.text


def test_a_training_done_twice_says_how_far_it_comes_out_the_same(tmp_path: Path) -> None:
    question = "Does the same training give the same network?"
    first, second = row("cnn"), row("cnn") | {"Cubism": row("cnn")["Cubism"] - 3}
    write_run(tmp_path / "runs", "cnn", answers_of(first))
    write_run(tmp_path / "runs", "cnn-other-seed", answers_of(second), recipe="cnn", seed=7)
    assert Report(tmp_path / "runs").verdict(question) == "cannot be said here"

    write_run(tmp_path / "runs", "cnn-again", answers_of(second), recipe="cnn")
    report = Report(tmp_path / "runs")
    (repeat,) = report.recipe("cnn")["repeats"]
    assert repeat["run"] == "cnn-again"
    assert repeat["answers_that_differ"] == 3
    assert report.verdict(question) == "1.3% of the answers differ"
    assert "174 and 171 of 230 are right, 3 answers differ" in report.words


def test_all_of_it_again_from_the_json_alone(tmp_path: Path, real_plots: None) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "cnn", answers_of(row("cnn")))
    write_run(runs, "cnn_weighted", answers_of(row("cnn_weighted")))
    fold(runs, 1, "Cubism", right=3)
    unseen = answers_of(dict.fromkeys(STYLES, 1), None, dict.fromkeys(STYLES, 2))
    hold_out = {"hold_out": {"names": [], "group": 1, "groups": 4}}
    write_run(runs, "cnn-1-of-4", answers_of(row("cnn")), "cnn", unseen, **hold_out)
    report = Report(runs, "--note", "resnet50=no time | <b>", "--note", "cnn=a remark")
    first = {path.name: path.read_bytes() for path in report.out.rglob("*") if path.is_file()}
    assert set(first) == {"reproduction.md", "reproduction.json"} | {
        "accuracy.png",
        "confusion-pair.png",
        "confusion-folds.png",
        "confusion-unseen.png",
        "learning-accuracy.png",
        "learning-loss.png",
        "reliability.png",
        "unseen-artists.png",
    }
    assert all(len(content) < 150_000 for content in first.values())
    assert "not run: no time \\| &lt;b>" in report.text and "CNN: a remark" in report.text
    for name in re.findall(r"!\[.*?\]\((.*?)\)", report.text):
        assert (report.out / name).is_file()
    # Twice from runs is the same, and so is from the JSON where neither runs nor plots are left.
    assert Report(runs, "--note", "resnet50=no time | <b>", "--note", "cnn=a remark").code == 0
    assert {path.name: path.read_bytes() for path in report.out.rglob("*") if path.is_file()} == first
    for name in first:
        if name.endswith((".png", ".md")):
            next(report.out.rglob(name)).unlink()
    elsewhere = tmp_path / "page.html"
    assert main(["--from-json", "--out", str(report.out), "--html", str(elsewhere), "--runs", str(tmp_path)]) == 0
    assert {path.name: path.read_bytes() for path in report.out.rglob("*") if path.is_file()} == first
    assert "no picture here" in elsewhere.read_text()


def elsewhere(runs: Path) -> Path:
    """A folder of runs on a machine that has none yet; the documents lie where they did."""
    shutil.rmtree(runs)
    runs.mkdir()
    return runs


def forget_pictures(report: Report) -> None:
    """The results as they were written before they said of single pictures which were wrong."""
    results = report.results
    del results["picture_sets"]
    for holder in [*results["runs"], *(recipe["cross_validation"] or {} for recipe in results["recipes"])]:
        holder.pop("answers", None)
    (report.out / "results" / "reproduction.json").write_text(json.dumps(results))


def comparison(report: Report, a: str, b: str, on: str = "published split") -> dict[str, Any] | None:
    found = [c for c in report.results["comparisons"] if (c["on"], c["a"], c["b"]) == (on, a, b)]
    return found[0] if found else None


def groups(runs: Path, recipe: str) -> None:
    """Two runs that hold a group of artists out each."""
    for group in (1, 2):
        unseen = answers_of(dict.fromkeys(STYLES, group), None, dict.fromkeys(STYLES, 3))
        hold_out = {"hold_out": {"names": [], "group": group, "groups": 2}}
        write_run(runs, f"{recipe}-{group}-of-2", answers_of(row("cnn")), recipe, unseen, **hold_out)


def test_the_runs_of_two_machines_give_the_report_of_one(tmp_path: Path) -> None:
    def first_machine(runs: Path) -> None:
        write_run(runs, "cnn", answers_of(row("cnn")))
        write_run(runs, "cnn-again", answers_of(row("resnet50")), "cnn")
        fold(runs, 1, "Cubism", right=3)
        write_run(runs, "a_new_one", answers_of(row("resnet50")))
        groups(runs, "kiosk")

    def second_machine(runs: Path) -> None:
        write_run(runs, "cnn_weighted", answers_of(row("cnn_weighted")))
        fold(runs, 1, "Pop Art", right=9, recipe="cnn_weighted")
        write_run(runs, "kiosk", answers_of(row("cnn")))

    runs = tmp_path / "runs"
    notes = ["--note", "resnet50=no time", "--note", "cnn=a remark"]
    first_machine(runs)
    second_machine(runs)
    report = Report(runs, *notes)
    together = [report.results, report.text]
    assert comparison(report, "cnn", "cnn_weighted", "cross-validation")["only_b"] == 6

    first_machine(elsewhere(runs))
    Report(runs, *notes)
    second_machine(elsewhere(runs))
    report = Report(runs, "--keep")
    assert [report.results, report.text] == together
    report = Report(runs, "--keep")
    assert [report.results, report.text] == together


def test_single_pictures_are_recorded_in_few_lines(tmp_path: Path) -> None:
    for recipe in ("cnn", "cnn_weighted"):
        write_run(tmp_path / "runs", recipe, answers_of(row("cnn")))
    report = Report(tmp_path / "runs")
    ((fingerprint, pictures),) = report.results["picture_sets"].items()
    assert sorted(pictures.split()) == sorted(content_hash(f"test-{number}")[:12] for number in range(230))
    for run in report.results["runs"]:
        assert run["answers"]["pictures"] == fingerprint
        assert len(run["answers"]["wrong"].split()) == 230 - 174
        assert content_hash("test-113")[:12] in run["answers"]["wrong"]  # the first Impressionist picture that is wrong


def test_a_recipe_trained_again_replaces_the_earlier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "cnn", answers_of(row("resnet50")))
    write_run(runs, "cnn-other-seed", answers_of(row("resnet50")), "cnn", seed=7)
    write_run(runs, "cnn_weighted", answers_of(row("cnn_weighted")))
    Report(runs, "--note", "cnn=stopped early", "--note", "cnn_weighted=a remark", "--note", "kiosk=no time")
    write_run(elsewhere(runs), "cnn", answers_of(row("cnn")))
    capsys.readouterr()
    report = Report(runs, "--keep", "--note", "kiosk=no data")
    assert "kept of the earlier report: cnn_weighted (published split)\n" in capsys.readouterr().out
    assert [run["run"] for run in report.results["runs"]] == ["cnn", "cnn_weighted"]
    assert report.test("cnn")["accuracy"]["correct"] == 174
    assert report.recipe("cnn")["further"] == []
    found = comparison(report, "cnn", "cnn_weighted")
    assert (found["right_a"], found["right_b"], found["pictures"]) == (174, 139, 230)
    # A remark on a run goes with the run, and one on a recipe that has none stays until there is another.
    notes = [report.recipe(recipe)["note"] for recipe in ("cnn", "cnn_weighted", "kiosk")]
    assert notes == [None, "a remark", "no data"]


def test_the_parts_of_a_recipe_are_kept_each_for_itself(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "cnn", answers_of(row("cnn")))
    write_run(runs, "cnn-again", answers_of(row("cnn")), "cnn")
    fold(runs, 1, "Cubism", right=3)
    groups(runs, "cnn")
    before = Report(runs, "--note", "cnn=a remark").recipe("cnn")

    write_run(elsewhere(runs), "cnn", answers_of(row("resnet50")))
    report = Report(runs, "--keep")
    assert report.test("cnn")["accuracy"]["correct"] == 124
    for part in ("cross_validation", "unseen_artists"):
        assert report.recipe("cnn")[part] == before[part]
    names = ["cnn", "cnn-1-of-2", "cnn-2-of-2", "cnn-fold-1"]
    assert [run["run"] for run in report.results["runs"]] == names
    assert (report.recipe("cnn")["repeats"], report.recipe("cnn")["note"]) == ([], None)

    fold(elsewhere(runs), 2, "Cubism", right=8)
    report = Report(runs, "--keep")
    assert report.recipe("cnn")["cross_validation"]["runs"] == ["cnn-fold-2"]
    assert report.recipe("cnn")["unseen_artists"] == before["unseen_artists"]
    assert report.test("cnn")["accuracy"]["correct"] == 124
    assert [run["run"] for run in report.results["runs"]] == [*names[:3], "cnn-fold-2"]


def test_a_repeated_training_is_kept_with_the_run_that_it_repeats(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "cnn", answers_of(row("cnn")))
    write_run(runs, "cnn-again", answers_of(row("cnn")), "cnn")
    before = Report(runs, "--note", "cnn=a remark").recipe("cnn")
    fold(elsewhere(runs), 1, "Cubism", right=3)
    report = Report(runs, "--keep")
    assert report.recipe("cnn") == before | {"cross_validation": report.recipe("cnn")["cross_validation"]}
    assert report.recipe("cnn")["further"] == ["cnn-again"]
    assert report.verdict("Does the same training give the same network?") == "every answer is the same"


def test_a_note_why_there_is_no_run_goes_when_there_is_one(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "kiosk", answers_of(row("cnn")))
    assert "not run: no time" in Report(runs, "--note", "cnn=no time").words
    fold(elsewhere(runs), 1, "Cubism", right=3)
    report = Report(runs, "--keep")
    assert report.recipe("cnn")["note"] is None
    assert "| only with artists held out or in folds: see below |" in report.text


def test_an_earlier_report_that_recorded_no_pictures(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for recipe in ("cnn_weighted", "resnet50", "resnet50_weighted", "resnet50_fine_tuned", "kiosk"):
        write_run(runs, recipe, answers_of(row("resnet50_fine_tuned" if recipe == "kiosk" else "cnn_weighted")))
    fold(runs, 1, "Cubism", right=3, recipe="resnet50")
    fold(runs, 1, "Cubism", right=3, recipe="resnet50_weighted")
    report = Report(runs)
    before = report.results["comparisons"]
    forget_pictures(report)
    assert main(["--from-json", "--out", str(report.out), "--html", str(report.html_path), "--runs", str(runs)]) == 0
    assert report.results["comparisons"] == before

    write_run(elsewhere(runs), "cnn", answers_of(row("cnn")))
    write_run(runs, "resnet50_pretrained", answers_of(row("resnet50_pretrained")))
    fold(runs, 1, "Cubism", right=3, recipe="resnet50")
    report = Report(runs, "--keep")
    assert report.code == 0
    # What was compared stays, where neither of the two was tested again; the two of here are compared anew.
    assert [c for c in report.results["comparisons"] if c in before] == [
        c for c in before if c["on"] == "published split"
    ]
    assert [c for c in report.results["comparisons"] if c not in before] == [
        comparison(report, "cnn", "resnet50_pretrained")
    ]
    assert (
        "CNN against CNN with class weights, on the published split: 174/230 = 75.7% (69.7% to 80.7%) and 139/230 ="
        " 60.4% (54.0% to 66.5%). Which pictures CNN with class weights had wrong is not recorded, so these counts"
        " alone are compared (Fisher's exact test, p < 0.001): the weights hurt."
    ) in report.words
    assert "Which pictures ResNet50 with class weights had wrong is not recorded" in report.words  # in the folds
    assert "ResNet50 against ResNet50 with class weights, on the 230 shared test pictures" in report.words
    assert report.verdict("Do class weights hurt?") == "it depends"
    assert report.verdict("Does fine-tuning beat the frozen backbone?") == "no, it is worse"
    assert report.verdict("Which recipe is best on the published split?") == "Kiosk, not alone"
    best = report.text.split("### Which recipe is best")[1].split("###")[0].split("\n- ")[1:]
    assert [" ".join(sentence.split()).split(" (")[0].split(":")[0] for sentence in best] == [
        "Kiosk has 203/230 = 88.3%",
        "Worse by McNemar's exact test",
        "Not told apart from it by the counts alone",
        "Worse by the counts alone",
        "Counts alone are compared where it is not recorded of both which pictures they had wrong.",
    ]


def test_what_cannot_be_kept_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "mine", answers_of(row("cnn")), "cnn")
    report = Report(runs)
    before = report.text
    write_run(elsewhere(runs), "mine", answers_of(row("cnn")), "kiosk")
    capsys.readouterr()
    assert Report(runs, "--keep").code == 2
    assert capsys.readouterr().err.startswith("report: --keep: mine is a run here and another one in the earlier")
    write_run(elsewhere(runs), "kiosk", answers_of(row("cnn")), styles=list(reversed(STYLES)))
    assert Report(runs, "--keep").code == 2
    assert capsys.readouterr().err == (
        "report: --keep: the earlier report is of other styles than the runs here: leave --keep out\n"
    )
    assert report.text == before


def test_the_page_has_thumbnails_and_the_documents_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs", "cnn", answers_of(row("cnn")))
    text = (folder / "split.csv").read_text()
    (tmp_path / "gone").mkdir()
    for number in (113, 114):  # the first two Impressionist pictures that are wrong
        Image.new("RGB", (600, 400), (200, 10, 10)).save(tmp_path / "gone" / f"Known_Painter_{number}.jpg")
    assert "gone/Known_Painter_113.jpg" in text
    report = Report(tmp_path / "runs")
    mistakes = next(run for run in report.results["runs"] if run["run"] == "cnn")["mistakes"]
    shown = [mistake for mistake in mistakes if mistake["file"] in ("Known_Painter_113.jpg", "Known_Painter_114.jpg")]
    page = report.html_path.read_text()
    assert page.count("data:image/jpeg;base64,") == len(shown)
    assert "http" not in page.replace("data:", "")
    assert [path.name for path in report.out.rglob("*.jpg")] == []
    assert mistakes[0]["truth"] != mistakes[0]["answer"]
    assert [m["confidence"] for m in mistakes] == sorted((m["confidence"] for m in mistakes), reverse=True)


def test_odd_runs_do_not_disturb(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    unseen = answers_of(dict.fromkeys(STYLES, 1), None, dict.fromkeys(STYLES, 2))
    write_run(runs, "cnn", [])  # no test pictures at all
    by_name = {"hold_out": {"names": ["somebody"], "group": 0, "groups": 0}}
    write_run(runs, "kiosk-somebody", answers_of(row("cnn")), "kiosk", unseen, **by_name)
    write_run(runs, "lonely", [], "lonely", unseen, hold_out={"names": [], "group": 2, "groups": 4})
    seventh = write_run(runs, "kiosk", answers_of(row("cnn")))
    outputs = np.load(seventh / "outputs.npy")
    np.save(seventh / "outputs.npy", np.hstack([outputs, np.full((len(outputs), 1), 2.0, np.float32)]))
    (seventh / "log.csv").unlink()
    report = Report(runs)
    assert report.code == 0
    assert report.recipe("kiosk")["further"] == ["kiosk-somebody"]
    assert report.test("kiosk")["accuracy"]["correct"] == 174
    assert report.recipe("lonely")["unseen_artists"]["test_of_same_runs"] is None
    assert report.recipe("lonely")["unseen_artists"]["over_groups"]["accuracy"]["low"] is None
    assert report.verdict("Is the published score the recognition of artists?") == "cannot be said here"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "nowhere"], "report: nowhere: no such folder; `make train` makes runs"),
        (["--runs", "."], "report: .: no finished run that can be measured"),
        (["--note", "resnet5O=x"], "report: --note resnet5O: no such recipe (there are cnn,"),
        (["--note", "cnn"], "report: --note cnn: write --note RECIPE="),
        (["--from-json"], "report: docs/results/reproduction.json: No such file"),
        (["--from-json", "bad.json"], "report: bad.json: no results of a report"),
        (["--from-json", "new.json"], "report: new.json: of version 99, and this program reads 1"),
        (["--from-json", "part.json"], "report: part.json: lacks comparisons, left_out, published, recipes, runs"),
        (["--from-json", "--note", "cnn=x"], "report: --note goes into the figures"),
        (["--from-json", "--keep"], "report: --keep adds to figures of runs, and --from-json reads no runs"),
        (["--keep"], "report: docs/results/reproduction.json: No such file or directory; without --keep it is made"),
        (["--keep", "--out", "new"], "report: new/results/reproduction.json: of version 99, and this program reads 1"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("[]")
    Path("part.json").write_text('{"schema_version": 1}')
    for path in (Path("new.json"), Path("new/results/reproduction.json")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"schema_version": 99}')
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(message)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "--note resnet50_pretrained=" in capsys.readouterr().out


def test_what_the_ablation_measured_is_taken_in(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_run(runs, "cnn", answers_of(row("cnn")))
    assert "python -m train ablate" in Report(runs).words
    figures = {"published_accuracy": 0.9, "other_styles_auroc": 0.8, "photographs_called_a_style": None}
    recall = {"the recipe": 0.7, "without it": 0.65}
    variants = {name: figures | {"unseen_mean_recall": mean, "groups": [mean, None]} for name, mean in recall.items()}
    (tmp_path / "docs" / "results" / "ablation.json").write_text(json.dumps({"groups": 2, "variants": variants}))
    assert "| without it | 65.0% | -5.0 | 65.0%, - | 90.0% | 0.800 | - | - | - |" in Report(runs).text
    (tmp_path / "docs" / "results" / "ablation.json").write_text("{")
    assert Report(runs).code == 2
