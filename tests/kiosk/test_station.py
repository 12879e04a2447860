from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import bundle
from kiosk.camera import CameraState
from kiosk.judge import Finding, Judge
from kiosk.settings import Settings
from kiosk.station import Station
from kiosk.watcher import LOOKS_PER_SECOND
from tests.scripted import Captioned, Crash, Freezing, Hang, Lose, Scripted, SetClock, Show, scripted, showing
from tests.stand_in import BLUE, GREEN, RED, Pixels, painting, until, write_bundle

LIT = painting(GREEN)


def opened(folder: Path, source: Scripted) -> Station:
    station = Station(bundle.load(folder), Settings(threads=1), source)
    station.open()
    station.load()
    return station


def test_the_painting_in_view_is_named(station: Station) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    state = station.state()
    assert state["camera"] == "live"
    assert state["frame"] > 0
    assert 0 <= state["age_ms"] < 2000
    # The picture fills the frame: nowhere does a canvas end, and so its middle is looked at, which is said.
    assert (state["view"], state["painting"], state["guidance"]) == ("centre", None, "show_painting")
    assert state["region"] == [[0, 0], [320, 0], [320, 320], [0, 320]]
    assert set(state["timing_ms"]) == {"locate", "rectify", "quality", "classify", "total"}
    assert state["model"]["provider"] == "CPU"


def test_only_the_middle_of_a_frame_counts(bundle_folder: Path) -> None:
    wide = np.hstack([painting(RED, 200, 200), painting(BLUE, 200, 200), painting(RED, 200, 200)])
    station = opened(bundle_folder, showing(wide))
    until(lambda: station.state()["style"] == "Expressionism")
    station.close()


def test_another_painting_is_another_answer(bundle_folder: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned"
    station = opened(bundle_folder, scripted(Show((painting(RED),), until=turned), Show((painting(BLUE),))))
    until(lambda: station.state()["style"] == "Impressionism")
    turned.touch()
    until(lambda: station.state()["style"] == "Expressionism", timeout_s=2)
    station.close()


def test_a_camera_that_goes_takes_its_answer_along(bundle_folder: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    station = opened(bundle_folder, scripted(Show((painting(RED),), until=gone), Lose()))
    until(lambda: station.state()["style"] == "Impressionism")
    gone.touch()
    until(lambda: station.state()["camera"] == "searching")
    until(lambda: station.state()["age_ms"] is None)
    state = station.state()
    assert (state["status"], state["style"], state["region"]) == ("no_painting", None, None)
    station.close()


def test_frames_that_cannot_be_judged_are_counted_and_passed_over(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging the blue one raises an error; those between are still judged, and the answer stays."""
    look = Judge.look

    def particular(judge: Judge, picture: Pixels) -> Finding:
        if picture[..., 2].mean() > 150:
            raise ValueError("not this one")
        return look(judge, picture)

    monkeypatch.setattr(Judge, "look", particular)
    # An odd number of pictures: of an even one, looks at every second frame might never see the last.
    station = opened(bundle_folder, showing(*[painting(GREEN)] * 6, painting(BLUE), fps=31))
    until(lambda: station.state()["style"] == "Cubism")
    until(lambda: b"vernissage_frames_failed_total 0.0" not in station.metrics.text())
    failed_at = station.state()["frame"]
    until(lambda: station.state()["frame"] > failed_at + 3)
    station.close()


def test_a_network_that_gives_no_numbers_recognises_nothing(tmp_path: Path) -> None:
    station = opened(write_bundle(tmp_path / "nan", known=float("nan")), showing(painting(GREEN)))
    until(lambda: station.state()["status"] == "model_fault")
    assert station.state()["style"] is None
    station.close()


def test_a_caption_goes_with_the_answer_that_was_given_before_it(bundle_folder: Path) -> None:
    """Never the caption of one painting with the answer to another, while that is held over."""
    expected = {"red": "Impressionism", "blue": "Expressionism"}
    steps = [Show((painting(colour),), times=60) for colour in (RED, BLUE)] * 5
    station = opened(bundle_folder, Captioned(tuple(steps), ("red", "blue") * 5))
    seen = set()
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        state = station.state()
        caption = state["source"]["caption"]
        seen.add(caption)
        assert caption is None or state["style"] in {None, expected[caption]}
        time.sleep(0.01)
    assert {"red", "blue"} <= seen
    station.close()


def test_settings_have_a_version_that_goes_up(station: Station, bundle_folder: Path) -> None:
    first = station.state()["settings_version"]
    station.change(idle_s=station.settings.idle_s)
    assert station.state()["settings_version"] == first, "nothing has changed"
    station.change(idle_s=77)
    assert station.state()["settings_version"] > first
    again = Station(bundle.load(bundle_folder), source=showing(painting(RED)))
    assert again.settings_version not in {first, station.settings_version}


def test_looks_are_limited_and_the_label_is_quick(station: Station) -> None:
    until(lambda: station.state()["frame"] > 0)
    sample = station.metrics.registry.get_sample_value
    count = "vernissage_frame_to_label_seconds_count"
    looks, started = sample(count) or 0, time.monotonic()
    time.sleep(0.6)
    rate = ((sample(count) or 0) - looks) / (time.monotonic() - started)
    assert 2 < rate <= LOOKS_PER_SECOND * 1.2
    frames, dropped = sample("vernissage_frames_total") or 0, sample("vernissage_frames_dropped_total") or 0
    assert dropped > 0
    assert dropped + (sample(count) or 0) == pytest.approx(frames, abs=8)


def test_before_loading_there_is_a_picture_and_no_answer(bundle_folder: Path) -> None:
    station = Station(bundle.load(bundle_folder), source=showing(painting(RED)))
    station.open()
    jpeg = station.preview.wait_newer(0, timeout_s=5)
    assert jpeg is not None
    assert jpeg.data.startswith(b"\xff\xd8")
    assert station.judge is None
    assert station.state()["model"] is None
    assert station.state()["status"] == "no_painting"
    until(lambda: station.camera.state is CameraState.LIVE)
    station.close()


def test_a_frame_is_encoded_once_for_all(station: Station) -> None:
    first = station.preview.wait_newer(0, timeout_s=5)
    assert first is not None
    station.camera.close()
    until(lambda: station.camera.frames == (station.preview.wait_newer(0, 0.1) or first).number)
    assert station.preview.wait_newer(0, 0.1) is station.preview.wait_newer(0, 0.1)


# The last one comes at another moment between two looks each time.
@pytest.mark.parametrize("frames", range(12, 18))
def test_once_the_camera_has_gone_no_frame_of_before_is_shown(bundle_folder: Path, frames: int) -> None:
    station = Station(bundle.load(bundle_folder), source=scripted(Show((LIT,), fps=60, times=frames), Lose()))
    station.load()
    station.open()
    until(lambda: station.watcher.showing.frame)
    until(lambda: station.watcher.showing.frame is None)
    gone, version = station.camera.frames, station.watcher.showing.version
    after = station.watcher.wait_newer(version, timeout_s=0.4).frame
    assert after is None or after.number > gone, "it has been opened again"
    station.close()


@pytest.mark.parametrize(
    ("source", "camera", "fault", "status"),
    [
        pytest.param(scripted(Lose()), "searching", "no_camera", "no_painting", id="no camera"),
        pytest.param(scripted(Show((LIT,), times=3), Lose()), "recovering", "no_camera", "no_painting", id="unplugged"),
        pytest.param(scripted(Show((LIT,), times=3), Hang()), "recovering", "hung", "no_painting", id="a hung read"),
        pytest.param(Freezing((Show((LIT,)),)), "recovering", "frozen", "no_painting", id="a frozen picture"),
        pytest.param(Freezing((Show((LIT // 50,)),)), "live", "black", "too_dark", id="a black picture"),
        pytest.param(showing(None), "recovering", "corrupt", "no_painting", id="corrupt frames"),
        pytest.param(scripted(Show((LIT,), times=3), Crash()), "recovering", "crashed", "no_painting", id="a crash"),
        pytest.param(
            scripted(SetClock(), Show((LIT, LIT[:, ::-1]))), "live", None, "recognised", id="a clock that jumps"
        ),
    ],
)
def test_a_fault_of_the_camera_is_named_in_state_and_metrics(
    bundle_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: Scripted,
    camera: str,
    fault: str | None,
    status: str,
) -> None:
    for limit, seconds in {
        "STALE_S": 0.3,
        "HUNG_S": 0.6,
        "FROZEN_S": 0.6,
        "BLACK_S": 0.4,
        "FIRST_RETRY_S": 60.0,
    }.items():
        monkeypatch.setattr(f"kiosk.camera.{limit}", seconds)
    station = opened(bundle_folder, source)

    def named() -> bool:
        state = station.state()
        return (state["camera"], state["camera_fault"], state["status"]) == (camera, fault, status)

    until(named, timeout_s=15)
    metrics = station.metrics.text().decode()
    assert f'vernissage_camera_state{{state="{camera}"}} 1.0' in metrics
    assert fault is None or f'vernissage_camera_fault{{fault="{fault}"}} 1.0' in metrics
    if status != "recognised":
        assert station.state()["style"] is None
    station.close()
    assert station.metrics.registry.get_sample_value("vernissage_frames_failed_total") == 0


def test_where_no_frame_can_be_judged_the_last_style_does_not_stay(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    look = Judge.look

    def failing(judge: Judge, picture: Pixels) -> Finding:
        if broken.exists():
            raise RuntimeError("the driver is not what it was")
        return look(judge, picture)

    monkeypatch.setattr(Judge, "look", failing)
    station = opened(bundle_folder, showing(painting(GREEN)))
    until(lambda: station.state()["style"] == "Cubism")
    broken.touch()
    until(lambda: station.state()["status"] == "model_fault")
    assert station.state()["style"] is None
    broken.unlink()
    until(lambda: station.state()["style"] == "Cubism")
    station.close()
