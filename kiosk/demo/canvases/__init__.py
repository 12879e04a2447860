"""The canvases, one a module: each has a `draw(rng)` that gives uint8 BGR pixels, about 600 on a side.

Six are in the manner of the six styles, four of none of them. The grid and the waves do not hang in the
demonstration: they are for the scenes of the benches, which want what is hard to tell from a painting.
"""

from kiosk.demo.canvases import (
    abstract_expressionism,
    botanical_plate,
    byzantine_art,
    cubism,
    expressionism,
    impressionism,
    op_waves,
    plain_grid,
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
    "op_waves",
    "plain_grid",
    "pop_art",
    "sea_chart",
]
