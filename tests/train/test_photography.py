from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train import photography
from train.dataset import Example, Part
from train.photography import PHOTOGRAPHY, photographed, photographs


def painting(height: int, width: int) -> np.ndarray:
    """Coarse fields of colour, which survive a camera."""
    fields = np.random.default_rng(0).integers(40, 216, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(fields).resize((width, height), Image.Resampling.NEAREST))


def example(folder: Path, name: str, sha256: str) -> Example:
    path = folder / f"{name}.png"
    Image.fromarray(painting(64, 64)).save(path)
    return Example(path, "somebody", "Cubism", sha256, True, Part.TRAIN)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (64, 48), (300, 700), (1, 1)])
@pytest.mark.parametrize("size", [96, 256])
def test_a_picture_of_any_size_becomes_pixels_of_the_network(height: int, width: int, size: int) -> None:
    seen = photographed(np.random.default_rng(1), painting(height, width), size)
    assert (seen.shape, seen.dtype) == ((size, size, 3), np.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_the_painting_is_where_it_was(seed: int) -> None:
    """Field by field: light changes how bright they are, not which of two neighbours is the brighter one, by far."""
    picture = painting(256, 256)
    seen = photographed(np.random.default_rng(seed), picture, 256).astype(float)
    middles = np.s_[32::64, 32::64]
    before, after = picture[middles].astype(float).ravel(), seen[middles].ravel()
    assert np.corrcoef(before, after)[0, 1] > 0.5


def test_hardly_anything_of_the_wall_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A white canvas on a black wall, straight light: the corners are wrong by a per cent or two, no more."""
    monkeypatch.setattr(photography.frames, "hang", lambda rng, canvas: (canvas, (0, 0, 256, 256)))
    monkeypatch.setattr(photography, "colour", lambda rng: np.zeros(3, np.float32))
    monkeypatch.setattr(photography.light, "illuminate", lambda rng, picture, hard: picture)
    white = np.full((256, 256, 3), 255, np.uint8)
    shares = [(photographed(np.random.default_rng(seed), white, 128) < 64).mean() for seed in range(40)]
    assert np.mean(shares) < 0.03
    assert max(shares) > 0  # nor is it cut out perfectly


def test_a_view_depends_on_content_seed_and_number_alone(tmp_path: Path) -> None:
    first, second = example(tmp_path, "one", "0" * 64), example(tmp_path, "two", "f" * 64)
    kind = next(iter(PHOTOGRAPHY))

    def view(*examples: Example, seed: int = 1, number: int = 1) -> np.ndarray:
        return photographs(examples, kind, 64, seed, number)

    together = view(first, second)
    assert np.array_equal(together, view(second, first)[::-1])
    assert not np.array_equal(together[0], together[1])
    assert not np.array_equal(view(first), view(first, seed=2))
    assert not np.array_equal(view(first), view(first, number=2))
