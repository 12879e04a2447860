"""Publishing a folder, a bundle or an exploration: the whole of it at once, or nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotPublish(ValueError):
    """The folder that was named must not be replaced, or not now; the message is one line."""


def check_replaceable(target: Path, what: str, is_one: Callable[[Path], bool]) -> None:
    """Raise `CannotPublish` where `target`, which would be replaced as a whole, is something else than `what`."""
    if target.exists() and not target.is_dir():
        raise CannotPublish(f"{target} is a file; give another --out")
    if target.exists() and any(target.iterdir()) and not is_one(target):
        raise CannotPublish(f"{target} holds something else than {what}; give another --out, or empty it")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to write into; it takes `target`'s place when the block ends well.

    When the block raises, the new folder is removed and `target` stays as it was. What a killed
    process left behind is removed by the next one. Raises `CannotPublish` where another process is at it.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    with _alone(fresh, target):
        if old.exists() and not target.exists():
            os.rename(old, target)  # killed between the two renames below
        shutil.rmtree(old, ignore_errors=True)
        for stray in fresh.iterdir():
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
        try:
            yield fresh
            try:
                if target.exists():
                    os.rename(target, old)
                os.rename(fresh, target)
            except BaseException:  # stopped between the two
                if old.exists() and not target.exists():
                    os.rename(old, target)
                raise
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def _alone(fresh: Path, target: Path) -> Iterator[None]:
    """The folder `fresh`, held for this process: the system lets go of it when the process ends, however it does."""
    fresh.mkdir(exist_ok=True)
    handle = os.open(fresh, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotPublish(f"{target}: another process is writing it; wait, or give another --out") from error
        yield
    finally:
        os.close(handle)
