"""How the C library of a process deals with memory."""

from __future__ import annotations

import contextlib
import ctypes

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h

# Heaps that threads share. glibc gives them eight for each core, and what one request has freed in its thread's heap
# serves no other: with dozens of threads memory creeps up for hours.
_ARENAS = 2


def give_large_blocks_back(limit_bytes: int) -> None:
    """Have the C library return freed blocks from `limit_bytes` on to the system at once, and keep few heaps. To be
    called before threads are started.

    glibc raises that limit to 32 MB by itself as it goes, keeps Pillow's blocks of 16 MB in an arena for
    each thread, and never gives them back: 3.2 GB resident after eight pictures of 40 megapixels, 0.2 GB
    with the limit held.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another system, another library
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, limit_bytes)
        library.mallopt(_ARENA_MAX, _ARENAS)
