"""Energy that a machine used between two moments, from its own meters, where it has any.

Three kinds, of which the first that answers is taken:

- RAPL: counters of energy of Intel's and AMD's processors, all packages added up (Linux, Documentation/power/powercap).
  It is the processor alone: not memory, disk, fans or what the power supply loses.
- INA3221 of NVIDIA's Jetson boards: voltage and current, sampled (Linux, Documentation/hwmon/ina3221). The whole
  module where a rail of that name is there (``VDD_IN``), else the sum of the rails.
- The power chip of a Raspberry Pi 5, sampled through ``vcgencmd pmic_read_adc``: the sum of its rails. What USB
  devices take, and what is lost on the way from the plug, is not in it.

All of it counts whatever else the machine does meanwhile; see `benchmarks.machine.warnings`.

Not verified on hardware: none of the three. The machine on which this was written has no meter, so that the tests hold
what the documentation of Linux and of Raspberry Pi says, in made-up files and with a made-up command.

Why none of the libraries: codecarbon estimates by tables where it cannot measure, which must not stand beside
measurements; zeus knows no Raspberry Pi, and would bring GPU libraries along.
"""

from __future__ import annotations

import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import BenchmarkError
from benchmarks.machine import answer_of, read_text

# Seconds between two looks. Counters are looked at so that none overflows twice unseen: the smallest range is 65 kJ,
# four minutes of a large server's package. Samples are as dense as they may be without being work themselves: two
# small files, or a process to be started.
_COUNTER_S, _FILE_S, _COMMAND_S = 30.0, 0.1, 0.5

# Rails of a Jetson that carry all the others.
_WHOLE_MODULE = ("VDD_IN", "POM_5V_IN")

# As in ``   3V7_WL_SW_A current(0)=0.00390372A`` and ``3V7_WL_SW_V volt(8)=3.68868500V``.
_PI_READING = re.compile(r"(\w+)_[AV] (current|volt)\(\d+\)=([\d.]+)[AV]")


class EnergyError(BenchmarkError):
    """A meter no longer answers; the message is one line."""


@dataclass
class Used:
    """What was used; complete when the measurement has ended."""

    joules: float = 0.0
    seconds: float = 0.0

    @property
    def watts(self) -> float:
        """On average; 0 where no time has passed."""
        return self.joules / self.seconds if self.seconds else 0.0


class EnergyMeter(ABC):
    """A meter of this machine.

    Use it as ``with meter.measure() as used: ...`` and read ``used.joules`` thereafter; one measurement at a time.
    """

    source: str
    """Which meter it is, in words."""
    interval_s: float
    """Between two looks while measuring."""

    @classmethod
    def find(cls, root: Path = Path("/")) -> EnergyMeter | None:
        """The meter of this machine, whose files are below `root`; None where there is none that may be read, for the
        reason that `absence` gives."""
        return _search(root)[0]

    @staticmethod
    def absence(root: Path = Path("/")) -> str:
        """Why `find` gives None, as one line with the way out if there is one; empty where it finds a meter."""
        return _search(root)[1]

    @abstractmethod
    def read_joules(self) -> float:
        """Joules used since the meter was made. Raises `EnergyError`.

        A sampled meter takes the mean of this sample and the last for the time between the two.
        """

    @contextmanager
    def measure(self) -> Iterator[Used]:
        """Measure what is used until the context ends; raises `EnergyError` there if the meter failed."""
        used = Used()
        end = threading.Event()
        failed: list[EnergyError] = []

        def watch() -> None:
            try:
                while not end.wait(self.interval_s):
                    self.read_joules()
            except EnergyError as error:
                failed.append(error)

        before, started = self.read_joules(), time.monotonic()
        watching = threading.Thread(target=watch, name="energy", daemon=True)
        watching.start()
        try:
            yield used
        finally:
            end.set()
            watching.join()
        if failed:
            raise failed[0]
        used.joules, used.seconds = self.read_joules() - before, time.monotonic() - started


@dataclass
class _Domain:
    """One counter of RAPL, in microjoules."""

    file: Path
    range_uj: int
    """The counter is always below this, and begins anew."""
    last_uj: int = 0

    def advance_uj(self) -> int:
        """What was used since the last look."""
        now_uj = self.read_uj()
        used_uj, self.last_uj = (now_uj - self.last_uj) % self.range_uj, now_uj
        return used_uj

    def read_uj(self) -> int:
        try:
            return int(self.file.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise EnergyError(f"{self.file} cannot be read: {error}") from error


class Rapl(EnergyMeter):
    """Counters of the processor's packages."""

    interval_s = _COUNTER_S

    def __init__(self, domains: list[_Domain]) -> None:
        self.source = f"RAPL, {len(domains)} package{'s' if len(domains) > 1 else ''}"
        self._domains = domains
        self._joules = 0.0
        for domain in domains:
            domain.last_uj = domain.read_uj()

    def read_joules(self) -> float:
        """Of all packages, since the meter was made."""
        self._joules += sum(domain.advance_uj() for domain in self._domains) / 1e6
        return self._joules


@dataclass
class Sampled(EnergyMeter):
    """A meter that tells watts, not joules: they are added up over time by the trapezoidal rule."""

    source: str = field(init=False)
    _joules: float = field(init=False, default=0.0)
    _last: tuple[float, float] | None = field(init=False, default=None)

    @abstractmethod
    def read_watts(self) -> float:
        """Watts at this moment. Raises `EnergyError`."""

    def read_joules(self) -> float:
        """Since the first sample."""
        watts, now_s = self.read_watts(), time.monotonic()
        if self._last is not None:
            then_s, then_watts = self._last
            self._joules += (now_s - then_s) * (watts + then_watts) / 2
        self._last = now_s, watts
        return self._joules


@dataclass
class Ina3221(Sampled):
    """Rails of a Jetson: files in millivolts and milliamperes."""

    rails: dict[str, tuple[Path, Path]]
    interval_s = _FILE_S

    def __post_init__(self) -> None:
        self.source = f"INA3221 of the Jetson, {' + '.join(self.rails)}"

    def read_watts(self) -> float:
        """Of the rails together."""
        watts = 0.0
        for name, (volts, amperes) in self.rails.items():
            try:
                watts += int(volts.read_text(encoding="ascii")) * int(amperes.read_text(encoding="ascii")) / 1e6
            except (OSError, ValueError) as error:
                raise EnergyError(f"rail {name} of the Jetson cannot be read: {error}") from error
        return watts


@dataclass
class RaspberryPi(Sampled):
    """The power chip of a Raspberry Pi 5."""

    interval_s = _COMMAND_S

    def __post_init__(self) -> None:
        self.source = "power chip of the Raspberry Pi 5, sum of its rails (without USB and losses before it)"

    def read_watts(self) -> float:
        """Of all rails whose current is measured."""
        watts = _pi_watts()
        if watts is None:
            raise EnergyError("vcgencmd pmic_read_adc no longer answers")
        return watts


def _search(root: Path) -> tuple[EnergyMeter | None, str]:
    """A meter and no reason, or no meter and the reason."""
    domains, locked = [], []
    for folder in sorted((root / "sys/class/powercap").glob("intel-rapl:*")):
        # Also AMD's. Sub-domains (core, uncore, dram) and psys would count the same energy twice.
        if not (read_text(folder / "name") or "").startswith("package"):
            continue
        energy, range_uj = read_text(folder / "energy_uj"), read_text(folder / "max_energy_range_uj")
        if energy is None:
            locked.append(folder / "energy_uj")
        elif energy.isdecimal() and range_uj and range_uj.isdecimal() and int(range_uj):
            domains.append(_Domain(folder / "energy_uj", int(range_uj)))
    if locked:
        # Since a password can be guessed from it (CVE-2020-8694), the counter is root's alone.
        return None, (
            f"only root may read {locked[0]}; run as root, or until the next start:"
            f" sudo chmod a+r {' '.join(map(str, locked))}"
        )
    if domains:
        return Rapl(domains), ""
    if rails := _jetson_rails(root):
        return Ina3221(rails), ""
    if _pi_watts() is not None:
        return RaspberryPi(), ""
    return None, "this machine has no meter that is known here (RAPL, INA3221 of a Jetson, Raspberry Pi 5)"


def _jetson_rails(root: Path) -> dict[str, tuple[Path, Path]]:
    """Files of voltage and current by the rail's name."""
    rails = {}
    for folder in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if read_text(folder / "name") != "ina3221":
            continue
        for channel in (1, 2, 3):  # the higher ones are sums and the shunts
            label = read_text(folder / f"in{channel}_label")
            volts, amperes = folder / f"in{channel}_input", folder / f"curr{channel}_input"
            if label and label != "NC" and read_text(volts) and read_text(amperes):
                rails[label] = volts, amperes
    whole = next((name for name in _WHOLE_MODULE if name in rails), None)
    return {whole: rails[whole]} if whole else rails


def _pi_watts() -> float | None:
    """None where the command, or this one of its answers, is missing."""
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for rail, kind, value in _PI_READING.findall(answer_of("vcgencmd", "pmic_read_adc") or ""):
        (amperes if kind == "current" else volts)[rail] = float(value)
    rails = amperes.keys() & volts.keys()  # some are measured in volts alone
    return sum(amperes[rail] * volts[rail] for rail in rails) if rails else None
