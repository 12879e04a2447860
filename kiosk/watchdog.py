"""Tells systemd that the kiosk works, and keeps silent when it does not.

A unit with ``Type=notify`` and ``WatchdogSec=`` hears of the kiosk over a datagram socket (sd_notify(3)), and
kills and restarts a kiosk that it no longer hears of. So what counts is what is *not* said: a process that runs is no
sign that a visitor is served. ``WATCHDOG=1`` is sent only when, since the last time,

- a frame was judged; or the camera is not live, its fault is known, and its thread goes on trying;
- and the web server answered a request over its own socket.

A missing camera is therefore no reason for a restart, which would not bring it back: the page says so, and takes
pictures. A network that hangs, one that gives no numbers, a camera's thread that hangs, and a server without a free
thread are.

Outside systemd (no ``NOTIFY_SOCKET``) nothing of this happens.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import threading
from dataclasses import dataclass

from kiosk.answer import Status
from kiosk.camera import CameraState
from kiosk.station import Station

# Checks in the time that systemd allows. One may fail, or wait for a busy server as long as a check lasts, and there
# is still another one in time.
_CHECKS = 4

# Seconds between two lines on how things are, where systemd waits for no watchdog.
_STATUS_S = 10.0

# Seconds between two looks whether the model is loaded.
_LOADING_S = 0.1

# Seconds by which a camera's thread may be late. It is due ten times a second; starting or killing a capture process
# takes a slow board a second or two.
LATE_S = 5.0

# Seconds that systemd may leave its socket full.
_SEND_S = 1.0

log = logging.getLogger(__name__)


class NotifyError(ValueError):
    """The environment names a socket or a time that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Supervisor:
    """Who wants to hear of this process."""

    address: str
    """Of a datagram socket; one that begins with a zero byte is abstract."""
    allowed_s: float | None
    """Seconds of silence after which this process is killed; None: never."""

    @classmethod
    def of_environment(cls) -> Supervisor | None:
        """As systemd says it in ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``; None where nobody
        wants to hear. Raises `NotifyError`."""
        address = os.environ.get("NOTIFY_SOCKET")
        if not address:
            return None
        if address[0] not in "/@":
            raise NotifyError(f"NOTIFY_SOCKET={address} is neither a path nor an abstract socket (@...)")
        if address[0] == "@":
            address = "\0" + address[1:]
        allowed = os.environ.get("WATCHDOG_USEC")
        # Meant for another process: for the one that started us, say.
        if not allowed or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return cls(address, None)
        if not (allowed.isascii() and allowed.isdigit() and int(allowed) > 0):
            raise NotifyError(f"WATCHDOG_USEC={allowed} is no number of microseconds")
        return cls(address, int(allowed) / 1e6)

    def tell(self, *assignments: str) -> None:
        """Send lines like ``READY=1``. Raises `OSError` where nobody listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.settimeout(_SEND_S)
            connection.sendto("\n".join(assignments).encode(), self.address)


def start(station: Station, host: str, port: int) -> Watchdog | None:
    """Tell systemd how `station` is doing, from now until it closes; its server listens on `host` and `port`.

    To be called once, as soon as the server listens: ``READY=1`` is sent when the model is loaded. Returns None where
    nobody wants to hear. Never raises: a kiosk whose supervisor cannot be reached still serves visitors.
    """
    try:
        supervisor = Supervisor.of_environment()
    except NotifyError as error:
        log.warning("no word to the supervisor: %s", error)
        return None
    if supervisor is None:
        return None
    watchdog = Watchdog(station, host, port, supervisor)
    watchdog.start()
    return watchdog


class Watchdog:
    """One thread that looks at a station and reports to its supervisor."""

    def __init__(self, station: Station, host: str, port: int, supervisor: Supervisor) -> None:
        self._station = station
        self._address = _reachable(host), port
        self._supervisor = supervisor
        self._interval_s = (supervisor.allowed_s or _CHECKS * _STATUS_S) / _CHECKS
        self._judged = -1
        self._problem: str | None = None
        self._muted = False
        self._thread = threading.Thread(target=self._work, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until the station has closed and ``STOPPING=1`` is sent."""
        self._thread.join(timeout_s)

    def _work(self) -> None:
        closing = self._station.closing
        self._tell("STATUS=loading the model")
        while self._station.judge is None and not closing.wait(_LOADING_S):
            pass
        if not closing.is_set():
            self._tell("READY=1", f"STATUS={self._described()}")
        while not closing.wait(self._interval_s):
            self._look()
        self._tell("STOPPING=1", "STATUS=stopping")

    def _look(self) -> None:
        problem = self._trouble()
        if problem is None:
            if self._problem is not None:
                log.info("the watchdog is fed again")
            self._tell("WATCHDOG=1", f"STATUS={self._described()}")
        else:
            if problem != self._problem:
                log.warning("the watchdog is not fed: %s", problem)
            self._tell(f"STATUS=the watchdog is not fed: {problem}")
        self._problem = problem

    def _trouble(self) -> str | None:
        """Why visitors are not served; None when they are, or when it is known why not and being mended."""
        camera, showing = self._station.camera, self._station.watcher.showing
        # Also while frames come: it is this thread that takes them.
        if camera.overdue_s > LATE_S:
            return "the camera's thread hangs"
        if camera.state is CameraState.LIVE:
            if showing.frame is None or showing.version == self._judged:
                return "the camera gives frames, but none was judged"
            if showing.answer.status is Status.MODEL_FAULT:
                return "frames cannot be judged"
        if not self._answers():
            return "the web server does not answer"
        self._judged = showing.version
        return None

    def _answers(self) -> bool:
        """Whether the server answers in time, over its own socket as a browser would ask it."""
        connection = http.client.HTTPConnection(*self._address, timeout=self._interval_s)
        try:
            connection.request("GET", "/healthz", headers={"Connection": "close"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _described(self) -> str:
        camera = self._station.camera
        fault = f" ({camera.fault})" if camera.fault else ""
        rate = f", {camera.fps:.0f} frames a second" if camera.state is CameraState.LIVE else ""
        return f"camera {camera.state}{fault}{rate}"

    def _tell(self, *assignments: str) -> None:
        try:
            self._supervisor.tell(*assignments)
            self._muted = False
        except OSError as error:
            if not self._muted:
                log.warning("the supervisor does not hear: %s", error.strerror or error)
            self._muted = True


def _reachable(host: str) -> str:
    """Where this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
