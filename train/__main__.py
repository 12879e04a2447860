"""``python -m train``: the command line of training."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

# TensorFlow's C++ start-up messages say nothing that a user can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

EXAMPLES = """\
examples:
  python -m train --recipe efficientnet_lite0 --data paintings paintings-diverse --photos photos
  python -m train --recipe cnn --data paintings
  python -m train --recipe efficientnet_lite0 --data paintings paintings-diverse \\
      --hold-out-artists 1/4          # leave out the first of four disjoint groups of artists
  python -m train --list

A folder of --data has artists.csv and images/images/First_Last/*.jpg, as the Kaggle set
"Best Artworks of All Time". The first is split by picture as the published work did, the
others by artist. The same command continues a run that was stopped.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, train, and turn every expected failure into one line and exit code 2."""
    from train.recipes import RECIPES

    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train a recipe on folders of paintings; writes runs/NAME/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="list the recipes and stop")
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="efficientnet_lite0")
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs that show no painting")
    parser.add_argument(
        "--hold-out-artists", metavar="K/N|NAMES", default="", help="group K of N, or names, separated by commas"
    )
    parser.add_argument("--name", help="name of the run (default: recipe and hold-out)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's, for a quick try")
    parser.add_argument("--check", action="store_true", help="read the pictures, print the split, and stop")
    parser.add_argument("--seed", type=int, default=2021, help="of split and training (default: 2021)")
    options = parser.parse_args(arguments)
    if options.list:
        for recipe in RECIPES.values():
            print(f"{recipe.name:20} {recipe.summary}")
        return 0
    if not options.data:
        parser.error('--data is missing: name the folder of paintings (make train DATA="FOLDER ...")')

    if options.epochs is not None and options.epochs < 1:
        parser.error("--epochs must be at least 1")
    recipe = RECIPES[options.recipe]
    if options.epochs:
        recipe = dataclasses.replace(recipe, epochs=options.epochs)

    # Keras takes seconds to import; --help and mistakes should not wait for it.
    import bundle
    from train.dataset import DatasetError, HoldOut
    from train.pipeline import check, train
    from train.run import Run, RunError
    from train.torch_state import WeightsError

    name = options.name or "-".join(
        part for part in (options.recipe, options.hold_out_artists.replace("/", "-of-").replace(" ", "_")) if part
    )
    try:
        if options.check:
            check(options.data, options.photos, HoldOut.parse(options.hold_out_artists), options.seed)
            return 0
        train(
            Run(options.runs / name[:80]),
            recipe,
            options.data,
            options.photos,
            HoldOut.parse(options.hold_out_artists),
            options.seed,
            options.runs / "views",
        )
    except (bundle.CatalogueError, DatasetError, RunError, WeightsError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ntrain: stopped; the same command continues it", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
