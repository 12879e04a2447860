"""What a file must pass before it is published. Each failure has a class of its own and says the way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

import bundle
from bundle import runtimes
from bundle.manifest import Precision
from bundle.runtimes import Outputs
from export.search import Budget

# Float arithmetic in another order; measured parity is near 1e-5. Of the greatest logit, where that is over 1:
# rounding grows with the numbers.
FP32_LOGIT_TOLERANCE = 1e-4
# The least share of the test pictures with the Keras network's answer.
LEAST_AGREEMENT: dict[Precision, float] = {"fp16": 0.99, "dynamic": 0.98, "int8": 0.98, "int8-qat": 0.95}
# The map is averaged in float32 over at most some hundred places.
EVIDENCE_TOLERANCE = 1e-3


_CONVERTER = "a converter's fault: use the versions of requirements/all.lock, or leave it out (--without {path})"
_INTEGERS = (
    "ask for more on validation (--agreement 99.5), find ranges on other pictures (--calibration-pictures), or leave"
    " it out (--without {path})"
)


class GateError(ValueError):
    """An export failed a check; nothing was published and an earlier bundle is as it was."""

    way_out = ""
    """What its user can do."""


class WrongOutputs(GateError):
    """Names, types or shapes of inputs or outputs are not those of the contract."""

    way_out = _CONVERTER


class NotFinite(GateError):
    """An output holds NaN or infinity, or probabilities that do not sum to 1."""

    way_out = "see in the run's log.csv whether training diverged; in fp16 alone, leave it out (--without {path})"


class ParityLost(GateError):
    """A file's logits or answers differ too much from the Keras network's."""

    way_out = _CONVERTER


class AnswersLost(ParityLost):
    """A file of fewer bits gives the Keras network's answer too seldom."""

    way_out = _INTEGERS


class AccuracyLost(GateError):
    """A quantized file is worse than its float twin by more than the budget."""

    way_out = _INTEGERS


class NothingFits(AccuracyLost):
    """No variant in int8 is within the budget on validation."""

    way_out = (
        "allow more (--budget, --agreement), find ranges on other pictures (--calibration-pictures), or leave it out"
        " (--without {path})"
    )


class EvidenceWrong(GateError):
    """The evidence map does not average to the logits."""

    way_out = _CONVERTER


@contextmanager
def of_file(path: str) -> Iterator[None]:
    """Put the file's name before what a gate says inside, and the way out behind it."""
    try:
        yield
    except GateError as error:
        raise type(error)(f"{path}: {error}; {error.way_out.format(path=path)}") from error
    except runtimes.CannotLoad as error:
        raise runtimes.CannotLoad(f"{path}: {error}; {_CONVERTER.format(path=path)}") from error


def check_interface(model: runtimes.Runtime, format: runtimes.Format, size: int, styles: int, evidence: bool) -> None:
    """Raise `WrongOutputs` unless inputs and outputs are the contract's; but in TFLite with a free batch."""
    interface = model.interface
    batch = 1 if format == "tflite" else None
    if interface.inputs != {bundle.INPUT: ("uint8", [batch, size, size, 3])}:
        raise WrongOutputs(
            f"the input must be {bundle.INPUT!r}, uint8 [{batch or 'batch'}, {size}, {size}, 3]; it is"
            f" {interface.inputs}"
        )
    wanted = [name for name in bundle.OUTPUTS if evidence or name != "evidence"]
    if sorted(interface.outputs) != sorted(wanted):
        raise WrongOutputs(f"the outputs must be {wanted}; they are {sorted(interface.outputs)}")
    ranks = {"probabilities": 2, "known": 1, "logits": 2, "evidence": 4, "embedding": 2}
    for pictures in (1, 3):
        values = model.run(np.zeros((pictures, size, size, 3), np.uint8), wanted)
        for name, value in values.items():
            right = value.dtype == np.float32 and value.ndim == ranks[name] and value.shape[0] == pictures
            if not right or (name in ("probabilities", "logits", "evidence") and value.shape[-1] != styles):
                raise WrongOutputs(f"output {name} is {value.dtype} {value.shape} for {pictures} pictures")


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
        "logits_max": float(np.abs(reference).max()),
        "top1_agreement": float((logits.argmax(axis=1) == reference.argmax(axis=1)).mean()),
    }


def check_parity(precision: Precision, parity: dict[str, float]) -> None:
    """Raise `ParityLost` or `AnswersLost`."""
    difference, agreement = parity["logits_max_difference"], parity["top1_agreement"]
    if precision == "fp32":
        allowed = FP32_LOGIT_TOLERANCE * max(1.0, parity["logits_max"])
        if not difference <= allowed or agreement < 1:
            raise ParityLost(
                f"differs from Keras by {difference:.2g} in a logit, and agrees on {agreement:.1%} of the"
                f" answers (at most {allowed:.2g}, and all)"
            )
    elif not agreement >= LEAST_AGREEMENT[precision]:
        raise AnswersLost(
            f"agrees with Keras on {agreement:.1%} of the test pictures, less than {LEAST_AGREEMENT[precision]:.0%}"
        )


def check_accuracy(file: bundle.ModelFile, reference: bundle.ModelFile, budget: Budget) -> None:
    """Raise `AccuracyLost` where a file's accuracy on the published test set is below the float file's by
    more than the budget allows."""
    assert file.metrics.published_test is not None and reference.metrics.published_test is not None
    ours, theirs = file.metrics.published_test.accuracy, reference.metrics.published_test.accuracy
    # One picture is always allowed, so that small test sets are not judged by one painting.
    if theirs.correct - ours.correct > max(1.0, budget.accuracy * ours.total):
        raise AccuracyLost(
            f"has {ours.correct} of {ours.total} test pictures right, {reference.path} {theirs.correct}: over the"
            f" budget of {100 * budget.accuracy:g} points"
        )
