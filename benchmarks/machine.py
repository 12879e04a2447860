"""The machine that figures come from: without it a latency says nothing."""

from __future__ import annotations

import datetime
import os
import platform

import onnxruntime as ort
import psutil
from pydantic import BaseModel, ConfigDict

from bundle.hardware import instruction_sets, processor_name

# What decides how fast int8 is: VNNI and AMX multiply bytes in one step; ASIMDDP is ARM's dot product.
FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "amx_tile", "asimddp", "i8mm")


class Machine(BaseModel):
    """Description of a machine at the start of a measurement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
            load_average=os.getloadavg() if hasattr(os, "getloadavg") else None,
            date=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        )


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
