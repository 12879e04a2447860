"""Scenarios of MLCommons LoadGen, on anything that answers pictures: MLPerf-style, and no MLPerf result.

MLPerf prescribes data sets, accuracies, durations and reviews; nothing here claims them. What is taken from it is the
generator itself: when a query is sent, what counts as its latency, and how sure a percentile is (early stopping).

A test that is told to wait between two queries (`Turns`) does not count the wait: LoadGen takes the time from the issue
of a query to its completion, and issues the next one when the last call has returned. So several tests, each in a
process of its own, can go on in turns, and what else the machine does falls on all alike.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmarks.runtimes import Pixels

Scenario = Literal["single_stream", "multi_stream", "offline"]

SAMPLES_PER_QUERY = 8
"""Of MultiStream, as MLPerf has it: pictures that come at once."""

OFFLINE_BATCH = 16
"""Pictures that are given to a runtime at a time in Offline: beyond that nothing is won on a processor."""

LEAST_QUERIES = 64
"""Below it, LoadGen's early stopping cannot tell the 90th percentile (99 % sure)."""


class Result(BaseModel):
    """What LoadGen says of one test. Latencies are of whole queries, milliseconds; what it does not tell is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queries: int
    samples: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p90_early_stopping_ms: float | None
    """SingleStream: with 99 % confidence the 90th percentile is not above it."""
    samples_per_s: float | None
    """Offline."""
    valid: bool
    """LoadGen's own verdict on the number of queries."""
    loadgen: str
    """Its version."""


class LoadGenError(RuntimeError):
    """LoadGen could not run a test; the message is one line."""


def run(
    scenario: Scenario,
    predict: Callable[[Pixels], object],
    pictures: Pixels,
    *,
    queries: int,
    seed: int,
    between: Callable[[float], None] = lambda latency_ms: None,
) -> Result:
    """One test of `queries` queries over `pictures` ``[n, size, size, 3]``, chosen by `seed`. For Offline `queries` is
    the number of pictures, which are sent in one query. `between` is called with the latency of each query before the
    next one is issued, and may take its time.

    Raises `LoadGenError`, and whatever `predict` raises.
    """
    import mlperf_loadgen

    failure: list[BaseException] = []

    def issue(samples: Sequence[Any]) -> None:
        started = time.perf_counter()
        try:
            if not failure:
                for part in _parts([sample.index for sample in samples], scenario):
                    predict(pictures[part] if len(part) > 1 else pictures[part[0] : part[0] + 1])
        except BaseException as error:  # it must not cross LoadGen, which would end the process
            failure.append(error)
        latency_ms = 1000 * (time.perf_counter() - started)
        mlperf_loadgen.QuerySamplesComplete([mlperf_loadgen.QuerySampleResponse(s.id, 0, 0) for s in samples])
        if not failure:
            between(latency_ms)

    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        system = mlperf_loadgen.ConstructSUT(issue, lambda: None)
        library = mlperf_loadgen.ConstructQSL(len(pictures), len(pictures), lambda some: None, lambda some: None)
        try:
            mlperf_loadgen.StartTestWithLogSettings(
                system, library, _settings(scenario, queries, seed), _log(folder), ""
            )
        finally:
            mlperf_loadgen.DestroyQSL(library)
            mlperf_loadgen.DestroySUT(system)
        if failure:
            raise failure[0]
        return _result(Path(folder) / "mlperf_log_detail.txt", scenario)


def _parts(places: list[int], scenario: Scenario) -> Iterator[list[int]]:
    size = OFFLINE_BATCH if scenario == "offline" else len(places)
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _settings(scenario: Scenario, queries: int, seed: int) -> Any:
    import mlperf_loadgen

    settings = mlperf_loadgen.TestSettings()
    settings.scenario = {
        "single_stream": mlperf_loadgen.TestScenario.SingleStream,
        "multi_stream": mlperf_loadgen.TestScenario.MultiStream,
        "offline": mlperf_loadgen.TestScenario.Offline,
    }[scenario]
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    # Counts decide, not clocks: a test that takes turns spends most of its time waiting.
    settings.min_duration_ms = 0
    if scenario == "offline":
        # Its one query is as large as what is expected in the least duration, and a tenth more.
        settings.min_query_count = 1
        settings.min_duration_ms = 1000
        settings.offline_expected_qps = queries / 1.1
    else:
        settings.min_query_count = settings.max_query_count = queries
    settings.multi_stream_samples_per_query = SAMPLES_PER_QUERY
    settings.qsl_rng_seed = settings.sample_index_rng_seed = settings.schedule_rng_seed = seed
    return settings


def _log(folder: str) -> Any:
    import mlperf_loadgen

    log, output = mlperf_loadgen.LogSettings(), mlperf_loadgen.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    log.log_output = output
    log.enable_trace = False
    return log


def _result(path: Path, scenario: Scenario) -> Result:
    found: dict[str, Any] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        _, marker, entry = line.partition(":::MLLOG ")
        if marker:
            message = json.loads(entry)
            found[message["key"]] = message["value"]
            if message["metadata"]["is_error"]:
                raise LoadGenError(f"LoadGen: {message['key']}: {message['value']}")
    each = "per_query_" if scenario == "multi_stream" else ""

    def milliseconds(key: str) -> float:
        return float(found[key]) / 1e6

    bound_ms = milliseconds("early_stopping_latency_ss") if found.get("early_stopping_latency_ss") else None
    return Result(
        queries=int(found["result_query_count"]),
        samples=int(found["result_query_count"]) * int(found["generated_samples_per_query"]),
        p50_ms=milliseconds(f"result_50.00_percentile_{each}latency_ns"),
        p90_ms=milliseconds(f"result_90.00_percentile_{each}latency_ns"),
        p99_ms=milliseconds(f"result_99.00_percentile_{each}latency_ns"),
        p90_early_stopping_ms=bound_ms if scenario == "single_stream" else None,
        samples_per_s=found.get("result_samples_per_second"),
        valid=found["result_validity"] == "VALID",
        loadgen=str(found["loadgen_version"]),
    )


class Turns:
    """Lets a test go on for so many queries at a time, and tells what they took."""

    def __init__(self, queries: int, end_turn: Callable[[list[float]], None]) -> None:
        """`end_turn` is called with the latencies of a turn, milliseconds, and returns when the next one may begin."""
        self._queries = queries
        self._end_turn = end_turn
        self._latencies_ms: list[float] = []

    def __call__(self, latency_ms: float) -> None:
        """Count one query."""
        self._latencies_ms.append(latency_ms)
        if len(self._latencies_ms) == self._queries:
            latencies_ms, self._latencies_ms = self._latencies_ms, []
            self._end_turn(latencies_ms)


def warm_up(predict: Callable[[Pixels], object], pictures: Pixels, seconds: float, least: int = 3) -> float:
    """Run single pictures for `seconds`, at least so many; returns the median latency, milliseconds."""
    taken_ms: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken_ms) < least or time.perf_counter() < end:
        place = len(taken_ms) % len(pictures)
        started = time.perf_counter()
        predict(pictures[place : place + 1])
        taken_ms.append(1000 * (time.perf_counter() - started))
    return float(np.median(taken_ms))
