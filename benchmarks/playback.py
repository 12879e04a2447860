"""A camera that is not there: frames rendered beforehand, given at exact times.

Made before, because a frame that is drawn while the clock runs would be counted as the kiosk's work. This
module is imported in the kiosk's capture process, so it imports little.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from kiosk.source import Pause, Shot, Source

# Pixels that a stored picture is larger than a frame, on each side, to be moved in.
MARGIN = 8

# Pixels, and seconds for one turn each way, of a hand or a tripod that is not quite still.
_SWAY, _SWAY_X_S, _SWAY_Y_S = 4.0, 3.1, 2.3


@dataclass(frozen=True)
class Playback(Source):
    """Pictures one after the other, over and over, each with new noise in every frame."""

    pictures: tuple[Path, ...]
    """Files of NumPy: uint8 BGR ``[variants, height, width, 3]``, the same picture under several noises, by
    `MARGIN` larger than a frame on each side."""
    width: int
    height: int
    rate_fps: float
    hold_s: float
    """How long each picture stays."""
    sways: bool
    kind: ClassVar[str] = "playback"

    def shots(self, pause: Pause) -> Generator[Shot]:
        """Frames at ``1 / rate_fps``; late ones are left out, as a camera's would be. The caption says which
        picture it is, and when its first frame was handed over on the clock of `time.monotonic`."""
        pictures = [np.load(path, mmap_mode="r") for path in self.pictures]
        rng = np.random.default_rng(0)
        started = time.monotonic()
        index = 0
        last, since_s, turn = -1, 0.0, 0
        while True:
            ahead_s = started + index / self.rate_fps - time.monotonic()
            if ahead_s < -1 / self.rate_fps:
                index += 1
                continue
            pause(max(ahead_s, 0.0))
            at_s = index / self.rate_fps
            index += 1
            number = int(at_s / self.hold_s) % len(pictures)
            variants = pictures[number]
            turn = (turn + int(rng.integers(1, max(len(variants), 2)))) % len(variants)  # never twice the same
            x, y = MARGIN, MARGIN
            if self.sways:
                x += round(_SWAY * math.sin(2 * math.pi * at_s / _SWAY_X_S))
                y += round(_SWAY * math.sin(2 * math.pi * at_s / _SWAY_Y_S))
            image = variants[turn][y : y + self.height, x : x + self.width]
            if number != last:
                last, since_s = number, time.monotonic()
            yield Shot(image, f"{number} {since_s:.6f}")
