"""Multiply-accumulates of graphs that can be counted by hand, and the peak of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks import limit
from benchmarks.limit import LimitError, Peak, Precision, count_multiply_accumulates, measure_peak

ROOT = Path(__file__).parents[2]

Shape = tuple[int | str, ...]


def graph(
    op: str,
    inputs: list[str],
    shape: Shape,
    kind: int = TensorProto.FLOAT,
    domain: str = "",
    constants: dict[str, Any] | None = None,
    **attributes: Any,
) -> bytes:
    """One operator on ``x`` of that shape. Arrays of `constants` are weights, floats are scales, numbers zero points
    of the type of `x`."""
    nodes = [helper.make_node(op, inputs, ["y"], domain=domain, **attributes)]
    return model(nodes, shape, constants or {}, kind)


def model(nodes: list[onnx.NodeProto], shape: Shape, constants: dict[str, Any], kind: int = TensorProto.FLOAT) -> bytes:
    zero = helper.tensor_dtype_to_np_dtype(kind)
    arrays = {
        name: value
        if isinstance(value, np.ndarray)
        else np.asarray(value, np.float32 if isinstance(value, float) else zero)
        for name, value in constants.items()
    }
    made = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", kind, shape)],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


def weights(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.ones(shape, dtype)


SCALES = {"xs": 0.1, "xz": 0, "ws": 0.1, "wz": np.zeros((), np.int8), "ys": 0.1, "yz": 0}
BYTES = TensorProto.UINT8


@pytest.mark.parametrize(
    ("sentence", "content", "multiply_accumulates"),
    [
        (
            "each value of the output takes a kernel through all channels",
            graph("Conv", ["x", "w"], (1, 3, 8, 8), constants={"w": weights(16, 3, 3, 3)}, pads=[1, 1, 1, 1]),
            8 * 8 * 16 * 3 * 3 * 3,
        ),
        (
            "steps of two leave a quarter of it",
            graph("Conv", ["x", "w"], (1, 3, 8, 8), constants={"w": weights(16, 3, 1, 1)}, strides=[2, 2]),
            4 * 4 * 16 * 3,
        ),
        (
            "in groups each channel sees its own alone",
            graph("Conv", ["x", "w"], (1, 16, 8, 8), constants={"w": weights(16, 1, 5, 5)}, group=16, pads=[2] * 4),
            8 * 8 * 16 * 5 * 5,
        ),
        (
            "an unknown batch is one picture",
            graph("Conv", ["x", "w"], ("batch", 3, 8, 8), constants={"w": weights(4, 3, 1, 1)}),
            8 * 8 * 4 * 3,
        ),
        (
            "transposed, each value of the input gives a kernel",
            graph("ConvTranspose", ["x", "w"], (1, 3, 8, 8), constants={"w": weights(3, 5, 2, 2)}, strides=[2, 2]),
            8 * 8 * 3 * 5 * 2 * 2,
        ),
        ("a dense layer", graph("MatMul", ["x", "w"], (1, 320), constants={"w": weights(320, 6)}), 320 * 6),
        (
            "products of stacks of matrices",
            graph("MatMul", ["x", "w"], (1, 7, 9, 20), constants={"w": weights(20, 4)}),
            7 * 9 * 20 * 4,
        ),
        ("a general product", graph("Gemm", ["x", "w"], (5, 20), constants={"w": weights(20, 4)}), 5 * 20 * 4),
        (
            "turned on both sides",
            graph("Gemm", ["x", "w"], (20, 5), constants={"w": weights(4, 20)}, transA=1, transB=1),
            5 * 20 * 4,
        ),
        (
            "integers",
            graph("MatMulInteger", ["x", "w"], (2, 30), BYTES, constants={"w": weights(30, 7, dtype=np.int8)}),
            2 * 30 * 7,
        ),
        (
            "integer convolution",
            graph("ConvInteger", ["x", "w"], (1, 3, 4, 4), BYTES, constants={"w": weights(5, 3, 1, 1, dtype=np.int8)}),
            4 * 4 * 5 * 3,
        ),
        (
            "quantized convolution",
            graph(
                "QLinearConv",
                ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"],
                ("n", 3, 4, 4),
                BYTES,
                constants=SCALES | {"w": weights(5, 3, 1, 1, dtype=np.int8)},
            ),
            4 * 4 * 5 * 3,
        ),
        (
            "quantized product",
            graph(
                "QLinearMatMul",
                ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"],
                (2, 30),
                BYTES,
                constants=SCALES | {"w": weights(30, 7, dtype=np.int8)},
            ),
            2 * 30 * 7,
        ),
        (
            "a float operator between quantizers",
            model(
                [
                    helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["fx"]),
                    helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["fw"]),
                    helper.make_node("Conv", ["fx", "fw"], ["fy"]),
                    helper.make_node("QuantizeLinear", ["fy", "ys", "yz"], ["y"]),
                ],
                ("batch", 3, 4, 4),
                SCALES | {"w": weights(5, 3, 1, 1, dtype=np.int8)},
                BYTES,
            ),
            4 * 4 * 5 * 3,
        ),
        ("what is no product is not counted", graph("Relu", ["x"], (1, 3, 8, 8)), 0),
    ],
)
def test_multiply_accumulates(sentence: str, content: bytes, multiply_accumulates: int) -> None:
    assert count_multiply_accumulates(content) == multiply_accumulates, sentence


@pytest.mark.parametrize(
    ("sentence", "content", "words"),
    [
        ("no model", b"nothing of the kind", "not a model"),
        (
            "sides of the picture are not known",
            graph("Conv", ["x", "w"], (1, 3, "height", "width"), constants={"w": weights(4, 3, 1, 1)}),
            "the shape of y is not known",
        ),
        (
            "an operator of a runtime",
            graph("FusedConv", ["x", "w"], (1, 3, 8, 8), domain="com.microsoft", constants={"w": weights(4, 3, 1, 1)}),
            "com.microsoft is not counted",
        ),
    ],
)
def test_what_cannot_be_counted_is_told(sentence: str, content: bytes, words: str) -> None:
    with pytest.raises(LimitError, match=words) as told:
        count_multiply_accumulates(content)
    assert "\n" not in str(told.value), sentence


def test_the_shipped_network_needs_what_is_published() -> None:
    """EfficientNet-Lite0 is EfficientNet-B0 (Tan and Le 2019, table 2: 0.39 G at 224 pixels, classes included) without
    squeeze-and-excitation; at 256 pixels that is 1.31 times as much."""
    exact, rounded = (
        count_multiply_accumulates((ROOT / f"models/default/model.{precision}.onnx").read_bytes())
        for precision in ("fp32", "int8")
    )
    assert exact == pytest.approx(0.39e9 * (256 / 224) ** 2, rel=0.03)
    # Its first convolution multiplies by some noughts, to read four columns at a time (export/entrance.py).
    assert exact < rounded < 1.06 * exact


def test_a_limit_is_an_equation() -> None:
    peak = Peak(precision="int8", threads=1, gmacs_per_s=250.0, how="by hand")
    assert peak.least_ms(500_000_000) == 2.0


def test_the_peak_is_measured_in_a_process_of_its_own() -> None:
    peak = measure_peak("fp32", 1, seconds=0.05)
    assert peak is not None and peak.gmacs_per_s > 0
    assert (peak.precision, peak.threads) == ("fp32", 1)
    assert any(name in peak.how for name in ("ONNX Runtime", "OpenVINO", "NumPy"))


@pytest.mark.parametrize(
    ("sentence", "precision", "flags", "has"),
    [
        ("everybody multiplies", "fp32", set(), True),
        ("and bytes too", "int8", set(), True),
        ("Zen 4 and later", "bf16", {"avx512_bf16"}, True),
        ("not before", "bf16", {"avx512_vnni"}, False),
        ("a Raspberry Pi 5", "fp16", {"asimdhp", "asimddp"}, True),
        ("but not in bf16", "bf16", {"asimdhp", "asimddp"}, False),
    ],
)
def test_arithmetic(
    sentence: str, precision: Precision, flags: set[str], has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit, "instruction_sets", lambda: frozenset(flags))
    assert limit.has_arithmetic(precision) == has, sentence
    if not has:
        assert measure_peak(precision, 1) is None


@pytest.mark.parametrize("arguments", [["fp64", "1"], ["int8"]])
def test_bad_arguments_are_one_line_of_json(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "benchmarks.limit", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout.startswith('{"error": "usage') and done.stdout.count("\n") == 1
