from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk import source
from kiosk.source import (
    CameraSource,
    DemoSource,
    FolderSource,
    SourceError,
    SourceLost,
    StreamSource,
    VideoSource,
    parse,
)
from tests.stand_in import BLUE, RED, encoded, painting


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "b.png").write_bytes(encoded(painting(RED, 160, 120), "PNG"))
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "pictures" / "c.jpg").write_bytes(encoded(painting(BLUE, 1600, 400)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("no video")
    writer = cv2.VideoWriter(str(tmp_path / "walk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in (50, 150, 250):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0", CameraSource(0), id="a number is a camera"),
        pytest.param("12", CameraSource(12), id="of any size"),
        pytest.param("/dev/video7", CameraSource("/dev/video7"), id="a device need not be there yet"),
        pytest.param("/dev/v4l/by-id/x", CameraSource("/dev/v4l/by-id/x"), id="nor one by its lasting name"),
        pytest.param("demo", DemoSource(), id="demo is the demonstration"),
        pytest.param("rtsp://u:p@h/live", StreamSource("rtsp://u:p@h/live"), id="a stream"),
        pytest.param("HTTP://h/x.mjpg", StreamSource("HTTP://h/x.mjpg"), id="a stream, shouted"),
        pytest.param("pictures", FolderSource(Path("pictures")), id="a folder of pictures"),
        pytest.param("walk.avi", VideoSource(Path("walk.avi")), id="a video"),
    ],
)
def test_parse(places: Path, text: str, expected: source.Source) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("nowhere.mp4", "try 0, a path, or demo", id="no such file"),
        pytest.param("", "holds no pictures|no camera", id="nothing at all"),
        pytest.param("-1", "no camera index", id="a negative number"),
        pytest.param("empty", "holds no pictures", id="a folder without pictures"),
        pytest.param("text.mp4", "no video that can be read", id="a file that is no video"),
        pytest.param("file:///etc/passwd", "is no stream", id="a URL of another kind"),
    ],
)
def test_parse_refuses(places: Path, text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_folder_shows_each_readable_picture_and_starts_again(places: Path) -> None:
    each = round(source.SLIDE_S * source.SLIDE_FPS)
    waits: list[float] = []
    shots = parse("pictures").shots(waits.append)
    seen = [shot.image_bgr for shot in islice(shots, 2 * each + 1)]
    assert [image.shape for image in seen[::each]] == [(120, 160, 3), (320, 1280, 3), (120, 160, 3)]
    assert seen[0][..., 2].mean() > seen[0][..., 0].mean(), "a red picture is red in BGR"
    assert sum(waits) == pytest.approx(2 * source.SLIDE_S)


def test_folder_that_goes_away_is_lost(places: Path) -> None:
    shots = parse("pictures").shots(lambda _: None)
    next(shots)
    for path in (places / "pictures").iterdir():
        path.unlink()
    (places / "pictures").rmdir()
    with pytest.raises(SourceLost):
        for _ in range(1000):
            next(shots)


def test_video_plays_at_its_own_rate_over_and_over(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += max(seconds, 0)

    monkeypatch.setattr(source.time, "monotonic", lambda: now)
    times, levels = [], []
    for shot in islice(parse("walk.avi").shots(wait), 7):
        times.append(now)
        levels.append(round(float(shot.image_bgr.mean()) / 50) * 50)
    assert levels == [50, 150, 250, 50, 150, 250, 50]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], abs=0.01)


def test_a_reader_that_is_late_gets_the_newest_of_a_video(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(source.time, "monotonic", lambda: now)
    shots = parse("walk.avi").shots(lambda _: None)
    next(shots)
    now = 0.25
    assert next(shots).image_bgr.mean() == pytest.approx(250, abs=5)


def test_a_missing_camera_is_looked_for_and_not_broken() -> None:
    with pytest.raises(SourceLost) as caught:
        next(CameraSource("/dev/video987").shots(lambda _: None))
    assert not caught.value.broken


@pytest.mark.parametrize(
    ("kind", "size", "corners"),
    [
        pytest.param(CameraSource(0), (1280, 720), ((280, 0), (1000, 0), (1000, 720), (280, 720)), id="wide"),
        pytest.param(CameraSource(0), (480, 640), ((0, 80), (480, 80), (480, 560), (0, 560)), id="upright"),
        pytest.param(FolderSource(Path()), (300, 200), ((0, 0), (300, 0), (300, 200), (0, 200)), id="a folder"),
    ],
)
def test_region(kind: source.Source, size: tuple[int, int], corners: object) -> None:
    assert kind.region(*size) == corners
