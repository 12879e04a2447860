"""What was published, as data: the 2021 student project "Art Classification with Deep Learning".

Recalls are kept as counts. The publication prints decimals (.8248), and with the sizes of its test set
each of them is a whole number of pictures (113 of 137), which is what intervals and tests need.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

TEST_PICTURES = {
    "Pop Art": 18,
    "Impressionism": 137,
    "Cubism": 44,
    "Expressionism": 19,
    "Abstract Expressionism": 2,
    "Byzantine Art": 10,
}
"""Pictures of each style in the published test set, in the order of the published table."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of the published table."""

    recipe: str
    """The recipe of ours that repeats it."""
    title: str
    correct: tuple[int, ...] | None
    """Pictures right by style, in the order of `TEST_PICTURES`; None where there is no such row."""
    accuracy: float
    """As stated, 0-1; what the row adds up to may differ."""
    source: str
    """Where the accuracy is stated."""


PUBLISHED = (
    PublishedRow("cnn", "CNN", (16, 113, 28, 12, 1, 4), 0.757, "table, 174/230"),
    PublishedRow("cnn_weighted", "CNN with class weights", (9, 88, 25, 11, 1, 5), 0.62, "text"),
    PublishedRow("resnet50", "ResNet50", (16, 75, 25, 8, 0, 0), 0.53, "text, approximate"),
    PublishedRow("resnet50_weighted", "ResNet50 with class weights", None, 0.12, "author's notes, approximate"),
    PublishedRow("resnet50_pretrained", "ResNet50 pre-trained", (17, 126, 38, 10, 0, 8), 0.865, "table, 199/230"),
    PublishedRow("resnet50_fine_tuned", "ResNet50 fine-tuned", (16, 127, 38, 13, 0, 9), 0.883, "table, 203/230"),
)

TITLES = {row.recipe: row.title for row in PUBLISHED} | {
    "resnet50_distilled": "ResNet50 distilled",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "kiosk": "Kiosk",
}
"""Display names of recipes, in the order of the report; other recipes follow under their own names."""

FUTURE_TITLES = {"vgg16": "VGG-16", "inception_v3": "InceptionV3", "efficientnet_v2_b0": "EfficientNetV2-B0"}
"""Display names of the networks that the published work names as future work: in the report if run."""

EARLIER = {
    "cnn": 0.714,
    "cnn_weighted": 0.602,
    "resnet50": 0.636,
    "resnet50_weighted": 0.662,
    "resnet50_pretrained": 0.935,
    "resnet50_fine_tuned": 0.931,
}
"""Accuracies of an earlier project on the same set and recipes, with five styles and 231 test pictures."""


def as_json() -> dict[str, Any]:
    """All of it for the results file, so that the document needs nothing else."""
    rows = []
    for row in PUBLISHED:
        counts = dict(zip(TEST_PICTURES, row.correct, strict=True)) if row.correct else None
        rows.append(asdict(row) | {"correct": counts})
    return {"test_pictures": TEST_PICTURES, "rows": rows, "earlier": EARLIER}
