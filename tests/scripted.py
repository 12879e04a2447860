"""A camera that does what a test says, in a real capture process.

A script is a row of steps, each a value that goes to the process by `pickle`. This module imports little,
because the process imports it too. What a test and a running script share is a file: one that is there
or not (`Show.until`), or one with a line for each time that the script was begun (`InTurn`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.source import Fault, Pause, Shot, Source, SourceLost

Pixels = npt.NDArray[np.generic]


class Step(Protocol):
    def __call__(self, pause: Pause) -> Iterator[Pixels | None]:
        """Pictures (RGB), or None for one that cannot be decoded."""


@dataclass(frozen=True)
class Scripted(Source):
    """Plays its steps one after the other."""

    steps: tuple[Step, ...]
    kind: ClassVar[str] = "camera"

    def shots(self, pause: Pause) -> Generator[Shot | None]:
        for step in self.steps:
            for picture in step(pause):
                yield None if picture is None else Shot(np.ascontiguousarray(picture[..., ::-1]))


@dataclass(frozen=True)
class Freezing(Scripted):
    can_freeze: ClassVar[bool] = True


@dataclass(frozen=True)
class Captioned(Scripted):
    """What a step shows has its caption."""

    captions: tuple[str, ...] = ()

    def shots(self, pause: Pause) -> Generator[Shot | None]:
        for step, caption in zip(self.steps, self.captions, strict=True):
            for picture in step(pause):
                yield None if picture is None else Shot(np.ascontiguousarray(picture[..., ::-1]), caption)


@dataclass(frozen=True)
class Show:
    """The pictures in turn: so many times, or until a file is there, or for ever."""

    pictures: tuple[Pixels | None, ...]
    fps: float = 50
    times: int | None = None
    until: Path | None = None

    def __call__(self, pause: Pause) -> Iterator[Pixels | None]:
        shown = 0
        while shown != self.times and not (self.until and self.until.exists()):
            for picture in self.pictures:
                yield picture
                pause(1 / self.fps)
            shown += 1


@dataclass(frozen=True)
class Lose:
    """The source says that it is lost."""

    fault: Fault = Fault.NO_CAMERA

    def __call__(self, pause: Pause) -> Iterator[Pixels]:
        raise SourceLost("gone", self.fault)
        yield


@dataclass(frozen=True)
class Fail:
    """The driver raises an error."""

    def __call__(self, pause: Pause) -> Iterator[Pixels]:
        raise RuntimeError("the driver is not what it was")
        yield


@dataclass(frozen=True)
class Hang:
    """`read()` does not return."""

    def __call__(self, pause: Pause) -> Iterator[Pixels]:
        time.sleep(1000)
        yield from ()


@dataclass(frozen=True)
class Rest:
    """No frames for a while, as it should be."""

    seconds: float

    def __call__(self, pause: Pause) -> Iterator[Pixels]:
        pause(self.seconds)
        yield from ()


@dataclass(frozen=True)
class Crash:
    """The driver takes the process along."""

    signal: signal.Signals = signal.SIGSEGV

    def __call__(self, pause: Pause) -> Iterator[Pixels]:
        os.kill(os.getpid(), self.signal)
        yield from ()


@dataclass(frozen=True)
class SetClock:
    """From now on the wall clock of the process jumps back and forth by a year."""

    def __call__(self, pause: Pause) -> Iterator[Pixels]:
        year_s, real = 365 * 86400, time.time
        time.time = lambda: real() + year_s * (-1) ** int(1000 * time.monotonic())
        yield from ()


@dataclass(frozen=True)
class InTurn:
    """Each time that it is begun the next script, at last the last one again and again; also after the
    process was killed, because the count is kept in the file `diary`."""

    diary: Path
    scripts: tuple[tuple[Step, ...], ...]

    def __call__(self, pause: Pause) -> Iterator[Pixels | None]:
        with self.diary.open("a") as diary:
            diary.write(f"{time.monotonic()}\n")
        for step in self.scripts[min(len(self.begun_s), len(self.scripts)) - 1]:
            yield from step(pause)

    @property
    def begun_s(self) -> list[float]:
        """When it was begun each time, by `time.monotonic`."""
        return [float(line) for line in self.diary.read_text().split()] if self.diary.exists() else []


@dataclass(frozen=True)
class Wall(Source):
    """A camera in front of the picture that was hung last in `folder`; a test may hang and take down
    while it runs."""

    folder: Path
    caption: str
    kind: ClassVar[str] = "demo"
    demonstration: ClassVar[bool] = True

    def hang(self, picture: Pixels) -> None:
        """Hang an RGB picture."""
        fresh = self.folder / "fresh"
        with fresh.open("wb") as file:
            np.save(file, picture)
        fresh.rename(self.folder / f"{len(self._hung()):03}.npy")

    def take_down(self) -> None:
        """Take the last one down."""
        self._hung()[-1].unlink()

    def _hung(self) -> list[Path]:
        return sorted(self.folder.glob("*.npy"))

    def shots(self, pause: Pause) -> Generator[Shot]:
        while hung := self._hung():
            with contextlib.suppress(FileNotFoundError):  # taken down just now
                yield Shot(cv2.cvtColor(np.load(hung[-1]), cv2.COLOR_RGB2BGR), self.caption)
            pause(0.1)
        raise SourceLost("the wall is empty")


def scripted(*steps: Step) -> Scripted:
    return Scripted(steps)


def showing(*pictures: Pixels | None, fps: float = 50) -> Scripted:
    """A camera that shows the pictures in turn, for ever."""
    return scripted(Show(pictures, fps))
