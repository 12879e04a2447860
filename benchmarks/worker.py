"""``python -m benchmarks.worker``: one model file in one runtime, in a process of its own.

A fresh process, so that memory, loading and first inference are the file's own, and so that no library meets another.
The first line of its input is a `Job`; it loads the file and replies with `Loaded`. Then each line is an `Order`, and
each reply one line of JSON. A test takes turns: after each turn it replies with `Turn` and goes on when a line comes.
A failure is ``{"error": "one line"}``, and the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict

from benchmarks import loadgen
from benchmarks.loadgen import LEAST_QUERIES, OFFLINE_BATCH, SAMPLES_PER_QUERY, Result, Scenario, Turns
from benchmarks.runtimes import Model, all_runtimes, installed_version

# Pictures that go through a runtime at once when pictures are scored, where it takes several.
_BATCH = 16

# Of <sys/prctl.h>.
_PR_SET_PDEATHSIG = 1

# Single pictures at the start of each turn that are not counted: since the last one, other processes have had the
# caches to themselves.
_WARM_UP_RUNS = 3


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Message):
    """What is to be loaded."""

    path: Path
    format: str
    precision: str
    size: int
    outputs: tuple[str, ...]
    runtime: str
    """Its name."""
    threads: int
    """0 for all, or for the runtime's own default."""
    pictures: Path
    """A ``.npy`` file of uint8 RGB ``[n, size, size, 3]`` to be timed with."""
    seed: int


class Loaded(_Message):
    """What it took to load a file: milliseconds, and bytes of resident memory."""

    load_ms: float
    """With what the library does at its first import."""
    first_inference_ms: float
    warm_ms: float
    """Median of one picture after some time of warming up: a first guess."""
    start_rss_bytes: int
    """Before the library was imported."""
    loaded_rss_bytes: int
    """After loading and the first inference."""
    description: dict[str, str]
    """What the runtime says of itself, and the versions of its packages."""


class Order(_Message):
    """What is to be done next."""

    do: Literal["test", "score", "memory"]
    scenario: Scenario = "single_stream"
    queries: int = LEAST_QUERIES
    queries_a_turn: int = LEAST_QUERIES
    """Of SingleStream and MultiStream."""
    pictures: Path | None = None
    """To be scored, ``.npy`` as those of `Job`."""
    answers: Path | None = None
    """Where the outputs go, ``.npz``."""


class Turn(_Message):
    """One turn of a test."""

    latencies_ms: list[float]


class Ended(_Message):
    """The end of a test."""

    result: Result


class Scored(_Message):
    """Pictures that were scored."""

    pictures: int


class Memory(_Message):
    """Bytes of resident memory now, and the most so far."""

    rss_bytes: int
    peak_rss_bytes: int


class Failure(_Message):
    """Why the worker ends."""

    error: str


class WorkerError(ValueError):
    """A job cannot be done; the message is one line."""


class Worker:
    """The file, loaded, and what can be asked of it."""

    def __init__(self, job: Job) -> None:
        """Load the file; raises `WorkerError`, or whatever the runtime raises."""
        start_rss_bytes = psutil.Process().memory_info().rss
        pictures = np.load(job.pictures)
        pictures_bytes = pictures.nbytes
        runtime = next((runtime for runtime in all_runtimes() if runtime.name == job.runtime), None)
        if runtime is None:
            raise WorkerError(f"there is no runtime {job.runtime!r}")
        model = Model(job.path, job.format, job.precision, job.size, job.outputs)
        started = time.perf_counter()
        self._loaded = runtime.load(model, job.threads)
        loaded_at = time.perf_counter()
        answers = self._loaded.predict(pictures[:1])
        first_done = time.perf_counter()
        missing = [name for name in job.outputs if name not in answers]
        if missing:
            raise WorkerError(f"the file has no output {missing[0]}")
        self._pictures = pictures
        self._job = job
        self.loaded = Loaded(
            load_ms=1000 * (loaded_at - started),
            first_inference_ms=1000 * (first_done - loaded_at),
            loaded_rss_bytes=psutil.Process().memory_info().rss - pictures_bytes,
            start_rss_bytes=start_rss_bytes,
            warm_ms=loadgen.warm_up(self._loaded.predict, pictures, seconds=0.3),
            description=self._loaded.describe()
            | {package: installed_version(package) or "" for package in runtime.packages},
        )

    def test(self, order: Order, replies: _Replies) -> Ended:
        """One LoadGen test, in turns."""

        def end_turn(latencies_ms: list[float]) -> None:
            replies.send(Turn(latencies_ms=latencies_ms))
            replies.wait()
            loadgen.warm_up(self._loaded.predict, self._pictures, seconds=0, least=_WARM_UP_RUNS)

        between = Turns(order.queries_a_turn, end_turn)
        # As many pictures at a time as will come: some runtimes compile anew for another number.
        batch = {"single_stream": 1, "multi_stream": SAMPLES_PER_QUERY, "offline": OFFLINE_BATCH}[order.scenario]
        together = self._pictures[np.arange(batch) % len(self._pictures)]
        for _ in range(_WARM_UP_RUNS):
            self._loaded.predict(together)
        result = loadgen.run(
            order.scenario,
            self._loaded.predict,
            self._pictures,
            queries=order.queries,
            seed=self._job.seed,
            between=between if order.scenario != "offline" else lambda latency_ms: None,
        )
        return Ended(result=result)

    def score(self, order: Order) -> Scored:
        """The outputs of all pictures of a file, written to another."""
        if order.pictures is None or order.answers is None:
            raise WorkerError("pictures and a file for the answers belong to a score")
        pictures = np.load(order.pictures, mmap_mode="r")
        parts = [
            self._loaded.predict(np.ascontiguousarray(pictures[start : start + _BATCH]))
            for start in range(0, len(pictures), _BATCH)
        ]
        answers = {name: np.concatenate([part[name] for part in parts]) for name in self._job.outputs}
        np.savez(order.answers, allow_pickle=False, **answers)
        return Scored(pictures=len(pictures))

    def memory(self) -> Memory:
        """What the process has now."""
        return Memory(
            rss_bytes=psutil.Process().memory_info().rss - self._pictures.nbytes,
            peak_rss_bytes=peak_rss_bytes() - self._pictures.nbytes,
        )


class _Replies:
    """The two ends of the line to the parent."""

    def __init__(self) -> None:
        # Libraries may print; replies must stay the only lines of their stream.
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def send(self, message: _Message) -> None:
        self._file.write(message.model_dump_json() + "\n")
        self._file.flush()

    def wait(self) -> None:
        """For any line; the end of the input ends the process."""
        if not sys.stdin.readline():
            os._exit(0)

    def orders(self) -> Iterator[str]:
        """Lines, until there are no more."""
        return iter(sys.stdin.readline, "")


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


def die_with_parent(signal_number: int = signal.SIGKILL) -> None:
    """Have Linux end this process when the one that started it has gone, however it went: one that is stopped while it
    waits for its turn would never notice."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def serve() -> int:
    """Load, then obey until the input ends. Returns the exit code: 0, or 2 after a failure."""
    die_with_parent()
    replies = _Replies()
    try:
        worker = Worker(Job.model_validate_json(sys.stdin.readline()))
        replies.send(worker.loaded)
        for line in replies.orders():
            order = Order.model_validate_json(line)
            if order.do == "test":
                replies.send(worker.test(order, replies))
            elif order.do == "score":
                replies.send(worker.score(order))
            else:
                replies.send(worker.memory())
    except Exception as error:  # whatever it was, the parent prints it as one line
        replies.send(Failure(error=first_line(error)))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(serve())
