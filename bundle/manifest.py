"""The manifest, ``bundle.json``: what a bundle says of itself."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bundle.metrics import Count, OpenSetMetrics, StyleMetrics
from bundle.reference import Reference

SCHEMA_VERSION = 1

Precision = Literal["fp32", "fp16", "int8", "int8-qat", "dynamic"]
Format = Literal["onnx", "tflite", "keras"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ManifestError(ValueError):
    """A manifest breaks the schema; the message names the first field that does, on one line."""


def _plain_name(path: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", path):
        raise ValueError("must be a plain file name inside the bundle's folder")
    return path


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)


class KnownRule(_Part):
    """When a picture counts as one of the styles: where the output `known` exceeds `threshold`."""

    method: str = Field(description="what the score is made from, in words")
    threshold: float = Field(ge=0, le=1)

    def accepts(self, known: float) -> bool:
        """True where the picture shows one of the styles; NaN is refused."""
        return known > self.threshold


class Quantization(_Part):
    """How an int8 file was made, and what else was tried."""

    activations: str
    weights: str
    per_channel: bool
    equalised: bool = Field(default=False, description="channels made even before, which changes no answer")
    bound: float | None = Field(
        default=None, description="what activations were held to, where a few pictures reach far beyond all others"
    )
    reduce_range: bool = Field(default=False, description="weights in seven bits")
    reason: str = Field(default="", description="why these types for this target")
    float_layers: tuple[str, ...] = Field(
        default=(), description="layers left in float, so that accuracy stays within the budget"
    )
    calibration_pictures: int = Field(ge=1)
    calibration_method: str
    tried: dict[str, str] = Field(default_factory=dict, description="each variant and what it gave")
    chosen: str = Field(default="", description="which of them the file is")
    asked: str = Field(default="", description="what a variant had to keep on validation")


class Metrics(_Part):
    """What one file was measured to do; a set that was not at hand is None."""

    published_test: StyleMetrics | None = None
    unseen_artists: StyleMetrics | None = None
    other_styles: OpenSetMetrics | None = None
    not_paintings: OpenSetMetrics | None = None


class ModelFile(_Part):
    """One model file of the bundle."""

    path: str = Field(description="name of the file in the bundle's folder")
    format: Format
    precision: Precision
    size_bytes: int = Field(gt=0)
    sha256: Sha256
    target: str | None = Field(default=None, description="the machines it was made for; None: any")
    threads: int | None = Field(default=None, description="intra-op threads to run it with; None: no advice")
    opset: int | None = None
    operators: dict[str, int] = Field(default_factory=dict, description="how often each operator occurs in the file")
    temperature: float = Field(gt=0, description="already in the graph: logits are divided by it")
    known: KnownRule
    parity: dict[str, float] = Field(default_factory=dict, description="against the Keras network on the test pictures")
    quantization: Quantization | None = None
    reference: Reference | None = Field(
        default=None, description="what it answers to the reference pictures on the CPU of the machine that exported it"
    )
    metrics: Metrics = Metrics()

    _plain_name = field_validator("path")(_plain_name)


class LocatorMetrics(_Part):
    """What a locator was measured to do on drawn scenes, with paintings in them that it was not trained on."""

    scenes: str = Field(description="what they were")
    found: Count = Field(description="canvases that the quad covers with an intersection over union of 0.85 or more")
    median_iou: float
    reported: Count = Field(description="scenes without a painting in which one was reported")
    side_error: float = Field(description="in close-ups, median distance of a side from where it is, as a share")


class LocatorFile(_Part):
    """The network that finds the paintings in a frame: an ONNX file of the bundle.

    Its ``input`` is uint8 RGB ``[batch, input_size, input_size, 3]``, a frame of any aspect squashed. Outputs:
    ``score`` ``[batch, cells, cells]``, in 0-1, whether a canvas has its centre in a cell; ``corners`` ``[batch,
    cells, cells, 8]``, where its corners then are: x and y as shares of the picture, clockwise from the top left. For a
    picture that a canvas fills but for `margin`, ``sides`` ``[batch, 4, rows]``: y of its top and bottom in so many
    columns and x of its right and left in so many rows (in the order top, right, bottom, left); and ``sureness`` of
    the same shape, in 0-1, which is small where there is no side.
    """

    path: str = Field(description="name of the file in the bundle's folder")
    format: Literal["onnx"] = "onnx"
    precision: Precision
    size_bytes: int = Field(gt=0)
    sha256: Sha256
    opset: int | None = None
    input_size: int = Field(ge=32, le=1024)
    margin: float = Field(gt=0, lt=0.5, description="of a second look: what is left around the canvas, as a share")
    threshold: float = Field(ge=0, le=1, description="of the score, from which on a canvas counts")
    operators: dict[str, int] = Field(default_factory=dict)
    recipe_settings: dict[str, Any] = Field(default_factory=dict)
    run: str
    weights_from: str | None = None
    dataset_fingerprint: Sha256
    quantization: Quantization | None = None
    metrics: LocatorMetrics | None = None

    _plain_name = field_validator("path")(_plain_name)


class Dataset(_Part):
    """What the network was trained on: numbers and hashes, never a picture."""

    fingerprint: Sha256 = Field(description="over the content hashes of all pictures, in order")
    pictures: dict[str, int] = Field(description="training and validation pictures by style")
    artists: tuple[str, ...] = Field(description="artists trained on, with or without labels; all others are unseen")
    labelled: dict[str, int] = Field(
        default_factory=dict, description="those of the training pictures by style whose labels were learnt"
    )
    labelled_artists: int = Field(default=0, ge=0, description="artists of the labelled pictures")
    test_sha256: tuple[Sha256, ...] = Field(
        description="content hashes of the published split's test pictures, never trained on"
    )
    photographs_seen_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="photographs of no painting whose content hash, as a share of its range, lies below"
        " this were seen in training or calibration (see `photograph_position`)",
    )


class Manifest(_Part):
    """A whole ``bundle.json``. Build one with `from_json`, or field by field at export."""

    schema_version: Literal[1] = 1
    name: str
    created: datetime.datetime
    varies: tuple[str, ...] = Field(
        default=("created",), description="fields in which two exports of one run differ; all else is the same"
    )
    styles: tuple[str, ...] = Field(min_length=2, description="display names in output order")
    input_size: int = Field(ge=32, le=1024, description="pixels; the input is a square")
    evidence: bool = Field(description="whether the network has a class-activation map")
    recipe: str
    recipe_settings: dict[str, Any] = Field(default_factory=dict)
    run: str
    weights_from: str | None = Field(default=None, description="where the weights that training began with came from")
    dataset: Dataset
    files: tuple[ModelFile, ...] = Field(min_length=1)
    locator: LocatorFile | None = Field(
        default=None, description="finds the painting in a frame; the same for all files"
    )
    versions: dict[str, str] = Field(default_factory=dict, description="of the packages that made the files")
    hold_outs: dict[str, Metrics] = Field(
        default_factory=dict,
        description="by precision, and for the linear probes: the same recipe, trained with whole groups of"
        " artists left out in turn and exported the same way, each picture judged by the run that never saw its artist",
    )

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len(set(self.styles)) != len(self.styles):
            raise ValueError("styles must differ")
        paths = [file.path for file in self.files] + ([self.locator.path] if self.locator else [])
        if len(set(paths)) != len(paths):
            raise ValueError("file paths must differ")
        return self

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a manifest; raises `ManifestError` with the first fault."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in fault["loc"])
            raise ManifestError(f"{where}: {fault['msg']}" if where else fault["msg"]) from error

    def to_json(self) -> str:
        """The text of ``bundle.json``, with a newline at its end."""
        return self.model_dump_json(indent=2) + "\n"


def photograph_position(sha256: str) -> float:
    """Where in 0-1 a photograph falls by its content hash; decides its part the same way in every run."""
    return int(sha256[:8], 16) / 16**8


def style_identifier(display_name: str) -> str:
    """``Abstract Expressionism`` becomes ``abstract_expressionism``."""
    return "_".join(re.findall(r"[a-z0-9]+", display_name.lower()))
