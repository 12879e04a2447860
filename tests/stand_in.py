"""A stand-in for the shipped model, and pictures to show it: small, quick, and with answers that a
test can foretell.

The stand-in looks at the mean colour alone: red is the first style, green the second, blue the third,
and `known` is high where the colour is strong. It keeps the whole contract of an exported model.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import bundle
from bundle import runtimes
from bundle.reference import Reference, reference_pictures

STYLES = (
    "Impressionism",
    "Cubism",
    "Expressionism",
    "Pop Art",
    "Byzantine Art",
    "Abstract Expressionism",
)
RED, GREEN, BLUE, GREY = (200, 40, 40), (40, 200, 40), (40, 40, 200), (120, 120, 120)
SIZE = 32

Pixels = npt.NDArray[np.uint8]


def write_bundle(
    folder: Path,
    *,
    known: float | None = None,
    outputs: tuple[str, ...] = bundle.OUTPUTS,
    styles: tuple[str, ...] = STYLES,
    precisions: tuple[Literal["int8", "fp32"], ...] = ("int8",),
    name: str = "stand-in",
    green: float | None = None,
) -> Path:
    """Write a valid bundle to `folder`. `known` fixes that output (NaN too), `outputs` are those that
    the model has; each precision gets the same graph. `green` is what `known` is for a green picture, of which there
    is none among the reference pictures: NaN makes a network that fails once it is in use. Where the outputs allow it,
    the manifest holds what they answer to the reference pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    content = _model(known, outputs, green)
    reference = None
    if {"probabilities", "known"} <= set(outputs) and not (known is not None and math.isnan(known)):
        answers = runtimes.load(content, "onnx", 1).run(reference_pictures(SIZE), ("probabilities", "known"))
        reference = Reference.of(**answers)
    files = []
    for precision in precisions:
        path = folder / f"model.{precision}.onnx"
        path.write_bytes(content)
        files.append(
            bundle.ModelFile(
                path=path.name,
                format="onnx",
                precision=precision,
                size_bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                opset=18,
                temperature=1.0,
                known=bundle.KnownRule(method="strength of colour", threshold=0.5),
                reference=reference,
            )
        )
    manifest = bundle.Manifest(
        name=name,
        created=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        styles=styles,
        input_size=SIZE,
        evidence=True,
        recipe="stand-in",
        run="none",
        dataset=bundle.Dataset(fingerprint="0" * 64, pictures={}, artists=(), test_sha256=()),
        files=tuple(files),
    )
    (folder / "bundle.json").write_text(manifest.to_json(), encoding="utf-8")
    return folder


def painting(colour: tuple[int, int, int], width: int = 320, height: int = 320, seed: int = 0) -> Pixels:
    """Dabs of about one colour, RGB ``[height, width, 3]``: sharp, lit, and surely something."""
    rng = np.random.default_rng(seed)
    dabs = rng.integers(-38, 39, (height // 4 + 1, width // 4 + 1, 1)).repeat(4, 0).repeat(4, 1)
    return (np.array(colour) + dabs[:height, :width]).clip(0, 255).astype(np.uint8)


def encoded(picture: Pixels, format: str = "JPEG") -> bytes:
    """The bytes of a picture file, in one of Pillow's formats."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format)
    return stream.getvalue()


def _model(known: float | None, outputs: tuple[str, ...], green: float | None) -> bytes:
    weights = np.zeros((3, len(STYLES)), np.float32)
    weights[[0, 1, 2], [0, 1, 2]] = 8
    constants = {
        "axes": np.array([1, 2], np.int64),
        "colour_axis": np.array([1], np.int64),
        "full": np.array(255, np.float32),
        "weights": weights,
        "gain": np.array(20, np.float32),
        "offset": np.array(-5, np.float32),
        "map_axes": np.array([1, 2], np.int64),
    }
    if known is not None:
        constants |= {"none": np.array(0, np.float32), "fixed": np.array(known, np.float32)}
    nodes = [
        helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "full"], ["light"]),
        helper.make_node("ReduceMean", ["light", "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["colour", "colour_axis"], ["strongest"], keepdims=0),
        helper.make_node("ReduceMin", ["colour", "colour_axis"], ["weakest"], keepdims=0),
        helper.make_node("Sub", ["strongest", "weakest"], ["strength"]),
        helper.make_node("Mul", ["strength", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["known_logit"]),
        helper.make_node("Sigmoid", ["known_logit"], ["measured"]),
        helper.make_node("Identity", ["colour"], ["embedding"]),
        helper.make_node("Unsqueeze", ["logits", "map_axes"], ["evidence"]),
    ]
    if green is not None:
        constants |= {
            "green_less_red": np.array([[-1], [1], [0]], np.float32),
            "clearly": np.array(0.4, np.float32),
            "green": np.array(green, np.float32),
            "last": np.array([1], np.int64),
        }
        nodes += [
            helper.make_node("MatMul", ["colour", "green_less_red"], ["greens"]),
            helper.make_node("Squeeze", ["greens", "last"], ["greenness"]),
            helper.make_node("Greater", ["greenness", "clearly"], ["is_green"]),
            helper.make_node("Where", ["is_green", "green", "measured"], ["known"]),
        ]
    elif known is None:
        nodes.append(helper.make_node("Identity", ["measured"], ["known"]))
    else:
        # One for each picture, whatever the batch: x to the power of 0 is 1.
        nodes += [
            helper.make_node("Pow", ["measured", "none"], ["one"]),
            helper.make_node("Mul", ["one", "fixed"], ["known"]),
        ]
    styles = len(STYLES)
    shapes = {
        "probabilities": ["batch", styles],
        "known": ["batch"],
        "logits": ["batch", styles],
        "evidence": ["batch", 1, 1, styles],
        "embedding": ["batch", 3],
    }
    graph = helper.make_graph(
        nodes,
        "stand-in",
        [helper.make_tensor_value_info("input", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        # Not in the contract's order: whoever binds by position fails here.
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in sorted(outputs)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    """Wait for something that another thread does; fails the test if it does not."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
