"""The running parts of one kiosk, put together."""

from __future__ import annotations

import threading
import time
from typing import Any

import bundle
from kiosk.camera import Camera
from kiosk.classifier import Classifier
from kiosk.judge import Judge
from kiosk.metrics import Metrics
from kiosk.preview import Preview
from kiosk.source import Source
from kiosk.watcher import Watcher


class Station:
    """A camera, a model and what lies between them. `open`, then `load`, at last `close`.

    The page and the camera's picture are there from `open` on; answers only after `load`, which takes
    longer.
    """

    def __init__(self, verified: bundle.Bundle, precision: str, source: Source, threads: int | None = None) -> None:
        self._bundle = verified
        self._precision = precision
        self._threads = threads
        self._judge: Judge | None = None
        self.file = verified.file(precision)
        self.manifest = verified.manifest
        self.camera = Camera(source)
        self.metrics = Metrics(self.camera)
        self.preview = Preview(self.camera)
        self.watcher = Watcher(self.camera, self.metrics, verified.manifest.styles)
        self.closing = threading.Event()

    def open(self) -> None:
        """Begin to read the source."""
        self.camera.start()

    def load(self) -> None:
        """Load the model, warm it up, and begin to watch. Raises as `Classifier` does."""
        classifier = Classifier(self._bundle, self._precision, self._threads)
        classifier.warm_up()
        self._judge = Judge(classifier, self.metrics)
        self.watcher.start(self._judge)

    def close(self) -> None:
        """Stop everything, within a few seconds even where the camera hangs."""
        self.closing.set()
        self.camera.close()
        self.watcher.close()

    @property
    def judge(self) -> Judge | None:
        """None until the model is loaded and warm."""
        return self._judge

    @property
    def model(self) -> dict[str, str]:
        """The model in use, for the API."""
        return {"name": self.manifest.name, "precision": self.file.precision, "sha256": self.file.sha256}

    def state(self) -> dict[str, Any]:
        """What the screen shows now, as ``/api/state`` says it; ``model`` is null until it is loaded."""
        view = self.watcher.view
        source = self.camera.source
        newest = self.camera.newest
        return {
            **view.answer.to_json(),
            "timing_ms": rounded(view.timing_ms),
            "model": self.model if self._judge else None,
            "frame": view.frame.number if view.frame else 0,
            "age_ms": round(1000 * (time.monotonic() - view.frame.arrived_s), 1) if view.frame else None,
            "camera": self.camera.state.value,
            "fps": round(self.camera.fps, 1),
            "region": view.region,
            "source": {
                "kind": source.kind,
                "demonstration": source.demonstration,
                "caption": newest.shot.caption if newest else None,
            },
        }


def rounded(timing_ms: dict[str, float]) -> dict[str, float]:
    """Milliseconds as the API gives them: microseconds say all there is to say."""
    return {step: round(value, 3) for step, value in timing_ms.items()}
