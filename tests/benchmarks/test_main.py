"""`python -m benchmarks run`, on a bundle and pictures whose figures can be counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.benchmarks.conftest import Museum, Outcome, styles_claim
from tests.stand_in import write_bundle

ROOT = Path(__file__).parents[2]
Bench = Callable[..., Outcome]
MakeBundle = Callable[..., Path]

# The manifest of the test says that contents below the middle of the range were seen.
SEEN_BELOW = 8 * 16**7


def is_seen(sha256: str) -> bool:
    return int(sha256[:8], 16) < SEEN_BELOW


@pytest.fixture(scope="module")
def measured(museum: Museum, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run over everything, as a process, fp32 beside int8."""
    root = tmp_path_factory.mktemp("measured")
    folder = write_bundle(root / "stand-in", precisions=("int8", "fp32"))
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["dataset"] |= {
        "artists": ["Tina Trained", "Tom Negative"],
        "test_sha256": [museum.hashes["test_right"], museum.hashes["test_wrong"], "f" * 64],
        "photographs_seen_share": 0.5,
    }
    # int8 is made stricter than fp32: above what the stand-in says of any but the scarlet picture.
    manifest["files"][0]["known"]["threshold"] = 0.99999
    manifest["hold_outs"] = {"int8": {"unseen_artists": styles_claim(30, 40)}}
    (folder / "bundle.json").write_text(json.dumps(manifest))
    target = root / "new" / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "run", str(folder), "--data", str(museum.data)),
            *("--photos", str(museum.photos), "--json", str(target), "--threads", "1", "--length", "quick"),
            *("--runtimes", "onnxruntime", "--no-peers", "--no-kiosk"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert target.exists(), done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr, json.loads(target.read_text()))


FP32_FILE, INT8_FILE = "model.fp32.onnx", "model.int8.onnx"
RUNTIME = "onnxruntime CPU"
FP32, INT8 = f"{FP32_FILE} | {RUNTIME}", f"{INT8_FILE} | {RUNTIME}"
NAME = "stand-in"


@pytest.mark.parametrize(
    ("sentence", "path", "expected"),
    [
        ("test pictures are found by content", f"pictures.{NAME}.published_test", 2),
        ("one that the manifest lists is not there", f"pictures.{NAME}.published_test_listed", 3),
        ("six paintings of styles by two strangers", f"pictures.{NAME}.unseen_artists", 6),
        ("three of the Baroque by a stranger", f"pictures.{NAME}.other_styles", 3),
        (
            "the rest of Tina's, her picture in another folder's way, and Tom's",
            f"pictures.{NAME}.trained_not_scored",
            3,
        ),
        ("Bo is neither one style nor none", f"pictures.{NAME}.ambiguous_not_scored", 1),
        ("of Tina's two, red is right and green is not", f"{FP32}.published_test.accuracy.correct", 1),
        ("out of two", f"{FP32}.published_test.accuracy.total", 2),
        ("one of the strangers' six is wrong", f"{FP32}.unseen_artists.accuracy.correct", 5),
        ("three of Ulf's four", f"{FP32}.unseen_artists.recall.Expressionism.value", 3 / 4),
        ("both of Una's", f"{FP32}.unseen_artists.recall.Cubism.value", 1.0),
        ("no picture, no figure", f"{FP32}.unseen_artists.recall.Pop Art.value", None),
        (
            "the mean is over the two styles that have pictures",
            f"{FP32}.unseen_artists.mean_recall.value",
            7 / 8,
        ),
        ("the two grey ones are refused", f"{FP32}.other_styles.refused.correct", 2),
        ("all six by strangers are let in", f"{FP32}.other_styles.accepted.correct", 6),
        ("greys are below the six, scarlet is above", f"{FP32}.other_styles.auroc.value", 2 / 3),
        ("the stricter file refuses all of the styles", f"{INT8}.other_styles.accepted.correct", 0),
        ("and still lets scarlet in", f"{INT8}.other_styles.refused.correct", 2),
        ("in points", f"{INT8}.difference_to_fp32.other_styles/refused.points", 0.0),
        ("the same graph is right as often", f"{INT8}.difference_to_fp32.published_test/accuracy.points", 0.0),
        ("fp32 is compared with nothing", f"{FP32}.difference_to_fp32", {}),
        ("a hold-out's figure is the manifest's", "recorded_hold_outs.int8.unseen_artists.accuracy.value", 0.75),
        ("fp32 has no ratio to itself", "rows.1.ratio", None),
        ("threads stop to wait awake with the run", "rows.0.description.session/force_spinning_stop", "1"),
        ("all ten turns are kept", "length.turns", 10),
        ("the same graph answers alike", f"{INT8}.agreement.value", 1.0),
        ("to the last bit", f"{INT8}.logits_max_difference", 0.0),
        ("the float network agrees with nothing", f"{FP32}.agreement", None),
        (
            "of the one style in the test, half are found, and nothing else is called so",
            f"{FP32}.published_test.macro_f1",
            2 / 3,
        ),
        ("the form of the report has a number", "schema_version", 2),
    ],
)
def test_figures_can_be_counted_by_hand(measured: Outcome, sentence: str, path: str, expected: object) -> None:
    value: Any = {**measured.report, **measured.report["accuracy"]}
    file = next((name for name in (FP32, INT8) if path.startswith(name)), "")
    if file:
        value, path = value[file], path.removeprefix(f"{file}.")
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value[part.replace("/", ".")]
    assert value == pytest.approx(expected), sentence


def test_only_photographs_that_were_not_seen_are_the_figure(measured: Outcome, museum: Museum) -> None:
    photographs = {name: sha256 for name, sha256 in museum.hashes.items() if name.startswith(("wall", "bus"))}
    unseen = [name for name, sha256 in photographs.items() if not is_seen(sha256)]
    assert 0 < len(unseen) < 9, "the pictures of this test should fall on both sides"
    figure = measured.report["accuracy"][FP32]["photographs"]["called_a_style"]
    assert figure["total"] == len(unseen)
    assert figure["correct"] == sum(name.startswith("bus") for name in unseen)
    everything = measured.report["accuracy"][FP32]["photographs_all"]["called_a_style"]
    assert (everything["correct"], everything["total"]) == (4, 9)
    stricter = measured.report["accuracy"][INT8]["difference_to_fp32"]["photographs.called_a_style"]
    assert stricter["lost"] == figure["correct"]
    assert stricter["points"] == pytest.approx(-100 * figure["correct"] / figure["total"])


def test_every_share_has_its_interval(measured: Outcome) -> None:
    def walk(value: object) -> None:
        if isinstance(value, dict):
            if "interval" in value and value.get("value") is not None:
                low, high = value["interval"]
                assert low <= value["value"] <= high
                assert value["total"] > 0
            for part in value.values():
                walk(part)

    walk(measured.report["accuracy"])


def test_each_file_has_latency_and_memory_of_its_own(measured: Outcome) -> None:
    rows = measured.report["rows"]
    assert [(row["file"], row["runtime"], row["threads"]) for row in rows] == [
        (INT8_FILE, RUNTIME, 1),
        (FP32_FILE, RUNTIME, 1),
    ]
    for row in rows:
        stream = row["single_stream"]
        assert 0 < stream["p50_ms"] <= stream["p90_ms"] <= stream["p99_ms"]
        assert stream["p90_ms"] <= stream["p90_early_stopping_ms"]
        assert len(stream["turns_p50_ms"]) == 10 and len(stream["percentiles_ms"]) == 101
        assert 0 < row["start_rss_bytes"] <= row["loaded_rss_bytes"] <= 1.01 * row["peak_rss_bytes"]
    low, high = rows[0]["ratio"]["interval"]
    assert low <= rows[0]["ratio"]["value"] <= high


def test_the_machine_is_described(measured: Outcome) -> None:
    machine = measured.report["machine"]
    assert machine["cpu"] and machine["onnxruntime"] and machine["memory_bytes"] > 0
    assert {"avx2", "avx512_vnni", "amx_int8"} <= set(machine["flags"])


def test_the_terminal_shows_what_is_measured_and_what_is_not(measured: Outcome) -> None:
    assert measured.code == 0
    assert "2 of the 3 published test pictures" in measured.out
    assert "NOT measured now" in measured.out
    assert "MLPerf-style" in measured.out
    assert "report.json" in measured.out and "report.html" in measured.out


def test_what_was_left_out_is_said(measured: Outcome) -> None:
    skipped = "\n".join(measured.report["pictures"][NAME]["skipped"])
    assert "broken.jpg: not a picture" in skipped
    assert "zz_copy.png: same content as unseen_1.png" in skipped


@pytest.mark.parametrize(
    ("sentence", "claim", "code", "words"),
    [
        ("the claim is what was measured", (1, 2), 0, ""),
        (
            "the claim is better than the truth",
            (2, 2),
            1,
            "measured 1/2 = 50.0% (9.5% to 90.5%) on the published test in onnxruntime CPU, but",
        ),
        ("not all of its pictures are at hand", (200, 230), 0, "2 of its 230 pictures were found"),
    ],
)
def test_a_manifest_is_held_to_its_claims(
    make_bundle: MakeBundle,
    bench: Bench,
    museum: Museum,
    sentence: str,
    claim: tuple[int, int],
    code: int,
    words: str,
) -> None:
    outcome = bench(make_bundle(claim=claim), "--data", museum.data)
    assert outcome.code == code, sentence
    assert words in outcome.out
    assert len(outcome.report["contradictions"]) == code


def test_nothing_to_judge_by_is_one_clear_line(
    make_bundle: MakeBundle, bench: Bench, tmp_path: Path, museum: Museum
) -> None:
    trained = Museum(tmp_path / "trained", tmp_path / "none")
    trained.hang("Tina Trained", "Impressionism", only=(220, 40, 40))
    outcome = bench(make_bundle(), "--data", trained.data)
    assert outcome.code == 0
    (line,) = (line for line in outcome.report["notes"] if "no accuracy" in line)
    assert "none of the 2 published test pictures" in line
    assert line in outcome.out


def test_without_strangers_the_test_pictures_are_the_reference(
    make_bundle: MakeBundle, bench: Bench, tmp_path: Path
) -> None:
    small = Museum(tmp_path / "small", tmp_path / "none")
    small.hang("Tina Trained", "Impressionism", a=(200, 40, 40), b=(40, 200, 40))
    small.hang("Otto Other", "Baroque", c=(120, 120, 120))
    folder = make_bundle(
        dataset={
            "fingerprint": "0" * 64,
            "pictures": {},
            "artists": ["Tina Trained"],
            "test_sha256": [small.hashes["a"], small.hashes["b"]],
        }
    )
    others = bench(folder, "--data", small.data).report["accuracy"][INT8]["other_styles"]
    assert others["pictures"].endswith("against published test pictures")
    assert (others["auroc"]["value"], others["accepted"]["correct"], others["accepted"]["total"]) == (1, 2, 2)


def no_bundle(folder: Path, museum: Museum) -> list[object]:
    return [folder.parent / "nothing"]


def altered(folder: Path, museum: Museum) -> list[object]:
    (folder / INT8_FILE).write_bytes(b"x" * (folder / INT8_FILE).stat().st_size)
    return [folder]


def incomplete(folder: Path, museum: Museum) -> list[object]:
    write_bundle(folder, outputs=("probabilities", "known", "logits"))
    return [folder]


def no_artists(folder: Path, museum: Museum) -> list[object]:
    return [folder, "--data", museum.photos]


def no_photographs(folder: Path, museum: Museum) -> list[object]:
    (folder.parent / "empty").mkdir()
    return [folder, "--photos", folder.parent / "empty"]


def missing_photographs(folder: Path, museum: Museum) -> list[object]:
    return [folder, "--photos", folder.parent / "nothing"]


def folder_as_report(folder: Path, museum: Museum) -> list[object]:
    (folder.parent / "report.json").mkdir()
    return [folder]


def wrong_runtime(folder: Path, museum: Museum) -> list[object]:
    return [folder, "--runtimes", "onnxruntme"]


def no_split(folder: Path, museum: Museum) -> list[object]:
    return [folder, "--split", museum.data]


def split_and_data(folder: Path, museum: Museum) -> list[object]:
    return [folder, "--split", museum.data, "--data", museum.data]


def bad_option(folder: Path, museum: Museum) -> list[object]:
    return [folder, "--threads", "many"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_bundle, "no bundle here"),
        (altered, "another SHA-256"),
        (incomplete, "evidence"),
        (no_artists, "artists.csv"),
        (no_photographs, "no readable pictures"),
        (missing_photographs, "no such folder"),
        (folder_as_report, "is a folder"),
        (wrong_runtime, "no such runtime; there are"),
        (no_split, "no split of a run"),
        (split_and_data, "leave out --data"),
        (bad_option, "'many' is not a whole number"),
    ],
)
def test_bad_input_is_one_line(
    make_bundle: MakeBundle,
    tmp_path: Path,
    museum: Museum,
    bench: Bench,
    spoil: Callable[[Path, Museum], list[object]],
    words: str,
) -> None:
    outcome = bench(*spoil(make_bundle(), museum))
    assert outcome.code == 2
    assert not outcome.out
    # Before it stand the names of the parts that were begun.
    *_, line = outcome.err.splitlines()
    assert line.startswith("benchmarks:") and words in line
    assert "Traceback" not in outcome.err
    assert not outcome.report
    assert not list(tmp_path.glob(".report*")), "nothing half written is left behind"


def test_help_teaches_by_examples(bench: Bench) -> None:
    outcome = bench("--help")
    assert outcome.code == 0
    assert "python -m benchmarks run models/default --data" in outcome.out


def split_of(folder: Path, museum: Museum, rows: list[tuple[str, str, str, int, str]]) -> Path:
    """A ``split.csv`` of `rows`: artist, name of the picture, label, published, part."""
    path = folder.parent / "split.csv"
    lines = ["sha256,artist,label,published,part,path"]
    for artist, name, label, published, part in rows:
        picture = museum.data / "images" / "images" / artist.replace(" ", "_") / f"{name}.png"
        lines.append(f"{museum.hashes[name]},{artist},{label},{published},{part},{picture}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_a_split_left_out_is_scored(make_bundle: MakeBundle, bench: Bench, museum: Museum) -> None:
    folder = make_bundle()
    split = split_of(
        folder,
        museum,
        [
            ("Tina Trained", "test_right", "Impressionism", 1, "test"),
            ("Tina Trained", "test_wrong", "Impressionism", 1, "test"),
            ("Tina Trained", "trained", "Impressionism", 1, "train"),
            ("Tom Negative", "trained_negative", "none of the styles", 0, "unseen"),
            ("Otto Other", "other_1", "none of the styles", 0, "unseen"),
            ("Una Unseen", "unseen_4", "Cubism", 0, "unseen"),
            ("Una Unseen", "unseen_5", "Cubism", 0, "validation"),
        ],
    )
    outcome = bench(folder, "--split", split)
    found = outcome.report["accuracy"][INT8]
    assert (found["published_test"]["accuracy"]["correct"], found["published_test"]["accuracy"]["total"]) == (1, 2)
    assert found["unseen_artists"]["accuracy"]["total"] == 1, "validation is not judged by"
    assert found["other_styles"]["refused"]["total"] == 1, "Tom was trained on by this bundle, whatever the split says"
    assert outcome.report["pictures"][NAME]["trained_not_scored"] == 1


@pytest.mark.parametrize(
    ("sentence", "number", "code"), [("as Ctrl+C does", signal.SIGINT, 130), ("and kill", signal.SIGTERM, 143)]
)
def test_an_end_takes_everything_with_it(
    make_bundle: MakeBundle, tmp_path: Path, sentence: str, number: int, code: int
) -> None:
    process, workers = started_run(make_bundle(), tmp_path)
    process.send_signal(number)
    assert process.wait(30) == code, sentence
    assert all_gone(workers)
    assert not list((tmp_path / "tmp").iterdir())


def test_workers_die_with_a_parent_that_is_killed(make_bundle: MakeBundle, tmp_path: Path) -> None:
    process, workers = started_run(make_bundle(), tmp_path)
    process.kill()
    process.wait(30)
    assert all_gone(workers)


def started_run(folder: Path, tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """A run whose workers take turns by now."""
    (tmp_path / "tmp").mkdir()
    with (tmp_path / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks", "run", str(folder), "--runtimes", "onnxruntime"),
                *("--threads", "1", "2", "--length", "full", "--no-peers", "--no-kiosk"),
                *("--json", str(tmp_path / "report.json")),
            ],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
            stderr=stderr,
        )
    while "SingleStream" not in (tmp_path / "stderr").read_text():
        assert process.poll() is None
        time.sleep(0.1)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) == 2
    return process, workers


def all_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=20)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
