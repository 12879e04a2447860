"""Another bundle in place of the one in use, while visitors look on.

The new one is verified, loaded beside the old, held against its reference answers and warmed up; only then it takes
over, between two frames. For its first looks at what hangs there it is on trial: one that fails brings the old one
back. Whatever goes wrong, visitors keep the label that they had.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import bundle
from bundle.folder import MANIFEST_NAME
from bundle.signature import SIGNATURE_NAME
from bundle.signature import verify as verify_signature
from kiosk.classifier import ClassifierError
from kiosk.locator.network import LocatorError
from kiosk.settings import default_bundle
from kiosk.station import Engine, Station

# Looks that a new network is on trial for, and seconds after which it has passed for want of looks: where no painting
# is in view, or no camera is there, nothing more can be asked of it. A second and a half of looks, so that a fault is
# found while the label of before is still held.
TRIAL_LOOKS, TRIAL_S = 12, 3.0

# Seconds between two looks at how the trial goes.
_TICK_S = 0.02

# Folders that are offered: a longer list helps nobody.
_MOST_OFFERED = 100

log = logging.getLogger(__name__)


class Step(enum.StrEnum):
    """Where an exchange is."""

    VERIFY = "verify"
    """Signature and hashes."""
    LOAD = "load"
    """Loading it beside the one in use, its answers to the reference pictures, and warming up."""
    TRIAL = "trial"
    """It is in use, and looked after."""
    DONE = "done"
    REFUSED = "refused"
    """It never came into use."""
    ROLLED_BACK = "rolled_back"
    """It was in use, failed, and the one before is back."""


ENDED = frozenset({Step.DONE, Step.REFUSED, Step.ROLLED_BACK})


class ExchangeError(ValueError):
    """An exchange cannot begin; the message is one line."""


@dataclass(frozen=True)
class Progress:
    """How an exchange goes, or went."""

    folder: str
    step: Step
    reason: str | None = None
    """Why it was refused or rolled back, in one line."""
    seconds: float = 0.0
    before_ms: float | None = None
    """Milliseconds of one picture, of the network before."""
    after_ms: float | None = None

    @property
    def busy(self) -> bool:
        """Whether it goes on."""
        return self.step not in ENDED

    def to_json(self) -> dict[str, Any]:
        """As the API gives it."""
        return asdict(self)


@dataclass(frozen=True)
class Offer:
    """A folder among which the administrator may choose."""

    folder: str
    """Its name in the folder of bundles; the whole path of one that lies elsewhere."""
    name: str | None = None
    """By its manifest; None where it has none that can be read."""
    created: str | None = None
    signed: bool = False
    in_use: bool = False
    fault: str | None = None
    """Why it cannot be chosen, as far as its manifest tells."""


class _Refused(Exception):
    """The new bundle cannot be used; the message is one line."""


class Exchange:
    """One exchange at a time, in a thread of its own."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._first = station.settings.bundle
        self._busy = threading.Lock()
        self._progress: Progress | None = None

    @property
    def progress(self) -> Progress | None:
        """Of the exchange in progress, or the last one; None before the first."""
        return self._progress

    @property
    def busy(self) -> bool:
        """Whether one is in progress."""
        progress = self._progress
        return progress is not None and progress.busy

    def offers(self) -> list[Offer]:
        """The bundles among which there is a choice, by name; only manifests are read."""
        return [self._offer(name, path) for name, path in self._choices().items()]

    def begin(self, name: str) -> Progress:
        """Exchange the bundle in use for the one that is offered as `name`; returns at once. Raises `ExchangeError`."""
        # A choice among what is there, never any path.
        path = self._choices().get(name)
        if path is None:
            bundles = self._station.settings.bundles
            if bundles is None:
                raise ExchangeError("no folder of bundles is set (bundles in the settings file, --bundles FOLDER)")
            raise ExchangeError(f"there is no bundle {name!r} in {bundles}")
        return self._begin(name, path)

    def go_back(self, path: Path) -> Progress:
        """Exchange the bundle in use for one that the settings named before; as `begin`."""
        names = {each.resolve(): name for name, each in self._choices().items()}
        return self._begin(names.get(path.resolve(), str(path.absolute())), path)

    def _begin(self, name: str, path: Path) -> Progress:
        if self._station.judge is None:
            raise ExchangeError("the first bundle is still being loaded; try again in a moment")
        if not self._busy.acquire(blocking=False):
            raise ExchangeError("another exchange is in progress")
        self._progress = Progress(name, Step.VERIFY)
        threading.Thread(target=self._work, args=(path,), name="exchange", daemon=True).start()
        return self._progress

    def _choices(self) -> dict[str, Path]:
        """What is in the folder of bundles; and, so that there is always a way back, the bundle of the start and the
        one that ships, wherever they lie."""
        bundles = self._station.settings.bundles
        inside = sorted(bundles.iterdir()) if bundles is not None and bundles.is_dir() else []
        found = {path.name: path for path in inside if (path / MANIFEST_NAME).is_file()}
        found = dict(list(found.items())[:_MOST_OFFERED])
        for path in (self._first, default_bundle()):
            is_new = path.resolve() not in {each.resolve() for each in found.values()}
            if is_new and (path / MANIFEST_NAME).is_file():
                found[str(path.absolute())] = path
        return found

    def _offer(self, name: str, path: Path) -> Offer:
        offer = Offer(name, in_use=path.resolve() == self._station.folder.resolve())
        try:
            manifest = bundle.load(path, lambda file: False).manifest
        except bundle.BundleError as error:
            return replace(offer, fault=_without(path, error))
        return replace(
            offer,
            name=manifest.name,
            created=manifest.created.date().isoformat(),
            signed=(path / SIGNATURE_NAME).is_file(),
            fault=self._unfit(manifest),
        )

    def _unfit(self, manifest: bundle.Manifest) -> str | None:
        """Why the bundle of a manifest cannot be taken while the kiosk runs; None where it can."""
        precision = self._station.settings.precision
        files = [file for file in manifest.files if (file.format, file.precision) == ("onnx", precision)]
        if not files:
            return f"it has no ONNX file of precision {precision}"
        if any(file.reference is None for file in files):
            return "it has no reference answers, so that nobody can tell whether it computes right here"
        if manifest.styles != self._station.manifest.styles:
            return "it knows other styles than the screen shows; name it in the settings and restart"
        return None

    def _work(self, folder: Path) -> None:
        started = time.monotonic()
        try:
            step, reason = self._exchange(folder)
        except Exception as error:  # whatever a strange bundle makes a library raise
            log.exception("exchanging the bundle failed")
            step, reason = Step.REFUSED, f"{type(error).__name__}: {error}".splitlines()[0]
        assert self._progress is not None
        self._progress = replace(self._progress, step=step, reason=reason, seconds=round(time.monotonic() - started, 2))
        self._station.metrics.bundle_swaps.labels(step.value).inc()
        if step is Step.DONE:
            log.info("bundle %s is in use", folder)
        else:
            log.warning("bundle %s is not in use: %s", folder, reason)
        self._busy.release()

    def _exchange(self, folder: Path) -> tuple[Step, str | None]:
        station = self._station
        try:
            engine = self._prepared(folder)
        except _Refused as refused:
            return Step.REFUSED, str(refused)
        before = station.use(engine)
        self._enter(
            Step.TRIAL,
            before_ms=round(before.classifier.choice.latency_ms, 1),
            after_ms=round(engine.classifier.choice.latency_ms, 1),
        )
        reason = self._trial()
        if reason is None:
            return Step.DONE, None
        station.use(before)
        return Step.ROLLED_BACK, f"{reason}; the bundle of before is back"

    def _prepared(self, folder: Path) -> Engine:
        """The new bundle, verified, loaded, in agreement with its reference answers, and warm."""
        settings = self._station.settings
        try:
            if settings.key is not None:
                verify_signature(folder, settings.key)
            verified = bundle.load(folder, lambda file: (file.format, file.precision) == ("onnx", settings.precision))
            unfit = self._unfit(verified.manifest)
            if unfit:
                raise _Refused(unfit)
            self._enter(Step.LOAD)
            # `Classifier` compares with the reference answers, and refuses what differs.
            return Engine.load(verified, settings)
        except (bundle.BundleError, ClassifierError, LocatorError) as error:
            raise _Refused(_without(folder, error)) from error

    def _trial(self) -> str | None:
        """Why the network in use fails at what hangs there; None where it does not."""
        station = self._station
        judge = station.judge
        assert judge is not None
        failures = station.watcher.failures
        end = time.monotonic() + TRIAL_S
        while time.monotonic() < end and judge.looks < TRIAL_LOOKS and not station.closing.wait(_TICK_S):
            if station.judge is not judge:  # another threshold meanwhile
                return None
            if judge.faults:
                return f"it gave no numbers, or an error, at look {judge.looks}"
            if station.watcher.failures > failures:
                return "a frame could not be judged"
        return None

    def _enter(self, step: Step, **facts: Any) -> None:
        assert self._progress is not None
        self._progress = replace(self._progress, step=step, **facts)


def _without(folder: Path, error: Exception) -> str:
    """What is wrong with a bundle, for whoever is told its folder beside it."""
    return str(error).removeprefix(f"{folder}: ")
