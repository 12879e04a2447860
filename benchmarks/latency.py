"""How long the files of a bundle take, and how much memory, side by side.

Each file has a process of its own for each number of threads. All are loaded before anything is timed,
and then asked in turns, a few runs each, the first of each round another: what else the machine does
meanwhile falls on all alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

import bundle
from benchmarks.figures import percentiles_ms
from benchmarks.worker import Failure, Loaded, Samples

# Runs of one turn: long enough to reach a steady state, short enough that turns meet the same noise.
INFERENCES_A_TURN = 25
PIPELINES_A_TURN = 10

_EXIT_S = 10.0  # seconds that a process gets to end by itself

_ReplyT = TypeVar("_ReplyT", Loaded, Samples)


class LatencyError(ValueError):
    """A file cannot be timed; the message is one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quantiles(_Part):
    """Milliseconds, over all turns."""

    samples: int
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Quantiles:
        """The quantiles of at least one sample."""
        p50_ms, p90_ms, p99_ms = percentiles_ms(samples_ms)
        return cls(samples=len(samples_ms), p50_ms=p50_ms, p90_ms=p90_ms, p99_ms=p99_ms)


class Speedup(_Part):
    """How many times as fast as fp32, by p50 of the same run; above 1 is faster."""

    ratio: float
    slowest_turn: float
    """The least ratio of a single round; with `fastest_turn` it tells how steady the machine was."""
    fastest_turn: float


class FileLatency(_Part):
    """One file with one number of threads, batch 1."""

    file: str
    precision: str
    threads: int
    loading: Loaded
    peak_rss_bytes: int
    inference: Quantiles
    turns_p50_ms: list[float]
    """p50 of the bare inference in each round."""
    speedup: Speedup | None
    """None for fp32 itself, and where there is none."""
    pipeline: dict[str, Quantiles]
    """By step of the kiosk's pipeline."""


def measure(
    folder: Path,
    files: Sequence[bundle.ModelFile],
    threads: Sequence[int],
    rounds: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[FileLatency]:
    """Time `files` of the bundle in `folder` with each number of `threads`, over `rounds` turns each.

    `progress` is called with (turns done, turns in all). Raises `LatencyError`.
    """
    pairs = [(file, number) for number in threads for file in files]
    total, done = len(pairs) * (rounds + 1), 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    with ExitStack() as stack:
        processes = []
        for file, number in pairs:
            # One after the other: two that load at a time would slow each other.
            processes.append(stack.enter_context(_Process(folder, file, number)))
            step()
        for turn in range(rounds):
            first = turn % len(processes)
            for process in processes[first:] + processes[:first]:
                process.take_turn()
                step()
        measured = {(process.file.path, process.threads): process for process in processes}
        reference = next((file for file in files if file.precision == "fp32"), None)
        return [
            process.result(
                measured[reference.path, process.threads]
                if reference is not None and process.file.path != reference.path
                else None
            )
            for process in processes
        ]


def worker_environment() -> dict[str, str]:
    """The environment of a process of ours: wherever we were started from, it finds the same modules."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


class _Process:
    """A worker, and what it has replied so far."""

    def __init__(self, folder: Path, file: bundle.ModelFile, threads: int) -> None:
        self.file = file
        self.threads = threads
        self._folder = folder
        self._turns_ms: list[list[float]] = []
        self._pipeline_ms: dict[str, list[float]] = {}
        self._peak_rss_bytes = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(self._folder), self.file.path, str(self.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=worker_environment(),
        )
        try:
            self._loading = self._reply(Loaded)
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
        try:
            self._process.communicate(timeout=_EXIT_S)  # the end of its input ends the worker
        except (subprocess.TimeoutExpired, OSError, ValueError):
            self._process.kill()
            self._process.communicate()

    def take_turn(self) -> None:
        """Ask for one turn of bare inferences and one of the pipeline."""
        bare = self._ask(f"infer {INFERENCES_A_TURN}")
        self._turns_ms.append(bare.samples_ms["infer"])
        whole = self._ask(f"pipeline {PIPELINES_A_TURN}")
        for step, samples_ms in whole.samples_ms.items():
            self._pipeline_ms.setdefault(step, []).extend(samples_ms)
        self._peak_rss_bytes = whole.peak_rss_bytes

    def result(self, reference: _Process | None) -> FileLatency:
        """The figures; `reference` is fp32 with as many threads."""
        return FileLatency(
            file=self.file.path,
            precision=self.file.precision,
            threads=self.threads,
            loading=self._loading,
            peak_rss_bytes=self._peak_rss_bytes,
            inference=Quantiles.of(self._samples_ms),
            turns_p50_ms=self._turns_p50_ms,
            speedup=self._speedup(reference) if reference else None,
            pipeline={step: Quantiles.of(samples_ms) for step, samples_ms in self._pipeline_ms.items()},
        )

    @property
    def _samples_ms(self) -> list[float]:
        return [sample_ms for turn_ms in self._turns_ms for sample_ms in turn_ms]

    @property
    def _turns_p50_ms(self) -> list[float]:
        return [float(np.median(turn_ms)) for turn_ms in self._turns_ms]

    def _speedup(self, reference: _Process) -> Speedup:
        turns = [theirs / mine for theirs, mine in zip(reference._turns_p50_ms, self._turns_p50_ms, strict=True)]
        return Speedup(
            ratio=float(np.median(reference._samples_ms) / np.median(self._samples_ms)),
            slowest_turn=min(turns),
            fastest_turn=max(turns),
        )

    def _ask(self, request: str) -> Samples:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LatencyError(f"{self.file.path}: its process has gone ({error.strerror})") from error
        return self._reply(Samples)

    def _reply(self, kind: type[_ReplyT]) -> _ReplyT:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LatencyError(f"{self.file.path}: its process ended (exit code {self._process.wait()})")
        try:
            return kind.model_validate_json(line)
        except ValidationError:
            try:
                reason = Failure.model_validate_json(line).error
            except ValidationError:
                reason = "its process gave no readable reply"
            raise LatencyError(f"{self.file.path}: {reason}") from None
