"""What the visitor's screen is beyond its label: evidence, languages, ways to read, an empty room, a page to keep.

In a real browser, like `test_page`; axe-core looks at every state in every language.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from kiosk.words import LANGUAGES
from tests import stand_in
from tests.administrator import Administrator
from tests.visitor import (
    CAPTION,
    FRAME,
    GONE,
    MIDDLE,
    NEEDS_CHROMIUM,
    NOTHING,
    QUAD,
    SIZES,
    SMALL,
    STATE,
    TOKEN,
    Kiosk,
    Visitor,
    mostly_slow,
    tell,
)

pytestmark = NEEDS_CHROMIUM

# WCAG 2.2 AA, and what axe's authors hold for good practice.
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
AXE = Axe()
LEAST_TARGET = 44  # px of a side of what can be touched
WRONG = {"status": "unknown_style", "style": None, "confidence": 0.2, "evidence": None}
PICTURE = {"name": "picture.png", "mimeType": "image/png"}

SPOKEN = """
    window.spoken = [];
    const voices = [];
    const synthesis = Object.assign(new EventTarget(), {
        getVoices: () => voices,
        cancel: () => spoken.push("hush"),
        speak: (words) => spoken.push([words.text, words.voice.name]),
    });
    Object.defineProperty(window, "speechSynthesis", { value: synthesis });
    window.comeVoices = () => {
        voices.push(
            { lang: "fr", localService: false, name: "far" },
            { lang: "en-GB", localService: false, name: "far" },
            { lang: "en-US", localService: true, name: "near" },
            { lang: "cmn", localService: true, name: "mandarin" },
        );
        synthesis.dispatchEvent(new Event("voiceschanged"));
    };
    window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
"""

# A file is dragged over the page and let go.
DROP = """() => {
    const carried = new DataTransfer();
    carried.items.add(new File(["picture"], "picture.png", { type: "image/png" }));
    for (const name of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""

# Has the page say, in one language after the other, all that it can say of a style, and lists what is out of sight then
# or set too small. Before each answer there is none, so that buttons come and go with it. A phone may scroll.
OUT_OF_SIGHT = """async ([languages, states, nothing, scrolls]) => {
    const words = await import("/static/words.js");
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const faults = [];
    const check = (where, all) => {
        for (const one of all) {
            if (!one.getClientRects().length) continue;
            if (scrolls) one.scrollIntoView({ block: "nearest" });
            const box = one.getBoundingClientRect(), name = one.id || one.textContent.trim().slice(0, 30);
            const out = Math.max(box.right - innerWidth, -box.left, box.bottom - innerHeight, -box.top);
            if (out > 1) faults.push(`${where}: ${name} is ${Math.round(out)} px out of sight`);
            const over = one.scrollWidth - one.clientWidth;
            if (over > 1 && one.clientWidth) faults.push(`${where}: ${name} is ${over} px wider than its column`);
            const type = parseFloat(getComputedStyle(one).fontSize);
            if (type < 13) faults.push(`${where}: ${name} is set in ${type.toFixed(1)} px`);
        }
    };
    const label = document.querySelector(".room .label");
    for (const language of languages) {
        await words.speak(language);
        for (const state of states) {
            tell(nothing);
            tell(state);
            await drawn();
            check(`${language} ${state.style}`, label.querySelectorAll("p, h1, h2, li, button, strong"));
            for (const part of [label, label.querySelector(".text")]) {
                const hidden = part.scrollHeight - part.clientHeight;
                if (!scrolls && hidden > 1) faults.push(`${language} ${state.style}: ${hidden} px must be scrolled to`);
            }
        }
        for (const dialog of document.querySelectorAll("dialog")) {
            dialog.showModal();
            check(`${language} ${dialog.id}`, [...dialog.querySelectorAll("h2, p, a, button")]);
            dialog.close();
        }
    }
    return faults;
}"""


# --- the evidence


def place_of(page: Page, element: str) -> list[float]:
    return page.evaluate(
        f"(() => {{ const box = document.querySelector('{element}').getBoundingClientRect();"
        " return [box.left, box.top, box.right, box.bottom]; })()"
    )


def expect_on_the_painting(page: Page) -> None:
    """The evidence fills the outline, once both have arrived there."""
    page.wait_for_timeout(150)  # longer than the way there
    ends = time.monotonic() + 5  # a large screen is drawn slowly without a graphics card
    while True:
        evidence, outline = place_of(page, "#evidence"), place_of(page, "#painting path:last-child")
        if evidence == pytest.approx(outline, abs=1.0):
            return
        assert time.monotonic() < ends, f"{evidence} is not {outline}"
        page.wait_for_timeout(50)


@pytest.mark.parametrize("size", mostly_slow(SIZES, "portrait", "tablet"))
def test_the_evidence_lies_on_the_painting(visitor: Visitor, size: str) -> None:
    page = visitor.come_to_be_told(size)
    expect(page.locator("#evidence")).to_have_css("opacity", "0")
    expect(page.locator("#legend")).to_be_hidden()
    expect(page.locator("#where")).to_have_text("Look first at the upper right.")
    button = page.get_by_role("button", name="Show me where")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#evidence")).to_have_css("opacity", "1")
    expect(page.locator("#legend")).to_be_visible()
    expect_on_the_painting(page)
    # The canvas goes with the painting ...
    moved = [[x + 30, y + 12] for x, y in QUAD]
    tell(page, painting=moved, region=moved)
    expect_on_the_painting(page)
    # ... and with the screen.
    page.set_viewport_size({"width": 900, "height": 700})
    expect_on_the_painting(page)
    button.click()
    expect(page.locator("#evidence")).to_have_css("opacity", "0")
    visitor.leave()


def test_the_evidence_hides_nothing_and_is_read_without_colours(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    page.get_by_role("button", name="Show me where").click()
    expect(page.locator("#evidence.shown")).to_be_visible()
    alphas = page.evaluate(
        """() => [...evidence.getContext("2d").getImageData(0, 0, 384, 384).data].filter((_, i) => i % 4 === 3)"""
    )
    thin = sorted(alphas)[int(0.95 * len(alphas))]  # lines are a few per cent of the places
    assert thin <= 0.76 * 255, "the painting is seen through it everywhere"
    # Brightness alone, on black and on white: the strongest place, upper right, differs from the weakest, lower left.
    greys = page.evaluate(
        """() => ["#000", "#fff"].map((ground) => {
            const canvas = new OffscreenCanvas(384, 384), to = canvas.getContext("2d");
            to.fillStyle = ground;
            to.fillRect(0, 0, 384, 384);
            to.drawImage(evidence, 0, 0);
            const grey = (x, y) => {
                const [r, g, b] = to.getImageData(x, y, 1, 1).data;
                return .3 * r + .59 * g + .11 * b;
            };
            return grey(375, 20) - grey(60, 340);
        })"""
    )
    assert min(greys) > 40
    visitor.leave(expected="willReadFrequently")  # the test reads pixels, not the page


def test_without_evidence_nothing_is_promised(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    tell(page, evidence=None)
    expect(page.locator("#show-where")).to_be_hidden()
    expect(page.locator("#where")).to_have_text("")
    expect(page.locator("#look-for")).to_contain_text("tilted planes")
    tell(page)
    page.get_by_role("button", name="Show me where").click()
    tell(page, **WRONG)
    expect(page.locator("#evidence")).to_have_css("opacity", "0")
    expect(page.locator("#legend")).to_be_hidden()
    visitor.leave()


def test_the_evidence_in_a_picture_that_was_brought(visitor: Visitor) -> None:
    quad = [[40, 50], [160, 60], [150, 170], [50, 160]]
    answer = STATE | {"painting": quad, "region": quad}
    visitor.page.route("**/api/classify", lambda route: route.fulfill(json=answer))
    page = visitor.come_to_be_told()
    content = stand_in.encoded(stand_in.painting(stand_in.GREEN, 400, 200), "PNG")
    page.locator("#file").set_input_files({**PICTURE, "buffer": content})
    expect(page.locator("#still")).to_be_visible()
    button = page.get_by_role("button", name="Show me where")
    button.click()
    expect(page.locator("#evidence")).to_have_css("opacity", "1")
    expect_on_the_painting(page)
    # Escape leads back, step by step.
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#evidence")).to_have_css("opacity", "0")
    expect(page.locator("#still")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#still")).to_be_hidden()
    visitor.leave()


def test_where_nobody_touches_the_evidence_comes_and_goes_by_itself(visitor: Visitor) -> None:
    page = visitor.come_to_be_told(attract_s=1)
    expect(page.locator("#evidence.shown")).to_be_visible(timeout=30_000)
    expect(page.locator("#show-where")).to_have_attribute("aria-pressed", "false")
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("#evidence.shown")).to_have_count(0)
    visitor.leave()


# --- nobody there


def test_an_empty_gallery_is_invited(visitor: Visitor) -> None:
    page = visitor.come_to_be_told(attract_s=1)
    tell(page, **NOTHING)
    attract = page.locator("#attract")
    expect(attract).to_be_visible()
    expect(page.get_by_role("heading", name="Which style is it?")).to_be_visible()
    expect(page.locator("#attract-picture.shown")).to_be_visible()
    expect(page.locator("#attract-style")).to_have_text("Cubism")
    expect(page.locator("#attract-evidence")).to_have_css("opacity", "1")
    page.mouse.click(5, 5)  # anywhere
    expect(attract).to_be_hidden()
    expect(page.locator("#headline")).to_have_text("No painting in view")
    expect(attract).to_be_visible()
    tell(page)  # somebody holds a painting before it
    expect(attract).to_be_hidden()
    expect(page.locator("#headline")).to_have_text("Cubism")
    tell(page, **NOTHING)
    expect(attract).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(attract).to_be_hidden()
    visitor.leave()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(GONE | {"camera": "searching", "camera_fault": "no_camera"}, id="no camera"),
        pytest.param(GONE | {"camera": "failed", "camera_fault": "hung"}, id="a broken camera", marks=pytest.mark.slow),
        pytest.param(
            NOTHING | {"status": "too_dark", "camera_fault": "black"}, id="a lens cap", marks=pytest.mark.slow
        ),
        pytest.param(
            {"status": "model_fault", "style": None, "confidence": 0.0}, id="a broken model", marks=pytest.mark.slow
        ),
        pytest.param(WRONG, id="a painting of another style"),
    ],
)
def test_what_must_be_said_is_not_covered_by_an_invitation(visitor: Visitor, changes: dict[str, object]) -> None:
    page = visitor.come_to_be_told(attract_s=0.5)
    tell(page, **changes)
    page.wait_for_timeout(2500)
    expect(page.locator("#attract")).to_be_hidden()
    visitor.leave()


def test_a_late_visitor_is_asked_and_stays(visitor: Visitor) -> None:
    page = visitor.come_to_be_told(idle_s=1, reset_s=60)
    page.get_by_role("button", name="Show me where").click()
    asks = page.get_by_role("dialog", name="Are you still there?")
    expect(asks).to_be_visible()
    expect(asks).to_contain_text("Seconds left: 5")
    expect(page.get_by_role("button", name="Yes, I am still here")).to_be_focused()
    page.keyboard.press("Enter")
    expect(asks).to_be_hidden()
    expect(page.locator("#show-where")).to_have_attribute("aria-pressed", "true")
    expect(asks).to_be_visible()  # and again, if nothing more happens
    page.keyboard.press("Escape")
    expect(asks).to_be_hidden()
    visitor.leave()


def test_who_has_gone_is_thanked_and_all_begins_again(generous_visitor: Visitor) -> None:
    generous_visitor.page.add_init_script(SPOKEN)
    page = generous_visitor.come_to_be_told(idle_s=2, reset_s=1)
    page.evaluate("comeVoices()")
    content = stand_in.encoded(stand_in.painting(stand_in.GREEN), "PNG")
    page.locator("#file").set_input_files({**PICTURE, "buffer": content})
    expect(page.locator("#still")).to_be_visible()
    page.locator("#open-reading").click()
    for switch in page.get_by_role("switch").all():
        switch.click()
    page.evaluate("reading.close()")
    page.locator("#open-languages").click()
    page.get_by_role("link", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator("#open-languages").click()
    expect(page.locator("#still-there")).to_be_visible()
    expect(page.locator("#thanks")).to_be_visible()
    expect(page.locator("#still-there")).to_be_hidden()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    assert page.evaluate("Object.keys(document.documentElement.dataset)") == ["language"]
    assert page.evaluate("[...document.querySelectorAll('[aria-checked=true]')].length") == 0
    expect(page.locator("#languages")).to_be_hidden()
    expect(page.locator("#live")).to_be_visible()
    assert page.evaluate("still.getAttribute('src')") is None
    expect(page.locator("#thanks")).to_be_hidden()  # after a while, by itself
    generous_visitor.leave()


def test_who_changed_nothing_is_not_asked(visitor: Visitor) -> None:
    page = visitor.come_to_be_told(idle_s=1, reset_s=1)
    page.mouse.click(20, 20)
    page.wait_for_timeout(2500)
    expect(page.locator("#still-there")).to_be_hidden()
    visitor.leave()


def test_nothing_of_a_visit_is_stored(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    page.locator("#open-languages").click()
    page.get_by_role("link", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.locator("#open-reading").click()
    page.locator("[data-mode=text]").click()
    assert page.context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    visitor.leave()


# --- languages


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_changes_in_place(visitor: Visitor, language: str) -> None:
    page = visitor.come_to_be_told()
    expect(page.locator("#headline")).to_have_text("Cubism")
    page.locator("#open-languages").click()
    page.get_by_role("link", name=LANGUAGES[language], exact=True).click()
    expect(page.locator("#languages")).to_be_hidden()
    expect(page.locator("#language-name")).to_have_text(LANGUAGES[language])
    said = page.request.get(f"{visitor.origin}/api/words/{language}").json()
    expect(page.locator("html")).to_have_attribute("lang", said["tag"])
    expect(page.locator("html")).to_have_attribute("dir", said["direction"])
    cubism = next(style for style in said["styles"] if style["key"] == "Cubism")
    expect(page.locator("#headline")).to_have_text(cubism["name"])
    expect(page.locator("#note")).to_have_text(cubism["about"])
    expect(page.locator("#over")).to_have_text(said["words"]["this_looks_like"])
    expect(page.locator("#where")).to_have_text(said["words"]["where_top_right"])
    expect(page.locator("#choose")).to_have_text(said["words"]["show_picture"])
    expect(page.locator(".stage").first).to_have_attribute("aria-label", said["words"]["picture"])
    # A page that begins in the language says the same.
    begun = visitor.come("tablet", f"?lang={language}")
    tell(begun)
    expect(begun.locator("#note")).to_have_text(cubism["about"])
    expect(begun.locator("#choose")).to_have_text(said["words"]["show_picture"])
    visitor.leave()


def test_right_to_left_the_screen_is_mirrored_and_the_picture_is_not(visitor: Visitor) -> None:
    page = visitor.come_to_be_told("landscape", "?lang=ar")
    label, stage = place_of(page, ".room .label"), place_of(page, ".stage")
    assert label[0] == 0 and label[2] < stage[2] == 1920
    page.locator("#show-where").click()
    expect_on_the_painting(page)
    live = page.locator("#live").bounding_box()
    assert live
    scale = max(live["width"] / FRAME[0], live["height"] / FRAME[1])
    left = live["x"] + (live["width"] - scale * FRAME[0]) / 2 + scale * min(x for x, _ in QUAD)
    assert place_of(page, "#painting path:last-child")[0] == pytest.approx(left, abs=1.0)
    visitor.leave()


# --- what the administrator changes


def administer(kiosk: Kiosk) -> Administrator:
    administrator = Administrator(int(kiosk.url.rpartition(":")[2]))
    administrator.sign_in(TOKEN)
    return administrator


def test_what_the_administrator_changes_reaches_an_open_page(governed_visitor: Visitor, governed_kiosk: Kiosk) -> None:
    administrator = administer(governed_kiosk)

    def change(**settings: object) -> None:
        assert administrator.ask("PATCH", "/admin/api/settings", settings)["status_code"] == 200

    page = governed_visitor.come()
    expect(page.locator("#headline")).to_have_text("Impressionism")
    expect(page.locator("#take")).to_be_hidden()
    page.evaluate("window.isTheSame = true")
    change(language="nl")
    expect(page.locator("html")).to_have_attribute("lang", "nl", timeout=2_000)
    change(take_away=True, public_url="https://kiosk.example")
    expect(page.locator("#take")).to_be_visible(timeout=2_000)
    change(take_away=False)
    expect(page.locator("#take")).to_be_hidden(timeout=2_000)
    # A visitor who has chosen another language keeps it while it is offered.
    page.locator("#open-languages").click()
    page.get_by_role("link", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    change(languages=["de", "en"], language="en")
    page.locator("#open-languages").click()
    expect(page.locator("#languages a")).to_have_text(["Deutsch", "English"], timeout=2_000)
    expect(page.locator("#languages a[aria-current]")).to_have_text("Deutsch")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.keyboard.press("Escape")
    change(languages=["en", "fr"])
    expect(page.locator("html")).to_have_attribute("lang", "en", timeout=2_000)
    expect(page.locator("#language-name")).to_have_text("English")
    page.locator("#open-reading").click()
    change(idle_s=5)  # an open card is something to put back
    expect(page.locator("#still-there")).to_be_visible(timeout=9_000)
    assert page.evaluate("window.isTheSame"), "it was not loaded anew"
    governed_visitor.leave()


def test_a_restarted_kiosk_is_asked_for_its_texts(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    expect(page.locator("#headline")).to_have_text("Cubism")
    said = page.request.get(f"{visitor.origin}/api/words/en").json()
    for style in said["styles"]:
        style["about"] = "It hangs in room 4."
    page.route("**/api/words/en", lambda route: route.fulfill(json=said))
    tell(page, settings_version=2)
    expect(page.locator("#note")).to_have_text("It hangs in room 4.")
    visitor.leave()


def test_a_language_that_comes_late_does_not_overrule_a_later_choice(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    said = page.request.get(f"{visitor.origin}/api/words/en").json()
    late: list[Route] = []
    page.route("**/api/words/en", lambda route: late.append(route))
    tell(page, settings_version=2)
    stand_in.until(lambda: page.wait_for_timeout(20) is None and bool(late))
    page.locator("#open-languages").click()
    page.get_by_role("link", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    late[0].fulfill(json=said)
    page.wait_for_timeout(300)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    visitor.leave()


# --- a screen on a wall


def test_a_screen_on_a_wall_takes_no_pictures(wall_visitor: Visitor) -> None:
    page = wall_visitor.come_to_be_told(idle_s=3600, attract_s=3600)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/api/classify" in request.url else None)
    expect(page.get_by_role("button", name="Show me where")).to_be_visible()
    for name in ["Show a picture", "This device"]:
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.evaluate(DROP)
    expect(page.locator("body.dragging")).to_have_count(0)
    page.wait_for_timeout(300)
    assert sent == []
    expect(page.locator("body")).to_have_attribute("data-view", "live")
    tell(page, guidance="step_left")
    expect(page.locator("#guidance")).to_have_text("Move the painting a little to your left, please.")
    for camera, fault in [("searching", "no_camera"), ("failed", "frozen")]:
        tell(page, **GONE, camera=camera, camera_fault=fault)
        expect(page.locator("body")).to_have_attribute("data-kind", "searching")
        expect(page.locator("#empty")).to_be_visible()
        for words in ["your own", "Drop", "choose"]:
            expect(page.locator("body")).not_to_contain_text(words, use_inner_text=True)
    wall_visitor.leave()


def test_a_screen_on_a_wall_is_accessible(browser: Browser, wall_kiosk: Kiosk) -> None:
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    page = Visitor(context.new_page(), wall_kiosk.url).come_to_be_told(idle_s=3600, attract_s=3600)
    faults = []
    for where, changes in {"style": {}, "failed": GONE | {"camera": "failed", "camera_fault": "frozen"}}.items():
        tell(page, **changes)
        page.wait_for_timeout(300)
        faults += audit(page, where) + small_targets(page, where)
    context.close()
    assert faults == []


def test_whether_pictures_are_taken_reaches_an_open_page(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    page.locator("#file").set_input_files({**PICTURE, "buffer": stand_in.encoded(stand_in.painting(stand_in.GREEN))})
    expect(page.locator("#still")).to_be_visible()
    settings = page.request.get(f"{visitor.origin}/api/settings").json() | {"own_pictures": False}
    page.route("**/api/settings", lambda route: route.fulfill(json=settings))
    tell(page, settings_version=2)
    expect(page.locator("#live")).to_be_visible()
    expect(page.locator("#choose")).to_be_hidden()
    # Nor does a long press open the browser's menu.
    assert not page.evaluate("dispatchEvent(new MouseEvent('contextmenu', {cancelable: true}))")
    visitor.leave()


# --- ways to read


def test_larger_text_stronger_contrast_and_less_motion(visitor: Visitor) -> None:
    page = visitor.come_to_be_told("landscape")
    size = "parseFloat(getComputedStyle(note).fontSize)"
    before = page.evaluate(size)
    page.locator("#open-reading").click()
    for name, mode in [("Larger text", "text"), ("Stronger contrast", "contrast"), ("Less motion", "motion")]:
        switch = page.get_by_role("switch", name=name)
        expect(switch).to_have_attribute("aria-checked", "false")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        assert page.evaluate(f"document.documentElement.dataset.{mode}")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#open-reading")).to_be_focused()
    assert page.evaluate(size) >= 1.15 * before
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(255, 255, 255)"
    # What had begun to move before runs to its end.
    while page.evaluate("document.getAnimations().length"):
        page.wait_for_timeout(50)
    tell(page, style="Pop Art", confidence=0.5)
    expect(page.locator("#headline")).to_have_text("Pop Art")
    assert page.evaluate("document.getAnimations().filter((a) => a.effect.getTiming().duration > 1).length") == 0
    visitor.leave()


def test_less_motion_leaves_the_text_as_large_as_it_is(visitor: Visitor) -> None:
    size = "parseFloat(getComputedStyle(note).fontSize)"
    page = visitor.come_to_be_told("tablet", "?text=large&lang=fr")  # has to be made smaller until it fits
    page.wait_for_timeout(300)
    before = page.evaluate(size)
    page.emulate_media(reduced_motion="reduce")
    tell(page, style="Pop Art")
    tell(page)
    for _ in range(10):
        page.wait_for_timeout(30)
        assert page.evaluate(size) == before
    visitor.leave()


def test_the_system_asks_for_contrast_too(visitor: Visitor) -> None:
    visitor.page.emulate_media(contrast="more")
    page = visitor.come_to_be_told()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"
    visitor.leave()


@pytest.mark.parametrize("colours", ["active"])
def test_forced_colours_keep_what_is_chosen_visible(visitor: Visitor, colours: str) -> None:
    visitor.page.emulate_media(forced_colors=colours)  # type: ignore[arg-type]
    page = visitor.come_to_be_told()
    page.locator("#show-where").click()
    assert page.evaluate("getComputedStyle(document.getElementById('show-where')).borderWidth") == "3px"
    # The text has solid ground.
    ground = page.evaluate("getComputedStyle(document.querySelector('.room .label')).backgroundColor")
    assert re.fullmatch(r"rgb\(.*\)", ground), ground
    visitor.leave()


def test_the_answer_is_read_aloud_by_a_voice_of_this_machine_if_asked_for(generous_visitor: Visitor) -> None:
    generous_visitor.page.add_init_script(SPOKEN)
    page = generous_visitor.come_to_be_told()
    page.evaluate("comeVoices()")
    page.wait_for_timeout(1500)
    assert page.evaluate("spoken") == [], "it is silent until somebody asks"
    page.locator("#open-reading").click()
    page.get_by_role("switch", name="Read the answers aloud").click()
    stand_in.until(
        lambda: page.evaluate("spoken.some((one) => one[0].startsWith('Cubism. Quite sure. Pablo Picasso'))")
    )
    assert page.evaluate("spoken.at(-1)[1]") == "near", "the words do not leave the machine"
    tell(page, **NOTHING)
    stand_in.until(lambda: page.evaluate("spoken.at(-1) === 'hush'"))
    generous_visitor.leave()


def test_reading_aloud_is_offered_where_there_is_a_voice_for_the_language(generous_visitor: Visitor) -> None:
    generous_visitor.page.add_init_script(SPOKEN)
    page = generous_visitor.come_to_be_told()
    page.locator("#open-reading").click()
    switch = page.locator("[data-mode=speech]")
    expect(switch).to_be_disabled()
    expect(switch).to_have_accessible_description("I have no voice for this language here.")
    page.evaluate("comeVoices()")  # a browser finds them late
    expect(switch).to_be_enabled()
    expect(page.locator("#no-voice")).to_be_hidden()
    switch.click()
    page.keyboard.press("Escape")
    for language, has_voice in [("Français", False), ("中文", True), ("English", True)]:
        page.locator("#open-languages").click()
        page.get_by_role("link", name=language, exact=True).click()
        expect(page.locator("#language-name")).to_have_text(language)
        expect(switch).to_be_enabled(enabled=has_voice)
        expect(switch).to_have_attribute("aria-checked", "false")
    generous_visitor.leave()


def test_without_the_setting_there_is_no_voice(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    page.locator("#open-reading").click()
    expect(page.get_by_role("switch")).to_have_count(3)
    visitor.leave()


# --- something to take along


def test_a_page_to_take_along(generous_visitor: Visitor) -> None:
    page = generous_visitor.come_to_be_told("tablet", "?lang=fr")
    page.locator("#take").click()
    expect(page.locator("#along")).to_be_visible()
    assert page.evaluate("square.decode().then(() => square.getAttribute('src'))") == "/styles/cubism/qr.svg?lang=fr"
    page.keyboard.press("Escape")
    expect(page.locator("#along")).to_be_hidden()
    page.goto(f"{generous_visitor.origin}/styles/cubism?lang=fr")
    said = page.request.get(f"{generous_visitor.origin}/api/words/fr").json()
    cubism = next(style for style in said["styles"] if style["key"] == "Cubism")
    expect(page.get_by_role("heading", level=1)).to_have_text(cubism["name"])
    expect(page.locator("main")).to_contain_text(cubism["about"])
    expect(page.locator("main")).to_contain_text(cubism["look_for"])
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    generous_visitor.leave()


def test_nothing_to_take_along_by_default(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    expect(page.locator("#headline")).to_have_text("Cubism")
    expect(page.locator("#take")).to_be_hidden()
    visitor.leave()


# --- an address where there is nothing


@pytest.mark.parametrize("path", ["/nothing", "/styles/nonsense"])
def test_an_address_where_there_is_nothing_leads_home(generous_visitor: Visitor, path: str) -> None:
    page = generous_visitor.page
    answer = page.goto(f"{generous_visitor.origin}{path}?lang=fr")
    assert answer is not None and answer.status == 404
    said = page.request.get(f"{generous_visitor.origin}/api/words/fr").json()["words"]
    expect(page.get_by_role("heading", level=1)).to_have_text(said["not_found"])
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("link", name=said["home"]).click()
    expect(page.locator("#choose")).to_have_text(said["show_picture"])
    generous_visitor.leave(expected="status of 404")


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        pytest.param("/api/nothing", "text/html,*/*;q=0.8", id="the API, in a browser"),
        pytest.param("/admin/api/nothing", "text/html,*/*;q=0.8", id="the administrator's API, in a browser"),
        pytest.param("/nothing", "*/*", id="no browser"),
    ],
)
def test_programs_are_told_of_errors_in_json(visitor: Visitor, path: str, accept: str) -> None:
    answer = visitor.page.request.get(f"{visitor.origin}{path}", headers={"Accept": accept})
    assert answer.status == 404
    assert answer.json()["error"]["code"] == "not_found"


# --- every state, in every language


def audit(page: Page, where: str) -> list[str]:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # all is laid out
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.axe_script)
    response = page.evaluate("(options) => axe.run(document, options)", RULES)
    return [
        f"{where}: {found['id']}: {node['target']} {node['failureSummary']}"
        for found in response["violations"]
        for node in found["nodes"]
    ]


def small_targets(page: Page, where: str) -> list[str]:
    found = page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, [role=switch]")]
            .filter((one) => one.getClientRects().length)
            .map((one) => [one.id || one.textContent.trim(), one.getBoundingClientRect()])
            .map(([name, box]) => [name, box.width, box.height])"""
    )
    return [
        f"{where}: {name} is {width:.0f} x {height:.0f} px"
        for name, width, height in found
        if min(width, height) < LEAST_TARGET - 0.01
    ]


TOLD_STATES = {
    "recognised": {},
    "the middle": MIDDLE,
    "advised": {"guidance": "less_glare"},
    "another style": WRONG,
    "nothing": NOTHING,
    "dark": NOTHING | {"status": "too_dark"},
    "blurred": NOTHING | {"status": "too_blurred"},
    "covered": NOTHING | {"status": "too_dark", "camera_fault": "black"},
    "model fault": {"status": "model_fault", "style": None, "confidence": 0.0, "evidence": None},
    "waking": {"model": None},
    "no camera": GONE | {"camera": "searching", "camera_fault": "no_camera"},
    "recovering": GONE | {"camera": "recovering", "camera_fault": "hung"},
    "failed": GONE | {"camera": "failed", "camera_fault": "frozen"},
    "a drawn picture": {"source": {"kind": "demo", "demonstration": True, "caption": "Drawn"}},
}


# Three that differ in their letters and their direction; the others take minutes more.
OFTEN = ("en", "ja", "ar")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("language", mostly_slow(LANGUAGES, "en", "ar"))
def test_every_state_is_accessible(browser: Browser, generous_kiosk: Kiosk, language: str) -> None:
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    visitor = Visitor(context.new_page(), generous_kiosk.url)
    page = visitor.come_to_be_told("tablet", f"?lang={language}", idle_s=3600, attract_s=3600)
    faults: list[str] = []

    def look(where: str) -> None:
        faults.extend(audit(page, where) + small_targets(page, where))

    for where, changes in TOLD_STATES.items():
        tell(page, **changes)
        page.wait_for_timeout(300)
        look(where)
    tell(page)
    page.locator("#show-where").click()
    look("evidence")
    for button, dialog in [("open-languages", "languages"), ("open-reading", "reading"), ("take", "along")]:
        page.locator(f"#{button}").click()
        look(dialog)
        page.evaluate(f"{dialog}.close()")
    for dialog in ["still-there", "thanks", "attract"]:
        page.evaluate(f"document.getElementById('{dialog}').showModal()")
        look(dialog)
        page.evaluate(f"document.getElementById('{dialog}').close()")
    for mode, value in [("text", "large"), ("contrast", "high")]:
        page.evaluate(f"document.documentElement.dataset.{mode} = '{value}'")
        look(f"{mode} {value}")
        page.evaluate(f"delete document.documentElement.dataset.{mode}")
    page.locator("#file").set_input_files({"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear visitor"})
    expect(page.locator("body[data-kind=trouble]")).to_be_visible()
    look("trouble")
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Escape")
    tell(page)
    look("phone")
    page.goto(f"{generous_kiosk.url}/styles/cubism?lang={language}")
    look("leaf")
    page.goto(f"{generous_kiosk.url}/nothing?lang={language}")
    look("error")
    context.close()
    assert faults == []


@pytest.mark.parametrize("text", mostly_slow(["normal", "large"], "large"))
@pytest.mark.parametrize("size", mostly_slow(SIZES, "landscape", "portrait", "phone"))
def test_all_words_and_buttons_are_in_sight_in_every_language(generous_visitor: Visitor, size: str, text: str) -> None:
    page = generous_visitor.come_to_be_told(size, f"?text={text}", idle_s=3600, attract_s=3600)
    caption = {"kind": "demo", "demonstration": True, "caption": CAPTION}
    evidence = STATE["evidence"] | {"where": "bottom_right"}
    told = STATE | {"guidance": "step_back", "source": caption, "evidence": evidence}
    states = [told | {"style": style} for style in stand_in.STYLES]
    assert page.evaluate(OUT_OF_SIGHT, [[*LANGUAGES], states, STATE | NOTHING, size == "phone"]) == []
    generous_visitor.leave()


# Lists what is set too small, and the buttons that are not in sight, in one language after the other.
TOO_SMALL = """async ([languages, states]) => {
    const words = await import("/static/words.js");
    const faults = [];
    for (const language of languages) {
        await words.speak(language);
        for (const state of states) {
            tell(state);
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            const where = `${language} ${state.status} ${state.style}`;
            for (const one of document.querySelectorAll(".room .label *, .room .stage p")) {
                const own = [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim());
                if (!own || !one.getClientRects().length || one.closest(".unseen")) continue;
                const type = parseFloat(getComputedStyle(one).fontSize), name = one.id || one.className || one.tagName;
                const least = one.closest(".note, .look") ? 16 : 13;
                if (type < least) faults.push(`${where}: ${name} is set in ${type.toFixed(1)} px`);
            }
            for (const one of document.querySelectorAll(".room button")) {
                if (!one.getClientRects().length) continue;
                const box = one.getBoundingClientRect();
                const out = Math.max(box.right - innerWidth, -box.left, box.bottom - innerHeight, -box.top);
                if (out > 0) faults.push(`${where}: ${one.id} is ${Math.round(out)} px out of sight`);
            }
            const text = document.querySelector(".room .text");
            if (text.clientHeight < 100) faults.push(`${where}: ${text.clientHeight} px are left for the text`);
            const wide = document.documentElement.scrollWidth - innerWidth;
            if (wide > 0) faults.push(`${where}: ${wide} px too wide`);
        }
    }
    return faults;
}"""


@pytest.mark.parametrize("text", mostly_slow(["normal", "large"], "large"))
@pytest.mark.parametrize("size", mostly_slow(SMALL, "touch", "small lying phone"))
def test_a_small_screen_can_be_read_and_used(generous_visitor: Visitor, size: str, text: str) -> None:
    page = generous_visitor.come_to_be_told(size, f"?text={text}", idle_s=3600, attract_s=3600)
    caption = {"kind": "demo", "demonstration": True, "caption": CAPTION}
    states = [STATE | {"style": style, "source": caption} for style in stand_in.STYLES]
    states += [STATE | WRONG, STATE | NOTHING, STATE | GONE | {"camera": "failed", "camera_fault": "frozen"}]
    assert page.evaluate(TOO_SMALL, [[*LANGUAGES], states]) == []
    tell(page)
    page.locator("#look-for").scroll_into_view_if_needed()  # what is not in sight can be reached
    tell(page, **NOTHING)  # a painting would end the invitation
    for dialog in ["attract", "still-there", "thanks"]:
        page.evaluate(f"document.getElementById('{dialog}').showModal()")
        for button in page.locator(f"#{dialog} button").all():
            expect(button).to_be_in_viewport(ratio=1)
        page.evaluate(f"document.getElementById('{dialog}').close()")
    generous_visitor.leave()


@pytest.mark.parametrize("text", mostly_slow(["normal", "large"], "large"))
def test_nothing_scrolls_sideways_on_the_narrowest_screen(visitor: Visitor, text: str) -> None:
    page = visitor.come_to_be_told("phone", f"?text={text}", idle_s=3600, attract_s=3600)
    page.set_viewport_size({"width": 320, "height": 568})
    longest = dict.fromkeys(stand_in.STYLES, 0.01) | {"Abstract Expressionism": 0.2, "Cubism": 0.7}
    for language in LANGUAGES:
        page.evaluate("(code) => import('/static/words.js').then((words) => words.speak(code))", language)
        for style in stand_in.STYLES:
            tell(page, style=style, probabilities=longest | {style: 0.8})
            page.wait_for_timeout(30)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{language} {style}"
    visitor.leave()


# A painting anywhere in the frame: at its sides, and as large as it.
ANYWHERE = {
    "left": [[4, 60], [250, 70], [245, 300], [10, 310]],
    "right": [[390, 60], [636, 70], [630, 300], [395, 310]],
    "wide": [[20, 100], [620, 90], [610, 280], [30, 270]],
    "all": [[0, 0], [640, 0], [640, 360], [0, 360]],
    "small": [[300, 150], [360, 150], [360, 220], [300, 220]],
}


@pytest.mark.parametrize("language", mostly_slow(OFTEN, "en", "ar"))
@pytest.mark.parametrize("size", mostly_slow([*SIZES, *SMALL], "landscape", "portrait", "tablet", "phone", "touch"))
def test_all_of_the_painting_is_in_sight(visitor: Visitor, size: str, language: str) -> None:
    if size == "4k" and language != "en":
        pytest.skip("the same as landscape, and slow")
    page = visitor.come_to_be_told(size, f"?lang={language}", idle_s=3600, attract_s=3600)
    page.emulate_media(reduced_motion="reduce")  # it is there at once
    for where, quad in ANYWHERE.items():
        tell(page, painting=quad, region=quad)
        page.wait_for_timeout(100)
        painting, free = place_of(page, "#painting path:last-child"), place_of(page, ".room .free")
        assert painting[0] >= free[0] - 1 and painting[1] >= free[1] - 1, where
        assert painting[2] <= free[2] + 1 and painting[3] <= free[3] + 1, where
    page.locator("#show-where").click()
    expect_on_the_painting(page)
    visitor.leave()


@pytest.mark.parametrize("size", mostly_slow(["landscape", "tablet", "phone", "touch"], "tablet"))
def test_all_of_the_painting_on_the_screen_that_waits_is_in_sight(visitor: Visitor, size: str) -> None:
    page = visitor.come_to_be_told(size, attract_s=1)
    tell(page, **NOTHING)
    expect(page.locator("#attract-evidence.shown")).to_be_visible()
    painting, free = place_of(page, "#attract-evidence"), place_of(page, ".attract .free")
    assert painting[0] >= free[0] - 1 and painting[1] >= free[1] - 1
    assert painting[2] <= free[2] + 1 and painting[3] <= free[3] + 1
    visitor.leave()


def test_the_picture_stays_where_it_is_while_the_painting_is_in_sight(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    tell(page, painting=ANYWHERE["right"], region=ANYWHERE["right"])
    page.wait_for_timeout(1000)
    before = place_of(page, "#live")
    for step in range(5):
        moved = [[x - 2 * step, y + step] for x, y in ANYWHERE["right"]]
        tell(page, painting=moved, region=moved)
        page.wait_for_timeout(50)
    tell(page, painting=None, region=None, view=None)  # for a moment nothing is found
    page.wait_for_timeout(500)
    assert place_of(page, "#live") == before
    visitor.leave()


def test_a_long_text_of_the_museum_scrolls_and_leaves_the_buttons_in_sight(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    page.evaluate("note.textContent = 'It hangs in room four. '.repeat(60)")
    page.locator("#choose").click(trial=True)
    text, choose = place_of(page, ".room .text"), place_of(page, "#choose")
    assert text[3] <= choose[1] and choose[3] <= SIZES["tablet"][1]
    page.locator("#could-be").scroll_into_view_if_needed()
    expect(page.locator("#could-be")).to_be_in_viewport()
    visitor.leave()


def test_the_pictures_of_the_screen_that_waits_are_there() -> None:
    folder = Path(__file__).parents[2] / "kiosk" / "static" / "attract"
    shown = json.loads((folder / "attract.json").read_text())
    assert len(shown) >= 3
    for exhibit in shown:
        assert (folder / exhibit["picture"]).is_file()
        assert len(exhibit["painting"]) == 4
        assert all(0 <= share <= 1 for row in exhibit["evidence"] for share in row)
