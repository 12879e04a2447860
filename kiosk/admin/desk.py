"""What the administrator sees and does: one page, and the API behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from annotated_types import Ge, Gt, Le
from flask import Blueprint, Response, current_app, jsonify, render_template, request

from kiosk import v4l2
from kiosk.admin.door import csrf_token, door
from kiosk.exchange import Exchange, ExchangeError, Step
from kiosk.logs import LEVELS, as_json, journal
from kiosk.settings import LANGUAGES, TRAITS, Settings, SettingsError, choices, flag, in_words, keep, variable
from kiosk.station import Station
from kiosk.upload import ApiError

# What can be set from here. Not: where the kiosk listens, whose signatures it takes and which folders it reads. Who has
# the token may run the gallery's screen, not open the machine.
EDITABLE = (
    *("source", "camera_size", "camera_rate", "exposure", "locate", "region", "markers"),
    *("least_known", "precision", "threads"),
    *("language", "languages", "idle_s", "reset_s", "attract_s", "speech", "own_pictures", "take_away", "public_url"),
    *("log_format", "log_level"),
)

# Each language's own name for itself: whoever chooses it can read it.
LANGUAGE_NAMES = dict(
    zip(
        LANGUAGES,
        ("English", "Français", "Deutsch", "Español", "Italiano", "Nederlands", "日本語", "中文", "العربية"),
        strict=True,
    )
)

desk = Blueprint(
    "admin",
    __name__,
    url_prefix="/admin",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


class Desk:
    """What the page needs to remember beside the station."""

    EXTENSION: ClassVar[str] = "vernissage_desk"

    def __init__(self, station: Station) -> None:
        self.station = station
        self.exchange = Exchange(station)
        self.started = station.settings
        """Those of the start."""
        self._kept = station.settings
        self._written: dict[str, str] = {}
        self._writing = threading.Lock()

    @property
    def unkept(self) -> list[str]:
        """Settings that were changed and that the next start will not know of."""
        now = self.station.settings
        return [name for name in TRAITS if _place(getattr(now, name)) != _place(getattr(self._kept, name))]

    def keep(self) -> Path:
        """Write them to the settings file; raises `SettingsError`."""
        with self._writing:
            now = self.station.settings
            names = self.unkept
            path = keep(now, names)
            self._kept = now
            self._written |= dict.fromkeys(names, str(path))
            return path

    def origin(self, name: str) -> str | None:
        """Where the present value of a setting stands; None for the default, and for what is not kept."""
        now = self.station.settings
        return now.origin(name) or (None if name in self.unkept else self._written.get(name))

    def undo(self) -> None:
        """Take them back: all but the bundle at once, and that as it came, by an exchange that begins here. Raises
        `SettingsError` and `ExchangeError`."""
        names, kept = set(self.unkept), self._kept
        if "bundle" in names and self.exchange.busy:
            raise ExchangeError("a bundle is being exchanged; wait a moment")
        self.station.change(**{name: getattr(kept, name) for name in names - {"bundle"}})
        if "bundle" in names:
            self.exchange.go_back(kept.bundle)


def _place(value: object) -> object:
    """A path may be written in several ways."""
    return value.resolve() if isinstance(value, Path) else value


def _desk() -> Desk:
    found: Desk = current_app.extensions[Desk.EXTENSION]
    return found


@desk.before_request
def guard() -> None:
    """Nobody comes in without a session but to the door itself, and nothing is changed without its CSRF token."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        door().check()
    if request.endpoint not in {"admin.page", "admin.static", "admin.sign_in"} and not door().is_open():
        raise ApiError(401, "signed_out", "sign in first")


# --- the page and the door -------------------------------------------------------------------------


@desk.get("")
def page() -> str:
    """The page, or the door where nobody has signed in."""
    if not door().is_open():
        return render_template("admin/door.html", csrf=csrf_token())
    return render_template(
        "admin/desk.html",
        csrf=csrf_token(),
        languages=LANGUAGE_NAMES,
        levels=LEVELS,
        precisions=choices("precision"),
        about={name: Settings.model_fields[name].description for name in TRAITS},
    )


@desk.post("/api/sign-in")
def sign_in() -> Response:
    """``{"token": ...}``: 200 and a session, 401, or 429 after too many tries."""
    door().enter(_text(_body(), "token"))
    return jsonify(status="signed_in")


@desk.post("/api/sign-out")
def sign_out() -> Response:
    """End this session."""
    door().leave()
    return jsonify(status="signed_out")


# --- settings --------------------------------------------------------------------------------------


@desk.get("/api/settings")
def settings() -> Response:
    """All settings but secrets, and what is to be known of each."""
    return jsonify(_settings())


@desk.patch("/api/settings")
def change() -> Response:
    """``{"language": "fr", ...}``: other values until the next start, all or none. 422 names the one at fault."""
    wanted = _body()
    now = _desk().station.settings
    strange = sorted(wanted.keys() - set(EDITABLE))
    if strange:
        raise ApiError(422, "bad_setting", f"{strange[0]} cannot be set from here")
    shown = now.visible()
    fields = {name: value for name, value in wanted.items() if value != shown[name]}
    try:
        _desk().station.change(**fields)
    except SettingsError as error:
        raise ApiError(422, "bad_setting", str(error)) from error
    return jsonify(_settings())


@desk.post("/api/keep")
def keep_settings() -> Response:
    """Write what was changed to the settings file."""
    try:
        path = _desk().keep()
    except SettingsError as error:
        raise ApiError(409, "not_kept", str(error)) from error
    return jsonify({**_settings(), "file": str(path)})


@desk.post("/api/undo")
def undo() -> Response:
    """Take back what was changed and not kept; ``GET /admin/api/bundles`` says how it goes with a bundle."""
    try:
        _desk().undo()
    except (SettingsError, ExchangeError) as error:
        raise ApiError(409, "not_undone", str(error)) from error
    return jsonify(_settings())


def _settings() -> dict[str, Any]:
    station = _desk().station
    now, shown = station.settings, station.settings.visible()
    rule = station.file.known
    return {
        "values": shown,
        "facts": [
            {
                "name": name,
                "group": trait.group,
                "about": Settings.model_fields[name].description,
                "text": _shown(name, now, shown),
                "origin": _desk().origin(name),
                "live": trait.live,
                "editable": name in EDITABLE,
                # The next start will read this one again, whatever the file says.
                "overruled": _desk().started.origin(name) in {flag(name), variable(name)},
                **_limits(name),
            }
            for name, trait in TRAITS.items()
        ],
        "unkept": _desk().unkept,
        "waiting": sorted(station.waiting),
        "file": str(now.file) if now.file else None,
        "threshold": rule.threshold,
        "doubts": [f"{says}; {advice}" for says, advice in now.doubts],
    }


def _shown(name: str, now: Settings, shown: Mapping[str, Any]) -> str:
    """A value in words, without what is secret of it."""
    if not TRAITS[name].flag:
        return "set" if getattr(now, name) is not None else "none"
    return str(shown[name]) if name == "source" else in_words(name, getattr(now, name))


def _limits(name: str) -> dict[str, float]:
    """The least and the most of a number."""
    limits: dict[str, float] = {}
    for part in Settings.model_fields[name].metadata:
        match part:
            case Ge(least):
                limits["least"] = float(least)  # type: ignore[arg-type]  # of a number
            case Le(most):
                limits["most"] = float(most)  # type: ignore[arg-type]
            case Gt(above):
                limits["above"] = float(above)  # type: ignore[arg-type]
    return limits


# --- cameras, bundles, log, restart ----------------------------------------------------------------


@desk.get("/api/cameras")
def cameras() -> Response:
    """Cameras of this machine, by the name that stays when others come and go."""
    found = [
        {"source": str(device.stable_path or device.path), "name": device.name, "problem": device.problem}
        for device in v4l2.devices()
    ]
    return jsonify(cameras=found)


@desk.get("/api/bundles")
def bundles() -> Response:
    """The bundles among which there is a choice, and how the last exchange went."""
    exchange, station = _desk().exchange, _desk().station
    folder = station.settings.bundles
    progress = exchange.progress  # once: it may end meanwhile
    return jsonify(
        {
            "folder": str(folder) if folder else None,
            "in_use": {"name": station.manifest.name, "folder": str(station.folder)},
            "bundles": [asdict(offer) for offer in exchange.offers()],
            "exchange": progress.to_json() if progress else None,
            "busy": progress is not None and progress.busy,
        }
    )


@desk.post("/api/bundles")
def exchange_bundle() -> tuple[Response, int]:
    """``{"folder": name}``: begin to exchange; ``GET`` says how it goes."""
    try:
        progress = _desk().exchange.begin(_text(_body(), "folder"))
    except ExchangeError as error:
        raise ApiError(409, "no_exchange", str(error)) from error
    return jsonify(exchange=progress.to_json(), busy=True), 202


@desk.get("/api/log")
def log_lines() -> Response:
    """Lines of the log with a number above ``after``, of the level ``least`` or above."""
    least = request.args.get("least", "debug")
    if least not in LEVELS:
        raise ApiError(400, "bad_parameter", f"least must be one of {', '.join(LEVELS)}")
    after = request.args.get("after", 0, type=int)
    return jsonify(lines=[as_json(line) for line in journal.lines(after, least)])


@desk.post("/api/restart")
def restart() -> tuple[Response, int]:
    """Start the whole process anew. What was not kept is lost."""
    exchange = _desk().exchange.progress
    if exchange is not None and exchange.step is Step.TRIAL:
        raise ApiError(409, "busy", "a bundle is being tried; wait a moment")
    _desk().station.restarting.set()
    return jsonify(status="restarting"), 202


def _body() -> Mapping[str, Any]:
    try:
        body = request.get_json(silent=True)
        # JSON can say half of a character ("\\ud800"), which is no text: no file, log or answer could hold it.
        json.dumps(body, ensure_ascii=False).encode()
    except (RecursionError, UnicodeEncodeError):
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "bad_body", "the body must be a JSON object")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise ApiError(400, "bad_body", f"{name} must be text")
    return value
