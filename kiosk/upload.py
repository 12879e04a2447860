"""Pictures that are sent to the kiosk: taken out of the request, held in memory only, and checked."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flask import Request

import bundle
from bundle.picture import WEB_FORMATS, Pixels

# Bytes of a request. The largest JPEG of a telephone is half of this; every byte is held in memory.
MAX_UPLOAD_BYTES = 25_000_000

# Types that a client may declare without being taken at its word if the bytes are no picture: the three
# that are taken, and what clients say that do not know (curl calls every body a form).
_OPEN_TYPES = frozenset(
    {"", "application/octet-stream", "application/x-www-form-urlencoded"}
    | {"image/jpeg", "image/jpg", "image/png", "image/webp", "image/*"}
)
_WANTED = "send a JPEG, PNG or WebP picture"

# Seconds that an upload waits for those before it. One is decoded at a time: 40 megapixels take up to
# 900 MB meanwhile, and several would not fit into a small machine.
_BUSY_S = 10.0
_decoding = threading.Lock()


class ApiError(Exception):
    """A request that is answered with an HTTP `status` and ``{"error": {"code", "message"}}``."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class MemoryRequest(Request):
    """A request whose files stay in memory: Werkzeug would put those over 500 kB on disk, and no
    visitor's picture may ever be written there. What fits is limited by `MAX_UPLOAD_BYTES`."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return io.BytesIO()


@contextmanager
def received(request: Request) -> Iterator[Pixels]:
    """The picture of a request, as the multipart field ``image`` or as the body, in RGB
    ``[height, width, 3]``; no other upload is decoded while the context lasts.

    Raises `ApiError`: 400 (no picture, or one that is damaged), 413 (too many pixels), 415 (another
    type), 503 (other uploads take too long). Bytes over the limit are refused before (Werkzeug's 413).
    """
    data, declared = _body(request)
    if not data:
        raise ApiError(400, "no_image", f"no picture in the request: {_WANTED}, as the field 'image' or as the body")
    if not _decoding.acquire(timeout=_BUSY_S):
        raise ApiError(503, "busy", "other pictures are being looked at; try again in a moment")
    try:
        yield _decoded(data, declared)
    finally:
        _decoding.release()


def _body(request: Request) -> tuple[bytes, str]:
    """The bytes of the picture and the type that was declared for them."""
    if request.mimetype == "multipart/form-data":
        file = request.files.get("image")
        return (file.read(), file.mimetype) if file else (b"", "")
    return request.get_data(cache=False), request.mimetype


def _decoded(data: bytes, declared: str) -> Pixels:
    try:
        return bundle.decode(data, formats=WEB_FORMATS)
    except bundle.TooManyPixels as error:
        raise ApiError(413, "too_many_pixels", f"the picture is too large: {error}") from error
    except bundle.UnsupportedPicture as error:
        raise ApiError(415, "unsupported_type", f"this kind of picture is not taken; {_WANTED}") from error
    except bundle.PictureError as error:
        if declared not in _OPEN_TYPES:
            raise ApiError(415, "unsupported_type", f"{declared} is not taken; {_WANTED}") from error
        raise ApiError(400, "unreadable_image", f"the file is {error}") from error
