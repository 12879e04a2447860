"""``python -m export``: the command line of export."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

EXAMPLES = """\
examples:
  python -m export efficientnet_lite0
  python -m export efficientnet_lite0 --out models/default --name vernissage-default

A bundle holds model.fp32.onnx, model.int8.onnx, bundle.json and MODEL_CARD.md. It is published only
if every gate is passed: names and shapes, parity with Keras, accuracy after quantization.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, export, and turn every expected failure into one line and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Turn a finished run into a bundle for the kiosk; writes models/NAME/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="name of a run in --runs, or its folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: models/RUN")
    parser.add_argument("--name", help="name of the model in the manifest (default: the run's)")
    parser.add_argument("--calibration-pictures", type=int, default=256, metavar="N")
    parser.add_argument(
        "--hold-outs",
        nargs="*",
        default=[],
        metavar="RUN",
        help="runs of the recipe with groups of artists held out, exported to their folder bundle/",
    )
    options = parser.parse_args(arguments)
    if options.calibration_pictures < 8:
        parser.error("--calibration-pictures must be at least 8")

    import bundle
    from export.gates import GateError
    from export.pipeline import export
    from train.dataset import DatasetError
    from train.run import RunError, find_run

    try:
        run = find_run(options.run, options.runs)
        export(
            run,
            options.out or Path("models") / run.folder.name,
            options.name or run.folder.name,
            [find_run(name, options.runs) for name in options.hold_outs],
            options.calibration_pictures,
        )
    except (GateError, RunError, DatasetError, bundle.BundleError, bundle.PictureError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"export: cannot write: {error}; nothing was published", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
