"""What the visitor should do so that a painting is seen better.

Directions are those in which the *camera* should go, as seen by whoever stands behind it, looking where it
looks: a painting that is cut off by the left edge of the frame asks for `step_left`. A kiosk that shows a
mirrored picture has to mirror nothing here: the visitor moves the camera, not the picture.
"""

from __future__ import annotations

import enum
import math

from kiosk.locator.quad import Quad, area, centre


class Guidance(enum.StrEnum):
    """Codes for the screen, which has the words for them. None, not a code, says that all is well."""

    SHOW_PAINTING = "show_painting"
    """No painting is found; the middle of the frame is judged instead."""
    COME_CLOSER = "come_closer"
    """The painting is small in the frame."""
    STEP_BACK = "step_back"
    """The painting is larger than the frame: cut off on opposite sides."""
    STEP_LEFT = "step_left"
    """The painting is cut off on the left, or far left in the frame."""
    STEP_RIGHT = "step_right"
    TILT_UP = "tilt_up"
    """The painting is cut off above, or far up in the frame."""
    TILT_DOWN = "tilt_down"
    HOLD_STILL = "hold_still"
    """The camera moves fast, or the picture is blurred."""
    MORE_LIGHT = "more_light"
    LESS_GLARE = "less_glare"
    """A lamp is mirrored in the painting: another angle helps."""


# Shares of the frame. A corner this near to the frame's edge counts as cut off: what lies beyond is not known.
CUT_MARGIN = 0.008

# Square root of the painting's area by the frame's shorter side: 160 px in 720, less than networks take.
LEAST_SIZE = 0.22

# Distance of the painting's centre from the frame's, in shares of the frame: beyond it lies in the outer fifth.
MOST_OFF_CENTRE = 0.3

# Sizes of the painting per second. With an exposure of 1/30 s half a size is smeared over 1.7 % of it.
MOST_SPEED = 0.5


def guide(corners: Quad, width: int, height: int, speed: float = 0.0) -> Guidance | None:
    """What should be done about a painting at `corners` in a frame of `width` x `height` pixels.

    `speed` is how fast its centre moves, in square roots of its area per second.
    """
    x, y = corners[:, 0] / width, corners[:, 1] / height
    beyond = {
        Guidance.STEP_LEFT: CUT_MARGIN - float(x.min()),
        Guidance.STEP_RIGHT: CUT_MARGIN + float(x.max()) - 1,
        Guidance.TILT_UP: CUT_MARGIN - float(y.min()),
        Guidance.TILT_DOWN: CUT_MARGIN + float(y.max()) - 1,
    }
    cut = {code for code, share in beyond.items() if share > 0}
    if {Guidance.STEP_LEFT, Guidance.STEP_RIGHT} <= cut or {Guidance.TILT_UP, Guidance.TILT_DOWN} <= cut:
        return Guidance.STEP_BACK
    if cut:
        return max(cut, key=beyond.__getitem__)
    if speed > MOST_SPEED:
        return Guidance.HOLD_STILL
    if math.sqrt(area(corners)) < LEAST_SIZE * min(width, height):
        return Guidance.COME_CLOSER
    middle_x, middle_y = centre(corners)
    right, down = middle_x / width - 0.5, middle_y / height - 0.5
    if max(abs(right), abs(down)) <= MOST_OFF_CENTRE:
        return None
    if abs(right) > abs(down):
        return Guidance.STEP_RIGHT if right > 0 else Guidance.STEP_LEFT
    return Guidance.TILT_DOWN if down > 0 else Guidance.TILT_UP
