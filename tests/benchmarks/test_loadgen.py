"""LoadGen's scenarios on something that answers at once, or not at all."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks import loadgen
from benchmarks.loadgen import OFFLINE_BATCH, SAMPLES_PER_QUERY, Scenario, Turns

# Eight pictures that tell which they are.
PICTURES = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)


def run(scenario: Scenario, queries: int, seed: int = 1) -> tuple[loadgen.Result, list[list[int]]]:
    """The result, and the pictures of each call."""
    calls: list[list[int]] = []
    result = loadgen.run(
        scenario, lambda pixels: calls.append(pixels[:, 0, 0, 0].tolist()), PICTURES, queries=queries, seed=seed
    )
    return result, calls


@pytest.mark.parametrize(
    ("sentence", "scenario", "queries", "samples", "largest"),
    [
        ("one picture at a time", "single_stream", 100, 100, 1),
        ("eight at a time", "multi_stream", 20, 20 * SAMPLES_PER_QUERY, SAMPLES_PER_QUERY),
        ("all in one query, which is given to the runtime in parts", "offline", 200, 200, OFFLINE_BATCH),
    ],
)
def test_a_scenario_asks_for_what_it_says(
    sentence: str, scenario: Scenario, queries: int, samples: int, largest: int
) -> None:
    result, calls = run(scenario, queries)
    # LoadGen fills up the one query of Offline to whole rounds of all pictures.
    assert samples <= sum(map(len, calls)) <= samples + len(PICTURES), sentence
    assert result.samples == sum(map(len, calls))
    assert max(map(len, calls)) == largest
    assert (result.samples_per_s is not None) == (scenario == "offline")
    assert 0 <= result.p50_ms <= result.p90_ms <= result.p99_ms


def test_a_seed_decides_which_pictures_are_asked_for() -> None:
    assert run("single_stream", 64, seed=7)[1] == run("single_stream", 64, seed=7)[1]
    assert run("single_stream", 64, seed=7)[1] != run("single_stream", 64, seed=8)[1]


@pytest.mark.parametrize(("queries", "is_told"), [(63, False), (64, True)])
def test_early_stopping_wants_enough_queries(queries: int, is_told: bool) -> None:
    result, _ = run("single_stream", queries)
    assert (result.p90_early_stopping_ms is not None) == is_told
    if result.p90_early_stopping_ms is not None:
        assert result.p90_early_stopping_ms >= result.p90_ms


def test_the_wait_between_turns_is_not_counted() -> None:
    turns: list[int] = []

    def end_turn(latencies_ms: list[float]) -> None:
        turns.append(len(latencies_ms))
        time.sleep(0.1)

    result = loadgen.run(
        "single_stream", lambda pixels: None, PICTURES, queries=100, seed=1, between=Turns(25, end_turn)
    )
    assert turns == [25] * 4
    # Four waits of 100 ms are among the 100 queries: were they counted, the 99th percentile would be one.
    assert result.p99_ms < 100


def test_a_failure_in_the_runtime_comes_out() -> None:
    def fail(pixels: object) -> None:
        raise ZeroDivisionError("broken")

    with pytest.raises(ZeroDivisionError, match="broken"):
        loadgen.run("single_stream", fail, PICTURES, queries=64, seed=1)
