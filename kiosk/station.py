"""The running parts of one kiosk, put together."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bundle
from kiosk import eye, logs
from kiosk.camera import Camera, CameraState
from kiosk.classifier import Classifier, default_threads
from kiosk.eye import Eye
from kiosk.judge import Judge
from kiosk.locator import Locator
from kiosk.locator.classical import ClassicalLocator
from kiosk.locator.network import NetworkLocator
from kiosk.metrics import Metrics
from kiosk.preview import Preview
from kiosk.settings import TRAITS, Settings, SettingsError
from kiosk.source import CameraSettings, Source, SourceError, parse
from kiosk.watcher import Watcher

# Settings that another source, and another way of finding paintings, follow from.
_OF_THE_CAMERA = frozenset({"source", "camera_size", "camera_rate", "exposure"})
_OF_THE_EYE = frozenset({"locate"})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """A bundle that was loaded, agrees with its reference answers and is warm."""

    verified: bundle.Bundle
    classifier: Classifier
    locator: Locator

    @classmethod
    def load(cls, verified: bundle.Bundle, settings: Settings) -> Engine:
        """Raises as `Classifier` and `NetworkLocator` do."""
        classifier = Classifier(verified, settings.precision, settings.threads)
        classifier.warm_up()
        return cls(verified, classifier, _locator(verified, settings))

    def looking(self, settings: Settings) -> Engine:
        """The same with the locator that `settings` ask for; raises as `NetworkLocator` does."""
        if settings.locate == "never" or isinstance(self.locator, NetworkLocator):
            return self
        return replace(self, locator=_locator(self.verified, settings))


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
        # In milliseconds, so that no two starts begin with the same number, and a browser counts them exactly.
        self._settings_version = time.time_ns() // 1_000_000
        self._changing = threading.Lock()
        self._engine: Engine | None = None
        self._judge: Judge | None = None
        self._eye: Eye | None = None
        self._looking = where(self._settings), False
        self.camera = Camera(source or source_of(self._settings))
        self.metrics = Metrics(self.camera)
        self.preview = Preview(self.camera)
        self.watcher = Watcher(self.camera, self.metrics, verified.manifest.styles)
        self.closing = threading.Event()
        self.restarting = threading.Event()
        """Set where the whole process is to be started anew."""
        verified.file(self._settings.precision)  # a bundle without it is a mistake at once

    def open(self) -> None:
        """Begin to read the source."""
        self.camera.start()

    def load(self) -> None:
        """Load the model and the locator, warm them up, and begin to watch. Raises as `Classifier` and
        `NetworkLocator` do."""
        with self._changing:
            self._take(Engine.load(self._bundle, self._settings))
            assert self._judge is not None and self._eye is not None
            self.watcher.start(self._judge, self._eye)

    def use(self, engine: Engine) -> Engine:
        """Look with `engine` from the next frame on, and name its bundle in the settings. Returns the one before."""
        with self._changing:
            before = self._engine
            assert before is not None, "nothing can be exchanged before it is loaded"
            self._bundle = engine.verified
            self._settings = self._settings.changed(bundle=engine.verified.folder)
            self._settings_version += 1
            self._take(engine)
            return before

    def _take(self, engine: Engine) -> None:
        """Build judge and eye from `engine` and the present settings."""
        settings, source = self._settings, self.camera.coming
        classifier = engine.classifier
        judge = Judge(classifier, self.metrics, settings.least_known)
        if self._judge is None or self._judge.classifier is not classifier or self._judge.rule != judge.rule:
            self._judge = judge
        looking = where(settings), source.whole
        if self._eye is None or self._looking != looking:
            self._eye = Eye(engine.locator, looking[0], whole=looking[1])
        elif self._eye.locator is not engine.locator:
            self._eye = self._eye.through(engine.locator)
        self._engine, self._looking = engine, looking
        self.metrics.name_model(classifier.provider, classifier.refused, engine.locator.name)
        self.watcher.use(self._judge, self._eye)

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
    def settings_version(self) -> int:
        """Goes up with every change of the settings and exchange of the bundle, and is another one after a restart:
        what was learned of them at another version is no longer true."""
        return self._settings_version

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
            if "bundle" in differ:
                raise SettingsError("another bundle is taken by `use`, once it has proved itself", "bundle")
            if "precision" in differ:
                try:
                    self._bundle.file(new.precision)
                except bundle.BundleError as error:  # at the next start it would be the end of the kiosk
                    raise SettingsError(str(error), "precision") from error
            source = None
            if differ & _OF_THE_CAMERA:
                try:
                    source = source_of(new)
                except SourceError as error:
                    raise SettingsError(str(error), "source") from error
            engine = self._engine
            if engine is not None and differ & _OF_THE_EYE:
                engine = engine.looking(new)
            self._settings = new
            self._settings_version += bool(differ)
            self._waiting |= {name for name in differ if not TRAITS[name].live}
            if source is not None:
                self.camera.change(source)
            if engine is not None:
                self._take(engine)
            if differ & {"log_format", "log_level"}:
                logs.change(new.log_format, new.log_level)
            if differ:
                self.metrics.settings_changes.inc()
                log.info("settings changed: %s", ", ".join(sorted(differ)))
            return new

    @property
    def manifest(self) -> bundle.Manifest:
        """Of the bundle in use."""
        return self._bundle.manifest

    @property
    def file(self) -> bundle.ModelFile:
        """The model file in use."""
        return self._bundle.file(self._settings.precision) if self._engine is None else self._engine.classifier.file

    @property
    def folder(self) -> Path:
        """Of the bundle in use."""
        return self._bundle.folder

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
        return {
            **shown.answer.to_json(),
            **eye.to_json(shown.sight),
            "timing_ms": rounded(shown.timing_ms),
            "model": self.model if self._judge else None,
            "frame": shown.frame.number if shown.frame else 0,
            "size": [shown.frame.width, shown.frame.height] if shown.frame else None,
            "age_ms": round(1000 * (time.monotonic() - shown.frame.arrived_s), 1) if shown.frame else None,
            "camera": self.camera.state.value,
            "camera_fault": self.camera.fault.value if self.camera.fault else None,
            "fps": round(self.camera.fps, 1),
            "settings_version": self.settings_version,
            "source": {
                "kind": source.kind,
                "demonstration": source.demonstration,
                "caption": shown.caption if self.camera.state is CameraState.LIVE else None,
            },
        }


def source_of(settings: Settings) -> Source:
    """The source that the settings name; raises `SourceError`."""
    width, height = settings.camera_size
    return parse(settings.source, CameraSettings(width, height, settings.camera_rate, settings.exposure))


def where(settings: Settings) -> eye.Settings:
    """Where to look, as the eye takes it."""
    return eye.Settings(settings.locate == "auto", settings.markers, settings.region)


def _locator(verified: bundle.Bundle, settings: Settings) -> Locator:
    # Where paintings are not looked for, a locator that cannot be loaded does no harm.
    return load_locator(verified, settings.threads) if settings.locate == "auto" else ClassicalLocator()


def load_locator(verified: bundle.Bundle, threads: int | None = None) -> Locator:
    """The bundle's own locator, or the classical one where it has none; raises as `NetworkLocator` does."""
    if verified.manifest.locator is None:
        return ClassicalLocator()
    return NetworkLocator(verified, threads or default_threads())


def rounded(timing_ms: dict[str, float]) -> dict[str, float]:
    """Milliseconds as the API gives them: microseconds say all there is to say."""
    return {step: round(value, 3) for step, value in timing_ms.items()}
