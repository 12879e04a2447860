"""Makes the pictures of the page in all its states, from a kiosk that runs with its demonstration.

    python docs/screenshots.py [--bundle models/default] [--style Cubism] [--states where,attract] [--sizes landscape]

Needs the system's Chromium and the `dev` extra. It waits before the drawn canvas in the manner of the style until the
kiosk names that style, and keeps this frame and this answer: every picture is of them. What an empty gallery, a broken
camera or a late visitor would make of the page is told to it in the kiosk's place.

Each state is taken at 1920 x 1080, the main ones at all sizes; with `--all` every state at every size, and as PNG in
full size with `--full`, to look at and not to commit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
SIZES = {
    "landscape": (1920, 1080),
    "portrait": (1080, 1920),
    "4k": (3840, 2160),
    "tablet": (1024, 768),
    "phone": (390, 844),
}  # px
MOST_SIDE = 1920  # px of a picture in the repository: 4K is made smaller
QUALITY = 78  # of WebP, 0-100: small type stays clean
SETTLED_S = 2.5  # s with the same answer and the same canvas: longer than any fade, shorter than a rest
TIMEOUT_S = 300  # s; once round the gallery takes 80
FADED_MS = 1_800  # ms until all that comes up has come
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Instead of the server's events the state that this script tells.
TOLD = """
    window.EventSource = class {
        constructor() {
            const tell = () => this.onmessage?.({ data: JSON.stringify(TOLD_STATE) });
            setTimeout(() => { this.onopen?.(); tell(); });
            setInterval(tell, 500);
        }
        close() {}
    };
"""
NOTHING: dict[str, Any] = {
    "status": "no_painting",
    "style": None,
    "confidence": 0.0,
    "painting": None,
    "others": [],
    "evidence": None,
}


@dataclass(frozen=True)
class Look:
    """A frame and what the kiosk says of it."""

    state: dict[str, Any]
    jpeg: bytes


@dataclass(frozen=True)
class State:
    """A state of the page, and how it comes about."""

    name: str
    told: dict[str, Any] = field(default_factory=dict)
    """What of the answer is changed."""
    query: str = ""
    then: Callable[[Page], object] = lambda page: None
    """What a visitor does."""
    everywhere: bool = False
    """Whether it is taken at all sizes."""
    settings: dict[str, Any] = field(default_factory=dict)
    path: str = "/"


def _click(*names: str) -> Callable[[Page], object]:
    def do(page: Page) -> None:
        for name in names:
            page.locator(name).click()

    return do


def _attract(page: Page) -> None:
    page.locator("#attract[open]").wait_for()
    page.locator("#attract-evidence.shown").wait_for()


def _leave(page: Page) -> None:
    page.locator("#show-where").click()
    page.locator("#still-there[open]").wait_for()


def _thank(page: Page) -> None:
    _leave(page)
    page.locator("#begin-again").click()


CENTRE = {"view": "centre", "guidance": "show_painting"}
STATES = (
    State("label", everywhere=True),
    State("where", then=_click("#show-where"), everywhere=True),
    State("unknown", {"status": "unknown_style", "style": None, "confidence": 0.2, "evidence": None}),
    State("nothing", NOTHING | CENTRE),
    State("dark", NOTHING | {"status": "too_dark", "guidance": "more_light"}),
    State("no-camera", NOTHING | {"camera": "searching", "camera_fault": "no_camera", "view": None}),
    State("broken", NOTHING | {"camera": "failed", "camera_fault": "frozen", "view": None}),
    State("languages", then=_click("#open-languages")),
    State("reading", then=_click("#open-reading")),
    State("along", then=_click("#take")),
    State("attract", NOTHING | CENTRE, then=_attract, everywhere=True, settings={"attract_s": 1}),
    State("still-there", then=_leave, settings={"idle_s": 1}),
    State("thanks", then=_thank, settings={"idle_s": 1}),
    State("large", query="?text=large"),
    State("contrast", query="?contrast=high", then=_click("#show-where")),
    State("german", query="?lang=de"),
    State("japanese", query="?lang=ja"),
    State("arabic", query="?lang=ar", everywhere=True),
    State("page", path="/styles/{style}", query="?lang=en"),
)


def main() -> int:
    """Returns 0, or 1 after a line that says what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bundle", type=Path, default=HERE.parent / "models" / "default")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--style", default="Cubism")
    parser.add_argument("--states", help="some of them, with commas between")
    parser.add_argument("--sizes", help="some of them, with commas between")
    parser.add_argument("--all", action="store_true", help="every state at every size")
    parser.add_argument("--full", action="store_true", help="as PNG in full size")
    parser.add_argument("--into", type=Path, default=HERE / "images")
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        print("no Chromium on this machine (apt-get install chromium, or set CHROMIUM)", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "kiosk", "--source", "demo", "--port", "0"]
    command += ["--bundle", str(options.bundle), "--precision", options.precision]
    settings = {"VERNISSAGE_TAKE_AWAY": "true", "VERNISSAGE_PUBLIC_URL": "http://kiosk.museum.example"}
    options.into.mkdir(parents=True, exist_ok=True)
    names = options.states.split(",") if options.states else [state.name for state in STATES]
    sizes = options.sizes.split(",") if options.sizes else list(SIZES)
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, env=os.environ | settings
    ) as kiosk:
        try:
            ready = kiosk.stdout.readline() if kiosk.stdout else ""
            if "http" not in ready:
                return 1  # it has said why
            url = ready.split("ready: ")[1].split()[0].rstrip("/")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                look = settle(url, options.style)
                for state in STATES:
                    is_wanted = state.name in names
                    for size in sizes if is_wanted else []:
                        if size != "landscape" and not (state.everywhere or options.all):
                            continue
                        png = take(browser, url, look, state, size)
                        path = options.into / f"screen-{state.name}-{size}.{'png' if options.full else 'webp'}"
                        path.write_bytes(png if options.full else packed(png))
                        print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)
                browser.close()
        finally:
            kiosk.terminate()
    return 0


def settle(url: str, style: str) -> Look:
    """The frame and the answer when the kiosk has named `style` before its canvas for a while."""
    until, since = time.monotonic() + TIMEOUT_S, time.monotonic()
    last = None
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{url}/api/state") as response:
            state = json.load(response)
        wanted = state["style"] == style and state["view"] == "painting"
        wanted = wanted and (state["source"]["caption"] or "").endswith(f" {style}") and not state["guidance"]
        now = (state["status"], state["style"], wanted)
        if now != last or not wanted:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > SETTLED_S:
            with urllib.request.urlopen(f"{url}/stream.mjpg") as stream:
                head = b""
                while not head.endswith(b"\r\n\r\n") or b"Content-Length" not in head:
                    head += stream.read(1)
                jpeg = stream.read(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
            return Look(state, jpeg)
        time.sleep(0.1)
    raise SystemExit(f"{style} was not named within {TIMEOUT_S} s; the kiosk said last: {last}")


def take(browser: Browser, url: str, look: Look, state: State, size: str) -> bytes:
    """A picture (PNG) of the page in `state` at `size`."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.route("**/stream.mjpg*", lambda route: route.fulfill(body=look.jpeg, content_type="image/jpeg"))
    with urllib.request.urlopen(f"{url}/api/settings") as response:
        settings = json.load(response) | {"speech": True} | state.settings
    page.route("**/api/settings", lambda route: route.fulfill(json=settings))
    page.add_init_script(TOLD.replace("TOLD_STATE", json.dumps(look.state | state.told)))
    path = state.path.format(style=look.state["style"].lower().replace(" ", "_"))
    page.goto(f"{url}{path}{state.query}")
    if state.path == "/":
        page.locator("body:not([data-kind=starting])").wait_for()
        state.then(page)
    page.wait_for_timeout(FADED_MS)
    picture = page.screenshot(full_page=state.path != "/")
    page.close()
    return picture


def packed(png: bytes) -> bytes:
    """The picture as WebP, `MOST_SIDE` pixels at most."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=QUALITY, method=6)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
