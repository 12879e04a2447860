"""Reference pictures: how a kiosk finds out at its start whether its hardware computes what the export did.

The pictures are drawn, never photographed: by integer arithmetic alone, so that they are the same to the bit on
every machine and with every version of NumPy. A bundle holds what each of its files answered to them on the
CPU of the machine that exported it. An execution provider (a GPU, another processor) that answers
otherwise is not used.

**The pictures never change**: stored answers belong to them. A test holds their hashes.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bundle.picture import Pixels

Floats = npt.NDArray[np.floating]
_Integers = npt.NDArray[np.int64]

# Of a probability. Float arithmetic in another order differs by 1e-5, fp16 on a GPU by 0.01, int8 whose last
# bit is rounded otherwise by 0.02; a driver that is broken, or int8 that saturates for want of VNNI (onnxruntime
# #6004), by tenths. 0.05 is also birdnet-go's gate.
TOLERANCE = 0.05

# Digits after the point in the manifest; far finer than the tolerance.
_DECIMALS = 6

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Reference(BaseModel):
    """What one file answers to `reference_pictures`, as the manifest holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probabilities: tuple[tuple[Probability, ...], ...] = Field(min_length=1, description="by picture and style")
    known: tuple[Probability, ...] = Field(description="by picture")

    @model_validator(mode="after")
    def _even(self) -> Self:
        if len(self.known) != len(self.probabilities) or len({len(row) for row in self.probabilities}) != 1:
            raise ValueError("must have as many probabilities as styles, and one `known`, for each picture")
        return self

    @classmethod
    def of(cls, probabilities: Floats, known: Floats) -> Self:
        """From a network's outputs ``[n, styles]`` and ``[n]``. Raises `ValueError` where they are no
        probabilities."""
        rows = np.clip(probabilities.astype(np.float64), 0, 1).round(_DECIMALS)  # a softmax may give 1.0000001
        return cls(
            probabilities=tuple(tuple(row) for row in rows.tolist()),
            known=tuple(np.clip(known.astype(np.float64), 0, 1).round(_DECIMALS).tolist()),
        )

    def difference(self, probabilities: Floats, known: Floats) -> float:
        """The largest difference of a probability or of `known` from the stored ones; infinite where the outputs
        are not finite or have other shapes."""
        wanted = (np.array(self.probabilities), np.array(self.known))
        pairs = list(zip((probabilities, known), wanted, strict=True))
        if any(given.shape != stored.shape or not np.isfinite(given).all() for given, stored in pairs):
            return float("inf")
        return max(float(np.abs(given.astype(np.float64) - stored).max()) for given, stored in pairs)

    def disagreement(self, probabilities: Floats, known: Floats) -> str | None:
        """Why outputs ``[n, styles]`` and ``[n]`` are not these, in words with the numbers; None where they are.

        They agree where each probability and `known` is within `TOLERANCE`, and the likeliest style is the
        same. Where the stored ones lead by less than the tolerance, either of two may lead: that is rounding.
        """
        stored = np.array(self.probabilities)
        if probabilities.shape != stored.shape or known.shape != (len(stored),):
            return f"it answers in other shapes than the reference, {probabilities.shape} and {known.shape}"
        if not (np.isfinite(probabilities).all() and np.isfinite(known).all()):
            return "it answers NaN or infinity to reference pictures"
        difference = self.difference(probabilities, known)
        if not difference <= TOLERANCE:
            return f"a probability differs by {difference:.3f} from the reference (at most {TOLERANCE})"
        second, first = np.sort(stored, axis=1)[:, -2:].T
        sure = first - second > TOLERANCE
        others = int(np.sum(sure & (probabilities.argmax(axis=1) != stored.argmax(axis=1))))
        if others:
            return f"it names another style than the reference on {others} of {len(stored)} pictures"
        return None


def reference_pictures(size: int) -> Pixels:
    """The pictures, uint8 RGB ``[4, size, size, 3]``: bands, facets, halo and dabs.

    The shipped networks give them different styles, from sure to hardly known, so that a fault in any of their
    layers has something to show in.
    """
    return np.stack([draw(size).clip(0, 255).astype(np.uint8) for draw in (_bands, _facets, _halo, _dabs)])


def _bands(size: int) -> _Integers:
    """Slanting bands of loud colours under printed dots, sharp."""
    x, y = _grid(size)
    band = 8 * (2 * x + y) // size % 5
    dot = (16 * x % size < size // 3) & (16 * y % size < size // 3)
    return _colours("e4002b ffd100 00a3e0 f5f5f5 e6007e 111111")[np.where(dot, 5, band)]


def _facets(size: int) -> _Integers:
    """Overlapping wedges of earth colours, hatched, a little soft."""
    x, y = _grid(size)
    first, second = (3 * x + 5 * y) * 6 // (5 * size), (7 * x - 4 * y + 4 * size) * 5 // (7 * size)
    facet = _mixed(first * 64 + second * 8 + (x + 9 * y) // size) % 8
    shade = 160 + (12 * x + 5 * y) % (size // 2 + 1) * 190 // size
    colours = _colours("6b4f35 a58a62 3c4a4a c9b48a 54584f 8a6b46 2b2a28 7d8471")[facet]
    return _softened(colours * shade[..., None] // 256, size // 128)


def _halo(size: int) -> _Integers:
    """An oval in a ring on gold above striped cloth, blurred, with grain."""
    x, y = _grid(size)
    right, down = 2 * x - size, 2 * y - 4 * size // 5
    gold = 4 + _mixed(8 * x // size * 8 + 8 * y // size) % 2
    ring = (right * right + down * down) * 100 // (size * size)
    part = np.where(ring < 36, 1, np.where(ring < 41, 2, gold))
    is_cloth = (10 * y > 6 * size) & (abs(right) * 10 < 20 * y - 6 * size)
    part = np.where(is_cloth, np.where((9 * x + 2 * y) * 2 // size % 2 == 0, 3, 6), part)
    part = np.where(25 * right * right + 16 * down * down < size * size, 0, part)
    colours = _colours("9a6233 e0b040 5a2d0c 7d1f1a c99a2e d6a83c 1f2f5a")[part]
    return _softened(_softened(colours, size // 64), size // 64) + _grain(x, y, 20)


def _dabs(size: int) -> _Integers:
    """Short broken dabs of light colours, sky above foliage, a little soft, with coarse grain."""
    x, y = _grid(size)
    row = 40 * y // size
    chance = _mixed(row * 128 + (28 * x + 9 * row * size // 40) // size)
    sky = _colours("a9c4de c7d6e3 e6d9c8 8fb0d2 d7c9d6 b9cfe0 efe3cf 9fbcd8")[chance % 8]
    ground = _colours("6f8f5a 8fa86a 4f7a66 b7b06a 7f9fb0 a8b98a 5c6f8a c9a86a")[chance % 8]
    light = 208 + chance // 8 % 64
    painted = np.where((5 * y < 2 * size)[..., None], sky, ground) * light[..., None] // 256
    step = max(1, size // 100)
    return _softened(painted, size // 128) + _grain(x // step, y // step, 24)


def _grid(size: int) -> tuple[_Integers, _Integers]:
    """x and y of each pixel."""
    y, x = np.indices((size, size), dtype=np.int64)
    return x, y


def _mixed(cells: _Integers) -> _Integers:
    """0-65535, as if drawn by lot, for each cell's number (a linear congruence, twice)."""
    once = (cells * 1_103_515_245 + 12_345) % 2**31
    return (once // 2**8 * 69_069 + 1) % 2**31 // 2**15


def _grain(x: _Integers, y: _Integers, most: int) -> _Integers:
    return (_mixed(y * 2048 + x) % (2 * most + 1) - most)[..., None]


def _softened(values: _Integers, radius: int) -> _Integers:
    """The mean, rounded down, of a row of ``2 * radius + 1`` pixels and then of a column."""
    width = 2 * radius + 1
    for axis in (0, 1):
        lines = np.pad(np.moveaxis(values, axis, 0), [(radius + 1, radius), (0, 0), (0, 0)], mode="edge").cumsum(0)
        values = np.moveaxis((lines[width:] - lines[:-width]) // width, 0, axis)
    return values


def _colours(codes: str) -> _Integers:
    return np.array([list(bytes.fromhex(code)) for code in codes.split()], np.int64)
