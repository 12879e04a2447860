"""Keeps the newest frame of the source, and the source alive.

The source is read in a process of its own (`capture`). Here one thread takes each frame as it arrives,
judges whether the camera works, and does what helps: wait for one that is not there, start the process
anew where something is there and does not work, and after too many of those say so loudly and go slow.
Readers never wait for a source, only for the next frame, and with a time limit.

All limits are measured by `time.monotonic`: the clock on the wall may jump.
"""

from __future__ import annotations

import enum
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from bundle.picture import Pixels
from kiosk.capture import Arrived, Capture, Corrupt, Lost
from kiosk.source import Fault, Source, SourceLost

# Seconds without a sign of life, or with corrupt frames alone, after which the camera no longer counts
# as live: two seconds are what a visitor takes for a pause.
STALE_S = 2.0

# Seconds of the same after which the capture process is killed. A camera in the dark still gives three
# frames a second, so five seconds are no slow camera.
HUNG_S = 5.0

# Seconds that opening may take, to the first frame: some USB cameras need five, and a stream that does
# not answer is given up by FFmpeg after eight.
OPEN_S = 15.0

# Seconds of the very same picture, to the bit, after which a camera is taken for frozen; noise makes
# every frame of a working one differ.
FROZEN_S = 8.0

# Seconds of black after which it is said: a hand may pass before the lens.
BLACK_S = 3.0

# Luma 0-255. A frame is black when none of 8 x 8 areas is brighter than this on average (video calls 16
# black) and none stands out from the others by more than this. Averaging over areas takes the noise out.
_BLACK_LUMA, _BLACK_CONTRAST = 16.0, 3.0

# Luma 0-255: a standard deviation below this at either end of the scale is a sensor with no light or
# with too much of it, which may well give the same picture again and again.
_FEATURELESS = 2.0

# Every so many pixels are looked at: 3,600 of a 720p frame.
_STEP = 16

# Seconds between two tries, doubled from the first to the last: a camera that was unplugged for a moment
# is back at once, one that is gone for the weekend costs nothing.
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 5.0

# Restarts of the capture process within so many seconds; what they did not mend, a sixth will not, but
# a hand may. Until then it is tried every so many seconds.
RESTARTS, RESTARTS_WINDOW_S, SLOW_RETRY_S = 5, 60.0, 30.0

# Seconds between two looks at the clock while nothing arrives. What arrives is taken at once.
TICK_S = 0.1

# Seconds of arrivals over which frames per second are averaged.
_FPS_WINDOW_S = 2.0

# Nothing is there, so there is nothing to be mended by a restart: it is waited for.
_ABSENT = frozenset({Fault.NO_CAMERA, Fault.STREAM_LOST})

log = logging.getLogger(__name__)


class CameraState(enum.StrEnum):
    """How the source is doing."""

    LIVE = "live"
    SEARCHING = "searching"
    """Nothing is there (yet); looking for it again and again."""
    RECOVERING = "recovering"
    """It was live, or is there and does not work, and is being brought back."""
    FAILED = "failed"
    """The restarts did not bring it back: it wants a hand. Still trying, slowly."""


@dataclass(frozen=True)
class FrameInfo:
    """What is known of a frame beside its pixels."""

    number: int
    """Counts from 1 for the life of the camera."""
    width: int
    height: int
    caption: str | None
    """What it shows, where the source knows."""
    arrived_s: float
    """When the source handed it over, on the clock of `time.monotonic`."""


@dataclass(frozen=True)
class Frame:
    """A picture as it arrived. Its pixels lie in memory of which there is little: hold it as long as you work on it,
    and its `info` as long as you like."""

    info: FrameInfo
    picture: Pixels
    """RGB ``[height, width, 3]``, read-only."""


class Camera:
    """One source and the capture process that reads it. Start it once, close it once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.restarts = 0
        """Capture processes that were killed, or died, and followed by another."""
        self.corrupt_frames = 0
        """Frames that were dropped because they were no pictures."""
        self._news = threading.Condition()
        self._newest: Frame | None = None
        self._arrivals: deque[float] = deque(maxlen=256)
        self._closing = threading.Event()
        self._called = threading.Event()  # set where the thread is to look up from its pause
        self._next: Source | None = None  # to be read in place of the present one
        self._standing: tuple[CameraState, Fault | None] = (CameraState.SEARCHING, None)
        self._changes = dict.fromkeys(CameraState, 0)
        self._restarted_s: deque[float] = deque()
        self._fruitless = 0  # restarts in a row after which no frame came
        self._due_s = math.inf  # when the thread is heard of at the latest
        self._health = _Health()
        self._capture: Capture | None = None
        self._thread = threading.Thread(target=self._work, name="camera", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._due_s = time.monotonic()
        self._thread.start()

    def change(self, source: Source) -> None:
        """Read another source from now on; frames go on being counted. The old one is let go of first: both may be
        the same device."""
        self._next = source
        self._called.set()

    def close(self, timeout_s: float = 3.0) -> None:
        """Stop, and end the capture process; waits for that at most `timeout_s`, and usually 0.1 s."""
        self._closing.set()
        self._called.set()
        with self._news:
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def coming(self) -> Source:
        """The source that is wanted: the present one, or the one that is about to be read."""
        return self._next or self.source

    @property
    def newest(self) -> Frame | None:
        """The newest frame, however old, or None before the first."""
        return self._newest

    @property
    def frames(self) -> int:
        """Frames that have arrived so far."""
        return self._newest.info.number if self._newest else 0

    @property
    def state(self) -> CameraState:
        """How the source is doing."""
        return self._standing[0]

    @property
    def fault(self) -> Fault | None:
        """Why it is not live; or, while it is, what is wrong with its picture (`Fault.BLACK`)."""
        return self._standing[1]

    @property
    def state_changes(self) -> Mapping[CameraState, int]:
        """How often each state was entered."""
        return self._changes

    @property
    def overdue_s(self) -> float:
        """Seconds since its thread should have been heard of, whatever the source does: more than a few, and it
        hangs, or has died; then `state` is no longer to be believed."""
        return max(0.0, time.monotonic() - self._due_s)

    @property
    def capture_pid(self) -> int | None:
        """The number of the capture process, while there is one."""
        capture = self._capture
        return capture.pid if capture else None

    @property
    def fps(self) -> float:
        """Frames that arrived per second, over the last two seconds; 0 while the camera is not live."""
        if self.state is not CameraState.LIVE:
            return 0.0
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
        while not self._closing.is_set():
            before = self.frames
            lost = self._run()
            if self._closing.is_set():
                break
            if lost is None:
                self._switch()
                retry_s = FIRST_RETRY_S
                continue
            came = self.frames > before
            if came:
                retry_s = FIRST_RETRY_S
            if lost.fault not in _ABSENT and self._capture:
                self._capture.kill()
                self._capture = None
                self.restarts += 1
            self._lose(lost, came)
            pause_s = SLOW_RETRY_S if self.state is CameraState.FAILED else retry_s
            self._due_s = time.monotonic() + pause_s
            self._called.wait(pause_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)
        self._let_go()

    def _let_go(self) -> None:
        if self._capture:
            self._capture.close()
            self._capture = None

    def _switch(self) -> None:
        """Have the next source in place of the present one, with a clean slate."""
        self._called.clear()
        source, self._next = self._next, None
        if source is None:
            return
        self._let_go()
        self.source = source
        self._health = _Health()
        self._restarted_s.clear()
        self._fruitless = 0
        self._enter(CameraState.SEARCHING, None, f"another source: {source.kind}")

    def _run(self) -> SourceLost | None:
        """Have the source read until the kiosk closes or another is wanted (None), or the source is lost."""
        try:
            if self._called.is_set():
                return None
            if self._capture is None:
                self._capture = Capture(self.source)
            self._follow(self._capture)
        except SourceLost as lost:
            return lost
        except Exception:  # no memory for another process, say; trying must go on
            log.exception("capture failed")
            return SourceLost("capture failed", Fault.CRASHED)
        return None

    def _follow(self, capture: Capture) -> None:
        """Publish the frames of one opening of the source, until the kiosk closes or another source is wanted
        (returns), or the source is lost (raises)."""
        capture.open()
        heard_s = time.monotonic()
        came = False  # a frame, or what should have been one
        corrupt_since_s: float | None = None
        while not self._called.is_set():
            self._due_s = time.monotonic() + TICK_S
            message = capture.receive(TICK_S)
            now = time.monotonic()
            if message is not None:
                heard_s = now
            match message:
                case Lost(reason, fault):
                    raise SourceLost(reason, fault)
                case Arrived():
                    came, corrupt_since_s = True, None
                    self._arrive(message, capture.take(message))
                case Corrupt(reason):
                    self.corrupt_frames += 1
                    came, corrupt_since_s = True, corrupt_since_s or now
                    corrupt_s = now - corrupt_since_s
                    if corrupt_s > HUNG_S:
                        raise SourceLost(f"no good frame for {corrupt_s:.0f} s: {reason}", Fault.CORRUPT)
                    if corrupt_s > STALE_S:
                        self._stale(Fault.CORRUPT, f"frames are no pictures: {reason}")
            silent_s = now - heard_s
            if silent_s > (HUNG_S if came else OPEN_S):
                raise SourceLost(f"{'reading' if came else 'opening'} hangs for {silent_s:.0f} s", Fault.HUNG)
            if came and silent_s > STALE_S:
                self._stale(Fault.NO_FRAMES, "no frames")

    def _arrive(self, arrived: Arrived, picture: Pixels) -> None:
        health = self._health.look(picture, arrived.arrived_s)
        if health is Fault.FROZEN and self.source.can_freeze:
            raise SourceLost("the camera repeats one picture", Fault.FROZEN)
        # Black is no reason to restart, nor to take the picture from the page: a cap that is taken off, or
        # a lamp that is switched on, ends it, and what is seen then is judged as ever ("too dark").
        black = health is Fault.BLACK
        self._enter(
            CameraState.LIVE,
            Fault.BLACK if black else None,
            "no light reaches the sensor" if black else f"{self.source.kind}, {arrived.width}x{arrived.height}",
        )
        with self._news:
            info = FrameInfo(self.frames + 1, arrived.width, arrived.height, arrived.caption, arrived.arrived_s)
            self._newest = Frame(info, picture)
            self._arrivals.append(arrived.arrived_s)
            self._news.notify_all()

    def _stale(self, fault: Fault, reason: str) -> None:
        if self.state is CameraState.LIVE:
            self._enter(CameraState.RECOVERING, fault, reason)

    def _lose(self, lost: SourceLost, came: bool) -> None:
        """Enter the state that follows; `came` says whether this opening had given frames."""
        reason = str(lost)
        if lost.fault in _ABSENT:
            state = CameraState.RECOVERING if came else CameraState.SEARCHING
        else:
            now = time.monotonic()
            while self._restarted_s and now - self._restarted_s[0] > RESTARTS_WINDOW_S:
                self._restarted_s.popleft()
            # A fault that takes long to show never fills the window: restarts without a single frame count too.
            used_up = max(len(self._restarted_s), self._fruitless) >= RESTARTS
            if self.state is CameraState.FAILED or used_up:
                state = CameraState.FAILED
                reason += f"; {RESTARTS} restarts did not help, so it is tried every {SLOW_RETRY_S:.0f} s"
            else:
                state = CameraState.RECOVERING
                self._restarted_s.append(now)
                self._fruitless = 0 if came else self._fruitless + 1
        self._enter(state, lost.fault, reason)

    def _enter(self, state: CameraState, fault: Fault | None, reason: str) -> None:
        before = self._standing
        if (state, fault) == before:
            return
        self._standing = (state, fault)
        level = logging.INFO if fault is None else logging.WARNING
        if state is not before[0]:
            self._changes[state] += 1
            if state is CameraState.FAILED:
                level = logging.ERROR
        log.log(level, "camera %s: %s", f"{state} ({fault})" if fault else state, reason)


class _Health:
    """Tells whether a camera's pictures are those of a camera that works.

    It outlives a restart: the same picture from a camera that was opened anew is still frozen.
    """

    def __init__(self) -> None:
        self._last: Pixels | None = None
        self._changed_s = 0.0
        self._black_since_s: float | None = None

    def look(self, picture: Pixels, now: float) -> Fault | None:
        """`Fault.FROZEN`, `Fault.BLACK` or None."""
        sample = picture[::_STEP, ::_STEP]
        self._black_since_s = (self._black_since_s or now) if _is_black(picture, sample) else None
        if not self._is_same(picture, sample):
            self._changed_s = now
        self._last = picture
        if self._black_since_s is not None and now - self._black_since_s > BLACK_S:
            return Fault.BLACK
        return Fault.FROZEN if now - self._changed_s > FROZEN_S and _has_features(sample) else None

    def _is_same(self, picture: Pixels, sample: Pixels) -> bool:
        last = self._last
        return (
            last is not None
            and np.array_equal(sample, last[::_STEP, ::_STEP])  # quick, and as a rule enough
            and np.array_equal(picture, last)
        )


def _is_black(picture: Pixels, sample: Pixels) -> bool:
    """Whether no light came in. A dark room is not black: a window, a lamp on a device, the gap under a
    door make some area stand out, and a sensor turns up its gain until they do."""
    if float(sample.mean()) > _BLACK_LUMA:  # as nearly always; what follows costs ten times as much
        return False
    luma = cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA).mean(axis=2)
    brightest, darkest = float(luma.max()), float(luma.min())
    return brightest < _BLACK_LUMA and brightest - darkest < _BLACK_CONTRAST


def _has_features(sample: Pixels) -> bool:
    """Whether sameness means something: not at either end of a sensor's scale."""
    return float(sample.std()) > _FEATURELESS or _BLACK_LUMA < float(sample.mean()) < 255 - _BLACK_LUMA
