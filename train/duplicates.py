"""Pictures that show the same work twice: another scan, another crop by a few pixels, other colours.

Folders that were gathered from the web hold many, and their bytes differ. A copy of a test picture that
is trained on makes the test easier than a gallery will be, so `train.dataset` never lets the two sides
of a split share a work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import bundle

# Bits of 256 by which two copies may differ. Looked at: all 227 pairs up to 64 bits among 6,133 paintings
# (the published set, reduced, and 2,199 further ones) show one work, or prints of one series, in 158 groups
# of at most four, none of two artists. From 66 bits on, icons photographed in one album pass for each other;
# of 68 to 76 bits half are copies; at 80 strangers begin. What stays unfound: works in quite other colours
# (silkscreens), mirrored and much cropped ones.
MAX_DISTANCE_BITS = 64


def near_duplicates(paintings: Sequence[bundle.Painting]) -> list[tuple[bundle.Painting, ...]]:
    """Groups of two or more paintings that show the same work, each in the order given, as are the groups.

    Copies of copies are one group. Pictures without a perceptual hash are in none.
    """
    hashed = [painting for painting in paintings if painting.perceptual_hash]
    if not hashed:
        return []
    rows, columns = _close_pairs(np.array([np.frombuffer(painting.perceptual_hash, np.uint64) for painting in hashed]))
    links = coo_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=(len(hashed), len(hashed)))
    _, components = connected_components(links, directed=False)
    groups = defaultdict(list)
    for painting, component in zip(hashed, components, strict=True):
        groups[component].append(painting)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _close_pairs(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of all pairs of rows, uint64 ``[n, words]``, that differ by few enough bits.

    Row by row, for 9,000 pictures against each other at once would take gigabytes.
    """
    rows, columns = [], []
    for row in range(len(words)):
        distances = np.bitwise_count(words[row + 1 :] ^ words[row]).sum(axis=1, dtype=np.int64)
        close = np.flatnonzero(distances <= MAX_DISTANCE_BITS)
        rows.append(np.full(len(close), row))
        columns.append(close + row + 1)
    return np.concatenate(rows), np.concatenate(columns)
