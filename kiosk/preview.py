"""The live picture as JPEG: each frame is encoded once, however many look at it, and only if one does."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import cv2
import numpy as np

from bundle.picture import Pixels
from kiosk.camera import Camera

# 0-100. At 80 a 720p frame has about 150 kB and shows no blocks from a visitor's distance.
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Jpeg:
    """An encoded frame."""

    number: int
    """The frame's."""
    data: bytes
    arrived_s: float
    """When the frame arrived, on the clock of `time.monotonic`."""


class Preview:
    """Encodes the camera's newest frame for any number of threads."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._encoding = threading.Lock()
        self._newest: Jpeg | None = None
        self._bgr: Pixels | None = None  # as OpenCV encodes it; a fresh block for each frame would cost 0.8 ms

    def wait_newer(self, number: int, timeout_s: float) -> Jpeg | None:
        """The newest frame as soon as its number is above `number`; None after `timeout_s` seconds."""
        frame = self._camera.wait_newer(number, timeout_s)
        if frame is None:
            return None
        with self._encoding:
            if self._newest is None or self._newest.number < frame.info.number:
                if self._bgr is None or self._bgr.shape != frame.picture.shape:
                    self._bgr = np.empty_like(frame.picture)
                cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR, dst=self._bgr)
                ok, data = cv2.imencode(".jpg", self._bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
                if not ok:
                    return None
                self._newest = Jpeg(frame.info.number, data.tobytes(), frame.info.arrived_s)
            return self._newest
