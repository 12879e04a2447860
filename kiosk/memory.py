"""Memory that does not grow over months: what is freed goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h

# Bytes from which a block of the kiosk goes back to the system at once: JPEGs of the live picture, what visitors send,
# the steps between a frame and its label. Frames lie in memory of their own (`kiosk.capture`).
LARGE_BYTES = 65_536

# Heaps, which threads share. glibc gives them eight for each core, and what one request has freed in its thread's heap
# serves no other. With two, and a limit of 1 MB, memory crept up by 10 MB an hour (docs/soak.md).
_ARENAS = 1


def give_large_blocks_back(limit_bytes: int = LARGE_BYTES) -> None:
    """Have the C library return freed blocks from `limit_bytes` on to the system at once, and keep one heap. To be
    called before threads are started.

    glibc raises that limit to 32 MB by itself as it goes, keeps Pillow's blocks of 16 MB in an arena for
    each thread, and never gives them back: 3.2 GB resident after eight pictures of 40 megapixels, 0.2 GB
    with the limit held.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another system, another library
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, limit_bytes)
        library.mallopt(_ARENA_MAX, _ARENAS)


def keep_what_is_there() -> None:
    """Leave what exists by now, modules above all, out of every search for garbage: it will be there to the end. To be
    called once all is imported: `tidy` takes 40 ms otherwise, in which no frame is judged, and 1 ms with it."""
    gc.collect()
    gc.freeze()


def tidy() -> None:
    """Give back what nobody needs. To be called now and then.

    Python looks for objects that hold each other, as those of a request do, only once they are a quarter of all that
    is there, which takes hours and megabytes. And a burst of requests makes the C library's heap larger than ever
    before; a small block that stays behind it keeps it so.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another system, another library
        ctypes.CDLL(None).malloc_trim(0)
