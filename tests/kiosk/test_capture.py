"""The capture process from the kiosk's side: frames, messages, and its end."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from kiosk.capture import Arrived, Beat, Capture, Corrupt, Lost, Message
from kiosk.source import Fault, Source, SourceLost
from tests.scripted import Crash, Fail, Hang, Pixels, Rest, Show, Step, Wall, scripted
from tests.stand_in import RED, painting, until

ROOT = Path(__file__).parents[2]
PICTURE = painting(RED, 64, 48)

Begin = Callable[..., Capture]


@pytest.fixture
def begin() -> Iterator[Begin]:
    running: list[Capture] = []

    def start(*steps: Step, source: Source | None = None) -> Capture:
        running.append(Capture(source or scripted(*steps)))
        running[-1].open()
        return running[-1]

    yield start
    for capture in running:
        capture.close()
    assert psutil.Process().children() == [], "no process is left behind"


def message(capture: Capture, timeout_s: float = 5) -> Message:
    """The next message that is no beat."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        received = capture.receive(0.1)
        if received is not None and not isinstance(received, Beat):
            return received
    raise AssertionError("nothing came")


def arrival(capture: Capture) -> Arrived:
    arrived = message(capture)
    assert isinstance(arrived, Arrived), arrived
    return arrived


def picture(capture: Capture) -> Pixels:
    return capture.take(arrival(capture))


@pytest.mark.parametrize(
    ("shown", "shape"),
    [
        pytest.param(painting(RED, 640, 480), (480, 640, 3), id="as it is"),
        pytest.param(painting(RED, 1280, 1280), (1280, 1280, 3), id="the largest that fits"),
        pytest.param(painting(RED, 1920, 1080), (720, 1280, 3), id="1080p"),
        pytest.param(painting(RED, 3840, 2160), (720, 1280, 3), id="4K"),
        pytest.param(painting(RED, 900, 1600), (1280, 720, 3), id="upright"),
        pytest.param(painting(RED, 4000, 40), (13, 1280, 3), id="a strip"),
        pytest.param(painting(RED, 64, 48)[..., :1], (48, 64, 3), id="grey"),
    ],
)
def test_frames_keep_their_aspect_and_are_no_larger_than_needed(
    begin: Begin, shown: Pixels, shape: tuple[int, ...]
) -> None:
    got = picture(begin(Show((shown,))))
    assert (got.shape, got.dtype) == (shape, np.uint8)
    means = np.broadcast_to(shown.mean(axis=(0, 1)), 3)
    np.testing.assert_allclose(got.mean(axis=(0, 1)), means, atol=1.5)


def test_a_frame_comes_with_its_time_and_caption(begin: Begin, tmp_path: Path) -> None:
    wall = Wall(tmp_path, "Dabs of one colour")
    wall.hang(PICTURE)
    before = time.monotonic()
    first = arrival(begin(source=wall))
    assert before < first.arrived_s < time.monotonic()
    assert first.caption == "Dabs of one colour"


def test_no_frame_is_torn(begin: Begin) -> None:
    """Every frame is of one value all over, and they come faster than anybody reads them."""
    plain = tuple(np.full((720, 1280, 3), value, np.uint8) for value in range(0, 250, 25))
    capture = begin(Show(plain, fps=100_000))
    values = set()
    for _ in range(100):
        image = picture(capture)
        values.add(int(image[0, 0, 0]))
        assert image.min() == image.max()
    assert len(values) > 3


def test_a_late_reader_finds_no_queue(begin: Begin) -> None:
    """No more frames lie ready than there are slots, and the next one is new."""
    capture = begin(Show((PICTURE,), fps=100))
    first = message(capture)
    assert isinstance(first, Arrived)
    time.sleep(0.5)
    waiting = [first]
    while isinstance(received := capture.receive(0), Arrived):
        waiting.append(received)
    assert len(waiting) == 6
    for arrived in waiting:
        capture.take(arrived)
    assert time.monotonic() - arrival(capture).arrived_s < 0.3


def test_a_frame_stays_as_it_is_while_anybody_holds_a_part_of_it(begin: Begin) -> None:
    values = tuple(np.full((48, 64, 3), value, np.uint8) for value in range(250))
    capture = begin(Show(values, fps=1000))
    part = picture(capture)[10:20, 10:20]
    value = part[0, 0, 0]
    for _ in range(50):
        picture(capture)
    assert (part == value).all()
    assert not part.flags.writeable


def test_frames_that_are_held_take_none_from_others(begin: Begin) -> None:
    """While all slots are held, frames are left out; as soon as one is let go of, the next comes."""
    capture = begin(Show((PICTURE,), fps=100))
    held = [picture(capture) for _ in range(6)]
    time.sleep(0.1)
    assert capture.receive(0.1) is None
    held.pop()
    assert time.monotonic() - arrival(capture).arrived_s < 0.3


def test_a_frame_outlives_the_process(begin: Begin) -> None:
    capture = begin(Show((PICTURE,)))
    last = picture(capture)
    capture.close()
    del capture
    np.testing.assert_array_equal(last, PICTURE)


def test_it_says_so_at_once(begin: Begin) -> None:
    """From the source's hand to the kiosk: a fraction of a millisecond on a machine at rest."""
    capture = begin(Show((PICTURE,), fps=100))
    delays_s = []
    for _ in range(30):
        arrived = arrival(capture)
        delays_s.append(time.monotonic() - arrived.arrived_s)
        capture.take(arrived)
    assert np.median(delays_s) < 0.02


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        pytest.param(None, "cannot be decoded", id="not decoded"),
        pytest.param(PICTURE[:0], r"uint8 \[0, 64, 3\]", id="no pixels"),
        pytest.param(PICTURE[:4], r"uint8 \[4, 64, 3\]", id="a few rows"),
        pytest.param(PICTURE.astype(np.float32), r"float32", id="no bytes"),
        pytest.param(np.dstack([PICTURE, PICTURE]), "6 channels", id="too many channels"),
        pytest.param(painting(RED, 80, 48), "shape changed", id="another shape"),
    ],
)
def test_what_is_no_picture_is_dropped(begin: Begin, wrong: Pixels | None, reason: str) -> None:
    capture = begin(Show((PICTURE, wrong), times=4), Rest(1000))
    for turn in range(8):
        received = message(capture)
        if turn % 2:
            assert isinstance(received, Corrupt)
            assert re.search(reason, received.reason)
        else:
            assert isinstance(received, Arrived)
            capture.take(received)


def test_another_shape_that_stays_is_believed(begin: Begin) -> None:
    capture = begin(Show((PICTURE,), times=2), Show((painting(RED, 80, 60),)))
    shapes = []
    while len(shapes) < 5:
        received = message(capture)
        if isinstance(received, Arrived):
            shapes.append(capture.take(received).shape[:2])
    assert shapes == [(48, 64)] * 2 + [(60, 80)] * 3


def test_a_lost_source_is_opened_again_in_the_same_process(begin: Begin) -> None:
    capture = begin(Show((PICTURE,), times=1))
    for _ in range(3):
        picture(capture)
        assert message(capture) == Lost("source ended", Fault.NO_FRAMES)
        capture.open()


def test_an_error_of_a_driver_is_in_the_kiosks_log(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    capture = begin(Fail())
    assert message(capture) == Lost("reading raised RuntimeError", Fault.CRASHED)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("kiosk.capture", logging.ERROR)
    assert "the driver is not what it was" in record.getMessage()


@pytest.mark.parametrize(
    ("step", "how"),
    [
        pytest.param(Crash(), "SIGSEGV", id="a crash"),
        pytest.param(Crash(signal.SIGKILL), "SIGKILL", id="killed for its memory"),
    ],
)
def test_a_process_that_dies_says_how(begin: Begin, step: Step, how: str) -> None:
    with pytest.raises(SourceLost, match=how) as caught:
        message(begin(step))
    assert caught.value.fault is Fault.CRASHED


def test_a_process_that_hangs_can_be_killed(begin: Begin) -> None:
    capture = begin(Hang())
    time.sleep(0.3)
    started = time.monotonic()
    capture.kill()
    assert time.monotonic() - started < 0.5
    assert not psutil.pid_exists(capture.pid)


def test_it_is_not_in_the_group_that_ctrl_c_goes_to(begin: Begin) -> None:
    assert os.getpgid(begin(Rest(1000)).pid) != os.getpgid(0)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_kiosk_even_if_it_hangs(ending: signal.Signals) -> None:
    kiosk = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "from kiosk.capture import Capture\nfrom tests.scripted import *\n"
            "capture = Capture(scripted(Show((np.zeros((48, 64, 3), np.uint8),), times=1), Hang()))\n"
            "capture.open()\nwhile not capture.receive(1): pass\n"
            "print(capture.pid, flush=True)\ntime.sleep(1000)",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kiosk.stdout
    pid = int(kiosk.stdout.readline())
    assert psutil.pid_exists(pid)
    kiosk.send_signal(ending)
    kiosk.communicate()
    until(lambda: not psutil.pid_exists(pid))


def test_nothing_heavy_is_imported() -> None:
    check = (
        "import sys, kiosk.capture\n"
        "print([m for m in ('bundle', 'pydantic', 'flask', 'onnxruntime', 'PIL') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
