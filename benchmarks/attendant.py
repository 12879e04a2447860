"""``python -m benchmarks.attendant REQUEST``: a kiosk in a process of its own, watched while it works.

A fresh process, so that memory and processor time are the kiosk's: `kiosk.station.Station` with the capture
process, camera, watcher, locator and network, as ``python -m kiosk`` starts them, without the web server.
The request is JSON, and so is the one line of the reply; a failure is ``{"error": "one line"}``.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict

import bundle
from benchmarks.playback import Playback
from benchmarks.worker import die_with_parent
from kiosk.memory import give_large_blocks_back
from kiosk.settings import Settings
from kiosk.station import Station

# Seconds that the first frame and the first answer may take.
_START_S = 30.0

# Seconds after which a wait for the next answer is given up and tried again.
_PATIENCE_S = 0.5


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(_Message):
    """What is to be watched."""

    folder: Path
    """Of the bundle."""
    precision: str
    threads: int | None
    """Intra-op threads of the network; None for the kiosk's own choice."""
    pictures: tuple[Path, ...]
    """As `Playback` has them."""
    width: int
    height: int
    rate_fps: float
    hold_s: float
    sways: bool
    settle_s: float
    """Before anything is counted."""
    seconds: float
    bare_runs: int
    """Of the network alone, after the kiosk has stopped; in the same session."""


class Look(_Message):
    """One published answer."""

    at_s: float
    """Since counting began."""
    delay_ms: float
    """From the frame's arrival to the moment when a waiting reader had the answer."""
    picture: int
    since_s: float
    """When the first frame of that picture arrived; negative before counting began."""
    status: str
    style: str | None
    timing_ms: dict[str, float]


class Watched(_Message):
    """What there was to be seen."""

    looks: tuple[Look, ...]
    seconds: float
    frames: int
    """That arrived while counting."""
    kiosk_cpu_s: float
    capture_cpu_s: float
    kiosk_rss_bytes: int
    capture_rss_bytes: int
    """With what it has touched of the stored pictures, which no camera would need."""
    bare_ms: tuple[float, ...]


class Failure(_Message):
    """Why there is nothing."""

    error: str


class AttendantError(RuntimeError):
    """The kiosk does not run; the message is one line."""


def watch(request: Request) -> Watched:
    """Run the kiosk and write down what it publishes."""
    verified = bundle.load(request.folder, lambda file: (file.format, file.precision) == ("onnx", request.precision))
    source = Playback(request.pictures, request.width, request.height, request.rate_fps, request.hold_s, request.sways)
    station = Station(
        verified, Settings.model_validate({"precision": request.precision, "threads": request.threads}), source
    )
    station.open()
    try:
        station.load()
        _wait_for_answer(station)
        time.sleep(request.settle_s)
        watched = _count(station, request.seconds)
    finally:
        station.close()
    assert station.judge is not None
    classifier = station.judge.classifier
    picture = np.load(request.pictures[0], mmap_mode="r")[0]
    prepared = bundle.prepare(np.ascontiguousarray(picture[..., ::-1]), classifier.input_size)
    bare_ms = []
    for number in range(-5, request.bare_runs):
        started = time.perf_counter()
        classifier.classify(prepared)
        if number >= 0:
            bare_ms.append(1000 * (time.perf_counter() - started))
    return watched.model_copy(update={"bare_ms": tuple(bare_ms)})


def _wait_for_answer(station: Station) -> None:
    end = time.monotonic() + _START_S
    version = 0
    while time.monotonic() < end:
        showing = station.watcher.wait_newer(version, _PATIENCE_S)
        version = showing.version
        if showing.frame is not None:
            return
    raise AttendantError(f"no answer within {_START_S:.0f} s (camera {station.camera.state.value})")


def _count(station: Station, seconds: float) -> Watched:
    kiosk = psutil.Process()
    capture = kiosk.children(recursive=True)

    def used_s(processes: list[psutil.Process]) -> float:
        times = [process.cpu_times() for process in processes]
        return sum(time.user + time.system for time in times)

    kiosk_s, capture_s, frames = used_s([kiosk]), used_s(capture), station.camera.frames
    looks = []
    started = time.monotonic()
    version = station.watcher.wait_newer(-1, 0.0).version
    while (left_s := started + seconds - time.monotonic()) > 0:
        showing = station.watcher.wait_newer(version, min(left_s, _PATIENCE_S))
        now = time.monotonic()
        is_new, version = showing.version > version, showing.version
        if not is_new or showing.frame is None:
            continue
        number, since_s = (showing.frame.caption or "0 0").split()
        looks.append(
            Look(
                at_s=now - started,
                delay_ms=1000 * (now - showing.frame.arrived_s),
                picture=int(number),
                since_s=float(since_s) - started,
                status=showing.answer.status.value,
                style=showing.answer.style,
                timing_ms=dict(showing.timing_ms),
            )
        )
    return Watched(
        looks=tuple(looks),
        seconds=time.monotonic() - started,
        frames=station.camera.frames - frames,
        kiosk_cpu_s=used_s([kiosk]) - kiosk_s,
        capture_cpu_s=used_s(capture) - capture_s,
        kiosk_rss_bytes=kiosk.memory_info().rss,
        capture_rss_bytes=sum(process.memory_info().rss for process in capture),
        bare_ms=(),
    )


def main(arguments: list[str]) -> int:
    """Serve the one request. Returns the exit code: 0, or 2 after a failure."""
    die_with_parent()
    # Libraries may print; the reply must stay the only line of its stream.
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    give_large_blocks_back()  # as in the kiosk
    cv2.setNumThreads(1)  # as in the kiosk
    try:
        message: BaseModel = watch(Request.model_validate_json(arguments[0]))
    except Exception as error:  # whatever it was, the parent prints it as one line
        message = Failure(error=(str(error).strip() or type(error).__name__).splitlines()[0])
    reply.write(message.model_dump_json() + "\n")
    reply.flush()
    return 2 if isinstance(message, Failure) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
