"""Batches that a process of its own draws while the one before is trained on."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import cv2

# Batches that are drawn ahead.
_AHEAD = 6


@contextmanager
def drawn_beside(draw: Callable[[Any, int], Any], stock: Any, first: int = 0) -> Iterator[Iterator[Any]]:
    """Endless ``draw(stock, number)``, from number `first` on.

    `draw` is a function of a module or a `functools.partial` of one, and must depend on its arguments alone: then a
    resumed run sees what an unbroken one would have. `stock` is sent over once.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _receive, (draw, stock)) as pool:

        def give() -> Iterator[Any]:
            number = first
            waiting: list[Future] = []
            while True:
                while len(waiting) < _AHEAD:
                    waiting.append(pool.submit(_draw, number))
                    number += 1
                yield waiting.pop(0).result()

        try:
            yield give()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


# In the process that draws: how, and from what.
_how: Callable[[Any, int], Any] | None = None
_stock: Any = None


def _receive(draw: Callable[[Any, int], Any], stock: Any) -> None:
    global _how, _stock
    cv2.setNumThreads(1)
    _how, _stock = draw, stock
    # A training that is killed tells nobody: without this, what draws for it would wait for ever.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _draw(number: int) -> Any:
    assert _how is not None
    return _how(_stock, number)
