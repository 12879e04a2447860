"""Reports of a small drawn machine, for tests of what reads them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np

import bundle
from benchmarks.accuracy import FileAccuracy, OpenSetFigures, StyleFigures
from benchmarks.facts import BundleFacts, BundleFile
from benchmarks.figures import Difference, Figure, Quantiles, Ratio
from benchmarks.latency import LENGTHS, MultiStream, Offline, Row, SingleStream
from benchmarks.machine import Machine, State, Ticks
from benchmarks.pipeline import Steady
from benchmarks.report import Floor, Measured, PhotographCounts, Pictures, Recommendation, Report
from benchmarks.serving import Level, Serving
from tests.stand_in import STYLES

FP32, FP16, INT8 = "model.fp32.onnx", "model.fp16.onnx", "model.int8.onnx"
PEER = "NNCF int8"
ORT, OPENVINO = "onnxruntime CPU", "OpenVINO"

# Of the files: size in bytes, and right answers of 230.
_FILES = {FP32: (13_500_000, 220), FP16: (6_800_000, 220), INT8: (3_800_000, 218), PEER: (3_900_000, 215)}


def machine(**changes: Any) -> Machine:
    """Two quiet cores."""
    found = Machine(
        cpu="Drawn CPU 3000",
        architecture="x86_64",
        cores=4,
        usable_cores=2,
        flags={"avx2": True, "avx512_vnni": False},
        memory_bytes=8 * 2**30,
        system="Linux-drawn",
        python="3.12.1",
        onnxruntime="1.29.0",
        versions={"onnxruntime": "1.29.0", "openvino": "2026.4.1"},
        load_average=(0.1, 0.1, 0.1),
        date=datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.UTC),
    )
    return found.model_copy(update=changes)


def state(**changes: Any) -> State:
    """Of a quiet machine."""
    found = State(
        governors=("performance",),
        clock_mhz=3000.0,
        clock_min_mhz=None,
        clock_max_mhz=None,
        temperature_celsius=45.0,
        throttle_events=0,
        pi_throttled=None,
        power_mode=None,
        load_average=(0.1, 0.1, 0.1),
        others_cores=0.01,
        steal_share=0.0,
        memory_available_bytes=6 * 2**30,
        swap_used_bytes=0,
        on_battery=None,
        ticks=Ticks(at_s=1.0, busy_s=1.0, own_s=1.0, stolen_s=0.0, passed_s=2.0),
    )
    return found.model_copy(update=changes)


def row(file: str, runtime: str, threads: int, p50_ms: float, *, seed: int = 0, **changes: Any) -> Row:
    """One that takes `p50_ms`, some turns a hundredth more or less; p90 and p99 lie 10 % and 40 % above."""
    rng = np.random.default_rng(seed)
    shares = np.linspace(0, 1, 101)
    found = Row(
        file=file,
        runtime=runtime,
        threads=threads,
        description={"device": "CPU"},
        load_ms=50.0,
        first_inference_ms=3 * p50_ms,
        start_rss_bytes=40_000_000,
        loaded_rss_bytes=60_000_000,
        peak_rss_bytes=90_000_000,
        end_rss_bytes=80_000_000,
        single_stream=SingleStream(
            queries=2000,
            p50_ms=p50_ms,
            p90_ms=1.1 * p50_ms,
            p99_ms=1.4 * p50_ms,
            p90_early_stopping_ms=1.12 * p50_ms,
            turns_p50_ms=tuple((p50_ms * rng.normal(1.0, 0.01, 16)).tolist()),
            percentiles_ms=tuple((p50_ms * (0.95 + 0.1 * shares + 0.6 * shares**20)).tolist()),
        ),
        multi_stream=MultiStream(
            samples_per_query=8, queries=100, p50_ms=8 * p50_ms, p90_ms=8.5 * p50_ms, p99_ms=9 * p50_ms
        ),
        offline=Offline(samples=600, samples_per_s=1100 / p50_ms, tests=tuple(k / p50_ms for k in (1090, 1100, 1110))),
    )
    return found.model_copy(update=changes)


def with_ratios(rows: Sequence[Row], file: str = FP32, runtime: str = ORT) -> tuple[Row, ...]:
    """The same against the row of the reference with as many threads."""
    references = {r.threads: r for r in rows if (r.file, r.runtime) == (file, runtime)}

    def compared(each: Row) -> Row:
        theirs = references[each.threads or max(references)]
        if each is theirs:
            return each
        turns = each.single_stream.turns_p50_ms, theirs.single_stream.turns_p50_ms
        return each.model_copy(update={"ratio": Ratio.of_turns(*turns)})

    return tuple(compared(each) for each in rows)


def rows(**slower: float) -> tuple[Row, ...]:
    """Those of `report`; by ``fp32``, ``fp16``, ``int8``, ``openvino``, ``peer``: how many times slower than usual."""
    times = {
        "fp32": (FP32, ORT, (8.0, 4.4)),
        "fp16": (FP16, ORT, (8.4, 4.6)),
        "int8": (INT8, ORT, (4.0, 2.2)),
        "openvino": (INT8, OPENVINO, (3.6, 2.0)),
        "peer": (PEER, OPENVINO, (3.2, 1.8)),
    }
    seeds = iter(range(100))
    return with_ratios(
        [
            row(file, runtime, threads, slower.get(name, 1.0) * p50_ms, seed=next(seeds))
            for name, (file, runtime, both) in times.items()
            for threads, p50_ms in zip((1, 2), both, strict=True)
        ]
    )


def figures(correct: int, total: int = 230, reference: int | None = 220) -> FileAccuracy:
    """Of one file; `reference` is how many the float network has right, None for that network itself."""
    count = bundle.Count(correct=correct, total=total)
    each = [bundle.Count(correct=correct // len(STYLES), total=total // len(STYLES)) for _ in STYLES]
    styles = StyleFigures(
        pictures="published test pictures",
        accuracy=Figure.share(count),
        recall={style: Figure.share(found) for style, found in zip(STYLES, each, strict=True)},
        mean_recall=Figure.mean_share(each),
        ece=0.031,
        macro_f1=correct / total - 0.01,
    )
    others = OpenSetFigures(
        pictures="paintings of other styles by artists not trained on",
        called_a_style=Figure.share(bundle.Count(correct=16, total=100)),
        refused=Figure.share(bundle.Count(correct=84, total=100)),
        accepted=Figure.share(bundle.Count(correct=70, total=100)),
        auroc=Figure.auroc(0.876, 100, 100),
        fpr95=0.5,
    )
    difference = {}
    if reference is not None:
        mine, theirs = np.arange(total) < correct, np.arange(total) < reference
        difference = {"published_test.accuracy": Difference.paired(mine, theirs)}
    return FileAccuracy(
        published_test=styles,
        unseen_artists=styles,
        other_styles=others,
        photographs=None,
        photographs_all=None,
        agreement=None if reference is None else Figure.share(bundle.Count(correct=total - 2, total=total)),
        logits_max_difference=None if reference is None else 0.25,
        difference_to_fp32=difference,
    )


def accuracy(**correct: int) -> dict[str, FileAccuracy]:
    """Of the rows of `rows`; by ``fp32``, ``fp16``, ``int8``, ``openvino`` and ``peer``, other right answers of 230."""
    return {
        f"{file} | {runtime}": figures(correct.get(name, _FILES[file][1]), reference=None if file == FP32 else 220)
        for name, file, runtime in (
            ("fp32", FP32, ORT),
            ("fp16", FP16, ORT),
            ("int8", INT8, ORT),
            ("openvino", INT8, OPENVINO),
            ("peer", PEER, OPENVINO),
        )
    }


def files() -> tuple[Measured, ...]:
    """Those of `report`."""
    return tuple(
        Measured(
            name=name,
            bundle="drawn",
            format="openvino" if name == PEER else "onnx",
            precision="int8" if name == PEER else name.split(".")[1],
            size_bytes=size_bytes,
            input_size=200,
            peer="what OpenVINO's own tool makes of the float file" if name == PEER else "",
            note="calibrated with 300 pictures" if name == PEER else "",
            multiply_accumulates=385_000_000,
        )
        for name, (size_bytes, _) in _FILES.items()
    )


def quantiles(p50_ms: float) -> Quantiles:
    """p90 and p99 lie 10 % and 40 % above."""
    return Quantiles(samples=500, p50_ms=p50_ms, p90_ms=1.1 * p50_ms, p99_ms=1.4 * p50_ms)


def steady() -> Steady:
    """A kiosk before a camera."""
    steps = {"locate": 4.0, "rectify": 0.8, "quality": 0.6, "classify": 2.6, "total": 8.2}
    return Steady(
        seconds=5.0,
        frames=150,
        looks=140,
        delay=quantiles(9.4),
        longest_ms=21.0,
        first_half_p50_ms=9.4,
        second_half_p50_ms=9.4,
        steps={step: quantiles(p50_ms) for step, p50_ms in steps.items()},
        bare=quantiles(2.0),
        kiosk_cpu_share=0.2,
        capture_cpu_share=0.03,
        kiosk_rss_bytes=200_000_000,
        capture_rss_bytes=150_000_000,
    )


def serving() -> Serving:
    """The API under the load of one and four users."""
    level = Level(
        users=1,
        seconds=5.0,
        requests=250,
        requests_per_s=50.0,
        latency=quantiles(20.0),
        steps={"decode": quantiles(8.0)},
        statuses={"recognised": 250},
        failures={},
        kiosk_cores=0.9,
        crowd_cores=0.1,
    )
    more = level.model_copy(update={"users": 4, "latency": quantiles(70.0), "failures": {"503": 2}})
    return Serving(
        precision="int8",
        threads=2,
        settings={"locate": "auto"},
        pictures=6,
        picture_bytes=400_000,
        bare=quantiles(2.0),
        alone=(level, more),
        watching=(),
    )


def report(**changes: Any) -> Report:
    """One in which int8 with two threads is to be deployed; `changes` replace its fields."""
    found = Report(
        machine=machine(),
        before=state(),
        after=state(),
        unquiet=(),
        length=LENGTHS["test"],
        seed=1,
        loadgen="6.0.17",
        seconds=123.0,
        bundles=(
            BundleFacts(
                name="drawn",
                folder="models/drawn",
                recipe="drawn",
                created="2026-01-01T00:00:00Z",
                input_size=200,
                styles=STYLES,
                files=tuple(
                    BundleFile(path=name, precision=name.split(".")[1], size_bytes=_FILES[name][0], sha256=f"{n}" * 64)
                    for n, name in enumerate((FP32, FP16, INT8))
                ),
            ),
        ),
        files=files(),
        rows=rows(),
        reference=f"{FP32} | {ORT} | 1",
        refused={"LiteRT": "not installed (pip install ai-edge-litert)"},
        floors=(
            Floor(precision="fp32", threads=1, gmacs_per_s=60.0, how="a matrix product"),
            Floor(precision="fp32", threads=2, gmacs_per_s=118.0, how="a matrix product"),
            Floor(precision="int8", threads=1, gmacs_per_s=200.0, how="a matrix product"),
            Floor(precision="int8", threads=2, gmacs_per_s=390.0, how="a matrix product"),
        ),
        energy="no meter of energy can be read here",
        pictures={
            "drawn": Pictures(
                folders=("paintings",),
                published_test=230,
                published_test_listed=230,
                unseen_artists=230,
                other_styles=100,
                trained_not_scored=1000,
                ambiguous_not_scored=3,
                skipped=("paintings/broken.jpg: not readable",),
            )
        },
        photographs=PhotographCounts(folder="photos", unseen=73, seen=100, skipped=()),
        accuracy=accuracy(),
        recorded_hold_outs={},
        pipeline=steady(),
        serving=serving(),
        recommendation=Recommendation(
            file=INT8,
            runtime=ORT,
            precision="int8",
            threads=2,
            sentence=f"Deploy {INT8} with 2 threads ({ORT}): 2.4 ms at p90, 0.9 points under float.",
        ),
        notes=("no accuracy on photographs: none were named",),
        contradictions=(),
    )
    return found.model_copy(update=changes)
