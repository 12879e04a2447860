"""``python -m benchmarks profile``: what onnxruntime's time for one picture goes to, by operator."""

from __future__ import annotations

import argparse
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
from rich.table import Table

import bundle
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


def main(arguments: list[str]) -> int:
    """Print two tables: the operators, and the nodes that take longest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks profile", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("file", nargs="?", default="model.int8.onnx", help="of the bundle (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--top", type=int, default=12, help="how many nodes to list (default: %(default)s)")
    options = parser.parse_args(arguments)
    found = nodes((options.bundle / options.file).read_bytes(), options.threads, options.runs)
    whole = sum(node.median_us for node in found)
    by_operator: dict[str, list[float]] = defaultdict(list)
    for node in found:
        by_operator[node.operator].append(node.median_us)
    rows = sorted(((sum(times), len(times), name) for name, times in by_operator.items()), reverse=True)
    operators = Table("operator", "nodes", "microseconds", "share", title=f"{options.file}, {options.threads} threads")
    for time, count, name in rows:
        operators.add_row(name, str(count), f"{time:.0f}", f"{time / whole:.1%}")
    longest = Table("node", "operator", "microseconds", "share")
    for node in sorted(found, key=lambda node: -node.median_us)[: options.top]:
        longest.add_row(node.name, node.operator, f"{node.median_us:.0f}", f"{node.median_us / whole:.1%}")
    console = Console()
    console.print(operators, longest)
    return 0
