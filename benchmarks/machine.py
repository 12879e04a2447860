"""The machine that figures come from, and whether it was quiet: without both a latency says nothing."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
import time
import warnings as python_warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnxruntime as ort
import psutil
from pydantic import BaseModel, ConfigDict

from bundle.hardware import instruction_sets, processor_name

# What decides how fast int8 is: VNNI and AMX multiply bytes in one step; ASIMDDP is ARM's dot product.
FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "amx_tile", "asimddp", "i8mm")

# Packages that compute, convert or time networks: another version of one is another result.
PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "ai-edge-litert",
    "openvino",
    "nncf",
    "keras",
    "tensorflow",
    "torch",
    "mlcommons-loadgen",
)

# From here on `warnings` speaks. Others' work, in cores: below, it is what every idle system does.
MOST_OTHERS_CORES = 0.10
# Of the machine's processor time: below, ratios of medians do not show it.
MOST_STEAL_SHARE = 0.01
# Celsius. A Raspberry Pi slows down from 80 on, a laptop's processor at 95 to 105.
HOT_CELSIUS = 80.0
# Celsius that a sensor may show; some that are not connected say 127.8 or -273.
_SENSIBLE_CELSIUS = (1.0, 125.0)

# Parts of the names that sensors of the processor have in Linux: Intel's, AMD's, the boards'; and of the
# mainboard, which is asked where there is no better.
_CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu", "soc")
_BOARD_SENSORS = ("acpitz",)

# Bits of `vcgencmd get_throttled` (documentation of Raspberry Pi OS); sixteen higher: since the board started.
_PI_BITS = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
_PI_WAYS_OUT = {
    "under-voltage": "use the power supply that is made for the board",
    "clock capped": "use the power supply that is made for the board, and cool it",
    "throttled": "cool the board (a fan, a case with openings) and measure again",
    "soft temperature limit": "cool the board (a fan, a case with openings) and measure again",
}

_COMMAND_S = 5.0  # seconds that a vendor's command may take


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Part):
    """Description of a machine at the start of a measurement."""

    cpu: str
    architecture: str
    cores: int
    """Logical cores of the machine."""
    usable_cores: int
    """Those that this process may run on."""
    flags: dict[str, bool]
    """Instruction sets of `FLAGS`; those that the system does not report count as absent."""
    memory_bytes: int
    system: str
    python: str
    onnxruntime: str
    versions: dict[str, str]
    """Of those of `PACKAGES` that are installed."""
    load_average: tuple[float, float, float] | None
    """Over 1, 5 and 15 minutes; None where the system has none."""
    date: datetime.datetime

    @classmethod
    def here(cls) -> Machine:
        """This machine, now."""
        flags = instruction_sets()
        return cls(
            cpu=processor_name(),
            architecture=platform.machine(),
            cores=os.cpu_count() or 1,
            usable_cores=usable_cores(),
            flags={name: name in flags for name in FLAGS},
            memory_bytes=psutil.virtual_memory().total,
            system=platform.platform(),
            python=platform.python_version(),
            onnxruntime=ort.__version__,
            versions=versions(),
            load_average=_load_average(),
            date=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        )


class Ticks(_Part):
    """Counters that only grow, seconds; what happened between two moments is their difference."""

    at_s: float
    """On the clock of `time.monotonic`."""
    busy_s: float
    """Of all cores, by all processes."""
    own_s: float
    """Of all cores, by this process and those that it started, also those that have ended."""
    stolen_s: float
    """That a hypervisor gave to other machines while this one had work."""
    passed_s: float
    """Of all cores, whatever they did."""

    @classmethod
    def now(cls) -> Ticks:
        """The counters as they are."""
        own_s = _own_s()
        now = psutil.cpu_times()._asdict()
        busy_s = sum(now.get(name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        stolen_s = now.get("steal", 0.0)
        idle_s = now.get("idle", 0.0) + now.get("iowait", 0.0)
        return cls(
            at_s=time.monotonic(),
            busy_s=busy_s,
            own_s=own_s,
            stolen_s=stolen_s,
            passed_s=busy_s + stolen_s + idle_s,
        )

    def others_cores(self, earlier: Ticks) -> float:
        """Cores that processes other than ours kept busy since `earlier`, on average."""
        elapsed_s = self.at_s - earlier.at_s
        others_s = (self.busy_s - earlier.busy_s) - (self.own_s - earlier.own_s)
        return max(others_s, 0.0) / elapsed_s if elapsed_s > 0 else 0.0

    def steal_share(self, earlier: Ticks) -> float:
        """Share of all cores' time that was stolen since `earlier`, 0-1."""
        passed_s = self.passed_s - earlier.passed_s
        return max(self.stolen_s - earlier.stolen_s, 0.0) / passed_s if passed_s > 0 else 0.0


class State(_Part):
    """What a machine was doing at one moment. None stands for what the system does not tell."""

    governors: tuple[str, ...]
    """How Linux chooses the clock, each that some core has; empty where it does not say."""
    clock_mhz: float | None
    """Mean of the cores."""
    clock_min_mhz: float | None
    clock_max_mhz: float | None
    temperature_celsius: float | None
    """Of the processor's hottest sensor."""
    throttle_events: int | None
    """That the cores and the package have counted since the start, because of heat (Intel alone)."""
    pi_throttled: tuple[str, ...] | None
    """What slows a Raspberry Pi now, and what ("... since start") has; None on other machines."""
    power_mode: str | None
    """Of a Jetson, by ``nvpmodel``."""
    load_average: tuple[float, float, float] | None
    others_cores: float
    """Cores that processes other than ours kept busy over the sample: 0.5 is half a core."""
    steal_share: float
    """Of all cores' time, over the sample, 0-1."""
    memory_available_bytes: int
    swap_used_bytes: int
    on_battery: bool | None
    """None where there is no battery."""
    ticks: Ticks
    """At the end of the sample."""

    @classmethod
    def here(cls, sample_s: float = 1.0, root: Path = Path("/")) -> State:
        """This machine, watched for `sample_s` seconds, during which the caller should do nothing.

        Governors and throttling are read from ``sys`` in the folder `root`, all else from the system.
        """
        begin = Ticks.now()
        time.sleep(sample_s)
        end = Ticks.now()
        clock_mhz, clock_min_mhz, clock_max_mhz = _clocks_mhz()
        return cls(
            governors=_governors(root),
            clock_mhz=clock_mhz,
            clock_min_mhz=clock_min_mhz,
            clock_max_mhz=clock_max_mhz,
            temperature_celsius=_temperature_celsius(),
            throttle_events=_throttle_events(root),
            pi_throttled=_pi_throttled(),
            power_mode=_power_mode(),
            load_average=_load_average(),
            others_cores=end.others_cores(begin),
            steal_share=end.steal_share(begin),
            memory_available_bytes=psutil.virtual_memory().available,
            swap_used_bytes=_swap_used_bytes(),
            on_battery=_on_battery(),
            ticks=end,
        )


def warnings(before: State, after: State) -> tuple[str, ...]:
    """Why figures that were taken between two states of this process may be wrong: one plain line each, with the way
    out. Empty where the machine was quiet, as far as the system tells."""
    lines = []
    others_cores = max(after.ticks.others_cores(before.ticks), before.others_cores)
    if others_cores > MOST_OTHERS_CORES:
        lines.append(
            f"other processes kept {others_cores:.2f} of a core busy; end them (top shows them) and measure again"
        )
    slow = sorted({*before.governors, *after.governors} - {"performance"})
    if slow:
        lines.append(
            f"the clock follows the load (governor {', '.join(slow)}); hold it up while measuring:"
            " sudo cpupower frequency-set -g performance"
        )
    events = (after.throttle_events or 0) - (before.throttle_events or 0)
    if events > 0:
        lines.append(f"heat slowed the processor down {events} times; cool it or let it rest, and measure again")
    lines += _pi_warnings(before.pi_throttled or (), after.pi_throttled or ())
    if after.power_mode is not None and not after.power_mode.upper().startswith("MAXN"):
        lines.append(
            f"the Jetson's power mode is {after.power_mode}; for its full speed:"
            " sudo nvpmodel -m 0 && sudo jetson_clocks"
        )
    steal_share = after.ticks.steal_share(before.ticks)
    if steal_share > MOST_STEAL_SHARE:
        lines.append(
            f"the hypervisor gave {steal_share:.1%} of the processor's time to other machines;"
            " measure on a machine of its own"
        )
    hottest = max(each.temperature_celsius or 0.0 for each in (before, after))
    if hottest >= HOT_CELSIUS:
        lines.append(f"the processor had {hottest:.0f} degrees Celsius; cool it or let it rest, and measure again")
    if before.on_battery or after.on_battery:
        lines.append("the machine ran on its battery, which holds the clock down; plug it in and measure again")
    return tuple(lines)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Of those of `PACKAGES` that are installed; none is imported."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_text(path: Path) -> str | None:
    """What a file of the kernel says, without the line's end; None where it is missing or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return None


def answer_of(*command: str) -> str | None:
    """Standard output of a vendor's command; None where there is none, or it fails."""
    found = shutil.which(command[0])
    if found is None:
        return None
    try:
        done = subprocess.run(
            [found, *command[1:]], capture_output=True, text=True, errors="replace", timeout=_COMMAND_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _own_s() -> float:
    """Processor time of this process and its descendants. Who has ended and was waited for counts with its parent, so
    that this never shrinks."""
    this = psutil.Process()
    total_s = 0.0
    for process in (this, *this.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has ended meanwhile
            continue
        total_s += times.user + times.system + times.children_user + times.children_system
    return total_s


def _load_average() -> tuple[float, float, float] | None:
    return os.getloadavg() if hasattr(os, "getloadavg") else None


def _clocks_mhz() -> tuple[float | None, float | None, float | None]:
    """Now, least and most. Virtual machines say 0 for the limits."""
    try:
        clock = psutil.cpu_freq()
    except (AttributeError, NotImplementedError, OSError):  # as psutil says that the system has none
        return None, None, None
    if clock is None:
        return None, None, None
    return clock.current or None, clock.min or None, clock.max or None


def _temperature_celsius() -> float | None:
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    sensors = psutil.sensors_temperatures()
    low, high = _SENSIBLE_CELSIUS
    for kinds in (_CPU_SENSORS, _BOARD_SENSORS):
        shown = [
            reading.current
            for name, readings in sensors.items()
            if any(kind in name.lower() for kind in kinds)
            for reading in readings
            if low <= reading.current <= high
        ]
        if shown:
            return max(shown)
    return None


def _swap_used_bytes() -> int:
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", RuntimeWarning)  # psutil's, on rates that containers do not tell
        return psutil.swap_memory().used


def _on_battery() -> bool | None:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return None if battery is None or battery.power_plugged is None else not battery.power_plugged


def _governors(root: Path) -> tuple[str, ...]:
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return tuple(sorted({said for file in files if (said := read_text(file))}))


def _throttle_events(root: Path) -> int | None:
    """Cores count for themselves; the package's count is the same at each of its cores."""

    def counts(name: str) -> list[int]:
        files = (root / "sys/devices/system/cpu").glob(f"cpu[0-9]*/thermal_throttle/{name}")
        return [int(said) for file in files if (said := read_text(file)) and said.isdecimal()]

    cores, packages = counts("core_throttle_count"), counts("package_throttle_count")
    return sum(cores) + max(packages, default=0) if cores or packages else None


def _pi_throttled() -> tuple[str, ...] | None:
    """Of ``throttled=0x50005``."""
    said = answer_of("vcgencmd", "get_throttled")
    try:
        bits = int((said or "").partition("=")[2], 16)
    except ValueError:
        return None
    now = [name for bit, name in _PI_BITS.items() if bits >> bit & 1]
    since = [f"{name} since start" for bit, name in _PI_BITS.items() if bits >> (bit + 16) & 1]
    return (*now, *since)


def _pi_warnings(before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    """On what slowed it at either end, or for the first time in between."""
    return [
        f"the Raspberry Pi reports: {name}; {way_out}"
        for name, way_out in _PI_WAYS_OUT.items()
        if name in (*before, *after) or (f"{name} since start" in after and f"{name} since start" not in before)
    ]


def _power_mode() -> str | None:
    """Of ``NV Power Mode: MAXN``, with the number in the next line."""
    for line in (answer_of("nvpmodel", "-q") or "").splitlines():
        label, _, mode = line.partition(":")
        if label.strip() == "NV Power Mode":
            return mode.strip() or None
    return None
