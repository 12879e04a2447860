"""The kiosk as a process, and its server over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from kiosk.__main__ import MISSING, WRONG, main
from kiosk.upload import MAX_UPLOAD_BYTES
from tests.stand_in import RED, encoded, painting, write_bundle

ROOT = Path(__file__).parents[2]


class Kiosk:
    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "kiosk", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.line)
        assert found, self.line + (self.process.stderr.read() if self.process.stderr else "")
        self.port = int(found[1])
        # A file size limit of 0: from now on, whoever writes to a disk fails. The capture process has its
        # shared memory, which counts as a file. Pipes and sockets are no files.
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0, 0))

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)

    def get(self, path: str) -> tuple[int, str]:
        connection = self.connection()
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=10)
        return self.process.returncode


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "red.png").write_bytes(encoded(painting(RED), "PNG"))
    stand_in = write_bundle(tmp_path_factory.mktemp("models") / "stand-in")
    kiosk = Kiosk("--source", str(folder), "--bundle", str(stand_in))
    yield kiosk
    kiosk.process.kill()
    kiosk.process.communicate()


def test_it_says_where_it_is_and_answers(kiosk: Kiosk) -> None:
    assert "ready" in kiosk.line
    assert kiosk.get("/readyz")[0] == 200
    end = time.monotonic() + 5
    while json.loads(kiosk.get("/api/state")[1])["style"] != "Impressionism":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_no_process_of_it_leaves_a_core_file(kiosk: Kiosk) -> None:
    """It would hold the last frame."""
    processes = [psutil.Process(kiosk.process.pid), *psutil.Process(kiosk.process.pid).children()]
    assert len(processes) == 2, "the kiosk, and the capture process"
    for process in processes:
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


def test_an_upload_in_chunks(kiosk: Kiosk) -> None:
    connection = kiosk.connection()
    picture = encoded(painting(RED))
    parts = (picture[start : start + 5000] for start in range(0, len(picture), 5000))
    connection.request("POST", "/api/classify", body=parts, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 200
    assert json.load(response)["style"] == "Impressionism"
    connection.close()


@pytest.mark.parametrize("as_field", [True, False], ids=["as a field", "as the body"])
def test_a_large_upload_needs_no_disk(kiosk: Kiosk, as_field: bool) -> None:
    picture = encoded(np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8), "PNG")
    assert len(picture) > 2_000_000
    headers = {}
    if as_field:
        head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
        picture = head + picture + b"\r\n--b--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
    connection = kiosk.connection()
    connection.request("POST", "/api/classify", body=picture, headers=headers)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    connection.close()


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(1_000_000, id="in chunks that add up"),
        pytest.param(MAX_UPLOAD_BYTES + 1, id="in one chunk"),
        pytest.param(None, id="announced by its length"),
    ],
)
def test_too_many_bytes_are_refused_in_json(kiosk: Kiosk, chunk: int | None) -> None:
    connection = kiosk.connection()
    if chunk is None:
        connection.request("POST", "/api/classify", body=bytes(MAX_UPLOAD_BYTES + 1))
    else:
        body = (bytes(chunk) for _ in range(MAX_UPLOAD_BYTES // chunk + 1))
        connection.request("POST", "/api/classify", body=body, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    assert json.load(response)["error"]["code"] == "too_many_bytes"
    connection.close()
    assert kiosk.get("/healthz")[0] == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(
            b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", id="a length of x"
        ),
        pytest.param(
            b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            id="a chunk of size zz",
        ),
        pytest.param(
            b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nshort",
            id="a body that breaks off",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", id="endless headers"),
    ],
)
def test_broken_requests_get_a_client_error(kiosk: Kiosk, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", kiosk.port), timeout=5) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert re.match(rb"HTTP/1\.1 4\d\d ", answer), answer
    assert kiosk.get("/healthz")[0] == 200


def test_memory_comes_back_after_large_pictures(kiosk: Kiosk) -> None:
    """Each from a thread of its own, as browsers ask; allocators like to keep what threads have used."""
    large = encoded(np.full((3600, 4800, 3), 90, np.uint8))

    def upload() -> int:
        connection = kiosk.connection()
        connection.request("POST", "/api/classify", body=large)
        with contextlib.closing(connection):
            return connection.getresponse().status

    with ThreadPoolExecutor(4) as pool:
        assert [job.result() for job in [pool.submit(upload) for _ in range(4)]] == [200] * 4
    found = re.search(r"^vernissage_resident_memory_bytes (\S+)", kiosk.get("/metrics")[1], re.MULTILINE)
    assert found
    assert float(found[1]) < 300e6


def test_it_ends_at_once_whoever_is_connected(kiosk: Kiosk) -> None:
    """Viewers that read and viewers that do not; and more connections that say nothing, or break off, than there are
    threads: browsers open some in advance."""
    viewers = [kiosk.connection() for _ in range(4)]
    for viewer, path in zip(viewers, ["/stream.mjpg", "/api/events"] * 2, strict=True):
        viewer.request("GET", path)
        assert viewer.getresponse().read(10)
    upload = b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nshort"
    said = [
        b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHo",
        upload,
        *[b""] * 20,
    ]
    slow = [socket.create_connection(("127.0.0.1", kiosk.port)) for _ in said]
    for connection, words in zip(slow, said, strict=True):
        connection.sendall(words)
    time.sleep(0.5)
    started = time.monotonic()
    assert kiosk.end() == 0
    assert time.monotonic() - started < 1.5
    for each in (*viewers, *slow):
        each.close()


def test_without_a_camera_it_still_takes_pictures(bundle_folder: Path) -> None:
    kiosk = Kiosk("--source", "/dev/video987", "--bundle", str(bundle_folder))
    assert json.loads(kiosk.get("/api/state")[1])["camera"] == "searching"
    connection = kiosk.connection()
    connection.request("POST", "/api/classify", body=encoded(painting(RED)))
    assert json.load(connection.getresponse())["style"] == "Impressionism"
    connection.close()
    assert kiosk.end() == 0


def test_the_log_as_json(bundle_folder: Path) -> None:
    command = [sys.executable, "-m", "kiosk", "--port", "0", "--bundle", str(bundle_folder), "--log-format", "json"]
    process = subprocess.Popen(
        [*command, "--source", "/dev/video987"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stderr
    lines = [json.loads(process.stderr.readline()) for _ in range(3)]
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "", "every line is one of the log"
    assert all(set(line) == {"time", "level", "logger", "message"} for line in lines)
    assert {"kiosk", "kiosk.camera", "kiosk.providers"} == {line["logger"] for line in lines}
    (ready,) = [line["message"] for line in lines if line["logger"] == "kiosk"]
    assert re.match(r"Vernissage is ready: http://127\.0\.0\.1:\d+/ ", ready)


def test_a_bad_value_that_a_flag_overrules_is_a_line_of_the_log(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "museum.toml").write_text("port = 'x'\n")
    kiosk = Kiosk(
        "--source", "/dev/video987", "--bundle", str(bundle_folder), "--config", str(tmp_path / "museum.toml")
    )
    assert kiosk.process.stderr
    said = kiosk.process.stderr.readline()
    assert "WARNING kiosk: " in said
    assert "museum.toml: port: 'x'" in said
    assert kiosk.end() == 0


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_a_qr_code_that_no_phone_can_open_is_a_line_of_the_log(bundle_folder: Path, host: str, warned: bool) -> None:
    taken = ["--take-away", "--public-url", "http://kiosk.museum.example:8080"]
    kiosk = Kiosk("--source", "/dev/video987", "--bundle", str(bundle_folder), "--host", host, *taken)
    assert kiosk.process.stderr
    said = kiosk.process.stderr.readline()
    assert ("--take-away: visitors' phones cannot open" in said) == ("install.sh --network" in said) == warned
    assert kiosk.end() == 0


def test_somebody_at_a_keyboard_is_told_how_to_quit(bundle_folder: Path) -> None:
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "kiosk",
        "--port",
        "0",
        "--source",
        "/dev/video987",
        "--bundle",
        str(bundle_folder),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as screen:
        assert "ready" in screen.readline()
        assert "Ctrl+C quits" in screen.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_silent_network_camera_holds_up_nothing(bundle_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/live.mjpg"
        kiosk = Kiosk("--source", url, "--bundle", str(bundle_folder))
        silent.accept()[0].detach()  # the camera is being opened, and will be for seconds
        assert json.loads(kiosk.get("/api/state")[1])["camera"] == "searching"
        started = time.monotonic()
        assert kiosk.end() == 0
        assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["--bundle", "/nowhere"], "--bundle: /nowhere: no bundle here", id="no bundle"),
        pytest.param(["--port", "70000"], "--port: '70000'", id="no such port"),
        pytest.param(["--threads", "0"], "--threads: '0'", id="no threads"),
        pytest.param(["--precision", "fp8"], "fp8", id="no such precision"),
        pytest.param(["--precision", "fp16"], "no onnx file of precision fp16", id="a precision that it has not"),
        pytest.param(["--texts", "/nowhere"], "--texts: /nowhere is not a folder", id="no texts"),
        pytest.param(["--camera-size", "wide"], "not a size such as", id="no such size"),
        pytest.param(["--camera-rate", "0"], "--camera-rate: '0'", id="no frames"),
        pytest.param(["--exposure", "nan"], "--exposure: 'nan'", id="no exposure"),
        pytest.param(["--colour"], "--colour", id="no such option"),
        pytest.param(["--langage", "fr"], "did you mean --language?", id="a slip of the finger"),
        pytest.param(["--source", "ftp://x/y"], "--source: ftp:// is no stream", id="no such kind of stream"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    bundle_folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    check_mistake(["--bundle", str(bundle_folder), *arguments], reason, capfd)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["--source", "missing.mp4"], "--source: 'missing.mp4' is no camera", id="no such source"),
        pytest.param(["--source", "x" * 300], "no path here: File name too long", id="no name of a file"),
        pytest.param(["--source", "~nobody-at-all/x"], "no path here", id="nobody's home"),
        pytest.param(["--host", "203.0.113.7"], "cannot listen on 203.0.113.7", id="another machine's address"),
        pytest.param(["--host", "no host.invalid"], "cannot listen on no host.invalid", id="no address at all"),
    ],
)
def test_what_is_not_there_yet_is_exit_code_1(
    bundle_folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    """systemd tries again: a disk may come late, and an address."""
    check_mistake(["--bundle", str(bundle_folder), *arguments], reason, capfd, MISSING)


def test_a_port_in_use_is_exit_code_1(bundle_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        check_mistake(["--bundle", str(bundle_folder), "--port", port], "in use", capfd, MISSING)


@pytest.mark.parametrize(
    ("line", "code"),
    [('bundle = "/nowhere"', WRONG), ('texts = "/nowhere"', WRONG), ('source = "missing.mp4"', MISSING)],
)
def test_what_a_file_asks_for_and_is_not_there_is_told_with_the_file(
    tmp_path: Path, bundle_folder: Path, capfd: pytest.CaptureFixture[str], line: str, code: int
) -> None:
    file = tmp_path / "museum.toml"
    file.write_text(f"{line}\n")
    more = [] if line.startswith("bundle") else ["--bundle", str(bundle_folder)]
    check_mistake(["--config", str(file), *more], f"{file}: {line.split()[0]}: ", capfd, code)


def test_a_model_that_breaks_the_contract_is_a_mistake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_bundle(tmp_path / "b", outputs=("probabilities", "known"))
    check_mistake(["--bundle", str(folder), "--port", "0", "--source", "/dev/video987"], "no output embedding", capfd)


def check_mistake(arguments: list[str], reason: str, capfd: pytest.CaptureFixture[str], expected: int = WRONG) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = main(arguments)
    except SystemExit as end:
        assert isinstance(end.code, int)
        code = end.code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    printed = capfd.readouterr()
    assert code == expected
    assert printed.out == ""
    assert reason in printed.err
    assert printed.err.count("\n") == 1
    assert "--" in printed.err, "the way out"


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("examples:", "--source demo", "rtsp://", "Ctrl+C", "exit code:"))


def test_nothing_heavy_is_imported() -> None:
    check = (
        "import sys, kiosk, kiosk.__main__, kiosk.web, kiosk.server, kiosk.station, kiosk.demo\n"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
