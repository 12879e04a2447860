from __future__ import annotations

import io
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from train.torch_state import _MAGIC, WeightsError, read_state_dict


def legacy_file(path: Path, values: np.ndarray) -> Path:
    """A file with one tensor ``w`` of two rows, its storage transposed as PyTorch may leave it."""
    header = [pickle.dumps(_MAGIC, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2)]
    # torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, ...): written opcode by opcode, since
    # there is no PyTorch here to name the functions.
    storage = b"ctorch\nFloatStorage\n"
    reference = b"(X\x07\x00\x00\x00storage" + storage + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06NtQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + reference + b"K\x00K\x02K\x03\x86K\x01K\x02\x86\x89NtR"
    state = b"\x80\x02ccollections\nOrderedDict\n)RX\x01\x00\x00\x00w" + tensor + b"s."
    body = struct.pack("<q", values.size) + values.astype("<f4").tobytes()
    path.write_bytes(b"".join(header) + state + pickle.dumps(["0"], 2) + body)
    return path


def test_a_tensor_is_read_with_its_strides(tmp_path: Path) -> None:
    values = np.arange(6)
    state = read_state_dict(legacy_file(tmp_path / "w.pth", values))
    assert state["w"].tolist() == [[0, 2, 4], [1, 3, 5]]


def test_a_file_that_asks_for_code_is_refused(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "done"),)

    stream = io.BytesIO()
    for value in (_MAGIC, 1001, {}, OrderedDict(w=Hostile()), ["0"]):
        pickle.dump(value, stream, 2)
    (tmp_path / "hostile.pth").write_bytes(stream.getvalue())
    with pytest.raises(WeightsError, match="refused"):
        read_state_dict(tmp_path / "hostile.pth")
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps(7, 2)])
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.pth"):
        read_state_dict(tmp_path / "w.pth")
