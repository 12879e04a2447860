"""What a machine says of itself, from a made-up system, and what is made of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from benchmarks.machine import Machine, State, Ticks, versions, warnings

Command = Callable[[str, str], None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Put a command on the path that prints a text."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def write(name: str, prints: str) -> None:
        script = folder / name
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\n")
        script.chmod(0o755)

    return write


def tree(root: Path, **files: str) -> Path:
    """Files below ``sys/devices/system/cpu``; ``__`` stands for a slash."""
    for name, content in files.items():
        path = root / "sys/devices/system/cpu" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


def state(**fields: Any) -> State:
    """A quiet machine, but for `fields`; ``at_s``, ``busy_s``, ``own_s``, ``stolen_s`` are those of its ticks."""
    ticks = {"at_s": 0.0, "busy_s": 0.0, "own_s": 0.0, "stolen_s": 0.0, "passed_s": 0.0}
    ticks |= {name: fields.pop(name) for name in tuple(fields) if name in ticks}
    quiet: dict[str, Any] = dict.fromkeys(State.model_fields)
    quiet |= {"governors": (), "others_cores": 0.0, "steal_share": 0.0}
    quiet |= {"memory_available_bytes": 1, "swap_used_bytes": 0, "ticks": Ticks.model_validate(ticks)}
    return State.model_validate(quiet | fields)


def test_this_machine_describes_itself() -> None:
    machine = Machine.here()
    assert machine.versions["onnxruntime"] == machine.onnxruntime
    assert machine.usable_cores >= 1 and machine.memory_bytes > 0


def test_versions_are_told_without_imports() -> None:
    code = "import sys; from benchmarks.machine import versions; versions(); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert versions()["onnxruntime"]


def test_this_machine_has_a_state() -> None:
    now = State.here(sample_s=0.1)
    assert 0 <= now.others_cores <= 2 * (os.cpu_count() or 1)
    assert 0 <= now.steal_share <= 1
    assert now.memory_available_bytes > 0 and now.ticks.busy_s > 0


def test_our_own_work_is_not_others() -> None:
    before = Ticks.now()
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
    sum(range(10_000_000))
    after = Ticks.now()
    assert after.own_s > before.own_s + 0.05, "also of a process that has ended"


def test_others_and_steal_are_differences() -> None:
    before = Ticks(at_s=10, busy_s=100, own_s=5, stolen_s=1, passed_s=1000)
    after = Ticks(at_s=14, busy_s=106, own_s=9, stolen_s=1.8, passed_s=1008)
    assert after.others_cores(before) == pytest.approx(0.5)
    assert after.steal_share(before) == pytest.approx(0.1)
    assert before.others_cores(before) == before.steal_share(before) == 0, "no time has passed"


@pytest.mark.parametrize(
    ("sentence", "files", "governors", "throttle_events"),
    [
        ("nothing is told", {}, (), None),
        (
            "each governor counts once",
            {
                "cpu0__cpufreq__scaling_governor": "schedutil",
                "cpu1__cpufreq__scaling_governor": "performance",
                "cpu10__cpufreq__scaling_governor": "schedutil",
            },
            ("performance", "schedutil"),
            None,
        ),
        (
            "cores are added up, their common package counts once",
            {
                "cpu0__thermal_throttle__core_throttle_count": "2",
                "cpu1__thermal_throttle__core_throttle_count": "3",
                "cpu0__thermal_throttle__package_throttle_count": "7",
                "cpu1__thermal_throttle__package_throttle_count": "7",
            },
            (),
            12,
        ),
        ("nonsense is nothing", {"cpu0__thermal_throttle__core_throttle_count": "many"}, (), None),
    ],
)
def test_the_kernel_tells(
    sentence: str, files: dict[str, str], governors: tuple[str, ...], throttle_events: int | None, tmp_path: Path
) -> None:
    told = State.here(0.0, tree(tmp_path, **files))
    assert (told.governors, told.throttle_events) == (governors, throttle_events), sentence


@pytest.mark.parametrize(
    ("sentence", "says", "throttled"),
    [
        ("all is well", "throttled=0x0", ()),
        ("now and since the start", "throttled=0x50005", ("under-voltage", "throttled", *(
            "under-voltage since start", "throttled since start"))),
        ("only earlier", "throttled=0x80000", ("soft temperature limit since start",)),
        ("no such answer", "Command not registered", None),
    ],
)  # fmt: skip
def test_a_raspberry_pi_tells(
    sentence: str, says: str, throttled: tuple[str, ...] | None, command: Command, tmp_path: Path
) -> None:
    command("vcgencmd", says)
    assert State.here(0.0, tmp_path).pi_throttled == throttled, sentence


def test_a_jetson_tells(command: Command, tmp_path: Path) -> None:
    command("nvpmodel", "NV Power Mode: 15W\n0")
    assert State.here(0.0, tmp_path).power_mode == "15W"


@pytest.mark.parametrize(
    ("sentence", "sensors", "celsius"),
    [
        ("no sensor", {}, None),
        ("the hottest of the processor", {"coretemp": [50.0, 61.0], "nvme": [70.0]}, 61.0),
        ("what cannot be is left out", {"k10temp": [45.0, 127.8], "cpu_thermal": [-273.0]}, 45.0),
        ("the board where there is no better", {"acpitz": [40.0], "nvme": [70.0]}, 40.0),
        ("the processor is better than the board", {"acpitz": [90.0], "cpu_thermal": [40.0]}, 40.0),
        ("a disk is no processor", {"nvme": [70.0]}, None),
    ],
)
def test_the_temperature_is_the_processors(
    sentence: str, sensors: dict[str, list[float]], celsius: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {name: [SimpleNamespace(current=value) for value in values] for name, values in sensors.items()}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: said, raising=False)
    assert State.here(0.0).temperature_celsius == celsius, sentence


def test_a_virtual_machines_limits_of_the_clock_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_freq", lambda: SimpleNamespace(current=2596.0, min=0.0, max=0.0))
    here = State.here(0.0)
    assert (here.clock_mhz, here.clock_min_mhz, here.clock_max_mhz) == (2596.0, None, None)


@pytest.mark.parametrize(
    ("sentence", "before", "after", "words"),
    [
        ("a quiet machine", {}, {"at_s": 10.0, "passed_s": 20.0}, []),
        ("others worked during the run", {}, {"at_s": 10.0, "busy_s": 6.0, "own_s": 1.0}, ["0.50 of a core", "top"]),
        ("others worked before it", {"others_cores": 0.3}, {"at_s": 10.0}, ["0.30 of a core"]),
        ("we worked, nobody else", {}, {"at_s": 10.0, "busy_s": 20.0, "own_s": 19.9}, []),
        (
            "the governor saves power",
            {"governors": ("performance", "schedutil")},
            {},
            ["governor schedutil", "frequency-set -g performance"],
        ),
        ("the clock is held up", {"governors": ("performance",)}, {"governors": ("performance",)}, []),
        ("heat during the run", {"throttle_events": 5}, {"throttle_events": 8}, ["3 times", "cool it"]),
        ("heat long ago", {"throttle_events": 5}, {"throttle_events": 5}, []),
        ("a weak supply", {"pi_throttled": ()}, {"pi_throttled": ("under-voltage",)}, ["under-voltage; use the power"]),
        (
            "between the two looks",
            {"pi_throttled": ()},
            {"pi_throttled": ("throttled since start",)},
            ["reports: throttled; cool"],
        ),
        (
            "long ago",
            {"pi_throttled": ("throttled since start",)},
            {"pi_throttled": ("throttled since start",)},
            [],
        ),
        ("a Jetson that saves power", {}, {"power_mode": "15W"}, ["15W", "nvpmodel -m 0"]),
        ("a Jetson at full speed", {}, {"power_mode": "MAXN_SUPER"}, []),
        (
            "a busy neighbour",
            {},
            {"at_s": 10.0, "stolen_s": 1.0, "passed_s": 20.0},
            ["5.0% of the processor's time", "of its own"],
        ),
        ("hot", {"temperature_celsius": 50.0}, {"temperature_celsius": 91.2}, ["91 degrees"]),
        ("warm", {"temperature_celsius": 50.0}, {"temperature_celsius": 70.0}, []),
        ("unplugged", {"on_battery": True}, {"on_battery": False}, ["battery", "plug it in"]),
    ],
)
def test_warnings(sentence: str, before: dict[str, Any], after: dict[str, Any], words: list[str]) -> None:
    lines = warnings(state(**before), state(**after))
    assert len(lines) == bool(words), sentence
    assert all(word in lines[0] for word in words), sentence
    assert all("\n" not in line for line in lines), sentence
