"""How long model files take in their runtimes, and how much memory, side by side.

Each file has a process of its own for each runtime and number of threads (`benchmarks.worker`). All are loaded before
anything is timed, and then LoadGen's tests go on in turns, some queries each, the first of each round another: what
else the machine does meanwhile falls on all alike. Who waits for its turn is stopped: threads that a library keeps
awake, or wakes now and then, would be in the others' way.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks import BenchmarkError, Progress, Stages
from benchmarks.figures import Ratio
from benchmarks.loadgen import LEAST_QUERIES, OFFLINE_BATCH, SAMPLES_PER_QUERY, Result
from benchmarks.runtimes import Model, Runtime
from benchmarks.worker import Ended, Failure, Job, Loaded, Memory, Order, Scored, Turn

# Of one turn: of a network so quick that this is not enough, LoadGen's own work would be measured.
_MOST_QUERIES = 2000

_EXIT_S = 10.0  # seconds that a process gets to end by itself

_ReplyT = TypeVar("_ReplyT", Loaded, Turn, Ended, Scored, Memory)


class LatencyError(BenchmarkError):
    """A file cannot be timed; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Length(_Part):
    """How long each file is timed."""

    name: str
    turns: int
    """Of SingleStream and MultiStream each."""
    single_stream_turn_s: float
    multi_stream_turn_s: float
    offline_tests: int
    offline_test_s: float


LENGTHS = {
    # A dozen turns are enough for an interval, and a quarter of a second for a steady state.
    "quick": Length(
        name="quick",
        turns=10,
        single_stream_turn_s=0.2,
        multi_stream_turn_s=0.0,
        offline_tests=0,
        offline_test_s=0.0,
    ),
    "test": Length(
        name="test",
        turns=16,
        single_stream_turn_s=0.25,
        multi_stream_turn_s=0.05,
        offline_tests=3,
        offline_test_s=0.3,
    ),
    # MLPerf asks for ten minutes of each; a minute has 15,000 pictures of a network such as the kiosk's.
    "full": Length(
        name="full",
        turns=120,
        single_stream_turn_s=0.5,
        multi_stream_turn_s=0.25,
        offline_tests=10,
        offline_test_s=3.0,
    ),
}


class SingleStream(_Part):
    """One picture after the other, LoadGen's figures."""

    queries: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p90_early_stopping_ms: float | None
    """With 99 % confidence the 90th percentile is not above it."""
    turns_p50_ms: tuple[float, ...]
    percentiles_ms: tuple[float, ...]
    """0 to 100, by ones, of our own clock around the same calls; for the plot."""


class MultiStream(_Part):
    """Several pictures at once, LoadGen's figures of a whole query."""

    samples_per_query: int
    queries: int
    p50_ms: float
    p90_ms: float
    p99_ms: float


class Offline(_Part):
    """All pictures at once: the most that the machine can do."""

    samples: int
    samples_per_s: float
    """Median of the tests."""
    tests: tuple[float, ...]


class Row(_Part):
    """One file in one runtime with one number of threads."""

    file: str
    runtime: str
    threads: int
    """0: the runtime's own default."""
    description: dict[str, str]
    load_ms: float
    first_inference_ms: float
    start_rss_bytes: int
    loaded_rss_bytes: int
    peak_rss_bytes: int
    """Of SingleStream, which is what a kiosk does; several pictures at a time take more."""
    end_rss_bytes: int
    """After everything."""
    single_stream: SingleStream
    multi_stream: MultiStream | None
    offline: Offline | None
    ratio: Ratio | None = None
    """Its time over that of the reference with as many threads, by SingleStream; None of the reference itself."""
    millijoules: float | None = None
    """Of the whole machine, for a picture of SingleStream; None where nothing tells."""

    @property
    def key(self) -> str:
        """What tells it from the other rows of a report."""
        return f"{self.file} | {self.runtime} | {self.threads or 'default'}"


@dataclass(frozen=True)
class Candidate:
    """What is to be timed."""

    file: str
    """Its name in the report."""
    model: Model
    runtime: Runtime
    threads: int
    """0: the runtime's own default."""

    def __str__(self) -> str:
        threads = f", {self.threads} thread{'s' * (self.threads > 1)}" if self.threads else ""
        return f"{self.file} in {self.runtime.name}{threads}"


class Used(Protocol):
    """What a meter found."""

    @property
    def joules(self) -> float | None:
        """Since it began; None where it could not be read."""
        ...


class Meter(Protocol):
    """What measures energy."""

    def measure(self) -> AbstractContextManager[Used]:
        """From here to the end of the context."""
        ...


@dataclass(frozen=True)
class Scoring:
    """Pictures to be scored in the very processes that were timed."""

    pictures: Path
    """``.npy``, uint8 RGB ``[n, size, size, 3]``."""
    answers: Path
    """``.npz``, written."""


def measure(
    candidates: Sequence[Candidate],
    pictures: dict[int, Path],
    length: Length,
    seed: int,
    *,
    scorings: Callable[[Candidate], Scoring | None] = lambda candidate: None,
    meter: Meter | None = None,
    stages: Stages = lambda title: lambda done, total: None,
) -> tuple[list[Row], dict[str, str]]:
    """Time all `candidates`; `pictures` are the ``.npy`` files to be timed with, by size.

    Returns the rows, and why the others are left out, by what they are. `scorings` says what a candidate has to score
    after its clocks have stopped. `stages` is called with the name of each part, and gives what is told its progress.
    Raises `LatencyError` where nothing can be timed.
    """
    refused: dict[str, str] = {}
    with ExitStack() as stack:
        workers: list[_Worker] = []
        progress = stages("loading")
        for number, candidate in enumerate(candidates):
            # One after the other: two that load at a time would slow each other.
            try:
                workers.append(stack.enter_context(_Worker(candidate, pictures[candidate.model.size], seed, length)))
            except LatencyError as error:
                refused[str(candidate)] = str(error).removeprefix(f"{candidate}: ")
            progress(number + 1, len(candidates))
        field = _Field(workers, refused)
        field.check()
        _single_stream(field, length, meter, stages("SingleStream"))
        if length.multi_stream_turn_s:
            _multi_stream(field, length, stages("MultiStream"))
        if length.offline_tests:
            _offline(field, length, stages("Offline"))
        asked = [(worker, scoring) for worker in workers if (scoring := scorings(worker.candidate)) is not None]
        progress = stages("scoring pictures") if asked else lambda done, total: None
        for number, (worker, scoring) in enumerate(asked):
            order = Order(do="score", pictures=scoring.pictures, answers=scoring.answers)
            with field.leaving_out(worker):
                worker.ask(order, Scored)
            progress(number + 1, len(asked))
        rows = []
        for worker in list(field.workers):
            with field.leaving_out(worker):
                rows.append(worker.row())
        field.check()
    return rows, refused


class _Field:
    """All workers that are still in the race."""

    def __init__(self, workers: list[_Worker], refused: dict[str, str]) -> None:
        self.workers = workers
        self._refused = refused

    def check(self) -> None:
        """Raise `LatencyError` where none is left."""
        if not self.workers:
            raise LatencyError(f"nothing can be timed: {next(iter(self._refused.values()), 'there is no file')}")

    @contextmanager
    def leaving_out(self, worker: _Worker) -> Iterator[None]:
        """Go on without `worker` where it fails: one process that is killed for want of memory costs its row alone."""
        try:
            yield
        except LatencyError as error:
            self.workers.remove(worker)
            self._refused[str(worker.candidate)] = str(error).removeprefix(f"{worker.candidate}: ")

    def in_turn(self, turn: int) -> list[_Worker]:
        """Those left, another first in each turn."""
        first = turn % len(self.workers) if self.workers else 0
        return [*self.workers[first:], *self.workers[:first]]


def ratio(row: Row, reference: Row) -> Ratio:
    """The time of a row over that of the reference, by SingleStream."""
    return Ratio.of_turns(row.single_stream.turns_p50_ms, reference.single_stream.turns_p50_ms)


def _in_turns(
    field: _Field,
    orders: dict[_Worker, Order],
    turns: int,
    progress: Progress,
    meter: Meter | None = None,
) -> None:
    for turn in range(turns):
        ordered = field.in_turn(turn)
        for number, worker in enumerate(ordered):
            with field.leaving_out(worker), meter.measure() if meter is not None else nullcontext() as used:
                worker.take_turn(orders[worker] if turn == 0 else None)
            if used is not None and used.joules is not None:
                worker.joules += used.joules
            progress(turn * len(ordered) + number + 1, turns * len(ordered))
    for worker in list(field.workers):
        with field.leaving_out(worker):
            worker.end_test()


def _single_stream(field: _Field, length: Length, meter: Meter | None, progress: Progress) -> None:
    orders = {}
    for worker in field.workers:
        queries = max(_count(length.single_stream_turn_s, worker.loaded.warm_ms), _count_up(LEAST_QUERIES, length))
        orders[worker] = Order(do="test", queries=queries * length.turns, queries_a_turn=queries)
    _in_turns(field, orders, length.turns, progress, meter)
    for worker in list(field.workers):
        with field.leaving_out(worker):
            worker.single_stream = worker.take_result()
            worker.peak_rss_bytes = worker.ask(Order(do="memory"), Memory).peak_rss_bytes


def _multi_stream(field: _Field, length: Length, progress: Progress) -> None:
    orders = {}
    for worker in field.workers:
        queries = _count(length.multi_stream_turn_s, SAMPLES_PER_QUERY * worker.loaded.warm_ms)
        orders[worker] = Order(
            do="test", scenario="multi_stream", queries=queries * length.turns, queries_a_turn=queries
        )
    _in_turns(field, orders, length.turns, progress)
    for worker in field.workers:
        worker.multi_stream = worker.take_result()


def _offline(field: _Field, length: Length, progress: Progress) -> None:
    for test in range(length.offline_tests):
        ordered = field.in_turn(test)
        for number, worker in enumerate(ordered):
            batches = _count(length.offline_test_s, OFFLINE_BATCH * worker.loaded.warm_ms)
            order = Order(do="test", scenario="offline", queries=OFFLINE_BATCH * batches)
            with field.leaving_out(worker):
                worker.offline.append(worker.ask(order, Ended).result)
            progress(test * len(ordered) + number + 1, length.offline_tests * len(ordered))


def _count(seconds: float, each_ms: float) -> int:
    return min(_MOST_QUERIES, max(1, math.ceil(1000 * seconds / max(each_ms, 0.001))))


def _count_up(queries: int, length: Length) -> int:
    return math.ceil(queries / length.turns)


def worker_environment() -> dict[str, str]:
    """The environment of a process of ours: wherever we were started from, it finds the same modules."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


class _Worker:
    """A process with one candidate, and what it has replied so far."""

    def __init__(self, candidate: Candidate, pictures: Path, seed: int, length: Length) -> None:
        self.candidate = candidate
        self.joules = 0.0
        self.peak_rss_bytes = 0
        self.single_stream: Result | None = None
        self.multi_stream: Result | None = None
        self.offline: list[Result] = []
        self._length = length
        self._turns_ms: list[list[float]] = []
        self._single_turns_ms: list[list[float]] = []
        self._result: Result | None = None
        model = candidate.model
        self._job = Job(
            path=model.path,
            format=model.format,
            precision=model.precision,
            size=model.size,
            outputs=model.outputs,
            runtime=candidate.runtime.name,
            threads=candidate.threads,
            pictures=pictures,
            seed=seed,
        )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            # What LoadGen logs goes where the pictures are, and away with them.
            env=worker_environment() | {"TMPDIR": str(self._job.pictures.parent)},
        )
        try:
            self._write(self._job.model_dump_json())
            self.loaded = self._reply(Loaded)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.communicate(timeout=_EXIT_S)  # the end of its input ends the worker
        except (subprocess.TimeoutExpired, OSError, ValueError):
            self._process.kill()
            self._process.communicate()

    def ask(self, order: Order, kind: type[_ReplyT]) -> _ReplyT:
        """Have one thing done."""
        self._write(order.model_dump_json())
        return self._reply(kind)

    def take_turn(self, order: Order | None) -> None:
        """The first turn of a test, by its `order`, or the next one."""
        self._write(order.model_dump_json() if order is not None else "go on")
        self._turns_ms.append(self._reply(Turn).latencies_ms)

    def end_test(self) -> None:
        """After the last turn."""
        self._write("go on")
        self._result = self._reply(Ended).result

    def take_result(self) -> Result:
        """Of the test that has just ended; its turns are kept where they are the first test's."""
        assert self._result is not None
        if not self._single_turns_ms:
            self._single_turns_ms = self._turns_ms
        self._turns_ms = []
        return self._result

    def row(self) -> Row:
        """All that was found."""
        memory = self.ask(Order(do="memory"), Memory)
        single, multi = self.single_stream, self.multi_stream
        assert single is not None
        rates = tuple(result.samples_per_s for result in self.offline if result.samples_per_s is not None)
        latencies_ms = [latency_ms for turn_ms in self._single_turns_ms for latency_ms in turn_ms]
        return Row(
            file=self.candidate.file,
            runtime=self.candidate.runtime.name,
            threads=self.candidate.threads,
            description=self.loaded.description,
            load_ms=self.loaded.load_ms,
            first_inference_ms=self.loaded.first_inference_ms,
            start_rss_bytes=self.loaded.start_rss_bytes,
            loaded_rss_bytes=self.loaded.loaded_rss_bytes,
            peak_rss_bytes=self.peak_rss_bytes,
            end_rss_bytes=memory.rss_bytes,
            single_stream=SingleStream(
                queries=single.queries,
                p50_ms=single.p50_ms,
                p90_ms=single.p90_ms,
                p99_ms=single.p99_ms,
                p90_early_stopping_ms=single.p90_early_stopping_ms,
                turns_p50_ms=tuple(float(np.median(turn_ms)) for turn_ms in self._single_turns_ms),
                percentiles_ms=tuple(np.percentile(latencies_ms, np.arange(101)).tolist()),
            ),
            multi_stream=MultiStream(
                samples_per_query=SAMPLES_PER_QUERY,
                queries=multi.queries,
                p50_ms=multi.p50_ms,
                p90_ms=multi.p90_ms,
                p99_ms=multi.p99_ms,
            )
            if multi is not None
            else None,
            offline=Offline(
                samples=sum(result.samples for result in self.offline),
                samples_per_s=float(np.median(rates)),
                tests=rates,
            )
            if rates
            else None,
            millijoules=1000 * self.joules / single.queries if self.joules else None,
        )

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LatencyError(f"{self.candidate}: its process has gone ({error.strerror})") from error

    def _reply(self, kind: type[_ReplyT]) -> _ReplyT:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._process.send_signal(signal.SIGSTOP)
        if not line:
            raise LatencyError(f"{self.candidate}: its process ended (exit code {self._process.wait()})")
        try:
            return kind.model_validate_json(line)
        except ValidationError:
            try:
                reason = Failure.model_validate_json(line).error
            except ValidationError:
                reason = "its process gave no readable reply"
            raise LatencyError(f"{self.candidate}: {reason}") from None
