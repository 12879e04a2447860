"""What the kiosk counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kiosk.camera import Camera, CameraState
from kiosk.logs import journal
from kiosk.source import Fault

# Seconds. Fine around the few milliseconds of a network and the 15 ms that a label may take.
_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """The figures of one station, in a registry of their own, so that two stations in one process (as
    in tests) do not add up."""

    def __init__(self, camera: Camera) -> None:
        self.registry = CollectorRegistry()
        self.inference_seconds = Histogram(
            "vernissage_inference_seconds",
            "Time of one run of the network.",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.frame_to_label_seconds = Histogram(
            "vernissage_frame_to_label_seconds",
            "Time from a frame's arrival to its answer in /api/state.",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.answers = Counter(
            "vernissage_answers",
            "Answers given, by origin (camera: one for each judged frame) and status.",
            ["origin", "status"],
            registry=self.registry,
        )
        self._step_seconds = Histogram(
            "vernissage_step_seconds",
            "Time of each step from a frame to its answer.",
            ["step"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.views = Counter(
            "vernissage_views",
            "Judged frames by what was looked at: a painting that was found, the middle of the frame, ...",
            ["view"],
            registry=self.registry,
        )
        self.dropped = Counter(
            "vernissage_frames_dropped",
            "Frames that a newer one replaced before they were judged; most are, by design.",
            registry=self.registry,
        )
        self.failed = Counter(
            "vernissage_frames_failed", "Frames whose judging raised an error.", registry=self.registry
        )
        self.refused_viewers = Counter(
            "vernissage_viewers_refused",
            "Streams refused because all places were taken.",
            registry=self.registry,
        )
        self.settings_changes = Counter(
            "vernissage_settings_changes", "Changes of settings while it runs.", registry=self.registry
        )
        self.admin_sign_ins = Counter(
            "vernissage_admin_sign_ins",
            "Tries to sign in on the administrator's page, by result.",
            ["result"],
            registry=self.registry,
        )
        self.bundle_swaps = Counter(
            "vernissage_bundle_swaps", "Exchanges of the bundle, by result.", ["result"], registry=self.registry
        )
        self.stalled_viewers = Counter(
            "vernissage_viewers_stalled", "Streams ended because nobody read them.", registry=self.registry
        )
        self.streams = Gauge("vernissage_streams", "Streams that are open, by kind.", ["kind"], registry=self.registry)
        self.stream_messages = Counter(
            "vernissage_stream_messages",
            "Messages made, by kind; each goes to all who receive that kind.",
            ["kind"],
            registry=self.registry,
        )
        self.stream_bytes = Counter(
            "vernissage_stream_bytes", "Bytes sent in streams, by kind.", ["kind"], registry=self.registry
        )
        self.stream_skipped = Counter(
            "vernissage_stream_skipped",
            "Messages that slow receivers were spared, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.stream_delay_seconds = Histogram(
            "vernissage_stream_delay_seconds",
            "Time from a frame's arrival until its message was handed to the last receiver, by kind.",
            ["kind"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._faulty = Gauge(
            "vernissage_provider_refused",
            "1 for an execution provider that failed to load or answered otherwise than the reference.",
            ["provider"],
            registry=self.registry,
        )
        self._used = Gauge(
            "vernissage_model_info", "1 for what is in use.", ["provider", "locator"], registry=self.registry
        )
        self.registry.register(_Readings(camera))

    def observe_steps(self, timing_ms: Mapping[str, float]) -> None:
        """Count the milliseconds of each step of a frame."""
        for step, value in timing_ms.items():
            self._step_seconds.labels(step).observe(value / 1000)

    def name_model(self, provider: str, refused: Iterable[str], locator: str) -> None:
        """Say what the network runs on, what it does not run on because of a fault, and how paintings are found."""
        self._faulty.clear()
        for name in refused:
            self._faulty.labels(name).set(1)
        self._used.clear()
        self._used.labels(provider, locator).set(1)

    def text(self) -> bytes:
        """All figures, as ``text/plain; version=0.0.4``."""
        return generate_latest(self.registry)


class _Readings:
    """Figures that are kept elsewhere, read when they are asked for."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._process = psutil.Process()

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "vernissage_frames", "Frames that arrived from the source.", value=self._camera.frames
        )
        yield CounterMetricFamily(
            "vernissage_frames_corrupt", "Frames that were no pictures.", value=self._camera.corrupt_frames
        )
        yield CounterMetricFamily(
            "vernissage_camera_restarts", "Capture processes that were replaced.", value=self._camera.restarts
        )
        state = GaugeMetricFamily("vernissage_camera_state", "1 for the camera's state.", labels=["state"])
        fault = GaugeMetricFamily("vernissage_camera_fault", "1 for what is wrong with the camera.", labels=["fault"])
        changes = CounterMetricFamily(
            "vernissage_camera_state_changes", "How often the camera came into a state.", labels=["state"]
        )
        for each in CameraState:
            state.add_metric([each.value], float(self._camera.state is each))
            changes.add_metric([each.value], self._camera.state_changes[each])
        for kind in Fault:
            fault.add_metric([kind.value], float(self._camera.fault is kind))
        yield from (state, fault, changes)
        lines = CounterMetricFamily("vernissage_log_lines", "Lines of the log, by level.", labels=["level"])
        for level, count in journal.counts.items():
            lines.add_metric([level], count)
        yield lines
        yield GaugeMetricFamily("vernissage_threads", "Threads of the kiosk's process.", self._process.num_threads())
        if hasattr(self._process, "num_fds"):  # not on Windows
            open_files = self._process.num_fds()
            yield GaugeMetricFamily("vernissage_open_files", "Descriptors that the process holds.", open_files)
        yield GaugeMetricFamily(
            "vernissage_resident_memory_bytes",
            "Resident memory of the kiosk's process.",
            value=self._process.memory_info().rss,
        )
        yield GaugeMetricFamily(
            "vernissage_capture_resident_memory_bytes",
            "Resident memory of the capture process; 0 while there is none.",
            value=_resident_bytes(self._camera.capture_pid),
        )


def _resident_bytes(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except psutil.NoSuchProcess:  # it has died just now
        return 0
