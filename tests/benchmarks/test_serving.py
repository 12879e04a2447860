"""A kiosk under load: the real one with the stand-in model, and a server whose answers are known."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import bundle
from benchmarks import serving
from benchmarks.crowd import Answers, Request
from benchmarks.serving import ServingError, measure
from tests.stand_in import GREEN, RED, encoded, painting

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, ...]:
    paths = tmp_path / "red.jpg", tmp_path / "green.jpg"
    for path, colour in zip(paths, (RED, GREEN), strict=True):
        path.write_bytes(encoded(painting(colour, 320, 240), "JPEG"))
    return paths


def test_a_kiosk_is_loaded(bundle_folder: Path, pictures: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_SETTLE_S", 0.1)
    monkeypatch.setattr(serving, "_HOLD_S", 0.1)
    monkeypatch.setenv("VERNISSAGE_PRECISION", "no such word")  # somebody's own settings are not taken
    told: list[tuple[int, int]] = []
    found = measure(
        bundle_folder,
        threads=1,
        users=(1, 2),
        seconds=0.4,
        pictures=pictures,
        progress=lambda *done: told.append(done),
    )
    levels = (*found.alone, *found.watching)
    assert [level.users for level in levels] == [1, 2, 1, 2]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for level in levels:
        assert level.latency is not None and level.requests == level.latency.samples > 0
        assert level.requests_per_s == pytest.approx(level.requests / level.seconds)
        assert level.failures == {} and sum(level.statuses.values()) == level.requests
        assert level.steps["total"].p50_ms <= level.latency.p50_ms
        assert level.kiosk_cores > 0
    assert found.bare.samples > 0 and found.pictures == 2 and found.picture_bytes > 100
    assert found.settings["precision"] == "int8" and found.settings["threads"] == "1"
    assert found.settings["source"].startswith("no camera")
    assert any("rate" in line for line in found.limits)
    assert type(found).model_validate_json(found.model_dump_json()) == found


class _Moody(BaseHTTPRequestHandler):
    """Is busy for every third, and refuses every other third."""

    protocol_version = "HTTP/1.1"
    turns = itertools.count()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = (200, 503, 429)[next(self.turns) % 3]
        body = json.dumps({"status": "recognised", "timing_ms": {"total": 2.5}} if status == 200 else {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moody() -> Iterator[str]:
    """Address of a server with moods."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Moody) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def crowd(address: str, pictures: tuple[Path, ...]) -> Answers:
    request = Request(address=address, kiosk_pid=os.getpid(), pictures=pictures, users=(2,), settle_s=0.1, seconds=0.4)
    command = [sys.executable, "-m", "benchmarks.crowd", request.model_dump_json()]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return Answers.model_validate_json(done.stdout)


def test_refusals_are_counted_by_status_and_have_no_latency(moody: str, pictures: tuple[Path, ...]) -> None:
    answers = crowd(moody, pictures)
    assert set(answers.failures) == {"503", "429"}
    assert answers.statuses == {"recognised": len(answers.samples_ms)}
    assert set(answers.steps_ms["total"]) == {2.5}


def test_no_answer_is_a_failure(pictures: tuple[Path, ...]) -> None:
    answers = crowd("http://127.0.0.1:9", pictures)
    assert set(answers.failures) == {"no answer"} and answers.samples_ms == ()


def test_a_kiosk_that_does_not_start_is_one_line(bundle_folder: Path, pictures: tuple[Path, ...]) -> None:
    with pytest.raises(ServingError, match=r"the kiosk does not start: vernissage: --threads: '99'") as told:
        measure(bundle_folder, threads=99, pictures=pictures)
    assert "\n" not in str(told.value)


def test_what_cannot_be_measured_is_told_at_once(
    bundle_folder: Path, tmp_path: Path, pictures: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(bundle.BundleError, match="no bundle here"):
        measure(tmp_path, pictures=pictures)
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ServingError, match=r"text\.jpg cannot be sent"):
        measure(bundle_folder, pictures=[tmp_path / "text.jpg"])
    with pytest.raises(ServingError, match="at least 1"):
        measure(bundle_folder, users=(0,))
    monkeypatch.setattr(serving, "find_spec", lambda _: None)
    with pytest.raises(ServingError, match="locust is not installed"):
        measure(bundle_folder)


@pytest.mark.slow
def test_without_pictures_walls_are_drawn(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_PICTURES", 2)
    found = measure(bundle_folder, threads=1, users=(1,), seconds=0.5, watching=False)
    assert found.pictures == 2 and found.picture_bytes > 20_000 and found.alone[0].requests > 0
