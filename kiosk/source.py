"""Where frames come from: the option ``--source`` parsed, and one class for each kind of source.

A source only knows how to open itself and give one picture after the other; threads, retries and time
limits are `camera`'s business. `shots` may block and may raise `SourceLost` at any time.
"""

from __future__ import annotations

import logging
import math
import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import cv2
import numpy as np
import numpy.typing as npt

import bundle
from bundle.catalogue import PICTURE_SUFFIXES
from kiosk.answer import Corners

Frame = npt.NDArray[np.uint8]
"""BGR, ``[height, width, 3]``."""

Pause = Callable[[float], object]
"""Waits so many seconds, or less when the kiosk closes."""

# Longest side of a frame in pixels; larger ones are scaled down as they come in, so that everybody
# (the network, the page, the corners in the API) speaks of the same pixels, and a 4K camera costs no more.
LONGEST_SIDE = 1280

# What is asked of a camera: 720p is plenty for a network of 200 pixels, and 30 a second is smooth.
_CAMERA_SIZE, _CAMERA_FPS = (1280, 720), 30

# Seconds that a picture of a folder stays, and how often it is given meanwhile, as a camera would.
SLIDE_S, SLIDE_FPS = 6.0, 5.0

# Frames a second drawn for the demonstration; each costs some milliseconds of a core.
DEMO_FPS = 20.0

# Frames a second of a video whose header does not say, or says nonsense.
_VIDEO_FPS, _VIDEO_FPS_LIMIT = 25.0, 240.0

# Milliseconds. OpenCV would wait half a minute for a silent network camera.
_OPEN_TIMEOUT_MS, _READ_TIMEOUT_MS = 8_000, 4_000

_STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt"})

log = logging.getLogger(__name__)


class SourceError(ValueError):
    """``--source`` names nothing that can be a source; the message is one line with the way out."""


class SourceLost(Exception):
    """There are no more frames for now. `broken` says that something is there but does not work, which
    wants a hand; otherwise it may well come (back) by itself."""

    def __init__(self, reason: str, *, broken: bool = False) -> None:
        super().__init__(reason)
        self.broken = broken


@dataclass(frozen=True)
class Shot:
    """One picture from a source."""

    image_bgr: Frame
    caption: str | None = None
    """What it shows, where the source knows: the title of a canvas drawn for demonstration."""


@dataclass(frozen=True)
class Source(ABC):
    """What delivers frames."""

    kind: ClassVar[str]
    demonstration: ClassVar[bool] = False
    can_freeze: ClassVar[bool] = False
    """Whether the very same picture again and again is a sign that it no longer works."""

    @abstractmethod
    def shots(self, pause: Pause) -> Generator[Shot]:
        """Open the source and give its frames, each at its time, until it is lost (`SourceLost`) or the
        generator is closed."""

    def region(self, width: int, height: int) -> Corners:
        """The part of a frame that is looked at, until a painting in it can be located: the central
        square, because a visitor puts what counts in the middle."""
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return ((left, top), (left + side, top), (left + side, top + side), (left, top + side))


@dataclass(frozen=True)
class CameraSource(Source):
    """A camera of this machine, by index or device path."""

    device: int | str
    kind: ClassVar[str] = "camera"
    can_freeze: ClassVar[bool] = True

    def shots(self, pause: Pause) -> Generator[Shot]:
        """Frames as the camera gives them."""
        linux = sys.platform.startswith("linux")
        if linux and not Path(f"/dev/video{self.device}" if isinstance(self.device, int) else self.device).exists():
            # Asking OpenCV takes longer and prints warnings at every try.
            raise SourceLost(f"no camera {self.device}")
        with _capture(self.device, cv2.CAP_V4L2 if linux else cv2.CAP_ANY) as capture:
            if not capture.isOpened():
                raise SourceLost(
                    f"camera {self.device} does not open (in use elsewhere, or not permitted?)", broken=True
                )
            # Motion JPEG first: raw 720p does not fit through USB 2 at more than 10 a second.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, _CAMERA_SIZE[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _CAMERA_SIZE[1])
            capture.set(cv2.CAP_PROP_FPS, _CAMERA_FPS)
            # V4L2 keeps four frames otherwise, seconds of lag where somebody reads slowly (opencv #10671).
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            while True:
                yield _read(capture, f"camera {self.device} gave no frame")


@dataclass(frozen=True)
class StreamSource(Source):
    """A network camera, by URL."""

    url: str
    kind: ClassVar[str] = "stream"

    def shots(self, pause: Pause) -> Generator[Shot]:
        """Frames as they arrive."""
        # The URL may hold a password: it is named in no message.
        with _capture(
            self.url,
            cv2.CAP_FFMPEG,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                _OPEN_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                _READ_TIMEOUT_MS,
            ],
        ) as capture:
            if not capture.isOpened():
                raise SourceLost("stream does not answer")
            while True:
                yield _read(capture, "stream ended")


@dataclass(frozen=True)
class VideoSource(Source):
    """A video file, at its own rate, over and over."""

    path: Path
    kind: ClassVar[str] = "video"

    def check(self) -> None:
        """Raise `SourceError` unless a first frame can be read."""
        with _capture(str(self.path), cv2.CAP_FFMPEG) as capture:
            if not (capture.isOpened() and capture.grab()):
                raise SourceError(
                    f"{self.path} is no video that can be read; give a video file, or a folder for pictures"
                )

    def shots(self, pause: Pause) -> Generator[Shot]:
        """Frames at the times that the file's rate gives them; late ones are left out."""
        while True:
            with _capture(str(self.path), cv2.CAP_FFMPEG) as capture:
                rate = capture.get(cv2.CAP_PROP_FPS)
                if not (math.isfinite(rate) and 0 < rate <= _VIDEO_FPS_LIMIT):
                    rate = _VIDEO_FPS
                started = time.monotonic()
                index = 0
                while capture.grab():
                    ahead_s = started + index / rate - time.monotonic()
                    index += 1
                    if ahead_s < -1 / rate:
                        continue
                    pause(max(ahead_s, 0.0))
                    ok, image = capture.retrieve()
                    if ok and image is not None:
                        yield Shot(_fit(image))
                if index == 0:
                    raise SourceLost(f"{self.path.name} cannot be read", broken=True)
                pause(started + index / rate - time.monotonic())


@dataclass(frozen=True)
class FolderSource(Source):
    """A folder of pictures, one after the other, over and over."""

    path: Path
    kind: ClassVar[str] = "folder"

    def pictures(self) -> list[Path]:
        """The picture files in the folder, by name."""
        try:
            return sorted(path for path in self.path.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
        except OSError as error:
            raise SourceLost(f"{self.path}: {error.strerror}") from error

    def shots(self, pause: Pause) -> Generator[Shot]:
        """Each picture for `SLIDE_S` seconds; the folder is read anew each time round."""
        unreadable: set[Path] = set()
        while True:
            shown = 0
            for path in self.pictures():
                try:
                    picture = bundle.read(path)
                except bundle.PictureError as error:
                    if path not in unreadable:
                        log.warning("%s is left out: %s", path.name, error)
                    unreadable.add(path)
                    continue
                shown += 1
                image = _fit(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
                for _ in range(round(SLIDE_S * SLIDE_FPS)):
                    yield Shot(image)
                    pause(1 / SLIDE_FPS)
            if not shown:
                raise SourceLost(f"no readable picture in {self.path}", broken=True)

    def region(self, width: int, height: int) -> Corners:
        """The whole picture: a picture in a folder is no view of a camera."""
        return ((0, 0), (width, 0), (width, height), (0, height))


@dataclass(frozen=True)
class DemoSource(Source):
    """A walk past canvases that are drawn by the kiosk itself."""

    kind: ClassVar[str] = "demo"
    demonstration: ClassVar[bool] = True

    def shots(self, pause: Pause) -> Generator[Shot]:
        """`DEMO_FPS` frames a second at most."""
        from kiosk.demo import DemoGallery  # its painter is wanted by nobody else

        gallery = DemoGallery()
        started = time.monotonic()
        while True:
            now = time.monotonic()
            yield Shot(gallery.frame(now - started), gallery.caption(now - started))
            pause(max(0.0, now + 1 / DEMO_FPS - time.monotonic()))


def parse(text: str) -> Source:
    """The source that the option's `text` names: a camera's index, a device path, a video file, a folder
    of pictures, a stream's URL, or ``demo``.

    Raises `SourceError` where it names none of them.
    """
    if text == "demo":
        return DemoSource()
    if text.isascii() and text.isdigit():
        return CameraSource(int(text))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        scheme = urlsplit(text).scheme.lower()
        if scheme not in _STREAM_SCHEMES:
            raise SourceError(f"{scheme}:// is no stream; use one of {', '.join(sorted(_STREAM_SCHEMES))}")
        return StreamSource(text)
    path = Path(text).expanduser()
    if path.is_dir():
        folder = FolderSource(path)
        try:
            found = folder.pictures()
        except SourceLost as error:
            raise SourceError(str(error)) from error
        if not found:
            raise SourceError(f"{path} holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
        return folder
    if path.is_file():
        video = VideoSource(path)
        video.check()
        return video
    if path.is_char_device() or re.fullmatch(r"/dev/(video\d+|v4l/.+)", text):
        # It need not be there yet: a camera may be plugged in later.
        return CameraSource(text)
    raise SourceError(f"{text!r} is no camera index, file, folder or stream that can be found; try 0, a path, or demo")


@contextmanager
def _capture(name: int | str, backend: int, settings: list[int] | None = None) -> Iterator[cv2.VideoCapture]:
    # Its warnings go past logging to the terminal, at every retry; what matters we say ourselves.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(name, backend, settings or [])
    try:
        yield capture
    finally:
        capture.release()


def _read(capture: cv2.VideoCapture, otherwise: str) -> Shot:
    ok, image = capture.read()
    if not ok or image is None or image.size == 0:
        raise SourceLost(otherwise)
    return Shot(_fit(image))


def _fit(image: cv2.typing.MatLike) -> Frame:
    """Three channels, and no side longer than `LONGEST_SIDE`."""
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    height, width = image.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)
