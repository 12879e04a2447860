"""Execution providers: the hardware that ONNX Runtime can run a network on, and whether it computes right.

A driver, an old GPU or a converter inside a provider may answer wrongly, and no error tells. So each
provider must first answer the bundle's reference pictures as the exporting machine's CPU did (`bundle.reference`);
one that fails to load or disagrees is not used, and the log says so. The CPU comes last, and is the measure
for all others where an older bundle has no reference answers.

A provider also has to be faster than the CPU here: int8 in the form that ONNX has for it (QDQ) is slower on
many a GPU than on two cores, and the copies to and fro cost a small network more than its sums.

A CUDA package on a machine without a GPU lists its providers all the same, and ONNX Runtime would go on with the
CPU under their name: what a session runs on is asked of the session.
"""

from __future__ import annotations

import logging
import math
import os
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort

import bundle
from bundle.picture import Pixels
from bundle.reference import Reference, reference_pictures

# The most specialised first; all others of ONNX Runtime (Azure) are of no use here.
PREFERENCE = (
    "TensorrtExecutionProvider",
    "CUDAExecutionProvider",
    "OpenVINOExecutionProvider",
    "CoreMLExecutionProvider",
    "CPUExecutionProvider",
)
CPU = PREFERENCE[-1]

# Runs that a latency is the median of, after those of the reference pictures: 20 ms of a kiosk's start.
_TIMED_RUNS = 5

# The level of ONNX Runtime's log from which on it says something. What fails is raised too, and said in one line.
_ORT_FATAL = 4

# How long a thread waits awake for the next layer. Most of the gain comes with the first few microseconds.
_AWAKE_US = 10

# The outputs that are compared.
_COMPARED = ("probabilities", "known")

log = logging.getLogger(__name__)


class Session(Protocol):
    """What is used of `onnxruntime.InferenceSession`."""

    def run(self, names: Sequence[str], feed: dict[str, Any]) -> list[Any]: ...  # noqa: D102
    def get_providers(self) -> list[str]: ...  # noqa: D102
    def get_inputs(self) -> list[Any]: ...  # noqa: D102
    def get_outputs(self) -> list[Any]: ...  # noqa: D102


class CannotUse(ValueError):
    """No provider can be used; the message is one line."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial.fault)
        self.trial = trial
        """The CPU's."""


@dataclass(frozen=True)
class Model:
    """What there is to run: the bytes of an ONNX file, and what belongs to them."""

    content: bytes
    sha256: str
    size: int
    """Pixels of a side of its input."""
    outputs: tuple[str, ...]
    """Names of those that it must have."""
    threads: int
    """Intra-op threads, where a provider computes on the CPU."""
    reference: Reference | None
    """What it is to answer to the reference pictures; None in older bundles."""


@dataclass(frozen=True)
class Trial:
    """How one provider did."""

    provider: str
    """As ONNX Runtime names it."""
    session: Session | None = None
    """None where it did not load."""
    answers: Reference | None = None
    """To the reference pictures; None where they are no probabilities."""
    difference: float | None = None
    """The largest difference of a probability from what it was compared with; None if with nothing."""
    latency_ms: float = math.inf
    """Of one picture, the median of some."""
    fault: str | None = None
    """Why it cannot be used, in words; None where it can."""

    @property
    def name(self) -> str:
        """The provider's short name: ``CUDA``."""
        return short_name(self.provider)


@dataclass(frozen=True)
class Choice:
    """The provider in use, and what became of the others."""

    session: Session
    used: str
    """The short name of the provider."""
    latency_ms: float
    """Of one picture at the start."""
    refused: dict[str, str]
    """The reason by short name, for each that failed to load or disagreed."""


def available() -> tuple[str, ...]:
    """The providers of this machine's ONNX Runtime, by preference; the CPU is always the last."""
    listed = ort.get_available_providers()
    return tuple(provider for provider in PREFERENCE if provider in listed or provider == CPU)


def choose(model: Model) -> Choice:
    """The first provider by preference that loads, agrees and is faster than the CPU; else the CPU. The log tells
    of each that does not load or disagrees.

    Raises `CannotUse` where not even the CPU agrees: no answer is better than a wrong one.
    """
    return select(try_all(model))


def select(trials: Sequence[Trial]) -> Choice:
    """What `choose` makes of `trials`, of which the CPU's is the last."""
    *preferred, cpu = trials
    refused = {trial.name: trial.fault for trial in preferred if trial.fault is not None}
    for name, fault in refused.items():
        log.warning("%s is not used: %s", name, fault)
    used = next(
        (
            trial
            for trial in preferred
            if trial.fault is None and (cpu.fault is not None or trial.latency_ms < cpu.latency_ms)
        ),
        cpu,
    )
    if used.session is None or used.fault is not None:
        raise CannotUse(used)
    log.info("the network runs on %s, %.1f ms a picture", used.name, used.latency_ms)
    return Choice(used.session, used.name, used.latency_ms, refused)


def try_all(model: Model) -> list[Trial]:
    """Try the providers that are available, by preference; the CPU, which all are compared with where the bundle has
    no stored answers, is the last in the list."""
    pictures = reference_pictures(model.size)
    cpu = _attempt(model, CPU, pictures, model.reference)
    reference = model.reference or cpu.answers
    return [*(_attempt(model, provider, pictures, reference) for provider in available() if provider != CPU), cpu]


def _attempt(model: Model, provider: str, pictures: Pixels, reference: Reference | None) -> Trial:
    """Load, check inputs and outputs, answer the reference pictures, compare, and take the time."""
    try:
        session = create_session(model, provider)
        fault = _breach(session, provider, model.outputs)
        if fault is not None:
            return Trial(provider, fault=fault)
        # One by one, as frames will come: for another batch some providers compile another program.
        rows = [session.run(list(_COMPARED), {bundle.INPUT: picture[np.newaxis]}) for picture in pictures]
        probabilities, known = (np.concatenate(values) for values in zip(*rows, strict=True))
        latency_ms = _latency_ms(session, pictures)
    except Exception as error:  # ONNX Runtime's exception classes have no common base but this
        return Trial(provider, fault=first_line(error))
    try:
        answers = Reference.of(probabilities, known)
    except ValueError:
        answers = None
    if reference is None:
        return Trial(provider, session, answers, None, latency_ms)
    difference, fault = reference.difference(probabilities, known), reference.disagreement(probabilities, known)
    return Trial(provider, session, answers, difference, latency_ms, fault)


def create_session(model: Model, provider: str) -> Session:
    """A session on `provider`, with fixed threads that hardly spin; raises whatever ONNX Runtime raises."""
    # Its warnings are about the graph, and nothing that a museum can do about; errors are raised as well.
    ort.set_default_logger_severity(_ORT_FATAL)
    options = session_options(model.threads)
    session: Session = ort.InferenceSession(
        model.content,
        options,
        providers=[(provider, _settings(model, provider))],
        enable_fallback=0,  # to another provider, with a notice on standard output
    )
    return session


def session_options(threads: int) -> ort.SessionOptions:
    """Those of every session of the kiosk: so many threads, which sleep between two frames.

    Within a frame a thread that has done its share waits awake for a moment: to wake it for each of some seventy
    layers costs a fifth of the time of two threads. Where other programs want the cores too, what it waits for is
    late and the moment lost, so it is short (docs/speed.md has both in figures).
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(_AWAKE_US))
    # Else an ONNX Runtime that knows no spin_duration_us (1.24) keeps a core at 100 % between frames (its #11841).
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def short_name(provider: str) -> str:
    """``CUDA`` for ``CUDAExecutionProvider``."""
    return provider.removesuffix("ExecutionProvider")


def first_line(error: Exception) -> str:
    """What an exception says, in one line, without the place in ONNX Runtime's sources that it may begin with."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"^/\S+\.(cc|h):\d+ .*?\) ", "", line)


def _settings(model: Model, provider: str) -> dict[str, str]:
    match short_name(provider):
        case "CUDA":
            # Trying every algorithm for every convolution takes seconds of the start.
            return {"cudnn_conv_algo_search": "HEURISTIC"}
        case "OpenVINO":
            return {"num_of_threads": str(model.threads)}
        case "Tensorrt":
            return {"trt_engine_cache_enable": "True", "trt_engine_cache_path": str(_engine_folder(model))}
    return {}


def _engine_folder(model: Model) -> Path:
    """Where TensorRT keeps what it compiles, which takes minutes the first time. One folder for each file: its own
    key is the graph without the weights. The first is systemd's (`CacheDirectory=`)."""
    cache = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "vernissage" / "tensorrt" / model.sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        # Nobody can tell before whether TensorRT's libraries are there.
        log.info("if there is TensorRT here, it compiles the network now, which takes minutes, once (to %s)", folder)
    return folder


def _breach(session: Session, provider: str, outputs: Sequence[str]) -> str | None:
    """What speaks against `session` before it has run."""
    running = session.get_providers()[0]
    if running != provider:
        return f"ONNX Runtime cannot load it here, and would run on {short_name(running)} under its name"
    inputs = {entry.name: entry.type for entry in session.get_inputs()}
    if inputs != {bundle.INPUT: "tensor(uint8)"}:
        return f"it must have one input, uint8 {bundle.INPUT!r}; it has {inputs}"
    missing = sorted(set(outputs) - {entry.name for entry in session.get_outputs()})
    return f"it has no output {' or '.join(missing)}" if missing else None


def _latency_ms(session: Session, pictures: Pixels) -> float:
    times = []
    for index in range(_TIMED_RUNS):
        feed = {bundle.INPUT: pictures[index % len(pictures)][np.newaxis]}
        started = time.perf_counter()
        session.run(list(_COMPARED), feed)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
