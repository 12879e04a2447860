"""A small folder of drawn "paintings" in the layout of the Kaggle set, for tests of training and export."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image

from tests.stand_in import STYLES, painting

COLOURS = ((200, 60, 60), (60, 200, 60), (60, 60, 200), (200, 200, 60), (200, 60, 200), (60, 200, 200))
OTHERS = ((30, 30, 30), (240, 240, 240), (128, 128, 128), (90, 60, 30))


def write_paintings(folder: Path, each: int = 12, delimiter: str = ",") -> Path:
    """Six artists of one style each, with `each` pictures of a colour; four of no style; one of two."""
    artists = [(f"Painter {style}", style, colour) for style, colour in zip(STYLES, COLOURS, strict=True)]
    artists += [(f"Stranger {number}", "Baroque", colour) for number, colour in enumerate(OTHERS)]
    artists += [("Two Styles", "Cubism,Baroque", (10, 90, 10))]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "artists.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", "name", "genre"])
        for number, (name, genre, colour) in enumerate(artists):
            writer.writerow([number, name, genre])
            pictures = folder / "images" / "images" / name.replace(" ", "_")
            pictures.mkdir(parents=True)
            for index in range(each):
                picture = painting(colour, 64, 64, seed=100 * number + index)
                Image.fromarray(picture).save(pictures / f"{name.replace(' ', '_')}_{index}.png")
    return folder
