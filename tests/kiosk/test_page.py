"""The visitor's page in a real browser, against the real server with the stand-in model.

Needs the system's Chromium. Every test also asks that the page wrote no error to the console, broke no
rule of its Content-Security-Policy, and sent no request to another origin (`Visitor.leave`).
"""

import base64
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import cv2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

import bundle
from kiosk.server import Server
from kiosk.source import Shot, Source, SourceLost
from kiosk.station import Station
from kiosk.web import create_app
from tests import stand_in

CHROMIUM = os.environ.get("CHROMIUM") or next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")

SIZES = {"landscape": (1920, 1080), "portrait": (1080, 1920), "tablet": (1024, 768), "phone": (390, 844)}
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
PATIENCE_MS = 10_000  # ms; the machine may be busy


@dataclass(frozen=True)
class Wall(Source):
    """A camera whose picture the test hangs: the last of `hung`, or none."""

    kind: ClassVar[str] = "demo"
    demonstration: ClassVar[bool] = True
    hung: list[stand_in.Pixels] = field(default_factory=list)

    def shots(self, pause):
        while True:
            if not self.hung:
                raise SourceLost("the wall is empty")
            yield Shot(cv2.cvtColor(self.hung[-1], cv2.COLOR_RGB2BGR), CAPTION)
            pause(0.1)


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

    def come(self, size: str = "tablet") -> Page:
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto(self.origin)
        return self.page

    def leave(self, expected: str = "") -> None:
        """Nothing went wrong, but for what matches `expected`: the browser logs every 4xx by itself."""
        wrong = [line for line in self.complaints if not (expected and re.search(expected, line))]
        assert wrong == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _kiosk(folder: Path, wall: Wall) -> Iterator[Kiosk]:
    station = Station(bundle.load(stand_in.write_bundle(folder)), "int8", wall, threads=1)
    server = Server(create_app(station), "127.0.0.1", 0)
    server.start()
    station.open()
    station.load()
    yield Kiosk(f"http://127.0.0.1:{server.port}", wall)
    station.close()
    server.close()


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """With a camera in front of a red painting: Impressionism to the stand-in."""
    yield from _kiosk(tmp_path_factory.mktemp("bundle"), Wall(hung=[stand_in.painting(stand_in.RED, 640, 360)]))


@pytest.fixture(scope="module")
def blind_kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    """Without a camera."""
    yield from _kiosk(tmp_path_factory.mktemp("bundle"), Wall())


@pytest.fixture
def visitor(browser: Browser, kiosk: Kiosk) -> Iterator[Visitor]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield Visitor(page, kiosk.url)
    page.close()


@pytest.fixture
def blind_visitor(browser: Browser, blind_kiosk: Kiosk) -> Iterator[Visitor]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield Visitor(page, blind_kiosk.url)
    page.close()


@pytest.fixture(autouse=True, scope="module")
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def picture(colour: tuple[int, int, int], name: str = "picture.png") -> dict:
    """A file as Playwright hands it to a file chooser."""
    return {
        "name": name,
        "mimeType": "image/png",
        "buffer": stand_in.encoded(stand_in.painting(colour), "PNG"),
    }


def test_the_label_says_what_the_api_says(visitor: Visitor) -> None:
    page = visitor.come("landscape")
    expect(page.locator("#headline")).to_have_text("Impressionism")
    state = page.request.get(f"{visitor.origin}/api/state").json()
    assert (state["status"], state["style"]) == ("recognised", "Impressionism")
    expect(page.locator("#percent")).to_have_text(f"{round(100 * state['confidence'])} %")
    shares = {row.split("\n")[0]: row.split("\n")[-1] for row in page.locator("#bars li").all_inner_texts()}
    assert list(shares) == list(stand_in.STYLES)
    assert shares["Impressionism"] == f"{round(100 * state['probabilities']['Impressionism'])} %"
    expect(page.locator("#bars li.named .bar-name")).to_have_text("Impressionism")
    expect(page.locator("#note")).to_contain_text("touches of pure colour")
    expect(page.locator(".colophon")).to_contain_text("stand-in")
    visitor.leave()


def test_the_live_picture_is_shown_with_the_region_that_is_looked_at(visitor: Visitor) -> None:
    page = visitor.come()
    expect(page.locator("#live.shown")).to_be_visible()
    assert page.evaluate("[live.naturalWidth, live.naturalHeight]") == [640, 360]
    expect(page.locator("#guide")).to_have_attribute("viewBox", "0 0 640 360")
    # The central square runs from 140 to 500; its corners are drawn a little inside.
    xs = [float(x) for x in re.findall(r"[ML]([\d.]+)", page.locator("#corners").get_attribute("d") or "")]
    assert 140 < min(xs) < 160 and 480 < max(xs) < 500
    visitor.leave()


def test_a_demonstration_is_labelled(visitor: Visitor) -> None:
    page = visitor.come()
    expect(page.locator("#caption")).to_have_text(CAPTION)
    expect(page.locator("#caption")).to_be_visible()
    visitor.leave()


@pytest.mark.parametrize(
    ("colour", "headline"),
    [
        (stand_in.GREY, "None of the six styles I know"),
        ((0, 0, 0), "It is too dark for me"),
    ],
)
def test_what_is_no_style_has_words_of_its_own(visitor: Visitor, kiosk: Kiosk, colour, headline: str) -> None:
    dim = 0.1 if colour == (0, 0, 0) else 1.0
    kiosk.wall.hung.append((stand_in.painting(colour, 640, 360) * dim).astype("uint8"))
    try:
        page = visitor.come()
        expect(page.locator("#headline")).to_have_text(headline)
        expect(page.locator("#sure")).to_be_hidden()
    finally:
        kiosk.wall.hung.pop()
    expect(page.locator("#headline")).to_have_text("Impressionism")  # and it goes on
    visitor.leave()


def test_a_chosen_picture_is_answered_and_leads_back(visitor: Visitor) -> None:
    page = visitor.come()
    expect(page.locator("#headline")).to_have_text("Impressionism")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Show a picture").click()
    chooser.value.set_files(picture(stand_in.GREEN))
    expect(page.locator("#headline")).to_have_text("Cubism")
    expect(page.locator("#still")).to_be_visible()
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("#caption")).to_be_hidden()
    expect(page.get_by_role("button", name="Back to the camera")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#headline")).to_have_text("Impressionism")
    expect(page.locator("#live.shown")).to_be_visible()
    expect(page.get_by_role("button", name="Show a picture")).to_be_focused()
    assert page.evaluate("still.getAttribute('src')") is None  # the picture is let go
    visitor.leave()


def test_a_dropped_picture_is_answered_while_the_camera_is_live(visitor: Visitor) -> None:
    page = visitor.come()
    expect(page.locator("#headline")).to_have_text("Impressionism")
    data = base64.b64encode(stand_in.encoded(stand_in.painting(stand_in.BLUE), "PNG")).decode()
    page.evaluate(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], "picture.png", { type: "image/png" }));
            const about = { dataTransfer: carried, bubbles: true, cancelable: true };
            for (const name of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(name, about));
        }""",
        data,
    )
    expect(page.locator("#headline")).to_have_text("Expressionism")
    expect(page.locator("body.dragging")).to_have_count(0)
    visitor.leave()


@pytest.mark.parametrize(
    ("name", "content", "headline"),
    [
        ("letter.txt", b"Dear visitor, this is no picture.", "That is not a picture I can read"),
        (
            "broken.png",
            stand_in.encoded(stand_in.painting(stand_in.RED), "PNG")[:400],
            "I could not read that picture",
        ),
        ("empty.png", b"", "That file is empty"),
    ],
)
def test_what_is_no_picture_gets_a_friendly_word(visitor: Visitor, name: str, content: bytes, headline: str) -> None:
    page = visitor.come()
    kind = "text/plain" if name.endswith("txt") else "image/png"
    page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": content})
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#bars")).to_be_hidden()
    visitor.leave(expected="status of 4(00|15)")


def test_without_a_camera_the_page_says_so_and_takes_pictures(blind_visitor: Visitor) -> None:
    page = blind_visitor.come()
    expect(page.locator("#headline")).to_have_text("No camera is connected")
    expect(page.locator("#empty")).to_be_visible()
    page.locator("#file").set_input_files(picture(stand_in.GREEN))
    expect(page.locator("#headline")).to_have_text("Cubism")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.locator("#headline")).to_have_text("No camera is connected")
    blind_visitor.leave()


def test_the_camera_of_the_device_in_hand(blind_visitor: Visitor) -> None:
    page = blind_visitor.come()
    expect(page.locator("#headline")).to_have_text("No camera is connected")
    with page.expect_response("**/api/classify") as first:
        page.get_by_role("button", name="This device").click()
    assert first.value.status == 200
    expect(page.locator("#own.shown")).to_be_visible()
    expect(page.locator("#headline")).to_have_text("Cubism")  # the fake camera is green
    expect(page.locator("#guide")).to_have_css("opacity", "1")
    page.keyboard.press("Escape")
    expect(page.locator("#headline")).to_have_text("No camera is connected")
    assert page.evaluate("own.srcObject") is None  # its light goes out
    blind_visitor.leave()


def test_a_lost_connection_is_said_and_comes_back(visitor: Visitor) -> None:
    visitor.page.route("**/api/events", lambda route: route.abort())
    page = visitor.come()
    expect(page.locator("#connection")).to_have_text("Reconnecting")
    page.unroute("**/api/events")
    expect(page.locator("#headline")).to_have_text("Impressionism")
    expect(page.locator("#connection")).to_have_text("")
    visitor.leave(expected="ERR_FAILED")


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(visitor: Visitor, size: str) -> None:
    page = visitor.come(size)
    overflow = "document.documentElement.scrollWidth - innerWidth"
    expect(page.locator("#headline")).to_have_text("Impressionism")
    assert page.evaluate(overflow) <= 0
    page.locator("#file").set_input_files(picture(stand_in.GREEN))
    expect(page.locator("#headline")).to_have_text("Cubism")
    assert page.evaluate(overflow) <= 0
    # The longest answer that there is.
    page.evaluate("headline.textContent = 'Abstract Expressionism'")
    assert page.evaluate(overflow) <= 0
    if size != "phone":  # there one scrolls down; a screen on a wall has nobody to do so
        page.get_by_role("button", name="Back").click(trial=True)
        assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    visitor.leave()


def test_every_control_can_be_reached_by_keyboard(visitor: Visitor) -> None:
    page = visitor.come()
    expect(page.locator("#headline")).to_have_text("Impressionism")
    reached = []
    for _ in range(2):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2, "the focus must be seen"
    assert reached == ["choose", "use-own"]
    assert page.locator("#answer").get_attribute("aria-live") == "polite"
    visitor.leave()


def test_reduced_motion_is_respected(visitor: Visitor) -> None:
    visitor.page.emulate_media(reduced_motion="reduce")
    page = visitor.come()
    expect(page.locator("#headline")).to_have_text("Impressionism")
    assert page.evaluate("document.getAnimations().filter((a) => a.effect.getTiming().duration > 1).length") == 0
    visitor.leave()
