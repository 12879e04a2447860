"""What counts as a change between two reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import storage
from benchmarks.__main__ import main
from benchmarks.comparison import ComparisonError, compare
from benchmarks.latency import Row
from benchmarks.machine import Ticks
from tests.benchmarks.reports import (
    FP32,
    INT8,
    ORT,
    accuracy,
    files,
    machine,
    report,
    row,
    rows,
    state,
)

_NOISY = ("other processes kept 0.50 of a core busy",)
_FASTER = machine(cpu="Drawn CPU 4000")
_NEWER = machine(versions={"onnxruntime": "1.30.0", "openvino": "2026.4.1"})
_INT8 = f"{INT8} | {ORT} | 2"


def changed(key: str, **changes: Any) -> tuple[Row, ...]:
    return tuple(each.model_copy(update=changes) if each.key == key else each for each in rows())


def without(file: str) -> tuple[Row, ...]:
    return tuple(each for each in rows() if each.file != file)


def late(key: str, times: float) -> tuple[Row, ...]:
    """A row with a longer tail and the same median."""
    single = next(each for each in rows() if each.key == key).single_stream
    tail = {name: times * getattr(single, name) for name in ("p90_ms", "p90_early_stopping_ms")}
    return changed(key, single_stream=single.model_copy(update=tail))


# Others kept one of two cores busy for the minute between the two states.
_BUSY = state(ticks=Ticks(at_s=61.0, busy_s=91.0, own_s=31.0, stolen_s=0.0, passed_s=122.0))
_ALL = {"fp32": 1.5, "fp16": 1.5, "int8": 1.5, "openvino": 1.5, "peer": 1.5}

_CASES: list[tuple[str, dict[str, Any], dict[str, Any], int, str]] = [
    ("a report and itself", {}, {}, 0, "Nothing changed beyond noise."),
    ("slower beyond noise", {}, {"rows": rows(int8=1.2)}, 1, f"WORSE: {_INT8}: p50"),
    ("slower beyond noise, at the 90th percentile alone", {}, {"rows": late(_INT8, 1.3)}, 1, f"WORSE: {_INT8}: p90"),
    ("slower, but less than counts", {}, {"rows": rows(int8=1.03)}, 0, "Nothing changed beyond noise."),
    ("quicker", {}, {"rows": rows(int8=0.8)}, 0, f"better: {_INT8}: p50"),
    ("all slower on a quiet machine", {}, {"rows": rows(**_ALL)}, 1, "WORSE"),
    ("all slower on a noisy one", {}, {"rows": rows(**_ALL), "unquiet": _NOISY}, 0, "not quiet in the second report"),
    ("one slower on a noisy machine", {}, {"rows": rows(int8=1.2), "unquiet": _NOISY}, 1, f"WORSE: {_INT8}: ratio"),
    ("one slower on a machine that had no time for it", {}, {"rows": rows(int8=2.0), "unquiet": _NOISY, "after": _BUSY},
     0, "No latency was judged."),
    ("another machine, slower alike", {}, {"rows": rows(**_ALL), "machine": _FASTER}, 0, "these are two machines"),
    ("another machine, int8 is no gain there", {}, {"rows": rows(int8=2.0), "machine": _FASTER}, 1, f"{_INT8}: ratio"),
    ("other cores", {}, {"machine": machine(usable_cores=4)}, 0, "usable cores 2, then 4"),
    ("another version", {}, {"machine": _NEWER}, 0, "versions changed: onnxruntime 1.29.0, then 1.30.0"),
    ("another machine without a reference", {"reference": None}, {"machine": _FASTER}, 0, "no latency is judged"),
    ("another length", {}, {"length": report().length.model_copy(update={"name": "full"})}, 0, "lengths differ"),
    ("lost accuracy", {}, {"accuracy": accuracy(int8=210)}, 1, "published test, top-1 94.8 to 91.3 %"),
    ("one picture more or less", {}, {"accuracy": accuracy(int8=217)}, 0, "Nothing changed beyond noise."),
    ("less accuracy by other versions, within noise", {}, {"accuracy": accuracy(int8=212), "machine": _NEWER}, 0,
      "differs: model.int8.onnx | onnxruntime CPU: published test, top-1"),
    ("much less accuracy by other versions", {}, {"accuracy": accuracy(int8=150), "machine": _NEWER}, 1, "WORSE"),
    ("other sets", {}, {"accuracy": {f"{INT8} | {ORT}": accuracy()[f"{INT8} | {ORT}"].model_copy(
        update={"published_test": None, "unseen_artists": None})}}, 0, "Nothing changed beyond noise."),
    ("accuracy in one alone", {}, {"accuracy": {}}, 0, "accuracy: only the first report has any"),
    ("a row gone that was not tried", {}, {"rows": without(INT8)}, 0, f"gone: {_INT8} (it was not tried)"),
    ("a row gone that failed", {}, {"rows": without(INT8), "refused": {f"{INT8} in {ORT}, 2 threads": "it crashed"}},
     1, f"WORSE: {_INT8}: could not be timed any more: it crashed"),
    ("a row that came", {"rows": without(INT8)}, {}, 0, f"new: {_INT8}"),
    ("a runtime gone", {}, {"rows": tuple(r for r in rows() if r.runtime == ORT), "refused": {"OpenVINO": "gone"}},
     1, "could not be timed any more: gone"),
    ("more memory", {}, {"rows": changed(_INT8, peak_rss_bytes=120_000_000)}, 1, "peak memory 90 to 120 MB"),
    ("a little more memory", {}, {"rows": changed(_INT8, peak_rss_bytes=94_000_000)}, 0, "Nothing changed"),
    ("a long load", {}, {"rows": changed(_INT8, load_ms=120.0)}, 1, "load 50 to 120 ms"),
    ("a load that is longer by chance", {}, {"rows": changed(_INT8, load_ms=60.0)}, 0, "Nothing changed"),
    ("a larger file", {}, {"files": tuple(
        f.model_copy(update={"size_bytes": 5_000_000}) if f.name == INT8 else f for f in files())},
     1, "size 3.8 to 5 MB"),
    ("no recommendation any more", {}, {"recommendation": None}, 0, f"{INT8} in {ORT} with 2 threads was recommended"),
    ("a wrong claim", {}, {"contradictions": ("model.int8.onnx: measured 1/2",)}, 1, "a claim is wrong that was right"),
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Compare two files of reports, by the changes of each."""

    def run(before: dict[str, Any], after: dict[str, Any], *flags: str) -> tuple[int, str, str]:
        paths = [tmp_path / "a.json", tmp_path / "b.json"]
        for path, changes in zip(paths, (before, after), strict=True):
            storage.write(report(**changes), path)
        code = main(["compare", *map(str, paths), *flags])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.mark.parametrize(("sentence", "before", "after", "code", "says"), _CASES, ids=[case[0] for case in _CASES])
def test_compare(
    run: Callable[..., tuple[int, str, str]],
    sentence: str,
    before: dict[str, Any],
    after: dict[str, Any],
    code: int,
    says: str,
) -> None:
    found, out, err = run(before, after)
    assert (found, err) == (code, ""), out
    assert says in out


@pytest.mark.parametrize(
    ("sentence", "after", "first"),
    [
        ("milliseconds of the same", {}, False),
        ("ratios of other versions", {"machine": _NEWER}, True),
        ("ratios of another machine", {"machine": _FASTER}, True),
        ("ratios of a noisy one", {"unquiet": _NOISY}, True),
    ],
)
def test_ratios_lead_where_milliseconds_mislead(sentence: str, after: dict[str, Any], first: bool) -> None:
    assert compare(report(), report(**after)).ratios_first == first, sentence


def test_the_same_is_written_as_json(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    target = tmp_path / "changes.json"
    assert run({}, {"rows": rows(int8=1.2)}, "--json", str(target))[0] == 1
    found = json.loads(target.read_text())
    assert found["schema_version"] == 1 and found["judged"] == "times"
    assert len(found["worse"]) >= 2 and all(INT8 in line for line in found["worse"])
    assert {change["verdict"] for row in found["rows"] for change in row["changes"]} == {
        "same",
        "worse",
        "told",  # of the ratio, which does not count here
    }


def test_the_same_figures_with_wide_turns_are_noise() -> None:
    """The interval decides, not the share alone."""
    turns = (1.0, 3.0) * 8
    noisy = row(FP32, ORT, 1, 2.0)
    noisy = noisy.model_copy(update={"single_stream": noisy.single_stream.model_copy(update={"turns_p50_ms": turns})})
    slower = noisy.model_copy(update={"single_stream": noisy.single_stream.model_copy(update={"p50_ms": 2.4})})
    found = compare(report(rows=(noisy,), reference=None), report(rows=(slower,), reference=None))
    change = found.rows[0].change("p50")
    assert change is not None and change.verdict == "same" and change.interval is not None
    assert change.interval[0] < 1 < change.interval[1]


def test_a_slower_row_has_an_interval_around_the_truth() -> None:
    found = compare(report(), report(rows=rows(int8=1.2)))
    change = next(each for each in found.rows if each.key == _INT8).change("p50")
    assert change is not None and change.interval is not None
    assert change.interval[0] < 1.2 < change.interval[1] < 1.25 and change.interval[0] > 1.15


def test_reports_with_nothing_in_common_cannot_be_compared() -> None:
    with pytest.raises(ComparisonError, match="no row in common"):
        compare(report(rows=without(INT8)), report(rows=tuple(each for each in rows() if each.file == INT8)))


@pytest.mark.parametrize(
    ("sentence", "content"),
    [
        ("no JSON", "nothing"),
        ("cut off", '{"schema_version": 2, "machine": {'),
        ("another schema", '{"schema_version": 1}'),
        ("another kind of JSON", "[]"),
        ("not there", None),
    ],
)
def test_a_bad_file_is_one_line_and_2(
    sentence: str, content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    storage.write(report(), good)
    if content is not None:
        bad.write_text(content)
    for pair in ((good, bad), (bad, good)):
        assert main(["compare", *map(str, pair)]) == 2, sentence
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and str(bad) in err
