"""What the processor of this machine can do."""

from __future__ import annotations

import platform
from pathlib import Path


def processor_facts() -> dict[str, str]:
    """What Linux says of the first core, by lower-case names; nothing elsewhere."""
    facts: dict[str, str] = {}
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return facts
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip().lower(), value.strip())
    return facts


def processor_name() -> str:
    """The processor's name, or that of the board where Linux has none for it."""
    name, board = processor_facts().get("model name"), Path("/proc/device-tree/model")
    if name is None and board.is_file():
        name = board.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    return name or platform.processor() or platform.machine() or "unknown"


def instruction_sets() -> frozenset[str]:
    """Their names as Linux has them: flags on x86-64, features on Arm."""
    facts = processor_facts()
    return frozenset((facts.get("flags") or facts.get("features") or "").split())


def targets_here() -> tuple[str, ...]:
    """The targets of export whose files this machine's processor runs best, the best first."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return ("arm-dotprod",)
    return ("x86-vnni", "x86-avx2") if {"avx512_vnni", "avx_vnni"} & instruction_sets() else ("x86-avx2",)
