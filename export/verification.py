"""``python -m export verify``: check a bundle again, on any machine, without the data it was made from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import bundle
from bundle import runtimes
from bundle.signature import verify as verify_signature
from export import gates, inspection, reference
from export.loading import load
from export.locator import check_interface as check_locator

EXAMPLES = """\
checked: sizes and hashes, that each file loads in its runtime, its operators, names, types and shapes, finite
values, probabilities that sum to 1, an evidence map that averages to the logits, the same answers to the reference
pictures as where it was exported; with --key the signature

examples:
  python -m export verify models/default
  python -m export verify models/default --key public.pem
"""


def main(arguments: Sequence[str]) -> int:
    """Verify; a fault is one line and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m export verify",
        description="Check a bundle: everything that needs no data.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, metavar="FOLDER")
    parser.add_argument("--key", type=Path, metavar="FILE", help="public key (PEM): the bundle must be signed with it")
    options = parser.parse_args(arguments)
    try:
        if options.key:
            verify_signature(options.bundle, options.key)
            print(f"{options.bundle}: signed with the key of {options.key}")
        for line in verify(options.bundle):
            print(line)
        print(f"{options.bundle}: all right")
    except (bundle.BundleError, gates.GateError, runtimes.CannotLoad) as error:
        print(f"export verify: {error}", file=sys.stderr)
        return 2
    return 0


def verify(folder: Path) -> list[str]:
    """Check the bundle in `folder`; gives a line for each file. Raises `BundleError`, `GateError` or `CannotLoad`."""
    verified = bundle.load(folder)
    manifest = verified.manifest
    size = manifest.input_size
    lines = []
    for file in verified.files:
        content = verified.contents[file.path]
        model = load(content, file.format)
        gates.check_interface(model, file.format, size, len(manifest.styles), manifest.evidence)
        generator = np.random.default_rng(0)
        flat = np.repeat(np.array([0, 128, 255], np.uint8), size * size * 3).reshape(3, size, size, 3)
        pictures = np.concatenate([flat, generator.integers(0, 256, (3, size, size, 3), np.uint8)])
        outputs = runtimes.run_in_batches(model, pictures, model.interface.outputs)
        bias = np.zeros(len(manifest.styles), np.float32)
        if manifest.evidence:
            # The manifest has no bias; it is the same for every picture.
            bias = (outputs["logits"] - outputs["evidence"].mean(axis=(1, 2)))[0]
        gates.check_values(outputs, bias)
        if file.reference is not None:
            here = reference.answers(model, size)
            fault = file.reference.disagreement(np.array(here.probabilities), np.array(here.known))
            if fault is not None:
                raise gates.ParityLost(f"{file.path}: computed on this machine, {fault}")
        operators = inspection.operators(content, file.format)
        if file.operators and operators != file.operators:
            raise gates.WrongOutputs(f"{file.path}: its operators are not those of the manifest")
        inspection.check_in_fresh_process(content, file.format)
        lines.append(f"{file.path}: right ({file.format} {file.precision}, {sum(operators.values())} operators)")
    if entry := manifest.locator:
        check_locator(verified.contents[entry.path], entry.input_size)
        lines.append(f"{entry.path}: right (locator, {entry.precision})")
    return lines
