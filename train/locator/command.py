"""``python -m train locator``: draw scenes, and train the network that finds the painting in them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EXAMPLES = """\
examples:
  python -m train locator --data paintings paintings-diverse --photos photos
  python -m train locator --data paintings --steps 200 --name locator-try      # a quick look
  python -m train locator --data paintings --from locator --name locator-longer

Scenes are drawn while it trains: walls, frames, light, people, cameras at all angles. The test pictures of the
published split hang in none of them. The same command continues a run that was stopped. Then:
  python -m export locator RUN --bundle models/default     # quantize it and put it into a bundle
"""


def main(arguments: list[str]) -> int:
    """Parse, train, and turn every expected failure into one line and exit code 2."""
    options = _parse(arguments)

    import bundle
    from train.dataset import DatasetError
    from train.locator.training import train
    from train.reading import Sources
    from train.recipes import LOCATOR
    from train.run import Run, RunError, find_run
    from train.torch_state import WeightsError

    sources = Sources(folders=tuple(options.data), seed=options.seed, photographs=options.photos)
    recipe = LOCATOR if options.steps is None else LOCATOR.shortened(options.steps)
    try:
        start = find_run(options.start, options.runs) if options.start else None
        if start is not None:
            recipe = recipe.continued(start.folder.name)
        train(Run(options.runs / options.name), sources, recipe, start)
    except (bundle.CatalogueError, bundle.PictureError, DatasetError, RunError, WeightsError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ntrain: stopped; the same command continues it", file=sys.stderr)
        return 130
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train locator",
        description="Train the network that finds the painting in the kiosk's frame; writes runs/NAME/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FOLDER", help="folders of paintings")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs that show no painting")
    parser.add_argument("--steps", type=_steps, metavar="N", help="instead of the recipe's, for a quick try")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="RUN",
        help="go on from the weights of another run, with new scenes and half the rate",
    )
    parser.add_argument("--name", default="locator", help="name of the run (default: locator)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    parser.add_argument(
        "--seed",
        type=int,
        default=2021,
        help="of the split, the scenes and training; another one hangs other runs' test pictures (default: 2021)",
    )
    return parser.parse_args(arguments)


def _steps(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of steps")
    return int(text)
