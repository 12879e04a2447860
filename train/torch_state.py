"""Reading a PyTorch ``state_dict`` without PyTorch, and without running code from the file.

PyTorch's format before 1.6 is a sequence of pickles followed by raw values: a magic number, a
protocol version, a dictionary of system facts, the ``state_dict`` with its tensors as references to
storages, the list of storage keys, and then for each key an int64 count and the values. The
unpickler here knows four names and refuses all others, so a hostile file can do no harm.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightsError(ValueError):
    """A file of weights cannot be read; the message is one line."""


class _Tensor:
    """A tensor whose values come later in the file."""

    def __init__(
        self, storage: tuple[str, np.dtype[Any]], offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ):
        self.key, self.dtype = storage
        self.offset, self.shape, self.stride = offset, shape, stride

    def values(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        storage = storages[self.key]
        strides = tuple(step * self.dtype.itemsize for step in self.stride)
        view = np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, strides)
        return view.copy()


def _rebuild_tensor(storage: Any, offset: int, shape: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise WeightsError(f"refused: the file asks for {module}.{name}")

    def persistent_load(self, reference: Any) -> Any:
        _, dtype, key, *_ = reference
        return (key, dtype)


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a legacy ``.pth`` file by name; raises `WeightsError`."""
    try:
        file = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from error
    try:
        if _Unpickler(file).load() != _MAGIC:
            raise WeightsError("not in PyTorch's legacy format")
        _Unpickler(file).load()  # protocol version
        _Unpickler(file).load()  # facts on the machine that wrote it
        state = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        dtypes = {tensor.key: tensor.dtype for tensor in state.values()}
        storages = {}
        for key in keys:
            count = int(np.frombuffer(file.read(8), "<i8")[0])
            storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
        return {name: tensor.values(storages) for name, tensor in state.items()}
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise WeightsError(f"{path}: damaged ({type(error).__name__})") from error
