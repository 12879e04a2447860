"""Model files of every format in the runtimes that users run them in: those of `bundle.runtimes`, and Keras."""

from __future__ import annotations

from bundle import runtimes


def load(content: bytes, format: runtimes.Format, threads: int = 0) -> runtimes.Runtime:
    """As `bundle.runtimes.load`, which knows nothing of Keras; a Keras file takes TensorFlow's own number of threads.
    Raises `bundle.runtimes.CannotLoad`."""
    if format != "keras":
        return runtimes.load(content, format, threads)
    from export.keras_file import KerasRuntime

    try:
        return KerasRuntime(content)
    except Exception as error:  # Keras raises whatever ZIP, JSON and HDF5 raise
        raise runtimes.CannotLoad(f"keras file does not load: {str(error).splitlines()[0]}") from error
