"""In the manner of Expressionism."""

import numpy as np

from kiosk.demo.brushes import (
    Image,
    Points,
    Random,
    blend,
    bristles,
    brush_line,
    curve,
    dabs,
    follow_form,
    ground,
    inclined,
    lay_in,
    painted,
    rgb,
    smooth_noise,
    stencil,
    varnish,
    xy,
)


def draw(rng: Random) -> Image:
    """A long head on a long neck, a mask with empty eyes, against colours that quarrel."""
    width, height = 540, 624
    size = (width, height)
    under = ground("1f7a78", width, height)
    right = stencil(curve(xy("60,-10 110,-10 110,110 70,110 66,50"), size), size, 6)
    under = blend(under, rgb("d9582b"), right)
    under = blend(under, rgb("e9a13b"), right * np.clip((smooth_noise(rng, height, width, 200) - 0.45) * 4, 0, 1))
    under = blend(under, rgb("134a5c"), (1 - right) * np.clip((smooth_noise(rng, height, width, 220) - 0.48) * 4, 0, 1))
    under = blend(
        under, rgb("7fae8a"), (1 - right) * np.clip((smooth_noise(rng, height, width, 120) - 0.6) * 5, 0, 0.8)
    )

    def layer(points: Points, code: str, blur: float = 0.8, share: float = 1.0) -> None:
        lay_in(under, curve(lean(points), size), rgb(code), blur, share)

    def lean(points: Points) -> Points:
        """The head leans to one side, on a neck that bends after it."""
        return inclined(points, size, turn=-0.12, pivot=(0.48, 0.72), base=0.80, reach=0.28)

    dress = xy("-5,108 3,92 17,83 36,77.5 46,84 60,77 80,83.5 95,93 105,108")
    neck = xy("41.5,52 40.5,66 38.5,75 34,78.5 46,87 62,78.5 56.5,73 55,64 56,52")
    face = xy("47.5,10 57.5,13.5 62.5,25 61.8,38 57.5,51 50.5,59.5 44.5,57.5 38.5,48 34.5,36 34.5,23 39,13.5")
    hair = xy("40,6 52,5 62,10 67.5,22 66.5,36 63,44 61.5,30 57.5,20 47,15.5 40,20 36.5,31 37.5,45 32,40 29.5,26 32,13")
    layer(dress, "1b1f45")
    layer(xy("5,95 20,86 35,81 30,105 8,105"), "3b3f8f", 14, 0.8)
    layer(neck, "d98a4a")
    layer(xy("50,56 56,56 57,74 60,79 50,83 49,70"), "8f4a34", 9, 0.75)
    layer(xy("41,55 55,53 54,63 42,63"), "7a4a3a", 8, 0.7)
    layer(hair, "5a1f1c")
    layer(face, "e39a52")
    layer(xy("55,16 61,24 60,40 53,56 50,50 54,38"), "b4543a", 11, 0.8)
    layer(xy("55,22 60,26 59.5,36 57,33"), "5f8f6a", 9, 0.55)
    layer(xy("37,36 44,37 43,47 39,46"), "e0614a", 11, 0.75)
    layer(xy("40,18 47,15.5 49,24 40,26"), "f6cf86", 10, 0.9)
    layer(xy("45.5,27 47.5,27 47,42 45,42"), "f8d79a", 4, 0.95)
    layer(xy("48.5,27 51,30 51.5,42 49,43"), "a04a30", 4, 0.8)
    layer(xy("37.5,29.5 41,27.8 45,29.5 41,31.2"), "9fc3c0", 0.8)
    layer(xy("50.5,30 54.5,28 58.5,29.5 54.5,31.5"), "86b0b4", 0.8)
    layer(xy("44,49.2 46.5,48.4 47.8,48.9 49.5,48.4 52,49.2 48,51.6"), "b3202a", 0.8)
    layer(xy("30,78.5 46,87 66,78.5 69,81.5 46,92.5 27,81.5"), "e8dcc0", 1.2)

    angle = follow_form(under, rng, 7)
    paint = painted(under)
    dabs(
        paint,
        under,
        angle,
        rng,
        count=3200,
        length=40,
        width=9,
        value=12,
        warmth=12,
        where=1 - stencil(curve(lean(face), size), size, 8),
    )
    dabs(paint, under, angle, rng, count=5200, length=18, width=5, value=9, warmth=9)
    dabs(
        paint,
        under,
        angle,
        rng,
        count=3600,
        length=9,
        width=3,
        value=8,
        warmth=8,
        where=stencil(curve(lean(face), size), size, 16),
    )

    ink = (*rgb("1a1420"), 225)

    def stroke(points: Points, thick: float, thin: float = 1.0) -> None:
        brush_line(paint, curve(lean(points), size, closed=False), ink, thick, thin)

    stroke([*face[5:], face[0]], 7, 2)
    stroke(face[:6], 8, 2)
    stroke(hair[10:] + hair[:7], 6, 2)
    stroke(neck[:4], 7, 2)
    stroke(neck[5:], 7, 2)
    stroke(dress[1:4], 8, 3)
    stroke(dress[5:8], 8, 3)
    stroke(xy("27,81.5 46,92.5 69,81.5"), 4)
    # One line makes the left brow and the nose, another the right brow.
    stroke(xy("36.2,26.2 40,24.3 44.5,25.2 46.8,28.5 45.8,36 43.8,42.5 46.3,44.4 49,43.7"), 5)
    stroke(xy("49.2,27 53.5,24.5 59.5,26.2"), 5)
    stroke(xy("37,29.7 41,27.5 45.6,29.7"), 4)
    stroke(xy("37,29.7 41,31.6 45.6,29.7"), 3)
    stroke(xy("50,30.2 54.5,27.7 59.2,29.6"), 4)
    stroke(xy("50,30.2 54.5,32 59.2,29.6"), 3)
    stroke(xy("43.2,49.3 46.6,49.7 48,49.4 49.5,49.7 52.7,49.3"), 3)
    stroke(xy("46,52.8 48.3,53.3 50.3,52.6"), 2)
    return varnish(paint, rng, 0.17, bristles(angle, rng))
