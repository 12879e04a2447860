"""The camera in front of sources that fail, each in a real capture process."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from kiosk import camera as camera_module
from kiosk.camera import Camera, CameraState
from kiosk.metrics import Metrics
from kiosk.source import Fault, Source
from tests.scripted import (
    Crash,
    Fail,
    Freezing,
    Hang,
    InTurn,
    Lose,
    Pixels,
    Rest,
    SetClock,
    Show,
    Step,
    scripted,
    showing,
)
from tests.stand_in import RED, painting, until

LIVE, SEARCHING, RECOVERING, FAILED = CameraState
PICTURE = painting(RED, 64, 48)
OTHER = PICTURE + 1
BLACK = np.zeros((48, 64, 3), np.uint8)
NOISE = np.random.default_rng(0).integers(0, 9, (2, 240, 320, 3), np.uint8)
DARK_ROOM = [noise + np.uint8(40) * (np.arange(320) > 300)[:, None] for noise in NOISE]

Run = Callable[[Source], Camera]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits in the same order, all under a second, but for the start of the process."""
    limits = {
        **{"STALE_S": 0.3, "HUNG_S": 0.8, "OPEN_S": 5.0, "FROZEN_S": 0.3, "BLACK_S": 0.3, "TICK_S": 0.01},
        **{"FIRST_RETRY_S": 0.02, "LAST_RETRY_S": 0.1, "SLOW_RETRY_S": 0.4},
    }
    for name, limit_s in limits.items():
        monkeypatch.setattr(camera_module, name, limit_s)


@pytest.fixture
def run() -> Iterator[Run]:
    running: list[Camera] = []

    def start(source: Source) -> Camera:
        running.append(Camera(source))
        running[-1].start()
        return running[-1]

    yield start
    for camera in running:
        camera.close()
    assert psutil.Process().children() == [], "no process is left behind"


@pytest.mark.parametrize(
    ("source", "state", "fault"),
    [
        pytest.param(showing(PICTURE), LIVE, None, id="frames come"),
        pytest.param(scripted(Lose()), SEARCHING, Fault.NO_CAMERA, id="there is no camera"),
        pytest.param(scripted(Show((PICTURE,), times=3), Lose()), RECOVERING, Fault.NO_CAMERA, id="it was unplugged"),
        pytest.param(scripted(Lose(Fault.STREAM_LOST)), SEARCHING, Fault.STREAM_LOST, id="a stream does not answer"),
        pytest.param(scripted(Lose(Fault.BUSY)), RECOVERING, Fault.BUSY, id="the camera cannot be opened"),
        pytest.param(scripted(Fail()), RECOVERING, Fault.CRASHED, id="the driver raises an error"),
        pytest.param(scripted(Show((PICTURE,), times=3), Crash()), RECOVERING, Fault.CRASHED, id="the driver crashes"),
        pytest.param(scripted(Show((PICTURE,), times=3), Hang()), RECOVERING, Fault.HUNG, id="reading never returns"),
        pytest.param(scripted(Show((PICTURE,), times=3)), RECOVERING, Fault.NO_FRAMES, id="frames end"),
        pytest.param(Freezing((Show((PICTURE,)),)), RECOVERING, Fault.FROZEN, id="one picture again and again"),
        pytest.param(Freezing((Show((BLACK + 90,)),)), RECOVERING, Fault.FROZEN, id="even if it is plain"),
        pytest.param(Freezing((Show((BLACK + 255,)),)), LIVE, None, id="but a dazzled sensor is not frozen"),
        pytest.param(Freezing((Show((PICTURE, OTHER)),)), LIVE, None, id="noise is life"),
        pytest.param(Freezing((Show((BLACK,)),)), LIVE, Fault.BLACK, id="a lens cap"),
        pytest.param(Freezing((Show(tuple(NOISE)),)), LIVE, Fault.BLACK, id="a lens cap before a noisy sensor"),
        pytest.param(Freezing((Show(tuple(DARK_ROOM)),)), LIVE, None, id="a dark room with a lamp somewhere"),
        pytest.param(showing(None), RECOVERING, Fault.CORRUPT, id="nothing can be decoded"),
        pytest.param(showing(BLACK[:0]), RECOVERING, Fault.CORRUPT, id="pictures without pixels"),
        pytest.param(showing(PICTURE, None), LIVE, None, id="every second frame is corrupt"),
    ],
)
def test_where_a_fault_ends(
    run: Run, monkeypatch: pytest.MonkeyPatch, source: Source, state: CameraState, fault: Fault | None
) -> None:
    # One try is enough here, or those that give frames at first would look alive at every try.
    monkeypatch.setattr(camera_module, "FIRST_RETRY_S", 60)
    camera = run(source)
    until(lambda: (camera.state, camera.fault) == (state, fault))
    if state is LIVE:
        time.sleep(0.6)  # twice FROZEN_S and BLACK_S
    assert (camera.state, camera.fault) == (state, fault)
    metrics = Metrics(camera).text().decode()
    assert f'vernissage_camera_state{{state="{state}"}} 1.0' in metrics
    for each in Fault:
        assert f'vernissage_camera_fault{{fault="{each}"}} {float(each is fault)}' in metrics


def test_opening_that_never_returns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "OPEN_S", 0.6)
    camera = run(scripted(Hang()))
    until(lambda: (camera.state, camera.fault) == (RECOVERING, Fault.HUNG))
    assert camera.frames == 0


@pytest.mark.parametrize(
    ("first", "restarts"),
    [
        pytest.param((Show((PICTURE,), times=3), Hang()), 1, id="reading hung"),
        pytest.param((Show((PICTURE,), times=3), Crash()), 1, id="the driver crashed"),
        pytest.param((Show((None,)),), 1, id="frames were corrupt"),
        pytest.param((Lose(Fault.BUSY),), 1, id="it was busy"),
        pytest.param((Show((PICTURE,), times=3), Lose()), 0, id="it was unplugged and plugged in again"),
        pytest.param((Lose(),), 0, id="it was plugged in later"),
    ],
)
def test_what_is_mended_is_live_again(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, first: tuple[Step, ...], restarts: int
) -> None:
    caplog.set_level(logging.INFO)
    camera = run(scripted(InTurn(tmp_path / "diary", (first, (Show((PICTURE,)),)))))
    until(lambda: len((tmp_path / "diary").read_text().split()) > 1 if (tmp_path / "diary").exists() else False)
    until(lambda: camera.state is LIVE and camera.fault is None)
    assert camera.restarts == restarts
    assert f"vernissage_camera_restarts_total {float(restarts)}" in Metrics(camera).text().decode()
    lines = [record.getMessage() for record in caplog.records if record.name == "kiosk.camera"]
    assert lines[-1] == "camera live: camera, 64x48"
    # A busy machine may lose a frame or two more, and say so; a line for every frame would be hundreds.
    assert sum(camera.state_changes.values()) <= len(lines) < 20
    assert f'vernissage_camera_state_changes_total{{state="live"}} {float(camera.state_changes[LIVE])}' in (
        Metrics(camera).text().decode()
    )


def test_restarts_are_used_up_once_and_loudly_and_slow_tries_go_on(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    diary = InTurn(tmp_path / "diary", ((Crash(),),) * 8 + ((Show((PICTURE,)),),))
    camera = run(scripted(diary))
    until(lambda: camera.state is FAILED, timeout_s=20)
    assert camera.fault is Fault.CRASHED
    assert len(diary.begun_s) == 1 + camera_module.RESTARTS
    until(lambda: camera.state is LIVE, timeout_s=20)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    assert "5 restarts did not help" in caplog.text
    assert camera.state_changes[FAILED] == 1
    slow = [later - earlier for earlier, later in pairwise(diary.begun_s[camera_module.RESTARTS :])]
    assert min(slow) >= camera_module.SLOW_RETRY_S


def test_a_camera_that_is_absent_uses_up_no_restarts(run: Run, tmp_path: Path) -> None:
    diary = InTurn(tmp_path / "diary", ((Lose(),),))
    camera = run(scripted(diary))
    until(lambda: len(diary.begun_s) > 2 * camera_module.RESTARTS)
    assert (camera.state, camera.restarts) == (SEARCHING, 0)


def test_pauses_between_tries_grow_to_a_limit(run: Run, tmp_path: Path) -> None:
    diary = InTurn(tmp_path / "diary", ((Lose(),),))
    run(scripted(diary))
    until(lambda: len(diary.begun_s) == 7)
    pauses = [later - earlier for earlier, later in pairwise(diary.begun_s)]
    first, last = camera_module.FIRST_RETRY_S, camera_module.LAST_RETRY_S
    least = [min(first * 2**index, last) for index in range(6)]
    assert all(pause >= wanted * 0.99 for pause, wanted in zip(pauses, least, strict=True))
    assert pauses[-1] < last * 4, "the limit holds"


def test_a_frozen_camera_that_is_opened_again_is_still_frozen(run: Run) -> None:
    camera = run(Freezing((Show((PICTURE,)),)))
    until(lambda: camera.fault is Fault.FROZEN)
    frames = camera.frames
    until(lambda: camera.restarts >= 2)
    assert camera.frames == frames


def test_a_stopped_process_is_replaced(run: Run) -> None:
    """SIGSTOP is what a driver that hangs looks like, and nothing but SIGKILL ends such a process."""
    camera = run(showing(PICTURE))
    until(lambda: camera.state is LIVE)
    stopped = camera.capture_pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    until(lambda: camera.fault is Fault.NO_FRAMES)
    assert camera.state is RECOVERING
    started = time.monotonic()
    assert camera.wait_newer(camera.frames, timeout_s=0.05) is None
    assert time.monotonic() - started < 0.5, "it holds up nobody"
    until(lambda: camera.state is LIVE)
    assert camera.capture_pid != stopped
    assert not psutil.pid_exists(stopped)


def test_a_source_that_pauses_as_it_should_is_not_hung(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "STALE_S", 1.0)
    monkeypatch.setattr(camera_module, "HUNG_S", 1.2)
    camera = run(scripted(Show((PICTURE,), times=1), Rest(2.0), Show((PICTURE,))))
    until(lambda: camera.frames > 2)
    assert (camera.state_changes[LIVE], camera.state_changes[RECOVERING]) == (1, 0)


def test_a_clock_that_jumps_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real, year_s = time.time, 365 * 86400
    camera = run(scripted(SetClock(), Show((PICTURE, OTHER))))
    until(lambda: camera.state is LIVE)
    monkeypatch.setattr(time, "time", lambda: real() + year_s * (-1) ** camera.frames)
    frames = camera.frames
    until(lambda: camera.frames > frames + 20)
    assert (camera.state, camera.fault, camera.restarts) == (LIVE, None, 0)
    assert camera.newest is not None
    assert 0 <= time.monotonic() - camera.newest.info.arrived_s < 1
    assert 5 < camera.fps < 60


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((Show((PICTURE,)),), id="it is live"),
        pytest.param((Show((PICTURE,), times=1), Hang()), id="it hangs"),
        pytest.param((Show((PICTURE,), times=1), Rest(1000)), id="it pauses"),
    ],
)
def test_closing_is_quick_and_leaves_nothing(run: Run, steps: tuple[Step, ...]) -> None:
    camera = run(scripted(*steps))
    until(lambda: camera.frames > 0)
    pid, started = camera.capture_pid, time.monotonic()
    assert pid is not None
    camera.close()
    assert time.monotonic() - started < 1
    assert not psutil.pid_exists(pid)
    assert camera.capture_pid is None
    assert camera.wait_newer(camera.frames, timeout_s=5) is None, "nobody is left waiting"


def test_readers_get_the_newest_frame_only(run: Run) -> None:
    camera = run(showing(PICTURE, fps=200))
    first = camera.wait_newer(0, timeout_s=5)
    assert first is not None
    until(lambda: camera.frames >= first.info.number + 10)
    second = camera.wait_newer(first.info.number, timeout_s=2)
    assert second is not None
    assert second.info.number >= first.info.number + 10


def test_frames_per_second_are_those_that_arrive(run: Run) -> None:
    camera = run(showing(PICTURE, fps=40))
    until(lambda: camera.frames >= 12)
    assert 15 < camera.fps < 45


def test_corrupt_frames_are_dropped_and_counted(run: Run) -> None:
    wrong: list[Pixels | None] = [None, BLACK[:0], BLACK[..., :2], BLACK.astype(np.float32), painting(RED, 80, 80)]
    camera = run(showing(*(each for pixels in wrong for each in (pixels, PICTURE))))
    seen: set[tuple[int, ...]] = set()
    until(lambda: camera.corrupt_frames > 10 and camera.frames > 10)
    for _ in range(20):
        frame = camera.wait_newer(camera.frames, timeout_s=2)
        assert frame is not None
        seen.add(frame.picture.shape)
    assert seen == {PICTURE.shape}
    assert camera.state is LIVE
    assert b"vernissage_frames_corrupt_total 0.0" not in Metrics(camera).text()


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(showing(PICTURE), id="that works"),
        pytest.param(scripted(Lose()), id="that is not there"),
        pytest.param(scripted(Hang()), id="that hangs"),
        pytest.param(scripted(Crash()), id="that crashes"),
    ],
)
def test_another_source_in_place_of_one(run: Run, monkeypatch: pytest.MonkeyPatch, first: Source) -> None:
    monkeypatch.setattr(camera_module, "FIRST_RETRY_S", 60.0)  # nobody waits for the next try
    monkeypatch.setattr(camera_module, "OPEN_S", 60.0)
    camera = run(first)
    until(lambda: camera.frames > 3 or camera.fault is not None or camera.capture_pid is not None)
    before = camera.frames
    camera.change(showing(painting(RED, 80, 60)))
    assert camera.coming.kind == "camera"

    def is_read() -> bool:
        newest = camera.newest
        return newest is not None and newest.picture.shape == (60, 80, 3)

    until(is_read, timeout_s=30)
    assert camera.state is LIVE
    assert camera.frames > before, "frames go on being counted"
    assert camera.restarts <= 1, "a change is no restart"
