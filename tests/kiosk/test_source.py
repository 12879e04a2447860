from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pytest

from kiosk import source
from kiosk.source import (
    CameraSettings,
    CameraSource,
    DemoSource,
    Fault,
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
        pytest.param("/dev/null", "no camera index", id="a device that is no camera"),
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
        assert shot is not None
        assert shot.arrived_s == now
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
    shot = next(shots)
    assert shot is not None
    assert shot.image_bgr.mean() == pytest.approx(250, abs=5)


def test_settings_are_for_cameras() -> None:
    settings = CameraSettings(1920, 1080, 15, exposure_ms=20)
    assert parse("1", settings) == CameraSource(1, settings)
    assert parse("/dev/video1", settings) == CameraSource("/dev/video1", settings)
    assert parse("demo", settings) == DemoSource()


@dataclass
class Driver:
    """What OpenCV makes of a camera: `gives` are the properties that it does not let be set, and `frames`
    what comes of each read (None: it cannot be decoded)."""

    opens: bool = True
    gives: dict[int, float] = field(default_factory=dict)
    frames: list[np.ndarray | None] = field(default_factory=list)
    asked: dict[int, float] = field(default_factory=dict)

    def __call__(self, name: int | str, backend: int, settings: list[int]) -> Self:
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def set(self, name: int, value: float) -> bool:
        self.asked[name] = value
        return name not in self.gives

    def get(self, name: int) -> float:
        return self.gives.get(name, self.asked.get(name, 0.0))

    def grab(self) -> bool:
        return bool(self.frames)

    def retrieve(self, buffer: np.ndarray | None) -> tuple[bool, np.ndarray | None]:
        frame = self.frames.pop(0)
        return frame is not None, frame

    def release(self) -> None:
        self.frames.clear()


FULL = np.zeros((720, 1280, 3), np.uint8)
SMALL = np.zeros((480, 640, 3), np.uint8)


@pytest.fixture
def device(tmp_path: Path) -> str:
    (tmp_path / "video").touch()
    return str(tmp_path / "video")


@pytest.mark.parametrize(
    ("settings", "driver", "complaint"),
    [
        pytest.param(CameraSettings(), Driver(frames=[FULL]), "", id="it gives what is asked"),
        pytest.param(CameraSettings(), Driver(frames=[SMALL]), "640x480 for 1280x720", id="another size"),
        pytest.param(
            CameraSettings(rate_fps=60),
            Driver(frames=[FULL], gives={cv2.CAP_PROP_FPS: 30}),
            "30 frames a second for 60",
            id="another rate",
        ),
        pytest.param(
            CameraSettings(exposure_ms=20),
            Driver(frames=[FULL], gives={cv2.CAP_PROP_EXPOSURE: 157}),
            "an exposure of 15.7 ms for 20 ms",
            id="another exposure",
        ),
        pytest.param(CameraSettings(exposure_ms=20), Driver(frames=[FULL]), "", id="an exposure that it takes"),
    ],
)
def test_a_camera_is_asked_for_its_settings_and_what_differs_is_said(
    device: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: CameraSettings,
    driver: Driver,
    complaint: str,
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", driver)
    driver.frames *= 3
    shots = list(islice(CameraSource(device, settings).shots(lambda _: None), 3))
    assert len(shots) == 3
    assert driver.asked[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert driver.asked[cv2.CAP_PROP_FRAME_WIDTH] == settings.width
    assert driver.asked[cv2.CAP_PROP_FRAME_HEIGHT] == settings.height
    assert driver.asked[cv2.CAP_PROP_FPS] == settings.rate_fps
    automatic = settings.exposure_ms is None
    assert driver.asked[cv2.CAP_PROP_AUTO_EXPOSURE] == (3 if automatic else 1), "as V4L2 counts"
    assert driver.asked.get(cv2.CAP_PROP_EXPOSURE) == (None if automatic else 200), "in units of 100 us"
    said = [record.getMessage() for record in caplog.records]
    assert said == ([f"camera {device} gives {complaint}"] if complaint else [])


def test_a_frame_that_cannot_be_decoded_is_passed_on_as_none(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Driver(frames=[None, FULL]))
    first, second = islice(CameraSource(device).shots(lambda _: None), 2)
    assert first is None
    assert second is not None


def test_why_a_camera_gives_nothing(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault() -> Fault:
        with pytest.raises(SourceLost) as caught:
            next(CameraSource(device).shots(lambda _: None))
        return caught.value.fault

    monkeypatch.setattr(cv2, "VideoCapture", Driver())
    assert fault() is Fault.NO_FRAMES
    monkeypatch.setattr(cv2, "VideoCapture", Driver(opens=False))
    assert fault() is Fault.BUSY
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert fault() is Fault.NOT_PERMITTED
    Path(device).unlink()
    assert fault() is Fault.NO_CAMERA


def test_a_camera_that_is_unplugged_while_it_is_read_is_gone(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Driver(frames=[FULL]))
    shots = CameraSource(device).shots(lambda _: None)
    next(shots)
    Path(device).unlink()
    with pytest.raises(SourceLost) as caught:
        next(shots)
    assert caught.value.fault is Fault.NO_CAMERA


def test_a_stream_that_does_not_answer_is_lost_and_its_password_kept() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceLost) as caught:
        next(StreamSource(f"http://me:secret@127.0.0.1:{port}/live.mjpg").shots(lambda _: None))
    assert caught.value.fault is Fault.STREAM_LOST
    assert "secret" not in str(caught.value)
