"""Memory that is freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys

import psutil
import pytest

from kiosk.memory import tidy


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another C library")
def test_pages_inside_the_heap_go_back_to_the_system() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes, library.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    process = psutil.Process()
    blocks = [library.malloc(50_000) for _ in range(1000)]
    for block in blocks:
        ctypes.memset(block, 1, 50_000)
    for block in blocks[:-1]:
        library.free(block)
    # The last one holds the end of the heap.
    before = process.memory_info().rss
    tidy()
    assert process.memory_info().rss < before - 30e6
    library.free(blocks[-1])
