"""The running parts of one kiosk, put together."""

from __future__ import annotations

import threading
import time
from typing import Any

import bundle
from kiosk import eye
from kiosk.camera import Camera
from kiosk.classifier import Classifier, default_threads
from kiosk.eye import Eye
from kiosk.judge import Judge
from kiosk.locator import Locator
from kiosk.locator.classical import ClassicalLocator
from kiosk.locator.network import NetworkLocator
from kiosk.metrics import Metrics
from kiosk.preview import Preview
from kiosk.settings import TRAITS, Settings
from kiosk.source import CameraSettings, Source, parse
from kiosk.watcher import Watcher


class Station:
    """A camera, a model and what lies between them. `open`, then `load`, at last `close`.

    The page and the camera's picture are there from `open` on; answers only after `load`, which takes
    longer.
    """

    def __init__(
        self,
        verified: bundle.Bundle,
        settings: Settings | None = None,
        source: Source | None = None,
    ) -> None:
        """A kiosk of a bundle that was loaded, told by `settings` (by default, the defaults); `source` is in place of
        the one that the settings name. Raises `SourceError` where they name none."""
        self._bundle = verified
        self._settings = settings or Settings()
        self._waiting: frozenset[str] = frozenset()
        self._changing = threading.Lock()
        self._judge: Judge | None = None
        self._eye: Eye | None = None
        self.file = verified.file(self._settings.precision)
        self.manifest = verified.manifest
        self.camera = Camera(source or source_of(self._settings))
        self.metrics = Metrics(self.camera)
        self.preview = Preview(self.camera)
        self.watcher = Watcher(self.camera, self.metrics, verified.manifest.styles)
        self.closing = threading.Event()

    def open(self) -> None:
        """Begin to read the source."""
        self.camera.start()

    def load(self) -> None:
        """Load the model and the locator, warm them up, and begin to watch. Raises as `Classifier` and
        `NetworkLocator` do."""
        settings = self._settings
        classifier = Classifier(self._bundle, settings.precision, settings.threads)
        classifier.warm_up()
        # Where paintings are not looked for, a locator that cannot be loaded does no harm.
        locates = settings.locate == "auto"
        locator = load_locator(self._bundle, settings.threads) if locates else ClassicalLocator()
        self._eye = Eye(locator, where(settings), whole=self.camera.source.whole)
        self._judge = Judge(classifier, self.metrics)
        self.metrics.name_model(classifier.provider, classifier.refused, locator.name)
        self.watcher.start(self._judge, self._eye)

    def close(self) -> None:
        """Stop everything, within a few seconds even where the camera hangs."""
        self.closing.set()
        self.camera.close()
        self.watcher.close()

    @property
    def settings(self) -> Settings:
        """The present settings."""
        return self._settings

    @property
    def waiting(self) -> frozenset[str]:
        """Names of settings that were changed and take effect at the next start."""
        return self._waiting

    def change(self, **fields: Any) -> Settings:
        """Take other values for some settings, until the next start (`kiosk.settings.keep` writes them to the file).
        What can be done at once is done; the others are remembered in `waiting`. Raises `SettingsError`, and then
        nothing has changed."""
        with self._changing:
            new = self._settings.changed(**fields)
            differ = {name for name in fields if getattr(new, name) != getattr(self._settings, name)}
            self._settings = new
            self._waiting |= {name for name in differ if not TRAITS[name].live}
            return new

    @property
    def judge(self) -> Judge | None:
        """None until the model is loaded and warm."""
        return self._judge

    @property
    def eye(self) -> Eye | None:
        """None until the model is loaded and warm."""
        return self._eye

    @property
    def model(self) -> dict[str, Any]:
        """The model in use, for the API; what it runs on is known once it is loaded."""
        named = {"name": self.manifest.name, "precision": self.file.precision, "sha256": self.file.sha256}
        if self._judge is None or self._eye is None:
            return named
        classifier = self._judge.classifier
        return named | {
            "provider": classifier.provider,
            "providers_refused": classifier.refused,
            "locator": self._eye.locator.name,
        }

    def state(self) -> dict[str, Any]:
        """What the screen shows now, as ``/api/state`` says it; ``model`` is null until it is loaded."""
        shown = self.watcher.showing
        source = self.camera.source
        newest = self.camera.newest
        return {
            **shown.answer.to_json(),
            **eye.to_json(shown.sight),
            "timing_ms": rounded(shown.timing_ms),
            "model": self.model if self._judge else None,
            "frame": shown.frame.number if shown.frame else 0,
            "size": list(shown.frame.shot.image_bgr.shape[1::-1]) if shown.frame else None,
            "age_ms": round(1000 * (time.monotonic() - shown.frame.arrived_s), 1) if shown.frame else None,
            "camera": self.camera.state.value,
            "camera_fault": self.camera.fault.value if self.camera.fault else None,
            "fps": round(self.camera.fps, 1),
            "source": {
                "kind": source.kind,
                "demonstration": source.demonstration,
                "caption": newest.shot.caption if newest else None,
            },
        }


def source_of(settings: Settings) -> Source:
    """The source that the settings name; raises `SourceError`."""
    width, height = settings.camera_size
    return parse(settings.source, CameraSettings(width, height, settings.camera_rate, settings.exposure))


def where(settings: Settings) -> eye.Settings:
    """Where to look, as the eye takes it."""
    return eye.Settings(settings.locate == "auto", settings.markers, settings.region)


def load_locator(verified: bundle.Bundle, threads: int | None = None) -> Locator:
    """The bundle's own locator, or the classical one where it has none; raises as `NetworkLocator` does."""
    if verified.manifest.locator is None:
        return ClassicalLocator()
    return NetworkLocator(verified, threads or default_threads())


def rounded(timing_ms: dict[str, float]) -> dict[str, float]:
    """Milliseconds as the API gives them: microseconds say all there is to say."""
    return {step: round(value, 3) for step, value in timing_ms.items()}
