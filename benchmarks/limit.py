"""The floor: how fast a network could be at best on the processor of this machine, whatever runs it there.

``count_multiply_accumulates(file) / measure_peak(precision, threads)`` is a time that no runtime can go below: the
multiply-accumulates that the network needs, by those that the processor did at its best. How many times the limit a
latency is tells what better software could still give.

The peak is measured, not looked up: by products of matrices that stay in the caches, with constant weights, in every
runtime at hand; the fastest counts. So it knows the clock that the machine really holds. It is no proof: a runtime
that is not at hand here may be faster (XNNPACK on Arm), and an algorithm that needs fewer multiplications (Winograd's
for 3 x 3 kernels, Lavin and Gray 2016, arXiv:1509.09308) may go below the limit, which is counted for the plain one.

On an AMD EPYC of the fifth generation (Zen 5) at 4.0 GHz, which has two units of 512 bits for products, one thread
gives 121 G a second in fp32, 240 in bf16 and 480 in int8: 94 or 95 % of the 32, 64 and 128 a cycle that the units can
do (128, 256 and 512 G; instructions in a loop without memory gave 128 and 517). On the same machine OpenVINO ran a
ResNet50 in fp32 at 1.04 times the limit, and no file of ours went below it.

A fresh process for each, ``python -m benchmarks.limit PRECISION THREADS``: numbers of threads stick.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np
import onnx
from onnx import helper, numpy_helper
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks import BenchmarkError
from benchmarks.latency import worker_environment
from bundle.hardware import instruction_sets

Precision = Literal["fp32", "bf16", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

# Instruction sets without which a precision is only emulated, by Linux's names on x86-64 and Arm. Any processor
# multiplies fp32 and int8.
_ARITHMETIC: Mapping[Precision, frozenset[str]] = {
    "bf16": frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"}),
    "fp16": frozenset({"avx512_fp16", "amx_fp16", "asimdhp"}),
}

# Rows (and columns) of the product, and the length of the sums. From half a megabyte to 12 MB of fp32: the best one
# depends on the caches and on how well the work divides among threads.
_SHAPES = ((256, 512), (512, 512), (512, 1024), (512, 2048), (1024, 512), (1024, 1024))

# Seconds of measuring, over all shapes and runtimes.
_SECONDS = 2.0

# Seconds that are timed at once: long enough for the clock, short enough to lie between what others do.
_BLOCK_S = 0.01

# Seconds that a fresh process may take beyond the measuring: imports, and compiling for each shape and runtime.
_OVERHEAD_S = 120.0

# ONNX's own operators that multiply. Of convolutions, which input the kernel is; of products, the first counts.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
_PRODUCTS = frozenset({"Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"})

Run = Callable[[], object]


class LimitError(BenchmarkError):
    """There is no limit to be found; the message is one line."""


class Peak(BaseModel):
    """The most that this machine was seen to multiply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Precision
    threads: int
    gmacs_per_s: float
    """Multiply-accumulates, 1e9 a second (twice as many operations, as FLOPS are counted)."""
    how: str
    """The runtime and the shape that gave it."""

    def least_ms(self, multiply_accumulates: int) -> float:
        """Milliseconds that a network with so many cannot go below."""
        return multiply_accumulates / self.gmacs_per_s / 1e6


# --- what a network needs --------------------------------------------------------------------------


def count_multiply_accumulates(onnx_bytes: bytes) -> int:
    """Multiplications, each with its addition, of all convolutions and matrix products of an ONNX file for one picture.

    Files in float and quantized files (QDQ, and ONNX's own integer operators) are counted alike. What else there is
    (activations, pooling, scaling) is not counted: it is little, and a floor must not be too high.
    Raises `LimitError` where a shape is unknown or the file is no model.
    """
    try:
        model = onnx.load_model_from_string(onnx_bytes)
        graph = onnx.shape_inference.infer_shapes(_one_picture(model), data_prop=True).graph
    except Exception as error:  # protobuf's and ONNX's own, of several kinds
        raise LimitError(f"not a model that ONNX understands: {str(error).strip().splitlines()[0]}") from error
    shapes = _shapes(graph)
    total = 0
    for node in graph.node:
        if any(
            attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for attribute in node.attribute
        ):
            raise LimitError(f"{node.op_type} {node.name}: how often a part of the graph runs is not known")
        total += _of_node(node, shapes)
    return total


def _one_picture(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a batch of one; shapes that were written for another are forgotten."""
    constants = {tensor.name for tensor in model.graph.initializer}
    for entry in model.graph.input:
        dimensions = entry.type.tensor_type.shape.dim
        if entry.name not in constants and dimensions and not dimensions[0].dim_value:
            dimensions[0].dim_value = 1
    del model.graph.value_info[:]
    return model


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Of all values whose shape is known, by name."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for entry in (*graph.input, *graph.value_info, *graph.output):
        kind = entry.type.tensor_type
        if kind.HasField("shape") and all(each.HasField("dim_value") for each in kind.shape.dim):
            shapes[entry.name] = tuple(each.dim_value for each in kind.shape.dim)
    return shapes


def _of_node(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> int:
    def shape(name: str) -> tuple[int, ...]:
        if name not in shapes:
            raise LimitError(f"{node.op_type} {node.name}: the shape of {name} is not known")
        return shapes[name]

    kind = node.op_type if node.domain in ("", "ai.onnx") else ""
    if kind in _CONVOLUTIONS:
        # Kernel [out, in / groups, ...]: each value of the output takes all but the first of its axes.
        return math.prod(shape(node.output[0])) * math.prod(shape(node.input[_CONVOLUTIONS[kind]])[1:])
    if kind == "ConvTranspose":
        # Kernel [in, out / groups, ...]: each value of the input is given to all but the first of its axes.
        return math.prod(shape(node.input[0])) * math.prod(shape(node.input[1])[1:])
    if kind in _PRODUCTS:
        left = shape(node.input[0])
        turned = kind == "Gemm" and any(each.name == "transA" and each.i for each in node.attribute)
        return math.prod(shape(node.output[0])) * left[0 if turned else -1]
    if node.domain not in ("", "ai.onnx") and any(name in node.op_type for name in ("Conv", "Gemm", "MatMul")):
        raise LimitError(f"{node.op_type} {node.name}: an operator of {node.domain} is not counted")
    return 0


# --- what the machine gives ------------------------------------------------------------------------


def measure_peak(precision: Precision, threads: int, seconds: float = _SECONDS) -> Peak | None:
    """The peak with `threads` threads, measured for `seconds` in a process of its own.

    None where the processor has no arithmetic of that precision (fp16 files then run as fp32). Raises `LimitError`.
    """
    if not has_arithmetic(precision):
        return None
    # What BLAS libraries read when they are loaded.
    environment = worker_environment() | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)
    )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.limit", precision, str(threads), str(seconds)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds + _OVERHEAD_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LimitError(f"the peak of {precision} is not measured in time") from None
    try:
        return Peak.model_validate_json(done.stdout)
    except ValidationError:
        try:
            reason = str(json.loads(done.stdout)["error"])
        except (ValueError, LookupError, TypeError):
            reason = f"its process gave no readable reply (exit code {done.returncode})"
        raise LimitError(f"the peak of {precision} cannot be measured: {reason}") from None


def has_arithmetic(precision: Precision) -> bool:
    """Whether this processor multiplies numbers of that precision by itself."""
    wanted = _ARITHMETIC.get(precision)
    return wanted is None or bool(wanted & instruction_sets())


@dataclass(frozen=True)
class _Product:
    """``y [rows, rows] = x [rows, length] @ w``, with `w` constant, and a way to compute it."""

    rows: int
    length: int
    how: str
    prepare: Callable[[], Run]

    @property
    def multiply_accumulates(self) -> int:
        return self.rows * self.rows * self.length


def _peak_here(precision: Precision, threads: int, seconds: float) -> Peak:
    """In this process, which must have computed nothing yet."""
    products = [product for shape in _SHAPES for product in _products(precision, threads, *shape)]
    best: tuple[float, str] | None = None
    reason = "no runtime computes it"
    for product in products:
        try:
            rate = _rate(product, seconds / len(products))
        except Exception as error:  # whatever a runtime raises where it does not know an operator
            reason = f"{product.how}: {(str(error).strip() or type(error).__name__).splitlines()[0]}"
            continue
        best = max(best or (0.0, ""), (rate, product.how))
    if best is None:
        raise LimitError(reason)
    return Peak(precision=precision, threads=threads, gmacs_per_s=best[0] / 1e9, how=best[1])


def _rate(product: _Product, seconds: float) -> float:
    """Multiply-accumulates a second in the best block."""
    run = product.prepare()
    for _ in range(3):
        run()
    started = time.perf_counter()
    run()
    runs = max(1, round(_BLOCK_S / (time.perf_counter() - started)))
    shortest_s = math.inf
    end = time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        for _ in range(runs):
            run()
        ended = time.perf_counter()
        shortest_s = min(shortest_s, ended - started)
        if ended > end:
            return runs * product.multiply_accumulates / shortest_s


def _products(precision: Precision, threads: int, rows: int, length: int) -> Iterator[_Product]:
    """Every way that there is here to compute a product of that shape and precision."""
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape, np.float32) for shape in ((rows, length), (length, rows)))
    as_uint8, as_int8 = (rng.integers(low, low + 255, x.shape).astype(kind) for low, kind in ((0, "u1"), (-127, "i1")))
    size = f"{rows}x{length}x{rows}"

    def product(runtime: str, prepare: Callable[[], Run]) -> _Product:
        return _Product(rows, length, f"{runtime}, {size}", prepare)

    if precision == "int8":
        weights = rng.integers(-127, 128, w.shape).astype(np.int8)
        for values in (as_uint8, as_int8):
            kind = "u8s8" if values.dtype == np.uint8 else "s8s8"
            integer, qdq = _integer_product(values, weights), _quantized_product(values, weights)
            yield product(f"ONNX Runtime MatMulInteger {kind}", partial(_in_ort, integer, values, threads))
            yield product(f"ONNX Runtime QDQ MatMul {kind}", partial(_in_ort, qdq, values, threads))
            yield product(f"OpenVINO QDQ MatMul {kind}", partial(_in_openvino, qdq, values, threads, "f32"))
    elif precision == "fp32":
        plain = _plain_product(x, w)
        yield product("ONNX Runtime MatMul", partial(_in_ort, plain, x, threads))
        yield product("OpenVINO MatMul", partial(_in_openvino, plain, x, threads, "f32"))
        yield product("NumPy's BLAS", lambda: partial(np.matmul, x, w))
    elif precision == "bf16":
        plain = _plain_product(x, w)
        yield product("OpenVINO MatMul in bf16", partial(_in_openvino, plain, x, threads, "bf16"))
        if platform.machine() == "aarch64":
            fast = {"mlas.enable_gemm_fastmath_arm64_bfloat16": "1"}
            yield product("ONNX Runtime MatMul in bf16", partial(_in_ort, plain, x, threads, fast))
    else:
        half = x.astype(np.float16)
        plain = _plain_product(half, w.astype(np.float16))
        yield product("ONNX Runtime MatMul in fp16", partial(_in_ort, plain, half, threads))
        yield product("OpenVINO MatMul in fp16", partial(_in_openvino, plain, half, threads, "f16"))


def _in_ort(model: bytes, values: np.ndarray[Any, Any], threads: int, entries: Mapping[str, str] | None = None) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    for name, value in (entries or {}).items():
        options.add_session_config_entry(name, value)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()  # nothing is copied
    binding.bind_cpu_input("x", values)
    binding.bind_output("y")

    def run() -> None:
        session.run_with_iobinding(binding)

    return run


def _in_openvino(model: bytes, values: np.ndarray[Any, Any], threads: int, precision: str) -> Run:
    openvino = import_module("openvino")  # has no types, and need not be installed
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(values, shared_memory=True))

    def run() -> None:
        request.infer()

    return run


def _plain_product(x: np.ndarray[Any, Any], w: np.ndarray[Any, Any]) -> bytes:
    return _model([helper.make_node("MatMul", ["x", "w"], ["y"])], x, w, x.dtype, {"w": w})


def _integer_product(x: np.ndarray[Any, Any], w: np.ndarray[Any, Any]) -> bytes:
    return _model([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], x, w, np.dtype(np.int32), {"w": w})


def _quantized_product(x: np.ndarray[Any, Any], w: np.ndarray[Any, Any]) -> bytes:
    """As a quantized network has it: bytes in, bytes out."""
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["float_x"]),
        helper.make_node("DequantizeLinear", ["w", "scale", "weight_zero"], ["float_w"]),
        helper.make_node("MatMul", ["float_x", "float_w"], ["float_y"]),
        helper.make_node("QuantizeLinear", ["float_y", "scale", "zero"], ["y"]),
    ]
    constants = {"w": w, "scale": np.float32(0.01), "zero": x.dtype.type(0), "weight_zero": np.int8(0)}
    return _model(nodes, x, w, x.dtype, constants)


def _model(
    nodes: list[onnx.NodeProto],
    x: np.ndarray[Any, Any],
    w: np.ndarray[Any, Any],
    output: np.dtype[Any],
    constants: Mapping[str, Any],
) -> bytes:
    def value(name: str, kind: np.dtype[Any], rows: int, columns: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(kind), [rows, columns])

    graph = helper.make_graph(
        nodes,
        "product",
        [value("x", x.dtype, *x.shape)],
        [value("y", output, x.shape[0], w.shape[1])],
        [numpy_helper.from_array(np.asarray(constant), name) for name, constant in constants.items()],
    )
    # Old enough for every runtime that is supported here.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def _understood(arguments: list[str]) -> tuple[Precision, int, float]:
    try:
        precision, threads, seconds = arguments if len(arguments) == 3 else [*arguments, str(_SECONDS)]
        if precision in PRECISIONS and int(threads) >= 1 and float(seconds) > 0:
            return precision, int(threads), float(seconds)
    except ValueError:
        pass
    raise LimitError(f"usage: python -m benchmarks.limit {'|'.join(PRECISIONS)} THREADS [SECONDS]")


def main(arguments: list[str]) -> int:
    """Measure, and print one line of JSON: a `Peak`, ``null`` where there is no such arithmetic, or
    ``{"error": "one line"}``. Returns the exit code: 0, or 2 after an error."""
    # Libraries may print; the reply must stay the only line of its stream.
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    code = 0
    try:
        precision, threads, seconds = _understood(arguments)
        peak = _peak_here(precision, threads, seconds) if has_arithmetic(precision) else None
        said = "null" if peak is None else peak.model_dump_json()
    except Exception as error:  # whatever it was, the parent prints it as one line
        said, code = json.dumps({"error": (str(error).strip() or type(error).__name__).splitlines()[0]}), 2
    reply.write(said + "\n")
    reply.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
