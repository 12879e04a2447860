"""The visitor's page in a real browser, against the real server with the stand-in model.

Needs the system's Chromium. Every test also asks that the page wrote no error to the console, broke no
rule of its Content-Security-Policy, and sent no request to another origin (`Visitor.leave`).
"""

import base64
import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests import stand_in
from tests.visitor import (
    CAPTION,
    FRAME,
    GONE,
    MIDDLE,
    NEEDS_CHROMIUM,
    NOTHING,
    OTHER,
    OUTLINE,
    QUAD,
    SIZES,
    STATE,
    Kiosk,
    Visitor,
    mostly_slow,
    tell,
)

pytestmark = NEEDS_CHROMIUM


def on_screen(page: Page, quad: list[list[int]], size: tuple[int, int], element: str, fit: str) -> list[float]:
    """The bounding box on the screen of `quad` in a picture of `size` that fills `element` as `fit` says."""
    box = page.locator(element).bounding_box()
    assert box
    scale = (max if fit == "cover" else min)(box["width"] / size[0], box["height"] / size[1])
    left = box["x"] + (box["width"] - scale * size[0]) / 2
    top = box["y"] + (box["height"] - scale * size[1]) / 2
    xs, ys = [left + scale * x for x, _ in quad], [top + scale * y for _, y in quad]
    return [min(xs), min(ys), max(xs), max(ys)]


def expect_outline(page: Page, expected: list[float]) -> None:
    expect(page.locator("#painting")).to_have_css("opacity", "1")
    page.wait_for_timeout(150)  # longer than the way there
    assert page.evaluate(OUTLINE) == pytest.approx(expected, abs=1.0)


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
    expect(page.locator("#percent")).to_have_text(f"{round(100 * state['confidence'])}%")
    expect(page.locator("#note")).to_contain_text("out of doors")
    expect(page.locator("#look-for")).to_contain_text("strokes of colour")
    expect(page.locator("#where")).to_have_text("Look across the whole picture.")  # its evidence is one place
    expect(page.locator("#years")).to_have_text("France, 1860s to 1880s")
    # Three other styles, the likelier the earlier.
    others = sorted(stand_in.STYLES, key=lambda style: -state["probabilities"][style])[1:4]
    expect(page.locator(".alternative")).to_have_text(others)
    expect(page.locator(".colophon")).to_contain_text("stand-in")
    visitor.leave()


def test_the_live_picture_is_shown_with_the_region_that_is_looked_at(visitor: Visitor) -> None:
    page = visitor.come()
    expect(page.locator("#live.shown")).to_be_visible()
    assert page.evaluate("[live.naturalWidth, live.naturalHeight]") == [640, 360]
    expect(page.locator("#guide")).to_have_attribute("viewBox", "0 0 640 360")
    expect(page.locator("#corners")).to_have_css("opacity", "1")
    # The central square runs from 140 to 500; its corners are drawn a little inside.
    arms = page.locator("#corners path").last.get_attribute("d") or ""
    xs = [float(x) for x in re.findall(r"[ML]([\d.]+)", arms)]
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
        (stand_in.GREY, "No painting in view"),  # no edges of one, and none of the styles either
        ((0, 0, 0), "It is too dark for me"),
    ],
)
def test_what_is_no_style_has_words_of_its_own(visitor: Visitor, kiosk: Kiosk, colour, headline: str) -> None:
    dim = 0.1 if colour == (0, 0, 0) else 1.0
    kiosk.wall.hang((stand_in.painting(colour, 640, 360) * dim).astype("uint8"))
    try:
        page = visitor.come()
        expect(page.locator("#headline")).to_have_text(headline)
        expect(page.locator("#sure")).to_be_hidden()
    finally:
        kiosk.wall.take_down()
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


def huge() -> bytes:
    """A file of a few kilobytes that would be 81 megapixels."""
    stream = io.BytesIO()
    Image.new("1", (9000, 9000)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "headline", "note"),
    [
        pytest.param(
            "letter.txt",
            b"Dear visitor, this is no picture.",
            "That is not a picture I can read",
            "Please choose a JPEG, PNG or WebP file.",
            id="a text",
        ),
        pytest.param(
            "broken.png",
            stand_in.encoded(stand_in.painting(stand_in.RED), "PNG")[:400],
            "I could not read that picture",
            "The file may be damaged or incomplete. Please try another one.",
            id="a damaged picture",
        ),
        pytest.param("empty.png", b"", "That file is empty", "Please choose another file.", id="an empty file"),
        pytest.param(
            "huge.png", huge(), "That picture is too large", "Please try a smaller copy of it.", id="a huge picture"
        ),
    ],
)
def test_what_is_no_picture_gets_a_friendly_word(
    visitor: Visitor, name: str, content: bytes, headline: str, note: str
) -> None:
    page = visitor.come()
    kind = "text/plain" if name.endswith("txt") else "image/png"
    page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": content})
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#note")).to_have_text(note)
    expect(page.locator("#could-be")).to_be_hidden()
    visitor.leave(expected="status of 4(00|13|15)")


@pytest.mark.parametrize("status", ["no_painting", "too_dark", "too_blurred"])
def test_a_picture_in_which_nothing_is_seen_has_words_of_its_own(visitor: Visitor, status: str) -> None:
    answer = NOTHING | {"status": status, "view": "whole", "model": {"name": "stand-in"}}
    visitor.page.route("**/api/classify", lambda route: route.fulfill(json=answer))
    page = visitor.come()
    page.locator("#file").set_input_files(picture(stand_in.GREEN))
    expect(page.locator("#over")).to_have_text("I have looked closely")
    expect(page.locator("#note")).to_contain_text("try another picture")
    if status == "no_painting":
        expect(page.locator("#headline")).to_have_text("I see no painting in it")
    visitor.leave()


@pytest.mark.parametrize(
    ("confidence", "percent", "sure"),
    [(0.9151, "92%", "Almost certain"), (0.9149, "91%", "Quite sure"), (0.746, "75%", "Quite sure")],
)
def test_the_words_agree_with_the_number_beside_them(
    visitor: Visitor, confidence: float, percent: str, sure: str
) -> None:
    page = visitor.come_to_be_told()
    tell(page, confidence=confidence)
    expect(page.locator("#percent")).to_have_text(percent)
    expect(page.locator("#sure")).to_have_text(sure)
    visitor.leave()


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


@pytest.mark.parametrize("size", mostly_slow(SIZES, "landscape", "portrait", "phone"))
@pytest.mark.parametrize(("kind", "fit"), [("camera", "cover"), ("folder", "contain")])
def test_the_outline_lies_on_the_painting(visitor: Visitor, size: str, kind: str, fit: str) -> None:
    page = visitor.come_to_be_told(size)
    tell(page, source={"kind": kind, "demonstration": False, "caption": None}, others=[OTHER])
    expect_outline(page, on_screen(page, QUAD, FRAME, "#live", fit))
    expect(page.locator("#painting path").last).to_have_css("stroke", "rgb(220, 184, 114)")
    expect(page.locator("#others")).to_have_css("opacity", "0.6")
    expect(page.locator("#corners")).to_have_css("opacity", "0")  # an invitation where nothing is found
    tell(page, status="unknown_style", style=None)
    expect(page.locator("#painting path").last).to_have_css("stroke", "rgb(244, 238, 227)")
    tell(page, **NOTHING)
    expect(page.locator("#painting")).to_have_css("opacity", "0")
    expect(page.locator("#others")).to_have_css("opacity", "0")
    expect(page.locator("#corners")).to_have_css("opacity", "1")
    visitor.leave()


# Moves the painting by 10 px twelve times a second, and notes at each drawing where its left side should be and is.
WALK = """async ([state, quad]) => {
    const noted = [];
    const path = painting.lastElementChild;
    let told = 0, goes = true;
    new MutationObserver(() => noted.push([performance.now(), told, parseFloat(path.getAttribute("d").slice(1))]))
        .observe(path, { attributeFilter: ["d"] });
    for (let i = 1; i <= 12; i += 1) {
        told = 10 * i;
        const moved = quad.map(([x, y]) => [x + told, y]);
        tell({ ...state, painting: moved, region: moved });
        await new Promise((resolve) => setTimeout(resolve, 83));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return noted.map(([at, told, left]) => [at, told, left - quad[0][0]]);
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_outline_follows_smoothly_and_in_time(visitor: Visitor, motion: str) -> None:
    visitor.page.emulate_media(reduced_motion=motion)
    page = visitor.come_to_be_told()
    page.wait_for_timeout(200)
    noted = page.evaluate(WALK, [STATE, QUAD])
    drawn = [left for _, _, left in noted]
    assert drawn == sorted(drawn), "it never goes back"
    assert drawn[-1] == 120, "it arrives"
    assert all(told - 20 <= left <= told for _, told, left in noted), "never two answers behind, and never ahead"
    if motion == "reduce":
        assert len(noted) == 12, "at once, without steps between"
    else:
        assert len(noted) > 20, "in small steps"
    # To another painting it does not wander across the wall.
    tell(page, painting=OTHER, region=OTHER)
    d = page.locator("#painting path").last.get_attribute("d")
    assert d == "M20.0,100.0 L120.0,100.0 L120.0,240.0 L20.0,240.0 Z"
    visitor.leave()


@pytest.mark.parametrize(
    ("changes", "over", "headline", "guidance"),
    [
        pytest.param({}, "This looks like", "Cubism", "", id="a painting that is seen well needs nothing"),
        pytest.param({"guidance": "come_closer"}, "This looks like", "Cubism", "closer", id="it could be seen better"),
        pytest.param({"guidance": "less_glare"}, "This looks like", "Cubism", "lamp", id="a lamp is mirrored in it"),
        pytest.param(
            MIDDLE, "The middle of my view", "Cubism", "one whole painting", id="the middle was judged, and it says so"
        ),
        pytest.param({"view": "region"}, "This looks like", "Cubism", "", id="a fixed region is no fall-back"),
        pytest.param(
            {"status": "unknown_style", "style": None, "guidance": "step_left"},
            "I have looked closely",
            "None of the styles I know",
            "to the left",
            id="none of the styles, and not well seen",
        ),
        pytest.param(NOTHING, "I am looking", "No painting in view", "", id="nothing found; the label says what to do"),
        pytest.param(
            NOTHING | {"status": "too_dark", "guidance": "more_light"},
            "I am looking",
            "It is too dark for me",
            "",
            id="the label asks for light itself",
        ),
        pytest.param({"guidance": "sing"}, "This looks like", "Cubism", "", id="a code without words is not shown"),
    ],
)
def test_what_was_looked_at_and_what_would_help_is_said(
    visitor: Visitor, changes: dict[str, object], over: str, headline: str, guidance: str
) -> None:
    page = visitor.come_to_be_told()
    tell(page, **changes)
    expect(page.locator("#over")).to_contain_text(over)
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#guidance")).to_have_text(re.compile(guidance) if guidance else "")
    if headline == "No painting in view":
        expect(page.locator("#note")).to_contain_text("Show me one whole painting")
    page.wait_for_timeout(400)  # and so it stays
    expect(page.locator("#guidance")).to_have_text(re.compile(guidance) if guidance else "")
    visitor.leave()


def test_guidance_that_comes_and_goes_is_not_shown(visitor: Visitor) -> None:
    page = visitor.come_to_be_told()
    page.evaluate("new MutationObserver(() => { window.flickered = true; }).observe(guidance, { childList: true })")
    for code in ["less_glare", None] * 5:
        tell(page, guidance=code)
        page.wait_for_timeout(83)
    page.wait_for_timeout(400)
    assert page.evaluate("window.flickered") is None
    visitor.leave()


@pytest.mark.parametrize(
    ("changes", "headline", "note", "shows"),
    [
        pytest.param(
            {"camera": "searching", "camera_fault": "no_camera"},
            "No camera is connected",
            "I keep looking for a camera",
            "#empty",
            id="nothing is plugged in",
        ),
        pytest.param(
            {"camera": "searching", "camera_fault": "stream_lost"},
            "No camera is connected",
            "The connection to the camera is broken",
            "#empty",
            id="a network camera is away",
        ),
        pytest.param(
            {"camera": "recovering", "camera_fault": "hung"},
            "I have lost my view",
            "gone silent. I am trying",
            "#live",
            id="a short break: the last picture stays, dimmed",
        ),
        pytest.param(
            {"camera": "failed", "camera_fault": "frozen"},
            "My camera needs help",
            "same moment again and again. Please tell",
            "#empty",
            id="the restarts did not help",
        ),
        pytest.param(
            {"camera": "failed", "camera_fault": "gremlins"},
            "My camera needs help",
            "Please tell",
            "#empty",
            id="a fault without words shows no code",
        ),
        pytest.param(
            NOTHING | {"status": "too_dark", "camera_fault": "black", "guidance": "more_light"},
            "Something covers my lens",
            "no light",
            "#live",
            id="a lens cap",
        ),
        pytest.param(
            {"status": "model_fault", "style": None, "confidence": 0.0},
            "I cannot think just now",
            "someone who works here",
            "#live",
            id="the network gave no numbers",
        ),
    ],
)
def test_what_is_broken_is_said_in_plain_words(
    visitor: Visitor, changes: dict[str, object], headline: str, note: str, shows: str
) -> None:
    page = visitor.come_to_be_told()
    tell(page, **(changes if "status" in changes else GONE | changes))
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#note")).to_contain_text(note)
    expect(page.locator(shows)).to_be_visible()
    if changes.get("camera") == "recovering":
        expect(page.locator("#live")).to_have_css("opacity", "0.35")
    expect(page.locator("#corners")).to_have_css("opacity", "0")
    expect(page.locator("#could-be")).to_be_hidden()
    words = page.locator("body").inner_text()
    assert not re.search(r"[a-z]_[a-z]|gremlins|frozen|fault", words)
    tell(page)
    expect(page.locator("#headline")).to_have_text("Cubism")
    expect(page.locator("#live")).to_have_css("opacity", "1")
    visitor.leave()


@pytest.mark.parametrize("size", mostly_slow(SIZES, "landscape", "portrait", "phone"))
@pytest.mark.parametrize("shape", [pytest.param((400, 200), id="wide"), pytest.param((200, 400), id="tall")])
def test_a_painting_in_a_picture_that_was_brought_is_outlined(
    visitor: Visitor, size: str, shape: tuple[int, int]
) -> None:
    quad = [[40, 50], [160, 60], [150, 170], [50, 160]]
    answer = STATE | {"painting": quad, "region": quad, "guidance": "step_left"}
    visitor.page.route("**/api/classify", lambda route: route.fulfill(json=answer))
    page = visitor.come_to_be_told(size)
    content = stand_in.encoded(stand_in.painting(stand_in.GREEN, *shape), "PNG")
    page.locator("#file").set_input_files({"name": "wall.png", "mimeType": "image/png", "buffer": content})
    expect(page.locator("#over")).to_have_text("This looks like")
    expect(page.locator("#headline")).to_have_text("Cubism")
    box = page.locator("#still").bounding_box()
    frame_px = page.evaluate("parseFloat(getComputedStyle(still).borderLeftWidth)")
    assert box
    scale = (box["width"] - 2 * frame_px) / shape[0]
    left, top = box["x"] + frame_px, box["y"] + frame_px
    expect_outline(page, [left + scale * 40, top + scale * 50, left + scale * 160, top + scale * 170])
    page.wait_for_timeout(400)
    expect(page.locator("#guidance")).to_have_text("")  # nobody can move what is in a picture
    page.keyboard.press("Escape")
    tell(page)
    expect(page.locator("#live.shown")).to_be_visible()
    tell(page)
    expect_outline(page, on_screen(page, QUAD, FRAME, "#live", "cover"))
    visitor.leave()


@pytest.mark.parametrize(
    ("status", "over", "headline"),
    [
        ("recognised", "The whole picture looks like", "Cubism"),
        ("unknown_style", "I have looked at the whole picture", "None of the styles I know"),
    ],
)
def test_a_picture_without_edges_of_a_painting_is_looked_at_as_a_whole(
    visitor: Visitor, status: str, over: str, headline: str
) -> None:
    whole = [[0, 0], [320, 0], [320, 320], [0, 320]]
    answer = STATE | {"status": status, "view": "whole", "region": whole, "painting": None}
    visitor.page.route("**/api/classify", lambda route: route.fulfill(json=answer))
    page = visitor.come_to_be_told()
    page.locator("#file").set_input_files(picture(stand_in.GREEN))
    expect(page.locator("#over")).to_have_text(over)
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#painting")).to_have_css("opacity", "0")
    expect(page.locator("#corners")).to_have_css("opacity", "0")
    visitor.leave()


@pytest.mark.parametrize("size", mostly_slow(SIZES, "landscape", "portrait", "phone"))
def test_what_the_device_in_hand_sees_is_sent_and_outlined(blind_visitor: Visitor, size: str) -> None:
    sent: list[tuple[int, int]] = []

    def answer(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        with Image.open(io.BytesIO(body[body.index(b"\xff\xd8") :])) as image:
            sent.append(image.size)
        route.fulfill(json=STATE | {"painting": QUAD, "region": QUAD, "guidance": "come_closer"})

    blind_visitor.page.route("**/api/classify", answer)
    page = blind_visitor.come(size)
    page.get_by_role("button", name="This device").click()
    expect(page.locator("#headline")).to_have_text("Cubism")
    expect(page.locator("#guidance")).to_contain_text("closer")
    stage = page.locator("#own").bounding_box()
    assert stage
    width, height = sent[-1]
    assert 480 <= max(width, height) <= 960
    assert width / height == pytest.approx(stage["width"] / stage["height"], rel=0.01), "what is seen is sent"
    expect_outline(page, on_screen(page, QUAD, sent[-1], "#own", "cover"))
    page.keyboard.press("Escape")
    expect(page.locator("#guidance")).to_have_text("")
    expect(page.locator("#painting")).to_have_css("opacity", "0")
    blind_visitor.leave()


@pytest.mark.parametrize(
    ("status", "over", "headline", "asks"),
    [
        ("recognised", "The whole picture looks like", "Cubism", "#guidance"),
        ("unknown_style", "I am looking", "No painting in view", "#note"),
    ],
)
def test_where_the_device_in_hand_sees_no_painting_it_is_said(
    blind_visitor: Visitor, status: str, over: str, headline: str, asks: str
) -> None:
    answer = STATE | {"status": status, "view": "whole", "painting": None}
    blind_visitor.page.route("**/api/classify", lambda route: route.fulfill(json=answer))
    page = blind_visitor.come()
    page.get_by_role("button", name="This device").click()
    expect(page.locator("#over")).to_have_text(over)
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator(asks)).to_contain_text("one whole painting")
    blind_visitor.leave()


def test_one_odd_frame_of_the_device_in_hand_changes_nothing(blind_visitor: Visitor) -> None:
    answers = iter(["Cubism", "Cubism", "Pop Art", "Cubism"])

    def answer(route: Route) -> None:
        route.fulfill(json=STATE | {"style": next(answers, "Cubism")})

    blind_visitor.page.route("**/api/classify", answer)
    page = blind_visitor.come()
    page.evaluate(
        """() => { window.said = [];
        new MutationObserver(() => said.push(headline.textContent)).observe(headline, { childList: true }); }"""
    )
    page.get_by_role("button", name="This device").click()
    expect(page.locator("#headline")).to_have_text("Cubism")
    page.wait_for_timeout(1200)
    assert next(answers, None) is None, "all were given"
    assert page.evaluate("said.filter((words) => words === 'Pop Art')") == []
    blind_visitor.leave()


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
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2, "the focus must be seen"
    assert reached == ["open-languages", "open-reading", "show-where", "choose", "use-own"]
    assert page.locator("#answer").get_attribute("aria-live") == "polite"
    visitor.leave()


def test_reduced_motion_is_respected(visitor: Visitor) -> None:
    visitor.page.emulate_media(reduced_motion="reduce")
    page = visitor.come()
    expect(page.locator("#headline")).to_have_text("Impressionism")
    assert page.evaluate("document.getAnimations().filter((a) => a.effect.getTiming().duration > 1).length") == 0
    visitor.leave()
