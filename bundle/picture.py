"""From bytes to the network's input: the one decoding and the one preprocessing of all rooms."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.uint8]
"""RGB, ``[height, width, 3]``."""

# 40 megapixels: above every phone and most cameras, and 120 MB once decoded, which a kiosk can bear.
MAX_PIXELS = 40_000_000

# What the HTTP API takes, by Pillow's names; the training set may hold whatever Pillow reads.
# MPO is a JPEG with a second one behind it, as many phones write; the first is taken.
WEB_FORMATS = frozenset({"JPEG", "MPO", "PNG", "WEBP"})


class PictureError(ValueError):
    """A picture cannot be used; the message is one line that says why."""


class UnreadablePicture(PictureError):
    """The bytes are no picture, or a picture that breaks off."""


class UnsupportedPicture(PictureError):
    """A picture, but of a format that this door does not take."""


class TooManyPixels(PictureError):
    """The header announces more pixels than the limit; nothing was decoded."""


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, formats: Collection[str] | None = None) -> Pixels:
    """Decode an encoded picture to uint8 RGB ``[height, width, 3]``, upright.

    The EXIF orientation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits,
    CMYK is converted, and of an animation the first frame is taken.

    `formats` limits what is accepted, in Pillow's names (`WEB_FORMATS`); None accepts all.

    Raises `UnreadablePicture`, `UnsupportedPicture` or `TooManyPixels`. Format and size are judged
    from the header, before any pixel is decoded.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of very large pictures; we refuse them ourselves just below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"more than {max_pixels:,} pixels") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadablePicture("not a picture that can be read") from error
    with image:
        if formats is not None and image.format not in formats:
            raise UnsupportedPicture(f"{image.format} is not one of {', '.join(sorted(formats))}")
        if image.width * image.height > max_pixels:
            raise TooManyPixels(f"{image.width} x {image.height} is more than {max_pixels:,} pixels")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse a picture
                return _to_array(_to_rgb(image))
        except Exception as error:  # Pillow's decoders raise many kinds on damaged files
            raise UnreadablePicture(f"damaged or cut short ({error})") from error


def read(path: Path, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Read a picture file to uint8 RGB ``[height, width, 3]``; raises as `decode` does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadablePicture(error.strerror or "cannot be opened") from error
    return decode(data, max_pixels=max_pixels)


def prepare(picture: Pixels, size: int) -> Pixels:
    """Scale a picture of any aspect to ``[size, size, 3]``, the input of a network.

    The whole picture is kept and squashed, so that nothing of a painting is cut off; the networks are
    trained with varied aspects. Area averaging avoids the moiré that canvas texture would give.
    """
    if picture.shape[:2] == (size, size):
        return picture
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    # In place: each copy of a picture of 40 megapixels costs a small board 120 MB.
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I") or image.mode == "F":
        # 16-bit grey: Pillow's own conversion clips at 255 and would give a white picture.
        grey = np.asarray(image, dtype=np.float32)
        return Image.fromarray((grey / 257.0).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_array(image: Image.Image) -> Pixels:
    """The pixels of an RGB picture, copied out strip by strip: `numpy.asarray` would first make one string
    of bytes of the whole."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


# Rows that are copied at a time.
_STRIP_ROWS = 512
