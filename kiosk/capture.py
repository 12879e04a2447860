"""The capture process: it alone touches the source, and it can be killed.

`read()` of a camera may block for ever in its driver (opencv #4468), and a decoder may crash. A thread
that hangs can be neither ended nor waited for, and a crash takes everything along; a process can be
killed and started anew, and the kiosk goes on.

It does as little as it can: open the source when it is told to, give each frame its place in shared
memory, and say so over a socket. What that means, and what to do when it says nothing, is `camera`'s
business. A single thread does it all, so a read that hangs is a process that is silent.

**Shared memory** is a file without a name (memfd): when the last process that holds it is gone, so is
it, however they ended. `multiprocessing.shared_memory` has names that outlive a killed process, and
starts one more process to tidy them up.

**Frames** have a few slots. A slot goes over with the message that names it, is read in place, and comes
back with another message when nobody in the kiosk holds the frame any more; so no frame is ever torn, and
none is copied. Where the kiosk is late and no slot is free, the frame is left out, so none waits. On its
way into the slot a frame becomes RGB, as the kiosk's networks take it.

**Start-up** is a plain child process: `multiprocessing` would import the kiosk's ``__main__`` there, and
start its resource tracker. It takes 0.2 s and 45 MB.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NoReturn

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.memory import give_large_blocks_back
from kiosk.source import LONGEST_SIDE, Fault, Frame, Shot, Source, SourceLost, fit

# Slots for frames: the kiosk holds the newest, the one that is judged, and one that is encoded for the page; one is on
# its way, and one is being written. And bytes of each: the largest frame that there can be, of which only those take
# memory that are written to.
_SLOTS = 6
_SLOT_BYTES = LONGEST_SIDE * LONGEST_SIDE * 3

# Pixels that a side of a frame has at least; less is no picture of a wall.
_SHORTEST_SIDE = 16

# Frames of another shape that come one after the other until they are believed: a damaged header
# changes the shape once, another resolution for good.
_SETTLED_FRAMES = 5

# Seconds after which a source that pauses gives a sign of life.
_BEAT_S = 0.5

# Seconds that the process has to close the source by itself, and to die when it was killed. It may
# still be there then, held up in the kernel by a driver.
_CLOSE_S, _KILL_S = 0.3, 1.0

# What OpenCV looks for to set FFmpeg's log level (-8 is AV_LOG_QUIET).
_FFMPEG_LOG = "OPENCV_FFMPEG_LOGLEVEL"

# What the kiosk says to the process, beside the number of a slot that is free again.
_OPEN = -1

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrived:
    """A frame lies in a slot (`Capture.take`)."""

    slot: int
    width: int
    height: int
    caption: str | None
    arrived_s: float


@dataclass(frozen=True)
class Corrupt:
    """A frame was dropped because it is no picture."""

    reason: str


@dataclass(frozen=True)
class Lost:
    """The source has no more frames; the process waits to be told to open it again."""

    reason: str
    fault: Fault


@dataclass(frozen=True)
class Beat:
    """The source pauses, as it should."""


@dataclass(frozen=True)
class Said:
    """A line for the log."""

    logger: str
    level: int
    text: str


Message = Arrived | Corrupt | Lost | Beat


class Capture:
    """A capture process, as the kiosk sees it. For one thread, which must outlive it: Linux ends the
    process together with the thread that started it."""

    def __init__(self, source: Source) -> None:
        """Start the process; `source` goes there by `pickle`."""
        self._connection, theirs = multiprocessing.Pipe()
        self._has_spoken = False
        self._read: deque[int] = deque()  # slots whose frames nobody holds any more
        memory = _memory_file()
        try:
            self._memory = mmap.mmap(memory, _SLOTS * _SLOT_BYTES)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c", "from kiosk.capture import main; main()"),
                    *(str(number) for number in (theirs.fileno(), memory, os.getpid())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # What can be imported here can be imported there. FFmpeg would write a line of its own past
                # the log at every try; OPENCV_FFMPEG_LOGLEVEL=32 in the kiosk's environment brings it back.
                env={_FFMPEG_LOG: "-8", **os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=(theirs.fileno(), memory),
                # Ctrl-C in a terminal goes to the whole group, and is the kiosk's to answer.
                process_group=0,
            )
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()
            os.close(memory)
        try:
            self._connection.send(source)
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def open(self) -> None:
        """Have the source opened: at first, and after each `Lost`. Raises `SourceLost`."""
        self._send(_OPEN)

    def receive(self, timeout_s: float) -> Message | None:
        """The next message, as soon as it comes; None after `timeout_s` seconds, or after a line for the
        log, which is written. Raises `SourceLost` when the process has died."""
        self._give_back()
        try:
            message = self._connection.recv() if self._connection.poll(timeout_s) else None
        except (EOFError, OSError):
            raise self._died() from None
        self._has_spoken |= message is not None
        if isinstance(message, Said):
            logging.getLogger(message.logger).log(message.level, "%s", message.text)
            return None
        assert message is None or isinstance(message, Message)
        return message

    def take(self, arrived: Arrived) -> npt.NDArray[np.uint8]:
        """The frame, RGB ``[height, width, 3]``, in its slot: to be read by any thread, and not to be kept for long.
        The slot is free again when the last view of it has gone. To be called once."""
        picture = _slot(self._memory, arrived.slot, arrived.width, arrived.height)
        picture.flags.writeable = False
        # Called by whatever thread lets go last, at any place in its code: it only makes a note, for `receive`.
        weakref.finalize(picture, self._read.append, arrived.slot).atexit = False
        return picture

    def _give_back(self) -> None:
        while self._read:
            self._send(self._read.popleft())

    def kill(self) -> None:
        """End it whatever it does."""
        self._connection.close()
        self._process.kill()
        try:
            self._process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            # In an uninterruptible call of a driver. It goes when that returns, and is waited for by
            # `subprocess` when the next process is started.
            log.warning("the capture process hangs in the kernel and is left behind")

    def close(self) -> None:
        """End it after it has closed the source; or at once, where it has none yet, or hangs."""
        if not self._has_spoken:
            return self.kill()
        self._connection.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _send(self, number: int) -> None:
        try:
            self._connection.send(number)
        except OSError:
            raise self._died() from None

    def _died(self) -> SourceLost:
        try:
            code = self._process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            return SourceLost("capture process closed its end and goes on", Fault.CRASHED)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        return SourceLost(f"capture process ended {how}", Fault.CRASHED)


def _memory_file() -> int:
    """A descriptor of as much memory as the slots take, without a name that could be left behind."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("vernissage-frames")
    else:  # not Linux
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, _SLOTS * _SLOT_BYTES)
    return descriptor


def _slot(memory: mmap.mmap, slot: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    # It lies on the memory itself, so that every view of it keeps this very array alive, and with it the slot.
    return np.ndarray((height, width, 3), np.uint8, buffer=memory, offset=slot * _SLOT_BYTES)


# --- in the process --------------------------------------------------------------------------------


class _KioskGone(BaseException):
    """The kiosk closed its end; not an error that a source may swallow."""


class _CorruptFrame(Exception):
    """What came is no picture."""


class _Reader:
    """Reads the source and hands its frames over."""

    def __init__(self, connection: Connection, memory: mmap.mmap) -> None:
        self._connection = connection
        self._memory = memory
        self._free = deque(range(_SLOTS))  # each in its turn: memory is the same from the first second on
        self._scaled: Frame | None = None  # is used again: fresh memory costs 1.2 ms a frame
        self._shape: tuple[int, ...] | None = None
        self._strange: tuple[int, ...] | None = None
        self._strangers = 0

    def work(self) -> None:
        """Open the source as often as the kiosk wants it; returns when that has closed its end."""
        try:
            source = self._receive()
            assert isinstance(source, Source)
            while True:
                while (number := self._receive()) != _OPEN:
                    self._give_back(number)
                lost = self._read(source)
                self.send(Lost(str(lost), lost.fault))
        except _KioskGone:
            return

    def send(self, message: Message | Said) -> None:
        """Send to the kiosk."""
        try:
            self._connection.send(message)
        except OSError:
            raise _KioskGone from None

    def _receive(self) -> object:
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise _KioskGone from None

    def _read(self, source: Source) -> SourceLost:
        self._shape = None
        try:
            with closing(source.shots(self._pause)) as shots:
                for shot in shots:
                    try:
                        self._hand_over(shot, source.changes_shape)
                    except _CorruptFrame as error:
                        self.send(Corrupt(str(error)))
            return SourceLost("source ended", Fault.NO_FRAMES)
        except SourceLost as lost:
            return lost
        except Exception as error:  # a driver or decoder may raise anything
            log.exception("reading the source failed")
            return SourceLost(f"reading raised {type(error).__name__}", Fault.CRASHED)

    def _pause(self, seconds: float) -> None:
        now = time.monotonic()
        end, beat = now + seconds, now + _BEAT_S
        while now < end:
            self._take_back(min(end, beat) - now)
            now = time.monotonic()
            if now >= beat:
                self.send(Beat())
                beat = now + _BEAT_S

    def _take_back(self, timeout_s: float = 0.0) -> None:
        """Slots that the kiosk gave back; waits for the first at most `timeout_s` seconds."""
        while self._connection.poll(max(timeout_s, 0.0)):
            self._give_back(self._receive())
            timeout_s = 0.0

    def _give_back(self, slot: object) -> None:
        assert isinstance(slot, int)
        self._free.append(slot)

    def _hand_over(self, shot: Shot | None, changes_shape: bool) -> None:
        image = self._checked(shot, changes_shape)
        assert shot is not None
        self._take_back()
        if not self._free:
            return
        fitted = fit(image, into=self._scaled)
        if fitted is not image:
            self._scaled = fitted
        height, width = fitted.shape[:2]
        slot = self._free.popleft()
        cv2.cvtColor(fitted, cv2.COLOR_BGR2RGB, dst=_slot(self._memory, slot, width, height))
        self.send(Arrived(slot, width, height, shot.caption, shot.arrived_s))

    def _checked(self, shot: Shot | None, changes_shape: bool) -> Frame:
        if shot is None:
            raise _CorruptFrame("it cannot be decoded")
        image = shot.image_bgr
        if image.dtype != np.uint8 or image.ndim not in {2, 3} or min(image.shape[:2]) < _SHORTEST_SIDE:
            raise _CorruptFrame(f"it is {image.dtype} {list(image.shape)}")
        if image.ndim == 2 or image.shape[2] == 1:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        if image.shape[2] != 3:
            raise _CorruptFrame(f"it has {image.shape[2]} channels")
        if changes_shape or self._shape in {None, image.shape}:
            self._strangers = 0
        else:
            self._strangers = self._strangers + 1 if image.shape == self._strange else 1
            self._strange = image.shape
            if self._strangers < _SETTLED_FRAMES:
                raise _CorruptFrame(f"its shape changed from {self._shape} to {image.shape}")
        self._shape = image.shape
        return image


class _Log(logging.Handler):
    """Sends what is logged to the kiosk, whose log it belongs in."""

    def __init__(self, reader: _Reader) -> None:
        super().__init__()
        self._reader = reader

    def emit(self, record: logging.LogRecord) -> None:
        self._reader.send(Said(record.name, record.levelno, self.format(record)))


def main() -> NoReturn:
    """The process's own entry; its arguments are the descriptors of socket and memory, and its parent."""
    connection_file, memory_file, parent = map(int, sys.argv[1:])
    _end_with(parent)
    give_large_blocks_back(4_000_000)  # frames of 720p are smaller and stay quick to allocate
    # A second thread of OpenCV gains nothing at our sizes.
    cv2.setNumThreads(1)
    memory = mmap.mmap(memory_file, 0)
    os.close(memory_file)
    reader = _Reader(Connection(connection_file), memory)
    logging.getLogger().addHandler(_Log(reader))
    logging.getLogger().setLevel(logging.INFO)
    reader.work()
    # Without the interpreter's tidying up, in which a thread of a decoder may hang.
    os._exit(0)


def _end_with(parent: int) -> None:
    """Be killed when the kiosk ends, however it ends; a read that hangs would not notice it."""
    if sys.platform.startswith("linux"):
        parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
