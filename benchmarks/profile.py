"""What onnxruntime's time for one picture goes to, by operator."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rich.console import Console

import bundle
from benchmarks.tables import new_table
from kiosk.providers import CPU, session_options

# Runs before those that count.
_WARM_UP_RUNS = 20
_KERNEL = "_kernel_time"


@dataclass(frozen=True)
class Node:
    """One node of the graph as onnxruntime runs it, fused and laid out anew."""

    name: str
    operator: str
    median_us: float


def nodes(content: bytes, threads: int, runs: int) -> list[Node]:
    """All nodes in the order they run in, each with the median of its times over `runs` pictures of noise.

    To take the time of a node costs some microseconds, which are in none of these.
    """
    with tempfile.TemporaryDirectory(prefix="vernissage-") as folder:
        options = session_options(threads)
        options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
        options.log_severity_level = 3  # errors; warnings are about the graph
        session = onnxruntime.InferenceSession(content, options, providers=[CPU])
        shape = [1, *session.get_inputs()[0].shape[1:]]
        picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        for _ in range(_WARM_UP_RUNS + runs):
            session.run(None, {bundle.INPUT: picture})
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text())
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            found[event["name"].removesuffix(_KERNEL)].append(event)
    return [
        Node(name, seen[0]["args"]["op_name"], statistics.median(event["dur"] for event in seen[-runs:]))
        for name, seen in found.items()
    ]


def show(title: str, found: list[Node], top: int, console: Console) -> None:
    """Print two tables: the operators, and the `top` nodes that take longest."""
    whole = sum(node.median_us for node in found)
    by_operator: dict[str, list[float]] = defaultdict(list)
    for node in found:
        by_operator[node.operator].append(node.median_us)
    operators = new_table(title, "operator", "nodes", "microseconds", "share")
    for name, times in sorted(by_operator.items(), key=lambda item: -sum(item[1])):
        operators.add_row(name, str(len(times)), f"{sum(times):.0f}", f"{sum(times) / whole:.1%}")
    longest = new_table("The nodes that take longest", "node", "operator", "microseconds", "share")
    for node in sorted(found, key=lambda node: -node.median_us)[:top]:
        longest.add_row(node.name, node.operator, f"{node.median_us:.0f}", f"{node.median_us / whole:.1%}")
    console.print(operators, longest)
