"""The administrator's page in a real browser, against the real server. Needs the system's Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import bundle
from kiosk.admin.door import TRIES
from kiosk.server import Server
from kiosk.settings import read
from kiosk.station import Station
from kiosk.web import create_app
from tests.scripted import showing
from tests.stand_in import GREEN, painting, until, write_bundle
from tests.visitor import NEEDS_CHROMIUM, PATIENCE_MS, SIZES

pytestmark = NEEDS_CHROMIUM

TOKEN = "correct-horse-battery"


@dataclass
class Office:
    """A browser before a kiosk, and what its page complained of."""

    page: Page
    station: Station
    url: str
    file: Path
    complaints: list[str] = field(default_factory=list)

    def come(self, size: str = "tablet") -> Page:
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._follow(request.url))
        self.page.goto(f"{self.url}/admin")
        return self.page

    def sign_in(self, size: str = "tablet") -> Page:
        page = self.come(size)
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#facts tr").first).to_be_attached()
        return page

    def _follow(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.complaints.append(f"foreign request: {url}")


@pytest.fixture
def office(browser: Browser, tmp_path: Path) -> Iterator[Office]:
    first = write_bundle(tmp_path / "bundles" / "first")
    write_bundle(tmp_path / "bundles" / "second", name="another")
    write_bundle(tmp_path / "bundles" / "blind", name="blind", green=float("nan"))
    file = tmp_path / "museum.toml"
    file.write_text(f'# in the foyer\nadmin_token = "{TOKEN}"\nbundles = "{tmp_path / "bundles"}"\n')
    station = Station(bundle.load(first), read({"bundle": str(first)}, file), showing(painting(GREEN, 640, 360)))
    server = Server(create_app(station), "127.0.0.1", 0)
    server.start()
    station.open()
    station.load()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    office = Office(page, station, f"http://127.0.0.1:{server.port}", file)
    yield office
    page.close()
    station.close()
    server.close()
    wrong = [line for line in office.complaints if "status of 4" not in line]  # the browser logs every 4xx by itself
    assert wrong == []


def findings(page: Page) -> list[str]:
    """What axe-core finds, by its rules for WCAG 2.2 AA and its best practices."""
    found: Any = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


def test_the_door_by_keyboard(office: Office) -> None:
    page = office.come()
    expect(page.get_by_label("Token")).to_be_focused()
    assert TRIES.startswith("5 per minute")
    expect(page.locator("main")).to_contain_text("After five tries in a minute")
    page.keyboard.type("not the token at all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Camera", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()


@pytest.mark.parametrize("size", ["landscape", "tablet", "phone"])
def test_nothing_is_wrong_for_whoever_sees_or_moves_otherwise(office: Office, size: str) -> None:
    page = office.come(size)
    assert findings(page) == []
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#facts tr").first).to_be_attached()
    expect(page.locator("#offers input")).to_have_count(4)
    page.get_by_role("button", name="Draw a region").click()
    page.get_by_label("Language", exact=True).select_option("ar")
    page.locator("#screen").get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    page.get_by_role("button", name="Restart").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert not office.station.restarting.is_set()


def test_the_region_is_dragged_and_moved_by_keys(office: Office) -> None:
    page = office.sign_in()
    page.get_by_role("button", name="Draw a region").click()
    corner = page.get_by_role("button", name="Top left corner")
    expect(corner).to_be_focused()
    view, box = page.locator("#view").bounding_box(), corner.bounding_box()
    assert view and box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(view["x"] + 0.25 * view["width"], view["y"] + 0.2 * view["height"], steps=4)
    page.mouse.up()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.locator("#where").get_by_role("button", name="Apply").click()
    until(lambda: office.station.settings.region is not None)
    assert office.station.settings.region is not None
    assert office.station.settings.region[0] == pytest.approx((0.26, 0.25), abs=0.01)
    assert office.station.settings.region[1:] == ((0.85, 0.1), (0.85, 0.9), (0.15, 0.9))
    until(lambda: office.station.state()["view"] == "region")
    page.get_by_role("button", name="No region").click()
    page.locator("#where").get_by_role("button", name="Apply").click()
    until(lambda: office.station.settings.region is None)


def test_the_region_is_dragged_as_a_whole_and_stays_in_the_picture(office: Office) -> None:
    page = office.sign_in()
    region = page.get_by_label("Region", exact=True)
    region.fill("0.4,0.4,0.8,0.8")
    view = page.locator("#view").bounding_box()
    assert view
    page.mouse.move(view["x"] + 0.6 * view["width"], view["y"] + 0.6 * view["height"])
    page.mouse.down()
    page.mouse.move(view["x"] + 0.7 * view["width"], view["y"] + 0.1 * view["height"], steps=4)
    page.mouse.up()
    left, top, right, bottom = map(float, region.input_value().split(","))
    assert (left, top, right, bottom) == pytest.approx((0.5, 0.0, 0.9, 0.4), abs=0.01)


def test_a_change_is_applied_kept_and_told(office: Office) -> None:
    page = office.sign_in()
    screen = page.locator("#screen")
    page.get_by_label("Language", exact=True).select_option("fr")
    page.get_by_label("Nobody touches it for").fill("90")
    screen.get_by_role("button", name="Apply").click()
    expect(screen.get_by_role("alert")).to_have_text("Applied.")
    assert (office.station.settings.language, office.station.settings.idle_s) == ("fr", 90)
    expect(page.locator("#unkept")).to_have_text("Until the next start only: “Language”, “Nobody touches it for”.")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#keeping")).to_be_hidden()
    expect(page.get_by_label("Nobody touches it for")).to_have_value("90")
    assert office.file.read_text().startswith("# in the foyer\n")
    assert 'language = "fr"' in office.file.read_text()
    page.get_by_label("Language", exact=True).select_option("de")
    screen.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#keeping")).to_be_hidden()
    expect(page.get_by_label("Language", exact=True)).to_have_value("fr")


def test_what_is_typed_and_not_applied_is_not_kept_and_it_is_said(office: Office) -> None:
    page = office.sign_in()
    seconds = page.get_by_label("Nobody touches it for")
    seconds.fill("77")
    page.locator("#screen").get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Keep")).to_be_visible()
    seconds.fill("60")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#kept-says")).to_have_text(
        "Kept. Still to be applied, and then kept: “Nobody touches it for”."
    )
    expect(seconds).to_have_value("60")
    assert office.station.settings.idle_s == 77


def test_a_camera_that_is_not_there_is_said_once(office: Office) -> None:
    page = office.page
    state = page.request.get(f"{office.url}/api/state").json()
    gone = state | {"camera": "searching", "camera_fault": "no_camera", "status": "no_painting", "style": None}
    told = f"setTimeout(() => this.onmessage({{ data: JSON.stringify({json.dumps(gone)}) }}))"
    page.add_init_script(f"window.EventSource = class {{ constructor() {{ {told}; }} }};")
    office.sign_in()
    expect(page.locator("#seen")).to_have_text(re.compile("^No camera is found ·"))


def test_a_mistake_is_said_where_it_was_made(office: Office) -> None:
    page = office.sign_in()
    page.get_by_label("Region", exact=True).fill("0,0,3,3")
    page.locator("#where").get_by_role("button", name="Apply").click()
    expect(page.locator("#where").get_by_role("alert")).to_contain_text("is no region")
    expect(page.get_by_label("Region", exact=True)).to_be_focused()
    assert office.station.settings.region is None


def test_the_threshold_is_the_bundles_own_until_it_is_moved(office: Office) -> None:
    page = office.sign_in()
    threshold = page.get_by_label("Threshold for naming a style")
    expect(threshold).to_be_disabled()
    page.get_by_label("The bundle’s own threshold").uncheck()
    threshold.focus()
    page.keyboard.press("ArrowRight")
    page.locator("#answers").get_by_role("button", name="Apply").click()
    until(lambda: office.station.settings.least_known == pytest.approx(0.51))
    page.get_by_label("The bundle’s own threshold").check()
    page.locator("#answers").get_by_role("button", name="Apply").click()
    until(lambda: office.station.settings.least_known is None)


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        pytest.param("second", "second is in use", id="a good one"),
        pytest.param("blind", "blind was taken back: it gave no numbers", id="one that fails in use"),
    ],
)
def test_a_bundle_is_exchanged_and_the_page_says_how_it_went(office: Office, folder: str, told: str) -> None:
    page = office.sign_in()
    until(lambda: office.station.state()["style"] == "Cubism")
    page.get_by_label(folder, exact=True).check()
    page.get_by_role("button", name="Exchange").click()
    expect(page.locator("#progress")).to_contain_text(told)
    expect(page.locator("#in-use")).to_contain_text("another" if folder == "second" else "stand-in")


def test_a_qr_code_that_no_phone_can_open_is_told(office: Office) -> None:
    page = office.sign_in()
    page.get_by_label("QR code to take away").check()
    page.get_by_label("Address for phones").fill("http://kiosk.museum.example:8080")
    page.locator("#screen").get_by_role("button", name="Apply").click()
    expect(page.locator("#doubts")).to_contain_text("phones cannot open")


def test_undo_takes_back_a_bundle_and_what_was_said(office: Office) -> None:
    page = office.sign_in()
    until(lambda: office.station.state()["style"] == "Cubism")
    page.get_by_label("second", exact=True).check()
    page.get_by_role("button", name="Exchange").click()
    expect(page.locator("#unkept")).to_have_text("Until the next start only: “Bundle”.")
    page.get_by_label("Markers", exact=True).check()
    page.locator("#where").get_by_role("button", name="Apply").click()
    expect(page.locator("#where").get_by_role("alert")).to_have_text("Applied.")
    page.get_by_label("Source", exact=True).fill("missing.mp4")
    source = page.locator("form", has=page.locator("#source"))
    source.get_by_role("button", name="Apply").click()
    expect(source.get_by_role("alert")).to_contain_text("missing.mp4")
    page.get_by_role("button", name="Undo").click()
    for form in (page.locator("#where"), source):
        expect(form.locator(".says")).to_have_text("")
    expect(page.locator("#keeping")).to_be_hidden()
    expect(page.locator("#in-use")).to_contain_text("stand-in")
    expect(page.locator("#progress")).to_contain_text("first is in use")
    assert not office.station.settings.markers


def test_the_live_picture_and_what_is_seen_are_told(office: Office) -> None:
    page = office.sign_in("phone")
    expect(page.locator("#seen")).to_contain_text("The camera is live")
    expect(page.locator("#seen")).to_contain_text("Cubism")
    page.wait_for_function("document.getElementById('live').naturalWidth === 640")
