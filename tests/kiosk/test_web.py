from __future__ import annotations

import io
import json
import random
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

import bundle
from kiosk import streams
from kiosk.station import Station
from kiosk.upload import MAX_UPLOAD_BYTES
from kiosk.web import create_app
from tests.scripted import showing
from tests.stand_in import BLUE, GREY, RED, STYLES, encoded, painting, until

SOLID = np.full((64, 64, 3), 200, np.uint8)
JPEG = encoded(painting(RED))


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header announces any size, without the pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("picture", "format", "status", "style"),
    [
        pytest.param(painting(RED), "JPEG", "recognised", "Impressionism", id="a JPEG"),
        pytest.param(painting(BLUE), "PNG", "recognised", "Expressionism", id="a PNG"),
        pytest.param(painting(RED), "WEBP", "recognised", "Impressionism", id="a WebP"),
        pytest.param(painting(GREY), "JPEG", "unknown_style", None, id="none of the styles"),
        pytest.param(SOLID, "PNG", "no_painting", None, id="nothing in it"),
        pytest.param(painting(RED) // 8, "PNG", "too_dark", None, id="too dark"),
        pytest.param(cv2.GaussianBlur(painting(RED), (0, 0), 5), "PNG", "too_blurred", None, id="too blurred"),
    ],
)
@pytest.mark.parametrize("as_field", [True, False], ids=["as a field", "as the body"])
def test_classify(
    client: FlaskClient, picture: Any, format: str, status: str, style: str | None, as_field: bool
) -> None:
    data = encoded(picture, format)
    if as_field:
        response = client.post("/api/classify", data={"image": (io.BytesIO(data), "picture")})
    else:
        response = client.post("/api/classify?locate=never", data=data)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert (body["status"], body["style"]) == (status, style)
    assert list(body["probabilities"]) == list(STYLES)
    assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert 0 <= body["confidence"] <= 1
    assert style is None or body["confidence"] == body["probabilities"][style]
    assert body["painting"] is None
    assert body["timing_ms"]["total"] >= body["timing_ms"]["decode"] > 0
    assert body["model"]["name"] == "stand-in"
    assert body["model"]["precision"] == "int8"
    assert len(body["model"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("query", "request_settings", "status", "code"),
    [
        pytest.param("", {}, 400, "no_image", id="no body"),
        pytest.param("", {"data": {}, "content_type": "multipart/form-data"}, 400, "no_image", id="no field"),
        pytest.param("", {"data": {"picture": (io.BytesIO(JPEG), "x")}}, 400, "no_image", id="another field"),
        pytest.param(
            "",
            {"data": {"image": "text"}, "content_type": "multipart/form-data"},
            400,
            "no_image",
            id="a field that is text",
        ),
        pytest.param("", {"data": {"image": (io.BytesIO(), "x")}}, 400, "no_image", id="an empty file"),
        pytest.param("", {"data": JPEG, "content_type": "multipart/form-data"}, 400, "no_image", id="no boundary"),
        pytest.param("", {"data": b"not a picture"}, 400, "unreadable_image", id="bytes of nothing"),
        pytest.param("", {"data": JPEG[:700]}, 400, "unreadable_image", id="a JPEG cut short"),
        pytest.param("", {"data": encoded(SOLID, "PNG")[:60]}, 400, "unreadable_image", id="a PNG cut short"),
        pytest.param("", {"data": encoded(SOLID, "WEBP")[:40]}, 400, "unreadable_image", id="a WebP cut short"),
        pytest.param("", {"data": encoded(SOLID, "GIF")}, 415, "unsupported_type", id="a GIF"),
        pytest.param(
            "",
            {"data": encoded(SOLID, "BMP"), "content_type": "image/jpeg"},
            415,
            "unsupported_type",
            id="a BMP",
        ),
        pytest.param("", {"data": b"<svg/>", "content_type": "image/svg+xml"}, 415, "unsupported_type", id="an SVG"),
        pytest.param("", {"json": {"image": "x"}}, 415, "unsupported_type", id="JSON"),
        pytest.param("", {"data": png_of(50_000, 50_000)}, 413, "too_many_pixels", id="2.5 gigapixels"),
        pytest.param("", {"data": png_of(8_000, 6_000)}, 413, "too_many_pixels", id="48 megapixels"),
        pytest.param("", {"data": bytes(MAX_UPLOAD_BYTES + 1)}, 413, "too_many_bytes", id="a byte too many"),
        pytest.param("?locate=always", {"data": JPEG}, 400, "bad_parameter", id="an unknown locate"),
    ],
)
def test_classify_refuses(
    client: FlaskClient, query: str, request_settings: dict[str, Any], status: int, code: str
) -> None:
    response = client.post(f"/api/classify{query}", **request_settings)
    assert response.status_code == status, response.text
    assert set(response.get_json()) == {"error"}
    assert response.get_json()["error"]["code"] == code
    assert "\n" not in response.get_json()["error"]["message"]


def test_classify_survives_damaged_pictures(client: FlaskClient) -> None:
    chance = random.Random(4)
    sources = [JPEG, encoded(painting(RED, 64, 64), "PNG"), encoded(painting(RED, 64, 64), "WEBP")]
    statuses = set()
    for turn in range(90):
        data = bytearray(sources[turn % 3])
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(min(len(data), 600))] = chance.randrange(256)
        response = client.post("/api/classify", data=bytes(data))
        statuses.add(response.status_code)
        if response.status_code != 200:
            assert response.get_json()["error"]["code"] in {
                "unreadable_image",
                "unsupported_type",
                "too_many_pixels",
            }
    assert statuses <= {200, 400, 413, 415}
    assert 400 in statuses, "the damage must be felt"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/api/nothing", 404, "not_found", id="an address that is none"),
        pytest.param("GET", "/api/classify", 405, "method_not_allowed", id="GET where only POST is"),
        pytest.param("DELETE", "/api/state", 405, "method_not_allowed", id="a method that is none"),
        pytest.param("GET", "/static/../kiosk.py", 404, "not_found", id="a way out of the static files"),
    ],
)
def test_errors_are_json(client: FlaskClient, method: str, path: str, status: int, code: str) -> None:
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.get_json()["error"]["code"] == code
    assert status != 405 or response.headers["Allow"]


def test_state_and_metrics(client: FlaskClient) -> None:
    until(lambda: client.get("/api/state").get_json()["status"] == "recognised")
    state = client.get("/api/state").get_json()
    assert state["style"] == "Cubism"
    assert state["camera"] == "live"
    assert state["fps"] > 1
    assert state["source"] == {"kind": "camera", "demonstration": False, "caption": None}
    client.post("/api/classify", data=JPEG)
    text = client.get("/metrics").text
    for line in (
        "vernissage_frames_total",
        "vernissage_frames_dropped_total",
        "vernissage_inference_seconds_bucket",
        "vernissage_frame_to_label_seconds_bucket",
        'vernissage_answers_total{origin="camera",status="recognised"}',
        'vernissage_answers_total{origin="upload",status="recognised"} 1.0',
        'vernissage_camera_state{state="live"} 1.0',
        "vernissage_resident_memory_bytes",
    ):
        assert line in text


@pytest.mark.parametrize("path", ["/api/classify", "/readyz"])
def test_before_the_model_is_loaded(bundle_folder: Path, path: str) -> None:
    client = create_app(Station(bundle.load(bundle_folder), source=showing(painting(RED)))).test_client()
    response = client.post(path, data=JPEG) if path == "/api/classify" else client.get(path)
    assert response.status_code == 503
    assert response.get_json()["error"]["code"] == "not_ready"
    assert client.get("/healthz").status_code == 200
    assert client.get("/api/state").get_json()["model"] is None


def test_ready(client: FlaskClient) -> None:
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/state", "/api/nothing", "/healthz", "/metrics", "/static/kiosk.js"])
def test_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        headers = response.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert not any("unsafe" in sources or "http" in sources for sources in policy.values())
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("headers", "loopback_only", "status"),
    [
        pytest.param({}, True, 200, id="no page at all"),
        pytest.param({"Host": "localhost:8080"}, True, 200, id="this machine by name"),
        pytest.param({"Host": "[::1]:8080"}, True, 200, id="this machine by IPv6"),
        pytest.param({"Host": "127.0.0.2"}, True, 200, id="any address of the loopback"),
        pytest.param({"Host": "evil.example:8080"}, True, 403, id="a name that was pointed here"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, True, 403, id="a name that looks like it"),
        pytest.param({"Host": "[::1"}, True, 403, id="a name that is none"),
        pytest.param({"Host": "kiosk.museum:8080"}, False, 200, id="any name when others may look"),
        pytest.param({"Host": "127.0.0.1", "Origin": "http://127.0.0.1"}, True, 200, id="our page"),
        pytest.param({"Host": "127.0.0.1", "Origin": "http://127.0.0.1:9"}, True, 403, id="another port"),
        pytest.param({"Origin": "https://evil.example"}, True, 403, id="a foreign page"),
        pytest.param({"Origin": "null"}, True, 403, id="a page without an origin"),
        pytest.param({"Origin": "https://evil.example"}, False, 403, id="a foreign page when others may look"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, True, 403, id="a browser says so itself"),
    ],
)
def test_who_may_ask(station: Station, headers: dict[str, str], loopback_only: bool, status: int) -> None:
    client = create_app(station, loopback_only=loopback_only).test_client()
    response = client.post("/api/classify", data=JPEG, headers=headers)
    assert response.status_code == status, response.text


def test_a_large_body_is_refused_everywhere(client: FlaskClient) -> None:
    response = client.post("/api/nothing", environ_overrides={"CONTENT_LENGTH": str(10**10)})
    assert response.status_code == 413


def events(response: Any) -> Any:
    """The states of a stream of server-sent events, one after the other."""
    for block in response.response:
        fields = dict(line.split(": ", 1) for line in block.decode().strip().split("\n"))
        if "data" in fields:
            yield int(fields["id"]), json.loads(fields["data"])


def test_events_tell_of_changes_and_give_signs_of_life(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EVENT_INTERVAL_S", 0.3)
    with client.get("/api/events", buffered=False) as response:
        assert response.mimetype == "text/event-stream"
        seen = []
        for number, state in events(response):
            seen.append((number, state["status"], time.monotonic()))
            if len(seen) == 4:
                break
    assert [number for number, _, _ in seen] == [1, 2, 3, 4]
    assert seen[-1][1] == "recognised"
    assert seen[3][2] - seen[2][2] < streams.EVENT_INTERVAL_S + 0.6
    assert set(state) == set(client.get("/api/state").get_json())


def test_stream_gives_whole_pictures(client: FlaskClient) -> None:
    with client.get("/stream.mjpg", buffered=False) as response:
        assert response.mimetype == "multipart/x-mixed-replace"
        data = b""
        for chunk in response.response:
            data += chunk
            if data.count(b"--frame") == 4:
                break
    parts = [part for part in data.split(b"--frame\r\n") if part.strip()]
    assert len(parts) == 3
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        length = int(head.rpartition(b": ")[2])
        assert body[length:] == b"\r\n"
        assert bundle.decode(body[:length]).shape == (320, 320, 3)


def test_streams_are_limited_and_places_come_back(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_EVENTS", 1)
    monkeypatch.setattr(streams, "MAX_PICTURES", 1)
    client = create_app(app.extensions["vernissage"]).test_client()
    first, second = client.get("/stream.mjpg", buffered=False), client.get("/api/events", buffered=False)
    next(iter(first.response))
    refused = client.get("/api/events", buffered=False)
    assert refused.status_code == 503
    assert refused.get_json()["error"]["code"] == "too_many_viewers"
    assert client.get("/api/state").status_code == 200
    second.close()  # this one was never begun
    first.close()
    client.head("/stream.mjpg").close()
    third, fourth = client.get("/stream.mjpg", buffered=False), client.get("/api/events", buffered=False)
    assert (third.status_code, fourth.status_code) == (200, 200)
    third.close()
    fourth.close()


def test_streams_end_when_the_kiosk_closes(station: Station, client: FlaskClient) -> None:
    with (
        client.get("/api/events", buffered=False) as first,
        client.get("/stream.mjpg", buffered=False) as second,
    ):
        next(iter(first.response))
        next(iter(second.response))
        station.close()
        started = time.monotonic()
        assert len(list(first.response)) + len(list(second.response)) < 5
        assert time.monotonic() - started < 2


def test_page_names_the_styles(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert all(style in response.text for style in STYLES)
    assert "abstract_expressionism" in response.text
