"""``python -m benchmarks.worker FOLDER FILE THREADS``: one file of a bundle in a process of its own.

A fresh process, so that memory, loading and first inference are the file's own. It loads the file as
the kiosk does (`kiosk.classifier.Classifier`), says on one line of JSON what that took, and then serves
one request a line, ``infer N`` or ``pipeline N``, so that several such processes can be asked in turns.
Requests and replies go through standard input and output; a failure is ``{"error": "one line"}``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict

import bundle
from kiosk.answer import Status
from kiosk.camera import Camera
from kiosk.classifier import Classifier
from kiosk.eye import Eye, Settings, upright
from kiosk.judge import Judge
from kiosk.metrics import Metrics
from kiosk.source import parse
from kiosk.station import load_locator

FRAME_WIDTH, FRAME_HEIGHT = 1280, 720
"""Pixels of the camera's frame in the pipeline: what the kiosk asks a camera for."""

PIPELINE_STEPS = ("locate", "rectify", "quality", "classify", "total")
"""Steps of the kiosk's pipeline, in order, and their sum."""

# Inferences at the start of each request that are not counted: since the last one, other processes
# have had the caches to themselves.
_WARM_UP_RUNS = 3


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Loaded(_Reply):
    """What it took to load a file: milliseconds, and bytes of resident memory."""

    verify_ms: float
    """Reading the bundle and checking its hashes."""
    load_ms: float
    """Making the ONNX Runtime session."""
    first_inference_ms: float
    imports_rss_bytes: int
    """Before anything of the bundle was read: Python and the libraries."""
    loaded_rss_bytes: int
    """After loading and the first inference."""


class Samples(_Reply):
    """Milliseconds of every counted run, by step, and the process's peak memory so far."""

    samples_ms: dict[str, list[float]]
    peak_rss_bytes: int


class Failure(_Reply):
    """Why the worker ends."""

    error: str


class Worker:
    """The file, loaded, and what can be asked of it."""

    def __init__(self, folder: Path, file_name: str, threads: int) -> None:
        """Load the file; raises `bundle.BundleError` or `ClassifierError`."""
        imports_rss_bytes = psutil.Process().memory_info().rss
        started = time.perf_counter()
        verified = _only(folder, file_name)
        verified_at = time.perf_counter()
        self._classifier = Classifier(verified, verified.files[0].precision, threads)
        loaded_at = time.perf_counter()
        size = self._classifier.input_size
        self._frame = draw_frame()
        self._prepared = bundle.prepare(self._frame, size)
        before_first = time.perf_counter()
        self._classifier.classify(self._prepared)
        first_done = time.perf_counter()
        self._classifier.warm_up()  # checks the contract
        # A camera that is never opened: the kiosk's counters want one.
        self._judge = Judge(self._classifier, Metrics(Camera(parse("0"))))
        self._eye = Eye(load_locator(verified, threads), Settings())
        self.loaded = Loaded(
            verify_ms=1000 * (verified_at - started),
            load_ms=1000 * (loaded_at - verified_at),
            first_inference_ms=1000 * (first_done - before_first),
            imports_rss_bytes=imports_rss_bytes,
            loaded_rss_bytes=psutil.Process().memory_info().rss,
        )

    def infer(self, runs: int) -> Samples:
        """Time `runs` inferences of one picture each."""
        samples_ms = []
        for number in range(-_WARM_UP_RUNS, runs):
            started = time.perf_counter()
            self._classifier.classify(self._prepared)
            if number >= 0:
                samples_ms.append(1000 * (time.perf_counter() - started))
        return Samples(samples_ms={"infer": samples_ms}, peak_rss_bytes=peak_rss_bytes())

    def pipeline(self, runs: int) -> Samples:
        """Time `runs` looks at a camera's frame, by the kiosk's own steps: the painting is found and
        rectified, then quality and network. What the camera and the page cost is not in it."""
        samples_ms: dict[str, list[float]] = {step: [] for step in PIPELINE_STEPS}
        for number in range(-_WARM_UP_RUNS, runs):
            started = time.perf_counter()
            sight = self._eye.follow(self._frame, time.monotonic())
            located = time.perf_counter()
            painting = upright(self._frame, sight, self._judge.size)
            rectified = time.perf_counter()
            finding = self._judge.look(painting)
            ended = time.perf_counter()
            if finding.fault is not None:
                raise WorkerError(f"the kiosk refuses the drawn frame as {Status(finding.fault).value}")
            if number >= 0:
                steps = {"locate": located - started, "rectify": rectified - located, "total": ended - started}
                samples = {step: 1000 * seconds for step, seconds in steps.items()} | finding.timing_ms
                for step, value in samples.items():
                    samples_ms.setdefault(step, []).append(value)
        return Samples(samples_ms=samples_ms, peak_rss_bytes=peak_rss_bytes())


class WorkerError(ValueError):
    """A request cannot be served; the message is one line."""


def draw_frame() -> bundle.picture.Pixels:
    """A camera's frame, RGB, the same each time: a canvas of coloured dabs in a dark frame on a pale wall, that
    passes the kiosk's gates."""
    generator = np.random.default_rng(0)
    dab = 8  # pixels; fine enough to count as sharp
    frame = np.full((FRAME_HEIGHT, FRAME_WIDTH, 3), 200, np.uint8)
    cv2.rectangle(frame, (376, 96), (904, 624), (40, 50, 60), -1)
    coarse = generator.integers(0, 256, (60, 60, 3), np.uint8)
    frame[120:600, 400:880] = coarse.repeat(dab, 0).repeat(dab, 1)
    return frame


def peak_rss_bytes() -> int:
    """The most memory that this process has had resident. Linux's ``ru_maxrss`` would be that of the
    parent where the parent was larger when it started us."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _only(folder: Path, file_name: str) -> bundle.Bundle:
    """The verified bundle with that one file, so that no other is in memory."""
    verified = bundle.load(folder, lambda file: file.path == file_name)
    if not verified.files:
        raise bundle.BundleError(f"{folder}: the bundle has no file {file_name}")
    return verified


def serve(arguments: list[str], requests: Iterable[str]) -> int:
    """Load, then answer requests until they end. Returns the exit code: 0, or 2 after a failure."""
    # Libraries may print; replies must stay the only lines of their stream.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(message: _Reply) -> None:
        replies.write(message.model_dump_json() + "\n")
        replies.flush()

    try:
        folder, file_name, threads = arguments
        cv2.setNumThreads(1)  # as in the kiosk
        worker = Worker(Path(folder), file_name, int(threads))
        reply(worker.loaded)
        for request in requests:
            kind, runs = request.split()
            reply({"infer": worker.infer, "pipeline": worker.pipeline}[kind](int(runs)))
    except Exception as error:  # whatever it was, the parent prints it as one line
        reply(Failure(error=(str(error).strip() or type(error).__name__).splitlines()[0]))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:], sys.stdin))
