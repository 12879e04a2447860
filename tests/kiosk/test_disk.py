"""What the kiosk leaves on disks: nothing; and what a full one does to it: nothing."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.commands import ROOT
from tests.stand_in import RED, encoded, painting, until

# linux/fanotify.h
_CLASS_NOTIF, _CLOEXEC, _UNLIMITED_QUEUE, _UNLIMITED_MARKS = 0x0, 0x1, 0x10, 0x20
_MARK_ADD, _MARK_MOUNT = 0x1, 0x10
_MODIFY, _CLOSE_WRITE = 0x2, 0x8
_EVENT = struct.Struct("=IBBHQii")  # length, version, reserved, length of the metadata, mask, descriptor, process

# Kinds of file system that hold no files on a disk: what is "written" there goes to the kernel.
_KERNEL_FILE_SYSTEMS = frozenset(
    {"proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2", "mqueue", "debugfs", "tracefs", "securityfs", "bpf"}
)


class Watch:
    """Every write to a file by some processes, wherever it is: fanotify(7) on each mount.

    Not inotify, which must be told every folder beforehand; and not a comparison of folders before and after, which
    misses what was removed again. It needs root, as CI has it. It does not see writes to a mapped file: whoever maps
    one for writing holds it open for writing, and that shows when it is closed, or in `/proc`.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        flags = _CLASS_NOTIF | _CLOEXEC | _UNLIMITED_QUEUE | _UNLIMITED_MARKS
        self._group = libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC)
        if self._group < 0:
            pytest.skip(f"watching all file systems needs root: {os.strerror(ctypes.get_errno())}")
        watched = 0
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, point, kind, *_ = line.split()
            if kind not in _KERNEL_FILE_SYSTEMS:
                mask = ctypes.c_uint64(_MODIFY | _CLOSE_WRITE)
                at = point.encode().decode("unicode_escape").encode()
                watched += libc.fanotify_mark(self._group, _MARK_ADD | _MARK_MOUNT, mask, -100, at) == 0
        assert watched
        self._written: list[tuple[int, str]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                events = os.read(self._group, 65_536)
            except OSError:
                return
            while events:
                length, _, _, _, _, descriptor, process = _EVENT.unpack_from(events)
                if descriptor >= 0:
                    self._written.append((process, str(Path(f"/proc/self/fd/{descriptor}").readlink())))
                    os.close(descriptor)
                events = events[length:]

    def written_by(self, processes: set[int]) -> set[str]:
        return {path for process, path in self._written if process in processes}


def _open_for_writing(process: psutil.Process) -> set[str]:
    """Files on a disk that a process holds open for writing. Shared memory is none, nor is what it says to us."""
    held = set()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        target, info = str(entry.readlink()), Path(f"/proc/{process.pid}/fdinfo/{entry.name}").read_text()
        flags = int(info.split("flags:")[1].split()[0], 8)
        if target.startswith("/") and not target.startswith(("/memfd:", "/dev/")) and flags & (os.O_WRONLY | os.O_RDWR):
            held.add(target)
    return held


class Kiosk:
    """``python -m kiosk`` with what a visitor does to it."""

    def __init__(self, bundle_folder: Path, home: Path, before: tuple[str, ...] = (), said: Path | None = None) -> None:
        # A pipe says on which port; everything after that goes where a full disk is, or nowhere.
        with (said or Path(os.devnull)).open("ab") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "kiosk", "--port", "0", "--source", "demo", "--bundle", bundle_folder],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONDONTWRITEBYTECODE": "1",
                    **dict.fromkeys(("HOME", "TMPDIR"), str(home)),
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.process.stdout.readline())
        assert found, said.read_text() if said else "it does not start"
        self.port = int(found[1])

    @property
    def processes(self) -> list[psutil.Process]:
        kiosk = psutil.Process(self.process.pid)
        return [kiosk, *kiosk.children(recursive=True)]

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        streams = "stream" in path or "events" in path
        answer = b"".join(response.read1(65_536) for _ in range(3)) if streams else response.read()
        connection.close()
        assert response.status == 200, answer
        return answer

    def is_visited(self) -> None:
        """Pages, streams, and uploads in every way, among them one of several megabytes, which web frameworks love to
        put into a temporary file."""
        large = encoded(np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), dtype=np.uint8), "PNG")
        assert len(large) > 4_000_000
        form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n' + large + b"\r\n--b--\r\n"
        for path in ("/", "/api/state", "/metrics", "/stream.mjpg", "/api/events"):
            assert self.ask("GET", path)
        for body, kind in (
            (encoded(painting(RED)), "image/jpeg"),
            (large, "image/png"),
            (form, "multipart/form-data; boundary=b"),
        ):
            assert json.loads(self.ask("POST", "/api/classify", body, {"Content-Type": kind}))["status"]

    def state(self) -> dict[str, object]:
        return dict(json.loads(self.ask("GET", "/api/state")))

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=15)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def test_no_frame_is_ever_written(bundle_folder: Path, home: Path) -> None:
    """Not a single byte to any file of any file system, by any of its processes, from its start to its end."""
    watch = Watch()
    subprocess.run([sys.executable, "-c", f"open({str(home / 'seen')!r}, 'w').write('x')"], check=True)
    until(lambda: any(path.endswith("/seen") for _, path in watch._written))

    kiosk = Kiosk(bundle_folder, home)
    seen = set(kiosk.processes)
    kiosk.is_visited()
    # A capture process that dies, as it does when a driver fails: the next one takes over what was begun.
    first = kiosk.processes[1]
    first.kill()
    until(lambda: kiosk.state()["camera"] == "live" and kiosk.processes[1:] not in ([], [first]), timeout_s=20)
    kiosk.is_visited()
    time.sleep(1)
    seen |= set(kiosk.processes)
    assert {path for process in kiosk.processes for path in _open_for_writing(process)} == set()
    kiosk.end()
    time.sleep(0.2)
    written = watch.written_by({process.pid for process in seen})
    assert {path for path in written if not path.startswith(("/memfd:", "/dev/null", "pipe:"))} == set()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, with not a byte left."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small file system of its own needs root: {mounted.stderr.strip()}")
    with (folder / "filling").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(65_536))
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_changes_nothing_for_visitors(bundle_folder: Path, full_disk: Path) -> None:
    """Home, temporary files and the log are all on it."""
    said = full_disk / "log"
    said.touch()
    kiosk = Kiosk(bundle_folder, full_disk, said=said)
    kiosk.is_visited()
    judged = kiosk.state()["frame"]
    # Something to be said, that cannot be written anywhere.
    kiosk.processes[1].kill()
    until(lambda: kiosk.state()["camera"] != "live", timeout_s=10)
    until(lambda: kiosk.state()["camera"] == "live", timeout_s=20)
    until(lambda: kiosk.state()["frame"] != judged)
    kiosk.is_visited()
    assert said.stat().st_size == 0
    kiosk.end()
    assert kiosk.process.returncode == 0


def test_an_output_that_takes_nothing_does_not_stop_it(bundle_folder: Path) -> None:
    """Every write to /dev/full fails as on a full disk, also the first line."""
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "kiosk", "--port", "0", "--source", "demo", "--bundle", bundle_folder],
            cwd=ROOT,
            stdout=full,
            stderr=full,
        )
    try:
        kiosk = psutil.Process(process.pid)
        until(lambda: [each for each in kiosk.net_connections() if each.status == psutil.CONN_LISTEN], timeout_s=20)
        port = kiosk.net_connections()[0].laddr.port

        def frame() -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/state")
            state = json.load(connection.getresponse())
            connection.close()
            return int(state["frame"])

        until(lambda: frame() > 0, timeout_s=20)
    finally:
        process.terminate()
        process.wait(15)
    assert process.returncode == 0
