"""What the visitor's screen must not do, asked of a real Chromium that has the policies."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from tests.commands import ROOT
from tests.visitor import CHROMIUM, FLAGS, NEEDS_CHROMIUM

POLICIES: dict[str, Any] = json.loads((ROOT / "deploy/screen/policies.json").read_text())

pytestmark = NEEDS_CHROMIUM


# Those that would shut the test out too: it looks through the developer tools, from a private window.
WITHOUT = {"DeveloperToolsAvailability", "IncognitoModeAvailability"}

# With it Chromium gives cameras to whoever asks, whatever its policies say.
ASKED = "--use-fake-ui-for-media-stream"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """Of a Chromium with the policies. It reads them from one place alone: in a view of the file system of its own."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("only root may give Chromium policies of its own")
    policies, wrapper = tmp_path / "vernissage.json", tmp_path / "chromium"
    policies.write_text(json.dumps({name: value for name, value in POLICIES.items() if name not in WITHOUT}))
    wrapper.write_text(
        f"""#!/bin/sh
exec unshare --mount sh -ec '
  mount -t tmpfs none /etc/chromium
  install -D {policies} /etc/chromium/policies/managed/vernissage.json
  exec {CHROMIUM} "$@"' chromium "$@"
"""
    )
    wrapper.chmod(0o755)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=wrapper, args=[flag for flag in FLAGS if flag != ASKED])
        yield browser.new_page()
        browser.close()


class Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>a page</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_nobody_leaves_the_page(page: Page, address: str) -> None:
    page.goto(address)
    assert page.title() == "a page"
    for device in ("camera", "microphone"):  # without the policies: "prompt"
        asked = f"navigator.permissions.query({{ name: '{device}' }}).then((found) => found.state)"
        assert page.evaluate(asked) == "denied"
    for elsewhere in ("file:///etc/", "http://example.org/"):
        with pytest.raises(Error, match="ERR_BLOCKED_BY_ADMINISTRATOR"):
            page.goto(elsewhere)
    assert POLICIES["AllowFileSelectionDialogs"] is False
