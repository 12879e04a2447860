"""Converters at work without their own progress bars and remarks."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing that is printed or warned of inside is shown; exceptions pass."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def native_silence() -> Iterator[None]:
    """Nothing that native code writes to standard error inside is shown: TensorFlow has remarks as it loads that no
    setting holds back. When the block raises, all of it is shown."""
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as remarks:
        os.dup2(remarks.fileno(), 2)
        try:
            yield
        except BaseException:
            remarks.seek(0)
            os.write(shown, remarks.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)
