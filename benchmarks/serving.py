"""Pictures a second that the kiosk answers over HTTP, and how long each waits, by the number of users at a time.

The kiosk is a process as ``python -m kiosk`` starts it, the users are another (`crowd`, by locust), both on this
machine and over loopback: what the users take of the processor is told beside. Once no camera is there, so that uploads
have the kiosk to themselves; once it watches a film of the same pictures meanwhile, as it does in the hall.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

import bundle
from benchmarks import BenchmarkError
from benchmarks.crowd import Answers, Failure, Request
from benchmarks.figures import Quantiles
from benchmarks.latency import worker_environment
from benchmarks.scenes import drawn, scene
from benchmarks.worker import die_with_parent
from bundle.picture import Pixels
from kiosk.classifier import Classifier, default_threads
from kiosk.settings import PREFIX

# Drawn pictures that are sent: enough to be no one's favourite, few enough to be drawn in a second or two.
_PICTURES, _SEED = 6, 7

# Of 100: what telephones and browsers send.
_JPEG_QUALITY = 90

# A camera that will never be there (Linux numbers them from 0), and seconds that each picture stays before the one
# that is.
_NO_CAMERA = "/dev/video999"
_CAMERA_SIZE, _CAMERA_FPS, _HOLD_S = (1280, 720), 30, 1.0

# Seconds: for a kiosk to be ready, to end, and before anything is counted.
_START_S, _END_S, _SETTLE_S = 60.0, 10.0, 0.5

# Seconds that the crowd may take beyond counting and settling.
_OVERHEAD_S = 60.0

_BARE_RUNS, _WARM_UP_RUNS = 200, 10

# What a reader has to know of the kiosk to read the figures; of `kiosk.upload` and `kiosk.server`.
LIMITS = (
    "The kiosk has no limit on the rate of POST /api/classify, so that none was lifted.",
    "By design it decodes and searches one upload at a time, since a large one takes up to 900 MB: more users mostly"
    " wait for each other, and who waits 10 s is refused with 503.",
    "Each user sends the next picture when the last was answered; users, kiosk and network share this machine's cores.",
)


class ServingError(BenchmarkError):
    """Serving cannot be measured; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(_Part):
    """What a number of users got."""

    users: int
    """At a time."""
    seconds: float
    requests: int
    """That were answered with status 200."""
    requests_per_s: float
    latency: Quantiles | None
    """From sending a picture to the whole answer; None where there was no answer."""
    steps: dict[str, Quantiles]
    """Of the kiosk's own ``timing_ms``; ``decode`` has the waiting for other uploads in it."""
    statuses: dict[str, int]
    """Of the answers; with ``no_painting`` the network had nothing to do."""
    failures: dict[str, int]
    """By HTTP status; ``no answer`` where there was none."""
    kiosk_cores: float
    """That the kiosk kept busy, with its capture process."""
    crowd_cores: float
    """That the users kept busy, of the same machine."""


class Serving(_Part):
    """All that one run found."""

    precision: str
    threads: int
    """Of the network."""
    settings: dict[str, str]
    """That the kiosk was started with; all others were the defaults."""
    pictures: int
    """JPEG files that were sent, over and over."""
    picture_bytes: int
    """On average."""
    bare: Quantiles
    """The network alone, without a kiosk, before."""
    alone: tuple[Level, ...]
    """No camera is there."""
    watching: tuple[Level, ...]
    """The kiosk watches a camera's frames meanwhile; empty where that was not asked for."""
    limits: tuple[str, ...] = LIMITS


def measure(
    folder: Path,
    *,
    precision: str = "int8",
    threads: int | None = None,
    users: Sequence[int] = (1, 2, 4, 8),
    seconds: float = 5.0,
    watching: bool = True,
    pictures: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Serving:
    """Load a kiosk with the bundle in `folder` with each number of `users` for `seconds`.

    `threads` are those of the network; None leaves them to the kiosk. `pictures` are JPEG files to be sent; without
    any, walls with a painting are drawn. `watching` adds the levels before a camera. `progress` is called with (levels
    done, levels in all). Raises `ServingError`, and `bundle.BundleError` or `kiosk.classifier.ClassifierError` for the
    bundle.
    """
    if find_spec("locust") is None:
        raise ServingError("locust is not installed; pip install 'vernissage[benchmarks]'")
    if not users or min(users) < 1:
        raise ServingError("a number of users is at least 1")
    total, done = len(users) * (1 + watching), 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    verified = bundle.load(folder, lambda file: (file.format, file.precision) == ("onnx", precision))
    with tempfile.TemporaryDirectory(prefix="vernissage-") as place:
        work = Path(place)
        sent = tuple(pictures) or _drawn(work)
        walls = [_read(path) for path in sent]
        bare = _bare(verified, precision, threads, walls[0])
        settings = {"bundle": str(folder), "precision": precision, "port": "0"}
        settings |= {"threads": str(threads)} if threads is not None else {}
        plans = [("alone", _NO_CAMERA)] + ([("watching", str(_film(walls, work)))] if watching else [])
        levels: dict[str, tuple[Level, ...]] = {"watching": ()}
        for name, source in plans:
            with _kiosk(settings | {"source": source}, work, is_live=name == "watching") as kiosk:
                levels[name] = tuple(_loaded(kiosk, sent, users, seconds, step))
        return Serving(
            precision=precision,
            threads=threads or default_threads(),
            settings=settings | {"source": " and ".join(_in_words(source) for _, source in plans)},
            pictures=len(sent),
            picture_bytes=round(float(np.mean([path.stat().st_size for path in sent]))),
            bare=bare,
            alone=levels["alone"],
            watching=levels["watching"],
        )


def _in_words(source: str) -> str:
    return "no camera" if source == _NO_CAMERA else f"a film of the pictures, 1280x720 at {_CAMERA_FPS} a second, MJPEG"


# --- pictures --------------------------------------------------------------------------------------


def _drawn(folder: Path) -> tuple[Path, ...]:
    """JPEG files of what a telephone sees that is held level, 1280x720: a wall with a painting."""
    hung, paths = drawn(_PICTURES), list[Path]()
    for number in itertools.count():
        if len(paths) == _PICTURES:
            return tuple(paths)
        shown = scene(np.random.default_rng([_SEED, number]), hung, "plain").picture
        if shown.shape[1] > shown.shape[0]:
            paths.append(folder / f"{number}.jpg")
            frame_bgr = np.ascontiguousarray(shown[..., ::-1])
            cv2.imwrite(str(paths[-1]), frame_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    raise AssertionError


def _read(path: Path) -> Pixels:
    try:
        return bundle.read(path)
    except bundle.PictureError as error:
        raise ServingError(f"{path} cannot be sent: it is {error}") from error


def _film(walls: Sequence[Pixels], folder: Path) -> Path:
    """The pictures one after the other, compressed as webcams do, to be played over and over."""
    path = folder / "walls.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), _CAMERA_FPS, _CAMERA_SIZE)
    for wall in walls:
        frame_bgr = cv2.resize(np.ascontiguousarray(wall[..., ::-1]), _CAMERA_SIZE, interpolation=cv2.INTER_AREA)
        for _ in range(round(_HOLD_S * _CAMERA_FPS)):
            film.write(frame_bgr)
    film.release()
    return path


def _bare(verified: bundle.Bundle, precision: str, threads: int | None, wall: Pixels) -> Quantiles:
    classifier = Classifier(verified, precision, threads)
    prepared = bundle.prepare(wall, classifier.input_size)
    samples_ms = []
    for number in range(-_WARM_UP_RUNS, _BARE_RUNS):
        started = time.perf_counter()
        classifier.classify(prepared)
        if number >= 0:
            samples_ms.append(1000 * (time.perf_counter() - started))
    return Quantiles.of(samples_ms)


# --- the kiosk -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kiosk:
    address: str
    process_id: int

    def says(self, path: str) -> str:
        """The body of an answer with status 200; empty for any other, and where there is none."""
        link = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=_END_S)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.read().decode() if answer.status == 200 else ""
        except (http.client.HTTPException, OSError):
            return ""
        finally:
            link.close()


@contextmanager
def _kiosk(settings: dict[str, str], folder: Path, is_live: bool) -> Iterator[_Kiosk]:
    """A kiosk that is ready, and with `is_live` sees its camera; stopped when the context ends."""
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    # Nobody's own settings.
    environment = {name: value for name, value in worker_environment().items() if not name.startswith(PREFIX)}
    with (folder / "kiosk.log").open("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kiosk", "--config", "none", *flags],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=environment,
            preexec_fn=die_with_parent,
        )
        with _ended(process):
            with _killed_after(_START_S, process):
                kiosk = _until_ready(process, log, is_live)
            yield kiosk


def _until_ready(process: subprocess.Popen[str], log: IO[str], is_live: bool) -> _Kiosk:
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    if found is None:
        raise ServingError(f"the kiosk does not start: {_last_line(log)}")
    kiosk = _Kiosk(found[0], process.pid)
    while not kiosk.says("/readyz") or (
        is_live and json.loads(kiosk.says("/api/state") or "{}").get("camera") != "live"
    ):
        if process.poll() is not None:
            raise ServingError(f"the kiosk does not get ready: {_last_line(log)}")
        time.sleep(0.1)
    return kiosk


def _last_line(log: IO[str]) -> str:
    log.seek(0)
    lines = [line for line in log.read().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it says nothing"


# --- the users -------------------------------------------------------------------------------------


def _loaded(
    kiosk: _Kiosk, pictures: Sequence[Path], users: Sequence[int], seconds: float, step: Callable[[], None]
) -> Iterator[Level]:
    """One level after the other, each when it is done."""
    request = Request(
        address=kiosk.address,
        kiosk_pid=kiosk.process_id,
        pictures=tuple(path.resolve() for path in pictures),
        users=tuple(users),
        settle_s=_SETTLE_S,
        seconds=seconds,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crowd", request.model_dump_json()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=worker_environment(),
    )
    with _ended(process), _killed_after(len(users) * (seconds + _SETTLE_S) + _OVERHEAD_S, process):
        assert process.stdout is not None
        for _ in users:
            line = process.stdout.readline()
            try:
                yield _level(Answers.model_validate_json(line))
            except ValidationError:
                try:
                    reason = Failure.model_validate_json(line).error
                except ValidationError:
                    reason = "their process gave no readable reply"
                raise ServingError(f"the users fail: {reason}") from None
            step()


def _level(answers: Answers) -> Level:
    return Level(
        users=answers.users,
        seconds=answers.seconds,
        requests=len(answers.samples_ms),
        requests_per_s=len(answers.samples_ms) / answers.seconds,
        latency=Quantiles.of(answers.samples_ms) if answers.samples_ms else None,
        steps={step: Quantiles.of(taken_ms) for step, taken_ms in answers.steps_ms.items()},
        statuses=answers.statuses,
        failures=answers.failures,
        kiosk_cores=answers.kiosk_cpu_s / answers.seconds,
        crowd_cores=answers.crowd_cpu_s / answers.seconds,
    )


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """The process ends with the context."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def _killed_after(seconds: float, process: subprocess.Popen[str]) -> Iterator[None]:
    """The process ends if the context takes so long: who waits for what it says does not wait for ever."""
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
