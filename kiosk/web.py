"""The web application: the visitor's page, the HTTP API, the live picture and the events."""

from __future__ import annotations

import io
import ipaddress
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import segno
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from flask_babel import Babel, force_locale
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import bundle
from kiosk import eye, words
from kiosk.admin import register as register_admin
from kiosk.station import Station, rounded
from kiosk.streams import Channel, Streams
from kiosk.texts import StyleText, Texts, as_json
from kiosk.upload import MAX_UPLOAD_BYTES, ApiError, MemoryRequest, received

_HEADERS = {
    # No inline code or style anywhere; what a browser shows of a visitor's picture is a blob.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    # The live picture must not be shown inside another site.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

log = logging.getLogger(__name__)
pages = Blueprint("pages", __name__)
_EXTENSION, _STREAMS, _TEXTS = "vernissage", "vernissage_streams", "vernissage_texts"


def create_app(station: Station, *, loopback_only: bool = True) -> Flask:
    """The application over a running `station`.

    With `loopback_only` (the server listens on this machine alone) requests for any other host name are
    refused: a foreign page could otherwise point its own name at 127.0.0.1 and read the camera.

    Raises `kiosk.texts.TextsError` where the museum's own texts cannot be used.
    """
    app = Flask(__name__)
    app.request_class = MemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the styles keep the manifest's order
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # words in other letters would be three times as long
    app.extensions[_EXTENSION] = station
    app.extensions[_STREAMS] = Streams(station)
    app.extensions[_TEXTS] = Texts.load(station.settings.texts, _styles(station))
    Babel(app, locale_selector=_language)
    app.register_blueprint(pages)
    if station.settings.admin_token is not None:
        register_admin(app, station)

    @app.before_request
    def guard() -> None:
        if loopback_only and not _is_loopback(request.headers.get("Host", "")):
            raise ApiError(403, "foreign_host", "this kiosk answers on this machine only; use http://127.0.0.1")
        if request.method not in {"GET", "HEAD", "OPTIONS"} and not _is_own_page():
            raise ApiError(403, "cross_origin", "this is taken from the kiosk's own page only")
        # For every address, also those without a body: nobody may make the server read gigabytes.
        if (request.content_length or 0) > MAX_UPLOAD_BYTES:
            raise RequestEntityTooLarge

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    return app


# --- pages -----------------------------------------------------------------------------------------


@pages.get("/")
def index() -> str:
    """The visitor's page, in the language of ``?lang=``."""
    station = _station()
    return render_template(
        "index.html",
        **_in_language(),
        styles=_said_of(_language()),
        settings=_settings(),
        model=station.manifest.name,
    )


@pages.get("/styles/<identifier>")
def style(identifier: str) -> str:
    """The page about a style that a visitor takes along: for any screen, and for paper."""
    texts = _taken_along(identifier)
    return render_template(
        "style.html",
        **_in_language(),
        identifier=identifier,
        text=texts[identifier],
        others={other: text.name for other, text in texts.items() if other != identifier},
        languages=_languages(),
        picture=_picture(identifier),
    )


@pages.get("/styles/<identifier>/qr.svg")
def qr(identifier: str) -> Response:
    """The address of `style`, for the camera of a phone."""
    _taken_along(identifier)
    address = f"{_station().settings.public_url}{url_for('pages.style', identifier=identifier, lang=_language())}"
    drawing = io.BytesIO()
    # Four modules of quiet on each side are what readers ask for (ISO/IEC 18004, 9.1).
    segno.make(address, error="m", micro=False).save(drawing, kind="svg", border=4, xmldecl=False, light="#fff")
    return Response(drawing.getvalue(), content_type="image/svg+xml")


@pages.get("/api/settings")
def settings() -> Response:
    """What the page needs to know of the settings."""
    return jsonify(_settings())


@pages.get("/api/words/<language>")
def spoken(language: str) -> Response:
    """All words and texts of the page in another language, so that it changes without being loaded anew."""
    if language not in _station().settings.languages:
        abort(404)
    with force_locale(language):
        return jsonify(
            {
                "language": language,
                "tag": words.tag(language),
                "direction": words.direction(language),
                "words": words.words(),
                "styles": _said_of(language),
            }
        )


def _settings() -> dict[str, Any]:
    # The version first: what is changed meanwhile is then learned once more.
    version = _station().settings_version
    now = _station().settings
    return {
        "version": version,
        "language": now.language,
        "languages": _languages(),
        "idle_s": now.idle_s,
        "reset_s": now.reset_s,
        "attract_s": now.attract_s,
        "speech": now.speech,
        "take_away": now.take_away,
        "own_pictures": now.own_pictures,
    }


def _language() -> str:
    """The language of the request: the one that it asks for, if the kiosk offers it."""
    now = _station().settings
    asked = request.args.get("lang", "")
    return asked if asked in now.languages else now.language


def _in_language() -> dict[str, Any]:
    """What every page is rendered with."""
    language = _language()
    return {
        "language": language,
        "tag": words.tag(language),
        "direction": words.direction(language),
        "words": words.words(),
    }


def _languages() -> list[dict[str, str]]:
    return [
        {"code": code, "name": words.LANGUAGES[code], "tag": words.tag(code), "direction": words.direction(code)}
        for code in _station().settings.languages
    ]


def _styles(station: Station) -> dict[str, str]:
    """Display names by identifier, in the manifest's order."""
    return {bundle.style_identifier(name): name for name in station.manifest.styles}


def _texts(language: str) -> dict[str, StyleText]:
    texts: Texts = current_app.extensions[_TEXTS]
    return texts.of(language, _styles(_station()))


def _said_of(language: str) -> list[dict[str, str]]:
    """The styles with their texts; ``key`` is the API's name of the style, ``name`` the one that is shown."""
    names = _styles(_station())
    return [{"key": names[style], "identifier": style, **text} for style, text in as_json(_texts(language)).items()]


def _taken_along(identifier: str) -> dict[str, StyleText]:
    """The texts of all styles; 404 where there is nothing to take along, or no such style."""
    texts = _texts(_language())
    if not _station().settings.take_away or identifier not in texts:
        abort(404)
    return texts


def _picture(identifier: str) -> str | None:
    """A canvas of our own in the manner of a style, if there is one."""
    drawn = Path(__file__).parent / "static" / "attract" / f"{identifier}.webp"
    return f"attract/{drawn.name}" if drawn.is_file() else None


@pages.get("/healthz")
def healthz() -> Response:
    """200 as long as the process answers at all."""
    return jsonify(status="up")


@pages.get("/readyz")
def readyz() -> Response:
    """200 once the model is loaded and warm, 503 before. A missing camera does not matter here: the page
    still takes pictures."""
    if _station().judge is None:
        raise _not_ready()
    return jsonify(status="ready")


@pages.get("/metrics")
def metrics() -> Response:
    """The figures of `kiosk.metrics`, for Prometheus."""
    return Response(_station().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


# --- answers ---------------------------------------------------------------------------------------


@pages.post("/api/classify")
def classify() -> Response:
    """Answer about one picture, sent as the multipart field ``image`` or as the body.

    See `kiosk.answer.Answer` for what the fields mean. ``timing_ms`` counts from the first byte being
    there to the answer: ``decode`` (and waiting for other uploads), ``locate``, ``rectify``, ``quality``,
    ``classify``, ``total``.

    With ``?locate=auto``, the default, the painting is found as in the camera's frames, and where none is found the
    whole picture is looked at (``view`` says which); with ``never`` it always is.
    """
    locate = request.args.get("locate", "auto")
    if locate not in {"auto", "never"}:
        raise ApiError(400, "bad_parameter", "locate must be auto or never")
    judge, looking = _station().judge, _station().eye
    if judge is None or looking is None:
        raise _not_ready()
    started = time.perf_counter()
    with received(request) as picture:
        decoded = time.perf_counter()
        sight = looking.glance(picture, locate=locate == "auto")
        located = time.perf_counter()
        painting = eye.upright(picture, sight, judge.size)
        size = list(picture.shape[1::-1])
    rectified = time.perf_counter()
    finding = judge.look(painting)
    sight = eye.advised(sight, finding.quality)
    answer = judge.answer(finding)
    timing_ms = {
        "decode": 1000 * (decoded - started),
        "locate": 1000 * (located - decoded),
        "rectify": 1000 * (rectified - located),
        **finding.timing_ms,
        "total": 1000 * (time.perf_counter() - started),
    }
    _station().metrics.answers.labels("upload", answer.status.value).inc()
    return jsonify(
        {
            **answer.to_json(),
            **eye.to_json(sight),
            "size": size,
            "timing_ms": rounded(timing_ms),
            "model": _station().model,
        }
    )


@pages.get("/api/state")
def state() -> Response:
    """What the screen shows now."""
    return jsonify(_station().state())


# --- streams ---------------------------------------------------------------------------------------


@pages.get("/api/events")
def events() -> Response:
    """The state as server-sent events: at every change that a visitor could see, and each second."""
    return _stream(lambda streams: streams.events)


@pages.get("/stream.mjpg")
def stream() -> Response:
    """The live picture as motion JPEG."""
    return _stream(lambda streams: streams.pictures)


def _stream(choose: Callable[[Streams], Channel]) -> Response:
    streams: Streams = current_app.extensions[_STREAMS]
    subscription = streams.subscribe(choose(streams))
    if subscription is None:
        raise ApiError(503, "too_many_viewers", "all places are taken; try again later")
    # As it is, so that the server knows what it sends.
    return Response(subscription, content_type=subscription.channel.content_type, direct_passthrough=True)


# --- errors and guards -----------------------------------------------------------------------------


def _api_error(error: ApiError) -> Response:
    response = _error_page(error) if _is_page() else jsonify(error={"code": error.code, "message": error.message})
    response.status_code = error.status
    if error.status == 503:
        response.headers["Retry-After"] = "2"
    return response


def _is_page() -> bool:
    """Whether somebody has opened this address in a browser. The API answers in JSON whoever asks."""
    prefers = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return prefers == "text/html" and not request.path.startswith(("/api/", "/admin/api/"))


def _error_page(error: ApiError) -> Response:
    said = words.words()
    is_nothing = error.status == 404
    return make_response(
        render_template(
            "error.html",
            **_in_language(),
            title=said["not_found" if is_nothing else "wrong"],
            note=said["not_found_note" if is_nothing else "not_shown_note"],
            reason="" if is_nothing else error.message,
        )
    )


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    if code < 400:  # a redirect is no error
        return Response(error.get_response().get_data(), code, dict(error.get_response().headers))
    if isinstance(error, RequestEntityTooLarge):
        answer = ApiError(413, "too_many_bytes", f"a picture may have {MAX_UPLOAD_BYTES:,} bytes at most")
    else:
        answer = ApiError(code, error.name.lower().replace(" ", "_"), error.description or error.name)
    response = _api_error(answer)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _api_error(ApiError(500, "internal_error", "something went wrong inside the kiosk"))


def _not_ready() -> ApiError:
    return ApiError(503, "not_ready", "the model is being loaded; try again in a moment")


def _is_loopback(host_header: str) -> bool:
    """Whether a Host header names this machine; an empty one comes from no browser."""
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
        return name in {"", "localhost"} or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_own_page() -> bool:
    """Whether a request that changes or costs something comes from our page, or from no page at all."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")


def _station() -> Station:
    station: Station = current_app.extensions[_EXTENSION]
    return station
