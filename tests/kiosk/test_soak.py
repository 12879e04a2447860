"""Hours on the wall in short: memory, threads and descriptors of a kiosk with changing frames and visitors.

pytest -m slow tests/kiosk/test_soak.py -s                    # 60 minutes
SOAK_MINUTES=20 pytest -m slow tests/kiosk/test_soak.py -s
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.commands import ROOT
from tests.stand_in import RED, encoded, painting

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))

# Of these, the first part is warm-up: pools fill, every canvas has been drawn, each path was taken once. On a busy
# machine memory was level after eight minutes.
WARM_UP = 1 / 4

# Seconds between two samples, and between two uploads.
SAMPLE_S, UPLOAD_S = 5.0, 10.0

# Megabytes that memory may grow in an hour.
MOST_SLOPE_MB_H = 1.0


@dataclass(frozen=True)
class Sample:
    at_s: float
    kiosk_mb: float
    capture_mb: float
    threads: int
    descriptors: int
    judged: float


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[tuple[psutil.Process, int]]:
    """The shipped bundle before drawn canvases that change all the time."""
    said = tmp_path / "said"
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kiosk", "--port", "0", "--source", "demo"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert found, said.read_text()
        yield psutil.Process(process.pid), int(found[1])
    finally:
        process.terminate()
        process.communicate(timeout=15)


@pytest.mark.slow
@pytest.mark.timeout(int(60 * MINUTES + 300))
def test_nothing_grows(kiosk: tuple[psutil.Process, int]) -> None:
    process, port = kiosk
    started_s = time.monotonic()
    ending = threading.Event()
    visitors = [
        threading.Thread(target=visit, args=(port, ending), daemon=True)
        for visit in (_watch("/api/events"), _watch("/stream.mjpg"), _upload)
    ]
    for visitor in visitors:
        visitor.start()
    samples = []
    while time.monotonic() - started_s < 60 * MINUTES:
        time.sleep(SAMPLE_S)
        samples.append(_sample(process, port, time.monotonic() - started_s))
    ending.set()
    for visitor in visitors:
        visitor.join(15)
    steady = [sample for sample in samples if sample.at_s > 60 * MINUTES * WARM_UP]
    _report(samples, steady)
    for slope in (_slope_mb_h(steady, "kiosk_mb"), _slope_mb_h(steady, "capture_mb")):
        assert slope < MOST_SLOPE_MB_H
    # Requests come and go between two samples; what stays is what counts.
    for name in ("threads", "descriptors"):
        halves = np.array_split([getattr(sample, name) for sample in steady], 2)
        assert statistics.median(halves[1]) <= statistics.median(halves[0])
        assert max(halves[1]) <= max(getattr(sample, name) for sample in samples)
    assert steady[-1].judged > steady[0].judged


def _sample(process: psutil.Process, port: int, at_s: float) -> Sample:
    metrics = _get(port, "/metrics").decode()
    judged = re.search(r"^vernissage_frame_to_label_seconds_count (\S+)", metrics, re.MULTILINE)
    capture = process.children()
    return Sample(
        at_s,
        process.memory_info().rss / 1e6,
        sum(child.memory_info().rss for child in capture) / 1e6,
        process.num_threads() + sum(child.num_threads() for child in capture),
        process.num_fds() + sum(child.num_fds() for child in capture),
        float(judged[1]) if judged else 0.0,
    )


def _floor_mb(samples: list[Sample], name: str) -> list[tuple[float, float]]:
    """The least of each minute, as (hour, megabytes). A picture that is being decoded takes some megabytes for a
    moment, ten times what may grow in an hour; what stays is the floor."""
    minutes: dict[int, float] = {}
    for sample in samples:
        minute = int(sample.at_s // 60)
        if value := getattr(sample, name):  # there is no capture process for a moment where it is replaced
            minutes[minute] = min(value, minutes.get(minute, value))
    return [(minute / 60, value) for minute, value in minutes.items()]


def _slope_mb_h(samples: list[Sample], name: str) -> float:
    """Theil and Sen's: the median of the slopes between all pairs, which one odd minute does not tip."""
    pairs = combinations(_floor_mb(samples, name), 2)
    return statistics.median((later - sooner) / (then - first) for (first, sooner), (then, later) in pairs)


def _report(samples: list[Sample], steady: list[Sample]) -> None:
    print(f"\nsoak of {MINUTES:g} minutes, the first {MINUTES * WARM_UP:g} of them warm-up")
    for name, unit in (("kiosk_mb", "MB"), ("capture_mb", "MB"), ("threads", ""), ("descriptors", "")):
        values = [getattr(sample, name) for sample in steady]
        print(
            f"{name:12} at first {getattr(samples[0], name):8.1f} {unit}; after warm-up least {min(values):8.1f},"
            f" median {statistics.median(values):8.1f}, most {max(values):8.1f}, at last {values[-1]:8.1f}"
        )
    tenths = np.array_split([value for _, value in _floor_mb(samples, "kiosk_mb")], 10)
    print("kiosk_mb     floor in each tenth", *(f"{statistics.median(part):.1f}" for part in tenths if len(part)))
    for name in ("kiosk_mb", "capture_mb"):
        print(f"{name:12} slope {_slope_mb_h(steady, name):+.3f} MB an hour")
    rate = (steady[-1].judged - steady[0].judged) / (steady[-1].at_s - steady[0].at_s)
    print(f"judged frames {steady[-1].judged:.0f}, {rate:.1f} a second", flush=True)


# --- visitors --------------------------------------------------------------------------------------


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def _watch(path: str) -> Callable[[int, threading.Event], None]:
    """A page that looks at a stream, and is loaded anew each minute."""

    def watch(port: int, ending: threading.Event) -> None:
        while not ending.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", path)
                response = connection.getresponse()
                until_s = time.monotonic() + 60
                try:
                    while not ending.is_set() and time.monotonic() < until_s and response.read1(65_536):
                        pass
                finally:
                    response.close()
                    connection.close()

    return watch


def _upload(port: int, ending: threading.Event) -> None:
    """A telephone's picture now and then. On a machine that is much too busy it may wait in vain; it is asked again."""
    picture = encoded(painting(RED, 1600, 1200))
    while not ending.wait(UPLOAD_S):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", "/api/classify", body=picture)
            assert json.load(connection.getresponse())["status"]
        except TimeoutError:
            print("an upload was not answered in 10 s")
        finally:
            connection.close()
