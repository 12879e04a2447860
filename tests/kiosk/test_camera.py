from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

from kiosk import camera as camera_module
from kiosk.camera import Camera, CameraState
from kiosk.source import Pause, SourceLost
from tests.stand_in import RED, Pixels, Scripted, painting, showing, until

PICTURE = painting(RED, 64, 48)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits in the same order, but none over a fifth of a second."""
    limits = {"STALE_S": 0.08, "STUCK_S": 0.2, "FROZEN_S": 0.15, "FIRST_RETRY_S": 0.02, "LAST_RETRY_S": 0.1}
    for name, limit_s in limits.items():
        monkeypatch.setattr(camera_module, name, limit_s)


@pytest.fixture
def run() -> Iterator[Callable[[Scripted], Camera]]:
    running = []

    def start(source: Scripted) -> Camera:
        running.append(Camera(source))
        running[-1].start()
        return running[-1]

    yield start
    for camera in running:
        camera.close(0.1)


def lost(*, broken: bool = False, after: int = 0) -> Scripted:
    def script(pause: Pause) -> Iterator[Pixels]:
        for _ in range(after):
            yield PICTURE
        raise SourceLost("gone", broken=broken)

    return Scripted(script)


def hanging(after: int) -> tuple[Scripted, threading.Event]:
    """A driver whose read() returns `after` frames, and then no more until the event."""
    release = threading.Event()

    def script(pause: Pause) -> Iterator[Pixels]:
        for _ in range(after):
            yield PICTURE
        release.wait()
        while True:
            yield PICTURE
            pause(0.01)

    return Scripted(script), release


def failing(pause: Pause) -> Iterator[Pixels]:
    yield PICTURE
    raise RuntimeError("the driver is not what it was")


@dataclass(frozen=True)
class Freezing(Scripted):
    can_freeze: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("source", "state"),
    [
        pytest.param(showing(PICTURE), CameraState.LIVE, id="frames come"),
        pytest.param(lost(), CameraState.SEARCHING, id="there is no camera"),
        pytest.param(lost(after=3), CameraState.SEARCHING, id="the camera was unplugged"),
        pytest.param(lost(broken=True), CameraState.FAILED, id="the camera cannot be opened"),
        pytest.param(Scripted(failing), CameraState.FAILED, id="the driver raises an error"),
        pytest.param(hanging(0)[0], CameraState.FAILED, id="opening never returns"),
        pytest.param(hanging(3)[0], CameraState.FAILED, id="reading never returns"),
    ],
)
def test_state_in_the_end(
    run: Callable[[Scripted], Camera], monkeypatch: pytest.MonkeyPatch, source: Scripted, state: CameraState
) -> None:
    if state is not CameraState.LIVE:
        # One try is enough here, or those that give frames at first would look alive at every try.
        monkeypatch.setattr(camera_module, "FIRST_RETRY_S", 60)
    camera = run(source)
    until(lambda: camera.state is state)
    time.sleep(0.12)
    assert camera.state is state


def test_a_hanging_read_shows_at_once_blocks_nobody_and_may_recover(
    run: Callable[[Scripted], Camera],
) -> None:
    source, release = hanging(after=3)
    camera = run(source)
    until(lambda: camera.frames == 3)
    states = []
    until(lambda: states.append(camera.state) or camera.state is CameraState.FAILED)  # type: ignore[func-returns-value]
    assert [state for state, before in zip(states, [None, *states], strict=False) if state is not before] == [
        CameraState.LIVE,
        CameraState.SEARCHING,
        CameraState.FAILED,
    ]
    started = time.monotonic()
    assert camera.wait_newer(3, timeout_s=0.05) is None
    assert time.monotonic() - started < 0.5
    release.set()
    until(lambda: camera.state is CameraState.LIVE)


def test_closing_does_not_wait_for_a_hanging_driver(run: Callable[[Scripted], Camera]) -> None:
    camera = run(hanging(after=1)[0])
    until(lambda: camera.frames == 1)
    started = time.monotonic()
    camera.close(timeout_s=0.2)
    assert time.monotonic() - started < 1


def test_a_lost_camera_is_found_again(run: Callable[[Scripted], Camera]) -> None:
    tries = 0

    def script(pause: Pause) -> Iterator[Pixels]:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise SourceLost("not yet")
        yield from showing(PICTURE).script(pause)

    camera = run(Scripted(script))
    until(lambda: camera.state is CameraState.LIVE)
    assert tries == 4


def test_pauses_between_tries_grow_to_a_limit(run: Callable[[Scripted], Camera]) -> None:
    tries: list[float] = []

    def script(pause: Pause) -> Iterator[Pixels]:
        tries.append(time.monotonic())
        raise SourceLost("gone")
        yield PICTURE

    run(Scripted(script))
    until(lambda: len(tries) == 7)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    first, last = camera_module.FIRST_RETRY_S, camera_module.LAST_RETRY_S
    least = [min(first * 2**index, last) for index in range(6)]
    assert all(pause >= wanted * 0.99 for pause, wanted in zip(pauses, least, strict=True))
    assert pauses[-1] < last * 2, "the limit holds"


def test_readers_get_the_newest_frame_only(run: Callable[[Scripted], Camera]) -> None:
    camera = run(showing(PICTURE, fps=200))
    first = camera.wait_newer(0, timeout_s=2)
    assert first is not None
    until(lambda: camera.frames >= first.number + 10)
    second = camera.wait_newer(first.number, timeout_s=2)
    assert second is not None
    assert second.number >= first.number + 10


def test_frames_per_second_are_those_that_arrive(run: Callable[[Scripted], Camera]) -> None:
    camera = run(showing(PICTURE, fps=40))
    until(lambda: camera.frames >= 12)
    assert 15 < camera.fps < 45


@pytest.mark.parametrize(
    ("pictures", "state"),
    [
        pytest.param([PICTURE], CameraState.FAILED, id="one picture again and again is a frozen camera"),
        pytest.param([PICTURE, PICTURE + 1], CameraState.LIVE, id="noise is life"),
        pytest.param([np.zeros((48, 64, 3), np.uint8)], CameraState.LIVE, id="a lens cap is no fault"),
    ],
)
def test_frozen(run: Callable[[Scripted], Camera], pictures: list[Pixels], state: CameraState) -> None:
    camera = run(Freezing(showing(*pictures).script))
    until(lambda: camera.frames > 0)
    time.sleep(0.3)  # FROZEN_S and STALE_S, hurried
    assert camera.state is state


def test_a_frozen_camera_that_is_opened_again_is_still_frozen(run: Callable[[Scripted], Camera]) -> None:
    camera = run(Freezing(showing(PICTURE).script))
    until(lambda: camera.state is CameraState.FAILED)
    frames = camera.frames
    time.sleep(0.25)
    assert camera.frames == frames
