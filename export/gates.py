"""What a file must pass before it is published. Each failure has a class of its own and says the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

import bundle

Outputs = dict[str, npt.NDArray[np.float32]]

# Float arithmetic in another order; measured parity is near 1e-5.
FP32_LOGIT_TOLERANCE = 1e-3
FP32_AGREEMENT = 1.0
INT8_AGREEMENT = 0.95
# One point of accuracy, plus one picture, so that small test sets are not judged by one painting.
INT8_ACCURACY_BUDGET = 0.01
# The map is averaged in float32 over at most some hundred places.
EVIDENCE_TOLERANCE = 1e-3


class GateError(ValueError):
    """An export failed a check; nothing was published and an earlier bundle is as it was."""


class WrongOutputs(GateError):
    """Names, types or shapes of inputs or outputs are not those of the contract."""


class NotFinite(GateError):
    """An output holds NaN or infinity, or probabilities that do not sum to 1."""


class ParityLost(GateError):
    """A file's logits or answers differ too much from the Keras network's."""


class AccuracyLost(GateError):
    """A quantized file is worse than its float twin by more than the budget."""


class EvidenceWrong(GateError):
    """The evidence map does not average to the logits."""


def session(model: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """An onnxruntime session on the CPU; `threads` 0 takes all cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(
    model: onnxruntime.InferenceSession, pixels: npt.NDArray[np.uint8], names: list[str], batch: int = 32
) -> Outputs:
    """Outputs by name for `pixels` ``[n, size, size, 3]``."""
    parts = [model.run(names, {bundle.INPUT: pixels[start : start + batch]}) for start in range(0, len(pixels), batch)]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}


def check_interface(model: onnxruntime.InferenceSession, size: int, styles: int, evidence: bool) -> None:
    """Raise `WrongOutputs` unless inputs and outputs are the contract's, with a free batch."""
    inputs = {value.name: (value.type, value.shape) for value in model.get_inputs()}
    if list(inputs) != [bundle.INPUT] or inputs[bundle.INPUT][0] != "tensor(uint8)":
        raise WrongOutputs(f"the input must be {bundle.INPUT!r}, uint8; it is {inputs}")
    if inputs[bundle.INPUT][1][1:] != [size, size, 3] or isinstance(inputs[bundle.INPUT][1][0], int):
        raise WrongOutputs(f"the input must be [batch, {size}, {size}, 3]; it is {inputs[bundle.INPUT][1]}")
    outputs = {value.name: value for value in model.get_outputs()}
    wanted = [name for name in bundle.OUTPUTS if evidence or name != "evidence"]
    if sorted(outputs) != sorted(wanted):
        raise WrongOutputs(f"the outputs must be {wanted}; they are {sorted(outputs)}")
    ranks = {"probabilities": 2, "known": 1, "logits": 2, "evidence": 4, "embedding": 2}
    for batch in (1, 3):
        values = run(model, np.zeros((batch, size, size, 3), np.uint8), wanted)
        for name, value in values.items():
            right = value.dtype == np.float32 and value.ndim == ranks[name] and value.shape[0] == batch
            if not right or (name in ("probabilities", "logits", "evidence") and value.shape[-1] != styles):
                raise WrongOutputs(f"output {name} is {value.dtype} {value.shape} for a batch of {batch}")


def check_values(outputs: Outputs, bias: npt.NDArray[np.float32]) -> None:
    """Raise `NotFinite` or `EvidenceWrong`; `bias` ``[styles]`` is `Head.evidence_bias`."""
    for name, value in outputs.items():
        if not np.isfinite(value).all():
            raise NotFinite(f"output {name} holds NaN or infinity")
    if not np.allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-4):
        raise NotFinite("probabilities do not sum to 1")
    if "evidence" in outputs:
        mean = outputs["evidence"].mean(axis=(1, 2)) + bias
        difference = float(np.abs(mean - outputs["logits"]).max())
        if not difference <= EVIDENCE_TOLERANCE:
            raise EvidenceWrong(f"the evidence map averages to the logits less the bias but for {difference:.2g}")


def compare(logits: npt.NDArray[Any], reference: npt.NDArray[Any]) -> dict[str, float]:
    """Parity with the Keras network's logits ``[n, styles]``."""
    difference = np.abs(logits - reference)
    return {
        "pictures": float(len(logits)),
        "logits_max_difference": float(difference.max()),
        "logits_mean_difference": float(difference.mean()),
        "top1_agreement": float((logits.argmax(axis=1) == reference.argmax(axis=1)).mean()),
    }


def check_parity(precision: str, parity: dict[str, float]) -> None:
    """Raise `ParityLost`."""
    if precision == "fp32":
        if not parity["logits_max_difference"] <= FP32_LOGIT_TOLERANCE or parity["top1_agreement"] < FP32_AGREEMENT:
            raise ParityLost(
                f"fp32 differs from Keras by {parity['logits_max_difference']:.2g} in a logit, and agrees on"
                f" {parity['top1_agreement']:.1%} of the answers: a converter fault, try another opset"
            )
    elif parity["top1_agreement"] < INT8_AGREEMENT:
        raise ParityLost(
            f"{precision} agrees with Keras on {parity['top1_agreement']:.1%} of the answers, less than"
            f" {INT8_AGREEMENT:.0%}: calibrate on more pictures (--calibration-pictures)"
        )


def check_accuracy(metrics: bundle.Metrics, reference: bundle.Metrics) -> None:
    """Raise `AccuracyLost` where a file's accuracy on the published test set is below the float file's by
    more than `INT8_ACCURACY_BUDGET`."""
    if metrics.published_test is None or reference.published_test is None:
        raise AccuracyLost("the run has no test pictures to check against; train it on the published set")
    ours, theirs = metrics.published_test.accuracy, reference.published_test.accuracy
    allowed = INT8_ACCURACY_BUDGET * ours.total + 1
    if theirs.correct - ours.correct > allowed:
        raise AccuracyLost(f"{ours.correct} of {ours.total} right against {theirs.correct} in float: over the budget")
