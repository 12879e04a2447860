from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bundle
from benchmarks import pipeline
from benchmarks.__main__ import main
from benchmarks.attendant import Look, Request, Watched
from benchmarks.pipeline import Cuts, PipelineError, Steady, Still
from benchmarks.playback import MARGIN, Playback
from benchmarks.scenes import Painting
from tests.stand_in import BLUE, GREEN, RED, painting


def look(
    at_s: float, style: str | None = "Cubism", *, picture: int = 0, since_s: float = -9.0, ms: float = 5.0
) -> Look:
    status = "recognised" if style else "unknown_style"
    timing_ms = {"classify": ms / 2, "total": ms}
    return Look(
        at_s=at_s, delay_ms=ms, picture=picture, since_s=since_s, status=status, style=style, timing_ms=timing_ms
    )


def watched(*looks: Look, seconds: float = 10.0) -> Watched:
    return Watched(
        looks=looks,
        seconds=seconds,
        frames=300,
        kiosk_cpu_s=2.0,
        capture_cpu_s=1.0,
        kiosk_rss_bytes=100,
        capture_rss_bytes=50,
        bare_ms=(2.0, 3.0, 4.0),
    )


def test_a_steady_run_is_counted_by_hand() -> None:
    slow = [look(number / 10, ms=4.0 if number < 50 else 10.0) for number in range(100)]
    steady = Steady.of(watched(*slow))
    assert (steady.looks, steady.frames, steady.longest_ms) == (100, 300, 10.0)
    assert (steady.first_half_p50_ms, steady.second_half_p50_ms, steady.growth_ms) == (4.0, 10.0, 6.0)
    assert steady.cpu_share == pytest.approx(0.3)
    assert steady.bare.p50_ms == 3.0
    assert steady.steps["classify"].p90_ms == 5.0


def test_too_few_answers_are_no_figure() -> None:
    with pytest.raises(PipelineError, match="only 1 answers"):
        Steady.of(watched(look(1.0)))


LABELS = ("Cubism", "Pop Art")


@pytest.mark.parametrize(
    ("sentence", "looks", "cuts", "reached", "within_bar", "wrong", "worst_s"),
    [
        (
            "from the first frame of the new painting to its label, whatever was shown until then",
            [look(2.1, "Cubism", picture=1, since_s=2.0), look(2.4, "Pop Art", picture=1, since_s=2.0)],
            *(1, 1, 1, 0, 0.4),
        ),
        ("later than the bar", [look(2.9, "Pop Art", picture=1, since_s=2.0)], 1, 1, 0, 0, 0.9),
        ("never", [look(2.9, None, picture=1, since_s=2.0)], 1, 0, 0, 0, None),
        (
            "a third style in between",
            [look(2.1, "Expressionism", picture=1, since_s=2.0), look(2.2, "Pop Art", picture=1, since_s=2.0)],
            *(1, 1, 1, 1, 0.2),
        ),
        ("the picture that was there when counting began is no cut", [look(1.0, "Cubism")], 0, 0, 0, 0, None),
        ("nor is one that was cut short", [look(9.5, "Pop Art", picture=1, since_s=9.0)], 0, 0, 0, 0, None),
    ],
)
def test_cuts_are_counted(
    sentence: str, looks: list[Look], cuts: int, reached: int, within_bar: int, wrong: int, worst_s: float | None
) -> None:
    found = Cuts.of(watched(*looks), LABELS)
    assert (found.cuts, found.reached, found.within_bar, found.wrong) == (cuts, reached, within_bar, wrong), sentence
    assert found.to_label_worst_s == (None if worst_s is None else pytest.approx(worst_s))


def test_label_changes_are_counted() -> None:
    shown = [look(number, style) for number, style in enumerate(["Cubism", "Cubism", None, "Cubism"])]
    still = Still.of(watched(*shown, seconds=120.0))
    assert (still.changes, still.in_ten_minutes) == (2, 10.0)
    assert still.shown == ("Cubism", "unknown_style")


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, ...]:
    """Two pictures with three noises each, for frames of 64 x 48."""
    paths = []
    for number in range(2):
        path = tmp_path / f"{number}.npy"
        shape = (3, 48 + 2 * MARGIN, 64 + 2 * MARGIN, 3)
        np.save(path, np.random.default_rng(number).integers(0, 255, shape).astype(np.uint8))
        paths.append(path)
    return tuple(paths)


def test_playback_keeps_time_and_says_which_picture_it_is(stored: tuple[Path, ...]) -> None:
    pauses: list[float] = []
    source = Playback(stored, 64, 48, rate_fps=10.0, hold_s=0.2, sways=False)
    # Nobody waits, so that frames are early and every one is given.
    shots = list(islice(source.shots(pauses.append), 5))
    assert [(shot.caption or "").split()[0] for shot in shots] == ["0", "0", "1", "1", "0"]
    assert pauses == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4], abs=0.05)
    assert all(shot.image_bgr.shape == (48, 64, 3) for shot in shots)
    assert not np.array_equal(shots[0].image_bgr, shots[1].image_bgr), "the noise is never the same twice"
    since = [float((shot.caption or "").split()[1]) for shot in shots]
    assert since[0] == since[1] and since[2] == since[3] and since[0] < since[2] < since[4]


def test_playback_sways_where_it_is_to(stored: tuple[Path, ...]) -> None:
    np.save(stored[0], np.load(stored[0])[:1])
    source = Playback(stored[:1], 64, 48, rate_fps=1.0, hold_s=1e6, sways=True)
    first, second = islice(source.shots(lambda _: None), 2)
    assert not np.array_equal(first.image_bgr, second.image_bgr)


@pytest.fixture
def hung() -> tuple[Painting, ...]:
    return tuple(Painting(painting(colour, 128, 128), label) for label, colour in enumerate((RED, GREEN, BLUE)))


def test_pictures_are_prepared_of_which_the_network_is_sure(
    bundle_folder: Path, hung: tuple[Painting, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_PICTURES", 2)
    monkeypatch.setattr(pipeline, "_VARIANTS", 2)
    monkeypatch.setattr(pipeline, "_SURE", 0.2)
    stage = pipeline.prepare(bundle.load(bundle_folder), "int8", hung, tmp_path, (320, 180), seed=1)
    assert len(set(stage.labels)) == 2
    assert set(stage.labels) <= {"Impressionism", "Cubism", "Expressionism"}
    stored = np.load(stage.pictures[0])
    assert stored.shape == (2, 180 + 2 * MARGIN, 320 + 2 * MARGIN, 3) and stored.dtype == np.uint8
    assert not np.array_equal(stored[0], stored[1])
    monkeypatch.setattr(pipeline, "_TRIES", 1)
    with pytest.raises(PipelineError, match="name paintings with --data"):
        pipeline.prepare(bundle.load(bundle_folder), "int8", hung, tmp_path, (320, 180), seed=1)


def test_a_kiosk_is_watched_in_a_process_of_its_own(bundle_folder: Path, tmp_path: Path) -> None:
    pictures = []
    for number, colour in enumerate((RED, GREEN)):
        picture = painting(colour, 320 + 2 * MARGIN, 240 + 2 * MARGIN)[..., ::-1]
        pictures.append(tmp_path / f"{number}.npy")
        np.save(pictures[-1], np.stack([picture, picture // 2 + 30]))
    request = Request(
        folder=bundle_folder,
        precision="int8",
        threads=1,
        pictures=tuple(pictures),
        width=320,
        height=240,
        rate_fps=15.0,
        hold_s=1.0,
        sways=True,
        settle_s=0.2,
        seconds=2.5,
        bare_runs=3,
    )
    found = pipeline.watch(request)
    assert len(found.looks) > 5 and found.frames > 15
    assert all(each.delay_ms > 0 and "total" in each.timing_ms for each in found.looks)
    assert {each.picture for each in found.looks} == {0, 1}
    assert len(found.bare_ms) == 3 and found.kiosk_cpu_s > 0 and found.capture_rss_bytes > 0
    with pytest.raises(PipelineError, match="no bundle here"):
        pipeline.watch(request.model_copy(update={"folder": tmp_path}))


def scripted(request: Request, progress: object = None) -> Watched:
    looks = [look(number / 10, "Cubism", ms=6.0) for number in range(40)]
    return watched(*looks, seconds=request.seconds)


def test_the_command_shows_bars_beside_figures(
    make_bundle: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "watch", scripted)
    monkeypatch.setattr(
        pipeline, "prepare", lambda *_: pipeline.Stage((tmp_path / "0.npy", tmp_path / "1.npy"), LABELS)
    )
    monkeypatch.setattr("benchmarks.localization._DRAWN", 1)
    target = tmp_path / "pipeline.json"
    assert main(["pipeline", str(make_bundle()), "--seconds", "10", "--json", str(target)]) == 0
    report = json.loads(target.read_text())
    assert (report["width"], report["height"], report["rate_fps"]) == (1920, 1080, 30.0)
    assert report["steady"]["delay"]["p50_ms"] == 6.0 and report["steady"]["bare"]["p50_ms"] == 3.0
    out = capsys.readouterr().out
    assert "arrival to label / bare inference" in out and "2.00" in out and "60%" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no bundle here"),
        (["--size", "wide"], "is no size such as 1920x1080"),
        (["--seconds", "0"], "is not a number above 0"),
    ],
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    try:
        code = main(["pipeline", *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2 and line.startswith("benchmarks:") and words in line
