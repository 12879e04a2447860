"""The doctor, by its command line. The cameras are files, and Linux's answers about them are played."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from kiosk import v4l2
from kiosk.__main__ import main
from tests.stand_in import RED, encoded, painting, write_bundle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "red.png").write_bytes(encoded(painting(RED), "PNG"))
    return folder


@pytest.fixture(autouse=True)
def no_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine has the cameras that a test gives it."""
    devices = tmp_path / "dev"
    (devices / "v4l" / "by-id").mkdir(parents=True)
    monkeypatch.setattr("kiosk.v4l2._DEVICES", devices)
    monkeypatch.setattr("kiosk.v4l2._BY_ID", devices / "v4l" / "by-id")
    monkeypatch.setattr("kiosk.doctor._COUNTED_S", 0.3)
    return devices


@pytest.fixture
def ask(pictures: Path, bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the doctor on a folder of pictures and the stand-in bundle; further options override."""

    def run(*options: str) -> tuple[int, str]:
        given = ["doctor", "--source", str(pictures), "--bundle", str(bundle_folder), "--port", "0", *options]
        code = main(given)
        return code, capsys.readouterr().out

    return run


Ask = Callable[..., tuple[int, str]]


def test_a_machine_that_is_fit(ask: Ask) -> None:
    code, text = ask()
    assert code == 0, text
    assert not [line for line in text.splitlines() if line.startswith(("warning", "error"))]
    assert "The kiosk can run here" in text
    topics = "settings processor memory disk clock OpenCV cameras source model locator provider port"
    for topic in topics.split():
        assert any(line[8:].startswith(topic) for line in text.splitlines()), topic
    assert "agrees (largest difference 0.000), used" in text
    assert "none is connected" in text
    assert "--source demo" in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_same_as_json(ask: Ask) -> None:
    code, text = ask("--json")
    report = json.loads(text)
    assert (code, report["can_run"], report["ready"]) == (0, True, True)
    provider = next(line for line in report["lines"] if line["topic"] == "provider")
    assert provider["facts"] == {"name": "CPU", "used": True} | provider["facts"]
    assert provider["facts"]["difference"] < 0.01
    assert provider["facts"]["latency_ms"] > 0


@pytest.mark.parametrize(
    ("options", "topic", "says", "advice"),
    [
        pytest.param(["--bundle", "/nowhere"], "model", "no bundle here", "--bundle", id="no bundle"),
        pytest.param(["--precision", "fp16"], "model", "no onnx file of precision fp16", "--precision", id="no fp16"),
        pytest.param(["--host", "203.0.113.7"], "port", "cannot listen on 203.0.113.7", "--host", id="not its address"),
    ],
)
def test_what_keeps_the_kiosk_from_starting(ask: Ask, options: list[str], topic: str, says: str, advice: str) -> None:
    started = time.monotonic()
    code, text = ask("--json", *options)
    assert time.monotonic() - started < 10
    report = json.loads(text)
    assert (code, report["can_run"], report["ready"]) == (1, False, False)
    (line,) = [line for line in report["lines"] if line["level"] == "error"]
    assert line["topic"] == topic
    assert says in line["says"]
    assert advice in line["advice"]


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        pytest.param("97", "--source", id="no such camera"),
        pytest.param("/dev/video98", "plug it in", id="no such device"),
    ],
)
def test_a_missing_camera_is_no_failure(ask: Ask, source: str, advice: str) -> None:
    """The kiosk runs without one; the page says so and takes pictures."""
    code, text = ask("--source", source)
    assert code == 0
    assert f"warning source      {source}: no such camera is connected" in text
    assert advice in text
    assert "can run here, but is not ready for visitors yet: 1 warning" in text
    assert not (report := json.loads(ask("--json", "--source", source)[1]))["ready"]
    assert report["can_run"]


def test_which_settings_are_read_and_which_are_bad(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "museum.toml"
    file.write_text("port = 'x'\n")
    code, text = ask("--config", str(file))
    assert code == 0
    said = "".join(text.split())  # long lines are broken
    assert f"readfrom{file}" in said
    assert f"{file}:port:'x'" in said


def test_a_port_in_use(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = ask("--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "another --port" in text
    assert "cannot run here yet: 1 error" in text


class _Kiosk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"camera": "live"}' if self.path == "/api/state" else b"")

    def log_message(self, *_: object) -> None:
        pass


def test_a_port_that_a_running_kiosk_holds_is_as_it_should_be(ask: Ask) -> None:
    with HTTPServer(("127.0.0.1", 0), _Kiosk) as kiosk:
        threading.Thread(target=kiosk.serve_forever, daemon=True).start()
        code, text = ask("--port", str(kiosk.server_port))
        kiosk.shutdown()
    assert code == 0
    assert "which runs now" in text


def test_a_model_that_is_computed_wrongly(ask: Ask, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b")
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"][0]["reference"]["known"][0] = 0.001
    (folder / "bundle.json").write_text(json.dumps(manifest))
    code, text = ask("--bundle", str(folder))
    assert code == 1
    assert "CPU cannot be used: a probability differs by" in text
    assert "--precision fp32" in text


def test_an_older_bundle_is_compared_with_nothing(ask: Ask, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b")
    manifest = json.loads((folder / "bundle.json").read_text())
    del manifest["files"][0]["reference"]
    (folder / "bundle.json").write_text(json.dumps(manifest))
    code, text = ask("--bundle", str(folder))
    assert code == 0
    assert "compared with nothing, used" in text
    assert "export it anew" in text


def test_a_provider_that_does_not_load_is_a_note(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from kiosk import providers

    real = providers.create_session
    cuda = "CUDAExecutionProvider"
    monkeypatch.setattr("kiosk.providers.ort.get_available_providers", lambda: [cuda, providers.CPU])
    monkeypatch.setattr("kiosk.providers.create_session", lambda model, provider: real(model, providers.CPU))
    code, text = ask()
    assert code == 0
    assert "note    provider    CUDA cannot be used" in text
    assert "ok      provider    CPU" in text


def test_little_memory(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("Memory", (), {"available": 100_000_000, "total": 1_000_000_000})
    monkeypatch.setattr("kiosk.doctor.psutil.virtual_memory", lambda: memory)
    code, text = ask()
    assert code == 0
    assert "warning memory      0.1 GB of 1.0 GB" in text


def test_a_check_that_fails_itself_hides_no_other(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("as nobody thought\nand more")

    monkeypatch.setattr("kiosk.doctor.shutil.disk_usage", fail)
    code, text = ask()
    assert code == 0
    assert "could not be examined: RuntimeError: as nobody thought" in text
    assert "port" in text


@pytest.mark.parametrize("options", [["--colour"], ["--source", "missing.mp4"], ["--port", "70000"]])
def test_options_that_lead_nowhere(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["doctor", *options])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    text = capsys.readouterr().out
    assert "python -m kiosk doctor" in text
    assert "exit code:\n   0  " in text


def test_as_a_process() -> None:
    command = [sys.executable, "-m", "kiosk", "doctor", "--bundle", "/nowhere", "--source", "/dev/video99", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr == ""
    assert json.loads(done.stdout)["ready"] is False


# A webcam, as uvcvideo describes it: formats, sizes, and the seconds between frames as fractions.
WEBCAM = {
    b"MJPG": {(1280, 720): [(1, 30), (1, 15)], (640, 480): [(1, 30)]},
    b"YUYV": {(640, 480): [(1, 30)], (1280, 720): [(1, 10)]},
}
RIBBON = {b"pBAA": {(3280, 2464): []}}
CAPTURES, IS_CODEC, HAS_DEVICE_CAPS = 0x1, 0x8000, 1 << 31


class Kernel:
    """Answers ioctl calls as ``linux/videodev2.h`` lays them out, by the offsets of its structures."""

    def __init__(self, caps: int, modes: dict[bytes, dict[tuple[int, int], list[tuple[int, int]]]]) -> None:
        self._caps, self._modes = caps, modes

    def __call__(self, descriptor: int, number: int, answer: bytearray) -> int:
        assert os.fstat(descriptor)
        calls: dict[int, tuple[int, Callable[[bytearray], object]]] = {
            0x8068_5600: (104, self._capability),
            0xC040_5602: (64, self._format),
            0xC02C_564A: (44, self._size),
            0xC034_564B: (52, self._interval),
        }
        length, call = calls[number]
        assert len(answer) == length
        try:
            call(answer)
        except IndexError:
            raise OSError(errno.EINVAL, "Invalid argument") from None
        return 0

    def _capability(self, answer: bytearray) -> None:
        answer[16:48] = b"HD Pro Webcam".ljust(32, b"\0")
        struct.pack_into("II", answer, 84, CAPTURES | IS_CODEC | HAS_DEVICE_CAPS, self._caps)

    def _format(self, answer: bytearray) -> None:
        index, kind = struct.unpack_from("II", answer)
        assert kind == 1
        answer[44:48] = list(self._modes)[index]

    def _size(self, answer: bytearray) -> None:
        (index,) = struct.unpack_from("I", answer)
        struct.pack_into("III", answer, 8, 1, *list(self._modes[bytes(answer[4:8])])[index])

    def _interval(self, answer: bytearray) -> None:
        (index,) = struct.unpack_from("I", answer)
        intervals = self._modes[bytes(answer[4:8])][struct.unpack_from("II", answer, 8)]
        struct.pack_into("III", answer, 16, 1, *intervals[index])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Video4Linux")
class TestCameras:
    @staticmethod
    def plug(devices: Path, monkeypatch: pytest.MonkeyPatch, kernel: Any) -> None:
        (devices / "video0").write_bytes(b"")
        (devices / "v4l" / "by-id" / "usb-HD_Pro-index0").symlink_to(devices / "video0")
        monkeypatch.setattr("fcntl.ioctl", kernel)

    def test_a_webcam_is_shown_with_its_modes(
        self, ask: Ask, no_cameras: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.plug(no_cameras, monkeypatch, Kernel(CAPTURES, WEBCAM))
        code, text = ask("--json")
        assert code == 0
        (line,) = [line for line in json.loads(text)["lines"] if line["topic"] == "cameras"]
        assert line["says"].endswith(
            "usb-HD_Pro-index0), HD Pro Webcam: MJPG 1280x720@30 640x480@30; YUYV 1280x720@10 640x480@30"
        )

    def test_stepwise_sizes_are_shown_by_the_largest(self, no_cameras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Stepwise(Kernel):
            def _size(self, answer: bytearray) -> None:
                if struct.unpack_from("I", answer) != (0,):
                    raise IndexError
                struct.pack_into("7I", answer, 8, 3, 32, 1920, 2, 32, 1080, 2)

            def _interval(self, answer: bytearray) -> None:
                raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

        self.plug(no_cameras, monkeypatch, Stepwise(CAPTURES, {b"YU12": {}}))
        (device,) = v4l2.devices()
        assert device.modes == (v4l2.Mode("YU12", 1920, 1080, None),)

    def test_a_camera_on_a_ribbon_cable_needs_libcamera(
        self, ask: Ask, no_cameras: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.plug(no_cameras, monkeypatch, Kernel(CAPTURES, RIBBON))
        _, text = ask()
        assert "libcamerify" in text

    def test_a_codec_is_no_camera(self, no_cameras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plug(no_cameras, monkeypatch, Kernel(IS_CODEC, WEBCAM))
        assert v4l2.devices() == []

    def test_a_driver_that_never_ends_its_lists(self, no_cameras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Endless(Kernel):
            def _format(self, answer: bytearray) -> None:
                answer[44:48] = b"MJPG"

            def _size(self, answer: bytearray) -> None:
                raise IndexError

        self.plug(no_cameras, monkeypatch, Endless(CAPTURES, WEBCAM))
        assert len(v4l2.devices()) == 1

    def test_a_device_that_answers_with_an_error(
        self, ask: Ask, no_cameras: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

        self.plug(no_cameras, monkeypatch, fail)
        code, text = ask()
        assert code == 0
        assert "Input/output error" in text


def test_a_qr_code_that_no_phone_can_open_is_a_warning(ask: Ask) -> None:
    taken = ["--take-away", "--public-url", "http://kiosk.museum.example:8080"]
    told = [line for line in json.loads(ask("--json", *taken)[1])["lines"] if line["level"] == "warning"]
    assert [line["topic"] for line in told] == ["settings"]
    assert "phones cannot open" in told[0]["says"]
    assert "install.sh --network" in told[0]["advice"]
    assert "phones" not in ask("--host", "0.0.0.0", *taken)[1]
