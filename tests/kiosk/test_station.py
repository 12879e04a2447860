from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import bundle
from kiosk.camera import CameraState
from kiosk.source import Pause, SourceLost
from kiosk.station import Station
from kiosk.watcher import LOOKS_PER_SECOND
from tests.stand_in import BLUE, GREEN, RED, Pixels, Scripted, painting, showing, until, write_bundle


def opened(folder: Path, source: Scripted) -> Station:
    station = Station(bundle.load(folder), "int8", source, threads=1)
    station.open()
    station.load()
    return station


def test_the_painting_in_view_is_named(station: Station) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    state = station.state()
    assert state["camera"] == "live"
    assert state["frame"] > 0
    assert 0 <= state["age_ms"] < 2000
    assert state["region"] == ((0, 0), (320, 0), (320, 320), (0, 320))
    assert set(state["timing_ms"]) == {"region", "quality", "prepare", "classify", "total"}


def test_only_the_middle_of_a_frame_counts(bundle_folder: Path) -> None:
    wide = np.hstack([painting(RED, 200, 200), painting(BLUE, 200, 200), painting(RED, 200, 200)])
    station = opened(bundle_folder, showing(wide))
    until(lambda: station.state()["style"] == "Expressionism")
    station.close()


def test_another_painting_is_another_answer(bundle_folder: Path) -> None:
    turned: list[float] = []

    def script(pause: Pause) -> Iterator[Pixels]:
        while True:
            yield painting(BLUE) if turned else painting(RED)
            pause(0.02)

    station = opened(bundle_folder, Scripted(script))
    until(lambda: station.state()["style"] == "Impressionism")
    turned.append(time.monotonic())
    until(lambda: station.state()["style"] == "Expressionism", timeout_s=2)
    station.close()


def test_a_camera_that_goes_takes_its_answer_along(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.camera.STALE_S", 0.3)
    gone: list[bool] = []

    def script(pause: Pause) -> Iterator[Pixels]:
        while not gone:
            yield painting(RED)
            pause(0.02)
        raise SourceLost("unplugged")

    station = opened(bundle_folder, Scripted(script))
    until(lambda: station.state()["style"] == "Impressionism")
    gone.append(True)
    until(lambda: station.state()["camera"] == "searching")
    until(lambda: station.state()["status"] == "no_painting")
    state = station.state()
    assert (state["style"], state["region"], state["age_ms"]) == (None, None, None)
    station.close()


def test_frames_that_cannot_be_judged_are_counted_and_passed_over(bundle_folder: Path) -> None:
    """Frames without a single pixel make OpenCV raise; those between them are still judged."""
    station = opened(bundle_folder, showing(painting(GREEN), np.zeros((0, 0, 3), np.uint8), fps=31))
    until(lambda: station.state()["style"] == "Cubism")
    until(lambda: b"vernissage_frames_failed_total 0.0" not in station.metrics.text())
    failed_at = station.state()["frame"]
    until(lambda: station.state()["frame"] > failed_at + 3)
    station.close()


def test_a_network_that_gives_no_numbers_recognises_nothing(tmp_path: Path) -> None:
    station = opened(write_bundle(tmp_path / "nan", known=float("nan")), showing(painting(GREEN)))
    until(lambda: station.state()["status"] == "unknown_style")
    assert station.state()["style"] is None
    station.close()


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
    station = Station(bundle.load(bundle_folder), "int8", showing(painting(RED)))
    station.open()
    jpeg = station.preview.wait_newer(0, timeout_s=2)
    assert jpeg is not None
    assert jpeg.data.startswith(b"\xff\xd8")
    assert station.judge is None
    assert station.state()["model"] is None
    assert station.state()["status"] == "no_painting"
    until(lambda: station.camera.state is CameraState.LIVE)
    station.close()


def test_a_frame_is_encoded_once_for_all(station: Station) -> None:
    first = station.preview.wait_newer(0, timeout_s=2)
    assert first is not None
    station.camera.close()
    until(lambda: station.camera.frames == (station.preview.wait_newer(0, 0.1) or first).number)
    assert station.preview.wait_newer(0, 0.1) is station.preview.wait_newer(0, 0.1)
