"""The machines that files are made for, as data: a new one is a new entry here.

The reasons are those of onnxruntime's own guidance (documentation of ``quantize_static``) and of timings on an
x86 machine with VNNI; a target that could not be tried says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IntegerType = Literal["uint8", "int8"]


@dataclass(frozen=True)
class Target:
    """How integer ONNX files are made for one kind of machine."""

    name: str
    activations: IntegerType
    weights: IntegerType
    reduce_range: bool
    """Weights in seven bits."""
    per_channel: bool | None
    """Scales of weights for each output channel, or for a whole tensor; None: what is nearer on validation."""
    threads: int
    """Intra-op threads to run the files with."""
    reason: str
    symmetric: bool = False
    """Whether zero lies in the middle of every activation's range. What a layer gives before its ReLU is then
    not rounded: the ReLU could not be taken up into the range."""


TARGETS = {
    target.name: target
    for target in (
        Target(
            name="x86-vnni",
            activations="uint8",
            weights="int8",
            reduce_range=False,
            per_channel=None,
            threads=2,
            reason="onnxruntime's x86 kernels are written for uint8 times int8 (other pairs are 4 to 10 times as"
            " slow); VNNI adds four products in 32 bits, so that eight-bit weights cannot overflow",
        ),
        Target(
            name="x86-avx2",
            activations="uint8",
            weights="int8",
            reduce_range=True,
            per_channel=None,
            threads=2,
            reason="without VNNI two products are added in 16 bits, which overflow with weights of eight bits",
        ),
        Target(
            name="arm-dotprod",
            activations="int8",
            weights="int8",
            reduce_range=False,
            per_channel=None,
            threads=4,
            reason="the Arm dot product takes two signed operands and adds in 32 bits; a Raspberry Pi 5 has four"
            " cores (not tried on one: made and checked on x86)",
        ),
        Target(
            name="cuda",
            activations="int8",
            weights="int8",
            reduce_range=False,
            per_channel=True,
            threads=1,
            symmetric=True,
            reason="TensorRT takes symmetric int8 with a scale for each channel; onnxruntime's plain CUDA provider"
            " computes integers no faster than floats: give it the fp16 file (not tried on a GPU)",
        ),
    )
}
DEFAULT = "x86-vnni"
