"""The cameras that Linux knows, and what they can give: asked of Video4Linux itself, by its `ioctl` calls.

Sizes, offsets and numbers are those of ``linux/videodev2.h``; they are the same on all 64-bit machines, and for these
structures, which hold no pointers, on 32-bit ones.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The kernel's names for the calls: (number, size of the structure in bytes).
_QUERYCAP, _ENUM_FMT, _ENUM_FRAMESIZES, _ENUM_FRAMEINTERVALS = (
    (0x8068_5600, 104),
    (0xC040_5602, 64),
    (0xC02C_564A, 44),
    (0xC034_564B, 52),
)
_VIDEO_CAPTURE = 1  # as a capability, and as the type of a buffer
_HAS_DEVICE_CAPS = 1 << 31
_DISCRETE = 1

# Entries of one list. A driver that never ends a list is broken; a webcam has some twenty sizes.
_MOST = 64

_DEVICES, _BY_ID = Path("/dev"), Path("/dev/v4l/by-id")


@dataclass(frozen=True)
class Mode:
    """A format and a size that a camera can give."""

    format: str
    """Four letters, ``MJPG``, ``YUYV``."""
    width: int
    height: int
    fastest_fps: float | None
    """None where the driver does not say."""


@dataclass(frozen=True)
class Device:
    """One camera."""

    path: Path
    stable_path: Path | None
    """Its name under ``/dev/v4l/by-id``, which stays when other cameras come and go."""
    name: str
    modes: tuple[Mode, ...]
    problem: str | None = None
    """Why it cannot be asked; then it has no modes."""


def devices() -> list[Device]:
    """All devices of this machine that give pictures; none on systems without Video4Linux."""
    if not sys.platform.startswith("linux"):
        return []
    stable = {link.resolve(): link for link in sorted(_BY_ID.glob("*"), reverse=True)}
    paths = sorted(_DEVICES.glob("video[0-9]*"), key=lambda path: int(path.name.removeprefix("video")))
    found = (_device(path, stable.get(path.resolve())) for path in paths)
    return [device for device in found if device is not None]


def _device(path: Path, stable_path: Path | None) -> Device | None:
    """None for devices that give no pictures: codecs, and the metadata that cameras have a second device for."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return Device(path, stable_path, "", (), error.strerror or "cannot be opened")
    try:
        answer = _ask(descriptor, _QUERYCAP, b"")
        everywhere, here = struct.unpack_from("II", answer, 84)
        if not (here if everywhere & _HAS_DEVICE_CAPS else everywhere) & _VIDEO_CAPTURE:
            return None
        return Device(path, stable_path, _text(answer[16:48]), tuple(_modes(descriptor)))
    except OSError as error:
        return Device(path, stable_path, "", (), error.strerror or "does not answer")
    finally:
        os.close(descriptor)


def _modes(descriptor: int) -> Iterator[Mode]:
    for description in _list(descriptor, _ENUM_FMT, struct.pack("I", _VIDEO_CAPTURE)):
        code = description[44:48]
        for size in _list(descriptor, _ENUM_FRAMESIZES, code):
            # Discrete: width, height. Otherwise least, most and step of each: the most is taken.
            kind, *numbers = struct.unpack_from("7I", size, 8)
            width, height = numbers[:2] if kind == _DISCRETE else (numbers[1], numbers[4])
            yield Mode(_text(code), width, height, _fastest(descriptor, code, width, height))


def _fastest(descriptor: int, code: bytes, width: int, height: int) -> float | None:
    rates = []
    for interval in _list(descriptor, _ENUM_FRAMEINTERVALS, code + struct.pack("II", width, height)):
        # Seconds as a fraction; where they are not discrete, the least comes first.
        numerator, denominator = struct.unpack_from("II", interval, 20)
        if numerator:
            rates.append(denominator / numerator)
    return max(rates, default=None)


def _list(descriptor: int, call: tuple[int, int], asked: bytes) -> Iterator[bytes]:
    """The answers for the indices 0, 1, ... until the driver says that there are no more."""
    for index in range(_MOST):
        try:
            yield _ask(descriptor, call, struct.pack("I", index) + asked)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
                return
            raise


def _ask(descriptor: int, call: tuple[int, int], asked: bytes) -> bytes:
    import fcntl  # not on every system

    number, size = call
    answer = bytearray(asked.ljust(size, b"\0"))
    fcntl.ioctl(descriptor, number, answer)
    return bytes(answer)


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()
