"""The bundle's own network, rounded by OpenVINO's compression framework as its first example does."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import bundle
from benchmarks.peers import Made, Source, evenly
from benchmarks.runtimes.openvino import read_model

NAME = "NNCF int8"
PACKAGES = ("nncf", "openvino")
REASON = "OpenVINO's own way to int8, with its default settings"

_OF_THE_HEAD = "vernissage/"
"""How the names of those operators begin that an export puts behind a network (`export.graph`)."""

PICTURES = 300
"""As many as `nncf.quantize` looks at by default."""


def make(source: Source, folder: Path) -> Made:
    """Write OpenVINO's files of the fp32 ONNX file in int8; takes uint8 and has the outputs of that file.

    Raises `ValueError` without paintings, `bundle.PictureError` for one that cannot be read.
    """
    paintings = evenly(source.paintings, PICTURES)
    if not paintings:
        raise ValueError("NNCF finds ranges on pictures: name a folder of paintings (DATA=FOLDER)")
    # NNCF sends its maker what it is used for, and writes an identifier to its user's folder, unless this is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    model = read_model(source.fp32)
    pictures = nncf.Dataset(paintings, lambda painting: bundle.prepare(bundle.read(painting[0]), source.size)[None])
    # The one setting that is not the default: a merged head has numbers of a thousand million, beside which int8 keeps
    # nothing of a logit, and every picture had the same answer. The bundle's own int8 files keep the head in float too.
    head = nncf.IgnoredScope(names=_head(model), validate=False)
    quantized = nncf.quantize(model, pictures, ignored_scope=head)
    openvino.save_model(quantized, folder / "model.nncf.xml")
    return Made(
        file="model.nncf.xml",
        format="openvino",
        precision="int8",
        size=source.size,
        outputs=tuple(output.any_name for output in quantized.outputs),
        network="",
        note=f"ranges found on {len(paintings)} paintings; the head in float, as in the bundle's own int8",
    )


def _head(model: Any) -> list[str]:
    """Names of the operators of the head: those that an export has put there, and all behind them."""
    found: dict[str, None] = {}
    for operator in model.get_ordered_ops():
        before = {value.get_source_output().get_node().get_friendly_name() for value in operator.inputs()}
        name = operator.get_friendly_name()
        if name.startswith(_OF_THE_HEAD) or before & found.keys():
            found[name] = None
    return list(found)
