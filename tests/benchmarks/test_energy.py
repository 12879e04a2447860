"""Meters of made-up machines: files as Linux has them, and a command that prints what a Raspberry Pi's prints."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from benchmarks import energy
from benchmarks.energy import EnergyError, EnergyMeter, Used

PMIC = """
   3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
   3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.80000000V
   EXT5V_V volt(24)=5.11000000V
   BATT_V volt(25)=0.00000000V
"""


def package(root: Path, number: int, energy_uj: object, name: str = "", range_uj: int = 1_000_000) -> Path:
    folder = root / f"sys/class/powercap/intel-rapl:{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name or f'package-{number}'}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder / "energy_uj"


def rails(root: Path, **milli: tuple[int, int]) -> dict[str, Path]:
    """An INA3221 with these rails: millivolts and milliamperes. Gives the files of the currents."""
    folder = root / "sys/class/hwmon/hwmon3"
    folder.mkdir(parents=True)
    (folder / "name").write_text("ina3221\n")
    for channel, (name, (millivolts, milliamperes)) in enumerate(milli.items(), 1):
        (folder / f"in{channel}_label").write_text(f"{name}\n")
        (folder / f"in{channel}_input").write_text(f"{millivolts}\n")
        (folder / f"curr{channel}_input").write_text(f"{milliamperes}\n")
    (folder / "in7_label").write_text("sum of shunt voltages\n")
    (folder / "in7_input").write_text("1\n")
    return {name: folder / f"curr{channel}_input" for channel, name in enumerate(milli, 1)}


@pytest.fixture
def raspberry_pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command whose answer is the text of the file that is returned."""
    folder = tmp_path / "bin"
    folder.mkdir()
    answer = tmp_path / "answer"
    answer.write_text(PMIC)
    script = folder / "vcgencmd"
    script.write_text(f'#!/bin/sh\n[ "$1" = pmic_read_adc ] && cat {answer}\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return answer


@pytest.fixture
def each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever a meter looks at it."""
    clock = itertools.count(100.0)
    monkeypatch.setattr(energy.time, "monotonic", lambda: next(clock))


def found(root: Path) -> EnergyMeter:
    meter = EnergyMeter.find(root)
    assert meter is not None and EnergyMeter.absence(root) == ""
    return meter


@pytest.mark.parametrize(
    ("sentence", "before_uj", "after_uj", "joules"),
    [
        ("the counter went on", 100_000, 600_000, 0.5),
        ("it began anew", 900_000, 100_000, 0.2),
        ("nothing was used", 5, 5, 0.0),
    ],
)
def test_rapl_counts(sentence: str, before_uj: int, after_uj: int, joules: float, tmp_path: Path) -> None:
    package(tmp_path, 0, before_uj)
    meter = found(tmp_path)
    with meter.measure() as used:
        package(tmp_path, 0, after_uj)
    assert used.joules == pytest.approx(joules), sentence
    assert used.seconds > 0
    assert meter.source == "RAPL, 1 package"


def test_packages_are_added_up_and_nothing_counts_twice(tmp_path: Path) -> None:
    for number, name in enumerate(("", "", "psys")):
        package(tmp_path, number, 0, name)
    core = tmp_path / "sys/class/powercap/intel-rapl:0:0"
    core.mkdir()
    (core / "name").write_text("core\n")
    (core / "energy_uj").write_text("0\n")
    meter = found(tmp_path)
    with meter.measure() as used:
        package(tmp_path, 0, 300_000)
        package(tmp_path, 1, 200_000)
        package(tmp_path, 2, 900_000, "psys")
    assert used.joules == pytest.approx(0.5)
    assert meter.source == "RAPL, 2 packages"


def test_a_counter_that_begins_anew_twice_is_watched(tmp_path: Path) -> None:
    package(tmp_path, 0, 0)
    meter = found(tmp_path)
    read = []
    for energy_uj in (600_000, 200_000, 800_000, 400_000):
        package(tmp_path, 0, energy_uj)
        read.append(meter.read_joules())
    assert read == pytest.approx([0.6, 1.2, 1.8, 2.4])


def test_a_counter_of_root_alone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = package(tmp_path, 0, 0)
    # Root, who may run this test, is refused nothing by the mode of a file; that of a folder's entry it is.
    file.unlink()
    file.mkdir()
    assert EnergyMeter.find(tmp_path) is None
    reason = EnergyMeter.absence(tmp_path)
    assert "only root may read" in reason and f"sudo chmod a+r {file}" in reason and "\n" not in reason


def test_a_counter_that_goes_is_an_error(tmp_path: Path) -> None:
    file = package(tmp_path, 0, 0)
    meter = found(tmp_path)
    with pytest.raises(EnergyError, match="cannot be read"), meter.measure():
        file.unlink()


@pytest.mark.parametrize(
    ("sentence", "milli", "watts", "source"),
    [
        (
            "a rail that carries all others is taken alone",
            {"VDD_IN": (5000, 1000), "VDD_CPU_GPU_CV": (5000, 600)},
            5.0,
            "VDD_IN",
        ),
        ("else all are added up", {"VDD_GPU_SOC": (10000, 300), "VDD_CPU_CV": (5000, 200)}, 4.0, "GPU_SOC + VDD_CPU"),
        ("what is not connected has no power", {"NC": (5000, 9999), "VDD_CPU_CV": (5000, 200)}, 1.0, "VDD_CPU_CV"),
    ],
)
@pytest.mark.usefixtures("each_second")
def test_a_jetsons_rails_are_sampled(
    sentence: str, milli: dict[str, tuple[int, int]], watts: float, source: str, tmp_path: Path
) -> None:
    rails(tmp_path, **milli)
    meter = found(tmp_path)
    assert source in meter.source, sentence
    assert [meter.read_joules() for _ in range(3)] == pytest.approx([0.0, watts, 2 * watts]), sentence


@pytest.mark.usefixtures("each_second")
def test_samples_are_joined_by_straight_lines(tmp_path: Path) -> None:
    current = rails(tmp_path, VDD_IN=(1000, 1000))["VDD_IN"]
    meter = found(tmp_path)
    assert meter.read_joules() == 0
    current.write_text("3000")
    assert meter.read_joules() == pytest.approx(2.0)


def test_samples_are_taken_while_something_else_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy.Ina3221, "interval_s", 0.001)
    current = rails(tmp_path, VDD_IN=(1000, 1000))["VDD_IN"]
    meter = found(tmp_path)
    with meter.measure() as used:
        energy.time.sleep(0.05)
    assert used.watts == pytest.approx(1.0, rel=0.01)
    with pytest.raises(EnergyError, match="rail VDD_IN"), meter.measure():
        current.unlink()
        energy.time.sleep(0.05)


@pytest.mark.usefixtures("each_second")
def test_a_raspberry_pis_rails_are_added_up(raspberry_pi: Path, tmp_path: Path) -> None:
    meter = found(tmp_path)
    assert "Raspberry Pi 5" in meter.source
    meter.read_joules()
    assert meter.read_joules() == pytest.approx(0.1 * 3.7 + 2.0 * 0.8), "rails without a current are left out"
    raspberry_pi.write_text("")
    with pytest.raises(EnergyError, match="no longer answers"):
        meter.read_joules()


def test_an_older_raspberry_pi_has_no_meter(raspberry_pi: Path, tmp_path: Path) -> None:
    raspberry_pi.write_text('error=2 error_msg="Invalid arguments"')
    assert EnergyMeter.find(tmp_path) is None


def test_without_a_meter_the_reason_is_told(tmp_path: Path) -> None:
    assert EnergyMeter.find(tmp_path) is None
    assert "no meter" in EnergyMeter.absence(tmp_path)


def test_no_time_is_no_power() -> None:
    assert Used().watts == 0
