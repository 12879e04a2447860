"""The canvases, one a module: each has a `draw(rng)` that gives uint8 BGR pixels, about 600 on a side.

Six are in the manner of the six styles, two of none of them.
"""

from kiosk.demo.canvases import (
    abstract_expressionism,
    botanical_plate,
    byzantine_art,
    cubism,
    expressionism,
    impressionism,
    pop_art,
    sea_chart,
)

__all__ = [
    "abstract_expressionism",
    "botanical_plate",
    "byzantine_art",
    "cubism",
    "expressionism",
    "impressionism",
    "pop_art",
    "sea_chart",
]
