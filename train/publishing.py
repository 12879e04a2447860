"""Publishing a folder, a bundle or an exploration: the whole of it at once, or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to write into; it takes `target`'s place when the block ends well.

    When the block raises, the new folder is removed and `target` stays as it was. What a killed
    process left behind is removed by the next one.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    if old.exists() and not target.exists():
        os.rename(old, target)  # killed between the two renames below
    for stray in (fresh, old):
        shutil.rmtree(stray, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
        if target.exists():
            os.rename(target, old)
        os.rename(fresh, target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
