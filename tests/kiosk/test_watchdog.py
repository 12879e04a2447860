"""What systemd hears of a kiosk, over a real socket, while parts of it hang."""

from __future__ import annotations

import logging
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bundle
from kiosk import watchdog
from kiosk.camera import CameraState
from kiosk.capture import Capture
from kiosk.judge import Finding, Judge
from kiosk.server import Server
from kiosk.settings import Settings
from kiosk.station import Station
from kiosk.watchdog import NotifyError, Supervisor
from kiosk.web import create_app
from tests.commands import ROOT
from tests.scripted import Crash, Lose, Scripted, Show, scripted, showing
from tests.stand_in import GREEN, Pixels, painting, until

# Seconds that the supervisor of these tests allows: long beside a look on a machine that much else is busy on.
ALLOWED_S = 4.0

LIT = painting(GREEN)


class Listening:
    """systemd's end of the socket."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0", 1))
        self.heard: list[tuple[float, list[str]]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            self.heard.append((time.monotonic(), data.decode().split("\n")))

    @property
    def lines(self) -> list[str]:
        return [line for _, message in self.heard for line in message]

    def fed_s(self) -> list[float]:
        """When the watchdog was fed."""
        return [at for at, message in self.heard if "WATCHDOG=1" in message]

    def is_fed(self) -> bool:
        return bool(self.fed_s()) and time.monotonic() - self.fed_s()[-1] < ALLOWED_S

    def hears_nothing(self) -> bool:
        """Whether systemd would kill the kiosk by now."""
        return bool(self.fed_s()) and time.monotonic() - self.fed_s()[-1] > 2 * ALLOWED_S

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    abstract = getattr(request, "param", "path") == "abstract"
    listening = Listening(f"@vernissage-{uuid.uuid4()}" if abstract else str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", listening.name)
    monkeypatch.setenv("WATCHDOG_USEC", f"{ALLOWED_S * 1e6:.0f}")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield listening
    listening.close()


class Kiosk:
    """A station with its server and watchdog, as ``python -m kiosk`` puts them together."""

    def __init__(self, folder: Path, source: Scripted) -> None:
        self.station = Station(bundle.load(folder), Settings(threads=1), source)
        self.app = create_app(self.station)
        self.server = Server(self.app, "127.0.0.1", 0)
        self.server.start()
        self.watchdog = watchdog.start(self.station, "127.0.0.1", self.server.port)

    def run(self, live: bool = True) -> None:
        self.station.open()
        self.station.load()
        if live:
            until(lambda: self.station.watcher.showing.frame, timeout_s=40)

    def close(self) -> None:
        self.station.close()
        if self.watchdog:
            self.watchdog.join(5)
        self.server.close()


Started = Callable[[Scripted], Kiosk]


class Gate:
    """Whoever passes hangs while it is shut."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.open()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def passing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def passed(*arguments: Any) -> Any:
            self._open.wait()
            return function(*arguments)

        return passed


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def started(bundle_folder: Path, gate: Gate) -> Iterator[Started]:
    """Makes a kiosk in front of a source; it is loaded by `Kiosk.run`."""
    made = []

    def make(source: Scripted) -> Kiosk:
        made.append(Kiosk(bundle_folder, source))
        return made[-1]

    yield make
    gate.open()
    for kiosk in made:
        kiosk.close()


@pytest.mark.parametrize("systemd", ["path", "abstract"], indirect=True)
def test_a_kiosk_that_works_is_heard_of_from_start_to_end(started: Started, systemd: Listening) -> None:
    kiosk = started(showing(LIT))
    until(lambda: "STATUS=loading the model" in systemd.lines, timeout_s=40)
    time.sleep(0.3)
    assert "READY=1" not in systemd.lines
    kiosk.run()
    until(lambda: len(systemd.fed_s()) >= 3, timeout_s=40)
    live = re.compile(r"STATUS=camera live, \d+ frames a second")
    until(lambda: any(live.fullmatch(line) for line in systemd.lines), timeout_s=40)
    kiosk.close()
    until(lambda: "STOPPING=1" in systemd.lines, timeout_s=40)
    assert systemd.lines.count("READY=1") == systemd.lines.count("STOPPING=1") == 1
    ready, stopping = systemd.lines.index("READY=1"), systemd.lines.index("STOPPING=1")
    assert ready < systemd.lines.index("WATCHDOG=1") < stopping
    assert "WATCHDOG=1" not in systemd.lines[stopping:]


def test_a_network_that_hangs_stops_it(
    started: Started, systemd: Listening, gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Judge, "look", gate.passing(Judge.look))
    kiosk = started(showing(LIT))
    kiosk.run()
    until(systemd.is_fed, timeout_s=40)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        gate.shut()
        until(systemd.hears_nothing, timeout_s=60)
    # The server and the camera go on; they are not what counts.
    assert kiosk.station.camera.state is CameraState.LIVE
    assert "STATUS=the watchdog is not fed: the camera gives frames, but none was judged" in systemd.lines
    assert caplog.text.count("none was judged") == 1
    gate.open()
    until(systemd.is_fed, timeout_s=40)


def test_frames_that_all_fail_stop_it(started: Started, systemd: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk = started(showing(LIT))
    kiosk.run()
    until(systemd.is_fed, timeout_s=40)

    def fail(judge: Judge, picture: Pixels) -> Finding:
        raise RuntimeError("the driver is not what it was")

    monkeypatch.setattr(Judge, "look", fail)
    until(systemd.hears_nothing, timeout_s=60)
    assert kiosk.station.state()["status"] == "model_fault"
    assert "STATUS=the watchdog is not fed: frames cannot be judged" in systemd.lines


@pytest.mark.parametrize(
    "recovering",
    [
        pytest.param(False, id="while it is live"),
        pytest.param(True, id="while it is being brought back", marks=pytest.mark.slow),
    ],
)
def test_a_camera_thread_that_hangs_stops_it(
    started: Started, systemd: Listening, gate: Gate, monkeypatch: pytest.MonkeyPatch, recovering: bool
) -> None:
    """The state alone would not tell: a thread that hangs while the camera is being brought back leaves it so."""
    monkeypatch.setattr(watchdog, "LATE_S", 0.3)
    monkeypatch.setattr(Capture, "receive", gate.passing(Capture.receive))
    kiosk = started(scripted(Lose()) if recovering else showing(LIT))
    kiosk.run(live=not recovering)
    until(systemd.is_fed, timeout_s=40)
    state = CameraState.SEARCHING if recovering else CameraState.LIVE
    until(lambda: kiosk.station.camera.state is state, timeout_s=40)
    gate.shut()
    until(systemd.hears_nothing, timeout_s=60)
    assert kiosk.station.camera.state is state
    assert any("the camera's thread hangs" in line for line in systemd.lines)


@pytest.mark.parametrize(
    ("source", "state"),
    [
        pytest.param(scripted(Lose()), CameraState.SEARCHING, id="none is there", marks=pytest.mark.slow),
        pytest.param(scripted(Show((LIT,), times=3), Lose()), CameraState.RECOVERING, id="unplugged"),
        pytest.param(scripted(Crash()), CameraState.FAILED, id="beyond repair"),
    ],
)
def test_a_camera_that_is_known_to_be_gone_does_not(
    started: Started,
    systemd: Listening,
    monkeypatch: pytest.MonkeyPatch,
    source: Scripted,
    state: CameraState,
) -> None:
    monkeypatch.setattr("kiosk.camera.RESTARTS", 1)
    monkeypatch.setattr(watchdog, "LATE_S", 2.0)
    kiosk = started(source)
    kiosk.run(live=False)
    until(lambda: kiosk.station.camera.state is state and kiosk.station.camera.fault, timeout_s=40)
    until(systemd.is_fed, timeout_s=40)
    # Longer than a thread may be late: the pauses between two tries are no hanging.
    end = time.monotonic() + 3 * watchdog.LATE_S
    while time.monotonic() < end:
        assert not systemd.hears_nothing()
        time.sleep(0.05)
    until(lambda: any(line.startswith(f"STATUS=camera {state} (") for line in systemd.lines), timeout_s=40)


def test_a_server_whose_threads_all_hang_stops_it(started: Started, systemd: Listening, gate: Gate) -> None:
    kiosk = started(showing(LIT))
    answers = kiosk.app.view_functions
    answers["pages.healthz"] = gate.passing(answers["pages.healthz"])
    kiosk.run()
    until(systemd.is_fed, timeout_s=40)
    gate.shut()
    until(systemd.hears_nothing, timeout_s=60)
    assert "STATUS=the watchdog is not fed: the web server does not answer" in systemd.lines
    gate.open()
    until(systemd.is_fed, timeout_s=40)


def test_a_server_that_is_gone_stops_it(started: Started, systemd: Listening) -> None:
    kiosk = started(showing(LIT))
    kiosk.run()
    until(systemd.is_fed, timeout_s=40)
    kiosk.server.close()
    until(systemd.hears_nothing, timeout_s=60)


def test_a_supervisor_that_is_gone_harms_nothing(
    started: Started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    kiosk = started(showing(LIT))
    kiosk.run()
    until(lambda: kiosk.station.state()["style"] == "Cubism", timeout_s=40)
    time.sleep(0.5)
    assert caplog.text.count("the supervisor does not hear") == 1


def test_without_a_supervisor_there_is_no_thread(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    kiosk = started(showing(LIT))
    assert kiosk.watchdog is None
    assert not [thread for thread in threading.enumerate() if thread.name == "watchdog"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, None, id="nobody"),
        pytest.param({"NOTIFY_SOCKET": ""}, None, id="nobody, said with nothing"),
        pytest.param({"NOTIFY_SOCKET": "/run/x"}, Supervisor("/run/x", None), id="no watchdog"),
        pytest.param({"NOTIFY_SOCKET": "@x"}, Supervisor("\0x", None), id="an abstract socket"),
        pytest.param({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000"}, Supervisor("/x", 30.0), id="30 seconds"),
        pytest.param(
            {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}, Supervisor("/x", None), id="not for us"
        ),
        pytest.param(
            {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())},
            Supervisor("/x", 1.0),
            id="for us",
        ),
        pytest.param({"NOTIFY_SOCKET": "vsock:2:1"}, NotifyError, id="another kind of socket"),
        pytest.param({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"}, NotifyError, id="no number"),
        pytest.param({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"}, NotifyError, id="no time at all"),
    ],
)
def test_the_environment_says_who_wants_to_hear(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: Supervisor | type[NotifyError] | None
) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if expected is NotifyError:
        with pytest.raises(NotifyError):
            Supervisor.of_environment()
    else:
        assert Supervisor.of_environment() == expected


def test_a_process_that_is_stopped_is_not_heard_of(bundle_folder: Path, systemd: Listening) -> None:
    """The whole kiosk, as a unit starts it. Killed as systemd does it, it leaves no core file: that would hold the
    last frame."""
    kiosk = subprocess.Popen(
        [sys.executable, "-m", "kiosk", "--port", "0", "--source", "demo", "--bundle", str(bundle_folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    try:
        until(systemd.is_fed, timeout_s=30)
        kiosk.send_signal(signal.SIGSTOP)
        until(systemd.hears_nothing, timeout_s=60)
        kiosk.send_signal(signal.SIGCONT)
        until(systemd.is_fed, timeout_s=40)
        kiosk.send_signal(signal.SIGABRT)
        _, said = kiosk.communicate(timeout=10)
        # Which thread hung is in the journal.
        assert "watcher.py" in said
    finally:
        kiosk.kill()
        kiosk.communicate()
