"""Memory that does not grow over months: large blocks go back to the system, those of frames are used again."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import weakref

import numpy as np
import numpy.typing as npt

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h

# Bytes from which a block of the kiosk goes back to the system at once: JPEGs of the live picture, what visitors send,
# the steps between a frame and its label. Frames are used again, by `FramePool`.
LARGE_BYTES = 65_536

# Heaps, which threads share. glibc gives them eight for each core, and what one request has freed in its thread's heap
# serves no other. With two, and a limit of 1 MB, memory crept up by 10 MB an hour; with one, and the limit above, by
# one or two (docs/soak.md).
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


def give_free_pages_back() -> None:
    """Have the C library return what is free inside its heap. To be called now and then: a burst of requests makes the
    heap larger than ever before, and a small block that stays behind it keeps it so."""
    with contextlib.suppress(OSError, AttributeError):  # another system, another library
        ctypes.CDLL(None).malloc_trim(0)


# Blocks that wait to be used again: as many as frames usually come and go at a time.
_SPARE = 2


class FramePool:
    """Memory for frames, used again as soon as nobody holds the frame any more.

    A new block from the system costs a page fault for each 4 kB, 0.8 ms for a frame of 1080p. From the C library's heap
    it is quick, but the heap grows by a frame whenever more are held at a time than ever before, and what small block
    comes to lie behind it keeps it from shrinking: megabytes an hour, for hours.
    """

    def __init__(self) -> None:
        self._spare: list[mmap.mmap] = []

    def take(self, height: int, width: int) -> npt.NDArray[np.uint8]:
        """A picture ``[height, width, 3]`` with anything in it. For any thread."""
        size = 3 * height * width
        block = None
        # Another thread may take the last one between a look and a pop. Those of another size are let go of.
        with contextlib.suppress(IndexError):
            while block is None or len(block) != size:
                block = self._spare.pop()
        if block is None or len(block) != size:
            block = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        picture = np.ndarray((height, width, 3), np.uint8, buffer=block)
        # A view of it keeps it alive: this is called when the last one has gone.
        weakref.finalize(picture, self._give_back, block).atexit = False
        return picture

    def _give_back(self, block: mmap.mmap) -> None:
        if len(self._spare) < _SPARE:
            self._spare.append(block)
