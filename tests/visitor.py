"""A visitor with a real browser before the real server with the stand-in model: what the tests of the page share."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

import bundle
from kiosk.server import Server
from kiosk.settings import Settings
from kiosk.station import Station
from kiosk.web import create_app
from tests import stand_in
from tests.scripted import Wall

CHROMIUM = os.environ.get("CHROMIUM") or next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")

SIZES = {
    "landscape": (1920, 1080),
    "portrait": (1080, 1920),
    "4k": (3840, 2160),
    "tablet": (1024, 768),
    "phone": (390, 844),
}
# Screens on which not all words of an answer fit at once: the official one of the Raspberry Pi, phones that lie.
SMALL = {"touch": (800, 480), "lying phone": (844, 390), "small lying phone": (667, 375), "low": (1024, 600)}
# Without these flags a headless Chromium calls home, and as root it refuses to start. The fake camera
# shows a green picture with a clock.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
CAPTION = "Drawn for demonstration: dabs of one colour"
PATIENCE_MS = 20_000  # ms; the machine may be busy

# Instead of the server's events those that the test tells: `tell(page, ...)`.
TOLD = """
    let page, told;
    window.tell = (state) => {
        told = { data: JSON.stringify(state) };
        page?.onmessage(told);
    };
    window.EventSource = class {
        constructor() {
            page = this;
            setTimeout(() => { this.onopen(); told && this.onmessage(told); });
        }
        close() {}
    };
"""
# What lies on the screen under four corners of a picture, in pixels of the screen: left, top, right, bottom.
OUTLINE = "(() => { const box = painting.lastElementChild.getBoundingClientRect();"
OUTLINE += " return [box.left, box.top, box.right, box.bottom]; })()"

FRAME = (640, 360)  # px of the live picture
CENTRE = [[140, 0], [500, 0], [500, 360], [140, 360]]
QUAD = [[200, 80], [400, 100], [390, 300], [210, 280]]
OTHER = [[20, 100], [120, 100], [120, 240], [20, 240]]
STATE = {
    "status": "recognised",
    "style": "Cubism",
    "confidence": 0.9,
    "probabilities": dict.fromkeys(stand_in.STYLES, 0.02) | {"Cubism": 0.9},
    "view": "painting",
    "region": QUAD,
    "painting": QUAD,
    "others": [],
    "guidance": None,
    "located_score": 0.9,
    "evidence": {
        "style": "Cubism",
        "rows": 2,
        "columns": 3,
        "shares": [[0.1, 0.2, 1.0], [0.1, 0.1, 0.3]],
        "where": "top_right",
    },
    "timing_ms": {"total": 9.0},
    "model": {"name": "stand-in"},
    "camera": "live",
    "camera_fault": None,
    "source": {"kind": "camera", "demonstration": False, "caption": None},
}
MIDDLE = {"view": "centre", "region": CENTRE, "painting": None, "guidance": "show_painting"}
NOTHING = MIDDLE | {"status": "no_painting", "style": None, "confidence": 0.0, "evidence": None}
GONE = NOTHING | {"view": None, "region": None, "guidance": None}


@dataclass
class Kiosk:
    url: str
    wall: Wall


@dataclass
class Visitor:
    """A page, and what must not happen on it."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._follow)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:  # a broken rule of the CSP is an error too
            self.complaints.append(f"{message.type}: {message.text}")

    def _follow(self, request: Request) -> None:
        if not request.url.startswith((self.origin, f"blob:{self.origin}", "data:")):
            self.complaints.append(f"foreign request: {request.url}")

    def come(self, size: str = "tablet", query: str = "") -> Page:
        width, height = (SIZES | SMALL)[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto(self.origin + "/" + query)
        return self.page

    def come_to_be_told(self, size: str = "tablet", query: str = "", **settings: object) -> Page:
        """Like `come`, to a page that hears what the test tells it, before the kiosk's live picture; with other
        `settings` than the kiosk's."""
        self.page.add_init_script(TOLD)
        if settings:
            told = self.page.request.get(f"{self.origin}/api/settings").json() | settings
            self.page.route("**/api/settings", lambda route: route.fulfill(json=told))
        page = self.come(size, query)
        tell(page)
        expect(page.locator("#live.shown")).to_be_visible()
        return page

    def leave(self, expected: str = "") -> None:
        """Nothing went wrong, but for what matches `expected`: the browser logs every 4xx by itself."""
        wrong = [line for line in self.complaints if not (expected and re.search(expected, line))]
        assert wrong == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _kiosk(folder: Path, *pictures: stand_in.Pixels, **settings: object) -> Iterator[Kiosk]:
    wall = Wall(folder, CAPTION)
    for picture in pictures:
        wall.hang(picture)
    station = Station(bundle.load(stand_in.write_bundle(folder)), Settings(threads=1, **settings), wall)
    server = Server(create_app(station), "127.0.0.1", 0)
    server.start()
    station.open()
    station.load()
    yield Kiosk(f"http://127.0.0.1:{server.port}", wall)
    station.close()
    server.close()


def _visitor(browser: Browser, kiosk: Kiosk) -> Iterator[Visitor]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield Visitor(page, kiosk.url)
    page.close()


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """With a camera in front of a red painting: Impressionism to the stand-in."""
    yield from _kiosk(tmp_path_factory.mktemp("bundle"), stand_in.painting(stand_in.RED, 640, 360))


@pytest.fixture(scope="module")
def blind_kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """Without a camera."""
    yield from _kiosk(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def generous_kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """With all that is off by default."""
    picture = stand_in.painting(stand_in.RED, 640, 360)
    yield from _kiosk(
        tmp_path_factory.mktemp("bundle"), picture, speech=True, take_away=True, public_url="https://kiosk.example"
    )


TOKEN = "correct-horse-battery"


@pytest.fixture
def governed_kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    """With an administrator, whose token is `TOKEN`."""
    yield from _kiosk(tmp_path, stand_in.painting(stand_in.RED, 640, 360), admin_token=TOKEN)


@pytest.fixture
def governed_visitor(browser: Browser, governed_kiosk: Kiosk) -> Iterator[Visitor]:
    yield from _visitor(browser, governed_kiosk)


@pytest.fixture(scope="module")
def wall_kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """On a wall: nobody shows it pictures of their own."""
    picture = stand_in.painting(stand_in.RED, 640, 360)
    yield from _kiosk(tmp_path_factory.mktemp("bundle"), picture, own_pictures=False)


@pytest.fixture
def wall_visitor(browser: Browser, wall_kiosk: Kiosk) -> Iterator[Visitor]:
    yield from _visitor(browser, wall_kiosk)


@pytest.fixture
def visitor(browser: Browser, kiosk: Kiosk) -> Iterator[Visitor]:
    yield from _visitor(browser, kiosk)


@pytest.fixture
def blind_visitor(browser: Browser, blind_kiosk: Kiosk) -> Iterator[Visitor]:
    yield from _visitor(browser, blind_kiosk)


@pytest.fixture
def generous_visitor(browser: Browser, generous_kiosk: Kiosk) -> Iterator[Visitor]:
    yield from _visitor(browser, generous_kiosk)


def tell(page: Page, **changes: object) -> None:
    page.evaluate("(state) => tell(state)", STATE | changes)


def mostly_slow(values: Iterable[str], *often: str) -> list[Any]:
    """Parameters of which a few are tried on every run, and the others with the slow tests."""
    return [pytest.param(value, marks=() if value in often else pytest.mark.slow) for value in values]
