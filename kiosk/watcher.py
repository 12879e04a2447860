"""The loop behind the label: newest frame, find the painting, look at it, smooth, publish."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace

from kiosk.answer import Answer, Status
from kiosk.camera import Camera, CameraState, Frame, FrameInfo
from kiosk.eye import Eye, advised, upright
from kiosk.judge import Finding, Judge
from kiosk.locator.tracker import Sight, View
from kiosk.metrics import Metrics
from kiosk.smoothing import Smoother

# Looks a second at most: every second frame of a camera of 30, with some room for one that is a little late. More would
# show a visitor nothing new and would heat the machine.
LOOKS_PER_SECOND = 16.0

# Odds that the middle of a frame in which no painting was found shows one of the styles all the same, by those of a
# painting that was found. On 250 drawn rooms without a painting 4 % of the middles were called a style, with this 1 %;
# of pictures that fill the frame 70 % still are, for 80 %.
UNFOUND_ODDS = 0.37

# Seconds without a frame after which the camera's state is looked at.
_PATIENCE_S = 0.25

# Seconds between two reports of failing frames: a fault that comes with every frame must not fill a disk.
_REPORT_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Showing:
    """What the screen shows now, and which frame it comes from."""

    version: int
    """Goes up with every change."""
    answer: Answer
    frame: FrameInfo | None = None
    """None until one was judged, and when the camera has gone."""
    sight: Sight | None = None
    """What of the frame was looked at."""
    timing_ms: dict[str, float] = field(default_factory=dict)
    caption: str | None = None
    """Of the frame, where the answer comes from a frame with the same one: an answer that is held over while the next
    painting comes into view is not about that."""


class Watcher:
    """Judges the newest frame as soon as it arrives, at most `LOOKS_PER_SECOND` times a second.

    One frame that fails is counted and passed over; nothing that a frame holds ends the loop.
    """

    def __init__(
        self,
        camera: Camera,
        metrics: Metrics,
        styles: tuple[str, ...],
        looks_per_second: float = LOOKS_PER_SECOND,
    ) -> None:
        self._camera = camera
        self._metrics = metrics
        self._interval_s = 1 / looks_per_second
        self._nothing = Answer.refused(Status.NO_PAINTING, styles)
        self._news = threading.Condition()
        self._showing = Showing(0, self._nothing)
        self._closing = threading.Event()
        self._looking: tuple[Judge, Eye] | None = None
        self._thread: threading.Thread | None = None
        self._reported_s = -_REPORT_S
        self._caption: str | None = None  # of the frame that the answer comes from
        self.failures = 0
        """Frames that could not be judged."""

    def start(self, judge: Judge, eye: Eye) -> None:
        """Begin to watch."""
        self._looking = judge, eye
        self._thread = threading.Thread(target=self._work, args=(judge, eye), name="watcher", daemon=True)
        self._thread.start()

    def use(self, judge: Judge, eye: Eye) -> None:
        """Look with these, which know the same styles, from the next frame on. What is shown stays until they see
        something else."""
        self._looking = judge, eye

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop, and let go of all who wait."""
        self._closing.set()
        with self._news:
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def showing(self) -> Showing:
        """What is shown now."""
        return self._showing

    def wait_newer(self, version: int, timeout_s: float) -> Showing:
        """What is shown as soon as its version is above `version`, or after `timeout_s` seconds as it is."""
        with self._news:
            self._news.wait_for(lambda: self._showing.version > version or self._closing.is_set(), timeout_s)
            return self._showing

    def _work(self, judge: Judge, eye: Eye) -> None:
        smoother = Smoother(judge.styles, judge.rule)
        last = passed = self._camera.frames
        due_s = 0.0
        while not self._closing.is_set():
            early_s = due_s - time.monotonic()
            if early_s > 0:
                self._closing.wait(early_s)
                # What came meanwhile is old by now; the next one is judged the moment it arrives.
                passed = self._camera.frames
            frame = self._camera.wait_newer(passed, _PATIENCE_S)
            if frame is None:
                if self._showing.frame is not None and self._camera.state is not CameraState.LIVE:
                    smoother.reset()
                    eye.reset()
                    self._publish(self._nothing)
                continue
            if self._looking is not None and self._looking != (judge, eye):
                before, (judge, eye) = judge, self._looking
                smoother.follow(judge.rule, same_network=before.classifier is judge.classifier)
            due_s = time.monotonic() + self._interval_s
            self._metrics.dropped.inc(frame.info.number - last - 1)
            last = passed = frame.info.number
            try:
                self._judge(judge, eye, smoother, frame)
            except Exception:
                self._metrics.failed.inc()
                self.failures += 1
                # One such frame is held over; where all fail, the last style must not stay on the wall.
                fault = Finding(Status.MODEL_FAULT, None, {})
                self._publish(smoother.update(fault, frame.info.arrived_s), frame.info, self._showing.sight)
                if time.monotonic() - self._reported_s >= _REPORT_S:
                    self._reported_s = time.monotonic()
                    log.exception("frame %d could not be judged; going on", frame.info.number)

    def _judge(self, judge: Judge, eye: Eye, smoother: Smoother, frame: Frame) -> None:
        started = time.perf_counter()
        picture, arrived_s = frame.picture, frame.info.arrived_s
        sight = eye.follow(picture, arrived_s)
        located = time.perf_counter()
        if sight.view is View.CENTRE and sight.is_new:
            # What was held for a second has gone for good, and its style is none of the middle's.
            smoother.reset()
        painting = upright(picture, sight, judge.size)
        rectified = time.perf_counter()
        # Who stands before a painting is not asked for a style.
        finding = Finding(None, None, {}) if sight.is_held else judge.look(painting)
        if eye.locates and sight.view is View.CENTRE and finding.scores is not None:
            finding = replace(finding, scores=finding.scores.with_odds(UNFOUND_ODDS))
        answer = smoother.update(finding, arrived_s, sight.is_new)
        if eye.locates and sight.view is View.CENTRE and answer.status is Status.UNKNOWN_STYLE:
            # Nothing was found, and what is in the middle is none of the styles: most likely no painting at all.
            answer = self._nothing
        sight = advised(sight, finding.quality)
        timing_ms = {
            "locate": 1000 * (located - started),
            "rectify": 1000 * (rectified - located),
            **finding.timing_ms,
            "total": 1000 * (time.perf_counter() - started),
        }
        self._publish(answer, frame.info, sight, timing_ms)
        self._metrics.frame_to_label_seconds.observe(time.monotonic() - arrived_s)
        self._metrics.observe_steps(timing_ms)
        self._metrics.answers.labels("camera", answer.status.value).inc()
        self._metrics.views.labels(sight.view.value).inc()

    def _publish(
        self,
        answer: Answer,
        frame: FrameInfo | None = None,
        sight: Sight | None = None,
        timing_ms: dict[str, float] | None = None,
    ) -> None:
        caption = frame.caption if frame else None
        if answer is not self._showing.answer:  # one that is held is the very same
            self._caption = caption
        told = caption if caption == self._caption else None
        with self._news:
            self._showing = Showing(self._showing.version + 1, answer, frame, sight, timing_ms or {}, told)
            self._news.notify_all()
