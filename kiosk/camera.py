"""The one worker that reads the source and keeps the newest frame, and nothing but the newest.

Nobody else touches the source. Readers never wait for it, only for the next frame, and with a time
limit: `read()` of a camera may block for ever (opencv #4468), give the last frame of an unplugged one
again and again (#10927), or fail. The first shows as a frame that grows old, the second by comparing
frames, the third is tried anew with growing pauses.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiosk.source import Shot, Source, SourceLost

# Seconds without a frame after which the camera no longer counts as live.
STALE_S = 2.0

# Seconds that one call of the driver may take. V4L2 itself gives up after 10.
STUCK_S = 15.0

# Seconds of the very same picture, to the bit, after which a camera is taken for frozen; noise makes
# every frame of a working one differ.
FROZEN_S = 8.0

# Luma 0-255: standard deviation below which sameness means nothing, as under a lens cap.
_FEATURELESS = 2.0

# Every so many pixels are compared: 3,600 of a 720p frame.
_COMPARE_STEP = 16

# Seconds between two tries, doubled from the first to the last: a camera that was unplugged for a moment
# is back at once, one that is gone for the weekend costs nothing.
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 5.0

# Seconds of arrivals over which frames per second are averaged.
_FPS_WINDOW_S = 2.0

log = logging.getLogger(__name__)


class CameraState(enum.StrEnum):
    """How the source is doing."""

    LIVE = "live"
    SEARCHING = "searching"
    """No frames; looking for the source again and again."""
    FAILED = "failed"
    """No frames though something is there: it hangs, is frozen, or cannot be opened. Still trying."""


@dataclass(frozen=True)
class Frame:
    """A picture as it arrived. Its pixels are shared by all readers: never write to them."""

    number: int
    """Counts from 1 for the life of the process."""
    shot: Shot
    arrived_s: float
    """On the clock of `time.monotonic`."""


class Camera:
    """The capture worker of one source. Start it once, close it once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._news = threading.Condition()
        self._newest: Frame | None = None
        self._arrivals: deque[float] = deque(maxlen=256)
        self._closing = threading.Event()
        self._asked_s: float | None = None  # since when the source has been at work on the next frame
        self._broken = False
        self._sample: npt.NDArray[np.uint8] | None = None
        self._changed_s = 0.0
        # A daemon: a thread that hangs in a driver can be neither ended nor waited for.
        self._thread = threading.Thread(target=self._work, name="camera", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self, timeout_s: float = 1.0) -> None:
        """Stop; a worker that hangs in the driver is left behind after `timeout_s`."""
        self._closing.set()
        with self._news:
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def newest(self) -> Frame | None:
        """The newest frame, however old, or None before the first."""
        return self._newest

    @property
    def frames(self) -> int:
        """Frames that have arrived so far."""
        return self._newest.number if self._newest else 0

    @property
    def state(self) -> CameraState:
        """Judged by the age of the newest frame, so that it is true even where the worker hangs."""
        now, newest, asked_s = time.monotonic(), self._newest, self._asked_s
        if newest is not None and now - newest.arrived_s < STALE_S:
            return CameraState.LIVE
        if self._broken or (asked_s is not None and now - asked_s > STUCK_S):
            return CameraState.FAILED
        return CameraState.SEARCHING

    @property
    def fps(self) -> float:
        """Frames that arrived per second, over the last two seconds."""
        since = time.monotonic() - _FPS_WINDOW_S
        with self._news:
            recent = [at for at in self._arrivals if at > since]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0

    def wait_newer(self, number: int, timeout_s: float) -> Frame | None:
        """The newest frame as soon as its number is above `number`; None after `timeout_s` seconds or
        when the camera closes."""
        with self._news:
            self._news.wait_for(lambda: self.frames > number or self._closing.is_set(), timeout_s)
            return self._newest if self.frames > number else None

    def _work(self) -> None:
        retry_s = FIRST_RETRY_S
        last_reason = ""
        while not self._closing.is_set():
            before = self.frames
            try:
                self._read()
            except SourceLost as lost:
                reason, self._broken = str(lost), lost.broken
            except Exception:  # a driver or decoder may raise anything; looking must go on
                log.exception("reading the source failed")
                reason, self._broken = "it raised an error", True
            else:
                return
            self._asked_s = None
            if self.frames > before:
                retry_s, last_reason = FIRST_RETRY_S, ""
            if reason != last_reason:
                log.warning("%s; looking for it again", reason)
                last_reason = reason
            self._closing.wait(retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    def _read(self) -> None:
        """Publish frames until the kiosk closes (returns) or the source is lost (raises)."""
        with closing(self.source.shots(self._closing.wait)) as shots:
            while not self._closing.is_set():
                self._asked_s = time.monotonic()
                shot = next(shots, None)
                if shot is None:
                    raise SourceLost("source ended")
                arrived_s = time.monotonic()
                if self.source.can_freeze and self._is_frozen(shot.image_bgr, arrived_s):
                    raise SourceLost("camera repeats one picture", broken=True)
                self._broken = False
                with self._news:
                    self._newest = Frame(self.frames + 1, shot, arrived_s)
                    self._arrivals.append(arrived_s)
                    self._news.notify_all()

    def _is_frozen(self, image_bgr: npt.NDArray[np.uint8], now: float) -> bool:
        # The sample outlives a reopening: the same picture from a reopened camera is still frozen.
        sample = image_bgr[::_COMPARE_STEP, ::_COMPARE_STEP]
        if self._sample is None or not np.array_equal(sample, self._sample):
            self._sample, self._changed_s = sample.copy(), now
            return False
        return now - self._changed_s > FROZEN_S and float(sample.std()) > _FEATURELESS
