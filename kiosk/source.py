"""Where frames come from: the option ``--source`` parsed, and one class for each kind of source.

A source only knows how to open itself and give one picture after the other. It is read in the capture
process (`capture`); retries and time limits are `camera`'s business. `shots` may block and may raise
`SourceLost` at any time.

The capture process imports this module, so nothing heavy stands behind it: OpenCV and NumPy, 42 MB.
`bundle` would add 24 MB and 0.1 s, and is imported by the one kind of source that needs it.
"""

from __future__ import annotations

import enum
import logging
import math
import os
import re
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
"""BGR, ``[height, width, 3]``."""

Pause = Callable[[float], object]
"""Waits so many seconds, or less when the kiosk closes."""

# Longest side of a frame in pixels; larger ones are scaled down as they come in, so that everybody
# (the network, the page, the corners in the API) speaks of the same pixels, and a 4K camera costs no more.
LONGEST_SIDE = 1280

# Seconds that a picture of a folder stays, and how often it is given meanwhile, as a camera would.
SLIDE_S, SLIDE_FPS = 6.0, 5.0

# Frames a second drawn for the demonstration; each costs some milliseconds of a core.
DEMO_FPS = 20.0

# Frames a second of a video whose header does not say, or says nonsense.
_VIDEO_FPS, _VIDEO_FPS_LIMIT = 25.0, 240.0

# Seconds that a video may lag behind its rate and still catch up by leaving frames out.
_VIDEO_BEHIND_S = 0.5

# Milliseconds. OpenCV would wait half a minute for a silent network camera.
_OPEN_TIMEOUT_MS, _READ_TIMEOUT_MS = 8_000, 4_000

# FFmpeg's decoders take a thread per core otherwise, each of which holds a frame back and some megabytes.
_ONE_DECODER = (cv2.CAP_PROP_N_THREADS, 1)

# Major number of its devices in Linux.
_VIDEO4LINUX = 81

# V4L2_CID_EXPOSURE_AUTO (V4L2_EXPOSURE_MANUAL, V4L2_EXPOSURE_APERTURE_PRIORITY), and
# V4L2_CID_EXPOSURE_ABSOLUTE in units of 100 us (Linux, videodev2.h and v4l2-controls.h).
_EXPOSURE_MANUAL, _EXPOSURE_AUTO, _EXPOSURE_UNITS_PER_MS = 1, 3, 10

_LINUX = sys.platform.startswith("linux")

_STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt"})

log = logging.getLogger(__name__)


class SourceError(ValueError):
    """``--source`` names nothing that can be a source; the message is one line with the way out."""


class UnknownScheme(SourceError):
    """No source will ever have such an address."""


class Fault(enum.StrEnum):
    """Why a source gives no good frames."""

    NO_CAMERA = "no_camera"
    """Nothing is there: not plugged in, or the folder has gone."""
    STREAM_LOST = "stream_lost"
    """A network camera does not answer, or its stream ended."""
    BUSY = "busy"
    """The camera is there but does not open: in use elsewhere, or no camera for pictures."""
    NOT_PERMITTED = "not_permitted"
    """The camera is there, but this user may not open it."""
    UNREADABLE = "unreadable"
    """A file or folder in which nothing can be read."""
    NO_FRAMES = "no_frames"
    """The camera opened, but gives no frames (any more)."""
    HUNG = "hung"
    """Opening or reading does not return."""
    FROZEN = "frozen"
    """The very same picture again and again."""
    BLACK = "black"
    """No light reaches the sensor: a lens cap, a dead sensor, or a room without any light."""
    CORRUPT = "corrupt"
    """What arrives cannot be decoded, or is no picture."""
    CRASHED = "crashed"
    """The capture process died, of its driver or decoder."""


class SourceLost(Exception):
    """There are no more frames for now; `fault` says of what kind the trouble is."""

    def __init__(self, reason: str, fault: Fault = Fault.NO_CAMERA) -> None:
        super().__init__(reason)
        self.fault = fault


@dataclass(frozen=True)
class Shot:
    """One picture from a source."""

    image_bgr: Frame
    caption: str | None = None
    """What it shows, where the source knows: the title of a canvas drawn for demonstration."""
    arrived_s: float = field(default_factory=time.monotonic)
    """When the source handed it over, on the clock of `time.monotonic`, which all processes of a machine
    share and which nobody can set."""


@dataclass(frozen=True)
class CameraSettings:
    """What is asked of a camera of this machine; it gives what comes nearest.

    720p is plenty for a network of 200 pixels, and 30 a second is smooth.
    """

    width: int = 1280
    height: int = 720
    rate_fps: float = 30.0
    exposure_ms: float | None = None
    """None leaves it to the camera."""


@dataclass(frozen=True)
class Source(ABC):
    """What delivers frames."""

    kind: ClassVar[str]
    demonstration: ClassVar[bool] = False
    can_freeze: ClassVar[bool] = False
    """Whether the very same picture again and again is a sign that it no longer works."""
    changes_shape: ClassVar[bool] = False
    """Whether a frame of another size than the last is nothing strange."""
    whole: ClassVar[bool] = False
    """Whether a frame is a picture of its own and no view: where no painting is found in it, all of it is looked at."""

    @abstractmethod
    def shots(self, pause: Pause) -> Generator[Shot | None]:
        """Open the source and give its frames, each at its time, until it is lost (`SourceLost`) or the
        generator is closed. None stands for a frame that arrived but could not be decoded. The pixels of
        a shot are good until the next one is asked for."""


@dataclass(frozen=True)
class CameraSource(Source):
    """A camera of this machine, by index or device path."""

    device: int | str
    settings: CameraSettings = CameraSettings()
    kind: ClassVar[str] = "camera"
    can_freeze: ClassVar[bool] = True

    def shots(self, pause: Pause) -> Generator[Shot | None]:
        """Frames as the camera gives them."""
        self._look()
        with _capture(self.device, cv2.CAP_V4L2 if _LINUX else cv2.CAP_ANY) as capture:
            if not capture.isOpened():
                raise SourceLost(f"camera {self.device} does not open; is it in use elsewhere?", Fault.BUSY)
            self._set_up(capture)
            reported = False
            for shot in _shots(capture):
                if shot is not None and not reported:
                    self._report(capture, shot.image_bgr)
                    reported = True
                yield shot
            self._look()
            raise SourceLost(f"camera {self.device} gave no frame", Fault.NO_FRAMES)

    def _look(self) -> None:
        """Whether the device is there: asking OpenCV takes longer and does not tell why it fails."""
        if not _LINUX:
            return
        path = f"/dev/video{self.device}" if isinstance(self.device, int) else self.device
        if not Path(path).exists():
            raise SourceLost(f"there is no camera {self.device}", Fault.NO_CAMERA)
        if not os.access(path, os.R_OK | os.W_OK):
            raise SourceLost(f"this user may not open {path}; add it to the group 'video'", Fault.NOT_PERMITTED)

    def _set_up(self, capture: cv2.VideoCapture) -> None:
        asked = self.settings
        # Motion JPEG first: raw 720p does not fit through USB 2 at more than 10 a second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, asked.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, asked.height)
        capture.set(cv2.CAP_PROP_FPS, asked.rate_fps)
        # V4L2 keeps four frames otherwise, seconds of lag where somebody reads slowly (opencv #10671).
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        # Always set: a camera remembers what another program left.
        if asked.exposure_ms is None:
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_AUTO)
        else:
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_MANUAL)
            capture.set(cv2.CAP_PROP_EXPOSURE, asked.exposure_ms * _EXPOSURE_UNITS_PER_MS)

    def _report(self, capture: cv2.VideoCapture, image: Frame) -> None:
        """Say what the camera really gives, where that is not what was asked."""
        asked, (height, width) = self.settings, image.shape[:2]
        rate = capture.get(cv2.CAP_PROP_FPS)
        differs = []
        if (width, height) != (asked.width, asked.height):
            differs.append(f"{width}x{height} for {asked.width}x{asked.height}")
        if rate > 0 and abs(rate - asked.rate_fps) > 0.5:
            differs.append(f"{rate:g} frames a second for {asked.rate_fps:g}")
        if asked.exposure_ms is not None:
            exposure_ms = capture.get(cv2.CAP_PROP_EXPOSURE) / _EXPOSURE_UNITS_PER_MS
            if abs(exposure_ms - asked.exposure_ms) > 1 / _EXPOSURE_UNITS_PER_MS:
                differs.append(f"an exposure of {exposure_ms:g} ms for {asked.exposure_ms:g} ms")
        if differs:
            log.warning("camera %s gives %s", self.device, ", ".join(differs))


@dataclass(frozen=True)
class StreamSource(Source):
    """A network camera, by URL."""

    url: str
    kind: ClassVar[str] = "stream"

    def shots(self, pause: Pause) -> Generator[Shot | None]:
        """Frames as they arrive."""
        # The URL may hold a password: it is named in no message.
        settings = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_TIMEOUT_MS),
            *_ONE_DECODER,
        ]
        with _capture(self.url, cv2.CAP_FFMPEG, settings) as capture:
            if not capture.isOpened():
                raise SourceLost("stream does not answer", Fault.STREAM_LOST)
            yield from _shots(capture)
            raise SourceLost("stream ended", Fault.STREAM_LOST)


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

    def shots(self, pause: Pause) -> Generator[Shot | None]:
        """Frames at the times that the file's rate gives them; late ones are left out."""
        while True:
            with _capture(str(self.path), cv2.CAP_FFMPEG, list(_ONE_DECODER)) as capture:
                rate = capture.get(cv2.CAP_PROP_FPS)
                if not (math.isfinite(rate) and 0 < rate <= _VIDEO_FPS_LIMIT):
                    rate = _VIDEO_FPS
                started = time.monotonic()
                index = 0
                shot = None
                while capture.grab():
                    ahead_s = started + index / rate - time.monotonic()
                    index += 1
                    if ahead_s < -_VIDEO_BEHIND_S:
                        # This machine cannot decode it at its rate: it is shown more slowly.
                        started -= ahead_s
                    elif ahead_s < -1 / rate:
                        continue
                    pause(max(ahead_s, 0.0))
                    shot = _retrieve(capture, shot)
                    yield shot
                if index == 0:
                    raise SourceLost(f"{self.path.name} cannot be read", Fault.UNREADABLE)
                pause(started + index / rate - time.monotonic())


@dataclass(frozen=True)
class FolderSource(Source):
    """A folder of pictures, one after the other, over and over."""

    path: Path
    kind: ClassVar[str] = "folder"
    whole: ClassVar[bool] = True
    changes_shape: ClassVar[bool] = True

    def pictures(self) -> list[Path]:
        """The picture files in the folder, by name."""
        from bundle.catalogue import PICTURE_SUFFIXES

        try:
            return sorted(path for path in self.path.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
        except OSError as error:
            raise SourceLost(f"{self.path}: {error.strerror}") from error

    def shots(self, pause: Pause) -> Generator[Shot]:
        """Each picture for `SLIDE_S` seconds; the folder is read anew each time round."""
        import bundle

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
                # Once for all the times that it is given; it may have 40 megapixels.
                image = fit(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8))
                for _ in range(round(SLIDE_S * SLIDE_FPS)):
                    yield Shot(image)
                    pause(1 / SLIDE_FPS)
            if not shown:
                raise SourceLost(f"no readable picture in {self.path}", Fault.UNREADABLE)


@dataclass(frozen=True)
class DemoSource(Source):
    """A walk past canvases that are drawn by the kiosk itself."""

    kind: ClassVar[str] = "demo"
    demonstration: ClassVar[bool] = True

    def shots(self, pause: Pause) -> Generator[Shot]:
        """`DEMO_FPS` frames a second at most. The first comes as soon as one canvas is drawn; the others are drawn
        beside the walk, so that no frame waits for them."""
        from kiosk.demo import DemoGallery  # its painter is wanted by nobody else

        gallery = DemoGallery()
        left = threading.Event()
        gallery.frame(0.0)
        ahead = threading.Thread(target=gallery.hang_ahead, args=(left,), name="painter", daemon=True)
        ahead.start()
        started = due = time.monotonic()
        try:
            while True:
                walked = time.monotonic() - started
                yield Shot(gallery.frame(walked), gallery.caption(walked))
                # A frame that came late takes nothing from the time of the next.
                due = max(due + 1 / DEMO_FPS, time.monotonic())
                pause(max(0.0, due - time.monotonic()))
        finally:
            left.set()


def parse(text: str, settings: CameraSettings = CameraSettings()) -> Source:
    """The source that the option's `text` names: a camera's index, a device path, a video file, a folder
    of pictures, a stream's URL, or ``demo``. `settings` are for a camera of this machine.

    Raises `SourceError` where it names none of them, and `UnknownScheme` where none can come.
    """
    if text == "demo":
        return DemoSource()
    if text.isascii() and text.isdigit():
        return CameraSource(int(text), settings)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        scheme = text.partition(":")[0].lower()
        if scheme not in _STREAM_SCHEMES:
            raise UnknownScheme(f"{scheme}:// is no stream; use one of {', '.join(sorted(_STREAM_SCHEMES))}")
        return StreamSource(text)
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError) as error:  # a name that is too long, a folder that is shut, the home of nobody
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{text[:100]!r} is no path here: {reason}; try 0, a path, or demo") from error
    if path.is_dir():
        folder = FolderSource(path)
        try:
            found = folder.pictures()
        except SourceLost as error:
            raise SourceError(str(error)) from error
        if not found:
            raise SourceError(f"{path} holds no pictures")
        return folder
    if path.is_file():
        video = VideoSource(path)
        video.check()
        return video
    if _is_video_device(path) or re.fullmatch(r"/dev/(video\d+|v4l/.+)", text):
        # It need not be there yet: a camera may be plugged in later.
        return CameraSource(text, settings)
    raise SourceError(f"{text!r} is no camera index, file, folder or stream that can be found; try 0, a path, or demo")


def _is_video_device(path: Path) -> bool:
    """Whether it is a character device, and on Linux one of Video4Linux's."""
    if not path.is_char_device():
        return False
    return not sys.platform.startswith("linux") or os.major(path.stat().st_rdev) == _VIDEO4LINUX


def fit(image: Frame, into: Frame | None = None) -> Frame:
    """`image` with no side longer than `LONGEST_SIDE`: itself where it has none, else scaled, in the memory of `into`
    if that has the right size.

    Up to half the size, bilinear sampling misses no pixel and costs a fifth of averaging: 1.1 ms for
    5.3 ms from 1080p to 720p. Beyond that it would alias, and averaging is quick at whole factors.
    """
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return image
    method = cv2.INTER_LINEAR if width < 2 * size[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, dst=into, interpolation=method), np.uint8)


@contextmanager
def _capture(name: int | str, backend: int, settings: list[int] | None = None) -> Iterator[cv2.VideoCapture]:
    # Its warnings go past logging to the terminal, at every retry; what matters we say ourselves.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(name, backend, settings or [])
    try:
        yield capture
    finally:
        capture.release()


def _shots(capture: cv2.VideoCapture) -> Iterator[Shot | None]:
    """Shots until none comes; None stands for one that cannot be decoded."""
    shot = None
    while capture.grab():
        shot = _retrieve(capture, shot)
        yield shot


def _retrieve(capture: cv2.VideoCapture, last: Shot | None) -> Shot | None:
    """The shot that was grabbed, in the pixels of the last one: fresh ones cost 1 ms a frame of 1080p."""
    arrived_s = time.monotonic()  # decoding is not the camera's time any more, but ours
    try:
        ok, image = capture.retrieve(last.image_bgr if last else None)
    except cv2.error:  # some decoders raise where others say no
        return None
    return Shot(np.asarray(image), arrived_s=arrived_s) if ok and image is not None else None
