"""``python -m export``: the command line of export."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_FILE = re.compile(r"model\.(fp32|fp16|dynamic|int8|int8-qat)(\.[a-z0-9-]+)?\.(onnx|tflite|keras)")

EXAMPLES = """\
examples:
  python -m export                                  the best ResNet50 run, by validation accuracy
  python -m export efficientnet_lite0 --target all
  python -m export kiosk --formats onnx --out models/default --name vernissage-default
  python -m export locator locator --bundle models/default   put the locator of a run into a bundle
  python -m export verify models/default            check a bundle again, anywhere
  python -m export sign models/default --key private.pem

A bundle holds the model files, bundle.json, MODEL_CARD.md and report.html. It is published only if every
file passes every gate: names and shapes, parity with Keras, accuracy after quantization, evidence map.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, export, and turn every expected failure into one line and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["verify"]:
        from export.verification import main as verify

        return verify(arguments[1:])
    if arguments[:1] == ["locator"]:
        from export.locator import main as add_locator

        return add_locator(arguments[1:])
    if arguments[:1] == ["sign"]:
        from export.signing import main as sign

        return sign(arguments[1:])
    return _export(arguments)


def _export(arguments: list[str]) -> int:
    options = _parse(arguments)

    from export.silence import native_silence

    with native_silence():
        import tensorflow as tf

        tf.config.list_physical_devices()

    import bundle
    from bundle.hardware import targets_here
    from bundle.runtimes import CannotLoad
    from export.gates import GateError
    from export.pipeline import Settings, export
    from export.search import Budget
    from export.targets import TARGETS
    from train.dataset import DatasetError
    from train.publishing import CannotPublish
    from train.run import RunError, find_run

    best = targets_here()[0]
    if options.target not in (best, "all") and "onnx" in options.formats:
        print(f"export: int8 ONNX is made for {options.target}; this machine's own would be --target {best}")
    # An end by `kill` removes what is half written, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _stop)
    try:
        run = find_run(options.run, options.runs) if options.run else _choose(options.runs)
        export(
            run,
            options.out or Path("models") / run.folder.name,
            Settings(
                name=options.name or run.folder.name,
                formats=tuple(options.formats),
                targets=tuple(TARGETS.values() if options.target == "all" else [TARGETS[options.target]]),
                calibration_pictures=options.calibration_pictures,
                budget=Budget(options.budget / 100, options.agreement / 100),
                without=tuple(options.without),
                qat_epochs=options.qat,
            ),
            [find_run(name, options.runs) for name in options.hold_outs],
        )
    except (
        GateError,
        CannotLoad,
        CannotPublish,
        RunError,
        DatasetError,
        bundle.BundleError,
        bundle.PictureError,
    ) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        folders = {(options.out or Path("models")).absolute(), Path(tempfile.gettempdir())}
        free = ", ".join(f"{_free_bytes(folder) / 1e6:.0f} MB free in {folder}" for folder in sorted(folders))
        print(f"export: {error}; nothing was published ({free})", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("export: stopped; nothing was published", file=sys.stderr)
        return 130
    return 0


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _stop(*_: object) -> NoReturn:
    # The one that the process began with: while a converter is kept quiet, `sys.stderr` is another.
    print("export: stopped; nothing was published", file=sys.__stderr__)
    sys.exit(143)


def _parse(arguments: list[str]) -> argparse.Namespace:
    from export.targets import DEFAULT, TARGETS

    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Turn a finished run into a bundle for the kiosk; writes models/NAME/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", nargs="?", help="name of a run in --runs, or its folder (default: the best ResNet50)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: models/RUN")
    parser.add_argument("--name", help="name of the model in the manifest (default: the run's)")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=("onnx", "tflite", "keras"),
        default=["onnx", "tflite"],
        help="default: onnx tflite; keras adds the float network as plain Keras loads it",
    )
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="FILE",
        help="files to leave out, such as model.int8.tflite; not the first fp32 one, against which others are judged",
    )
    parser.add_argument(
        "--target",
        choices=(*TARGETS, "all"),
        default=DEFAULT,
        help=f"machines that the int8 ONNX file is made for (default: {DEFAULT}); the reasons are in export/targets.py",
    )
    parser.add_argument(
        "--calibration-pictures",
        type=int,
        default=128,
        metavar="N",
        help="training pictures to find ranges by, a multiple of 16; a quarter of them is tried too (default: 128)",
    )
    parser.add_argument(
        "--budget",
        type=float,
        default=1.0,
        metavar="PERCENT",
        help="right answers that int8 may lose: on validation of the float network's, on the test of all (default: 1)",
    )
    parser.add_argument(
        "--agreement",
        type=float,
        default=99.0,
        metavar="PERCENT",
        help="least agreement of int8 with the float network on validation pictures (default: 99; the gates ask 98 on"
        " the test)",
    )
    parser.add_argument(
        "--qat",
        type=int,
        nargs="?",
        const=2,
        default=0,
        metavar="EPOCHS",
        help="also int8 files after so many epochs of quantization-aware training (2 where no number is given)",
    )
    parser.add_argument(
        "--hold-outs",
        nargs="*",
        default=[],
        metavar="RUN",
        help="runs of the recipe with groups of artists held out, exported to their folder bundle/",
    )
    options = parser.parse_args(arguments)
    if options.calibration_pictures < 16 or options.calibration_pictures % 16:
        parser.error("--calibration-pictures must be a multiple of 16")
    if unknown := [name for name in options.without if not _FILE.fullmatch(name)]:
        parser.error(f"--without names files, such as model.int8.tflite or model.fp16.onnx, not {' '.join(unknown)}")
    if f"model.fp32.{options.formats[0]}" in options.without:
        parser.error(f"model.fp32.{options.formats[0]} is what the others are judged against; it cannot be left out")
    if options.qat < 0:
        parser.error("--qat is a number of epochs")
    if not 0 <= options.budget <= 100 or not 0 <= options.agreement <= 100:
        parser.error("--budget and --agreement are percentages, 0 to 100")
    return options


def _choose(runs: Path) -> Any:
    from export.choice import best_resnet50
    from train.progress import console
    from train.run import Run

    best, compared = best_resnet50(
        [Run(path.parent) for path in sorted(runs.glob("*/run.json"))],
        lambda reason: console.print(f"left out: {reason}", markup=False),
    )
    console.print("no run named: the ResNet50 run with the highest accuracy on its validation pictures")
    for run, accuracy in compared:
        console.print(f"  {run.folder.name}: {accuracy}{'  <- exported' if run is best else ''}", markup=False)
    return best


if __name__ == "__main__":
    sys.exit(main())
