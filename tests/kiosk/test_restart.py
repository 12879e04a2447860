"""The kiosk as a process that is asked to start anew."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.administrator import Administrator

ROOT = Path(__file__).parents[2]
TOKEN = "correct-horse-battery"


def started(bundle_folder: Path, tmp_path: Path, **environment: str) -> tuple[subprocess.Popen[str], int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "museum.toml").write_text(f'admin_token = "{TOKEN}"\nsource = "/dev/video987"\nport = {port}\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "kiosk", "--config", str(tmp_path / "museum.toml"), "--bundle", str(bundle_folder)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    assert re.search("ready", process.stdout.readline())
    return process, port


def test_without_systemd_it_starts_itself_anew_with_what_was_kept(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    process, port = started(bundle_folder, tmp_path)
    administrator = Administrator(port)
    administrator.sign_in(TOKEN)
    administrator.ask("PATCH", "/admin/api/settings", {"language": "fr"})
    administrator.ask("POST", "/admin/api/keep")
    administrator.ask("PATCH", "/admin/api/settings", {"idle_s": 99})
    assert administrator.ask("POST", "/admin/api/restart")["status_code"] == 202
    assert process.stdout
    assert "ready" in process.stdout.readline(), "the same process, once more"
    assert administrator.ask("GET", "/admin/api/settings")["status_code"] == 401, "every session has ended"
    public = administrator.ask("GET", "/api/settings")
    assert (public["language"], public["idle_s"]) == ("fr", 45)
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


def test_systemd_is_asked_to_start_it(bundle_folder: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        process, port = started(bundle_folder, tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"))
        administrator = Administrator(port)
        administrator.sign_in(TOKEN)
        administrator.ask("POST", "/admin/api/restart")
        assert process.wait(10) == 75
        supervisor.settimeout(5)
        assert supervisor.recv(1000)
        assert process.stdout
        process.stdout.close()
