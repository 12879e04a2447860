"""``python -m kiosk doctor``: whether the kiosk can run on this machine, and for each trouble what to do.

Everything is tried through the doors that the kiosk itself uses: its options, its source, its bundle, its
execution providers. Nothing is written and nothing is changed.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import enum
import http.client
import json
import logging
import math
import os
import platform
import shutil
import socket
import statistics
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

import bundle
from bundle.hardware import instruction_sets, processor_name
from bundle.signature import verify as verify_signature
from kiosk import providers, v4l2
from kiosk.camera import Camera, CameraState
from kiosk.classifier import default_threads, model
from kiosk.locator.classical import ClassicalLocator
from kiosk.locator.network import LocatorError
from kiosk.settings import TRAITS, Settings, SettingsError, read
from kiosk.source import CameraSource, Fault, Source, SourceError
from kiosk.station import load_locator, source_of

DESCRIPTION = "Says whether the kiosk can run on this machine, and what to do about what is missing."

EXAMPLES = """\
examples:
  python -m kiosk doctor                               with the options that the kiosk would be started with
  python -m kiosk doctor --source /dev/v4l/by-id/usb-CAM --precision fp32
  python -m kiosk doctor --source demo --json          for a program

exit code:
   0  the kiosk can run here; warnings and notes say what visitors would miss, and what would be better
   1  it could not start: lines that are marked "error" say why
   2  a setting is wrong; one line says which, and where it is set
"""

# Characters of a line of the report, and of its first two columns.
_WIDTH, _MARGIN = 100, 20

# Bytes of memory. The kiosk and its capture process hold 0.25 GB, a browser on the same machine as much again.
_LEAST_MEMORY, _GOOD_MEMORY = 300e6, 700e6

# Bytes of disk. The kiosk writes nothing, but the system's logs and the browser do.
_GOOD_DISK = 500e6

# Milliseconds for one picture. More, and a label comes later than 40 ms after its frame.
_GOOD_LATENCY_MS = 30.0

# Seconds that whoever holds the port has to answer.
_ANSWER_S = 2.0

# Runs of the locator that its time is the median of.
_LOCATOR_RUNS = 5

# Frames a second. Fewer look like stutter; a camera that is short of light lowers its rate.
_GOOD_RATE_FPS = 12.0

# Seconds to wait for the first frame, between two looks meanwhile, and then to count frames.
_FIRST_FRAME_S, _LOOK_S, _COUNTED_S = 12.0, 0.1, 1.5

# Faults that waiting does not mend.
_CERTAIN = {Fault.NO_CAMERA, Fault.NOT_PERMITTED, Fault.UNREADABLE}

# Formats that OpenCV turns into pictures; cameras of a board's ribbon cable give raw ones alone.
_READABLE = {"MJPG", "JPEG", "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "RGB3", "BGR3", "GREY"}

# What adjtimex(2) returns where nothing steers the clock, and bytes that its structure surely fits in.
_TIME_ERROR, _TIMEX_BYTES = 5, 512

_SAYS = {
    Fault.NO_CAMERA: "no such camera is connected",
    Fault.STREAM_LOST: "the stream cannot be reached, or has broken off",
    Fault.BUSY: "another program uses it, or it gives no pictures",
    Fault.NOT_PERMITTED: "this user may not open it",
    Fault.UNREADABLE: "nothing in it can be read as pictures",
    Fault.NO_FRAMES: "it opens, and gives no frames",
    Fault.HUNG: "it does not answer",
    Fault.FROZEN: "it gives the very same picture again and again",
    Fault.BLACK: "its picture is black",
    Fault.CORRUPT: "its pictures are damaged",
    Fault.CRASHED: "reading it crashes",
}

_ADVICE = {
    Fault.NO_CAMERA: "plug it in, or name another one that is listed above with --source; --source demo needs none",
    Fault.BUSY: "end the program that uses it (a running kiosk is one; `fuser -v /dev/video*` names it)",
    Fault.NOT_PERMITTED: "sudo usermod -aG video $USER, and log in anew",
    Fault.STREAM_LOST: "open the address in a player (VLC) from this machine: name, password, network",
    Fault.NO_FRAMES: "plug it into another port (USB 3, no hub), or ask for less: --camera-size 640x480",
    Fault.HUNG: "unplug it for ten seconds; try another port and cable",
    Fault.FROZEN: "unplug it for ten seconds; try another port and cable",
    Fault.BLACK: "take the cap off, switch the light on, or let the camera choose: --exposure auto",
    Fault.CORRUPT: "try another cable or port, or ask for less: --camera-size 640x480",
}


class Level(enum.StrEnum):
    """What a line means for the kiosk."""

    OK = "ok"
    NOTE = "note"
    """The kiosk runs; it would be better otherwise."""
    WARNING = "warning"
    """The kiosk runs, but visitors would not see what they should."""
    ERROR = "error"
    """The kiosk could not start."""


@dataclass(frozen=True)
class Line:
    """One line of the report."""

    topic: str
    level: Level
    says: str
    advice: str | None = None
    """What to do about it."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The same in numbers, for ``--json``."""


def main(arguments: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Print the report; `parser` knows the kiosk's own options. Returns the exit code, see `EXAMPLES`."""
    parser.prog, parser.usage = "python -m kiosk doctor", "%(prog)s [options]"
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        settings = read({name: value for name, value in vars(options).items() if name in TRAITS}, options.config)
        source = source_of(settings)
    except SettingsError as error:
        parser.error(str(error))
    except SourceError as error:
        parser.error(f"{settings.place('source')}: {error}")
    as_json = "json" in options
    lines = []
    try:
        with _silence():
            for line in examine(settings, source):
                lines.append(line)
                if not as_json:
                    print(_written(line), flush=True)
    except KeyboardInterrupt:
        return 130
    levels = {line.level for line in lines}
    can_run, is_ready = Level.ERROR not in levels, not levels & {Level.ERROR, Level.WARNING}
    if as_json:
        report = {"can_run": can_run, "ready": is_ready, "lines": [asdict(line) for line in lines]}
        print(json.dumps(report, indent=2))
    else:
        print("\n" + _verdict(lines))
    return 0 if can_run else 1


def examine(options: Settings, source: Source) -> Iterator[Line]:
    """All lines of the report, as they are found. A check that fails itself becomes a note: one fault must not hide
    the others."""
    checks: list[tuple[str, Callable[[], Iterator[Line]]]] = [
        ("settings", lambda: _settings(options)),
        ("processor", _processor),
        ("memory", _memory),
        ("disk", lambda: _disk(options.bundle)),
        ("clock", _clock),
        ("OpenCV", lambda: _opencv(source)),
        ("cameras", lambda: _cameras(source)),
        ("source", lambda: _source(source, options.source)),
        ("model", lambda: _model(options)),
        ("port", lambda: _port(options.host, options.port)),
    ]
    for topic, check in checks:
        try:
            yield from check()
        except Exception as error:
            says = f"could not be examined: {type(error).__name__}: {providers.first_line(error)}"
            yield Line(topic, Level.NOTE, says, "please report this")


@contextmanager
def _silence() -> Iterator[None]:
    """What the parts of the kiosk would log is in the report."""
    logger = logging.getLogger("kiosk")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _settings(options: Settings) -> Iterator[Line]:
    told = f"read from {options.file}" if options.file else "no settings file is read"
    yield Line("settings", Level.OK, told, facts={"file": str(options.file) if options.file else None})
    for overruled in options.overruled:
        yield Line("settings", Level.NOTE, overruled, "mend the value, or take its line away")
    for says, advice in options.doubts:
        yield Line("settings", Level.WARNING, says, advice)


def _processor() -> Iterator[Line]:
    cores = default_threads()
    sets = instruction_sets()
    is_arm = platform.machine().lower() in ("aarch64", "arm64")
    wanted = {"asimddp": "dot product"} if is_arm else {"avx2": "AVX2", "avx512_vnni": "VNNI", "avx_vnni": "VNNI"}
    found = list(dict.fromkeys(name for flag, name in wanted.items() if flag in sets))
    facts = {"name": processor_name(), "usable_cores": cores, "instruction_sets": found}
    says = f"{processor_name()}, {platform.machine()}, {os.cpu_count()} cores; {', '.join(found) or 'nothing'} for int8"
    if "dot product" in found or "VNNI" in found:
        yield Line("processor", Level.OK, says, facts=facts)
    else:
        advice = "nothing, if the model below is quick enough and agrees; if not, try --precision fp32"
        yield Line("processor", Level.NOTE, f"{says}, which makes int8 slower", advice, facts)
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1):
        says = f"other programs keep it busy (load {os.getloadavg()[0]:.1f}): the times below are too long"
        yield Line("processor", Level.NOTE, says, "end them, or measure again later")


def _memory() -> Iterator[Line]:
    memory = psutil.virtual_memory()
    says = f"{memory.available / 1e9:.1f} GB of {memory.total / 1e9:.1f} GB are free"
    facts = {"available_bytes": memory.available, "total_bytes": memory.total}
    if memory.available < _LEAST_MEMORY:
        yield Line("memory", Level.WARNING, says, "end other programs; the kiosk needs 0.3 GB", facts)
    elif memory.available < _GOOD_MEMORY:
        yield Line("memory", Level.NOTE, says, "enough for the kiosk, not for a browser beside it", facts)
    else:
        yield Line("memory", Level.OK, says, facts=facts)


def _disk(folder: Path) -> Iterator[Line]:
    # The nearest that exists: the folder of the bundle may be the very thing that is missing.
    place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(place).free
    says, facts = f"{free / 1e9:.1f} GB free in {place}", {"free_bytes": free}
    if free < _GOOD_DISK:
        advice = "make room: the kiosk writes nothing, but the system's logs do"
        yield Line("disk", Level.NOTE, says, advice, facts)
    else:
        yield Line("disk", Level.OK, says, facts=facts)


def _clock() -> Iterator[Line]:
    now = datetime.datetime.now().astimezone()
    says, facts = f"{now:%Y-%m-%d %H:%M:%S %Z}", {"time": now.isoformat(), "synchronised": _is_synchronised()}
    if facts["synchronised"] is False:
        advice = "sudo timedatectl set-ntp true; the answers do not depend on it, the times in the logs do"
        yield Line("clock", Level.NOTE, f"{says}, and nothing keeps it right", advice, facts)
    else:
        known = ", kept right over the network" if facts["synchronised"] else ""
        yield Line("clock", Level.OK, says + known, facts=facts)


def _is_synchronised() -> bool | None:
    """Whether the kernel's clock is steered (NTP, PTP); None where that cannot be told."""
    try:
        # An empty structure asks and changes nothing.
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError, TypeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _opencv(source: Source) -> Iterator[Line]:
    registry = cv2.videoio_registry
    names = {
        registry.getBackendName(backend)
        for backend in (*registry.getCameraBackends(), *registry.getStreamBackends())
        if registry.hasBackend(backend)
    }
    parts = [name for name in ("V4L2", "FFMPEG", "GSTREAMER") if name in names]
    says, facts = f"{cv2.__version__} with {', '.join(parts) or 'no video at all'}", {"video": sorted(names)}
    needed = {"camera": "V4L2" if sys.platform.startswith("linux") else None, "stream": "FFMPEG", "video": "FFMPEG"}
    missing = needed.get(source.kind)
    if missing is None or missing in names:
        yield Line("OpenCV", Level.OK, says, facts=facts)
    else:
        advice = "install opencv-python-headless from PyPI in place of the system's"
        yield Line("OpenCV", Level.WARNING, f"{says}; a {source.kind} needs {missing}", advice, facts)


def _cameras(source: Source) -> Iterator[Line]:
    level = Level.WARNING if isinstance(source, CameraSource) else Level.NOTE
    devices = v4l2.devices()
    if not devices:
        advice = "plug one in and look again (`lsusb` lists it); without one, try --source demo"
        yield Line("cameras", Level.NOTE, "none is connected to this machine", advice)
    for device in devices:
        facts = asdict(device) | {"path": str(device.path), "stable_path": str(device.stable_path or "")}
        where = str(device.path) + (f" ({device.stable_path})" if device.stable_path else "")
        if device.problem is not None:
            fault = Fault.NOT_PERMITTED if not os.access(device.path, os.R_OK | os.W_OK) else Fault.HUNG
            yield Line("cameras", Level.NOTE, f"{where}: {device.problem}", _ADVICE[fault], facts)
        elif not {mode.format for mode in device.modes} & _READABLE:
            advice = "a camera on a ribbon cable is read through libcamera: start the kiosk with `libcamerify`"
            says = f"{where}, {device.name}: gives no format that OpenCV reads: {_modes(device.modes)}"
            yield Line("cameras", level if len(devices) == 1 else Level.NOTE, says, advice, facts)
        else:
            yield Line("cameras", Level.OK, f"{where}, {device.name}: {_modes(device.modes)}", facts=facts)


def _modes(modes: Sequence[v4l2.Mode]) -> str:
    """``MJPG 1280x720@30 640x480@30; YUYV 640x480@30``"""
    by_format: dict[str, list[str]] = {}
    for mode in sorted(modes, key=lambda mode: -mode.width * mode.height):
        rate = f"@{mode.fastest_fps:.0f}" if mode.fastest_fps else ""
        by_format.setdefault(mode.format, []).append(f"{mode.width}x{mode.height}{rate}")
    return "; ".join(f"{name} {' '.join(sizes)}" for name, sizes in by_format.items()) or "no modes"


def _source(source: Source, text: str) -> Iterator[Line]:
    # A URL may hold a password.
    name = source.kind if "://" in text else text
    camera = Camera(source)
    camera.start()
    try:
        frame, until = None, time.monotonic() + _FIRST_FRAME_S
        while frame is None and time.monotonic() < until and camera.fault not in _CERTAIN:
            frame = camera.wait_newer(0, _LOOK_S)
        if frame is None:
            fault = camera.fault
            says = f"{name}: {_SAYS[fault] if fault else f'no frames within {_FIRST_FRAME_S:.0f} s'}"
            advice = _ADVICE.get(fault) if fault else None
            yield Line("source", Level.WARNING, says, advice or "see --help for what --source can be", {"fault": fault})
            return
        time.sleep(_COUNTED_S)
        width, height = frame.info.width, frame.info.height
        rate, fault = camera.fps, camera.fault
        says = f"{name}: {width}x{height}, {rate:.0f} frames a second"
        facts = {"width": width, "height": height, "fps": round(rate, 1), "fault": fault}
        if camera.state is not CameraState.LIVE or fault is not None:
            says += f", but {_SAYS[fault] if fault else camera.state.value}"
            yield Line("source", Level.NOTE, says, _ADVICE.get(fault) if fault else None, facts)
        elif isinstance(source, CameraSource) and rate < _GOOD_RATE_FPS:
            advice = "more light, a fixed exposure (--exposure 30), or fewer pixels (--camera-size 640x480)"
            yield Line("source", Level.NOTE, f"{says}, which is slow", advice, facts)
        else:
            yield Line("source", Level.OK, says, facts=facts)
    finally:
        camera.close()


def _model(options: Settings) -> Iterator[Line]:
    try:
        if options.key:
            verify_signature(options.bundle, options.key)
        verified = bundle.load(
            options.bundle, lambda file: (file.format, file.precision) == ("onnx", options.precision)
        )
        asked = model(verified, options.precision, options.threads)
    except bundle.BundleError as error:
        yield Line("model", Level.ERROR, str(error), "give the right --bundle and --precision, or fetch it anew")
        return
    yield Line(
        "model",
        Level.OK,
        f"{verified.manifest.name} {options.precision} in {options.bundle}, {asked.threads} threads",
    )
    if options.locate == "auto":
        yield _locator(verified, asked.threads)
    trials = providers.try_all(asked)
    try:
        used = providers.select(trials).used
    except providers.CannotUse:
        used = None
    for trial in trials:
        yield _provider(trial, used)


def _locator(verified: bundle.Bundle, threads: int) -> Line:
    topic = "locator"
    try:
        locator = load_locator(verified, threads)
    except LocatorError as error:
        return Line(topic, Level.ERROR, str(error), "fetch the bundle anew; until then --locate never does without")
    frame = np.zeros((720, 1280, 3), np.uint8)
    times = []
    for _ in range(_LOCATOR_RUNS):
        started = time.perf_counter()
        locator.locate(frame)
        times.append(1000 * (time.perf_counter() - started))
    facts = {"name": locator.name, "latency_ms": round(statistics.median(times), 2)}
    says = f"{locator.name}: {facts['latency_ms']:.1f} ms for a frame without a painting"
    if locator.name == ClassicalLocator.name:
        advice = "a bundle with a locator of its own finds more paintings (python -m export locator)"
        return Line(topic, Level.NOTE, says, advice, facts)
    return Line(topic, Level.OK, says, facts=facts)


def _provider(trial: providers.Trial, used: str | None) -> Line:
    topic = "provider"
    facts = {
        "name": trial.name,
        "used": trial.name == used,
        "difference": trial.difference if trial.difference is not None and math.isfinite(trial.difference) else None,
        "latency_ms": None if trial.session is None else round(trial.latency_ms, 2),
    }
    if trial.fault is not None:
        says = f"{trial.name} cannot be used: {trial.fault}"
        if trial.provider == providers.CPU:
            advice = "try --precision fp32, or a bundle that was exported for this machine"
        elif trial.session is None:
            advice = "install its driver and libraries in the versions that ONNX Runtime asks for, or do without"
        else:
            advice = "renew its driver, or do without: the kiosk uses another provider"
        return Line(topic, Level.ERROR if used is None else Level.NOTE, says, advice, facts)
    agrees = (
        "compared with nothing" if trial.difference is None else f"agrees (largest difference {trial.difference:.3f})"
    )
    says = f"{trial.name}: {trial.latency_ms:.1f} ms a picture, {agrees}{', used' if trial.name == used else ''}"
    if trial.name == used and trial.latency_ms > _GOOD_LATENCY_MS:
        return Line(topic, Level.NOTE, f"{says}; slow", "use --precision int8, or a smaller network", facts)
    if trial.difference is None:
        advice = "the bundle holds no reference answers: export it anew, or get a newer one"
        return Line(topic, Level.NOTE, says, advice, facts)
    return Line(topic, Level.OK, says, facts=facts)


def _port(host: str, port: int) -> Iterator[Line]:
    where = f"{host} port {port}"
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        facts = {"host": host, "port": port}
        if _is_kiosk(host, port):
            yield Line("port", Level.OK, f"{where} is a kiosk's, which runs now", facts=facts)
            return
        says = f"cannot listen on {where}: {error.strerror or error}"
        yield Line("port", Level.ERROR, says, "choose another --port or --host", facts)
    else:
        yield Line("port", Level.OK, f"{where} is free", facts={"host": host, "port": port})


def _is_kiosk(host: str, port: int) -> bool:
    """Whether a kiosk answers there."""
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/api/state")
        return "camera" in json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return False
    finally:
        connection.close()


def _written(line: Line) -> str:
    """A line of the report, with its advice below."""
    indent = " " * _MARGIN
    first = f"{line.level.value:<7} {line.topic:<{_MARGIN - 8}}"
    wrap = textwrap.TextWrapper(_WIDTH, subsequent_indent=indent, break_on_hyphens=False)
    wrap.initial_indent = first
    text = wrap.fill(line.says)
    if line.advice is None:
        return text
    wrap.initial_indent, wrap.subsequent_indent = f"{indent}-> ", f"{indent}   "
    return f"{text}\n{wrap.fill(line.advice)}"


def _verdict(lines: Sequence[Line]) -> str:
    levels = [line.level for line in lines]
    found = [
        _counted(levels.count(level), level.value)
        for level in (Level.ERROR, Level.WARNING, Level.NOTE)
        if level in levels
    ]
    said = f": {', '.join(found)}." if found else "."
    if Level.ERROR in levels:
        return f"The kiosk cannot run here yet{said}"
    if Level.WARNING in levels:
        return f"The kiosk can run here, but is not ready for visitors yet{said}"
    return f"The kiosk can run here{said}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
