from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bundle
from tests.stand_in import encoded, painting
from train.duplicates import MAX_DISTANCE_BITS, near_duplicates

WORK = painting((120, 90, 60), 320, 240, seed=1)


def named(name: str, perceptual_hash: bytes) -> bundle.Painting:
    return bundle.Painting(Path(f"{name}.jpg"), "Painter", ("Cubism",), name, perceptual_hash)


def flipped(perceptual_hash: bytes, first: int, count: int) -> bytes:
    bits = np.unpackbits(np.frombuffer(perceptual_hash, np.uint8))
    bits[first : first + count] ^= 1
    return np.packbits(bits).tobytes()


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize(
    ("copy", "is_copy"),
    [
        pytest.param(np.asarray(Image.fromarray(WORK).resize((150, 113))), True, id="half the size"),
        pytest.param(bundle.decode(encoded(WORK)), True, id="compressed"),
        pytest.param((WORK * 0.7 + 20).astype(np.uint8), True, id="darker and paler"),
        pytest.param(WORK[3:-3, 4:-4], True, id="cropped by a few pixels"),
        pytest.param(painting((120, 90, 60), 320, 240, seed=2), False, id="the same colours, another work"),
        pytest.param(WORK[:, ::-1].copy(), False, id="mirrored is not found"),
    ],
)
def test_copies_have_nearly_the_same_hash(copy: np.ndarray, is_copy: bool) -> None:
    bits = distance(bundle.perceptual_hash(WORK), bundle.perceptual_hash(copy))
    assert (bits <= MAX_DISTANCE_BITS) is is_copy, bits


GRADIENT = np.linspace(0, 255, 200).astype(np.uint8)[None, :, None].repeat(200, 0).repeat(3, 2)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.full((200, 200, 3), 128, np.uint8), id="one colour"),
        pytest.param(bundle.decode(encoded(np.full((200, 200, 3), (30, 90, 200), np.uint8))), id="compressed"),
        pytest.param(GRADIENT, id="a gradient"),
        pytest.param(painting((90, 90, 90), 400, 400) // 32 + 90, id="a hint of texture"),
    ],
)
def test_flat_pictures_have_no_hash(picture: np.ndarray) -> None:
    assert bundle.perceptual_hash(picture) == b""


def test_copies_of_copies_are_one_group_in_the_order_given() -> None:
    one, other = bundle.perceptual_hash(WORK), bytes(range(32))
    paintings = [
        named("b", other),
        named("a", one),
        named("flat", b""),
        named("a copy", flipped(one, 0, MAX_DISTANCE_BITS)),
        named("b copy", flipped(other, 100, 10)),
        named("copy of the copy", flipped(one, 0, 2 * MAX_DISTANCE_BITS)),
        named("alone", flipped(one, 0, 256)),
        named("also flat", b""),
    ]
    groups = [[painting.sha256 for painting in group] for group in near_duplicates(paintings)]
    assert groups == [["b", "b copy"], ["a", "a copy", "copy of the copy"]]


@pytest.mark.parametrize("paintings", [[], [named("flat", b"")], [named("one", bytes(range(32)))]])
def test_nothing_is_no_copy(paintings: list[bundle.Painting]) -> None:
    assert near_duplicates(paintings) == []


def test_one_bit_more_is_no_copy() -> None:
    one = bundle.perceptual_hash(WORK)
    assert near_duplicates([named("a", one), named("b", flipped(one, 0, MAX_DISTANCE_BITS + 1))]) == []
