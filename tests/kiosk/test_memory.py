"""Memory for frames: used again, and never while somebody holds what is in it."""

from __future__ import annotations

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from kiosk.memory import FramePool, give_free_pages_back


def address(picture: np.ndarray) -> int:
    return int(picture.__array_interface__["data"][0])


def test_a_block_is_used_again_once_nobody_holds_it() -> None:
    pool = FramePool()
    first = pool.take(48, 64)
    assert (first.shape, first.dtype) == ((48, 64, 3), np.uint8)
    where = address(first)
    assert address(pool.take(48, 64)) != where
    del first
    assert address(pool.take(48, 64)) == where


def test_a_view_of_it_holds_it() -> None:
    pool = FramePool()
    first = pool.take(48, 64)
    first[:] = 7
    part = first[10:20, 5:].T[1]
    where = address(first)
    del first
    other = pool.take(48, 64)
    other[:] = 9
    assert address(other) != where
    assert (part == 7).all()


def test_another_size_gets_another_block() -> None:
    pool = FramePool()
    pool.take(48, 64)
    assert pool.take(90, 160).shape == (90, 160, 3)
    assert pool.take(48, 64).shape == (48, 64, 3)


def test_threads_never_share_a_block() -> None:
    pool = FramePool()

    def fill(value: int) -> bool:
        mine = True
        for _ in range(300):
            picture = pool.take(20, 30)
            picture[:] = value
            mine &= bool((picture == value).all())
        return mine

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(fill, range(8)))


def test_what_is_not_needed_again_soon_goes_back_to_the_system() -> None:
    process = psutil.Process()
    pool = FramePool()
    before = process.memory_info().rss
    held = [pool.take(1080, 1920) for _ in range(20)]
    for picture in held:
        picture[:] = 1
    assert process.memory_info().rss > before + 100e6
    del picture, held
    assert process.memory_info().rss < before + 30e6


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
    give_free_pages_back()
    assert process.memory_info().rss < before - 30e6
    library.free(blocks[-1])
