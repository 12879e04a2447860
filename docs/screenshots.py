"""Makes the pictures of the page in all its states, from a kiosk that is shown its own demonstration.

    python docs/screenshots.py [--bundle models/default] [--style Cubism] [--states where,attract] [--sizes landscape]

Needs the system's Chromium and the `dev` extra. A kiosk is shown the drawn canvas in the manner of the style, and
answers; every picture is of this frame and this answer, or there are none. What an empty gallery, a broken camera or a
late visitor would make of the page is told to it in the kiosk's place.

Each state is taken at 1920 x 1080, the main ones at all sizes; with `--all` every state at every size, and as PNG in
full size with `--full`, to look at and not to commit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from kiosk.demo.gallery import EXHIBITS, REST_S, WALK_S, DemoGallery  # noqa: E402
from tests.visitor import CHROMIUM, FLAGS, SIZES, SMALL  # noqa: E402

Pixels = npt.NDArray[np.uint8]

NO_CAMERA = "63"  # what it sees is sent to it
MOST_SIDE = 1920  # px of a picture in the repository: 4K is made smaller
QUALITY = 78  # of WebP, 0-100: small type stays clean
PATIENCE_MS = 90_000  # ms; a 4K picture takes a busy machine a while
FADED_MS = 1_800  # ms until all that comes up has come
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
    jpegs: dict[str, bytes]
    """By what is in view: the painting, the same in the dark, the wall beside it."""


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
    view: str = "painting"
    canvas: str | None = None
    """What stands in the caption of the canvas; None: that of the style that was asked for."""
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


EMPTY = {"source": {"kind": "camera", "demonstration": False, "caption": None}}
CENTRE = {"view": "centre", "guidance": "show_painting"}
STATES = (
    State("label", everywhere=True),
    State("where", then=_click("#show-where"), everywhere=True),
    State("unknown", canvas="a botanical plate"),
    State("nothing", NOTHING | CENTRE | EMPTY, view="wall"),
    State("dark", NOTHING | {"status": "too_dark", "guidance": "more_light"} | EMPTY, view="dark"),
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
    if CHROMIUM is None:
        print("no Chromium on this machine (apt-get install chromium, or set CHROMIUM)", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "kiosk", "--source", NO_CAMERA, "--port", "0"]
    command += ["--bundle", str(options.bundle), "--precision", options.precision]
    settings = {"VERNISSAGE_TAKE_AWAY": "true", "VERNISSAGE_PUBLIC_URL": "http://kiosk.museum.example"}
    options.into.mkdir(parents=True, exist_ok=True)
    names = options.states.split(",") if options.states else [state.name for state in STATES]
    sizes = options.sizes.split(",") if options.sizes else [*SIZES, "touch"]
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, env=os.environ | settings
    ) as kiosk:
        try:
            ready = kiosk.stdout.readline() if kiosk.stdout else ""
            if "http" not in ready:
                return 1  # it has said why
            url = ready.split("ready: ")[1].split()[0].rstrip("/")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                looks = {
                    state.canvas: see(url, state.canvas or f"in the manner of {options.style}") for state in STATES
                }
                for state in STATES:
                    is_wanted = state.name in names
                    for size in sizes if is_wanted else []:
                        if size != "landscape" and not (state.everywhere or options.all):
                            continue
                        png = take(browser, url, looks[state.canvas], state, size)
                        path = options.into / f"screen-{state.name}-{size}.{'png' if options.full else 'webp'}"
                        path.write_bytes(png if options.full else packed(png))
                        print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)
                browser.close()
        finally:
            kiosk.terminate()
    return 0


def see(url: str, canvas: str) -> Look:
    """The demonstration's frame before the canvas that has `canvas` in its caption, and what the kiosk answers."""
    place = next(i for i, exhibit in enumerate(EXHIBITS) if canvas in exhibit.caption)
    style = canvas.partition("manner of ")[2] or None
    frame = DemoGallery().frame(place * (REST_S + WALK_S))
    jpeg = _jpeg(frame)
    asked = urllib.request.Request(f"{url}/api/classify", jpeg, {"Content-Type": "image/jpeg"})
    with urllib.request.urlopen(asked) as response:
        answer = json.load(response)
    if answer["style"] != style or answer["view"] != "painting":
        said = answer["style"] or answer["status"]
        raise SystemExit(f"{EXHIBITS[place].caption!r} is called {said}, seen as {answer['view']}")
    source = {"kind": "demo", "demonstration": True, "caption": EXHIBITS[place].caption}
    # How long it took says something of the machine that made the pictures, and nothing of the page.
    camera = {"camera": "live", "camera_fault": None, "source": source, "guidance": None, "timing_ms": {}}
    return Look(answer | camera, {"painting": jpeg, "dark": _jpeg(frame // 9), "wall": _jpeg(_wall(frame))})


def _jpeg(frame_bgr: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame_bgr[..., ::-1]).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _wall(frame_bgr: Pixels) -> Pixels:
    """What is beside the canvas, over the whole frame."""
    beside = frame_bgr[:, : frame_bgr.shape[1] // 6]
    return np.asarray(cv2.resize(cv2.GaussianBlur(beside, (0, 0), 9), frame_bgr.shape[1::-1]), np.uint8)


def take(browser: Browser, url: str, look: Look, state: State, size: str) -> bytes:
    """A picture (PNG) of the page in `state` at `size`."""
    width, height = (SIZES | SMALL)[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/stream.mjpg*", lambda route: route.fulfill(body=look.jpegs[state.view], content_type="image/jpeg"))
    with urllib.request.urlopen(f"{url}/api/settings") as response:
        settings = json.load(response) | {"speech": True} | state.settings
    page.route("**/api/settings", lambda route: route.fulfill(json=settings))
    page.add_init_script(TOLD.replace("TOLD_STATE", json.dumps(look.state | state.told)))
    path = state.path.format(style=str(look.state["style"]).lower().replace(" ", "_"))
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
