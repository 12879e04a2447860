"""``python -m train``: the command line of training."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import sys
from pathlib import Path

# TensorFlow's C++ start-up messages say nothing that a user can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# First word of the command line -> module with `main(arguments)`.
COMMANDS = {
    "ablate": "train.ablation",
    "download": "train.download",
    "explore": "train.exploration.command",
    "locator": "train.locator.command",
    "report": "train.report.command",
}

EXAMPLES = """\
examples:
  python -m train --list                                    # the recipes
  python -m train --recipe cnn --data paintings
  python -m train --recipe resnet50_pretrained --data paintings --weights resnet50.weights.h5
  python -m train --recipe kiosk --data paintings paintings-diverse --photos photos
  python -m train --recipe kiosk --data paintings paintings-diverse \\
      --hold-out-artists 1/4          # leave out the first of four disjoint groups of artists
  python -m train --recipe efficientnet_lite0 --data paintings --folds 10
  python -m train --recipe efficientnet_lite0 --data paintings --styles all
  python -m train --recipe efficientnet_lite0 --data paintings \\
      --combine "Cubism+Abstract Expressionism=Modern"

other commands (each has its --help):
  python -m train download            # fetch and verify the data set
  python -m train explore             # look at the data
  python -m train ablate              # what each part of the recipe `kiosk` gives
  python -m train report              # all runs beside the published figures
  python -m train locator             # the network that finds the painting in the kiosk's frame

A folder of --data has artists.csv and images/images/First_Last/*.jpg, as the Kaggle set
"Best Artworks of All Time". The first is split by picture as the published work did, the
others by artist. The same command continues a run that was stopped. KERAS_BACKEND=jax or
=torch trains the same recipe on another backend, where it is installed.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, train, and turn every expected failure into one line and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        return int(importlib.import_module(COMMANDS[arguments[0]]).main(arguments[1:]))

    from train.recipes import RECIPES, STYLES

    parser = _parser(sorted(RECIPES), STYLES)
    options = parser.parse_args(arguments)
    if options.list:
        for recipe in RECIPES.values():
            print(f"{recipe.name:20} {recipe.summary}")
        return 0
    if not options.data:
        parser.error('--data is missing: name the folder of paintings (make train DATA="FOLDER ...")')
    if options.epochs is not None and options.epochs < 1:
        parser.error("--epochs must be at least 1")
    if options.bagging < 1:
        parser.error("--bagging must be at least 1")
    if options.folds is not None and options.folds < 2:
        parser.error("--folds must be at least 2")
    if options.fold and options.folds:
        parser.error("--fold trains one fold, --folds all of them: give one of the two")
    if options.patience is not None and options.patience < 1:
        parser.error("--patience must be at least 1")
    recipe = RECIPES[options.recipe]
    if options.epochs:
        if not recipe.epochs:
            parser.error(f"--epochs: {recipe.name} fits its head in one go, and has none")
        recipe = dataclasses.replace(recipe, epochs=options.epochs)
    if options.patience:
        recipe = dataclasses.replace(recipe, patience=options.patience)
    if options.best_epoch:
        recipe = dataclasses.replace(recipe, best_epoch=True)

    # Keras takes seconds to import; --help and mistakes should not wait for it.
    import bundle
    from train.dataset import DatasetError, Fold, HoldOut
    from train.distribution import share
    from train.pipeline import check, train
    from train.progress import console
    from train.reading import Sources
    from train.run import Run, RunError
    from train.torch_state import WeightsError

    try:
        if number := share().number:
            # Process 0 speaks, and writes the run; the others keep theirs out of the way.
            console.quiet, options.runs = True, options.runs / f".process-{number}"
        sources = Sources(
            folders=tuple(options.data),
            seed=options.seed,
            photographs=options.photos,
            unseen=tuple(options.unseen),
            hold_out=HoldOut.parse(options.hold_out_artists),
            fold=Fold.parse(options.fold) if options.fold else None,
            styles=tuple(style.strip() for style in options.styles.split(",") if style.strip()),
            combine=tuple(options.combine),
        )
        if options.check:
            check(sources)
            return 0
        name = options.name or "-".join([options.recipe, *_suffixes(options)])[:100]
        if options.folds:
            for number in range(1, options.folds + 1):
                fold = dataclasses.replace(sources, fold=Fold(number, options.folds))
                run = Run(options.runs / f"{name}-fold-{number}-of-{options.folds}")
                train(run, recipe, fold, options.weights, options.bagging)
            return 0
        train(Run(options.runs / name), recipe, sources, options.weights, options.bagging)
    except (bundle.CatalogueError, DatasetError, RunError, WeightsError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ntrain: stopped; the same command continues it", file=sys.stderr)
        return 130
    return 0


def _suffixes(options: argparse.Namespace) -> list[str]:
    """What tells a run's name from that of the plain recipe."""
    suffixes = [options.hold_out_artists.replace("/", "-of-").replace(" ", "_")]
    if options.fold:
        suffixes.append("fold-" + options.fold.replace("/", "-of-"))
    if options.bagging > 1:
        suffixes.append(f"bagging-{options.bagging}")
    return [suffix for suffix in suffixes if suffix]


def _parser(recipes: list[str], styles: tuple[str, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train a recipe on folders of paintings; writes runs/NAME/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="list the recipes and stop")
    parser.add_argument("--recipe", choices=recipes, default="kiosk", metavar="RECIPE", help="see --list")
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs that show no painting")
    parser.add_argument(
        "--unseen", type=Path, nargs="+", default=[], metavar="FOLDER", help="folders to judge by, never trained on"
    )
    parser.add_argument(
        "--hold-out-artists", metavar="K/N|NAMES", default="", help="group K of N, or names, separated by commas"
    )
    parser.add_argument(
        "--styles", default=",".join(styles), metavar="NAMES", help="separated by commas; all: every single style"
    )
    parser.add_argument(
        "--combine", action="append", default=[], metavar="A+B=NAME", help="merge styles into one; may be repeated"
    )
    parser.add_argument("--folds", type=int, metavar="K", help="cross-validation: one run for each of K folds")
    parser.add_argument("--fold", default="", metavar="I/K", help="one fold of them, for several machines")
    parser.add_argument("--bagging", type=int, default=1, metavar="N", help="average N networks trained on bootstraps")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="ImageNet weights, where Keras cannot fetch them")
    parser.add_argument("--name", help="name of the run (default: recipe and what is special)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's, for a quick try")
    parser.add_argument("--patience", type=int, metavar="N", help="stop after N epochs without a smaller loss")
    parser.add_argument("--best-epoch", action="store_true", help="keep the epoch with the least validation loss")
    parser.add_argument("--check", action="store_true", help="read the pictures, print the split, and stop")
    parser.add_argument("--seed", type=int, default=2021, help="of split and training (default: 2021)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
