"""Makes the two pictures of the page that the README shows, from a kiosk that runs with its demonstration.

    python docs/screenshots.py [--bundle models/default] [--style Impressionism]

Needs the system's Chromium and the `dev` extra. Nothing is posed: it waits in front of the drawn canvases
until the kiosk has named a style for some seconds (any; or the one asked for, before the canvas in its
manner), and takes what is there.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
SIZES = {"landscape": (1920, 1080), "portrait": (1080, 1920)}  # px
SETTLED_S = 2.5  # s with the same answer and the same canvas: longer than any fade, shorter than a rest
TIMEOUT_S = 300  # s; once round the gallery takes 80
MOST_BYTES = 600_000  # of a picture in the repository
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> int:
    """Returns 0, or 1 after a line that says what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bundle", type=Path, default=HERE.parent / "models" / "default")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--style", help="wait for this one (default: any)")
    parser.add_argument("--into", type=Path, default=HERE / "images")
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        print("no Chromium on this machine (apt-get install chromium, or set CHROMIUM)", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "kiosk", "--source", "demo", "--port", "0"]
    command += ["--bundle", str(options.bundle), "--precision", options.precision]
    options.into.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as kiosk:
        try:
            ready = kiosk.stdout.readline() if kiosk.stdout else ""
            if "http" not in ready:
                return 1  # it has said why
            url = ready.split("ready: ")[1].split()[0]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                for name, (width, height) in SIZES.items():
                    page = browser.new_page(viewport={"width": width, "height": height})
                    page.goto(url)
                    said = settle(page, options.style)
                    path = options.into / f"kiosk-{name}.png"
                    path.write_bytes(packed(page.screenshot()))
                    print(f"{path}: {said}, {path.stat().st_size / 1000:.0f} kB")
                    page.close()
                browser.close()
        finally:
            kiosk.terminate()
    return 0


def settle(page: Page, style: str | None) -> str:
    """Waits for an answer that stays; returns what stands on the label."""
    look = "[document.body.dataset.kind, headline.textContent, caption.textContent, live.className]"
    last, since = None, 0.0
    until = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until:
        now = page.evaluate(look)
        kind, headline, caption, picture = now
        unwanted = style is not None and not (headline == style and caption.endswith(f" {style}"))
        if now != last or kind != "recognised" or "shown" not in picture or unwanted:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > SETTLED_S:
            return f"{headline} ({caption})"
        page.wait_for_timeout(100)
    raise SystemExit(f"no settled answer within {TIMEOUT_S} s; the label said last: {last}")


def packed(png: bytes) -> bytes:
    """The picture with as many colours, up to 256, as fit into `MOST_BYTES`.

    The palette is found by k-means over a sample of the pixels, which gives the large dim surfaces the
    fine steps that they need; Pillow's own palettes show bands there.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3)
    sample = pixels[np.random.default_rng(0).choice(len(pixels), 40_000)].astype(np.float32)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, 12, 0.0)
    for colours in (256, 192, 128, 96, 64):
        first = np.zeros((len(sample), 1), np.int32)
        _, _, centres = cv2.kmeans(sample, colours, first, stop, 1, cv2.KMEANS_PP_CENTERS)
        palette = Image.new("P", (1, 1))
        palette.putpalette(np.round(centres).astype(np.uint8).tobytes())
        stream = io.BytesIO()
        image.quantize(palette=palette, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
        if stream.tell() <= MOST_BYTES:
            break
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
