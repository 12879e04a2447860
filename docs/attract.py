"""Makes the pictures of the screen that waits for visitors: the kiosk's own drawn canvases, and what the network of a
bundle says of them.

    python docs/attract.py [--bundle models/default]

Only canvases that the kiosk names as what they were drawn for are taken. Writes a WebP each and `attract.json`: the
corners of the painting as the locator finds them, and the evidence.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import bundle  # noqa: E402
from kiosk import eye  # noqa: E402
from kiosk.answer import Answer  # noqa: E402
from kiosk.classifier import Classifier  # noqa: E402
from kiosk.demo.gallery import EXHIBITS, REST_S, WALK_S, DemoGallery  # noqa: E402
from kiosk.eye import Eye  # noqa: E402
from kiosk.station import load_locator  # noqa: E402

HERE = Path(__file__).resolve().parent
QUALITY = 82  # of WebP, 0-100: no blocks in the plaster, 60 to 160 kB a picture
SIDE = 288  # px of the upright painting before it is prepared for the network, as in the kiosk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bundle", type=Path, default=HERE.parent / "models" / "default")
    parser.add_argument("--into", type=Path, default=HERE.parent / "kiosk" / "static" / "attract")
    options = parser.parse_args()
    verified = bundle.load(options.bundle)
    classifier = Classifier(verified, "int8")
    looking = Eye(load_locator(verified), eye.Settings())
    gallery = DemoGallery()
    options.into.mkdir(parents=True, exist_ok=True)
    shown = []
    for place, exhibit in enumerate(EXHIBITS):
        frame = np.ascontiguousarray(gallery.frame(place * (REST_S + WALK_S))[..., ::-1])
        sight = looking.glance(frame)
        painting = eye.upright(frame, sight, SIDE)
        scores = classifier.classify(bundle.prepare(painting, classifier.input_size))
        answer = Answer.decided(
            scores.probabilities, scores.known, classifier.styles, classifier.file.known, scores.evidence
        )
        said = answer.style or answer.status.value
        if answer.evidence is None or answer.style is None or not exhibit.caption.endswith(f" {answer.style}"):
            print(f"left out, called {said}: {exhibit.caption}")
            continue
        identifier = bundle.style_identifier(answer.style)
        path = options.into / f"{identifier}.webp"
        Image.fromarray(frame).save(path, "WEBP", quality=QUALITY, method=6)
        print(f"{path.name}: {said}, {answer.confidence:.2f}, {path.stat().st_size / 1000:.0f} kB")
        shown.append(
            {
                "style": identifier,
                "picture": path.name,
                "size": list(frame.shape[1::-1]),
                "painting": [[round(x, 1) for x in corner] for corner in sight.corners.tolist()],
                "evidence": answer.evidence.to_json()["shares"],
            }
        )
    text = json.dumps(shown, separators=(",", ":")).replace('{"style"', '\n{"style"')
    (options.into / "attract.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
