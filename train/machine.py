"""What a run ran on and what it cost."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import keras
import numpy as np

from bundle.hardware import instruction_sets, processor_name

# Linux's counter of the energy of the first processor package, in microjoules; wraps at its neighbour.
_ENERGY = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def device() -> str:
    """The processor that trains, in words."""
    if accelerators := _gpus():
        return f"{len(accelerators)} x GPU ({accelerators[0]})"
    return f"{processor_name()}, {os.cpu_count()} cores"


def use_mixed_precision() -> bool:
    """Compute a whole run in bfloat16 on a GPU. Weights stay in float32, and so do the logits. On a processor
    only what asks for it (`mixed_precision`): there the features of a frozen network cost little as they are."""
    if _gpus():
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        return True
    return False


@contextmanager
def mixed_precision() -> Iterator[None]:
    """Networks built inside compute in bfloat16 where the device has units for it, processors too."""
    before = keras.mixed_precision.dtype_policy()
    if _gpus() or _processor_has_bfloat16():
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def versions() -> dict[str, str]:
    """Of what decides the numbers."""
    backend = keras.backend.backend()
    package = {"torch": "torch", "jax": "jax"}.get(backend, "tensorflow")
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": f"{backend} {metadata.version(package)}",
        "numpy": np.__version__,
    }


class Meter:
    """Seconds and, where the machine counts it and lets us read it, joules since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._energy = _microjoules()

    def read(self) -> dict[str, float]:
        """``seconds`` and perhaps ``energy_joules`` (of the whole processor package)."""
        cost: dict[str, float] = {"seconds": round(time.monotonic() - self._start, 1)}
        now = _microjoules()
        if now is not None and self._energy is not None and now >= self._energy:
            cost["energy_joules"] = round((now - self._energy) / 1e6)
        return cost


def _gpus() -> list[str]:
    try:
        return keras.distribution.list_devices("gpu")
    except RuntimeError:  # JAX, where there is none
        return []


def _microjoules() -> int | None:
    try:
        return int(_ENERGY.read_text())
    except (OSError, ValueError):
        return None


def _processor_has_bfloat16() -> bool:
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & instruction_sets())
