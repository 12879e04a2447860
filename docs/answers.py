"""What the shipped model answers to the demonstration's canvases, to hold two machines against each other.

    python docs/answers.py draw FOLDER              draw the canvases, as files: on one machine
    python docs/answers.py answer FOLDER > A.json   classify them: on each machine
    python docs/answers.py compare A.json B.json

Canvases that are drawn on two kinds of processor differ in some pixels, so both machines read the same files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# Run as a script, from anywhere: the packages lie beside the folder of this file.
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import bundle  # noqa: E402
from kiosk.classifier import Classifier  # noqa: E402
from kiosk.demo.gallery import EXHIBITS  # noqa: E402

PRECISIONS = ("fp32", "int8")


def draw(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, exhibit in enumerate(EXHIBITS):
        canvas_bgr = exhibit.draw(np.random.default_rng(exhibit.seed))
        Image.fromarray(np.ascontiguousarray(canvas_bgr[..., ::-1])).save(folder / f"{number}.jpg", quality=92)


def answer(folder: Path) -> dict[str, dict[str, list[float]]]:
    """By precision and picture: the probabilities of the styles, and last `known`."""
    verified = bundle.load(ROOT / "models" / "default")
    answers: dict[str, dict[str, list[float]]] = {}
    for precision in PRECISIONS:
        classifier = Classifier(verified, precision, 2)
        for path in sorted(folder.glob("*.jpg")):
            scores = classifier.classify(bundle.prepare(bundle.read(path), classifier.input_size))
            answers.setdefault(precision, {})[path.name] = [*scores.probabilities.tolist(), float(scores.known)]
    return answers


def compare(first: Path, second: Path) -> None:
    one, other = (json.loads(path.read_text()) for path in (first, second))
    for precision, pictures in one.items():
        ours, theirs = np.array(list(pictures.values())), np.array([other[precision][name] for name in pictures])
        same = (ours[:, :-1].argmax(axis=1) == theirs[:, :-1].argmax(axis=1)).sum()
        largest = np.abs(ours - theirs).max(axis=0)
        print(
            f"{precision}: the same style of {same} of {len(ours)}; largest difference of a probability"
            f" {largest[:-1].max():.1e}, of `known` {largest[-1]:.1e}"
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["draw", folder]:
            draw(Path(folder))
        case ["answer", folder]:
            print(json.dumps(answer(Path(folder)), indent=1))
        case ["compare", first, second]:
            compare(Path(first), Path(second))
        case _:
            sys.exit(__doc__)
