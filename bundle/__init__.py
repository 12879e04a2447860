"""The model bundle: the one contract between training, export, kiosk and benchmarks.

A bundle is a folder, ``models/NAME/``, with a manifest (``bundle.json``), one or more model files
and a ``MODEL_CARD.md``. This package says what the manifest holds (`manifest`), checks a folder
against it (`folder`), turns a picture into a network's input (`picture`), reads the folders of
paintings on which models are trained and measured (`catalogue`), and defines the figures that a
manifest quotes (`metrics`). `runtimes` runs model files, for rooms that compare formats. It knows nothing
of TensorFlow, cameras or web pages.

Every exported model takes ``input``, uint8 RGB ``[batch, size, size, 3]``, and has the outputs named
in `OUTPUTS`, which are always bound by name.
"""

import os

# ONNX Runtime, from 1.29 on, writes an identifier of this machine to its user's folder and sends figures to its maker,
# unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from bundle.catalogue import (
    Artist,
    Catalogue,
    CatalogueError,
    Painting,
    Skipped,
    artist_key,
    perceptual_hash,
    read_artists,
    read_catalogue,
    read_photographs,
)
from bundle.folder import Bundle, BundleError, load
from bundle.manifest import (
    Dataset,
    KnownRule,
    LocatorFile,
    LocatorMetrics,
    Manifest,
    ManifestError,
    Metrics,
    ModelFile,
    Quantization,
    photograph_position,
    style_identifier,
)
from bundle.metrics import Count, OpenSetMetrics, StyleMetrics
from bundle.picture import (
    PictureError,
    TooManyPixels,
    UnreadablePicture,
    UnsupportedPicture,
    decode,
    prepare,
    read,
)

INPUT = "input"
OUTPUTS = ("probabilities", "known", "logits", "evidence", "embedding")

__all__ = [
    "INPUT",
    "OUTPUTS",
    "Artist",
    "Bundle",
    "BundleError",
    "Catalogue",
    "CatalogueError",
    "Count",
    "Dataset",
    "KnownRule",
    "LocatorFile",
    "LocatorMetrics",
    "Manifest",
    "ManifestError",
    "Metrics",
    "ModelFile",
    "OpenSetMetrics",
    "Painting",
    "PictureError",
    "Quantization",
    "Skipped",
    "StyleMetrics",
    "TooManyPixels",
    "UnreadablePicture",
    "UnsupportedPicture",
    "artist_key",
    "decode",
    "load",
    "perceptual_hash",
    "photograph_position",
    "prepare",
    "read",
    "read_artists",
    "read_catalogue",
    "read_photographs",
    "style_identifier",
]
