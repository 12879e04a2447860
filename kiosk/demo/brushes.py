"""What every canvas is painted with: colours, outlines, smooth noise, strokes, relief and varnish.

Paint is kept as blue, green, red and *height*. OpenCV draws four channels as easily as three, and
the slope of the height is what makes a stroke catch the light (`varnish`). A canvas begins as an
*underpainting*, floats without height (`ground`, `blend`, `lay_in`); it becomes paint (`painted`),
takes strokes (`dabs`, `brush_line`) and ends under the varnish as plain pixels.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]  # pixels [h, w, 3], or paint [h, w, 4]
Field = npt.NDArray[np.float32]  # one value a pixel [h, w], or an underpainting [h, w, 3]
Outline = npt.NDArray[np.int32]  # [n, 2], x and y in sub-pixels
Random = np.random.Generator
Colour = tuple[float, float, float]  # blue, green, red, 0 to 255
Points = Sequence[tuple[float, float]]  # x and y in shares of a canvas's width and height

SUBPIXEL = 4  # bits of sub-pixel position in OpenCV's drawing calls


def rgb(code: str) -> Colour:
    """A hexadecimal colour as OpenCV wants it: blue, green, red."""
    return float(int(code[4:6], 16)), float(int(code[2:4], 16)), float(int(code[0:2], 16))


def xy(text: str) -> list[tuple[float, float]]:
    """Points written as "x,y x,y", in per cent of a canvas's width and height."""
    return [(float(x) / 100, float(y) / 100) for x, y in (point.split(",") for point in text.split())]


def to_bytes(values: npt.NDArray[np.floating]) -> Image:
    """Values as uint8; what is too dark or too bright for a byte is cut off."""
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def smooth_noise(rng: Random, height: int, width: int, cell: float, octaves: int = 3) -> Field:
    """Smooth noise, about 0 to 1; `cell` is the size of its largest feature in pixels."""
    total = np.zeros((height, width), np.float32)
    weight_sum = 0.0
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        grid = rng.random((int(height / step) + 3, int(width / step) + 3), dtype=np.float32)
        weight = 0.5**octave
        total += weight * np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        weight_sum += weight
    return total / np.float32(weight_sum)


def ground(code: str, width: int, height: int) -> Field:
    """An underpainting in a single colour, where most canvases begin."""
    return np.zeros((height, width, 3), np.float32) + np.array(rgb(code), np.float32)


def blend(below: Field, above: Field | Colour, share: Field) -> Field:
    """`above` laid over `below` where `share` [h, w] is 1."""
    share3 = share[..., None]
    return np.asarray(below * (1 - share3) + np.asarray(above, np.float32) * share3, np.float32)


def curve(points: Points, size: tuple[int, int], closed: bool = True) -> Outline:
    """A Catmull-Rom spline through points given in shares of (width, height), in sub-pixels."""
    knots = np.asarray(points, np.float64) * np.asarray(size, np.float64)
    if closed:
        before, after, last = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    else:
        padded = np.vstack([knots[:1], knots, knots[-1:]])
        before, after, last = padded[:-3], padded[2:-1], padded[3:]
        knots = padded[1:-2]
    t = np.linspace(0, 1, 14, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (before, knots, after, last))
    spline = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat = spline.reshape(-1, 2)
    if not closed:
        flat = np.vstack([flat, after[-1:]])
    return np.asarray(np.round(flat * 2**SUBPIXEL), np.int32)


def inclined(
    points: Points, size: tuple[int, int], *, turn: float, pivot: tuple[float, float], base: float, reach: float
) -> Points:
    """The points of a head that inclines by `turn` around `pivot`, on a neck that bends with it.

    Nothing turns below the height `base`; `reach` above it the turn is complete. All of it stands a
    hundredth further to the right, which brings the head back towards the middle.
    """
    (width, height), (x0, y0) = size, pivot
    out = []
    for x, y in points:
        angle = turn * min(1.0, max(0.0, (base - y) / reach))
        dx, dy = x - x0, (y - y0) * height / width
        along = dx * math.cos(angle) - dy * math.sin(angle)
        down = (dx * math.sin(angle) + dy * math.cos(angle)) * width / height
        out.append((x0 + 0.01 + along, y0 + down))
    return out


def fill(image: Image, outline: Outline, colour: Sequence[float]) -> None:
    """Fills the outline in `image` itself, with a crisp edge."""
    cv2.fillPoly(image, [outline], list(colour), cv2.LINE_AA, SUBPIXEL)


def stencil(outline: Outline, size: tuple[int, int], blur: float = 0.0) -> Field:
    """1 inside the outline, 0 outside, with an edge of `blur` pixels."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [outline], [255], cv2.LINE_AA, SUBPIXEL)
    share = mask.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.GaussianBlur(share, (0, 0), blur) if blur else share, np.float32)


def lay_in(under: Field | Image, outline: Outline, colour: Colour, blur: float = 0.8, share: float = 1.0) -> None:
    """Fills the outline in `under` itself, an underpainting or pixels; `blur` is the edge in px, `share` 1 covers."""
    height, width = under.shape[:2]
    x, y, w, h = cv2.boundingRect(outline >> SUBPIXEL)
    edge = math.ceil(3 * blur) + 1
    left, top = max(0, x - edge), max(0, y - edge)
    right, bottom = min(width, x + w + edge), min(height, y + h + edge)
    if right <= left or bottom <= top:
        return
    local = outline - np.array([left, top], np.int32) * 2**SUBPIXEL
    mask = stencil(local, (right - left, bottom - top), blur) * np.float32(share)
    under[top:bottom, left:right] = blend(under[top:bottom, left:right].astype(np.float32), colour, mask)


def brush_line(image: Image, outline: Outline, colour: Sequence[float], thick: float, thin: float = 0.0) -> None:
    """A brushed line: full in the middle, thin at both ends, as pressure comes and goes."""
    count = len(outline) - 1
    for i in range(count):
        pressure = math.sin(math.pi * (i + 0.5) / count)
        width = max(1, round(thin + (thick - thin) * pressure))
        cv2.polylines(image, [outline[i : i + 2]], False, list(colour), width, cv2.LINE_AA, SUBPIXEL)


def dabs(
    paint: Image,
    under: Field,
    angle: Field,
    rng: Random,
    *,
    count: int,
    length: float,
    width: float,
    value: float = 10.0,
    warmth: float = 8.0,
    where: Field | None = None,
) -> None:
    """Lays `count` strokes over `paint`, coloured from the underpainting and turned by `angle`.

    `value` and `warmth` break the colour: each stroke is a little lighter or darker, and a little
    warmer or cooler, than what is under it; the eye mixes them again.
    """
    height, across = angle.shape
    x, y = rng.integers(0, across, count), rng.integers(0, height, count)
    if where is not None:
        keep = rng.random(count) < where[y, x]
        x, y = x[keep], y[keep]
        count = len(x)
    colour = under[y, x].astype(np.float64)
    colour += rng.normal(0, value, (count, 1))
    colour += rng.normal(0, warmth, (count, 1)) * np.array([-1.0, 0.15, 0.9])
    colour = np.clip(np.column_stack([colour, rng.integers(70, 255, count)]), 0, 255)
    turn = angle[y, x] + rng.normal(0, 0.16, count)
    half = 0.5 * length * rng.uniform(0.55, 1.25, count)
    dx, dy = np.cos(turn) * half, np.sin(turn) * half
    scale = 2**SUBPIXEL
    ends = np.round(np.column_stack([x - dx, y - dy, x + dx, y + dy]) * scale).astype(int).tolist()
    widths = np.maximum(1, np.round(width * rng.uniform(0.6, 1.3, count))).astype(int).tolist()
    for (x0, y0, x1, y1), shade, thick in zip(ends, colour.tolist(), widths, strict=True):
        cv2.line(paint, (x0, y0), (x1, y1), shade, thick, cv2.LINE_AA, SUBPIXEL)


def bristles(angle: Field, rng: Random, reach: int = 5) -> Field:
    """Noise smeared along `angle`: the furrows that a brush leaves (line integral convolution,
    Cabral and Leedom 1993, with straight streamlines)."""
    height, width = angle.shape
    noise = rng.random((height, width), dtype=np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along, down = np.cos(angle), np.sin(angle)
    total = np.zeros_like(noise)
    for step in range(-reach, reach + 1, 2):
        total += cv2.remap(noise, x + step * along, y + step * down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(total / (reach + 1), np.float32)


def follow_form(under: Field, rng: Random, blur: float = 6.0) -> Field:
    """Stroke directions that follow the forms: across the slope of the lightness."""
    grey = cv2.GaussianBlur(under.mean(axis=2), (0, 0), blur)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    drift = smooth_noise(rng, grey.shape[0], grey.shape[1], cell=120) * 2.4 - 1.2
    # Flat places have no slope of their own: there the drift leads.
    gx, gy = gx + 2.0 * np.cos(drift), gy + 2.0 * np.sin(drift)
    return np.asarray(np.arctan2(gy, gx) + np.pi / 2, np.float32)


def painted(under: Field | Image) -> Image:
    """The underpainting as paint of even height."""
    height = np.full((*under.shape[:2], 1), 120, np.float32)
    return to_bytes(np.concatenate([under, height], axis=2))


def varnish(paint: Image, rng: Random, relief: float, furrows: Field | None = None) -> Image:
    """Colour lit from the upper left by the slope of its height, over the weave of the linen."""
    height = cv2.GaussianBlur(paint[..., 3].astype(np.float32) / 255, (0, 0), 0.9)
    if furrows is not None:
        height = height + 0.30 * furrows
    rows, columns = height.shape
    weave = 0.5 + 0.25 * (
        np.sin(np.arange(rows, dtype=np.float32) * 1.9)[:, None]
        + np.sin(np.arange(columns, dtype=np.float32) * 1.9)[None, :]
    )
    height = height + 0.05 * weave + 0.04 * rng.random((rows, columns), dtype=np.float32)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    light = 1 + relief * np.clip(slope, -1.0, 1.0)
    return to_bytes(paint[..., :3] * light[..., None])
